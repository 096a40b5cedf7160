#include "query/syntax_hints.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/format.h"
#include "part/words.h"
#include "query/address.h"
#include "query/scanner.h"

namespace sluice::query {
namespace {

constexpr std::string_view kOperators = "=<>!~";
constexpr std::size_t kShownBytesMax = 24;
constexpr std::string_view kSpaceOrQuotes = "a space in front of the next test, or quotes around the text";

constexpr std::array<std::pair<std::string_view, std::string_view>, 27> kFunctions{
    {{"contains_all", "(a b) instead of contains_all(a, b)"},
     {"contains_any", "(a or b) instead of contains_any(a, b)"},
     {"contains_common_case", "i(text), which finds any case"},
     {"day_range", "a range of times, such as _time:[2026-03-01T08:00, 2026-03-01T18:00)"},
     {"eq_field", "a value: two fields cannot be compared"},
     {"equals_common_case", "~\"(?i)^text$\", which finds any case"},
     {"exact", "exact(text)"},
     {"exists", "name:* instead of exists(name)"},
     {"i", "i(text)"},
     {"in", "in(a, b)"},
     {"ipv4_range", "ipv4_range(10.0.0.0/24) of a field with addresses"},
     {"ipv6_range", "~ and a regular expression: there is no test for networks"},
     {"json_array_contains_any", "~ and a regular expression: there is no test for arrays"},
     {"le_field", "a value: two fields cannot be compared"},
     {"len_range", "~\"^.{2,5}$\" instead of len_range(2, 5)"},
     {"lt_field", "a value: two fields cannot be compared"},
     {"options", "a filter: there are no options"},
     {"pattern_match", "~ and a regular expression"},
     {"pattern_match_full", "~ and a regular expression"},
     {"pattern_match_prefix", "~ and a regular expression"},
     {"pattern_match_suffix", "~ and a regular expression"},
     {"range", "range(a, b]"},
     {"re", "re(regex)"},
     {"seq", "~`\\bone\\b.*\\btwo\\b` instead of seq(one, two)"},
     {"string_range", "[\"a\", \"b\") instead of string_range(a, b)"},
     {"value_type", "a value: the type of a value cannot be tested"},
     {"week_range", "a range of times, such as _time:[2026-03-02, 2026-03-06]"}}};

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool all_digits(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

// The text if it is short enough to be shown, else what it is.
std::string_view shown(std::string_view text, std::string_view otherwise) noexcept {
    return text.empty() || text.size() > kShownBytesMax ? otherwise : text;
}

std::string_view hint_of_function(std::string_view word) noexcept {
    const auto* at = std::ranges::find(kFunctions, word, &std::pair<std::string_view, std::string_view>::first);
    return at == kFunctions.end() ? std::string_view() : at->second;
}

// status=500 and its like: what follows is taken for the value.
std::string meant_by_operator(std::string_view word, std::string_view rest) {
    const std::size_t length = std::min(rest.find_first_not_of(kOperators), rest.size());
    std::string_view sign = rest.substr(0, length);
    Scanner behind(rest.substr(length));
    const std::string_view value = behind.bare(/*colons=*/true);
    sign = sign == "==" ? "=" : sign == "=~" || sign == "~=" ? "~" : sign == "<>" || sign == "!" ? "!=" : sign;
    const std::string_view name = shown(word, "name");
    return fmt::format("{}:{}{} to test the field '{}', or quotes to search the text", name, sign,
                       shown(value, "value"), name);
}

// What other languages and word processors write around or in front of a word.
std::string meant_by_signs(std::string_view value) {
    constexpr std::string_view kTypeset[] = {"\u201C", "\u201D", "\u201E", "\u2018",
                                             "\u2019", "\u00AB", "\u2013", "\u2212"};
    if (value.size() > 1 && value.starts_with('+')) {
        return "the word without '+', for every test must hold, or quotes around the text";
    }
    if (value.size() > 1 && (value.starts_with('^') || value.ends_with('$'))) {
        return "~ and quotes around a regular expression, or quotes around the text";
    }
    if (value.contains("\u00A0")) {
        return "an ordinary space between tests: this one is U+00A0, or quotes around the text";
    }
    const bool typeset = std::ranges::any_of(kTypeset, [&](std::string_view sign) { return value.starts_with(sign); });
    return typeset ? "the signs of a keyboard: \" or ' around a text, '-' in front of what is not wanted"
                   : std::string();
}

// Of {app="x", ...} the first, as it is written here.
std::string test_in_braces(std::string_view behind) {
    Scanner scanner(behind);
    const std::string_view name = scanner.bare(/*colons=*/false);
    const std::string_view rest = scanner.rest();
    const std::string_view sign = rest.substr(0, std::min(rest.find_first_not_of(kOperators), rest.size()));
    scanner.seek(scanner.offset() + sign.size());
    const auto value = scanner.word({}, /*colons=*/true);
    const bool known = sign == "=" || sign == "=~" || sign == "!=" || sign == "!~";
    if (name.empty() || name.size() > kShownBytesMax || !known || !value || value->size() > kShownBytesMax) {
        return "stream:=web";
    }
    return fmt::format("{}:{}{}", name, sign == "=~" ? "~" : sign, quoted_if_needed(*value));
}

// Stages of LogsQL that can be written with those there are here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOtherStages{
    {{"facets", "'top by (name)' of each field"},
     {"field_values", "'uniq by (name) with hits'"},
     {"first", "'sort by (name) limit 10'"},
     {"keep", "'fields'"},
     {"last", "'sort by (name desc) limit 10', or 'tail 10' for the last rows"},
     {"order", "'sort'"}}};

// What LogsQL has behind the names of a stage.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kBehindStages{
    {{"filter", "'|' and 'where' with a test of the column"},
     {"hits", "'|' or the end: the column is called 'hits'"},
     {"if", "'where' in front of the stage: it has no conditions"},
     {"limit", "'|' in front of 'limit', or the end"},
     {"offset", "'| offset' and then, if need be, '| limit'"},
     {"partition", "'|' or the end: rows are sorted all together"},
     {"rank", "'|' or the end: rows have no ranks"}}};

std::string meant_by_call(std::string_view word) {
    const std::string_view hint = hint_of_function(part::lower_case(word));
    return hint.empty() ? fmt::format("a space in front of '(', or quotes around the text: there is no function '{}'",
                                      shown(word, "of that name"))
                        : std::string(hint);
}

}  // namespace

