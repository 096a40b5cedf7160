#include "query/parser.h"

#include "base/format.h"
#include "query/parse_pipe.h"
#include "query/row_filter.h"

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
    FilterParser(Scanner& scanner, Names names) noexcept : scanner_(scanner), names_(names) {}

    Parsed<Filter> one_of(const std::string* field);

 private:
    Parsed<Filter> all_of(const std::string* field);
    Parsed<Filter> negated(const std::string* field);
    Parsed<Filter> primary(const std::string* field);
    Parsed<Filter> nested(const std::string* field);
    Parsed<Filter> test_of(const std::string& field);
    Parsed<Test> test();
    Parsed<Test> compared(bool less);
    Parsed<Test> range(bool low_inclusive);
    Parsed<Test> any_of();
    Parsed<Test> starred();
    Parsed<Test> worded();
    Parsed<Test> equal_to();
    Parsed<Test> regex();
    Parsed<Literal> literal(std::string_view what);
    Parsed<std::string> text(std::string_view what);
    bool begins_another() noexcept;

    Scanner& scanner_;
    Names names_;
    LiteralKind kind_ = LiteralKind::any;  // Of the field whose test is being read.
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
    kind_ = names_ == Names::of_records ? literal_kind(name_in_record(field)) : LiteralKind::any;
    const std::size_t start = scanner_.offset();
    const bool negated = scanner_.take("!") && (scanner_.peek() == '=' || scanner_.peek() == '~');
    if (!negated) {
        scanner_.seek(start);
    }
    Parsed<Test> made = test();
    if (!made) {
        return std::unexpected(std::move(made).error());
    }
    Filter filter = match(field, std::move(*made));
    if (!negated) {
        return filter;
    }
    Filter inverted{.kind = FilterKind::none_of, .parts = {}, .field = {}, .test = {}};
    inverted.parts.push_back(std::move(filter));
    return inverted;
}

Parsed<Test> FilterParser::test() {
    if (scanner_.take("<")) {
        return compared(/*less=*/true);
    }
    if (scanner_.take(">")) {
        return compared(/*less=*/false);
    }
    if (scanner_.take("[")) {
        return range(/*low_inclusive=*/true);
    }
    if (scanner_.take("=")) {
        return equal_to();
    }
    if (scanner_.take("~")) {
        return regex();
    }
    if (scanner_.peek() == '*') {
        return starred();
    }
    const std::size_t start = scanner_.offset();
    if (scanner_.take_keyword("in") && scanner_.take("(")) {
        return any_of();
    }
    scanner_.seek(start);
    if (scanner_.take_keyword("range") && scanner_.peek() == '(') {
        scanner_.take("(");
        return range(/*low_inclusive=*/false);
    }
    scanner_.seek(start);
    return worded();
}

// A literal that the field can be compared with.
Parsed<Literal> FilterParser::literal(std::string_view what) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<Literal> made = scanner_.literal(what);
    if (made) {
        if (const auto expected = wrong_literal(kind_, made->text)) {
            return scanner_.expected_at(start, std::string(*expected));
        }
    }
    return made;
}

Parsed<std::string> FilterParser::text(std::string_view what) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> made = scanner_.word(what, /*colons=*/true);
    if (made) {
        if (const auto expected = wrong_literal(kind_, *made)) {
            return scanner_.expected_at(start, std::string(*expected));
        }
    }
    return made;
}

// Behind "=".
Parsed<Test> FilterParser::equal_to() {
    Parsed<std::string> made = text("a text");
    if (!made) {
        return std::unexpected(std::move(made).error());
    }
    return Test{.kind = TestKind::exact, .text = std::move(*made), .texts = {}, .low = {}, .high = {}};
}

