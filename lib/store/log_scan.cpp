#include "store/log_scan.h"

#include <algorithm>

#include "store/identity_evidence.h"
#include "store/offline_file.h"
#include "wire/batch.h"

namespace sluice::store {
namespace {

bool valid_batches(ByteView payload, std::uint32_t count) {
    constexpr wire::RecordLimits kAny{.message_bytes_max = UINT32_MAX, .fields_max = UINT32_MAX};
    std::uint64_t records = 0;
    while (!payload.empty()) {
        const Result<wire::BatchView> batch = wire::parse_batch(payload, kAny);
        if (!batch) {
            return false;
        }
        records += batch->header.count;
    }
    return records == count;
}

}  // namespace

struct LogScan::Segment {
    OfflineFile file;
    SegmentHeader header;
    std::uint64_t limit = kNoLimit;  // The first sequence that it does not own.
};

LogScan::LogScan() = default;
LogScan::~LogScan() = default;

Result<std::unique_ptr<LogScan>> LogScan::open(const std::string& directory) {
    std::unique_ptr<LogScan> scan(new LogScan());
    SLUICE_CHECK(scan->load(directory));
    return scan;
}

std::optional<std::uint64_t> LogScan::begins() const noexcept {
    return segments_.empty() ? std::nullopt : std::optional(segments_.front().header.first_sequence);
}

Result<> LogScan::load(const std::string& directory) {
    SLUICE_TRY(const OfflineIdentity identity, read_identity(directory));
    store_id_ = identity.id;
    if (identity.why) {
        problems_.push_back(fmt::format("{}; the other files tell whose they are", identity.why->text()));
    }

    SLUICE_TRY(const std::vector<std::string> names, list_files(directory));
    for (const std::string& name : names) {
        if (parse_segment_name(name)) {
            open_segment(directory, name);
        }
    }
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        segments_[i].limit = i + 1 < segments_.size() ? segments_[i + 1].header.first_sequence : kNoLimit;
        epoch_ = std::max(epoch_, segments_[i].header.epoch);
        index_segment(i);
    }
    return {};
}

void LogScan::open_segment(const std::string& directory, const std::string& name) {
    Result<OfflineFile> file = OfflineFile::open(directory + "/" + name);
    if (!file) {
        if (file.error().code() != Errc::not_found) {  // Else it was retired since it was listed.
            problems_.push_back(fmt::format("{}: {}", name, file.error().text()));
        }
        return;
    }
    Bytes block(kHeaderBlock);
    const Result<std::size_t> size = file->read(0, block);
    if (!size) {
        problems_.push_back(fmt::format("{}: {}", name, size.error().text()));
        return;
    }
    const Result<SegmentHeader> header = parse_segment_header(ByteView(block).first(*size));
    if (!header) {
        problems_.push_back(fmt::format("{}: {}", name, header.error().text()));
    } else if (header->store_id != store_id_ || segment_name(header->segment_id) != name) {
        problems_.push_back(fmt::format("{}: its header is of another segment", name));
    } else {
        segments_.push_back({std::move(*file), *header, kNoLimit});
    }
}

namespace {

// A header as it stands there, of a frame that fits the file: nobody has looked at its checksum.
std::optional<FrameHeader> header_at(const OfflineFile& file, const SegmentHeader& segment, std::uint64_t offset) {
    FrameHeader header;
    if (offset + sizeof header > file.size()) {
        return std::nullopt;
    }
    const Result<std::size_t> size = file.read(offset, std::as_writable_bytes(std::span(&header, 1)));
    const bool here = size && *size == sizeof header && header.magic == kFrameMagic &&
                      header.segment_id == segment.segment_id &&
                      header.payload_bytes <= file.size() - offset - sizeof header;
    return here ? std::optional(header) : std::nullopt;
}

bool whole_at(const OfflineFile& file, const SegmentHeader& segment, std::uint64_t offset, const FrameHeader& header) {
    Bytes bytes(sizeof header + header.payload_bytes);
    const Result<std::size_t> size = file.read(offset, bytes);
    return size && parse_frame(ByteView(bytes).first(*size), segment, bytes.size());
}

std::uint64_t end_of(const FrameHeader& header) noexcept {
    return header.first_sequence + header.count;
}

}  // namespace

