#include "wire/tail_messages.h"

#include "base/assert.h"
#include "wire/record_check.h"

namespace sluice::wire {
namespace {

constexpr std::uint8_t kTailFollow = 1;
constexpr std::uint8_t kTailDurable = 2;
constexpr std::uint8_t kTailQuery = 4;

std::uint16_t take_count(Reader& reader, std::size_t count_max) {
    const auto count = reader.u16();
    if (count > count_max) {
        reader.refuse(Errc::too_large, "too many conditions");
        return 0;
    }
    return count;
}

void append_count(Bytes& to, std::size_t count) {
    SLUICE_ASSERT(count <= UINT16_MAX, "{} conditions", count);
    append_int(to, static_cast<std::uint16_t>(count));
}

void take_filter(Reader& reader, TailFilter& filter) {
    const auto streams = take_count(reader, kTailStreamsMax);
    for (std::uint16_t i = 0; i < streams && !reader.failed(); ++i) {
        filter.streams.emplace_back(reader.str(kNameBytesMax + 1));  // One more for the '*' of a prefix.
    }
    const auto fields = take_count(reader, kTailFieldsMax);
    for (std::uint16_t i = 0; i < fields && !reader.failed(); ++i) {
        const std::string_view name = reader.str(kNameBytesMax);
        const std::string_view value = reader.str(kTailTextBytesMax);
        filter.fields.push_back({std::string(name), std::string(value)});
    }
    const auto greps = take_count(reader, kTailGrepsMax);
    for (std::uint16_t i = 0; i < greps && !reader.failed(); ++i) {
        filter.greps.emplace_back(reader.str(kTailTextBytesMax));
    }
}

}  // namespace

void TailRequest::encode(Bytes& to) const {
    append_int(to, static_cast<std::uint8_t>(start));
    append_int(to, static_cast<std::uint8_t>((follow ? kTailFollow : 0) | (durable_only ? kTailDurable : 0) |
                                             (query.empty() ? 0 : kTailQuery)));
    append_int(to, static_cast<std::uint8_t>(filter.severity_max));
    append_zeros(to, 1);
    append_int(to, credit);
    append_int(to, n);
    append_int(to, since_ns);
    append_cursor(to, after);
    append_count(to, filter.streams.size());
    for (const std::string& stream : filter.streams) {
        append_str(to, stream);
    }
    append_count(to, filter.fields.size());
    for (const TailFilter::FieldCondition& field : filter.fields) {
        append_str(to, field.name);
        append_str(to, field.value);
    }
    append_count(to, filter.greps.size());
    for (const std::string& grep : filter.greps) {
        append_str(to, grep);
    }
    if (!query.empty()) {
        append_str(to, query);
    }
}

Result<TailRequest> TailRequest::decode(ByteView payload) {
    Reader reader(payload);
    TailRequest tail;
    const auto start = reader.u8();
    const auto flags = reader.u8();
    const auto severity = reader.u8();
    reader.zeros(1);
    if (start > static_cast<std::uint8_t>(TailStart::oldest)) {
        reader.refuse(Errc::invalid_argument, "unknown start");
    }
    if ((flags & ~(kTailFollow | kTailDurable | kTailQuery)) != 0) {
        reader.refuse(Errc::unsupported, "unknown flag");
    }
    if (severity > 7) {
        reader.refuse(Errc::invalid_argument, "severity above 7");
    }
    tail.start = static_cast<TailStart>(start);
    tail.follow = (flags & kTailFollow) != 0;
    tail.durable_only = (flags & kTailDurable) != 0;
    tail.filter.severity_max = static_cast<Severity>(severity);
    tail.credit = reader.u32();
    tail.n = reader.u64();
    tail.since_ns = reader.i64();
    tail.after = reader.cursor();
    take_filter(reader, tail.filter);
    if ((flags & kTailQuery) != 0) {
        tail.query = reader.str(kQueryTextBytesMax);
        if (tail.query.empty()) {
            reader.refuse(Errc::invalid_argument, "an empty filter");
        }
    }
    SLUICE_CHECK(reader.finish("tail"));
    return tail;
}

TailEntry TailEntryCodec::view(const std::byte* at) noexcept {
    const auto trusted_count = load_int<std::uint16_t>(at + 18);
    const auto trusted_size = load_int<std::uint32_t>(at + 20);
    const std::byte* trusted = at + kTailEntryHeaderSize;
    return {load_int<std::uint64_t>(at), load_int<std::int64_t>(at + 8), load_int<std::uint16_t>(at + 16),
            FieldRange({trusted, trusted_size}, trusted_count), RecordView::unchecked(trusted + trusted_size)};
}

std::size_t TailEntryCodec::size(const std::byte* at) noexcept {
    const std::size_t head = kTailEntryHeaderSize + load_int<std::uint32_t>(at + 20);
    return head + RecordCodec::size(at + head);
}

void TailChunk::encode(Bytes& to) const {
    append_int(to, epoch);
    append_int(to, entries.size());
    sluice::append(to, entries.bytes());
}

Result<TailEntryRange> parse_tail_entries(ByteView bytes, std::uint32_t count, const RecordLimits& limits) {
    Reader rest(bytes);
    for (std::uint32_t i = 0; i < count && !rest.failed(); ++i) {
        rest.bytes(18);
        const auto trusted_count = rest.u16();
        const auto trusted_size = rest.u32();
        if (auto trusted = parse_fields(rest.bytes(trusted_size), trusted_count); !trusted) {
            return std::unexpected(std::move(trusted).error().during("tail entry {}: trusted fields", i));
        }
        const ByteView left = bytes.last(rest.left());
        const RecordCheck record = check_record(left.data(), left.data() + left.size(), limits);
        if (record.fault != RecordFault::none) {
            return std::unexpected(record_error(record.fault).during("tail entry {}", i));
        }
        rest.bytes(record.size);
    }
    SLUICE_CHECK(rest.finish("tail entries"));
    return TailEntryRange(bytes, count);
}

Result<TailChunk> TailChunk::decode(ByteView payload, const RecordLimits& limits) {
    Reader reader(payload);
    TailChunk chunk;
    chunk.epoch = reader.u32();
    const auto count = reader.u32();
    const ByteView entries = reader.rest();
    SLUICE_CHECK(reader.finish("tail chunk"));
    SLUICE_TRY(chunk.entries, parse_tail_entries(entries, count, limits));
    return chunk;
}

void append_tail_entry(Bytes& to, const TailEntry& entry) {
    append_int(to, entry.sequence);
    append_int(to, entry.receive_time_ns);
    append_int(to, entry.flags);
    append_int(to, static_cast<std::uint16_t>(entry.trusted.size()));
    append_int(to, static_cast<std::uint32_t>(entry.trusted.bytes().size()));
    sluice::append(to, entry.trusted.bytes());
    sluice::append(to, entry.record.bytes());
}

TailChunkBuilder::TailChunkBuilder(Bytes& to, std::uint64_t request_id, std::uint32_t epoch)
    : to_(to), start_(to.size()) {
    const FrameHeader header{.type = TailChunk::kType, .flags = kFrameMore, .id = request_id};
    sluice::append(to_, encode_frame_header(header));
    append_int(to_, epoch);
    append_zeros(to_, 4);
}

void TailChunkBuilder::add(const TailEntry& entry) {
    append_tail_entry(to_, entry);
    ++count_;
}

void TailChunkBuilder::finish() noexcept {
    SLUICE_ASSERT(size_bytes() <= UINT32_MAX, "a frame of {} bytes", size_bytes());
    store_int(to_.data() + start_, static_cast<std::uint32_t>(size_bytes()));
    store_int(to_.data() + start_ + kFrameHeaderSize + 4, count_);
}

void TailEnd::encode(Bytes& to) const {
    append_int(to, epoch);
    append_zeros(to, 4);
    append_cursor(to, resume_after);
}

Result<TailEnd> TailEnd::decode(ByteView payload) {
    Reader reader(payload);
    TailEnd end;
    end.epoch = reader.u32();
    reader.zeros(4);
    end.resume_after = reader.cursor();
    SLUICE_CHECK(reader.finish("tail end"));
    return end;
}

}  // namespace sluice::wire
