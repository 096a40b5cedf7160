#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/base64.h"
#include "wire/intake_record.h"
#include "wire/json.h"
#include "wire/json_repair.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

namespace dom = simdjson::dom;

// Index of a key within the object; used up by an envelope value and then no field.
constexpr std::size_t kNone = SIZE_MAX;

struct Envelope {
    Severity severity;
    std::string_view stream;
    WallNs time_ns;
    std::string message;
    std::array<std::size_t, 4> used{kNone, kNone, kNone, kNone};  // By Row.
};

// Seconds, ms, us or ns since 1970: each unit is taken where it means a time between 1973 and about 5000.
std::optional<WallNs> time_of_integer(std::int64_t value) noexcept {
    const std::uint64_t magnitude = value < 0 ? ~static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    if (magnitude < 100'000'000'000) {
        return magnitude < 9'000'000'000 ? std::optional(value * 1'000'000'000) : std::nullopt;
    }
    if (magnitude < 100'000'000'000'000) {
        return magnitude < 9'000'000'000'000 ? std::optional(value * 1'000'000) : std::nullopt;
    }
    if (magnitude < 100'000'000'000'000'000) {
        return magnitude < 9'000'000'000'000'000 ? std::optional(value * 1'000) : std::nullopt;
    }
    return value;
}

std::optional<WallNs> time_of_double(double number) noexcept {
    // Whole units and fraction apart: a double has no room for nanoseconds since 1970.
    if (!(number > -9e15 && number < 9e15)) {
        return std::nullopt;
    }
    const auto whole = static_cast<std::int64_t>(number);
    const auto scaled = time_of_integer(whole);
    if (!scaled) {
        return std::nullopt;
    }
    const double unit = whole == 0 ? 1e9 : static_cast<double>(*scaled / whole);
    return *scaled + static_cast<std::int64_t>((number - static_cast<double>(whole)) * unit);
}

std::optional<WallNs> time_of_text(std::string_view text) noexcept {
    if (const auto time = parse_rfc3339(text)) {
        return time;
    }
    const char* const end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto [rest, error] = std::from_chars(text.data(), end, whole); error == std::errc() && rest == end) {
        return time_of_integer(whole);
    }
    double number = 0;
    const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    return error == std::errc() && rest == end ? time_of_double(number) : std::nullopt;
}

// 0 is what programs write that have no time, and what a record has that does not say.
std::optional<WallNs> time_of(const dom::element& value) noexcept {
    std::optional<WallNs> time;
    if (value.is_string()) {
        time = time_of_text(value.get_string().value_unsafe());
    } else if (value.is_int64()) {
        time = time_of_integer(value.get_int64().value_unsafe());
    } else if (value.is<double>()) {
        time = time_of_double(value.get_double().value_unsafe());
    }
    return time == 0 ? std::nullopt : time;
}

std::optional<Severity> severity_of(const dom::element& value) noexcept {
    if (value.is_int64()) {
        return level_of_number(value.get_int64().value_unsafe());
    }
    return value.is_string() ? parse_level(value.get_string().value_unsafe()) : std::nullopt;
}

