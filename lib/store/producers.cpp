#include "store/producers.h"

#include <cstring>

namespace sluice::store {
namespace {

constexpr std::size_t kHeadBytes = 8;
constexpr std::size_t kEntryBytes = 40;
constexpr std::size_t kEntryBytesWithoutUser = 32;  // Of version 0.1.

}  // namespace

Bytes ProducerTable::encode() const {
    Bytes out;
    append_int<std::uint32_t>(out, static_cast<std::uint32_t>(table_.size()));
    append_int<std::uint32_t>(out, kEntryBytes);
    for (const Entry* entry : table_.in_order()) {
        append(out, entry->id);
        append_int(out, entry->state.number);
        append_int(out, entry->state.last_sequence);
        append_int(out, entry->uid);
        append_int<std::uint32_t>(out, 0);
    }
    return out;
}

Result<> ProducerTable::decode(ByteView snapshot) {
    if (snapshot.size() < kHeadBytes) {
        return fail(Errc::corrupt, "a producer snapshot of {} bytes", snapshot.size());
    }
    const std::size_t count = load_int<std::uint32_t>(snapshot.data());
    const std::size_t said = load_int<std::uint32_t>(snapshot.data() + 4);
    const std::size_t bytes = said == 0 ? kEntryBytesWithoutUser : said;
    if (bytes != kEntryBytesWithoutUser && bytes != kEntryBytes) {
        return fail(Errc::corrupt, "a producer snapshot with entries of {} bytes", bytes);
    }
    if (snapshot.size() != kHeadBytes + count * bytes) {
        return fail(Errc::corrupt, "a snapshot of {} producers has {} bytes", count, snapshot.size());
    }
    clear();
    for (std::size_t i = 0; i < count; ++i) {
        const std::byte* at = snapshot.data() + kHeadBytes + i * bytes;
        ProducerId id;
        std::memcpy(id.data(), at, id.size());
        const std::uint32_t uid = bytes == kEntryBytes ? load_int<std::uint32_t>(at + 32) : wire::kNoUid;
        update(id, uid, {load_int<std::uint64_t>(at + 16), load_int<std::uint64_t>(at + 24)});
    }
    return {};
}

}  // namespace sluice::store
