#include "query/reference.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <set>

#include "wire/time_text.h"

namespace sluice::query::reference {
namespace {

enum class Kind : std::uint8_t { none, text, bytes, integer, floating, boolean, time, severity };

struct V {
    Kind kind = Kind::none;
    std::string text;
    std::int64_t integer = 0;
    double floating = 0;
};

struct R {
    const wire::TailEntry* entry = nullptr;          // A record, or what `fields` left of it.
    std::vector<std::pair<std::string, V>> columns;  // What `stats`, `top` and `uniq` made.
    bool narrowed = false;                           // Only `names`.
    std::vector<std::string> names;
};

// ---- values ----

V of_text(std::string_view text) {
    return {Kind::text, std::string(text), 0, 0};
}
V of_integer(std::int64_t integer) {
    return {Kind::integer, "", integer, 0};
}
V of_floating(double floating) {
    return {Kind::floating, "", 0, floating};
}

std::string to_text(const V& v) {
    std::string text;
    switch (v.kind) {
        case Kind::none:
            return "";
        case Kind::text:
        case Kind::bytes:
            return v.text;
        case Kind::integer:
            return std::to_string(v.integer);
        case Kind::floating:
            return fmt::format("{}", v.floating);
        case Kind::boolean:
            return v.integer != 0 ? "true" : "false";
        case Kind::time:
            wire::append_rfc3339(text, v.integer);
            return text;
        case Kind::severity:
            return std::string(wire::severity_name(static_cast<wire::Severity>(v.integer)));
    }
    return "";
}

// Wide enough for every int64 and every double.
using Wide = long double;

// What was computed is an integer if it is whole.
V of_number(Wide number) {
    const auto floating = static_cast<double>(number);
    return floating == std::floor(floating) && std::abs(floating) <= 9007199254740992.0
               ? of_integer(static_cast<std::int64_t>(floating))
               : of_floating(floating);
}

const std::map<std::string, double>& sizes() {
    static const std::map<std::string, double> units{{"", 1},
                                                     {"B", 1},
                                                     {"K", 1e3},
                                                     {"KB", 1e3},
                                                     {"M", 1e6},
                                                     {"MB", 1e6},
                                                     {"G", 1e9},
                                                     {"GB", 1e9},
                                                     {"T", 1e12},
                                                     {"TB", 1e12},
                                                     {"Ki", 1024},
                                                     {"KiB", 1024},
                                                     {"Mi", 1048576},
                                                     {"MiB", 1048576},
                                                     {"Gi", 1073741824.0},
                                                     {"GiB", 1073741824.0},
                                                     {"Ti", 1099511627776.0},
                                                     {"TiB", 1099511627776.0}};
    return units;
}

const std::map<std::string, double>& nanoseconds() {
    static const std::map<std::string, double> units{
        {"ns", 1},   {"us", 1e3},   {"\xC2\xB5s", 1e3}, {"\xCE\xBCs", 1e3}, {"ms", 1e6},      {"s", 1e9},
        {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9},     {"w", 604800e9},    {"y", 31536000e9}};
    return units;
}

// 1m30.5s in seconds: digits with at most one point, then a unit, as often as there are.
std::optional<double> duration_in(std::string text) {
    const bool negative = text.starts_with('-');
    text.erase(0, negative ? 1 : 0);
    double total = 0;
    do {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
        const std::size_t end = std::min(text.find_first_of("0123456789.", digits), text.size());
        const auto unit = nanoseconds().find(text.substr(digits, end - digits));
        const std::string number = text.substr(0, digits);
        if (unit == nanoseconds().end() || number.empty() || number == "." || std::ranges::count(number, '.') > 1) {
            return std::nullopt;
        }
        total += std::strtod(number.c_str(), nullptr) * unit->second;
        text.erase(0, end);
    } while (!text.empty());
    return (negative ? -total : total) / 1e9;
}

struct Quantity {
    Wide number = 0;
    bool is_duration = false;
};

std::optional<Quantity> quantity_in(const std::string& text) {
    if (text.empty() || std::string("0123456789-.").find(text[0]) == std::string::npos) {
        return std::nullopt;
    }
    if (text.find_first_of("xX") != std::string::npos) {
        return std::nullopt;  // strtod knows hexadecimal.
    }
    char* rest = nullptr;
    errno = 0;
    const long long integer = std::strtoll(text.c_str(), &rest, 10);
    if (*rest == '\0' && errno == 0) {
        return Quantity{static_cast<Wide>(integer), false};
    }
    const double number = std::strtod(text.c_str(), &rest);
    const auto unit = sizes().find(rest);
    if (unit != sizes().end() && std::isfinite(number) && rest != text.c_str()) {
        return Quantity{number * unit->second, false};
    }
    const auto duration = duration_in(text);
    return duration ? std::optional(Quantity{*duration, true}) : std::nullopt;
}

std::optional<Wide> number_in(const std::string& text) {
    const auto quantity = quantity_in(text);
    return quantity ? std::optional(quantity->number) : std::nullopt;
}

// Durations compare with durations, and everything with zero.
bool comparable(const V& v, const std::string& literal) {
    const auto other = quantity_in(literal);
    const bool is_text = v.kind == Kind::text || v.kind == Kind::bytes;
    const auto own = is_text ? quantity_in(v.text) : std::optional(Quantity{});
    return other && own && (other->number == 0 || own->is_duration == other->is_duration);
}

std::optional<Wide> number_of(const V& v) {
    switch (v.kind) {
        case Kind::integer:
            return v.integer;
        case Kind::floating:
            return v.floating;
        case Kind::text:
        case Kind::bytes:
            return number_in(v.text);
        default:
            return std::nullopt;
    }
}

// missing, texts, booleans, severities, times, numbers
int rank(const V& v) {
    if (number_of(v)) {
        return 5;
    }
    switch (v.kind) {
        case Kind::none:
            return 0;
        case Kind::boolean:
            return 2;
        case Kind::severity:
            return 3;
        case Kind::time:
            return 4;
        default:
            return v.text.empty() ? 0 : 1;
    }
}

int sign(Wide a, Wide b) {
    if (std::isnan(a) || std::isnan(b)) {
        return int{std::isnan(a)} - int{std::isnan(b)};
    }
    return a < b ? -1 : a > b ? 1 : 0;
}

int order(const V& a, const V& b) {
    if (rank(a) != rank(b)) {
        return rank(a) - rank(b);
    }
    switch (rank(a)) {
        case 0:
            return 0;
        case 5:
            return sign(*number_of(a), *number_of(b));
        case 1:
            return a.text.compare(b.text);
        default:
            return sign(a.integer, b.integer);
    }
}

int exact_order(const V& a, const V& b) {
    if (const int c = order(a, b)) {
        return c;
    }
    return a.kind != b.kind ? static_cast<int>(a.kind) - static_cast<int>(b.kind) : a.text.compare(b.text);
}

// As `min` counts: numbers in front of the rest.
bool less_for_min(const V& a, const V& b) {
    return rank(a) != rank(b) ? rank(a) > rank(b) : exact_order(a, b) < 0;
}

struct ExactLess {
    bool operator()(const V& a, const V& b) const { return exact_order(a, b) < 0; }
    bool operator()(const std::vector<V>& a, const std::vector<V>& b) const {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), *this);
    }
};

