#include "server/log_hub.h"

namespace sluice::server {
namespace {

constexpr std::size_t kSlabBytes = 64 * 1024;
constexpr std::size_t kSmallBytes = 2048;    // A group up to this size is copied into a slab.
constexpr std::size_t kDamagesMax = 10'000;  // Places that are remembered; beyond it none is told any more.

// What a group takes, about.
std::size_t cost(const StoredGroup& group) noexcept {
    return std::max(group.payload.size(), group.owner_bytes) + sizeof(StoredGroup);
}

}  // namespace

LogHub::LogHub(std::size_t memory_bytes_max, std::size_t open_bytes_max)
    : memory_bytes_max_(memory_bytes_max),
      open_bytes_max_(std::max(memory_bytes_max, open_bytes_max)),
      parts_(std::make_shared<store::PartSet>()) {}

void LogHub::start(Start found) {
    store_id_ = found.store_id;
    epoch_ = found.epoch;
    end_sequence_ = durable_sequence_ = found.end_sequence;
    catalog_ = std::move(found.catalog);
    direct_ = found.direct;
    if (found.parts) {
        parts_ = std::move(found.parts);
    }
    epochs_ = std::move(found.epochs);
    for (const store::SegmentInfo& info : catalog_) {
        if (epochs_.empty() || info.header.epoch > epochs_.back().epoch) {
            epochs_.push_back({info.header.epoch, info.header.first_sequence});
        }
    }
}

std::uint32_t LogHub::epoch_of(std::uint64_t sequence) const noexcept {
    std::uint32_t epoch = epochs_.empty() ? epoch_ : epochs_.front().epoch;
    for (const store::EpochStart& start : epochs_) {
        if (start.first_sequence <= sequence) {
            epoch = start.epoch;
        }
    }
    return epoch;
}

std::uint64_t LogHub::oldest_sequence() const noexcept {
    if (!parts_->empty()) {
        return parts_->oldest_sequence();
    }
    return catalog_.empty() ? end_sequence_ : std::max(sealed_end(), catalog_.front().header.first_sequence);
}

std::uint64_t LogHub::log_bytes() const noexcept {
    std::uint64_t bytes = 0;
    for (const store::SegmentInfo& info : catalog_) {
        bytes += info.file_bytes;
    }
    return bytes;
}

void LogHub::keep(StoredGroup group) {
    open_bytes_ += group.payload.size();
    if (group.payload.size() <= kSmallBytes) {
        if (!slab_ || slab_->used + group.payload.size() > kSlabBytes) {
            slab_ = std::make_shared<Slab>();
            slab_->bytes = std::make_unique_for_overwrite<std::byte[]>(kSlabBytes);
        }
        std::byte* const at = slab_->bytes.get() + slab_->used;
        std::memcpy(at, group.payload.data(), group.payload.size());
        slab_->used += group.payload.size();
        group.payload = ByteView(at, group.payload.size());
        group.owner = slab_;
        group.owner_bytes = 0;
    } else if (group.owner_bytes > group.payload.size() + group.payload.size() / 4) {
        // A buffer that was not filled: it goes back to where groups are made.
        auto copy = std::make_shared<const Bytes>(group.payload.begin(), group.payload.end());
        group.payload = *copy;
        group.owner = std::move(copy);
        group.owner_bytes = 0;
    }
    recent_bytes_ += cost(group);
    recent_.push_back(std::move(group));
    trim();
}

void LogHub::trim() {
    while (recent_.size() > 1) {
        const bool sealed = recent_.front().end_sequence() <= sealed_end();
        if (recent_bytes_ <= (sealed ? memory_bytes_max_ : open_bytes_max_)) {
            break;
        }
        recent_bytes_ -= cost(recent_.front());
        recent_.pop_front();
    }
}

void LogHub::restore(StoredGroup group) {
    SLUICE_ASSERT(recent_.empty() || group.first_sequence >= recent_.back().end_sequence());
    keep(std::move(group));
}

void LogHub::publish(StoredGroup group) {
    SLUICE_ASSERT(group.first_sequence == end_sequence_, "{} after {}", group.first_sequence, end_sequence_);
    end_sequence_ = group.end_sequence();
    keep(std::move(group));
    notify();
}

void LogHub::set_durable(std::uint64_t durable_sequence) {
    if (durable_sequence > durable_sequence_) {
        durable_sequence_ = durable_sequence;
        notify();
    }
}

void LogHub::set_parts(std::shared_ptr<const store::PartSet> parts, std::uint64_t sealed_bytes) {
    parts_ = std::move(parts);
    open_bytes_ -= std::min(open_bytes_, sealed_bytes);
    if (sealed_end() == end_sequence_) {
        open_bytes_ = 0;
    }
    // An epoch that ended below the oldest record is needed no more, but for its successor's beginning.
    while (epochs_.size() > 1 && epochs_[1].first_sequence < oldest_sequence()) {
        epochs_.erase(epochs_.begin());
    }
    trim();
}

bool LogHub::is_news(const store::Damage& damage) {
    const Span lost{damage.first_sequence, damage.end_sequence};
    const auto known = damaged_.find(damage.place());
    if (known == damaged_.end()) {
        if (damaged_.size() == kDamagesMax) {
            return false;
        }
        damaged_.emplace(damage.place(), lost);
        return true;
    }
    Span& told = known->second;
    if (told.first <= lost.first && lost.end <= told.end) {
        return false;
    }
    told = {std::min(told.first, lost.first), std::max(told.end, lost.end)};
    return true;
}

void LogHub::report(const store::Damage& damage) {
    if (told_ && is_news(damage)) {
        told_(damage);
    }
}

LogHub::Snapshot LogHub::snapshot() const {
    Snapshot found{.parts = parts_, .open_from = end_sequence_, .end_sequence = end_sequence_};
    const auto first = std::ranges::lower_bound(recent_, sealed_end(), {}, &StoredGroup::first_sequence);
    found.open.assign(first, recent_.end());
    if (!found.open.empty()) {
        found.open_from = found.open.front().first_sequence;
    }
    return found;
}

const StoredGroup* LogHub::find(std::uint64_t sequence) const noexcept {
    if (recent_.empty() || sequence < recent_.front().first_sequence || sequence >= end_sequence_) {
        return nullptr;
    }
    const auto after = std::ranges::upper_bound(recent_, sequence, {}, &StoredGroup::first_sequence);
    const StoredGroup& group = *std::prev(after);
    return sequence < group.end_sequence() ? &group : nullptr;
}

LogHub::Span LogHub::only_in_files(std::uint64_t sequence) const noexcept {
    const auto after = std::ranges::upper_bound(recent_, sequence, {}, &StoredGroup::first_sequence);
    const std::uint64_t before = after == recent_.begin() ? 0 : std::prev(after)->end_sequence();
    return {std::max(before, sealed_end()), after == recent_.end() ? end_sequence_ : after->first_sequence};
}

void LogHub::notify() {
    changed_.set();
    changed_.reset();
}

}  // namespace sluice::server
