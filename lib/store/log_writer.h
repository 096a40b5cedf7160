// The writer's end of the write-ahead log: numbers commit groups, writes each with one request, and knows what is
// durable.
//
// One group is one frame.  A durable group is one O_DIRECT write with RWF_DSYNC over blocks that exist; where earlier
// groups are written but not yet durable it is a write and then a sync, because RWF_DSYNC covers only its own bytes.
// Groups that are written and not durable stay in memory until they are: after a failed write or sync the kernel has
// forgotten what was dirty, so nothing is tried again on that file; all of them go to a new segment, under the sequence
// numbers they had, and the header of that segment takes those numbers away from the old one.
//
// Threads: those of its kernel.  append, sync, release and close: one at a time.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/aligned_buffer.h"
#include "coro/scope.h"
#include "io/kernel.h"
#include "store/catalog.h"
#include "store/producers.h"
#include "store/recovery.h"
#include "store/spares.h"

namespace sluice::store {

enum class IoMode : std::uint8_t { direct, buffered };

struct WriterOptions {
    std::uint64_t segment_bytes = 64ULL << 20U;
    std::uint64_t log_bytes_max = 4ULL << 30U;  // Beyond it the oldest segment is retired, unless `sealing`.
    bool sealing = false;                       // Segments are retired when their records are sealed, and only then.
    std::uint64_t sealed_end = 1;               // Records below it are in parts: they had been durable.
    std::uint32_t sealed_epoch = 0;             // Of the newest of them.
    std::uint64_t unsynced_bytes_max = 8ULL << 20U;  // Written and not durable; beyond it append() syncs.
    std::size_t producers_max = 4096;
    IoMode mode = IoMode::direct;  // direct: falls back to buffered where the file system refuses.
    std::array<std::byte, 16> boot_id{};
    std::function<std::uint64_t()> random;           // For identities and salts.
    std::function<void()> on_segment_ready = [] {};  // LogWriter::waits_for_segment() may have ended.
};

// A numbered batch within a group, for the producer table.
struct ProducerMark {
    ProducerId id{};
    std::uint32_t uid = wire::kNoUid;
    std::uint64_t number = 0;
    std::uint32_t records_end = 0;  // Index in the group behind the batch's last record.
};

// One group: `buffer` holds room for the frame header and then `bytes` - 64 bytes of batches.  The first 64 bytes
// belong to the writer until the group is durable.
struct Group {
    std::shared_ptr<AlignedBuffer> buffer;
    std::size_t bytes = 0;  // Header included.
    std::uint32_t count = 0;
};

struct Committed {
    std::shared_ptr<AlignedBuffer> frame;  // The group as stored: what was given, or a copy without the slack.  Readers
                                           // stay clear of its first 64 bytes.
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t next_sequence = 0;     // One past the last record written.
    std::uint64_t durable_sequence = 0;  // Every record below it is durable.
};

class LogWriter {
 public:
    // Recovers the store in `directory` and opens a new segment.  Borrows kernel, directory and events until destroyed.
    // Errors: of recovery; no_space where not even one segment fits.
    static Task<Result<std::unique_ptr<LogWriter>>> open(io::Kernel& kernel, const io::Handle& directory,
                                                         WriterOptions options, StoreEvents& events);
    ~LogWriter();

    // Writes one group (count > 0).  On success its records are written, and durable if `durable`.  On error none of
    // them was given a number, and earlier groups are untouched; they may have become durable: see durable_sequence().
    // Precondition: group.bytes <= group_bytes_max().
    Task<Result<Committed>> append(Group group, std::span<const ProducerMark> marks, bool durable);
    // Makes every group written so far durable.
    Task<Result<Committed>> sync();
    // Records below `sealed_end` are in parts, durably: segments that hold no others are retired.
    Task<Result<>> release(std::uint64_t sealed_end);
    // WriterOptions::log_bytes_max, from the next segment on.
    void set_log_bytes_max(std::uint64_t bytes) noexcept { options_.log_bytes_max = bytes; }
    // sync(), then marks the log as closed.  Awaits the background work; nothing may follow.
    Task<Result<>> close();
    // Instead of close(): writes nothing more.
    Task<> abandon();

