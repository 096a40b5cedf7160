#include "wire/render.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <iterator>

#include "wire/escape.h"
#include "wire/json.h"

namespace sluice::wire {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::string_view kReset = "\x1b[0m";

// As journalctl: red from err up, yellow warnings, bold notices, dim debugging.
std::string_view colour_of(Severity severity) noexcept {
    switch (severity) {
        case Severity::emerg:
        case Severity::alert:
        case Severity::crit:
        case Severity::err:
            return "\x1b[1;31m";
        case Severity::warning:
            return "\x1b[1;33m";
        case Severity::notice:
            return "\x1b[1m";
        case Severity::info:
            return "";
        case Severity::debug:
            return "\x1b[2m";
    }
    return "";
}

bool needs_quotes(std::string_view text) noexcept {
    return text.empty() || text.find_first_of(" \"\\=") != std::string_view::npos;
}

void append_field_text(std::string& to, const FieldView& field) {
    to += ' ';
    append_escaped(to, field.name);
    to += '=';
    const std::string text = field.value_text();
    if (needs_quotes(text)) {
        append_quoted(to, text);
    } else {
        append_escaped(to, text);
    }
}

}  // namespace

std::optional<OutputFormat> parse_output_format(std::string_view name) noexcept {
    if (name == "short") {
        return OutputFormat::short_line;
    }
    if (name == "json") {
        return OutputFormat::json;
    }
    return name == "cat" ? std::optional(OutputFormat::cat) : std::nullopt;
}

void Renderer::append_line(std::string& to, const TailEntry& entry, const Cursor* cursor) {
    switch (options_.format) {
        case OutputFormat::short_line:
            append_short(to, entry);
            break;
        case OutputFormat::json:
            append_json(to, entry, cursor);
            break;
        case OutputFormat::cat:
            if (options_.raw_messages) {
                to += entry.record.message();
            } else {
                append_escaped(to, entry.record.message());
            }
            break;
    }
    to += '\n';
}

void Renderer::append_short(std::string& to, const TailEntry& entry) {
    const RecordView record = entry.record;
    append_time(to, record.time_ns());
    to += ' ';
    append_escaped(to, record.stream_or_default());
    if ((entry.flags & kBatchByDaemon) != 0) {
        to += "[daemon]";  // No client can look like this: its pid is a number, and no stream has brackets.
    } else if (const auto pid = entry.trusted.find("_pid")) {
        to += '[';
        append_escaped(to, pid->value_text());
        to += ']';
    }
    const std::string_view colour = options_.colour ? colour_of(record.severity()) : std::string_view();
    to += ' ';
    to += colour;
    to += severity_name(record.severity());
    to += ": ";
    append_escaped(to, record.message());
    to += colour.empty() ? std::string_view() : kReset;
    for (const FieldView field : record.fields()) {
        append_field_text(to, field);
    }
}

void Renderer::append_time(std::string& to, WallNs time_ns) {
    std::int64_t second = time_ns / kSecond;
    std::int64_t fraction = time_ns % kSecond;
    if (fraction < 0) {
        fraction += kSecond;
        --second;
    }
    if (cached_text_.empty() || second != cached_second_) {
        constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const std::time_t time = second;
        std::tm parts{};
        if (options_.utc) {
            ::gmtime_r(&time, &parts);
        } else {
            ::localtime_r(&time, &parts);
        }
        cached_second_ = second;
        cached_text_ = fmt::format("{} {:02} {:02}:{:02}:{:02}", kMonths[static_cast<std::size_t>(parts.tm_mon)],
                                   parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    }
    fmt::format_to(std::back_inserter(to), "{}.{:06}", cached_text_, fraction / 1000);
}

}  // namespace sluice::wire
