// Reads the log from any place on, group by group: from memory where the groups are still there, from the files where
// it is behind, and over the seam between the two without a gap or a repetition. Threads: the service loop's.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "io/kernel.h"
#include "server/log_hub.h"
#include "store/frame_reader.h"
#include "wire/tail_messages.h"

namespace sluice::server {

// A group to read: its batches, and which records they are.
struct GroupView {
    ByteView payload;
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint32_t count = 0;
};

class LogFollower {
 public:
    // Borrows all until destroyed.  `directory`: fd of the store's directory.
    LogFollower(io::Kernel& kernel, int directory, const LogHub& hub) noexcept
        : kernel_(kernel), directory_(directory), hub_(hub) {}

    // The sequence of the next record to deliver.
    std::uint64_t position() const noexcept { return position_; }
    void seek(std::uint64_t sequence) noexcept { position_ = sequence; }

    // The group that holds position(), if it begins below `limit` (hub.end_sequence() or hub.durable_sequence());
    // nothing if there is none yet.  The caller skips the group's records below position(), then seeks to its end.
    // Where records were lost to damage, position() moves over them first.  The view is valid until the next call.
    // Errors: Errc::cursor_lost if retention has removed position(); io errors.
    Task<Result<std::optional<GroupView>>> next(std::uint64_t limit);

    // ---- finding a place ----
    // The record behind `cursor`, in this epoch's numbers.  Errors: cursor_lost, invalid_argument (not yet written).
    Result<std::uint64_t> after(const wire::Cursor& cursor) const;
    // A place at or before the first record received at `since`.
    std::uint64_t before(WallNs since) const noexcept;
    // The first of the last `n` records below `limit` that match; fewer if there are fewer.
    using Matches = std::function<bool(const wire::TailEntry&)>;
    Task<Result<std::uint64_t>> last_matching(const Matches& matches, std::uint64_t n, std::uint64_t limit);

 private:
    Task<Result<std::optional<GroupView>>> next_from_file(std::uint64_t limit);
    Task<Result<>> open_at(std::size_t index);
    Task<Result<>> check_still_there(std::uint64_t segment_id);
    std::size_t segment_of(std::uint64_t sequence) const noexcept;
    Task<Result<>> matches_of_segment(std::size_t index, const Matches& matches, std::uint64_t limit, std::size_t keep,
                                      std::deque<std::uint64_t>& found);

    io::Kernel& kernel_;
    int directory_;
    const LogHub& hub_;
    std::uint64_t position_ = 1;
    std::shared_ptr<const AlignedBuffer> held_;  // Keeps the last view alive.
    std::optional<store::OpenedSegment> segment_;
    std::optional<store::FrameReader> reader_;
    std::uint64_t read_up_to_ = 0;  // End sequence of the last frame read: what reader_ delivers next comes after it.
};

// Calls visit(entry) for the records of a group from `from` on, until it returns false.  Returns the sequence behind
// the last record visited, or the group's end.
template <class Visit>
std::uint64_t for_each_entry(const GroupView& group, std::uint64_t from, Visit&& visit) {
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
