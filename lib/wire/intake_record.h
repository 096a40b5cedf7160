// Records as the decoders of intake.h write them: encoded in place, because these are hot paths.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "wire/codec.h"
#include "wire/intake.h"

namespace sluice::wire {

// Of a record, kept free for fields beside the message.
inline constexpr std::size_t kIntakeFieldBytes = 48U << 10U;
static_assert(kMessageBytesMax + kIntakeFieldBytes + kRecordHeaderSize + kNameBytesMax < kImportRecordBytesMax);

// Memory that is kept between messages of a connection; one that needed more gives it back.
inline constexpr std::size_t kIntakeIdleBytesMax = 16U << 10U;

// Empties what a connection holds.
inline void clear_held(std::string& held) noexcept {
    held.clear();
    if (held.capacity() > kIntakeIdleBytesMax) {
        held = std::string();
    }
}

// The longest message of one record; what is longer comes out in parts, or is cut.
// Precondition: limits.message_bytes_max is not 0.
inline std::size_t intake_message_bytes_max(const RecordLimits& limits) noexcept {
    return std::min<std::size_t>(limits.message_bytes_max, kImportRecordBytesMax - kIntakeFieldBytes);
}

// Writes one record to the end of `into`, which it borrows: begin, fields, finish.
// Unlike RecordBuilder it does not look at the names: precondition of each call is that they are valid.  A field beyond
// the limits of a record is left out and counted `cut`.
class RecordWriter {
 public:
    RecordWriter(Bytes& into, const RecordLimits& limits) noexcept : into_(into), fields_max_(limits.fields_max) {}

    struct Head {
        Severity severity = Severity::info;
        std::string_view stream{};
        WallNs time_ns = 0;
    };
    // Preconditions: a valid stream, at most intake_message_bytes_max of message.  `fields_bytes`: room that is made
    // for fields; more is made when it is needed.
    void begin(const Head& head, std::string_view message, std::size_t fields_bytes);
    // A string, or bytes where it is not UTF-8.
    void text(std::string_view name, std::string_view value);
    void field(FieldType type, std::string_view name, ByteView value);
    void encoded(ByteView fields, std::uint32_t count);
    // The field syslog_identifier, where the stream has another name.
    void identifier(std::string_view identifier, std::string_view stream);
    // The fields line_part and line_more of a message in parts.
    void part(std::uint32_t number, bool more);
    // Counts the record.
    void finish(IntakeCounts& counts);

    std::uint32_t fields() const noexcept { return fields_; }
    std::size_t bytes() const noexcept { return end_ - start_; }

 private:
    std::byte* room(std::size_t bytes);

    Bytes& into_;
    std::size_t start_ = 0;
    std::size_t end_ = 0;  // Of what is written; `into_` is longer until the record is finished.
    std::uint32_t fields_ = 0;
    std::uint32_t fields_max_;
    std::uint32_t left_out_ = 0;
};

// For StreamDecoder::restore.
Severity restore_severity(Reader& from);

// The parts of a message after the first one.
class LongMessage {
 public:
    // `malformed`: it is counted already.
    LongMessage(const RecordWriter::Head& head, bool malformed)
        : severity_(head.severity), stream_(head.stream), time_ns_(head.time_ns), malformed_(malformed) {}

    // One part.  Precondition: at most intake_message_bytes_max.  `fault`: for parse_error; empty: none.
    void append(std::string_view text, bool more, std::string_view fault, const RecordLimits& limits, Bytes& into,
                IntakeCounts& counts);

    // For StreamDecoder::save and restore: one that may not be there.
    static void save(const std::optional<LongMessage>& message, Bytes& into);
    static std::optional<LongMessage> restore(Reader& from);

 private:
    Severity severity_;
    std::string stream_;
    WallNs time_ns_;
    bool malformed_;
    std::uint32_t part_ = 1;
};

// Appends what is not understood: `text`, whole, with `fault` in parse_error; in parts where it is long.
void append_malformed(std::string_view text, const RecordWriter::Head& head, std::string_view fault,
                      const RecordLimits& limits, Bytes& into, IntakeCounts& counts);

}  // namespace sluice::wire
