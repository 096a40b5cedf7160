// Queries as text again.
#include <fmt/ranges.h>

#include <algorithm>

#include "base/format.h"
#include "query/parse_pipe.h"
#include "query/pipe.h"
#include "query/syntax_hints.h"

namespace sluice::query {
namespace {

constexpr std::string_view kFunctionNames[] = {"count", "count_uniq", "sum", "min", "max", "avg", "median", "quantile"};

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + '"';
}

// In front of a colon.
std::string name_text(std::string_view name) {
    return meant_by_name(name).empty() ? quoted_if_needed(name) : quoted(name);
}

std::string literal_text(const Literal& literal) {
    return literal.number ? literal.text : quoted(literal.text);
}

std::string joined(const std::vector<std::string>& names) {
    std::vector<std::string> shown;
    for (const std::string& name : names) {
        shown.push_back(quoted_if_needed(name));
    }
    return fmt::format("{}", fmt::join(shown, ", "));
}

std::string test_alone(const Test& test) {
    switch (test.kind) {
        case TestKind::phrase:
            return quoted_if_needed(test.text);
        case TestKind::prefix:
            return quoted_if_needed(test.text) + "*";
        case TestKind::substring:
            return "*" + quoted(test.text) + "*";
        case TestKind::exact:
            return "=" + quoted(test.text);
        case TestKind::regex:
            return "~" + quoted(test.text);
        case TestKind::compare: {
            const Bound& bound = test.low ? *test.low : *test.high;
            return fmt::format("{}{}{}", test.low ? ">" : "<", bound.inclusive ? "=" : "", literal_text(bound.value));
        }
        case TestKind::range:
            return fmt::format("{}{}, {}{}", test.low->inclusive ? "[" : "range(", literal_text(test.low->value),
                               literal_text(test.high->value), test.high->inclusive ? "]" : ")");
        case TestKind::any_of: {
            std::vector<std::string> shown;
            for (const std::string& text : test.texts) {
                shown.push_back(quoted(text));
            }
            return fmt::format("in({})", fmt::join(shown, ", "));
        }
        case TestKind::network:
            return fmt::format("ipv4_range({}, {})", test.low->value.text, test.high->value.text);
        case TestKind::exists:
            return "*";
    }
    return {};
}

std::string offset_text(const std::string& offset) {
    return offset.empty() ? std::string() : " offset " + quoted_if_needed(offset);
}

std::string test_text(const Test& test) {
    return test_alone(test) + offset_text(test.offset);
}

struct PipeText {
    std::string operator()(const Fields& stage) const { return "fields " + joined(stage.names); }
    std::string operator()(const Where& stage) const { return "where " + to_text(stage.filter); }
    std::string operator()(const Head& stage) const { return fmt::format("head {}", stage.count); }
    std::string operator()(const Tail& stage) const { return fmt::format("tail {}", stage.count); }
    std::string operator()(const Skip& stage) const { return fmt::format("skip {}", stage.count); }
    std::string operator()(const Uniq& stage) const {
        return fmt::format("uniq by ({}){}", joined(stage.names), stage.hits ? " with hits" : "");
    }
    std::string operator()(const Top& stage) const {
        return fmt::format("top {} by ({})", stage.count, joined(stage.names));
    }
    std::string operator()(const Sort& stage) const {
        std::vector<std::string> keys;
        for (const SortKey& key : stage.keys) {
            keys.push_back(quoted_if_needed(key.name) + (key.descending ? " desc" : ""));
        }
        const std::string limit = stage.limit ? fmt::format(" limit {}", *stage.limit) : "";
        return fmt::format("sort by ({}){}", fmt::join(keys, ", "), limit);
    }
    std::string operator()(const Stats& stage) const {
        std::vector<std::string> by;
        for (const GroupBy& group : stage.by) {
            by.push_back(quoted_if_needed(group.name) + (group.bucket ? ":" + group.bucket->text : "") +
                         offset_text(group.offset));
        }
        std::vector<std::string> results;
        for (const Aggregate& each : stage.aggregates) {
            const std::string fraction =
                each.function == Function::quantile ? fmt::format("{}, ", each.fraction) : std::string();
            const std::string field = each.field.empty() ? std::string() : quoted_if_needed(each.field);
            results.push_back(fmt::format("{}({}{}) as {}", kFunctionNames[static_cast<std::size_t>(each.function)],
                                          fraction, field, quoted(each.name)));
        }
        const std::string groups = by.empty() ? "" : fmt::format("by ({}) ", fmt::join(by, ", "));
        return fmt::format("stats {}{}", groups, fmt::join(results, ", "));
    }
};

}  // namespace

std::string quoted_if_needed(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool begins_with_letter = !text.empty() && is_letter(text.front());
    const bool numbers = text.size() == 3 && text.ends_with("xx");  // 5xx
    const bool plain = !numbers && std::ranges::any_of(text, [&](char c) { return is_letter(c) || is_digit(c); }) &&
                       std::ranges::all_of(text, [&](char c) {
                           return is_letter(c) || is_digit(c) || c == '.' || (c == '/' && begins_with_letter);
                       });
    constexpr std::string_view kKeywords[] = {"and", "or", "not",   "in",     "range",     "as",  "desc",
                                              "asc", "i",  "limit", "offset", "partition", "rank"};
    const bool keyword = belongs_to_stages(text) || std::ranges::find(kKeywords, text) != std::end(kKeywords);
    return plain && !keyword ? std::string(text) : quoted(text);
}

std::string to_text(const Filter& filter) {
    // No parentheses but those that its own text needed: with more it could be nested too deep to be read again.
    const auto inner = [&filter](const Filter& part) {
        const bool joins = part.kind == FilterKind::all_of || part.kind == FilterKind::one_of;
        const bool binds_tighter = part.kind == FilterKind::all_of && filter.kind == FilterKind::one_of;
        return joins && !binds_tighter ? fmt::format("({})", to_text(part)) : to_text(part);
    };
    switch (filter.kind) {
        case FilterKind::everything:
            return "*";
        case FilterKind::match:
            return filter.field.empty() && filter.test.kind != TestKind::exists
                       ? test_text(filter.test)
                       : fmt::format("{}:{}", name_text(filter.field), test_text(filter.test));
        case FilterKind::none_of:
            return "not " + inner(filter.parts.front());
        case FilterKind::all_of:
        case FilterKind::one_of: {
            std::vector<std::string> parts;
            for (const Filter& part : filter.parts) {
                parts.push_back(inner(part));
            }
            return fmt::format("{}", fmt::join(parts, filter.kind == FilterKind::all_of ? " and " : " or "));
        }
    }
    return {};
}

std::string to_text(const Query& query) {
    std::string text = to_text(query.filter);
    for (const Pipe& pipe : query.pipes) {
        text += " | " + std::visit(PipeText(), pipe);
    }
    return text;
}

}  // namespace sluice::query
