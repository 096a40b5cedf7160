#include "server/log_hub.h"

namespace sluice::server {

void LogHub::start(Start found) {
    store_id_ = found.store_id;
    epoch_ = found.epoch;
    end_sequence_ = durable_sequence_ = found.end_sequence;
    catalog_ = std::move(found.catalog);
    direct_ = found.direct;
}

std::uint64_t LogHub::oldest_sequence() const noexcept {
    return catalog_.empty() ? end_sequence_ : catalog_.front().header.first_sequence;
}

void LogHub::publish(StoredGroup group) {
    SLUICE_ASSERT(group.first_sequence == end_sequence_, "{} after {}", group.first_sequence, end_sequence_);
    end_sequence_ = group.end_sequence();
    recent_bytes_ += group.frame->capacity();
    recent_.push_back(std::move(group));
    while (recent_bytes_ > memory_bytes_max_ && recent_.size() > 1) {
        recent_bytes_ -= recent_.front().frame->capacity();
        recent_.pop_front();
    }
    notify();
}

void LogHub::set_durable(std::uint64_t durable_sequence) {
    if (durable_sequence > durable_sequence_) {
        durable_sequence_ = durable_sequence;
        notify();
    }
}

const StoredGroup* LogHub::find(std::uint64_t sequence) const noexcept {
    if (recent_.empty() || sequence < recent_.front().first_sequence || sequence >= end_sequence_) {
        return nullptr;
    }
    const auto after = std::ranges::upper_bound(recent_, sequence, {}, &StoredGroup::first_sequence);
    return &*std::prev(after);
}

void LogHub::notify() {
    changed_.set();
    changed_.reset();
}

}  // namespace sluice::server