void LogScan::add_frame(std::size_t segment, std::uint64_t offset, const FrameHeader& header) {
    // Ascending whatever the file says: what repeats numbers was written again elsewhere.
    const bool ascends = places_.empty() || header.first_sequence >= places_.back().end_sequence;
    if (header.kind == FrameKind::records && ascends) {
        places_.push_back({.segment = segment,
                           .offset = offset,
                           .bytes = sizeof header + header.payload_bytes,
                           .first_sequence = header.first_sequence,
                           .end_sequence = std::min(end_of(header), segments_[segment].limit)});
    }
}

// The records between two frames, of which the bytes [offset, end) are left; none: they are just not there.
void LogScan::note_missing(const Segment& from, std::uint64_t offset, std::uint64_t end, std::uint64_t first_sequence,
                           std::uint64_t end_sequence) {
    const std::string file = segment_name(from.header.segment_id);
    const bool known =
        std::ranges::any_of(damage_, [&](const Damage& other) { return other.offset == offset && other.file == file; });
    if (first_sequence < end_sequence && !known) {
        damage_.push_back({.file = file,
                           .offset = offset,
                           .bytes = end - offset,
                           .first_sequence = first_sequence,
                           .end_sequence = end_sequence,
                           .what = offset == end ? "records are missing before this place" : ""});
    }
}

// A header is believed where it begins with the number that is expected, and the next one goes on behind its frame: a
// damaged one would hide its neighbours.  All others are read whole, also because what looks like a header behind
// damage may be the bytes of a record.
void LogScan::index_segment(std::size_t segment) {
    const Segment& from = segments_[segment];
    std::uint64_t expected = from.header.first_sequence;
    std::uint64_t offset = kHeaderBlock;
    std::optional<std::uint64_t> hole;
    std::optional<FrameHeader> header = header_at(from.file, from.header, offset);
    while (offset + sizeof(FrameHeader) <= from.file.size()) {  // Bounded: each turn goes on by a block at least.
        const std::uint64_t next =
            offset + round_up(header ? sizeof *header + header->payload_bytes : 1, from.header.block_bytes);
        const std::optional<FrameHeader> following = header ? header_at(from.file, from.header, next) : std::nullopt;
        const bool fits = !hole && following && header->first_sequence == expected &&
                          following->first_sequence == end_of(*header) &&
                          (header->kind == FrameKind::records || header->count == 0);
        if (!fits && !(header && whole_at(from.file, from.header, offset, *header))) {
            hole = hole.value_or(offset);
            offset += from.header.block_bytes;
            header = header_at(from.file, from.header, offset);
            continue;
        }
        note_missing(from, hole.value_or(offset), offset, expected, std::min(header->first_sequence, from.limit));
        hole.reset();
        expected = std::max(expected, std::min(header->first_sequence, from.limit));
        if (header->first_sequence >= from.limit) {
            break;
        }
        add_frame(segment, offset, *header);
        expected = std::max(expected, end_of(*header));
        offset = next;
        header = following;
    }
    if (from.limit != kNoLimit) {
        note_missing(from, hole.value_or(offset), std::max(offset, from.file.size()), expected, from.limit);
    }
}

Result<std::optional<LogScan::Frame>> LogScan::read(const Place& place) {
    const Segment& from = segments_[place.segment];
    auto bytes = std::make_shared<Bytes>(place.bytes);
    SLUICE_TRY(const std::size_t size, from.file.read(place.offset, *bytes));
    const auto frame = parse_frame(ByteView(*bytes).first(size), from.header, bytes->size());
    const bool whole = frame && frame->header.first_sequence == place.first_sequence &&
                       valid_batches(frame->payload, frame->header.count);
    if (!whole) {
        note_missing(from, place.offset, place.offset + round_up(place.bytes, from.header.block_bytes),
                     place.first_sequence, place.end_sequence);
        return std::nullopt;
    }
    Frame found{.bytes = std::move(bytes),
                .payload = frame->payload,
                .epoch = frame->header.epoch,
                .first_sequence = place.first_sequence,
                .count = frame->header.count,
                .limit = static_cast<std::uint32_t>(place.end_sequence - place.first_sequence)};
    return found;
}

}  // namespace sluice::store