// The one of libstdc++ uses what clang calls deprecated.
template <class T, class Less>
void sort_stably(std::vector<T>& all, Less less) {
    std::list<T> list(all.begin(), all.end());
    list.sort(less);
    all.assign(list.begin(), list.end());
}

// ---- names ----

V of_field(const wire::FieldView& field) {
    switch (field.type) {
        case wire::FieldType::string:
            return of_text(field.text());
        case wire::FieldType::bytes:
            return {Kind::bytes, std::string(field.text()), 0, 0};
        case wire::FieldType::int64:
            return of_integer(field.as_int64());
        case wire::FieldType::float64:
            return of_floating(field.as_float64());
        case wire::FieldType::boolean:
            return {Kind::boolean, "", field.as_boolean() ? 1 : 0, 0};
    }
    return {};
}

bool is_time_name(const std::string& name) {
    return name == "time" || name == "_time" || name == "receive_time" || name == "_receive_time";
}
bool is_severity_name(const std::string& name) {
    return name == "severity" || name == "_severity" || name == "level";
}

std::vector<V> record_values(const wire::TailEntry& entry, std::string name) {
    if (name == "time" || name == "_time") {
        return {{Kind::time, "", entry.record.time_ns(), 0}};
    }
    if (is_time_name(name)) {
        return {{Kind::time, "", entry.receive_time_ns, 0}};
    }
    if (is_severity_name(name)) {
        return {{Kind::severity, "", static_cast<std::int64_t>(entry.record.severity()), 0}};
    }
    if (name == "sequence" || name == "_sequence") {
        return {of_integer(static_cast<std::int64_t>(entry.sequence))};
    }
    if (name == "stream" || name == "_stream") {
        return {of_text(entry.record.stream_or_default())};
    }
    if (name.empty() || name == "message" || name == "msg" || name == "_msg") {
        return {of_text(entry.record.message())};
    }
    if (name == "field.level" || name == "field.stream") {
        name = name.substr(6);
    }
    std::vector<V> own;
    std::vector<V> trusted;
    for (const auto field : entry.record.fields()) {
        if (field.name == name) {
            own.push_back(of_field(field));
        }
    }
    for (const auto field : entry.trusted) {
        if (field.name == name) {
            trusted.push_back(of_field(field));
        }
    }
    const auto by_kind = [](const V& a, const V& b) { return a.kind < b.kind; };
    sort_stably(own, by_kind);
    sort_stably(trusted, by_kind);
    own.insert(own.end(), trusted.begin(), trusted.end());
    return own;
}