// The bytes of an object that is exactly {"base64": "..."}.
std::optional<std::string> bytes_of(const dom::element& value) {
    dom::object object;
    std::string_view text;
    if (value.get_object().get(object) != simdjson::SUCCESS || object.size() != 1 ||
        object.at_key("base64").get_string().get(text) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return decode_base64(text);
}

std::optional<std::string> message_of(const dom::element& value) {
    switch (value.type()) {
        case dom::element_type::STRING:
            return std::string(value.get_string().value_unsafe());
        case dom::element_type::INT64:
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE:
        case dom::element_type::BOOL:
            return simdjson::minify(value);
        case dom::element_type::OBJECT:
            return bytes_of(value);
        default:
            return std::nullopt;
    }
}

// What a key at the top may be, and its place in the row: the first that is usable counts.
enum Row : std::uint8_t { time_row, severity_row, message_row, stream_row, rows };
struct EnvelopeKey {
    std::string_view name;
    Row row;
    std::uint8_t place;
};
constexpr std::array kEnvelopeKeys{
    EnvelopeKey{"time", time_row, 0},          EnvelopeKey{"ts", time_row, 1},
    EnvelopeKey{"timestamp", time_row, 2},     EnvelopeKey{"@timestamp", time_row, 3},
    EnvelopeKey{"severity", severity_row, 0},  EnvelopeKey{"level", severity_row, 1},
    EnvelopeKey{"lvl", severity_row, 2},       EnvelopeKey{"levelname", severity_row, 3},
    EnvelopeKey{"log.level", severity_row, 4}, EnvelopeKey{"message", message_row, 0},
    EnvelopeKey{"msg", message_row, 1},        EnvelopeKey{"event", message_row, 2},
    EnvelopeKey{"stream", stream_row, 0},
};

std::optional<EnvelopeKey> find_envelope_key(std::string_view name, const JsonDefaults& defaults) noexcept {
    const std::array first{EnvelopeKey{defaults.time_key, time_row, 0},
                           EnvelopeKey{defaults.severity_key, severity_row, 0},
                           EnvelopeKey{defaults.message_key, message_row, 0}};
    for (const EnvelopeKey& key : first) {
        if (!name.empty() && key.name == name) {
            return key;
        }
    }
    for (EnvelopeKey key : kEnvelopeKeys) {
        if (key.name == name) {
            ++key.place;
            return key;
        }
    }
    return std::nullopt;
}

// False: the value cannot serve as that.
bool take_value(Envelope& envelope, Row row, const dom::element& value) {
    switch (row) {
        case time_row: {
            const auto time = time_of(value);
            envelope.time_ns = time.value_or(envelope.time_ns);
            return time.has_value();
        }
        case severity_row: {
            const auto severity = severity_of(value);
            envelope.severity = severity.value_or(envelope.severity);
            return severity.has_value();
        }
        case message_row: {
            auto message = message_of(value);
            const bool found = message.has_value();
            if (found) {
                envelope.message = std::move(*message);
            }
            return found;
        }
        case stream_row: {
            std::string_view stream;
            if (value.get_string().get(stream) != simdjson::SUCCESS || !valid_stream_name(stream)) {
                return false;
            }
            envelope.stream = stream;
            return true;
        }
        case rows:
            break;
    }
    return false;
}

Envelope take_envelope(const dom::object& object, const JsonDefaults& defaults) {
    Envelope envelope{
        defaults.severity, defaults.names == nullptr ? defaults.stream : std::string_view(), defaults.time_ns, {}};
    std::array<std::uint8_t, rows> places{};
    places.fill(UINT8_MAX);  // Of the keys that count so far.
    std::size_t index = 0;
    for (const auto [name, value] : object) {
        const std::optional<EnvelopeKey> key = find_envelope_key(name, defaults);
        if (key && key->place < places[key->row] && take_value(envelope, key->row, value)) {
            places[key->row] = key->place;
            envelope.used[key->row] = index;
        }
        ++index;
    }
    return envelope;
}

// RecordBuilder, or MendingSink.
template <class Sink>
void add_field(Sink& record, std::string& name, const dom::element& value, int depth);

template <class Sink>
void add_object(Sink& record, std::string& name, const dom::object& object, int depth) {
    const std::size_t length = name.size();
    for (const auto [key, value] : object) {
        name += '.';
        name += key;
        add_field(record, name, value, depth + 1);
        name.resize(length);
    }
}

// Recursion ends at kJsonDepthMax.
template <class Sink>
void add_field(Sink& record, std::string& name, const dom::element& value, int depth) {
    switch (value.type()) {
        case dom::element_type::STRING:
            record.string_field(name, value.get_string().value_unsafe());
            break;
        case dom::element_type::INT64:
            record.int_field(name, value.get_int64().value_unsafe());
            break;
        case dom::element_type::UINT64:
            record.field(name, value.get_uint64().value_unsafe());
            break;
        case dom::element_type::DOUBLE:
            record.float_field(name, value.get_double().value_unsafe());
            break;
        case dom::element_type::BOOL:
            record.bool_field(name, value.get_bool().value_unsafe());
            break;
        case dom::element_type::NULL_VALUE:
            break;
        case dom::element_type::ARRAY:
            record.string_field(name, simdjson::minify(value));
            break;
        case dom::element_type::OBJECT:
            if (const auto bytes = bytes_of(value)) {
                record.bytes_field(name, as_bytes(*bytes));
            } else if (depth < kJsonDepthMax) {
                add_object(record, name, value.get_object().value_unsafe(), depth);
            } else {
                record.string_field(name, simdjson::minify(value));
            }
            break;
    }
}

// Without the '_' in front; "field" where nothing else is left.
std::string_view unreserved(std::string_view key) noexcept {
    const std::size_t start = std::min(key.find_first_not_of('_'), key.size());
    return start > 0 && start == key.size() ? std::string_view("field") : key.substr(start);
}

template <class Sink>
void add_fields(Sink& record, const dom::object& object, const Envelope& envelope, JsonDefaults::Reserved reserved) {
    std::size_t index = 0;
    std::string name;
    for (const auto [key, value] : object) {
        if (std::find(envelope.used.begin(), envelope.used.end(), index++) == envelope.used.end()) {
            name = reserved == JsonDefaults::Reserved::rename ? unreserved(key) : key;
            add_field(record, name, value, 1);
        }
    }
}

// A name that a field may have.
std::string mended_name(std::string_view name) {
    std::size_t bytes = std::min(name.size(), kNameBytesMax);
    while (bytes < name.size() && bytes > 0 && (static_cast<unsigned char>(name[bytes]) & 0xC0U) == 0x80U) {
        --bytes;  // Not inside a character.
    }
    std::string mended(name.substr(0, bytes));
    for (char& c : mended) {
        c = valid_field_name({&c, 1}) ? c : '_';
    }
    return mended.empty() ? "field" : mended;
}

// Fields as a record can have them: names are mended, and what finds no room is JSON text.
class MendingSink : public FieldSink<MendingSink> {
 public:
    MendingSink(RecordBuilder& record, JsonFaults& faults, std::size_t fields_max) noexcept
        : record_(record), faults_(faults), room_(fields_max) {}

    MendingSink& raw_field(FieldType type, std::string_view name, ByteView value) {
        if (room_ == 0) {
            left_out_ += left_out_.empty() ? '{' : ',';
            append_json_string(left_out_, name);
            left_out_ += ':';
            append_json_value(left_out_, {type, name, value});
            return *this;
        }
        --room_;
        if (valid_field_name(name)) {
            record_.raw_field(type, name, value);
        } else {
            faults_.add(name, name.size() > kNameBytesMax ? "a long name, cut" : "no name of a field, mended");
            record_.raw_field(type, mended_name(name), value);
        }
        return *this;
    }
    // A JSON object; empty: there is room for all.
    std::string take_left_out() {
        left_out_ += left_out_.empty() ? "" : "}";
        return std::move(left_out_);
    }

 private:
    RecordBuilder& record_;
    JsonFaults& faults_;
    std::size_t room_;
    std::string left_out_;
};

constexpr std::string_view kUnparsedName = "unparsed";
// parse_error, unparsed, syslog_identifier, line_part, line_more.
constexpr std::size_t kOwnFieldsMax = 5;

}  // namespace

