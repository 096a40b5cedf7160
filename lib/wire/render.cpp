#include "wire/render.h"

#include <array>
#include <ctime>
#include <iterator>

#include "base/format.h"
#include "wire/escape.h"
#include "wire/journal_export.h"
#include "wire/json.h"
#include "wire/render_table.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kReset = "\x1b[0m";

constexpr std::array<std::string_view, 8> kFormatNames{"short", "short-iso", "json",  "logfmt",
                                                       "csv",   "cat",       "table", "export"};

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

void append_computed(std::string& to, const TailEntry& entry, const RenderOptions& options) {
    const std::size_t start = to.size();
    for (const FieldView field : entry.record.fields()) {
        append_field_text(to, field.name, shown_value(entry, field, options));
    }
    if (to.size() > start) {
        to.erase(start, 1);  // The blank in front.
    }
}

void append_cat(std::string& to, const TailEntry& entry, const RenderOptions& options) {
    const auto append_text = [&](std::string_view text) {
        if (options.raw_messages) {
            to += text;
        } else {
            append_escaped(to, text);
        }
    };
    if (!is_computed(entry)) {
        append_text(entry.record.message());
        return;
    }
    bool first = true;
    for (const FieldView field : entry.record.fields()) {
        to += first ? std::string_view() : "\t";
        first = false;
        append_text(shown_value(entry, field, options));
    }
}

}  // namespace

std::string_view output_format_names() noexcept {
    return "short, short-iso, json, logfmt, csv, cat, table, export";
}

std::optional<OutputFormat> parse_output_format(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
        if (kFormatNames[i] == name) {
            return static_cast<OutputFormat>(i);
        }
    }
    return std::nullopt;
}

Renderer::Renderer(RenderOptions options) : options_(std::move(options)) {
    if (options_.format == OutputFormat::table) {
        table_ = std::make_unique<TableText>(options_);
    }
}

Renderer::~Renderer() = default;

void Renderer::append_line(std::string& to, const TailEntry& entry, const Cursor* cursor) {
    switch (options_.format) {
        case OutputFormat::short_line:
        case OutputFormat::short_iso:
            if (is_computed(entry)) {
                append_computed(to, entry, options_);
            } else {
                append_short(to, entry);
            }
            break;
        case OutputFormat::json:
            append_json(to, entry, is_computed(entry) ? nullptr : cursor);
            break;
        case OutputFormat::logfmt:
            append_logfmt(to, entry, options_);
            break;
        case OutputFormat::csv:
            append_csv(to, entry);
            return;
        case OutputFormat::cat:
            append_cat(to, entry, options_);
            break;
        case OutputFormat::table:
            table_->add(to, entry);
            return;
        case OutputFormat::journal:
            append_journal_entry(to, entry, is_computed(entry) ? nullptr : cursor);
            return;
    }
    to += '\n';
}

void Renderer::append_end(std::string& to) {
    if (table_) {
        table_->finish(to);
    } else if (options_.format == OutputFormat::csv && !header_written_ && !options_.columns.empty()) {
        append_csv_header(to);
    }
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
        append_field_text(to, field.name, field.value_text());
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
        if (options_.format == OutputFormat::short_iso) {
            const long minutes = parts.tm_gmtoff / 60;
            cached_text_ = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
            cached_offset_ =
                fmt::format("{}{:02}{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
        } else {
            cached_text_ = fmt::format("{} {:02} {:02}:{:02}:{:02}", kMonths[static_cast<std::size_t>(parts.tm_mon)],
                                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        }
    }
    fmt::format_to(std::back_inserter(to), "{}.{:06}{}", cached_text_, fraction / 1000, cached_offset_);
}

}  // namespace sluice::wire
