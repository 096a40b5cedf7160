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

// The frame at `offset`, if one begins there that has records; `next` becomes where to look then.  `check`: read all of
// it, because what looks like a header may be the bytes of a record in a damaged frame.
std::optional<LogScan::Place> LogScan::place_at(std::size_t segment, std::uint64_t offset, bool check,
                                                std::uint64_t& next) {
    const Segment& from = segments_[segment];
    FrameHeader header;
    const Result<std::size_t> size = from.file.read(offset, std::as_writable_bytes(std::span(&header, 1)));
    const std::uint64_t left = from.file.size() - offset;
    if (!size || *size < sizeof header || header.magic != kFrameMagic || header.segment_id != from.header.segment_id ||
        header.payload_bytes > left - sizeof header) {
        return std::nullopt;
    }
    const Place place{.segment = segment,
                      .offset = offset,
                      .bytes = sizeof header + header.payload_bytes,
                      .first_sequence = header.first_sequence,
                      .end_sequence = std::min(header.first_sequence + header.count, from.limit)};
    if (check) {
        Bytes bytes(place.bytes);
        const Result<std::size_t> all = from.file.read(offset, bytes);
        if (!all || !parse_frame(ByteView(bytes).first(*all), from.header, bytes.size())) {
            return std::nullopt;
        }
    }
    next = offset + round_up(place.bytes, from.header.block_bytes);
    return header.kind == FrameKind::records ? std::optional(place) : std::nullopt;
}

void LogScan::index_segment(std::size_t segment) {
    const Segment& from = segments_[segment];
    bool searching = false;
    for (std::uint64_t offset = kHeaderBlock; offset + sizeof(FrameHeader) <= from.file.size();) {
        std::uint64_t next = 0;
        const std::optional<Place> place = place_at(segment, offset, searching, next);
        searching = next == 0;
        offset = searching ? offset + from.header.block_bytes : next;
        if (!place) {
            continue;
        }
        if (place->first_sequence >= from.limit) {
            break;
        }
        // Ascending whatever the file says: what repeats numbers was written again elsewhere.
        if (places_.empty() || place->first_sequence >= places_.back().end_sequence) {
            places_.push_back(*place);
        }
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
        const bool being_written = &place == &places_.back();
        lost_records_ += being_written ? 0 : place.end_sequence - place.first_sequence;
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
