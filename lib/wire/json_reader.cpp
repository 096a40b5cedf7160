#include <simdjson.h>

#include <algorithm>
#include <array>

#include "wire/base64.h"
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
    std::array<std::size_t, 4> used{kNone, kNone, kNone, kNone};  // Of time, severity, message, stream.
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
    std::string lower(name.substr(0, 16));
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    if (lower == "trace" || lower == "verbose") {
        return Severity::debug;
    }
    return lower == "fatal" ? std::optional(Severity::crit) : std::nullopt;
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

// The value of the first of `names` that `use` accepts; returns its index in the object.
template <std::size_t n, class Use>
std::size_t take_first(const dom::object& object, const std::array<std::string_view, n>& names, Use&& use) {
    for (const std::string_view name : names) {
        std::size_t index = 0;
        for (const auto [key, value] : object) {
            if (key == name && use(value)) {
                return index;
            }
            ++index;
        }
    }
    return kNone;
}

Envelope take_envelope(const dom::object& object, const JsonDefaults& defaults) {
    Envelope envelope{defaults.severity, defaults.stream, defaults.time_ns, {}};
    envelope.used[0] = take_first(object, std::array<std::string_view, 3>{"time", "ts", "timestamp"}, [&](auto value) {
        const auto time = time_of(value);
        envelope.time_ns = time.value_or(envelope.time_ns);
        return time.has_value();
    });
    envelope.used[1] = take_first(object, std::array<std::string_view, 3>{"severity", "level", "lvl"}, [&](auto value) {
        const auto severity = severity_of(value);
        envelope.severity = severity.value_or(envelope.severity);
        return severity.has_value();
    });
    envelope.used[2] = take_first(object, std::array<std::string_view, 2>{"message", "msg"}, [&](auto value) {
        auto message = message_of(value);
        const bool found = message.has_value();
        if (found) {
            envelope.message = std::move(*message);
        }
        return found;
    });
    envelope.used[3] = take_first(object, std::array<std::string_view, 1>{"stream"}, [&](auto value) {
        std::string_view stream;
        if (value.get_string().get(stream) != simdjson::SUCCESS || !valid_stream_name(stream)) {
            return false;
        }
        envelope.stream = stream;
        return true;
    });
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

Result<void> append_object(const dom::object& object, const JsonDefaults& defaults, RecordBuilder& record) {
    const Envelope envelope = take_envelope(object, defaults);
    record.begin(envelope.severity, envelope.stream, envelope.time_ns).message(envelope.message);
    std::size_t index = 0;
    std::string name;
    for (const auto [key, value] : object) {
        if (std::find(envelope.used.begin(), envelope.used.end(), index++) == envelope.used.end()) {
            name = defaults.reserved == JsonDefaults::Reserved::rename ? unreserved(key) : key;
            add_field(record, name, value, 1);
        }
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
    RecordBuilder record(into, limits_);
    dom::object object;
    if (impl_->parser.parse(line.data(), line.size()).get_object().get(object) == simdjson::SUCCESS &&
        append_object(object, defaults, record)) {
        return JsonOutcome::object;
    }
    SLUICE_CHECK(record.begin(defaults.severity, defaults.stream, defaults.time_ns).message(line).finish());
    return JsonOutcome::plain_text;
}

}  // namespace sluice::wire