// Behind "~".
Parsed<Test> FilterParser::regex() {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> pattern = scanner_.word("a regular expression", /*colons=*/true);
    if (!pattern) {
        return std::unexpected(std::move(pattern).error());
    }
    if (const auto compiled = Regex::make(*pattern); !compiled) {
        return scanner_.expected_at(start, compiled.error().text());
    }
    return Test{.kind = TestKind::regex, .text = std::move(*pattern), .texts = {}, .low = {}, .high = {}};
}

Parsed<Test> FilterParser::compared(bool less) {
    const bool inclusive = scanner_.peek() == '=' && scanner_.take("=");
    Parsed<Literal> value = literal("a value to compare with");
    if (!value) {
        return std::unexpected(std::move(value).error());
    }
    Test test{.kind = TestKind::compare, .text = {}, .texts = {}, .low = {}, .high = {}};
    (less ? test.high : test.low) = Bound{.value = std::move(*value), .inclusive = inclusive};
    return test;
}

// Behind "[" or "range(".
Parsed<Test> FilterParser::range(bool low_inclusive) {
    Parsed<Literal> low = literal("the lower bound");
    if (!low) {
        return std::unexpected(std::move(low).error());
    }
    if (!scanner_.take(",")) {
        scanner_.skip_space();
        return scanner_.expected("',' and the upper bound");
    }
    Parsed<Literal> high = literal("the upper bound");
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
        Parsed<std::string> value = text("a value");
        if (!value) {
            return std::unexpected(std::move(value).error());
        }
        test.texts.push_back(std::move(*value));
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
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> text =
        scanner_.word("a word, a quoted phrase or a test such as =, <, ~, [ or in(", /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    Test test{.kind = TestKind::phrase, .text = std::move(*text), .texts = {}, .low = {}, .high = {}};
    if (scanner_.peek() == '*') {
        scanner_.take("*");
        test.kind = TestKind::prefix;
        return test;
    }
    if (const auto expected = wrong_literal(kind_, test.text)) {
        return scanner_.expected_at(start, std::string(*expected));
    }
    if (test.text.empty()) {
        test.kind = TestKind::exact;  // "": without a value.
    }
    return test;
}

Parsed<Query> check_size(std::string_view text) {
    if (text.size() > kQueryBytesMax) {
        return std::unexpected(SyntaxError{.offset = kQueryBytesMax,
                                           .expected = fmt::format("a query of at most {} bytes", kQueryBytesMax),
                                           .found = fmt::format("{} bytes", text.size())});
    }
    return Query{};
}

bool makes_columns(const Pipe& pipe) noexcept {
    return std::holds_alternative<Fields>(pipe) || std::holds_alternative<Stats>(pipe) ||
           std::holds_alternative<Uniq>(pipe) || std::holds_alternative<Top>(pipe);
}

}  // namespace

Parsed<Filter> parse_filter(Scanner& scanner, Names names) {
    if (scanner.at_end() || scanner.peek() == '|') {
        return Filter{};
    }
    return FilterParser(scanner, names).one_of(nullptr);
}

Parsed<Filter> parse_filter(std::string_view text) {
    if (Parsed<Query> sized = check_size(text); !sized) {
        return std::unexpected(std::move(sized).error());
    }
    Scanner scanner(text);
    Parsed<Filter> filter = parse_filter(scanner, Names::of_records);
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
    Parsed<Filter> filter = parse_filter(scanner, Names::of_records);
    if (!filter) {
        return std::unexpected(std::move(filter).error());
    }
    query->filter = std::move(*filter);
    Names names = Names::of_records;
    while (scanner.take("|")) {
        Parsed<Pipe> pipe = parse_pipe(scanner, names);
        if (!pipe) {
            return std::unexpected(std::move(pipe).error());
        }
        names = makes_columns(*pipe) ? Names::of_columns : names;
        query->pipes.push_back(std::move(*pipe));
    }
    if (!scanner.at_end()) {
        return scanner.expected("'and', 'or', another test, '|' or the end");
    }
    return query;
}

}  // namespace sluice::query
