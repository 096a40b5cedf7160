#include "ingest/fair_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::ingest {
namespace {

// Buffers that are kept for reuse: those in flight, and the one being filled.
constexpr std::size_t kSpareBuffers = 3;

}  // namespace

FairQueue::FairQueue(Limits limits)
    : limits_(limits), buffers_(kGroupHeadBytes + limits.group_bytes_max + limits.batch_bytes_max, kSpareBuffers) {}

// ---- in ----

std::size_t FairQueue::shared_bytes_of(std::uint32_t uid) const noexcept {
    const auto found = shared_bytes_.find(uid);
    return found == shared_bytes_.end() ? 0 : found->second;
}

// Whether a batch of a user who has no lane goes into a shared group.
bool FairQueue::shares(std::uint32_t uid, std::size_t bytes) const noexcept {
    const bool one_waits = shared_.empty() || (shared_.size() == 1 && is_open(*shared_.front()));
    return one_waits || shared_bytes_of(uid) + bytes <= kLittleBytes || lanes_.size() >= kLanesMax;
}

Group& FairQueue::begin(std::uint32_t uid, std::size_t bytes_max) {
    const auto lane = lanes_.find(uid);
    begun_shared_ = lane == lanes_.end() && shares(uid, bytes_max);
    begun_fresh_ = false;
    const Groups* const groups = begun_shared_ ? &shared_ : lane != lanes_.end() ? &lane->second : nullptr;
    if (groups != nullptr && !groups->empty()) {
        Group& last = *groups->back();
        if (is_open(last) && last.bytes + bytes_max <= last.buffer->capacity()) {
            return last;
        }
    }
    begun_fresh_ = true;
    if (!fresh_) {
        fresh_ = std::make_unique<Group>();
        fresh_->buffer = buffers_.take();
    }
    return *fresh_;
}

FairQueue::Groups& FairQueue::lane_of(std::uint32_t uid) {
    const auto [lane, is_new] = lanes_.try_emplace(uid);
    if (is_new) {
        turns_.push_back(uid);
    }
    return lane->second;
}

void FairQueue::add(Entry entry) {
    Groups& groups = begun_shared_ ? shared_ : lane_of(entry.uid);
    if (begun_fresh_) {
        groups.push_back(std::move(fresh_));
    }
    if (begun_shared_) {
        shared_bytes_[entry.uid] += entry.bytes;
    }
    Group& group = *groups.back();
    entry.first_record = group.count;
    group.bytes += entry.bytes;
    group.count += entry.count;
    group.durable = group.durable || entry.level == wire::AckLevel::durable;
    group.entries.push_back(std::move(entry));
    set_apart();
}

// Who has filled a group alone has a lane from then on.
void FairQueue::set_apart() {
    if (shared_.size() == 1 && !is_open(*shared_.front()) && shared_bytes_.size() == 1 && lanes_.size() < kLanesMax) {
        lane_of(shared_bytes_.begin()->first).push_back(std::move(shared_.front()));
        shared_.clear();
        shared_bytes_.clear();
    }
}

// ---- out ----

std::unique_ptr<Group> FairQueue::next(Turn turn) {
    // A lane waits for what its user has in shared groups, which is older.
    const auto lane = std::ranges::find_if(turns_, [this](std::uint32_t uid) { return !shared_bytes_.contains(uid); });
    const bool of_lane = turn == Turn::any && lane != turns_.end() && (shared_.empty() || lanes_turn_);
    if (!of_lane && shared_.empty()) {
        return nullptr;
    }
    lanes_turn_ = !of_lane;
    return of_lane ? next_of(lane) : next_shared();
}

std::unique_ptr<Group> FairQueue::next_shared() {
    std::unique_ptr<Group> group = std::move(shared_.front());
    shared_.pop_front();
    for (const Entry& entry : group->entries) {
        const auto held = shared_bytes_.find(entry.uid);
        held->second -= entry.bytes;
        if (held->second == 0) {
            shared_bytes_.erase(held);
        }
    }
    return group;
}

std::unique_ptr<Group> FairQueue::next_of(std::deque<std::uint32_t>::iterator turn) {
    const std::uint32_t uid = *turn;
    turns_.erase(turn);
    Groups& groups = lanes_.at(uid);
    std::unique_ptr<Group> group = std::move(groups.front());
    groups.pop_front();
    if (shared_.empty() && groups.size() == 1 && is_open(*groups.front())) {
        // What is left is no more than anybody may have: it is shared from now on.
        for (const Entry& entry : groups.front()->entries) {
            shared_bytes_[uid] += entry.bytes;
        }
        shared_ = std::move(groups);
        groups.clear();
    }
    if (groups.empty()) {
        lanes_.erase(uid);
    } else {
        turns_.push_back(uid);
    }
    return group;
}

std::deque<std::unique_ptr<Group>> FairQueue::take_all() {
    Groups all = std::exchange(shared_, {});
    for (auto& [uid, lane] : std::exchange(lanes_, {})) {
        std::ranges::move(lane, std::back_inserter(all));
    }
    shared_bytes_.clear();
    turns_.clear();
    return all;
}

}  // namespace sluice::ingest
