#include "store/log_writer.h"

#include "coro/timeout.h"
#include "store/identity.h"

namespace sluice::store {
namespace {

// Groups up to this size are kept as copies of their own size, so that the large buffer is free for the next group.
constexpr std::size_t kCompactBytesMax = 64 * 1024;

// Retired segments that are kept, at the least and at the most.
constexpr std::size_t kSparesMin = 2;
constexpr std::size_t kSparesMax = 4;

std::size_t padded(std::size_t bytes, std::uint32_t block_bytes) noexcept {
    return round_up(bytes, block_bytes);
}

}  // namespace

LogWriter::LogWriter(io::Kernel& kernel, const io::Handle& directory, WriterOptions options, StoreEvents& events)
    : kernel_(kernel),
      directory_(directory),
      options_(std::move(options)),
      events_(events),
      producers_(options_.producers_max),
      spares_(kernel, directory, options_.segment_bytes, events, options_.on_segment_ready),
      background_(kernel.loop(), nullptr) {
    // All of it fits the segment that takes over.
    options_.unsynced_bytes_max = std::min(options_.unsynced_bytes_max, options_.segment_bytes / 4);
}

LogWriter::~LogWriter() = default;

Task<Result<std::unique_ptr<LogWriter>>> LogWriter::open(io::Kernel& kernel, const io::Handle& directory,
                                                         WriterOptions options, StoreEvents& events) {
    std::unique_ptr<LogWriter> writer(new LogWriter(kernel, directory, std::move(options), events));
    SLUICE_CO_CHECK(co_await writer->start());
    co_return std::move(writer);
}

Task<Result<>> LogWriter::start() {
    SLUICE_CO_CHECK(co_await pick_mode());
    if (const Result<io::FileSystem> found = co_await kernel_.file_system(directory_); found) {
        writes_by_ = found->waits_in_submission() ? io::WriteBy::worker : io::WriteBy::submission;
    }  // Else writes may wait there, which costs time and nothing else.
    const bool direct = options_.mode == IoMode::direct;
    const RecoveryOptions recovery{.boot_id = options_.boot_id,
                                   .random = options_.random,
                                   .direct = direct,
                                   .sealed_end = options_.sealed_end,
                                   .sealed_epoch = options_.sealed_epoch};
    SLUICE_CO_TRY(recovered_, co_await recover(kernel_, directory_, recovery, producers_, events_));
    catalog_ = recovered_.catalog;
    next_segment_id_ = recovered_.next_segment_id;
    next_sequence_ = recovered_.next_sequence;
    for (const std::uint32_t number : recovered_.spares) {
        SLUICE_CO_CHECK(co_await spares_.adopt(number));
    }
    SLUICE_CO_CHECK(co_await take_over());
    const std::uint64_t first = unsynced_.empty() ? next_sequence_ : unsynced_.front().first_sequence;
    SLUICE_CO_CHECK(co_await roll(first));
    background_.spawn("spare segments", &SparePool::keep_ready, &spares_);  // Nothing fails any more.
    co_return Result<>{};
}

// Asks the file system whether, and with what alignment, it takes O_DIRECT.
Task<Result<>> LogWriter::pick_mode() {
    const std::string probe = "probe.tmp";
    const io::OpenOptions options{.flags = O_RDWR | O_CREAT | O_TRUNC | O_DIRECT};
    Result<io::Handle> file = co_await kernel_.open(directory_.fd(), probe, options);
    if (!file) {
        if (file.error().code() != Errc::invalid_argument && file.error().code() != Errc::unsupported) {
            co_return std::unexpected(std::move(file).error());
        }
        options_.mode = IoMode::buffered;
        co_return Result<>{};
    }
    const Result<io::FileStat> stat = co_await kernel_.stat(*file);
    if (stat && stat->direct_io_alignment != 0 && stat->direct_io_alignment <= kHeaderBlock) {
        block_bytes_ = std::max<std::uint32_t>(stat->direct_io_alignment, 512);
    } else {
        block_bytes_ = kHeaderBlock;
    }
    SLUICE_CO_CHECK(co_await kernel_.close(std::move(*file)));
    SLUICE_CO_CHECK(co_await kernel_.unlink(directory_.fd(), probe));
    spares_.set_direct(options_.mode == IoMode::direct);
    co_return Result<>{};
}

// What the last daemon left in its last segment.  Reads what no frame says to be durable, for roll() to write again:
// after SIGKILL it may be in the page cache only, and a sync would prove nothing, because an earlier one may have
// failed and its error was told once.  Cuts the unused rest of the file, into which a write of that daemon may even
// still be in flight.
Task<Result<>> LogWriter::take_over() {
    durable_sequence_ = next_sequence_;
    if (catalog_.empty()) {
        co_return Result<>{};
    }
    SegmentInfo& last = catalog_.back();
    const std::string name = segment_name(last.header.segment_id);
    const io::OpenOptions open{.flags = O_RDWR};
    SLUICE_CO_TRY(io::Handle file, co_await kernel_.open(directory_.fd(), name, open));
    if (recovered_.new_epoch) {
        SLUICE_CO_CHECK(
            co_await kernel_.sync(file, io::SyncKind::all));  // Numbers of an old epoch stay where they are.
    } else if (!recovered_.clean) {
        SLUICE_CO_CHECK(co_await read_unproven(file, last));
    }
    const std::uint64_t end = round_up(recovered_.last_data_end, kHeaderBlock);
    if (end < last.file_bytes) {
        SLUICE_CO_CHECK(co_await kernel_.truncate(file, end));
        last.file_bytes = end;
    }
    co_return co_await kernel_.close(std::move(file));
}

Task<Result<>> LogWriter::read_unproven(const io::Handle& file, const SegmentInfo& segment) {
    FrameReader reader(kernel_, file, segment.header, recovered_.last_data_end, /*search=*/true);
    for (;;) {  // Bounded by the file; what is kept, by what the last daemon kept in memory.
        SLUICE_CO_TRY(const FrameReader::Item item, co_await reader.next());
        if (std::holds_alternative<FrameReader::End>(item)) {
            break;
        }
        const auto* frame = std::get_if<FrameView>(&item);
        if (frame == nullptr) {
            continue;
        }
        while (!unsynced_.empty() && unsynced_.front().first_sequence < frame->header.durable_sequence) {
            unsynced_.pop_front();
        }
        const bool sealed = frame->header.first_sequence + frame->header.count <= options_.sealed_end;
        if (frame->header.kind == FrameKind::records && !sealed) {
            Group group(std::make_shared<AlignedBuffer>(frame->bytes()), frame->bytes(), frame->header.count);
            std::memcpy(group.buffer->data() + sizeof(FrameHeader), frame->payload.data(), frame->payload.size());
            unsynced_.push_back(Written(std::move(group), frame->header.first_sequence, frame->header.time_ns));
        }
    }
    if (!unsynced_.empty()) {
        durable_sequence_ = unsynced_.front().first_sequence;
    }
    co_return Result<>{};
}

// ---- segments ----

Task<Result<LogWriter::Segment>> LogWriter::prepare_segment(std::uint64_t first_sequence) {
    SLUICE_CO_TRY(const std::string spare, co_await spares_.take());
    Result<Segment> segment = co_await fill_segment(spare, first_sequence);
    Result<> named;
    if (segment) {
        named = co_await give_name(*segment, spare);
    }
    if (!segment || !named) {
        (void)co_await remove_file(kernel_, directory_, spare);  // Unless it has its new name by now.
    }
    if (!named) {
        co_return std::unexpected(std::move(named).error());
    }
    co_return segment;
}

// Everything that is not durable is in the new segment before that has its name: a crash in between leaves the old
// segment as the owner of those records, one behind it the new.
Task<Result<LogWriter::Segment>> LogWriter::fill_segment(const std::string& spare, std::uint64_t first_sequence) {
    const bool direct = options_.mode == IoMode::direct;
    const io::OpenOptions open{.flags = O_RDWR | (direct ? O_DIRECT : 0)};
    SLUICE_CO_TRY(io::Handle file, co_await kernel_.open(directory_.fd(), spare, open));
    SLUICE_CO_TRY(Segment segment, co_await begin_segment(std::move(file), first_sequence));
    for (const Written& written : unsynced_) {
        SLUICE_CO_CHECK(co_await write_frame(segment, FrameKind::records, written, io::WriteSync::none));
    }
    SLUICE_CO_CHECK(co_await kernel_.sync(segment.file, io::SyncKind::all));
    co_return std::move(segment);
}

Task<Result<>> LogWriter::give_name(const Segment& segment, const std::string& spare) {
    const std::string name = segment_name(segment.header.segment_id);
    ++next_segment_id_;
    // Whatever the answers are, recovery may find it from now on, and believe that it owns what follows: the segment
    // before it takes nothing more.
    segment_.reset();
    SLUICE_CO_CHECK(co_await kernel_.rename(directory_.fd(), spare, directory_.fd(), name, 0));
    co_return co_await kernel_.sync(directory_, io::SyncKind::all);
}

// Header and producer snapshot.
Task<Result<LogWriter::Segment>> LogWriter::begin_segment(io::Handle file, std::uint64_t first_sequence) {
    SegmentHeader header;
    header.segment_id = next_segment_id_;
    header.segment_bytes = options_.segment_bytes;
    header.first_sequence = first_sequence;
    header.time_ns = kernel_.clock().wall_now();
    header.epoch = recovered_.epoch;
    header.block_bytes = block_bytes_;
    header.salt = options_.random();
    header.store_id = recovered_.store_id;
    header.boot_id = options_.boot_id;

    const Bytes snapshot = producers_.encode();
    const std::size_t frame_bytes = sizeof(FrameHeader) + snapshot.size();
    AlignedBuffer head(kHeaderBlock + padded(frame_bytes, kHeaderBlock));
    std::memset(head.data(), 0, head.capacity());
    encode_segment_header(header, head.span());
    std::memcpy(head.data() + kHeaderBlock + sizeof(FrameHeader), snapshot.data(), snapshot.size());
    FrameHeader frame;
    frame.segment_id = header.segment_id;
    frame.first_sequence = first_sequence;
    frame.epoch = header.epoch;
    frame.durable_sequence = durable_sequence_;
    frame.time_ns = header.time_ns;
    frame.kind = FrameKind::producers;
    seal_frame(frame, head.span().subspan(kHeaderBlock, frame_bytes), header.salt);

    SLUICE_CO_CHECK(co_await write_all(file, 0, ByteView(head.data(), head.capacity()), io::WriteSync::none));
    co_return Segment(std::move(file), header, kHeaderBlock + padded(frame_bytes, block_bytes_));
}

// A new current segment, which owns the records from `first_sequence` on.
Task<Result<>> LogWriter::roll(std::uint64_t first_sequence) {
    SLUICE_CO_TRY(Segment next, co_await prepare_segment(first_sequence));
    segment_.emplace(std::move(next));
    mark_durable();
    // Longer than others only where it took over more than this daemon lets come together.
    catalog_.push_back({segment_->header, std::max(options_.segment_bytes, round_up(segment_->tail, kHeaderBlock))});
    ++catalog_version_;
    events_.on_segment_opened(catalog_.back());
    Result<> retired = co_await retire_old();
    if (!retired) {
        events_.on_spare_failed(retired.error());  // The log is longer than it should be; the next roll tries again.
    }
    co_return Result<>{};
}

bool LogWriter::oldest_is_sealed() const noexcept {
    return catalog_.size() > 1 && sequence_limit(catalog_, 0) <= options_.sealed_end;
}

Task<Result<>> LogWriter::retire_old() {
    std::uint64_t total = 0;
    for (const SegmentInfo& info : catalog_) {
        total += info.file_bytes;
    }
    for (;;) {  // Bounded by the catalog.
        const bool sealed = oldest_is_sealed();
        const bool too_long = !options_.sealing && total > options_.log_bytes_max && catalog_.size() > 1;
        if (!sealed && !too_long) {
            co_return Result<>{};
        }
        const SegmentInfo oldest = catalog_.front();
        SLUICE_CO_CHECK(
            co_await spares_.recycle(segment_name(oldest.header.segment_id), oldest.file_bytes, spares_max()));
        total -= oldest.file_bytes;
        catalog_.erase(catalog_.begin());
        ++catalog_version_;
        if (sealed) {
            events_.on_segment_sealed(oldest);
        } else {
            events_.on_segment_removed(oldest);
        }
    }
}

Task<Result<>> LogWriter::release(std::uint64_t sealed_end) {
    options_.sealed_end = std::max(options_.sealed_end, sealed_end);
    co_return co_await retire_old();
}

// An eighth of the log.  Where records come as fast as the disk takes them, a seal retires several segments at once;
// what is unlinked then would have to be filled again, beside the records.
std::size_t LogWriter::spares_max() const noexcept {
    return std::clamp<std::size_t>(options_.log_bytes_max / 8 / options_.segment_bytes, kSparesMin, kSparesMax);
}

// ---- frames ----

Task<Result<>> LogWriter::write_all(const io::Handle& file, std::uint64_t offset, ByteView bytes, io::WriteSync sync) {
    while (!bytes.empty()) {  // Bounded: each turn writes at least one block or fails.
        SLUICE_CO_TRY(std::size_t n, co_await kernel_.write_at(file, offset, bytes, sync, writes_by_));
        if (n < bytes.size()) {
            n = n / block_bytes_ * block_bytes_;  // O_DIRECT goes on at a block boundary.
            if (n == 0) {
                co_return fail(Errc::no_space, "a write of {} bytes at {} stopped short", bytes.size(), offset);
            }
        }
        bytes = bytes.subspan(n);
        offset += n;
    }
    co_return Result<>{};
}

// Writes the frame at the tail.  Changes nothing but the first 64 and the padding bytes of the buffer.
Task<Result<>> LogWriter::write_frame(Segment& segment, FrameKind kind, const Written& written, io::WriteSync sync) {
    const Group& group = written.group;
    FrameHeader header;
    header.segment_id = segment.header.segment_id;
    header.first_sequence = written.first_sequence;
    header.count = group.count;
    header.epoch = recovered_.epoch;
    header.durable_sequence = durable_sequence_;
    header.time_ns = written.time_ns;
    header.kind = kind;
    const std::size_t length = padded(group.bytes, block_bytes_);
    std::memset(group.buffer->data() + group.bytes, 0, length - group.bytes);
    seal_frame(header, group.buffer->span().first(group.bytes), segment.header.salt);
    const ByteView bytes(group.buffer->data(), length);
    Result<> outcome = co_await write_all(segment.file, segment.tail, bytes, sync);
    if (!outcome) {
        co_return std::unexpected(
            std::move(outcome).error().during("'{}' at {}", segment_name(header.segment_id), segment.tail));
    }
    segment.tail += length;
    co_return Result<>{};
}

Task<Result<>> LogWriter::sync_segment() {
    Result<> outcome = co_await kernel_.sync(segment_->file, io::SyncKind::data);
    if (!outcome) {
        co_return std::unexpected(std::move(outcome).error().during("'{}'", segment_name(segment_->header.segment_id)));
    }
    mark_durable();
    co_return Result<>{};
}

// Everything written so far is.
void LogWriter::mark_durable() noexcept {
    unsynced_.clear();
    unsynced_bytes_ = 0;
    durable_sequence_ = next_sequence_;
}

// Writes a group to the current segment, and syncs if asked.
Task<Result<>> LogWriter::write_group(const Written& written, bool durable) {
    const bool alone = durable && unsynced_.empty() && options_.mode == IoMode::direct;
    const io::WriteSync sync = alone ? io::WriteSync::data : io::WriteSync::none;
    SLUICE_CO_CHECK(co_await write_frame(*segment_, FrameKind::records, written, sync));
    if (durable && !alone) {
        SLUICE_CO_CHECK(co_await kernel_.sync(segment_->file, io::SyncKind::data));
    }
    co_return Result<>{};
}

// The same; what failed is cut off.  It is written elsewhere or refused, and in neither case may recovery find it here:
// a refused batch may come again under another producer id.  If the cut fails too, nothing more can be done.
Task<Result<>> LogWriter::commit(const Written& written, bool durable) {
    const std::uint64_t start = segment_->tail;
    Result<> outcome = co_await write_group(written, durable);
    if (!outcome) {
        catalog_.back().file_bytes = start;  // Too short now to be recycled.
        (void)co_await kernel_.truncate(segment_->file, start);
        (void)co_await kernel_.sync(segment_->file, io::SyncKind::all);
    }
    co_return outcome;
}

// Room for `bytes` in a current segment: rolls when this one is full, and after a failure that left none.
Task<Result<>> LogWriter::ensure_room(std::size_t bytes) {
    if (!segment_) {
        co_return co_await move_unsynced(Error(Errc::io_error, "the log has no usable segment"));
    }
    if (segment_->tail + padded(bytes, block_bytes_) <= options_.segment_bytes) {
        co_return Result<>{};
    }
    if (!unsynced_.empty()) {
        Result<> synced = co_await sync_segment();
        if (!synced) {
            co_return co_await move_unsynced(std::move(synced).error());
        }
    }
    co_return co_await roll(next_sequence_);
}

// Gives up the current segment and writes everything that is not durable to a new one.
Task<Result<>> LogWriter::move_unsynced(Error why) {
    if (segment_) {
        events_.on_segment_failed(segment_name(segment_->header.segment_id), why);
        segment_.reset();
    }
    const std::uint64_t first = unsynced_.empty() ? next_sequence_ : unsynced_.front().first_sequence;
    co_return co_await roll(first);
}

std::uint64_t LogWriter::free_bytes() const noexcept {
    return segment_ && segment_->tail < options_.segment_bytes ? options_.segment_bytes - segment_->tail : 0;
}

bool LogWriter::waits_for_segment() const noexcept {
    return spares_.is_making() && free_bytes() <= options_.segment_bytes / 8;
}

Committed LogWriter::state(std::uint64_t first_sequence) const noexcept {
    return {.frame = nullptr,
            .epoch = recovered_.epoch,
            .first_sequence = first_sequence,
            .next_sequence = next_sequence_,
            .durable_sequence = durable_sequence_};
}

// commit(), and once more in a new segment if that fails.
Task<Result<>> LogWriter::commit_somewhere(const Written& written, bool durable) {
    SLUICE_CO_CHECK(co_await ensure_room(written.group.bytes));
    Result<> outcome = co_await commit(written, durable);
    if (outcome) {
        co_return outcome;
    }
    SLUICE_CO_CHECK(co_await move_unsynced(std::move(outcome).error()));
    outcome = co_await commit(written, durable);
    if (!outcome) {
        events_.on_segment_failed(segment_name(segment_->header.segment_id), outcome.error());
        segment_.reset();
    }
    co_return outcome;
}

void LogWriter::compact(Group& group) const {
    if (group.bytes <= kCompactBytesMax) {
        auto copy = std::make_shared<AlignedBuffer>(group.bytes);
        std::memcpy(copy->data(), group.buffer->data(), group.bytes);
        group.buffer = std::move(copy);
    }
}

Task<Result<Committed>> LogWriter::append(Group group, std::span<const ProducerMark> marks, bool durable) {
    SLUICE_ASSERT(group.count > 0 && group.bytes <= group_bytes_max(), "{} records, {} bytes", group.count,
                  group.bytes);
    if (unsynced_bytes_ + group.bytes > options_.unsynced_bytes_max) {
        SLUICE_CO_CHECK(co_await sync());
    }
    Written written(std::move(group), next_sequence_, kernel_.clock().wall_now());
    Result<> stored = co_await commit_somewhere(written, durable);
    if (!stored) {
        co_return std::unexpected(trouble_with_own_file(std::move(stored).error()));
    }
    const std::uint64_t first_sequence = next_sequence_;
    next_sequence_ += written.group.count;
    for (const ProducerMark& mark : marks) {
        producers_.update(mark.id, mark.uid, {mark.number, first_sequence + mark.records_end - 1});
    }
    compact(written.group);
    if (durable) {
        mark_durable();
    }
    Committed committed = state(first_sequence);
    committed.frame = written.group.buffer;
    if (!durable) {
        unsynced_bytes_ += written.group.buffer->capacity();
        unsynced_.push_back(std::move(written));
    }
    co_return committed;
}

Task<Result<Committed>> LogWriter::sync() {
    if (!unsynced_.empty()) {
        Result<> outcome;
        if (segment_) {
            outcome = co_await sync_segment();
        }
        if (!outcome || !segment_) {
            Error why = outcome ? Error(Errc::io_error, "the log has no usable segment") : std::move(outcome).error();
            outcome = co_await move_unsynced(std::move(why));
            if (!outcome) {
                co_return std::unexpected(trouble_with_own_file(std::move(outcome).error()));
            }
        }
    }
    co_return state(next_sequence_);
}

Task<> LogWriter::abandon() {
    background_.cancel();
    co_await background_.join();
}

Task<Result<>> LogWriter::close() {
    background_.cancel();
    co_await background_.join();
    SLUICE_CO_TRY(const Committed committed, co_await sync());
    if (!segment_) {
        SLUICE_CO_CHECK(co_await roll(next_sequence_));  // Everything is durable; this is only to say so.
    }
    const std::size_t bytes = sizeof(FrameHeader);
    if (segment_->tail + padded(bytes, block_bytes_) <= options_.segment_bytes) {
        Group group(std::make_shared<AlignedBuffer>(kHeaderBlock), bytes, 0);
        Written goodbye(std::move(group), committed.next_sequence, kernel_.clock().wall_now());
        SLUICE_CO_CHECK(co_await write_frame(*segment_, FrameKind::closed, goodbye, io::WriteSync::none));
        SLUICE_CO_CHECK(co_await kernel_.sync(segment_->file, io::SyncKind::data));
    }
    co_return co_await kernel_.close(std::move(segment_->file));
}

}  // namespace sluice::store
