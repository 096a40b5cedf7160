#include "query/parser.h"

#include <algorithm>

#include "base/format.h"
#include "query/parse_pipe.h"
#include "query/syntax_hints.h"
#include "query/test_parser.h"

namespace sluice::query {
namespace {

Filter join(FilterKind kind, std::vector<Filter> parts) {
    if (parts.size() == 1) {
        return std::move(parts.front());
    }
    return {.kind = kind, .parts = std::move(parts), .field = {}, .test = {}};
}

// The field that tests are of, where one is named.
struct Field {
    const std::string* name = nullptr;
    Place place = Place::alone;
};

class FilterParser {
 public:
    explicit FilterParser(Reading& reading) noexcept : reading_(reading), scanner_(reading.scanner) {}

    Parsed<Filter> one_of(Field field);

 private:
    Parsed<Filter> all_of(Field field);
    Parsed<Filter> negated(Field field);
    Parsed<Filter> primary(Field field);
    Parsed<Filter> named_or_word();
    Parsed<Filter> nested(Field field);
    std::optional<Parsed<Filter>> contains(const std::string& field);
    Parsed<Filter> one_test_of(const std::string& field, Place place);
    Parsed<Filter> test_of(const std::string& field, Place place);
    std::optional<SyntaxError> take_offset(Test& test);
    std::optional<SyntaxError> names_values(const Filter& word);
    bool begins_range();
    bool begins_another() noexcept;

