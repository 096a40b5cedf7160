#include "cli/query_text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/format.h"
#include "cli/console.h"
#include "cli/context.h"
#include "query/parser.h"
#include "query/time_literal.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kShownCells = 72;  // Of a query in an error.

// N of "column N: ..."; 0: it says none.
std::size_t column_of(std::string_view text) noexcept {
    constexpr std::string_view kColumn = "column ";
    std::size_t column = 0;
    if (text.starts_with(kColumn)) {
        const char* const begin = text.data() + kColumn.size();
        const auto [rest, error] = std::from_chars(begin, text.data() + text.size(), column);
        if (error != std::errc() || rest == text.data() + text.size() || *rest != ':') {
            return 0;
        }
    }
    return column;
}

std::size_t cells(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// The last `count` characters.
std::string_view last_cells(std::string_view text, std::size_t count) noexcept {
    std::size_t at = text.size();
    while (at > 0 && count > 0) {
        --at;
        count -= (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U ? 1 : 0;
    }
    return text.substr(at);
}

std::string_view first_cells(std::string_view text, std::size_t count) noexcept {
    std::size_t at = 0;
    while (at < text.size() && (count > 0 || (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U)) {
        count -= (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U ? 1 : 0;
        ++at;
    }
    return text.substr(0, at);
}

struct PipeName {
    std::string_view operator()(const query::Fields&) const { return "fields"; }
    std::string_view operator()(const query::Where&) const { return "where"; }
    std::string_view operator()(const query::Sort&) const { return "sort"; }
    std::string_view operator()(const query::Head&) const { return "head"; }
    std::string_view operator()(const query::Tail&) const { return "tail"; }
    std::string_view operator()(const query::Skip&) const { return "skip"; }
    std::string_view operator()(const query::Uniq&) const { return "uniq"; }
    std::string_view operator()(const query::Top&) const { return "top"; }
    std::string_view operator()(const query::Stats&) const { return "stats"; }
};

}  // namespace

int report_query(std::string_view command, std::string_view text, const Error& error) {
    const std::size_t column = column_of(error.text());
    if (error.code() != Errc::invalid_argument || column == 0 || column > text.size() + 1) {
        if (error.code() == Errc::invalid_argument) {
            tell("sluice {}: {}\n", command, wire::escaped(error.text()));
            return kExitUsage;
        }
        return report(command, error);
    }
    const std::string before = wire::escaped(text.substr(0, column - 1));
    const std::string after = wire::escaped(text.substr(column - 1));
    std::string shown(last_cells(before, kShownCells / 2));
    shown.insert(0, shown.size() < before.size() ? "..." : "");
    const std::size_t caret = cells(shown);
    const std::string_view rest = first_cells(after, kShownCells - std::min(kShownCells, caret));
    tell("sluice {}: {}\n  {}{}{}\n  {}^\n", command, wire::escaped(error.text()), shown, rest,
         rest.size() < after.size() ? "..." : "", std::string(caret, ' '));
    return kExitUsage;
}

std::vector<std::string> time_columns(const query::Query& query) {
    std::vector<std::string> times{"time", "_time", "receive_time", "_receive_time"};
    for (const query::Pipe& pipe : query.pipes) {
        const auto* stats = std::get_if<query::Stats>(&pipe);
        if (stats == nullptr) {
            continue;
        }
        for (const query::Aggregate& aggregate : stats->aggregates) {
            const bool keeps = aggregate.function == query::Function::min || aggregate.function == query::Function::max;
            if (keeps && std::ranges::find(times, aggregate.field) != times.end()) {
                times.push_back(aggregate.name);
            }
        }
    }
    return times;
}

std::string buckets_note(const query::Query& query, Duration east) {
    for (const query::Pipe& pipe : query.pipes) {
        const auto* stats = std::get_if<query::Stats>(&pipe);
        for (const query::GroupBy& by : stats != nullptr ? stats->by : std::vector<query::GroupBy>()) {
            const auto width = by.bucket ? query::parse_duration(by.bucket->text) : std::nullopt;
            if (!width || *width <= Duration::zero() || !by.offset.empty() || east % *width == Duration::zero()) {
                continue;
            }
            const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(east).count();
            const std::string bucket = fmt::format("{}:{}", query::quoted_if_needed(by.name), by.bucket->text);
            return fmt::format(
                "buckets of {} begin in UTC, and are shown in the local zone, as other times; '{} offset {}{}h{}m' "
                "begins them there, --utc shows UTC",
                bucket, bucket, minutes < 0 ? "-" : "", std::abs(minutes) / 60, std::abs(minutes) % 60);
        }
    }
    return {};
}

Result<query::Query> parse_query_text(std::string_view text, PipeUse use) {
    query::Parsed<query::Query> parsed = query::parse_query(text);
    if (!parsed) {
        return fail(Errc::invalid_argument, "{}", parsed.error().text());
    }
    for (const query::Pipe& pipe : parsed->pipes) {
        const bool where = std::holds_alternative<query::Where>(pipe);
        const bool fields = std::holds_alternative<query::Fields>(pipe);
        if (use == PipeUse::filters && !where) {
            return fail(Errc::invalid_argument,
                        "a histogram counts records: '{}' cannot follow its filter, only 'where' can",
                        std::visit(PipeName(), pipe));
        }
        if (use == PipeUse::tail && !where && !fields) {
            return fail(Errc::invalid_argument,
                        "'{}' needs the whole result, and a tail has no end: only 'where' and 'fields' can follow its "
                        "filter; 'sluice query' takes every pipe",
                        std::visit(PipeName(), pipe));
        }
    }
    return std::move(*parsed);
}

}  // namespace sluice::cli
