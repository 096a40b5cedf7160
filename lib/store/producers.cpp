#include "store/producers.h"

namespace sluice::store {
namespace {
constexpr std::size_t kSnapshotHeadBytes = 8;
constexpr std::size_t kEntryBytes = 32;
}  // namespace

void ProducerTable::update(const ProducerId& id, ProducerState state) {
    if (const auto found = by_id_.find(id); found != by_id_.end()) {
        found->second->state = state;
        order_.splice(order_.end(), order_, found->second);
        return;
    }
    if (order_.size() >= producers_max_) {
        by_id_.erase(order_.front().id);
        order_.pop_front();
    }
    order_.push_back({id, state});
    by_id_.emplace(id, std::prev(order_.end()));
}

const ProducerState* ProducerTable::find(const ProducerId& id) const noexcept {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second->state;
}

std::vector<std::pair<ProducerId, ProducerState>> ProducerTable::entries() const {
    std::vector<std::pair<ProducerId, ProducerState>> all;
    for (const Entry& entry : order_) {
        all.emplace_back(entry.id, entry.state);
    }
    return all;
}

void ProducerTable::clear() noexcept {
    by_id_.clear();
    order_.clear();
}

Bytes ProducerTable::encode() const {
    Bytes out;
    append_int<std::uint32_t>(out, static_cast<std::uint32_t>(order_.size()));
    append_int<std::uint32_t>(out, 0);
    for (const Entry& entry : order_) {
        append(out, entry.id);
        append_int(out, entry.state.number);
        append_int(out, entry.state.last_sequence);
    }
    return out;
}

Result<> ProducerTable::decode(ByteView snapshot) {
    if (snapshot.size() < kSnapshotHeadBytes) {
        return fail(Errc::corrupt, "a producer snapshot of {} bytes", snapshot.size());
    }
    const std::size_t count = load_int<std::uint32_t>(snapshot.data());
    if (snapshot.size() != kSnapshotHeadBytes + count * kEntryBytes) {
        return fail(Errc::corrupt, "a snapshot of {} producers has {} bytes", count, snapshot.size());
    }
    clear();
    for (std::size_t i = 0; i < count; ++i) {
        const std::byte* at = snapshot.data() + kSnapshotHeadBytes + i * kEntryBytes;
        ProducerId id;
        std::memcpy(id.data(), at, id.size());
        update(id, {load_int<std::uint64_t>(at + 16), load_int<std::uint64_t>(at + 24)});
    }
    return {};
}

}  // namespace sluice::store
