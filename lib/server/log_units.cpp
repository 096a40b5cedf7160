#include "server/log_units.h"

#include <algorithm>

namespace sluice::server {
namespace {

std::unique_ptr<query::Unit> take_front(std::deque<std::unique_ptr<query::Unit>>& units) {
    std::unique_ptr<query::Unit> unit = std::move(units.front());
    units.pop_front();
    return unit;
}

}  // namespace

LogUnits::LogUnits(io::Kernel& kernel, int directory, LogHub& hub, std::shared_ptr<const query::Plan> plan)
    : hub_(hub),
      plan_(std::move(plan)),
      follower_(kernel, directory, hub),
      end_(hub.end_sequence()),
      files_begin_(std::max(hub.sealed_end(), hub.oldest_sequence())),
      files_end_(end_) {
    take_parts();
    take_memory();
    records_total_ += end_ - std::min(end_, files_begin_);
    runs_begin_ = files_end_;
    follower_.seek(files_begin_);
}

void LogUnits::take_parts() {
    std::vector<std::shared_ptr<const part::Part>> parts;
    for (const store::PartPointer& stored : hub_.parts()->by_sequence()) {
        parts.push_back(stored->part);
        records_total_ += stored->part->summary().rows;
    }
    for (std::unique_ptr<query::Unit>& unit : query::make_units(plan_, std::move(parts), {})) {
        parts_.push_back(std::move(unit));
    }
}

// A gap between groups was damage when they came back from the segments: it was told then, and here it counts.
void LogUnits::take_memory() {
    std::vector<Groups> units;
    std::size_t bytes = kUnitBytes;  // The first group begins a unit.
    std::uint64_t expected = end_;
    const auto note_gap = [&](std::uint64_t next) {
        if (expected < next) {
            damaged_.emplace("", expected);
        }
    };
    for (const StoredGroup& group : hub_.recent()) {
        if (group.end_sequence() <= files_begin_ || group.first_sequence >= end_) {
            continue;
        }
        note_gap(group.first_sequence);
        expected = group.end_sequence();
        files_end_ = std::min(files_end_, std::max(group.first_sequence, files_begin_));
        if (bytes >= kUnitBytes) {
            units.emplace_back();
            bytes = 0;
        }
        bytes += group.payload.size();
        const std::uint64_t sealed = files_begin_ > group.first_sequence ? files_begin_ - group.first_sequence : 0;
        units.back().push_back({.owner = group.owner,
                                .payload = group.payload,
                                .epoch = group.epoch,
                                .first_sequence = group.first_sequence,
                                .count = group.count,
                                .skip = static_cast<std::uint32_t>(sealed)});
    }
    note_gap(end_);
    for (Groups& groups : units) {
        std::unique_ptr<query::Unit> unit = query::scan_groups(plan_, std::move(groups));
        if (plan_->newest_first()) {
            memory_.push_front(std::move(unit));
        } else {
            memory_.push_back(std::move(unit));
        }
    }
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

// The same of records that were sealed while the query ran: they come as entries of a tail, none of them beyond the
// end. Each becomes a batch again, and a group has no gaps.
void LogUnits::add_sealed(const GroupView& group, Groups& to) const {
    std::shared_ptr<Bytes> bytes;
    query::GroupRows rows;
    const auto finish = [&] {
        if (bytes) {
            rows.payload = *bytes;
            rows.owner = std::exchange(bytes, nullptr);
            to.push_back(std::move(rows));
        }
    };
    for_each_entry(group, follower_.position(), [&](const wire::TailEntry& entry) {
        if (!bytes || entry.sequence != rows.first_sequence + rows.count) {
            finish();
            bytes = std::make_shared<Bytes>();
            rows = query::GroupRows();
            rows.epoch = group.epoch;
            rows.first_sequence = entry.sequence;
        }
        const ByteView trusted = entry.trusted.bytes();
        const ByteView record = entry.record.bytes();
        const wire::BatchHeader header{
            .size = static_cast<std::uint32_t>(sizeof(wire::BatchHeader) + trusted.size() + record.size()),
            .count = 1,
            .receive_time_ns = entry.receive_time_ns,
            .trusted_size = static_cast<std::uint32_t>(trusted.size()),
            .trusted_count = static_cast<std::uint16_t>(entry.trusted.size()),
            .flags = entry.flags};
        append(*bytes, std::as_bytes(std::span(&header, 1)));
        append(*bytes, trusted);
        append(*bytes, record);
        ++rows.count;
        return true;
    });
    finish();
}

void LogUnits::note_lost() {
    for (const store::Damage& damage : follower_.lost()) {
        if (damage.first_sequence < end_) {
            damaged_.insert(damage.place());
        }
    }
}

// From the follower's position up to `end` or kUnitBytes.
Task<Result<LogUnits::Groups>> LogUnits::read_run(std::uint64_t end) {
    Groups groups;
    for (std::size_t bytes = 0; bytes < kUnitBytes;) {
        SLUICE_CO_TRY(const std::optional<GroupView> group, co_await follower_.next(end));
        note_lost();
        if (!group) {
            break;
        }
        bytes += group->payload.size();
        if (group->form == GroupView::Form::batches) {
            add_group(*group, end, groups);
        } else {
            add_sealed(*group, groups);
        }
        follower_.seek(group->end_sequence);
    }
    co_return groups;
}

// Where the runs of the segment before runs_begin_ begin and end.
Task<Result<>> LogUnits::find_runs() {
    std::uint64_t first = files_begin_;
    for (const store::SegmentInfo& segment : hub_.catalog()) {
        if (segment.header.first_sequence < runs_begin_) {
            first = std::max(first, segment.header.first_sequence);
        }
    }
    follower_.seek(first);
    while (follower_.position() < runs_begin_) {
        const std::uint64_t begin = follower_.position();
        SLUICE_CO_TRY(const Groups groups, co_await read_run(runs_begin_));
        if (groups.empty()) {
            break;
        }
        runs_.push_back({begin, follower_.position()});
    }
    runs_begin_ = first;
    co_return Result<>{};
}

Task<Result<std::unique_ptr<query::Unit>>> LogUnits::next_of_files() {
    std::uint64_t end = files_end_;
    if (plan_->newest_first()) {
        while (runs_.empty() && runs_begin_ > files_begin_) {
            SLUICE_CO_CHECK(co_await find_runs());
        }
        if (runs_.empty()) {
            co_return std::unique_ptr<query::Unit>();
        }
        follower_.seek(runs_.back().first);
        end = runs_.back().end;
        runs_.pop_back();
    }
    SLUICE_CO_TRY(Groups groups, co_await read_run(end));
    if (groups.empty()) {
        co_return std::unique_ptr<query::Unit>();
    }
    co_return query::scan_groups(plan_, std::move(groups));
}

Task<Result<std::unique_ptr<query::Unit>>> LogUnits::next() {
    Units& before = plan_->newest_first() ? memory_ : parts_;
    Units& behind = plan_->newest_first() ? parts_ : memory_;
    if (!before.empty()) {
        co_return take_front(before);
    }
    SLUICE_CO_TRY(std::unique_ptr<query::Unit> unit, co_await next_of_files());
    if (!unit && !behind.empty()) {
        co_return take_front(behind);
    }
    co_return unit;
}

}  // namespace sluice::server
