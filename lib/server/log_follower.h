// Reads the log from any place on, group by group: from memory where the groups are still there, from the parts what is
// sealed, from the segments the rest, and over the seams between them without a gap or a repetition.
// Threads: the service loop's; parts are read on the pool.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "io/kernel.h"
#include "server/log_hub.h"
#include "store/frame_reader.h"
#include "store/part_reader.h"
#include "wire/tail_messages.h"

namespace sluice::server {

// Records to read, of one epoch.
struct GroupView {
    enum class Form : std::uint8_t { batches, entries };
    Form form = Form::batches;
    ByteView payload{};  // Batches, whose records have consecutive numbers; or `count` TAIL entries.
    std::uint32_t count = 0;
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;  // There are no others below it.
};

GroupView view_of(const StoredGroup& group) noexcept;

class LogFollower {
 public:
    // Borrows all until destroyed.  `directory`: fd of the store's directory.
    LogFollower(io::Kernel& kernel, int directory, LogHub& hub) noexcept;

    // The sequence of the next record to deliver.
    std::uint64_t position() const noexcept { return position_; }
    void seek(std::uint64_t sequence) noexcept { position_ = sequence; }

    // The group that holds position(), if it begins below `limit` (hub.end_sequence() or hub.durable_sequence());
    // nothing if there is none yet.  The caller skips the group's records below position(), then seeks to its end.
    // Where records were lost to damage, or removed before this follower was made, position() moves over them first;
    // lost() tells of the former.  The view is valid until the next call.
    // Errors: Errc::cursor_lost if retention has removed records from position() on since; io errors.
    Task<Result<std::optional<GroupView>>> next(std::uint64_t limit);

    // What the last call of next() has moved over because it is damaged; the hub has been told.  Of a page of a part,
    // which other classes may have records between, it may also lie ahead.
    const std::vector<store::Damage>& lost() const noexcept { return lost_; }

    // Are records at position() read from files: there are some below `limit`, and they are not in memory?
    bool reads_files(std::uint64_t limit) const noexcept {
        return position_ < limit && hub_.find(position_) == nullptr;
    }
    // Lets go of everything that was read; the last view is not valid any more.
    void rest() noexcept;

    // ---- finding a place ----
    // The record behind `cursor`, in this epoch's numbers.  Errors: cursor_lost, invalid_argument (not yet written).
    Result<std::uint64_t> after(const wire::Cursor& cursor) const;
    // A place at or before the first record received at `since`.
    std::uint64_t before(WallNs since) const noexcept;

 private:
    Task<Result<std::optional<GroupView>>> next_from_parts(std::uint64_t limit);
    Task<Result<std::optional<GroupView>>> next_from_file(LogHub::Span unread, std::uint64_t limit);
    Result<> skip_to_log(LogHub::Span unread, std::uint64_t limit);
    void pass_over(const store::FrameReader::Item& item, LogHub::Span unread, std::uint64_t end);
    void lose(store::Damage damage);
    Result<> check_not_removed() const;
    std::uint64_t log_begins() const noexcept;
    Task<Result<>> open_at(std::size_t index);
    Task<Result<>> check_still_there(std::uint64_t segment_id);
    std::size_t segment_of(std::uint64_t sequence) const noexcept;

    io::Kernel& kernel_;
    int directory_;
    LogHub& hub_;
    std::uint64_t position_ = 1;
    // What was gone already when this follower was made.
    std::uint64_t removed_before_;
    std::uint64_t log_began_;
    std::shared_ptr<const void> held_;  // Keeps the last view alive; or,
    store::PartRun run_;                // of parts, this.
    std::optional<store::PartReader> parts_;
    std::optional<store::OpenedSegment> segment_;
    std::optional<store::FrameReader> reader_;
    std::uint64_t read_up_to_ = 0;  // End sequence of the last frame read: what reader_ delivers next comes after it.
    std::optional<store::FrameReader::Hole> hole_;  // Behind that frame.
    std::vector<store::Damage> lost_;
};

// Calls visit(entry) for the records of a group from `from` on, until it returns false.  Returns the sequence behind
// the last record visited, or the group's end.
template <class Visit>
std::uint64_t for_each_entry(const GroupView& group, std::uint64_t from, Visit&& visit) {
    if (group.form == GroupView::Form::entries) {
        for (const wire::TailEntry entry : wire::TailEntryRange(group.payload, group.count)) {
            if (entry.sequence >= from && !visit(entry)) {
                return entry.sequence + 1;
            }
        }
        return group.end_sequence;
    }
    std::uint64_t sequence = group.first_sequence;
    bool more = true;
    store::for_each_batch(group.payload, [&](const wire::BatchHeader& header, ByteView batch) {
        if (!more || sequence + header.count <= from) {
            sequence += more ? header.count : 0;
            return;
        }
        const ByteView body = batch.subspan(sizeof header);
        const wire::FieldRange trusted(body.first(header.trusted_size), header.trusted_count);
        for (const wire::RecordView record : wire::RecordRange(body.subspan(header.trusted_size), header.count)) {
            const std::uint64_t current = sequence++;
            if (current < from) {
                continue;
            }
            if (!visit(wire::TailEntry{current, header.receive_time_ns, header.flags, trusted, record})) {
                more = false;
                return;
            }
        }
    });
    return sequence;
}

}  // namespace sluice::server