struct JsonReader::Impl {
    dom::parser parser;

    // Valid until the next call.
    Result<dom::object> parse(std::string_view line, JsonFaults& faults) {
        dom::element element;
        auto error = parser.parse(line.data(), line.size()).get(element);
        if (error != simdjson::SUCCESS) {
            const auto repaired = repair_json_object(line, faults);
            if (!repaired || parser.parse(*repaired).get(element) != simdjson::SUCCESS) {
                return fail(Errc::malformed, "no JSON: {}", simdjson::error_message(error));
            }
        }
        dom::object object;
        if (element.get_object().get(object) != simdjson::SUCCESS) {
            return fail(Errc::malformed, "JSON, but no object");
        }
        return object;
    }
};

namespace {

struct Target {
    RecordWriter::Head head;
    std::string_view identifier;  // Empty: none that the stream does not say.
    JsonDefaults::Reserved reserved;
    const RecordLimits& limits;
    Bytes& into;
};

// Of what a record can have as it is.  False: something it cannot.
bool append_strictly(const dom::object& object, const Envelope& envelope, const Target& target) {
    const std::size_t before = target.into.size();
    RecordBuilder record(target.into, target.limits);
    record.begin(target.head.severity, target.head.stream, target.head.time_ns).message(envelope.message);
    add_fields(record, object, envelope, target.reserved);
    if (!target.identifier.empty()) {
        record.string_field(kIdentifierFieldName, target.identifier);
    }
    return record.finish() && target.into.size() - before <= kImportRecordBytesMax;
}

// False: the limits have no room for that.
bool append_mended(const dom::object& object, const Envelope& envelope, const Target& target, JsonFaults& faults,
                   IntakeCounts& counts) {
    const std::size_t before = target.into.size();
    const std::size_t part_bytes = intake_message_bytes_max(target.limits);
    const std::size_t fields_max = target.limits.fields_max;
    std::string_view message = envelope.message;
    RecordBuilder record(target.into, target.limits);
    record.begin(target.head.severity, target.head.stream, target.head.time_ns).message(message.substr(0, part_bytes));
    MendingSink fields(record, faults, fields_max - std::min(fields_max, kOwnFieldsMax));
    add_fields(fields, object, envelope, target.reserved);
    if (const std::string left_out = fields.take_left_out(); !left_out.empty()) {
        faults.add(kUnparsedName, "fields beyond the limit of a record");
        record.string_field(kUnparsedName, left_out);
    }
    if (!target.identifier.empty()) {
        record.string_field(kIdentifierFieldName, target.identifier);
    }
    if (!faults.empty()) {
        record.string_field(kParseErrorName, faults.text());
    }
    if (message.size() > part_bytes) {
        record.int_field("line_part", 1).bool_field("line_more", true);
    }
    if (!record.finish() || target.into.size() - before > kImportRecordBytesMax) {
        return false;
    }
    counts = {.records = 1, .malformed = faults.empty() ? 0U : 1U};
    LongMessage parts(target.head, !faults.empty());
    while (message.size() > part_bytes) {  // Bounded: each turn takes a part.
        message.remove_prefix(part_bytes);
        parts.append(message.substr(0, part_bytes), message.size() > part_bytes, {}, target.limits, target.into,
                     counts);
    }
    return true;
}

}  // namespace

