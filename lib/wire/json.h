// JSON lines in, JSON lines out.
//
// In: an object becomes a record.
//   time, ts, timestamp, @timestamp             RFC 3339 text, or a number (or its text) of seconds, ms, us or ns since
//                                               1970 (told apart by magnitude); 0 is no time
//   severity, level, lvl, levelname, log.level  a name or number of parse_level (severity.h)
//   message, msg, event                         text; any other scalar as its text
//   stream                                      a valid stream name
// The first key of each row that is there and usable counts (in the order of the row); everything else is a field:
// numbers int64 or float64 (an integer of 2^63 or more as decimal string), booleans, strings; null is skipped; nested
// objects are flattened with dots; arrays, and what is nested deeper than 16 levels, become their JSON text;
// {"base64":"..."} becomes a bytes field.
// A byte-order mark in front of it is dropped.  What JSON or a record cannot have is mended, and the field parse_error
// says what: single values as json_repair.h has it; a byte that no name may have is '_', an empty name "field", a long
// one is cut; fields beyond the limit are one JSON object, the field `unparsed`; of a record that would be too large
// the message is the line. A line that is not a JSON object becomes the message of a record, whole: nothing is lost.
//
// Out: one object per line.  time (RFC 3339, ns), receive_time, sequence, cursor, severity (name), stream, message,
// then the client's fields and the trusted fields by name.  A name that occurs twice becomes an array; a field that has
// the name of one of those keys gets "field." in front.  Text that is not UTF-8, and every bytes field, is
// {"base64":"..."}; so nothing is lost.  A float that JSON has no number for is the text NaN, Infinity or -Infinity.
// A computed row (kBatchComputed) is an object of its columns only.
#pragma once

#include <memory>
#include <string>

#include "wire/cursor.h"
#include "wire/intake.h"
#include "wire/record.h"
#include "wire/tail_messages.h"

namespace sluice::wire {

struct JsonDefaults {
    Severity severity = Severity::info;
    std::string_view stream{};
    WallNs time_ns = 0;
    // Names that begin with '_' are the daemon's own, and it drops them.  rename: the field goes without the '_'.
    enum class Reserved : std::uint8_t { keep, rename } reserved = Reserved::keep;
    // Keys that count before those of the rows above; empty: none.
    std::string_view time_key{};
    std::string_view severity_key{};
    std::string_view message_key{};
    // Borrowed; if set, it names the stream, with the key `stream` as identifier, and `stream` above does not count.
    StreamNamer* names = nullptr;
};

enum class JsonOutcome : std::uint8_t {
    object,      // The line was an object and became a record.
    mended,      // The same, but for what the field parse_error says.
    plain_text,  // It was not; the line is the message.
};

// Owns the parser's memory; reuse it for many lines.  Threads: one.
class JsonReader {
 public:
    explicit JsonReader(RecordLimits limits = {});
    ~JsonReader();
    JsonReader(JsonReader&&) noexcept;
    JsonReader& operator=(JsonReader&&) noexcept;

    // Appends one record to `into`, or several where the message of an object is above the limit: they have the fields
    // line_part and line_more.  `line` without its line end.  Errors: too_large (it is no object, and longer than a
    // message); `into` is then unchanged.
    Result<JsonOutcome> append_record(std::string_view line, const JsonDefaults& defaults, Bytes& into);

    // The same, but of an object only.  Errors: malformed (no JSON object); `into` is then unchanged.
    Result<IntakeCounts> append_object(std::string_view line, const JsonDefaults& defaults, Bytes& into);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    RecordLimits limits_{};
};

// Appends one JSON object, without a line end.  `cursor` null: no cursor key.
void append_json(std::string& to, const TailEntry& entry, const Cursor* cursor = nullptr);

// Appends the client's record alone, so that JsonReader makes the same record of it: time, severity, stream and
// message, then the fields under their own names, each as often as it occurs.  Two kinds of fields do not come back as
// they were: a string that is not UTF-8 (as bytes) and a float that JSON has no number for (as text).
void append_json_record(std::string& to, const RecordView& record);

// Appends what append_json writes of a field's value.
void append_json_value(std::string& to, const FieldView& field);

// Without a byte-order mark in front, as Windows programs begin their files.
constexpr std::string_view without_byte_order_mark(std::string_view text) noexcept {
    return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

// Appends a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& to, std::string_view text);

}  // namespace sluice::wire
