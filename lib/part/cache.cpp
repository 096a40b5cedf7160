#include "part/cache.h"

namespace sluice::part {
namespace {

constexpr std::size_t kEntryBytes = 160;  // List node, map node and control block, about.

}  // namespace

std::size_t Cache::KeyHash::operator()(const Key& key) const noexcept {
    std::uint64_t hash = key.part * 0x9E3779B97F4A7C15U;
    hash ^= (std::uint64_t{key.index} << 32U | key.page) + static_cast<std::uint64_t>(key.kind) * 0xC2B2AE3D27D4EB4FU;
    hash *= 0xBF58476D1CE4E5B9U;
    return hash ^ hash >> 31U;
}

std::uint64_t Cache::next_part() noexcept {
    const std::lock_guard lock(mutex_);
    return ++parts_;
}

std::shared_ptr<const void> Cache::find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) {
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
}

void Cache::put(const Key& key, std::shared_ptr<const void> value, std::size_t bytes) {
    bytes += kEntryBytes;
    if (bytes > bytes_max_) {
        return;
    }
    const std::lock_guard lock(mutex_);
    if (const auto found = index_.find(key); found != index_.end()) {
        remove(found->second);
    }
    while (bytes_ + bytes > bytes_max_) {
        remove(std::prev(entries_.end()));
    }
    entries_.push_front({key, std::move(value), bytes});
    index_.emplace(key, entries_.begin());
    bytes_ += bytes;
}

void Cache::drop_part(std::uint64_t part) {
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto next = std::next(entry);
        if (entry->key.part == part) {
            remove(entry);
        }
        entry = next;
    }
}

void Cache::remove(Entries::iterator entry) {
    bytes_ -= entry->bytes;
    index_.erase(entry->key);
    entries_.erase(entry);
}

std::size_t Cache::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace sluice::part