// Another name of the same property of a record?
bool same_property(const std::string& a, const std::string& b) {
    const std::set<std::string> properties[] = {{"", "message", "msg", "_msg"},     {"time", "_time"},
                                                {"receive_time", "_receive_time"},  {"sequence", "_sequence"},
                                                {"severity", "_severity", "level"}, {"stream", "_stream"}};
    return std::ranges::any_of(properties, [&](const auto& names) { return names.contains(a) && names.contains(b); });
}

bool is_named(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::any_of(names, [&](const auto& each) { return each == name || same_property(each, name); });
}

std::vector<V> values(const R& row, const std::string& name) {
    if (row.narrowed && !is_named(row.names, name)) {
        return {};
    }
    if (row.entry != nullptr) {
        return record_values(*row.entry, name);
    }
    for (const bool exactly : {true, false}) {
        for (const auto& [column, v] : row.columns) {
            if (exactly ? column == name : same_property(column, name)) {
                return v.kind == Kind::none ? std::vector<V>() : std::vector<V>{v};
            }
        }
    }
    return {};
}

V first(const R& row, const std::string& name) {
    const std::vector<V> all = values(row, name);
    return all.empty() ? V() : all.front();
}

// ---- tests ----

char fold(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool word_byte(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// The letters beyond ASCII that the tests write.
constexpr std::pair<std::string_view, std::string_view> kCapitals[] = {
    {"\u00C9", "\u00E9"}, {"\u041E", "\u043E"}, {"\u0428", "\u0448"}};

std::string folded_beyond_ascii(std::string text) {
    for (const auto& [capital, small] : kCapitals) {
        for (std::size_t at = text.find(capital); at != std::string::npos; at = text.find(capital)) {
            text.replace(at, capital.size(), small);
        }
    }
    return text;
}

bool has_words(const std::string& as_written, const std::string& phrase, bool may_go_on) {
    const bool any_case = std::ranges::none_of(phrase, [](char c) { return c >= 'A' && c <= 'Z'; }) &&
                          folded_beyond_ascii(phrase) == phrase;
    const std::string text = any_case ? folded_beyond_ascii(as_written) : as_written;
    for (std::size_t at = 0; at + phrase.size() <= text.size(); ++at) {
        bool equal = true;
        for (std::size_t i = 0; i < phrase.size() && equal; ++i) {
            equal = any_case ? fold(text[at + i]) == phrase[i] : text[at + i] == phrase[i];
        }
        const std::size_t end = at + phrase.size();
        const bool cut_front = !phrase.empty() && word_byte(phrase.front()) && at > 0 && word_byte(text[at - 1]);
        const bool cut_back =
            !may_go_on && !phrase.empty() && word_byte(phrase.back()) && end < text.size() && word_byte(text[end]);
        if (equal && !cut_front && !cut_back) {
            return true;
        }
    }
    return false;
}

struct Span {
    WallNs begin = 0;
    WallNs end = 0;
    bool is_duration = false;
};
// A date, a time to the second with Z, or a simple duration: what the tests write.
std::optional<Span> span_of(const std::string& text, WallNs now) {
    if (text.size() == 10 && text[4] == '-') {
        const WallNs begin = *wire::parse_rfc3339(text);
        return Span{begin, begin + 86'400'000'000'000};
    }
    if (text.size() == 20 && text[4] == '-') {
        const WallNs begin = *wire::parse_rfc3339(text);
        return Span{begin, begin + 1'000'000'000};
    }
    const bool is_size = text.ends_with('B');  // 5KB is a number, and no duration.
    if (const auto seconds = number_in(text);
        seconds && !is_size && !text.empty() && text.find_first_not_of("0123456789") != std::string::npos) {
        const WallNs begin = now - static_cast<WallNs>(*seconds * 1e9L);
        return Span{begin, begin + 1, true};
    }
    return std::nullopt;
}

bool keeps_to(const V& v, const Bound& bound, bool low, WallNs now, WallNs back) {
    const auto decide = [&](int c) { return c == 0 ? bound.inclusive : (c > 0) == low; };
    if (v.kind == Kind::time) {
        auto span = span_of(bound.value.text, now);
        if (!span) {
            return false;
        }
        span->begin -= back;
        span->end -= back;
        if (low) {
            const bool moment = span->end - span->begin <= 1'000'000'000;
            return bound.inclusive ? v.integer >= span->begin
                   : moment        ? v.integer > span->begin
                                   : v.integer >= span->end;
        }
        return bound.inclusive ? v.integer < span->end : v.integer < span->begin;
    }
    if (v.kind == Kind::severity) {
        const auto severity = wire::parse_severity(bound.value.text);
        return severity && decide(sign(v.integer, static_cast<int>(*severity)));
    }
    if (bound.value.number) {
        const auto number = number_of(v);
        return number && !std::isnan(*number) && comparable(v, bound.value.text) &&
               decide(sign(*number, *number_in(bound.value.text)));
    }
    if (v.kind == Kind::integer || v.kind == Kind::floating || v.kind == Kind::none) {
        return false;
    }
    return decide(to_text(v).compare(bound.value.text));
}

bool equals(const V& v, const std::string& text, bool is_phrase, WallNs now, std::optional<WallNs> back) {
    switch (v.kind) {
        case Kind::time: {
            auto span = span_of(text, now);
            if (span && is_phrase && span->is_duration) {
                span->end = back ? now + 1 : std::numeric_limits<WallNs>::max();
            }
            const WallNs time = v.integer + back.value_or(0);
            return span && time >= span->begin && time < span->end;
        }
        case Kind::severity: {
            const auto severity = wire::parse_severity(text);
            return severity && static_cast<int>(*severity) == v.integer;
        }
        case Kind::integer:
        case Kind::floating:
            if (const auto number = number_in(text); number && comparable(v, text)) {
                return sign(*number, *number_of(v)) == 0;
            }
            return to_text(v) == text;
        default:
            return to_text(v) == text;
    }
}

std::optional<std::vector<int>> address_in(const std::string& text) {
    std::vector<int> bytes;
    std::string rest = text + ".";
    for (std::size_t point = rest.find('.'); point != std::string::npos; point = rest.find('.')) {
        const std::string byte = rest.substr(0, point);
        if (byte.empty() || byte.size() > 3 || byte.find_first_not_of("0123456789") != std::string::npos ||
            std::stoi(byte) > 255) {
            return std::nullopt;
        }
        bytes.push_back(std::stoi(byte));
        rest.erase(0, point + 1);
    }
    return bytes.size() == 4 && rest.empty() ? std::optional(bytes) : std::nullopt;
}

// Nothing: no offset.
std::optional<WallNs> offset_in(const std::string& text) {
    const auto seconds = duration_in(text);
    return seconds ? std::optional(static_cast<WallNs>(*seconds * 1e9)) : std::nullopt;
}

bool holds(const V& v, const Test& test, WallNs now) {
    const bool is_text = v.kind == Kind::text || v.kind == Kind::bytes;
    const std::optional<WallNs> back = offset_in(test.offset);
    switch (test.kind) {
        case TestKind::phrase:
            return is_text ? has_words(v.text, test.text, false) : equals(v, test.text, true, now, back);
        case TestKind::prefix:
            return has_words(to_text(v), test.text, true);
        case TestKind::substring:
            return to_text(v).find(test.text) != std::string::npos;
        case TestKind::exact:
            return is_text ? v.text == test.text : equals(v, test.text, false, now, back);
        case TestKind::regex:
            return re2::RE2::PartialMatch(to_text(v), re2::RE2("(?s)" + test.text, re2::RE2::Quiet));
        case TestKind::compare:
        case TestKind::range:
            return (!test.low || keeps_to(v, *test.low, true, now, back.value_or(0))) &&
                   (!test.high || keeps_to(v, *test.high, false, now, back.value_or(0)));
        case TestKind::any_of:
            return std::ranges::any_of(test.texts, [&](const std::string& text) {
                return is_text ? v.text == text : equals(v, text, false, now, back);
            });
        case TestKind::network: {
            const auto address = address_in(to_text(v));
            return address && *address >= *address_in(test.low->value.text) &&
                   *address <= *address_in(test.high->value.text);
        }
        case TestKind::exists:
            return is_text ? !v.text.empty() : v.kind != Kind::none;
    }
    return false;
}

bool holds_without_value(const Test& test) {
    switch (test.kind) {
        case TestKind::phrase:
        case TestKind::prefix:
        case TestKind::substring:
        case TestKind::exact:
        case TestKind::regex:
        case TestKind::any_of:
        case TestKind::network:
        case TestKind::compare:
        case TestKind::range:
            return holds(of_text(""), test, 0);
        default:
            return false;
    }
}

bool matches(const R& row, const Filter& filter, WallNs now) {
    switch (filter.kind) {
        case FilterKind::everything:
            return true;
        case FilterKind::match: {
            const std::vector<V> all = values(row, filter.field);
            return all.empty() ? holds_without_value(filter.test)
                               : std::ranges::any_of(all, [&](const V& v) { return holds(v, filter.test, now); });
        }
        case FilterKind::all_of:
            return std::ranges::all_of(filter.parts, [&](const Filter& part) { return matches(row, part, now); });
        case FilterKind::one_of:
            return std::ranges::any_of(filter.parts, [&](const Filter& part) { return matches(row, part, now); });
        case FilterKind::none_of:
            return !matches(row, filter.parts.front(), now);
    }
    return false;
}

// ---- stages ----

bool has_value(const V& v) {
    return v.kind != Kind::none && !((v.kind == Kind::text || v.kind == Kind::bytes) && v.text.empty());
}

// Of a number, or a text that reads as one.
bool is_integer(const V& v) {
    return v.kind == Kind::integer ||
           (v.kind != Kind::floating && v.text.find_first_not_of("-0123456789") == std::string::npos);
}

// Widths are 10, or durations of times.
V bucket(const V& v, double width, WallNs back) {
    if (v.kind == Kind::time) {
        const auto wide = static_cast<std::int64_t>(std::llround(width * 1e9));
        const auto number = static_cast<std::int64_t>(std::floor(static_cast<Wide>(v.integer + back) / wide));
        return {Kind::time, "", number * wide - back, 0};
    }
    const auto number = number_of(v);
    if (!number || !comparable(v, "1")) {
        return v;
    }
    const Wide begin = std::floor(*number / width) * width;
    return is_integer(v) ? of_integer(static_cast<std::int64_t>(begin)) : of_number(begin);
}

V aggregate(const Aggregate& each, const std::vector<R>& rows) {
    if (each.function == Function::count && each.field.empty()) {
        return of_integer(static_cast<std::int64_t>(rows.size()));
    }
    std::vector<V> all;
    for (const R& row : rows) {
        if (const V v = first(row, each.field); has_value(v)) {
            all.push_back(v);
        }
    }
    std::vector<Wide> numbers;
    bool integers = true;
    for (const V& v : all) {
        if (const auto number = number_of(v)) {
            numbers.push_back(*number);
            integers = integers && is_integer(v);
        }
    }
    Wide sum = 0;
    for (const Wide number : numbers) {
        sum += number;
    }
    switch (each.function) {
        case Function::count:
            return of_integer(static_cast<std::int64_t>(all.size()));
        case Function::count_uniq:
            return of_integer(static_cast<std::int64_t>(std::set<V, ExactLess>(all.begin(), all.end()).size()));
        case Function::sum:
            return numbers.empty() ? V() : integers ? of_integer(static_cast<std::int64_t>(sum)) : of_number(sum);
        case Function::avg:
            return numbers.empty() ? V() : of_number(sum / static_cast<Wide>(numbers.size()));
        case Function::min:
            return all.empty() ? V() : *std::ranges::min_element(all, less_for_min);
        case Function::max:
            return all.empty() ? V() : *std::ranges::max_element(all, ExactLess());
        case Function::median:
        case Function::quantile: {
            if (numbers.empty()) {
                return {};
            }
            std::ranges::sort(numbers);
            const double rank = std::floor(each.fraction * static_cast<double>(numbers.size()));
            const Wide found = numbers[std::min(static_cast<std::size_t>(rank), numbers.size() - 1)];
            return integers ? of_integer(static_cast<std::int64_t>(found)) : of_number(found);
        }
    }
    return {};
}

using Rows = std::vector<R>;

struct Apply {
    Rows& rows;
    WallNs now;

    void operator()(const Where& stage) const {
        std::erase_if(rows, [&](const R& row) { return !matches(row, stage.filter, now); });
    }
    void operator()(const Fields& stage) const {
        for (R& row : rows) {
            std::vector<std::string> names;
            for (const std::string& name : stage.names) {
                if (!row.narrowed || is_named(row.names, name) || row.entry == nullptr) {
                    names.push_back(name);
                }
            }
            if (row.entry == nullptr) {
                Rows::value_type narrowed;
                for (const std::string& name : stage.names) {
                    narrowed.columns.emplace_back(name, first(row, name));
                }
                row = std::move(narrowed);
            } else {
                row.names = std::move(names);
                row.narrowed = true;
            }
        }
    }
    void operator()(const Sort& stage) const {
        sort_stably(rows, [&](const R& a, const R& b) {
            for (const SortKey& key : stage.keys) {
                if (const int c = order(first(a, key.name), first(b, key.name))) {
                    return (c < 0) != key.descending;
                }
            }
            return false;
        });
        if (stage.limit) {
            (*this)(Head{.count = *stage.limit});
        }
    }
    void operator()(const Head& stage) const { rows.resize(std::min<std::uint64_t>(stage.count, rows.size())); }
    void operator()(const Skip& stage) const {
        rows.erase(rows.begin(),
                   rows.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(stage.count, rows.size())));
    }
    void operator()(const Tail& stage) const {
        (*this)(Skip{.count = rows.size() - std::min<std::uint64_t>(stage.count, rows.size())});
    }
    void operator()(const Stats& stage) const {
        std::map<std::vector<V>, Rows, ExactLess> groups;
        if (stage.by.empty()) {
            groups[{}] = {};
        }
        for (const R& row : rows) {
            std::vector<V> key;
            for (const GroupBy& by : stage.by) {
                const V v = first(row, by.name);
                key.push_back(!has_value(v) ? V()
                              : by.bucket   ? bucket(v, *by.bucket->number, offset_in(by.offset).value_or(0))
                                            : v);
            }
            groups[key].push_back(row);
        }
        Rows made;
        for (const auto& [key, members] : groups) {
            R row;
            for (std::size_t i = 0; i < key.size(); ++i) {
                row.columns.emplace_back(stage.by[i].name, key[i]);
            }
            for (const Aggregate& each : stage.aggregates) {
                row.columns.emplace_back(each.name, aggregate(each, members));
            }
            made.push_back(std::move(row));
        }
        rows = std::move(made);
    }
    void operator()(const Uniq& stage) const {
        Stats counted;
        for (const std::string& name : stage.names) {
            counted.by.push_back({.name = name, .bucket = std::nullopt});
        }
        counted.aggregates.push_back({.function = Function::count, .field = {}, .fraction = 0, .name = "hits"});
        (*this)(counted);
        for (R& row : rows) {
            row.columns.resize(row.columns.size() - (stage.hits ? 0 : 1));
        }
    }
    void operator()(const Top& stage) const {
        (*this)(Uniq{.names = stage.names, .hits = true});
        sort_stably(rows, [](const R& a, const R& b) {
            return a.columns.back().second.integer > b.columns.back().second.integer;
        });
        (*this)(Head{.count = stage.count});
    }
};

// ---- results ----

std::string show_value(const V& v) {
    if (v.kind == Kind::floating) {
        return fmt::format("float {:.9g}", v.floating == 0 ? 0.0 : v.floating);  // Sums depend on the order.
    }
    const char* const type = v.kind == Kind::integer   ? "int"
                             : v.kind == Kind::boolean ? "bool"
                             : v.kind == Kind::bytes   ? "bytes"
                                                       : "text";
    return fmt::format("{} {}", type, to_text(v));
}

std::string show_record(const wire::TailEntry& entry) {
    return fmt::format("record {} {} {} {}", entry.sequence, entry.receive_time_ns, as_text(entry.trusted.bytes()),
                       as_text(entry.record.bytes()));
}

std::string show_row(const R& row) {
    if (row.entry != nullptr && !row.narrowed) {
        return show_record(*row.entry);
    }
    std::string line = row.entry != nullptr ? fmt::format("row {}:", row.entry->sequence) : std::string("row 0:");
    std::set<std::string> seen;
    const auto add = [&](const std::string& name, const V& v) {
        if (v.kind != Kind::none && seen.insert(name).second) {
            line += fmt::format(" {}={}", name, show_value(v));
        }
    };
    for (const std::string& name : row.names) {
        const bool is_new = !seen.contains(name);
        for (const V& v : is_new ? values(row, name) : std::vector<V>()) {
            seen.erase(name);
            add(name, v);
        }
    }
    for (const auto& [name, v] : row.columns) {
        add(name, v);
    }
    return line;
}

}  // namespace

std::vector<std::string> run(const Query& query, const std::vector<wire::TailEntry>& entries, WallNs now) {
    Rows rows;
    for (const wire::TailEntry& entry : entries) {
        R row;
        row.entry = &entry;
        rows.push_back(std::move(row));
    }
    const Apply apply{rows, now};
    apply(Where{.filter = query.filter});
    for (const Pipe& pipe : query.pipes) {
        std::visit(apply, pipe);
    }
    std::vector<std::string> lines;
    for (const R& row : rows) {
        lines.push_back(show_row(row));
    }
    return lines;
}

std::vector<std::string> show_results(ByteView entries) {
    std::vector<std::string> lines;
    while (!entries.empty()) {
        const wire::TailEntry entry = wire::TailEntryCodec::view(entries.data());
        if ((entry.flags & wire::kBatchComputed) == 0) {
            lines.push_back(show_record(entry));
        } else {
            std::string line = fmt::format("row {}:", entry.sequence);
            for (const wire::FieldView field : entry.record.fields()) {
                line += fmt::format(" {}={}", field.name, show_value(of_field(field)));
            }
            lines.push_back(std::move(line));
        }
        entries = entries.subspan(wire::TailEntryCodec::size(entries.data()));
    }
    return lines;
}

}  // namespace sluice::query::reference
