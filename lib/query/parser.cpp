#include "query/parser.h"

#include <fmt/format.h>

#include "query/parse_pipe.h"

namespace sluice::query {
namespace {

Filter match(std::string field, Test test) {
    return {.kind = FilterKind::match, .parts = {}, .field = std::move(field), .test = std::move(test)};
}

Filter join(FilterKind kind, std::vector<Filter> parts) {
    if (parts.size() == 1) {
        return std::move(parts.front());
    }
    return {.kind = kind, .parts = std::move(parts), .field = {}, .test = {}};
}

class FilterParser {
 public:
    explicit FilterParser(Scanner& scanner) noexcept : scanner_(scanner) {}

    Parsed<Filter> one_of(const std::string* field);

 private:
    Parsed<Filter> all_of(const std::string* field);
    Parsed<Filter> negated(const std::string* field);
    Parsed<Filter> primary(const std::string* field);
    Parsed<Filter> nested(const std::string* field);
    Parsed<Filter> test_of(const std::string& field);
    Parsed<Test> compared(bool less);
    Parsed<Test> range(bool low_inclusive);
    Parsed<Test> any_of();
    Parsed<Test> starred();
    Parsed<Test> worded();
    bool begins_another() noexcept;

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

Parsed<Filter> FilterParser::one_of(const std::string* field) {
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

Parsed<Filter> FilterParser::all_of(const std::string* field) {
    std::vector<Filter> parts;
    for (;;) {  // Bounded: each turn takes at least one character or fails.
        Parsed<Filter> part = negated(field);
        if (!part) {
            return part;
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

Parsed<Filter> FilterParser::negated(const std::string* field) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    if (!scanner_.take("-") && !scanner_.take("!") && !scanner_.take_keyword("not")) {
        return primary(field);
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
Parsed<Filter> FilterParser::nested(const std::string* field) {
    if (++depth_ > kNestingMax) {
        return scanner_.expected(fmt::format("at most {} nested filters", kNestingMax));
    }
    Parsed<Filter> inner = one_of(field);
    --depth_;
    if (inner && !scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("')', 'and', 'or' or another test");
    }
    return inner;
}

// `field`: of the parentheses that this is in; nullptr: none.
Parsed<Filter> FilterParser::primary(const std::string* field) {
    if (scanner_.take("(")) {
        return nested(field);
    }
    if (field != nullptr) {
        return test_of(*field);
    }
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::optional<std::string>> quoted = scanner_.quoted();
    if (!quoted) {
        return std::unexpected(std::move(quoted).error());
    }
    const std::string name = *quoted ? **quoted : std::string(scanner_.bare(/*colons=*/false));
    const bool named = *quoted || !name.empty();
    if (named && scanner_.peek() == ':') {
        scanner_.take(":");
        if (scanner_.take("(")) {
            return nested(&name);
        }
        return test_of(name);
    }
    scanner_.seek(start);
    if (scanner_.take("*") && !scanner_.at_text()) {
        return Filter{};
    }
    scanner_.seek(start);
    return test_of({});
}

Parsed<Filter> FilterParser::test_of(const std::string& field) {
    scanner_.skip_space();
    Parsed<Test> test;
    if (scanner_.take("<")) {
        test = compared(/*less=*/true);
    } else if (scanner_.take(">")) {
        test = compared(/*less=*/false);
    } else if (scanner_.take("[")) {
        test = range(/*low_inclusive=*/true);
    } else if (scanner_.peek() == '=' || scanner_.peek() == '~') {
        test->kind = scanner_.peek() == '=' ? TestKind::exact : TestKind::regex;
        scanner_.take(scanner_.peek() == '=' ? "=" : "~");
        Parsed<std::string> text = scanner_.word("a text", /*colons=*/true);
        if (!text) {
            return std::unexpected(std::move(text).error());
        }
        test->text = std::move(*text);
    } else if (scanner_.peek() == '*') {
        test = starred();
    } else {
        const std::size_t start = scanner_.offset();
        if (scanner_.take_keyword("in") && scanner_.take("(")) {
            test = any_of();
        } else {
            scanner_.seek(start);
            if (scanner_.take_keyword("range") && scanner_.peek() == '(') {
                scanner_.take("(");
                test = range(/*low_inclusive=*/false);
            } else {
                scanner_.seek(start);
                test = worded();
            }
        }
    }
    if (!test) {
        return std::unexpected(std::move(test).error());
    }
    return match(field, std::move(*test));
}

Parsed<Test> FilterParser::compared(bool less) {
    const bool inclusive = scanner_.peek() == '=' && scanner_.take("=");
    Parsed<Literal> value = scanner_.literal("a value to compare with");
    if (!value) {
        return std::unexpected(std::move(value).error());
    }
    Test test{.kind = TestKind::compare, .text = {}, .texts = {}, .low = {}, .high = {}};
    (less ? test.high : test.low) = Bound{.value = std::move(*value), .inclusive = inclusive};
    return test;
}

// Behind "[" or "range(".
Parsed<Test> FilterParser::range(bool low_inclusive) {
    Parsed<Literal> low = scanner_.literal("the lower bound");
    if (!low) {
        return std::unexpected(std::move(low).error());
    }
    if (!scanner_.take(",")) {
        scanner_.skip_space();
        return scanner_.expected("',' and the upper bound");
    }
    Parsed<Literal> high = scanner_.literal("the upper bound");
    if (!high) {
        return std::unexpected(std::move(high).error());
    }
    const bool inclusive = scanner_.take("]");
    if (!inclusive && !scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("']' (the upper bound belongs to the range) or ')' (it does not)");
    }
    return Test{.kind = TestKind::range,
                .text = {},
                .texts = {},
                .low = Bound{.value = std::move(*low), .inclusive = low_inclusive},
                .high = Bound{.value = std::move(*high), .inclusive = inclusive}};
}

// Behind "in(".
Parsed<Test> FilterParser::any_of() {
    Test test{.kind = TestKind::any_of, .text = {}, .texts = {}, .low = {}, .high = {}};
    do {
        Parsed<std::string> text = scanner_.word("a value", /*colons=*/true);
        if (!text) {
            return std::unexpected(std::move(text).error());
        }
        test.texts.push_back(std::move(*text));
    } while (scanner_.take(","));
    if (!scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("',' or ')'");
    }
    return test;
}

// "*" or "*text*".
Parsed<Test> FilterParser::starred() {
    Test test;
    scanner_.take("*");
    if (!scanner_.at_text()) {
        return test;  // exists
    }
    Parsed<std::string> text = scanner_.word("a text", /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    if (scanner_.peek() != '*') {
        return scanner_.expected("'*' behind the text: *text* finds it anywhere");
    }
    scanner_.take("*");
    test.kind = TestKind::substring;
    test.text = std::move(*text);
    return test;
}

Parsed<Test> FilterParser::worded() {
    Parsed<std::string> text =
        scanner_.word("a word, a quoted phrase or a test such as =, <, ~, [ or in(", /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    Test test{.kind = TestKind::phrase, .text = std::move(*text), .texts = {}, .low = {}, .high = {}};
    if (scanner_.peek() == '*') {
        scanner_.take("*");
        test.kind = TestKind::prefix;
    } else if (test.text.empty()) {
        test.kind = TestKind::exact;  // "": without a value.
    }
    return test;
}

Parsed<Filter> parse_whole_filter(Scanner& scanner) {
    if (scanner.at_end() || scanner.peek() == '|') {
        return Filter{};
    }
    return FilterParser(scanner).one_of(nullptr);
}

Parsed<Query> check_size(std::string_view text) {
    if (text.size() > kQueryBytesMax) {
        return std::unexpected(SyntaxError{.offset = kQueryBytesMax,
                                           .expected = fmt::format("a query of at most {} bytes", kQueryBytesMax),
                                           .found = fmt::format("{} bytes", text.size())});
    }
    return Query{};
}

}  // namespace

Parsed<Filter> parse_filter(Scanner& scanner) {
    return parse_whole_filter(scanner);
}

Parsed<Filter> parse_filter(std::string_view text) {
    if (Parsed<Query> sized = check_size(text); !sized) {
        return std::unexpected(std::move(sized).error());
    }
    Scanner scanner(text);
    Parsed<Filter> filter = parse_whole_filter(scanner);
    if (filter && !scanner.at_end()) {
        return scanner.expected("'and', 'or', another test, or the end");
    }
    return filter;
}

Parsed<Query> parse_query(std::string_view text) {
    Parsed<Query> query = check_size(text);
    if (!query) {
        return query;
    }
    Scanner scanner(text);
    Parsed<Filter> filter = parse_whole_filter(scanner);
    if (!filter) {
        return std::unexpected(std::move(filter).error());
    }
    query->filter = std::move(*filter);
    while (scanner.take("|")) {
        Parsed<Pipe> pipe = parse_pipe(scanner);
        if (!pipe) {
            return std::unexpected(std::move(pipe).error());
        }
        query->pipes.push_back(std::move(*pipe));
    }
    if (!scanner.at_end()) {
        return scanner.expected("'and', 'or', another test, '|' or the end");
    }
    return query;
}

}  // namespace sluice::query