bool is_function(std::string_view word) noexcept {
    return !hint_of_function(word).empty();
}

std::string meant_behind_word(std::string_view word, std::string_view rest, bool of_field) {
    switch (rest.front()) {
        case '(':
            return meant_by_call(word);
        case '[':
            return is_function(part::lower_case(word)) ? meant_by_call(word)
                   : of_field                          ? std::string(kSpaceOrQuotes)
                              : fmt::format("{}:[low, high] to test a range", shown(word, "name"));
        case '=':
        case '<':
        case '>':
        case '~':
        case '!':
            return of_field ? std::string(kSpaceOrQuotes) : meant_by_operator(word, rest);
        case ',':
            return "'or' between tests, or in(a, b)";
        default:
            return meant_behind_test(rest);
    }
}

std::string meant_behind_test(std::string_view rest) {
    switch (rest.front()) {
        case '*':
            return "*text* for text anywhere, text* for words that begin so, or ~ and a regular expression";
        case ':':
            return "a name without '*' in front of one ':'";
        case '{':
        case '#':
            return meant_instead_of_test(rest);
        default:
            return std::string(kSpaceOrQuotes);
    }
}

std::string meant_instead_of_test(std::string_view rest) {
    if (rest.starts_with('{') || rest.starts_with('}')) {
        return fmt::format("a test such as {}: there are no selectors in braces", test_in_braces(rest.substr(1)));
    }
    if (rest.starts_with('#')) {
        return "a space in front of '#', which begins a comment, or quotes around the text";
    }
    if (rest.starts_with(':')) {
        return "a name right in front of ':'";
    }
    return {};
}

std::string meant_by_name(std::string_view name) {
    if (name == "_exists_" || name == "_missing_") {
        return name == "_exists_" ? "name:* for records that have the field"
                                  : "name:\"\" for records without the field";
    }
    if (name.starts_with('+')) {
        return "the name without '+': every test must hold";
    }
    if (all_digits(name) || parse_ipv4(name)) {  // 12:30:45, 10.0.0.7:443
        return "quotes around the text, or around the name of the field";
    }
    return {};
}

