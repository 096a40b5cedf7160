#include <simdjson.h>

#include <algorithm>
#include <array>

#include "wire/base64.h"
#include "wire/intake.h"
#include "wire/json.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

namespace dom = simdjson::dom;

constexpr int kDepthMax = 16;

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

std::optional<WallNs> time_of(const dom::element& value) {
    switch (value.type()) {
        case dom::element_type::STRING:
            return parse_rfc3339(value.get_string().value_unsafe());
        case dom::element_type::INT64:
            return time_of_integer(value.get_int64().value_unsafe());
        case dom::element_type::DOUBLE: {
            const double number = value.get_double().value_unsafe();
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
        default:
            return std::nullopt;
    }
}

// Names that are no severities of syslog.
std::optional<Severity> severity_of_logger(std::string_view name) {
    std::string lower(name.substr(0, 16));
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    if (lower == "trace" || lower == "verbose") {
        return Severity::debug;
    }
    if (lower == "fatal" || lower == "dpanic") {
        return Severity::crit;
    }
    // slog: the level below, and how far above it.
    const std::size_t sign = lower.find_first_of("+-");
    const std::string_view base = std::string_view(lower).substr(0, sign);
    const bool offset = sign != std::string::npos && sign + 1 < name.size() && name.size() <= lower.size() &&
                        lower.find_first_not_of("0123456789", sign + 1) == std::string::npos;
    const bool of_slog = base == "debug" || base == "info" || base == "warn" || base == "error";
    return offset && of_slog ? parse_severity(base) : std::nullopt;
}

std::optional<Severity> severity_of(const dom::element& value) {
    if (value.is_int64()) {
        const std::int64_t number = value.get_int64().value_unsafe();
        if (number >= 0 && number <= 7) {
            return static_cast<Severity>(number);
        }
        constexpr std::array kPino{Severity::debug,   Severity::debug, Severity::info,
                                   Severity::warning, Severity::err,   Severity::crit};
        if (number >= 10 && number <= 60 && number % 10 == 0) {
            return kPino[static_cast<std::size_t>(number / 10 - 1)];
        }
        return std::nullopt;
    }
    std::string_view name;
    if (value.get_string().get(name) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    if (const auto severity = parse_severity(name)) {
        return severity;
    }
    return severity_of_logger(name);
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

void add_field(RecordBuilder& record, std::string& name, const dom::element& value, int depth);

void add_object(RecordBuilder& record, std::string& name, const dom::object& object, int depth) {
    const std::size_t length = name.size();
    for (const auto [key, value] : object) {
        name += '.';
        name += key;
        add_field(record, name, value, depth + 1);
        name.resize(length);
    }
}

// Recursion ends at kDepthMax.
void add_field(RecordBuilder& record, std::string& name, const dom::element& value, int depth) {
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
            } else if (depth < kDepthMax) {
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

Result<void> append_envelope_and_fields(const dom::object& object, const JsonDefaults& defaults,
                                        RecordBuilder& record) {
    const Envelope envelope = take_envelope(object, defaults);
    const std::string_view stream =
        defaults.names == nullptr ? envelope.stream : defaults.names->stream(envelope.stream);
    record.begin(envelope.severity, stream, envelope.time_ns).message(envelope.message);
    std::size_t index = 0;
    std::string name;
    for (const auto [key, value] : object) {
        if (std::find(envelope.used.begin(), envelope.used.end(), index++) == envelope.used.end()) {
            name = defaults.reserved == JsonDefaults::Reserved::rename ? unreserved(key) : key;
            add_field(record, name, value, 1);
        }
    }
    if (defaults.names != nullptr && !envelope.stream.empty() && envelope.stream != stream) {
        record.string_field(kIdentifierFieldName, envelope.stream);
    }
    return record.finish();
}

}  // namespace

struct JsonReader::Impl {
    dom::parser parser;
};

JsonReader::JsonReader(RecordLimits limits) : impl_(std::make_unique<Impl>()), limits_(limits) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Result<JsonOutcome> JsonReader::append_record(std::string_view line, const JsonDefaults& defaults, Bytes& into) {
    if (line.size() > kFrameBytesMax) {
        return fail(Errc::too_large, "a line of {} bytes exceeds {}", line.size(), kFrameBytesMax);
    }
    if (append_object(line, defaults, into)) {
        return JsonOutcome::object;
    }
    RecordBuilder record(into, limits_);
    SLUICE_CHECK(record.begin(defaults.severity, defaults.stream, defaults.time_ns).message(line).finish());
    return JsonOutcome::plain_text;
}

Result<void> JsonReader::append_object(std::string_view line, const JsonDefaults& defaults, Bytes& into) {
    dom::element element;
    if (const auto error = impl_->parser.parse(line.data(), line.size()).get(element); error != simdjson::SUCCESS) {
        return fail(Errc::malformed, "no JSON: {}", simdjson::error_message(error));
    }
    dom::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) {
        return fail(Errc::malformed, "JSON, but no object");
    }
    RecordBuilder record(into, limits_);
    return append_envelope_and_fields(object, defaults, record);
}

}  // namespace sluice::wire
