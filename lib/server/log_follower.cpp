#include "server/log_follower.h"

namespace sluice::server {
namespace {

GroupView view_of(const StoredGroup& group) {
    return {group.payload(), group.epoch, group.first_sequence, group.count};
}

// Of a Hole or End.
std::uint64_t offset_of(const store::FrameReader::Item& item) {
    const auto* hole = std::get_if<store::FrameReader::Hole>(&item);
    return hole != nullptr ? hole->offset : std::get<store::FrameReader::End>(item).offset;
}

// By retention, of which the catalog has not heard yet.
std::unexpected<Error> retired(const std::string& name) {
    return fail(Errc::cursor_lost, "segment '{}' was retired while it was read", name);
}

}  // namespace

Task<Result<std::optional<GroupView>>> LogFollower::next(std::uint64_t limit) {
    if (position_ >= limit) {
        co_return std::nullopt;
    }
    if (const StoredGroup* group = hub_.find(position_)) {
        reader_.reset();
        segment_.reset();
        held_ = group->frame;
        co_return view_of(*group);
    }
    co_return co_await next_from_file(limit);
}

std::size_t LogFollower::segment_of(std::uint64_t sequence) const noexcept {
    const store::Catalog& catalog = hub_.catalog();
    std::size_t index = 0;
    while (index + 1 < catalog.size() && catalog[index + 1].header.first_sequence <= sequence) {
        ++index;
    }
    return index;
}

Task<Result<>> LogFollower::open_at(std::size_t index) {
    const store::SegmentInfo info = hub_.catalog()[index];
    const std::string name = store::segment_name(info.header.segment_id);
    reader_.reset();
    Result<store::OpenedSegment> opened = co_await store::open_segment(kernel_, directory_, name, hub_.direct());
    if (!opened && opened.error().code() == Errc::not_found) {
        co_return retired(name);
    }
    SLUICE_CO_TRY(segment_, std::move(opened));
    if (segment_->info.header.segment_id != info.header.segment_id) {
        co_return retired(name);
    }
    reader_.emplace(kernel_, segment_->file, segment_->info.header, segment_->info.file_bytes, /*search=*/true);
    read_up_to_ = info.header.first_sequence;
    co_return Result<>{};
}

// A segment loses its name before its file is used again: where frames are missing and the name is there, it is damage.
Task<Result<>> LogFollower::check_still_there(std::uint64_t segment_id) {
    const std::string name = store::segment_name(segment_id);
    const Result<io::FileStat> stat = co_await kernel_.stat_at(directory_, name);
    if (!stat && stat.error().code() == Errc::not_found) {
        co_return retired(name);
    }
    co_return Result<>{};
}

Task<Result<std::optional<GroupView>>> LogFollower::next_from_file(std::uint64_t limit) {
    bool refreshed = false;
    for (;;) {  // Bounded: each turn reads a frame, goes to a later segment, looks again once, or ends.
        if (position_ < hub_.oldest_sequence()) {
            co_return fail(Errc::cursor_lost, "record {} was removed; the oldest one is {}", position_,
                           hub_.oldest_sequence());
        }
        const std::size_t index = segment_of(position_);
        const std::uint64_t segment_id = hub_.catalog()[index].header.segment_id;
        const bool here = reader_ && segment_->info.header.segment_id == segment_id && read_up_to_ <= position_;
        if (!here) {
            SLUICE_CO_CHECK(co_await open_at(index));
        }
        SLUICE_CO_TRY(const store::FrameReader::Item item, co_await reader_->next());
        const auto* frame = std::get_if<store::FrameView>(&item);
        if (frame == nullptr && !refreshed) {
            // What was read ahead may be older than the frame that is there now.
            refreshed = true;
            reader_->seek(offset_of(item));
            reader_->refresh();
            continue;
        }
        refreshed = false;
        if (frame == nullptr) {
            SLUICE_CO_CHECK(co_await check_still_there(segment_id));
        }
        if (std::holds_alternative<store::FrameReader::Hole>(item)) {
            continue;
        }
        // What this segment may not deliver: the next one has it, or will have.
        const std::uint64_t owned_below = std::min(limit, store::sequence_limit(hub_.catalog(), segment_of(position_)));
        if (frame == nullptr || frame->header.first_sequence >= owned_below) {
            // Nothing of it is left here, although position() is below its end: lost to damage.
            reader_.reset();
            position_ = owned_below;
            if (position_ >= limit) {
                co_return std::nullopt;
            }
            continue;
        }
        const std::uint64_t end = frame->header.first_sequence + frame->header.count;
        read_up_to_ = std::max(read_up_to_, end);
        if (frame->header.kind != store::FrameKind::records || end <= position_) {
            continue;
        }
        position_ = std::max(position_, frame->header.first_sequence);
        co_return GroupView{frame->payload, frame->header.epoch, frame->header.first_sequence, frame->header.count};
    }
}

Result<std::uint64_t> LogFollower::after(const wire::Cursor& cursor) const {
    if (cursor.store != hub_.store_id()) {
        return fail(Errc::cursor_lost, "the cursor is of store {}, this is store {}", wire::format_id(cursor.store),
                    wire::format_id(hub_.store_id()));
    }
    std::uint64_t next = std::max(cursor.sequence, cursor.sequence + 1);  // The largest number has no successor.
    if (cursor.epoch > hub_.epoch() || (cursor.epoch == hub_.epoch() && next > hub_.end_sequence())) {
        return fail(Errc::invalid_argument, "the cursor {} is ahead of this log, which ends at {} in epoch {}",
                    wire::format_cursor(cursor), hub_.end_sequence(), hub_.epoch());
    }
    // What a reader saw in an earlier epoch beyond its end was lost with the power: it goes on where the next one
    // begins.
    for (const store::SegmentInfo& info : hub_.catalog()) {
        if (info.header.epoch > cursor.epoch) {
            next = std::min(next, info.header.first_sequence);
            break;
        }
    }
    if (next < hub_.oldest_sequence()) {
        return fail(Errc::cursor_lost, "record {} was removed; the oldest one is {}", next, hub_.oldest_sequence());
    }
    return next;
}

std::uint64_t LogFollower::before(WallNs since) const noexcept {
    std::uint64_t sequence = hub_.oldest_sequence();
    for (const store::SegmentInfo& info : hub_.catalog()) {
        if (info.header.time_ns > since) {
            break;
        }
        sequence = info.header.first_sequence;
    }
    return sequence;
}

Task<Result<>> LogFollower::matches_of_segment(std::size_t index, const Matches& matches, std::uint64_t limit,
                                               std::size_t keep, std::deque<std::uint64_t>& found) {
    LogFollower scan(kernel_, directory_, hub_);
    scan.seek(hub_.catalog()[index].header.first_sequence);
    const std::uint64_t end = std::min(limit, store::sequence_limit(hub_.catalog(), index));
    for (;;) {  // Bounded by the segment.
        SLUICE_CO_TRY(const std::optional<GroupView> group, co_await scan.next(end));
        if (!group) {
            co_return Result<>{};
        }
        for_each_entry(*group, scan.position(), [&](const wire::TailEntry& entry) {
            if (entry.sequence < end && matches(entry)) {
                found.push_back(entry.sequence);
                if (found.size() > keep) {
                    found.pop_front();
                }
            }
            return true;
        });
        scan.seek(group->first_sequence + group->count);
    }
}

Task<Result<std::uint64_t>> LogFollower::last_matching(const Matches& matches, std::uint64_t n, std::uint64_t limit) {
    if (n == 0) {
        co_return limit;
    }
    // Newest first: the groups in memory, which is where most of these end.
    std::uint64_t found = 0;
    const std::deque<StoredGroup>& recent = hub_.recent();
    for (auto group = recent.rbegin(); group != recent.rend(); ++group) {
        std::vector<std::uint64_t> here;
        for_each_entry(view_of(*group), 0, [&](const wire::TailEntry& entry) {
            if (entry.sequence < limit && matches(entry)) {
                here.push_back(entry.sequence);
            }
            return true;
        });
        if (found + here.size() >= n) {
            co_return here[here.size() - (n - found)];
        }
        found += here.size();
    }
    std::uint64_t rest_limit = recent.empty() ? limit : std::min(limit, recent.front().first_sequence);
    std::uint64_t start = rest_limit;
    for (std::size_t index = segment_of(rest_limit) + 1; index-- > 0 && found < n;) {
        if (index >= hub_.catalog().size()) {
            co_return fail(Errc::cursor_lost, "the log was shortened while it was searched; ask again");
        }
        std::deque<std::uint64_t> here;
        SLUICE_CO_CHECK(co_await matches_of_segment(index, matches, rest_limit, n - found, here));
        found += here.size();
        if (!here.empty()) {
            start = here.front();
        }
    }
    co_return start;
}

}  // namespace sluice::server