    const Recovered& recovered() const noexcept { return recovered_; }
    const ProducerTable& producers() const noexcept { return producers_; }
    const Catalog& catalog() const noexcept { return catalog_; }
    std::uint64_t catalog_version() const noexcept { return catalog_version_; }  // Grows with every change.
    std::uint32_t epoch() const noexcept { return recovered_.epoch; }
    std::uint64_t next_sequence() const noexcept { return next_sequence_; }
    std::uint64_t durable_sequence() const noexcept { return durable_sequence_; }
    // The segment that is written; null: the last one failed, and no new one could be made yet.  Valid until the next
    // operation.
    const io::Handle* segment_file() const noexcept { return segment_ ? &segment_->file : nullptr; }
    // The segment that is written has no more than its last eighth left, and another one is still being filled.
    bool waits_for_segment() const noexcept;
    // Of the log's length, what the segment that is written has left.
    std::uint64_t free_bytes() const noexcept;
    bool has_unsynced() const noexcept { return !unsynced_.empty(); }
    IoMode mode() const noexcept { return options_.mode; }
    std::uint64_t group_bytes_max() const noexcept { return options_.segment_bytes / 2; }

 private:
    struct Segment {
        io::Handle file;
        SegmentHeader header;
        std::uint64_t tail = 0;  // Offset of the next frame.
    };
    struct Written {
        Group group;
        std::uint64_t first_sequence = 0;
        WallNs time_ns = 0;
    };

    LogWriter(io::Kernel& kernel, const io::Handle& directory, WriterOptions options, StoreEvents& events);
    Task<Result<>> start();
    Task<Result<>> pick_mode();
    Task<Result<>> take_over();
    Task<Result<>> read_unproven(const io::Handle& file, const SegmentInfo& segment);

    // Segments.
    Task<Result<>> roll(std::uint64_t first_sequence);
    Task<Result<Segment>> prepare_segment(std::uint64_t first_sequence);
    Task<Result<Segment>> fill_segment(const std::string& spare, std::uint64_t first_sequence);
    Task<Result<Segment>> begin_segment(io::Handle file, std::uint64_t first_sequence);
    Task<Result<>> give_name(const Segment& segment, const std::string& spare);
    Task<Result<>> retire_old();
    bool oldest_is_sealed() const noexcept;
    std::size_t spares_max() const noexcept;

    // Frames.
    Task<Result<>> ensure_room(std::size_t bytes);
    Task<Result<>> write_group(const Written& written, bool durable);
    Task<Result<>> commit(const Written& written, bool durable);
    Task<Result<>> commit_somewhere(const Written& written, bool durable);
    void compact(Group& group) const;
    Task<Result<>> write_frame(Segment& segment, FrameKind kind, const Written& written, io::WriteSync sync);
    Task<Result<>> write_all(const io::Handle& file, std::uint64_t offset, ByteView bytes, io::WriteSync sync);
    Task<Result<>> sync_segment();
    void mark_durable() noexcept;
    Task<Result<>> move_unsynced(Error why);
    Committed state(std::uint64_t first_sequence) const noexcept;

    io::Kernel& kernel_;
    const io::Handle& directory_;
    WriterOptions options_;
    StoreEvents& events_;
    Recovered recovered_;
    ProducerTable producers_;
    Catalog catalog_;
    std::uint64_t catalog_version_ = 0;
    std::uint32_t block_bytes_ = 512;
    io::WriteBy writes_by_ = io::WriteBy::submission;
    std::uint64_t next_segment_id_ = 1;
    std::uint64_t next_sequence_ = 1;
    std::uint64_t durable_sequence_ = 1;
    std::optional<Segment> segment_;  // None: the last one failed, and no new one could be made yet.
    std::deque<Written> unsynced_;
    std::uint64_t unsynced_bytes_ = 0;
    SparePool spares_;
    coro::Scope background_;
};

}  // namespace sluice::store