std::string meant_by_value(std::string_view value, bool of_field, bool in_parentheses) {
    if (value.starts_with(':')) {
        return meant_instead_of_test(value);
    }
    if (std::string meant = meant_by_signs(value); !meant.empty()) {
        return meant;
    }
    if (value.contains("&&")) {
        return "'and' or only a space between tests";
    }
    const std::string lower = part::lower_case(value);
    if (lower == "and" || lower == "or" || lower == "not") {
        return "a test, or quotes around the word";
    }
    if (std::ranges::none_of(value, part::is_word_byte)) {
        return "a test, or quotes around the text";
    }
    if (!of_field) {
        return {};
    }
    if (value.size() == 3 && is_digit(value[0]) && lower.ends_with("xx")) {
        return fmt::format("[{}00, {}99] for the numbers, or quotes around the text", value[0], value[0]);
    }
    if (value.starts_with("//")) {
        return "quotes around an address, such as \"http://host/path\"";
    }
    const std::size_t dash = value.find('-');
    if (dash != std::string_view::npos && all_digits(value.substr(0, dash)) && all_digits(value.substr(dash + 1))) {
        return fmt::format("[{}, {}] for a range, or quotes around the text", value.substr(0, dash),
                           value.substr(dash + 1));
    }
    if (value.contains('/') && parse_network(value)) {
        return fmt::format("ipv4_range({}) for the addresses of a network, or quotes around the text", value);
    }
    const std::size_t colon = value.find(':');
    if (in_parentheses && colon != std::string_view::npos && (is_letter(value.front()) || value.front() == '_') &&
        !value.substr(colon).starts_with("://")) {
        return "a test of the field in front of the parentheses, or quotes around the text";
    }
    return {};
}

std::string meant_by_stage(std::string_view name, std::string_view rest) {
    const auto* at = std::ranges::find(kOtherStages, name, &std::pair<std::string_view, std::string_view>::first);
    if (at != kOtherStages.end()) {
        return std::string(at->second);
    }
    constexpr std::string_view kOfTests = "\"'`=<>~!*:-";
    const bool is_test = name.starts_with('-') ||
                         (name.empty() ? !rest.empty() && kOfTests.contains(rest.front()) : rest.starts_with(':'));
    return is_test                                 ? "'where' in front of a filter"
           : name.empty() && rest.starts_with('(') ? "'where' in front of a filter, or 'stats by' in front of names"
                                                   : std::string();
}

std::string meant_behind_stage(std::string_view word) {
    const std::string lower = part::lower_case(word);
    const auto* at = std::ranges::find(kBehindStages, lower, &std::pair<std::string_view, std::string_view>::first);
    return std::string(at == kBehindStages.end() ? "'|' or the end" : at->second);
}

std::string meant_by_bound(std::string_view bound, bool quoted) {
    if (parse_ipv4(bound)) {
        return "a number; addresses are compared by ipv4_range(first, last)";
    }
    if (quoted || parse_number(bound)) {
        return {};
    }
    std::string_view digits = bound;
    digits.remove_prefix(digits.starts_with('-') || digits.starts_with('+') ? 1 : 0);
    const std::string lower = part::lower_case(digits);
    if (lower == "inf" || lower == "infinity") {
        return "a number; leave the bound away with <, <=, > or >=";
    }
    return "a number such as 10, 1.5, 5KB or 250ms, or a text in quotes";
}

bool names_unit_of_time(std::string_view name) noexcept {
    constexpr std::string_view kUnits[] = {"ns",     "us",           "ms",           "s",           "nanos",
                                           "micros", "millis",       "sec",          "secs",        "seconds",
                                           "msec",   "milliseconds", "microseconds", "nanoseconds", "minutes"};
    std::size_t begin = name.size();
    while (begin > 0 && is_letter(name[begin - 1])) {
        --begin;
    }
    const std::string_view last = name.substr(begin);
    const std::size_t upper = last.find_last_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");  // latencyMs
    const std::string_view hump = upper == std::string_view::npos || upper == 0 ? last : last.substr(upper);
    const auto is_unit = [&](std::string_view text) {
        return std::ranges::any_of(kUnits, [&](std::string_view unit) {
            return std::ranges::equal(unit, text, [](char a, char b) { return a == part::lower(b); });
        });
    };
    return is_unit(last) || is_unit(hump);
}

}  // namespace sluice::query
