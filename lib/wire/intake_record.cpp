#include "wire/intake_record.h"

#include "wire/escape.h"

namespace sluice::wire {

Severity restore_severity(Reader& from) {
    const std::uint8_t value = from.u8();
    if (value > static_cast<std::uint8_t>(Severity::debug)) {
        from.refuse(Errc::invalid_argument, "no severity");
        return Severity::info;
    }
    return static_cast<Severity>(value);
}

void RecordWriter::begin(const Head& head, std::string_view message, std::size_t fields_bytes) {
    start_ = into_.size();
    end_ = start_;
    fields_ = 0;
    left_out_ = 0;
    const std::size_t fixed = kRecordHeaderSize + head.stream.size() + message.size();
    std::byte* at = room(fixed + fields_bytes);
    at[4] = static_cast<std::byte>(head.severity);
    at[5] = static_cast<std::byte>(head.stream.size());
    store_int(at + 8, head.time_ns);
    store_int(at + 16, static_cast<std::uint32_t>(message.size()));
    // Views may be null and empty, which memcpy does not take.
    std::copy(head.stream.begin(), head.stream.end(), reinterpret_cast<char*>(at + kRecordHeaderSize));
    std::copy(message.begin(), message.end(), reinterpret_cast<char*>(at + kRecordHeaderSize + head.stream.size()));
    end_ += fixed;
}

void RecordWriter::text(std::string_view name, std::string_view value) {
    field(valid_utf8(value) ? FieldType::string : FieldType::bytes, name, as_bytes(value));
}

void RecordWriter::field(FieldType type, std::string_view name, ByteView value) {
    const std::size_t size = kFieldHeaderSize + name.size() + value.size();
    if (fields_ >= fields_max_ || size > kImportRecordBytesMax - std::min(bytes(), kImportRecordBytesMax)) {
        ++left_out_;
        return;
    }
    std::byte* at = room(size);
    at[0] = static_cast<std::byte>(type);
    at[1] = static_cast<std::byte>(name.size());
    store_int<std::uint16_t>(at + 2, 0);
    store_int(at + 4, static_cast<std::uint32_t>(value.size()));
    std::copy(name.begin(), name.end(), reinterpret_cast<char*>(at + kFieldHeaderSize));
    std::copy(value.begin(), value.end(), at + kFieldHeaderSize + name.size());
    end_ += size;
    ++fields_;
}

void RecordWriter::encoded(ByteView fields, std::uint32_t count) {
    std::copy(fields.begin(), fields.end(), room(fields.size()));
    end_ += fields.size();
    fields_ += count;
}

void RecordWriter::identifier(std::string_view identifier, std::string_view stream) {
    if (!identifier.empty() && identifier != stream) {
        text(kIdentifierFieldName, identifier);
    }
}

void RecordWriter::part(std::uint32_t number, bool more) {
    const auto part = static_cast<std::int64_t>(number);
    const std::byte last{more ? std::uint8_t{1} : std::uint8_t{0}};
    field(FieldType::int64, "line_part", std::as_bytes(std::span(&part, 1)));
    field(FieldType::boolean, "line_more", {&last, 1});
}

void RecordWriter::finish(IntakeCounts& counts) {
    into_.resize(end_);
    std::byte* at = into_.data() + start_;
    store_int(at, static_cast<std::uint32_t>(bytes()));
    store_int(at + 6, static_cast<std::uint16_t>(fields_));
    ++counts.records;
    counts.cut += left_out_;
}

std::byte* RecordWriter::room(std::size_t bytes) {
    if (into_.size() - end_ < bytes) {
        into_.resize(end_ + bytes);
    }
    return into_.data() + end_;
}

void LongMessage::append(std::string_view text, bool more, std::string_view fault, const RecordLimits& limits,
                         Bytes& into, IntakeCounts& counts) {
    RecordWriter record(into, limits);
    record.begin({severity_, stream_, time_ns_}, text, 64);
    if (!fault.empty()) {
        counts.malformed += malformed_ ? 0 : 1;
        malformed_ = true;
        record.text(kParseErrorName, fault);
    }
    record.part(++part_, more);
    record.finish(counts);
}

void LongMessage::save(const std::optional<LongMessage>& message, Bytes& into) {
    append_int(into, static_cast<std::uint8_t>(message ? 1 : 0));
    if (message) {
        append_int(into, static_cast<std::uint8_t>(message->severity_));
        append_int(into, static_cast<std::uint8_t>(message->malformed_ ? 1 : 0));
        append_int(into, message->part_);
        append_int(into, message->time_ns_);
        append_str(into, message->stream_);
    }
}

std::optional<LongMessage> LongMessage::restore(Reader& from) {
    if (!from.flag(from.u8())) {
        return std::nullopt;
    }
    const Severity severity = restore_severity(from);
    const bool malformed = from.flag(from.u8());
    const std::uint32_t part = from.u32();
    const WallNs time_ns = from.i64();
    const std::string_view stream = from.str(kNameBytesMax);
    if (!valid_stream_name(stream)) {
        from.refuse(Errc::invalid_argument, "no name of a stream");
        return std::nullopt;
    }
    LongMessage message({.severity = severity, .stream = stream, .time_ns = time_ns}, malformed);
    message.part_ = part;
    return message;
}

void append_malformed(std::string_view text, const RecordWriter::Head& head, std::string_view fault,
                      const RecordLimits& limits, Bytes& into, IntakeCounts& counts) {
    const std::size_t part_bytes = intake_message_bytes_max(limits);
    RecordWriter record(into, limits);
    record.begin(head, text.substr(0, part_bytes), 128);
    record.text(kParseErrorName, fault);
    ++counts.malformed;
    if (text.size() <= part_bytes) {
        record.finish(counts);
        return;
    }
    record.part(1, true);
    record.finish(counts);
    LongMessage parts(head, /*malformed=*/true);
    for (text.remove_prefix(part_bytes); !text.empty(); text.remove_prefix(std::min(part_bytes, text.size()))) {
        parts.append(text.substr(0, part_bytes), text.size() > part_bytes, {}, limits, into, counts);
    }
}

}  // namespace sluice::wire
