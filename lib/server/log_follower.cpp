#include "server/log_follower.h"

namespace sluice::server {
namespace {

// Of a Hole or End.
std::uint64_t offset_of(const store::FrameReader::Item& item) {
    const auto* hole = std::get_if<store::FrameReader::Hole>(&item);
    return hole != nullptr ? hole->offset : std::get<store::FrameReader::End>(item).offset;
}

// Sealed, or by retention, of which the catalog has not heard yet.
std::unexpected<Error> retired(const std::string& name) {
    return fail(Errc::cursor_lost, "segment '{}' was retired while it was read", name);
}

}  // namespace

GroupView view_of(const StoredGroup& group) noexcept {
    return {.payload = group.payload,
            .count = group.count,
            .epoch = group.epoch,
            .first_sequence = group.first_sequence,
            .end_sequence = group.end_sequence()};
}

LogFollower::LogFollower(io::Kernel& kernel, int directory, LogHub& hub) noexcept
    : kernel_(kernel), directory_(directory), hub_(hub), removed_before_(hub.parts()->removed_end()) {
    log_began_ = log_begins();
}

std::uint64_t LogFollower::log_begins() const noexcept {
    return hub_.catalog().empty() ? 0 : hub_.catalog().front().header.first_sequence;
}

Result<> LogFollower::check_not_removed() const {
    const std::uint64_t removed = hub_.parts()->removed_end();
    if (removed > removed_before_ && position_ < removed) {
        return fail(Errc::cursor_lost, "records from {} on were removed, up to {}", position_, removed - 1);
    }
    return {};
}

void LogFollower::rest() noexcept {
    reader_.reset();
    segment_.reset();
    parts_.reset();
    held_.reset();
    run_ = {};
}

Task<Result<std::optional<GroupView>>> LogFollower::next(std::uint64_t limit) {
    lost_.clear();
    while (position_ < limit) {  // Bounded: each turn delivers, moves on, or finds that what it read is now in a part.
        SLUICE_CO_CHECK(check_not_removed());
        if (const StoredGroup* group = hub_.find(position_)) {
            rest();
            held_ = group->owner;
            co_return view_of(*group);
        }
        const std::uint64_t sealed_end = hub_.sealed_end();
        if (position_ < sealed_end) {
            const std::uint64_t to = std::min(limit, sealed_end);
            SLUICE_CO_TRY(const std::optional<GroupView> group, co_await next_from_parts(to));
            if (group) {
                co_return group;
            }
            continue;
        }
        const LogHub::Span unread = hub_.only_in_files(position_);
        Result<std::optional<GroupView>> group = co_await next_from_file(unread, std::min(limit, unread.end));
        const bool sealed_meanwhile = position_ < hub_.sealed_end();
        if (!group && sealed_meanwhile) {
            continue;  // Whatever became of the segment.
        }
        if (!group || *group) {
            co_return group;
        }
    }
    co_return std::nullopt;
}

// Nothing: there is none below `limit`, where position() is then.
Task<Result<std::optional<GroupView>>> LogFollower::next_from_parts(std::uint64_t limit) {
    reader_.reset();
    segment_.reset();
    if (!parts_ || parts_->parts() != hub_.parts()) {
        parts_.emplace(hub_.parts());
    }
    auto read = [parts = &*parts_, from = position_, limit] { return parts->read(from, limit); };
    Result<store::PartRun> run = fail(Errc::internal, "not read");
    if (hub_.offload() == nullptr) {
        run = read();
    } else {
        SLUICE_CO_TRY(run, co_await hub_.offload()->run(std::move(read)));
    }
    SLUICE_CO_TRY(run_, std::move(run));
    for (const store::Damage& damage : run_.damage) {
        lose(damage);
    }
    if (run_.count == 0) {
        position_ = limit;
        co_return std::nullopt;
    }
    position_ = std::max(position_, run_.first_sequence);
    co_return GroupView{.form = GroupView::Form::entries,
                        .payload = run_.entries,
                        .count = run_.count,
                        .epoch = run_.epoch,
                        .first_sequence = run_.first_sequence,
                        .end_sequence = run_.end_sequence};
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
    if (!opened) {
        if (opened.error().code() == Errc::not_found) {
            co_return retired(name);
        }
        if (opened.error().code() == Errc::corrupt) {  // Or its file is being used again.
            SLUICE_CO_CHECK(co_await check_still_there(info.header.segment_id));
        }
        co_return std::unexpected(std::move(opened).error());
    }
    segment_ = *std::move(opened);
    if (segment_->info.header.segment_id != info.header.segment_id) {
        co_return retired(name);
    }
    reader_.emplace(kernel_, segment_->file, segment_->info.header, segment_->info.file_bytes, /*search=*/true);
    read_up_to_ = info.header.first_sequence;
    hole_.reset();
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

// Tells of what this follower has lost: of the part of it from position() on.
void LogFollower::lose(store::Damage damage) {
    hub_.report(damage);
    damage.first_sequence = std::max(damage.first_sequence, position_);
    lost_.push_back(std::move(damage));
}

// The records up to `end`, which the segment should have and has not.  `item`: what is in front of the reader instead.
void LogFollower::pass_over(const store::FrameReader::Item& item, LogHub::Span unread, std::uint64_t end) {
    store::Damage damage{.file = store::segment_name(segment_->info.header.segment_id),
                         .first_sequence = std::max(unread.first, read_up_to_),
                         .end_sequence = end};
    if (hole_) {
        damage.offset = hole_->offset;
        damage.bytes = hole_->bytes;
    } else if (const auto* rest = std::get_if<store::FrameReader::End>(&item)) {
        damage.offset = rest->offset;
        damage.what = "no valid frame from there to the end of the segment";
    } else {
        damage.offset = reader_->offset();
        damage.what = "records are missing before this place";
    }
    lose(std::move(damage));
    position_ = end;
}

// Over what lies between the parts and the log.
Result<> LogFollower::skip_to_log(LogHub::Span unread, std::uint64_t limit) {
    const std::uint64_t begins = log_begins();
    if (begins > log_began_) {
        return fail(Errc::cursor_lost, "record {} was removed; the oldest one is {}", position_, begins);
    }
    const std::uint64_t end = std::min(begins, limit);
    if (unread.first > 1) {  // Else retention may have removed it while nothing was sealed.
        lose({.file = store::segment_name(hub_.catalog().front().header.segment_id),
              .first_sequence = unread.first,
              .end_sequence = end,
              .what = "the log begins behind the end of what is sealed"});
    }
    position_ = end;
    return {};
}

// `unread`: these records are in the segments or nowhere; `limit` is one of them, or its end.
Task<Result<std::optional<GroupView>>> LogFollower::next_from_file(LogHub::Span unread, std::uint64_t limit) {
    bool refreshed = false;
    for (;;) {  // Bounded: each turn reads a frame, goes to a later segment, looks again once, or ends.
        if (position_ < log_begins()) {
            SLUICE_CO_CHECK(skip_to_log(unread, limit));
            co_return std::nullopt;  // next() goes on from there.
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
        if (const auto* hole = std::get_if<store::FrameReader::Hole>(&item)) {
            hole_ = *hole;
            continue;
        }
        // What this segment may not deliver: the next one has it, or will have.
        const std::uint64_t owned_below = std::min(limit, store::sequence_limit(hub_.catalog(), segment_of(position_)));
        if (frame == nullptr || frame->header.first_sequence >= owned_below) {
            // Nothing of it is left here, although position() is below its end.
            pass_over(item, unread, owned_below);
            reader_.reset();
            if (position_ >= limit) {
                co_return std::nullopt;
            }
            continue;
        }
        const std::uint64_t end = frame->header.first_sequence + frame->header.count;
        const bool wanted = frame->header.kind == store::FrameKind::records && end > position_;
        if (wanted && frame->header.first_sequence > position_) {
            pass_over(item, unread, frame->header.first_sequence);
        }
        hole_.reset();
        read_up_to_ = std::max(read_up_to_, end);
        if (!wanted) {
            continue;
        }
        co_return GroupView{.payload = frame->payload,
                            .count = frame->header.count,
                            .epoch = frame->header.epoch,
                            .first_sequence = frame->header.first_sequence,
                            .end_sequence = end};
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
    for (const store::EpochStart& start : hub_.epochs()) {
        if (start.epoch > cursor.epoch) {
            next = std::min(next, start.first_sequence);
            break;
        }
    }
    const std::uint64_t whole_from = std::max(hub_.oldest_sequence(), hub_.parts()->removed_end());
    const bool lost_between = next >= hub_.sealed_end() && next < log_begins();
    if (next < whole_from || lost_between) {
        return fail(Errc::cursor_lost, "record {} was removed; from {} on nothing is missing", next,
                    lost_between ? log_begins() : whole_from);
    }
    return next;
}

std::uint64_t LogFollower::before(WallNs since) const noexcept {
    std::uint64_t sequence = store::kNoLimit;
    for (const store::PartSet::Class& one : hub_.parts()->classes) {
        const auto part = std::ranges::find_if(one.parts, [since](const store::PartPointer& candidate) {
            return candidate->part->summary().receive_max >= since;
        });
        if (part != one.parts.end()) {
            sequence = std::min(sequence, (*part)->name.first_sequence);
        }
    }
    if (sequence != store::kNoLimit) {
        return sequence;
    }
    sequence = std::max(hub_.oldest_sequence(), hub_.sealed_end());
    for (const store::SegmentInfo& info : hub_.catalog()) {
        if (info.header.time_ns > since) {
            break;
        }
        sequence = std::max(sequence, info.header.first_sequence);
    }
    return sequence;
}

}  // namespace sluice::server