    Reading& reading_;
    Scanner& scanner_;
    std::size_t depth_ = 0;
};

// Behind an operand: is there one more, without a word between them?
bool FilterParser::begins_another() noexcept {
    if (scanner_.at_end()) {
        return false;
    }
    const char c = scanner_.peek();
    return c != '|' && c != ')' && c != ']' && c != ',';
}

Parsed<Filter> FilterParser::one_of(Field field) {
    std::vector<Filter> parts;
    do {
        Parsed<Filter> part = all_of(field);
        if (!part) {
            return part;
        }
        parts.push_back(std::move(*part));
    } while (scanner_.take_keyword("or"));
    return join(FilterKind::one_of, std::move(parts));
}

// Behind a test of a time: how far back it is shifted.
std::optional<SyntaxError> FilterParser::take_offset(Test& test) {
    using enum TestKind;
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    if (!scanner_.take_keyword("offset")) {
        return std::nullopt;
    }
    if (test.kind == prefix || test.kind == substring || test.kind == regex || test.kind == exists) {
        return scanner_.expected_at(start, "a time or a range of times in front of 'offset'").error();
    }
    Parsed<std::string> offset = offset_of(scanner_);
    if (!offset) {
        return std::move(offset).error();
    }
    test.offset = std::move(*offset);
    return std::nullopt;
}

// status in (500, 502)
std::optional<SyntaxError> FilterParser::names_values(const Filter& word) {
    const Filter& last = word.kind == FilterKind::none_of ? word.parts.front() : word;
    const std::size_t behind = scanner_.offset();
    const bool bare = last.kind == FilterKind::match && last.field.empty() && last.test.kind == TestKind::phrase &&
                      !std::string_view("\"'`)").contains(scanner_.previous());
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    if (bare && scanner_.take_keyword("in") && scanner_.take("(")) {
        return scanner_
            .expected_at(start, fmt::format("{}:in(a, b) to test the field, or 'and' in front of 'in'", last.test.text))
            .error();
    }
    scanner_.seek(behind);
    return std::nullopt;
}

Parsed<Filter> FilterParser::all_of(Field field) {
    std::vector<Filter> parts;
    for (;;) {  // Bounded: each turn takes at least one character or fails.
        Parsed<Filter> part = negated(field);
        if (!part) {
            return part;
        }
        if (auto error = names_values(*part)) {
            return std::unexpected(std::move(*error));
        }
        parts.push_back(std::move(*part));
        if (scanner_.take_keyword("and")) {
            continue;
        }
        const std::size_t before = scanner_.offset();
        if (!begins_another() || scanner_.take_keyword("or")) {
            scanner_.seek(before);
            return join(FilterKind::all_of, std::move(parts));
        }
    }
}

Parsed<Filter> FilterParser::negated(Field field) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    const bool minus = scanner_.take("-");
    if (!minus && !scanner_.take("!") && !scanner_.take_keyword("not")) {
        return primary(field);
    }
    const char next = scanner_.peek();
    if (minus && next == '-') {
        return scanner_.expected_at(start, "one '-'; a comment begins with '#'");
    }
    if (minus && field.name != nullptr && next >= '0' && next <= '9') {
        const bool time = reading_.scope.kind_of(*field.name) == LiteralKind::time;
        return scanner_.expected_at(
            start, time ? "how long ago, without '-', or 'not'" : "'=' in front of a negative number, or 'not'");
    }
    if (++depth_ > kNestingMax) {
        return scanner_.expected_at(start, fmt::format("at most {} nested filters", kNestingMax));
    }
    Parsed<Filter> part = negated(field);
    --depth_;
    if (!part) {
        return part;
    }
    Filter filter{.kind = FilterKind::none_of, .parts = {}, .field = {}, .test = {}};
    filter.parts.push_back(std::move(*part));
    return filter;
}

// Behind "(".
Parsed<Filter> FilterParser::nested(Field field) {
    if (++depth_ > kNestingMax) {
        return scanner_.expected(fmt::format("at most {} nested filters", kNestingMax));
    }
    field.place = field.name != nullptr ? Place::in_parentheses : Place::alone;
    Parsed<Filter> inner = one_of(field);
    --depth_;
    if (inner && !scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("')', 'and', 'or' or another test");
    }
    return inner;
}

// Of a time "(low, high]" is a range, too.
bool FilterParser::begins_range() {
    const std::size_t start = scanner_.offset();
    const bool range = scanner_.take("(") && scanner_.literal({}) && scanner_.take(",");
    scanner_.seek(start);
    return range;
}

Parsed<Filter> FilterParser::primary(Field field) {
    const bool range =
        field.name != nullptr && reading_.scope.kind_of(*field.name) == LiteralKind::time && begins_range();
    if (!range && scanner_.take("(")) {
        Parsed<Filter> inner = nested(field);
        scanner_.skip_space();
        const std::size_t behind = scanner_.offset();
        if (inner && field.name != nullptr && reading_.scope.kind_of(*field.name) == LiteralKind::time &&
            scanner_.take_keyword("offset")) {
            return scanner_.expected_at(behind, "the offset behind each time in the parentheses");
        }
        return inner;
    }
    return field.name != nullptr ? test_of(*field.name, field.place) : named_or_word();
}

Parsed<Filter> FilterParser::named_or_word() {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::optional<std::string>> quoted = scanner_.quoted();
    if (!quoted) {
        return std::unexpected(std::move(quoted).error());
    }
    const std::string name = *quoted ? **quoted : std::string(scanner_.bare(/*colons=*/false));
    if ((*quoted || !name.empty()) && scanner_.peek() == ':') {
        if (name == "_stream_id") {
            return scanner_.expected_at(start, "another field: streams have names here, and no numbers");
        }
        if (std::string meant = *quoted ? std::string() : meant_by_name(name); !meant.empty()) {
            return scanner_.expected_at(start, std::move(meant));
        }
        scanner_.take(":");
        return negated({.name = &name, .place = Place::behind_name});
    }
    scanner_.seek(start);
    if (scanner_.take("*") && !scanner_.at_text() && scanner_.peek() != '*') {
        return Filter{};
    }
    scanner_.seek(start);
    return test_of({}, Place::alone);
}

// contains_any(a, b) is (a or b), contains_all(a, b) is (a b).
std::optional<Parsed<Filter>> FilterParser::contains(const std::string& field) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    const bool any = scanner_.take_keyword("contains_any");
    if (reading_.scope.kind_of(field) != LiteralKind::any || (!any && !scanner_.take_keyword("contains_all")) ||
        !scanner_.take("(")) {
        scanner_.seek(start);
        return std::nullopt;
    }
    if (depth_ >= kNestingMax) {
        return scanner_.expected_at(start, fmt::format("at most {} nested filters", kNestingMax));
    }
    std::vector<Filter> parts;
    do {
        scanner_.skip_space();
        const std::size_t at = scanner_.offset();
        Parsed<std::string> text = scanner_.word("a word or a quoted phrase", /*colons=*/true);
        if (!text) {
            return std::unexpected(std::move(text).error());
        }
        if (text->empty() || ++reading_.used.tests > kTestsMax) {
            return scanner_.expected_at(at, text->empty() ? "a word or a quoted phrase that is not empty"
                                                          : fmt::format("at most {} tests in a query", kTestsMax));
        }
        Test test{.kind = TestKind::phrase, .text = std::move(*text), .texts = {}, .low = {}, .high = {}};
        parts.push_back({.kind = FilterKind::match, .parts = {}, .field = field, .test = std::move(test)});
    } while (scanner_.take(","));
    if (!scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("',' or ')'");
    }
    return join(any ? FilterKind::one_of : FilterKind::all_of, std::move(parts));
}

