// Records by field: logfmt, csv, and the value of a column.
#include <algorithm>

#include "base/format.h"
#include "wire/escape.h"
#include "wire/render.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kClientsPrefix = "field.";

bool needs_quotes(std::string_view text) noexcept {
    return text.empty() || text.find_first_of("\"\\=") != std::string_view::npos || has_blank(text);
}

// A name that can be read as it stands.  Those of the trusted fields can, and no other name looks like one of them.
bool is_plain_name(std::string_view name) noexcept {
    return std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F; }) && !needs_quotes(name);
}

// A name without what logfmt has no way to write.  A field is not taken for a trusted one for what is left of its name.
std::string logfmt_name(std::string_view name) {
    std::string text;
    const std::string safe = escaped(name);
    for (std::string_view rest = safe; !rest.empty();) {
        const std::size_t length = utf8_length(rest);
        const std::string_view character = rest.substr(0, length);
        const bool impossible = character == "\"" || character == "=" || is_blank(utf8_point(character));
        text += impossible ? "_" : character;
        rest.remove_prefix(length);
    }
    if (text.starts_with('_') && !name.starts_with('_')) {
        text.insert(0, kClientsPrefix);
    }
    return text;
}

void append_value(std::string& to, std::string_view text) {
    if (needs_quotes(text)) {
        append_quoted(to, text);
    } else {
        append_escaped(to, text);
    }
}

std::string time_text(WallNs time_ns, const RenderOptions& options) {
    std::string text;
    append_time(text, time_ns, options.utc ? Zone::utc : Zone::local);
    return text;
}

// What every record has; nothing for any other name.
std::optional<std::string> own_text(const TailEntry& entry, std::string_view column, const RenderOptions& options) {
    if (column == "message" || column == "_msg" || column == "msg") {
        return std::string(entry.record.message());
    }
    if (column == "level") {
        column = "severity";
    } else if (column.starts_with('_')) {
        column.remove_prefix(1);
    }
    if (column == "time") {
        return time_text(entry.record.time_ns(), options);
    }
    if (column == "receive_time") {
        return time_text(entry.receive_time_ns, options);
    }
    if (column == "sequence") {
        return fmt::to_string(entry.sequence);
    }
    if (column == "severity") {
        return std::string(severity_name(entry.record.severity()));
    }
    if (column == "stream") {
        return std::string(entry.record.stream_or_default());
    }
    return std::nullopt;
}

void append_cell(std::string& to, std::string_view text, bool raw) {
    const std::string shown = raw ? std::string(text) : escaped(text);
    if (shown.find_first_of(",\"\r\n") == std::string::npos) {
        to += shown;
        return;
    }
    to += '"';
    for (const char c : shown) {
        to += c == '"' ? "\"\"" : std::string_view(&c, 1);
    }
    to += '"';
}

}  // namespace

std::string shown_value(const TailEntry& entry, const FieldView& field, const RenderOptions& options) {
    if (is_computed(entry) && field.type == FieldType::string && !options.utc &&
        std::ranges::find(options.time_columns, field.name) != options.time_columns.end()) {
        if (const auto time = parse_rfc3339(field.text())) {
            return time_text(*time, options);
        }
    }
    return field.value_text();
}

void append_field_text(std::string& to, std::string_view name, std::string_view value) {
    to += ' ';
    if (is_plain_name(name)) {
        to += name;
    } else {
        append_quoted(to, name);
    }
    to += '=';
    append_value(to, value);
}

void append_logfmt(std::string& to, const TailEntry& entry, const RenderOptions& options) {
    const std::size_t start = to.size();
    const auto append_pair = [&](std::string_view name, std::string_view value) {
        to += to.size() == start ? "" : " ";
        to += logfmt_name(name);
        to += '=';
        // What reads logfmt undoes escapes only between quotes.
        if (const std::string shown = escaped(value); shown != value || needs_quotes(value)) {
            append_quoted(to, value);
        } else {
            to += shown;
        }
    };
    if (!is_computed(entry)) {
        append_pair("time", time_text(entry.record.time_ns(), options));
        append_pair("severity", severity_name(entry.record.severity()));
        append_pair("stream", entry.record.stream_or_default());
        append_pair("message", entry.record.message());
    }
    for (const FieldView field : entry.record.fields()) {
        append_pair(field.name, shown_value(entry, field, options));
    }
    for (const FieldView field : entry.trusted) {
        append_pair(field.name, field.value_text());
    }
}

std::string column_text(const TailEntry& entry, std::string_view column, const RenderOptions& options) {
    if (!is_computed(entry)) {
        if (auto own = own_text(entry, column, options)) {
            return *std::move(own);
        }
        if (column.starts_with(kClientsPrefix) && own_text(entry, column.substr(kClientsPrefix.size()), options)) {
            column.remove_prefix(kClientsPrefix.size());
        }
    }
    for (const FieldRange& fields : {entry.record.fields(), entry.trusted}) {
        std::string text;
        bool found = false;
        for (const FieldView field : fields) {
            if (field.name == column) {
                text += found ? ", " : "";
                text += shown_value(entry, field, options);
                found = true;
            }
        }
        if (found) {
            return text;
        }
    }
    return {};
}

void Renderer::append_csv_header(std::string& to) {
    header_written_ = true;
    for (std::size_t i = 0; i < options_.columns.size(); ++i) {
        to += i == 0 ? "" : ",";
        append_cell(to, options_.columns[i], options_.raw_messages);
    }
    to += '\n';
}

void Renderer::append_csv(std::string& to, const TailEntry& entry) {
    if (options_.columns.empty()) {
        if (is_computed(entry)) {
            for (const FieldView field : entry.record.fields()) {
                if (std::ranges::find(options_.columns, field.name) == options_.columns.end()) {
                    options_.columns.emplace_back(field.name);
                }
            }
        } else {
            options_.columns = {"time", "severity", "stream", "message"};
        }
    }
    if (!header_written_) {
        append_csv_header(to);
    }
    bool first = true;
    for (const std::string& column : options_.columns) {
        to += first ? "" : ",";
        first = false;
        append_cell(to, column_text(entry, column, options_), options_.raw_messages);
    }
    to += '\n';
}

}  // namespace sluice::wire