JsonReader::JsonReader(RecordLimits limits) : impl_(std::make_unique<Impl>()), limits_(limits) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Result<JsonOutcome> JsonReader::append_record(std::string_view line, const JsonDefaults& defaults, Bytes& into) {
    if (line.size() > kFrameBytesMax) {
        return fail(Errc::too_large, "a line of {} bytes exceeds {}", line.size(), kFrameBytesMax);
    }
    if (const auto counts = append_object(line, defaults, into)) {
        return counts->malformed == 0 ? JsonOutcome::object : JsonOutcome::mended;
    }
    RecordBuilder record(into, limits_);
    SLUICE_CHECK(record.begin(defaults.severity, defaults.stream, defaults.time_ns).message(line).finish());
    return JsonOutcome::plain_text;
}

Result<IntakeCounts> JsonReader::append_object(std::string_view line, const JsonDefaults& defaults, Bytes& into) {
    line = without_byte_order_mark(line);
    JsonFaults faults;
    SLUICE_TRY(const dom::object object, impl_->parse(line, faults));
    const Envelope envelope = take_envelope(object, defaults);
    const std::string_view stream =
        defaults.names == nullptr ? envelope.stream : defaults.names->stream(envelope.stream);
    const Target target{.head = {envelope.severity, stream, envelope.time_ns},
                        .identifier = envelope.stream == stream ? std::string_view() : envelope.stream,
                        .reserved = defaults.reserved,
                        .limits = limits_,
                        .into = into};
    const std::size_t before = into.size();
    if (faults.empty() && append_strictly(object, envelope, target)) {
        return IntakeCounts{.records = 1};
    }
    into.resize(before);
    IntakeCounts counts;
    if (!append_mended(object, envelope, target, faults, counts)) {
        into.resize(before);
        append_malformed(line, target.head, "too large for a record", limits_, into, counts);
    }
    return counts;
}

}  // namespace sluice::wire
