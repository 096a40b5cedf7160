// Messages of other programs' logging protocols become records: what the decoders of journald's datagrams
// (journal_datagram.h), syslog (syslog_message.h), stdout streams (stdout_stream.h) and JSON lines (json_lines.h)
// share. Nothing is refused: what is not understood is the message of a record, whole, with the reason in the field
// parse_error.
#pragma once

#include <string_view>

#include "wire/import.h"
#include "wire/record.h"

namespace sluice::wire {

// The field that says why a message was not understood, or what of it could not be kept.
inline constexpr std::string_view kParseErrorName = "parse_error";
// What the message says of its program, where the stream has another name.
inline constexpr std::string_view kIdentifierFieldName = "syslog_identifier";

// Names the stream of each record.
class StreamNamer {
 public:
    // `identifier`: what the message says of its program (a syslog tag, SYSLOG_IDENTIFIER); any bytes, may be empty.
    // A valid stream name; lives until the next call.
    virtual std::string_view stream(std::string_view identifier) = 0;

 protected:
    ~StreamNamer() = default;
};

// Of one message.
struct IntakeContext {
    StreamNamer& names;
    WallNs time_ns = 0;                  // When the kernel took it from the sender.
    Severity severity = Severity::info;  // Of messages that do not say.
    RecordLimits limits{};
};

struct IntakeCounts {
    std::uint64_t records = 0;
    std::uint64_t malformed = 0;       // Kept whole or mended, with the reason in parse_error.
    std::uint64_t dropped_fields = 0;  // With names that journald drops, too.
    std::uint64_t cut = 0;             // Fields or messages that were cut or left out for a limit.
    IntakeCounts& operator+=(const IntakeCounts& more) noexcept {
        records += more.records;
        malformed += more.malformed;
        dropped_fields += more.dropped_fields;
        cut += more.cut;
        return *this;
    }
    friend bool operator==(const IntakeCounts&, const IntakeCounts&) = default;
};

// What a saved decoder knows: where a connection is at rest, which is what holds for all of it (a header), or also what
// is held of a record that is not complete.
enum class Unfinished : bool { left_out, included };

// Takes the bytes of one connection as they come, cut anywhere, and appends the records that are complete.
class StreamDecoder {
 public:
    virtual ~StreamDecoder() = default;
    virtual void take(std::string_view bytes, const IntakeContext& context, Bytes& into, IntakeCounts& counts) = 0;
    // The connection has ended.
    virtual void finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) = 0;
    // Of a record that is not complete: bounded by about twice kImportRecordBytesMax.
    virtual std::size_t held_bytes() const noexcept = 0;
    // Appends what another decoder of the same protocol needs to go on with the connection: at most kSavedBytesMax.
    virtual void save(Unfinished unfinished, Bytes& into) const = 0;
    // Goes on from there, not from where it is.  The bytes are untrusted.  Errors: malformed, invalid_argument,
    // too_large; the decoder is as it was.
    virtual Result<> restore(ByteView saved) = 0;
    static constexpr std::size_t kSavedBytesMax = 2 * kImportRecordBytesMax + (64U << 10U);

 protected:
    // What a call of take or finish was given.
    struct Sink {
        const IntakeContext& context;
        Bytes& into;
        IntakeCounts& counts;
    };
};

}  // namespace sluice::wire
