#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <tuple>
#include <vector>

#include "base/format.h"
#include "wire/base64.h"
#include "wire/escape.h"
#include "wire/json.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr std::array<std::string_view, 8> kOwnKeys{"time",     "receive_time", "sequence", "cursor",
                                                   "severity", "origin",       "stream",   "message"};

void append_code_unit(std::string& to, std::uint32_t unit) {
    fmt::format_to(std::back_inserter(to), "\\u{:04x}", unit);
}

// What is written as a number.
enum class Numbered : bool {
    controls,            // So that this output too is safe on a terminal.
    controls_and_blanks  // So that a name does not look like another one.
};

// The character at the front of `text`, which is not plain; returns the bytes used.
std::size_t append_special(std::string& to, std::string_view text, Numbered numbered) {
    switch (text.front()) {
        case '"':
            to += "\\\"";
            return 1;
        case '\\':
            to += "\\\\";
            return 1;
        case '\n':
            to += "\\n";
            return 1;
        case '\r':
            to += "\\r";
            return 1;
        case '\t':
            to += "\\t";
            return 1;
        default:
            break;
    }
    const std::size_t length = utf8_length(text);
    if (length == 0) {
        to += "\xEF\xBF\xBD";
        return 1;
    }
    const char32_t point = utf8_point(text.substr(0, length));
    constexpr char32_t kOneUnitEnd = 0x10000;
    if (is_control(point) || (numbered == Numbered::controls_and_blanks && is_blank(point) && point < kOneUnitEnd)) {
        append_code_unit(to, static_cast<std::uint32_t>(point));
    } else {
        to += text.substr(0, length);
    }
    return length;
}

void append_string(std::string& to, std::string_view text, Numbered numbered) {
    to += '"';
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && text[plain] >= 0x20 && text[plain] < 0x7F && text[plain] != '"' &&
               text[plain] != '\\') {
            ++plain;
        }
        to += text.substr(0, plain);
        text.remove_prefix(plain);
        if (!text.empty()) {
            text.remove_prefix(append_special(to, text, numbered));
        }
    }
    to += '"';
}

void append_text(std::string& to, std::string_view text) {
    if (valid_utf8(text)) {
        append_json_string(to, text);
    } else {
        to += R"({"base64":")";
        append_base64(to, as_bytes(text));
        to += "\"}";
    }
}

void append_float(std::string& to, double value) {
    if (std::isnan(value)) {
        to += "\"NaN\"";
    } else if (std::isinf(value)) {
        to += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    } else {
        const std::size_t start = to.size();
        fmt::format_to(std::back_inserter(to), "{}", value);
        if (to.find_first_of(".e", start) == std::string::npos) {
            to += ".0";  // So that it is read back as a float.
        }
    }
}

// Whose names the fields must not take.
enum class OwnKeys : bool { absent, present };

void append_name(std::string& to, std::string_view name, OwnKeys own) {
    to += to.ends_with('{') ? "" : ",";
    if (own == OwnKeys::absent || std::find(kOwnKeys.begin(), kOwnKeys.end(), name) == kOwnKeys.end()) {
        append_string(to, name, Numbered::controls_and_blanks);
    } else {
        append_string(to, fmt::format("field.{}", name), Numbered::controls);
    }
    to += ':';
}

// Every name once, in the order of its first occurrence; several values as an array.
void append_fields(std::string& to, std::vector<FieldView>& fields, OwnKeys own) {
    // By name, then by place, so that values keep their order.  A record has few fields; one with a thousand costs a
    // sort, not a square.
    std::vector<std::size_t> order(fields.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return std::tie(fields[a].name, a) < std::tie(fields[b].name, b); });
    // next[i]: the next field of the same name; first[i]: none before it has that name.
    std::vector<std::size_t> next(fields.size(), SIZE_MAX);
    std::vector<bool> first(fields.size(), true);
    for (std::size_t i = 1; i < order.size(); ++i) {
        if (fields[order[i - 1]].name == fields[order[i]].name) {
            next[order[i - 1]] = order[i];
            first[order[i]] = false;
        }
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (!first[i]) {
            continue;
        }
        append_name(to, fields[i].name, own);
        const bool array = next[i] != SIZE_MAX;
        to += array ? "[" : "";
        append_json_value(to, fields[i]);
        for (std::size_t other = next[i]; other != SIZE_MAX; other = next[other]) {
            to += ',';
            append_json_value(to, fields[other]);
        }
        to += array ? "]" : "";
    }
}

}  // namespace

void append_json_value(std::string& to, const FieldView& field) {
    switch (field.type) {
        case FieldType::string:
            append_text(to, field.text());
            break;
        case FieldType::bytes:
            to += R"({"base64":")";
            append_base64(to, field.value);
            to += "\"}";
            break;
        case FieldType::int64:
            fmt::format_to(std::back_inserter(to), "{}", field.as_int64());
            break;
        case FieldType::float64:
            append_float(to, field.as_float64());
            break;
        case FieldType::boolean:
            to += field.as_boolean() ? "true" : "false";
            break;
    }
}

void append_json_string(std::string& to, std::string_view text) {
    append_string(to, text, Numbered::controls);
}

void append_json(std::string& to, const TailEntry& entry, const Cursor* cursor) {
    std::vector<FieldView> fields;
    fields.reserve(entry.record.fields().size() + entry.trusted.size());
    for (const FieldView field : entry.record.fields()) {
        fields.push_back(field);
    }
    for (const FieldView field : entry.trusted) {
        fields.push_back(field);
    }
    if ((entry.flags & kBatchComputed) != 0) {
        to += '{';
        append_fields(to, fields, OwnKeys::absent);
        to += '}';
        return;
    }
    to += R"({"time":")";
    append_rfc3339(to, entry.record.time_ns());
    to += R"(","receive_time":")";
    append_rfc3339(to, entry.receive_time_ns);
    fmt::format_to(std::back_inserter(to), R"(","sequence":{})", entry.sequence);
    if (cursor != nullptr) {
        fmt::format_to(std::back_inserter(to), R"(,"cursor":"{}")", format_cursor(*cursor));
    }
    fmt::format_to(std::back_inserter(to), R"(,"severity":"{}")", severity_name(entry.record.severity()));
    if ((entry.flags & kBatchByDaemon) != 0) {
        to += R"(,"origin":"daemon")";
    }
    fmt::format_to(std::back_inserter(to), R"(,"stream":"{}","message":)", entry.record.stream_or_default());
    append_text(to, entry.record.message());
    append_fields(to, fields, OwnKeys::present);
    to += '}';
}

void append_json_record(std::string& to, const RecordView& record) {
    to += R"({"time":")";
    append_rfc3339(to, record.time_ns());
    fmt::format_to(std::back_inserter(to), R"(","severity":"{}","stream":"{}","message":)",
                   severity_name(record.severity()), record.stream());
    append_text(to, record.message());
    // The keys above come first, so a field of the same name is a field.
    for (const FieldView field : record.fields()) {
        to += ',';
        append_json_string(to, field.name);
        to += ':';
        append_json_value(to, field);
    }
    to += '}';
}

}  // namespace sluice::wire