Parsed<Filter> FilterParser::one_test_of(const std::string& field, Place place) {
    Parsed<Test> made = parse_test(reading_, field, place);
    if (!made) {
        return std::unexpected(std::move(made).error());
    }
    if (reading_.scope.kind_of(field) == LiteralKind::time) {
        if (auto error = take_offset(*made)) {
            return std::unexpected(std::move(*error));
        }
    }
    return Filter{.kind = FilterKind::match, .parts = {}, .field = field, .test = std::move(*made)};
}

Parsed<Filter> FilterParser::test_of(const std::string& field, Place place) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    std::optional<Parsed<Filter>> several = contains(field);
    Parsed<Filter> made = several ? std::move(*several) : one_test_of(field, place);
    if (made && field.empty() && !reading_.scope.has_message()) {
        return scanner_.expected_at(start, "the name of a column and ':', for there is no message any more");
    }
    return made;
}

Parsed<Query> check_size(std::string_view text) {
    if (text.size() > kQueryBytesMax) {
        return std::unexpected(SyntaxError{.offset = kQueryBytesMax,
                                           .expected = fmt::format("a query of at most {} bytes", kQueryBytesMax),
                                           .found = fmt::format("{} bytes", text.size())});
    }
    return Query{};
}

// A query that begins with a stage, and has no filter and no "|" in front of it.
std::optional<SyntaxError> begins_with_stage(Scanner& scanner) {
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    const std::string_view word = scanner.bare(/*colons=*/false);
    std::optional<SyntaxError> error;
    const bool alone = std::string_view(" \t\r\n").contains(scanner.peek());
    if (is_stage(word) && alone && !scanner.at_end() && !scanner.take_keyword("or") && !scanner.take_keyword("and") &&
        !std::string_view("|)=<>!~").contains(scanner.peek())) {
        error = scanner.expected_at(start, fmt::format("'* | {}', or quotes around the word", word)).error();
    }
    scanner.seek(start);
    return error;
}

}  // namespace

Parsed<Filter> parse_filter(Reading& reading, Emptiness emptiness) {
    Scanner& scanner = reading.scanner;
    const bool nothing = scanner.at_end() || scanner.peek() == '|';
    if (nothing && emptiness == Emptiness::everything) {
        return Filter{};
    }
    if (nothing) {
        return scanner.expected("a filter");
    }
    if (auto error = begins_with_stage(scanner)) {
        return std::unexpected(std::move(*error));
    }
    return FilterParser(reading).one_of({});
}

Parsed<Filter> parse_filter(std::string_view text) {
    if (Parsed<Query> sized = check_size(text); !sized) {
        return std::unexpected(std::move(sized).error());
    }
    Reading reading(text);
    Parsed<Filter> filter = parse_filter(reading, Emptiness::everything);
    if (filter && !reading.scanner.at_end()) {
        return reading.scanner.expected("'and', 'or', another test, or the end");
    }
    return filter;
}

Parsed<Query> parse_query(std::string_view text) {
    Parsed<Query> query = check_size(text);
    if (!query) {
        return query;
    }
    Reading reading(text);
    Scanner& scanner = reading.scanner;
    Parsed<Filter> filter = parse_filter(reading, Emptiness::everything);
    if (!filter) {
        return std::unexpected(std::move(filter).error());
    }
    query->filter = std::move(*filter);
    while (scanner.take("|")) {
        if (query->pipes.size() == kStagesMax) {
            return scanner.expected(fmt::format("at most {} stages", kStagesMax));
        }
        Parsed<Pipe> pipe = parse_pipe(reading);
        if (!pipe) {
            return std::unexpected(std::move(pipe).error());
        }
        reading.scope.pass(*pipe);
        query->pipes.push_back(std::move(*pipe));
    }
    if (!scanner.at_end()) {
        const bool tests = query->pipes.empty() || std::holds_alternative<Where>(query->pipes.back());
        return scanner.expected(tests ? "'and', 'or', another test, '|' or the end"
                                      : meant_behind_stage(scanner.peek_bare(/*colons=*/false)));
    }
    return query;
}

}  // namespace sluice::query
