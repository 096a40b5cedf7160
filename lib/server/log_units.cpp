#include "server/log_units.h"

#include <algorithm>

namespace sluice::server {

LogUnits::LogUnits(io::Kernel& kernel, int directory, const LogHub& hub, std::shared_ptr<const query::Plan> plan)
    : hub_(hub),
      plan_(std::move(plan)),
      follower_(kernel, directory, hub),
      first_(hub.oldest_sequence()),
      end_(hub.end_sequence()) {
    take_from_memory();
    segments_end_ = files_end_;
    follower_.seek(first_);
}

void LogUnits::take_from_memory() {
    files_end_ = end_;
    std::size_t bytes = kUnitBytes;  // The first group begins a unit.
    for (const StoredGroup& group : hub_.recent()) {
        if (group.first_sequence >= end_) {
            break;
        }
        files_end_ = std::min(files_end_, group.first_sequence);
        if (bytes >= kUnitBytes) {
            memory_.emplace_back();
            bytes = 0;
        }
        bytes += group.bytes;
        memory_.back().push_back({.owner = group.frame,
                                  .payload = group.payload(),
                                  .epoch = group.epoch,
                                  .first_sequence = group.first_sequence,
                                  .count = group.count});
    }
    first_ = std::min(first_, files_end_);
}

// The records of a group from the follower's position on, up to `end`.
void LogUnits::add_group(const GroupView& group, std::uint64_t end, Groups& to) const {
    auto copy = std::make_shared<Bytes>(group.payload.begin(), group.payload.end());
    const std::uint64_t skip = std::max(follower_.position(), group.first_sequence) - group.first_sequence;
    const std::uint64_t limit = std::min<std::uint64_t>(group.count, end - group.first_sequence);
    const ByteView payload = *copy;
    to.push_back({.owner = std::move(copy),
                  .payload = payload,
                  .epoch = group.epoch,
                  .first_sequence = group.first_sequence,
                  .count = group.count,
                  .limit = static_cast<std::uint32_t>(limit),
                  .skip = static_cast<std::uint32_t>(skip)});
}

std::unique_ptr<query::Unit> LogUnits::unit_of(Groups groups) const {
    return groups.empty() ? nullptr : query::scan_groups(plan_, std::move(groups));
}

// From the follower's position up to `end` or kUnitBytes.  What retention removes meanwhile is left out.
Task<Result<LogUnits::Groups>> LogUnits::read_run(std::uint64_t end) {
    Groups groups;
    for (std::size_t bytes = 0; bytes < kUnitBytes;) {
        const Result<std::optional<GroupView>> group = co_await follower_.next(end);
        if (!group && group.error().code() == Errc::cursor_lost && follower_.position() < hub_.oldest_sequence()) {
            follower_.seek(hub_.oldest_sequence());
            continue;
        }
        if (!group) {
            co_return std::unexpected(group.error());
        }
        if (!*group) {
            break;
        }
        bytes += (*group)->payload.size();
        add_group(**group, end, groups);
        follower_.seek((*group)->first_sequence + (*group)->count);
    }
    co_return groups;
}

// Where the runs of the segment before segments_end_ begin and end.
Task<Result<>> LogUnits::find_runs() {
    const store::Catalog& catalog = hub_.catalog();
    std::uint64_t first = first_;
    for (const store::SegmentInfo& segment : catalog) {
        if (segment.header.first_sequence < segments_end_) {
            first = std::max(first, segment.header.first_sequence);
        }
    }
    follower_.seek(first);
    while (follower_.position() < segments_end_) {
        const std::uint64_t begin = follower_.position();
        SLUICE_CO_TRY(const Groups groups, co_await read_run(segments_end_));
        if (groups.empty()) {
            break;
        }
        runs_.push_back({begin, follower_.position()});
    }
    segments_end_ = first;
    co_return Result<>{};
}

Task<Result<std::unique_ptr<query::Unit>>> LogUnits::next() {
    const bool newest_first = plan_->newest_first();
    if (newest_first && !memory_.empty()) {
        Groups groups = std::move(memory_.back());
        memory_.pop_back();
        co_return unit_of(std::move(groups));
    }
    while (newest_first && runs_.empty() && segments_end_ > first_) {
        SLUICE_CO_CHECK(co_await find_runs());
    }
    std::uint64_t end = files_end_;
    if (newest_first) {
        if (runs_.empty()) {
            co_return std::unique_ptr<query::Unit>();
        }
        follower_.seek(runs_.back().first);
        end = runs_.back().end;
        runs_.pop_back();
    }
    SLUICE_CO_TRY(Groups groups, co_await read_run(end));
    if (groups.empty() && !memory_.empty()) {
        groups = std::move(memory_.front());
        memory_.erase(memory_.begin());
    }
    co_return unit_of(std::move(groups));
}

}  // namespace sluice::server
