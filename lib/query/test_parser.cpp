#include "query/test_parser.h"

#include "base/format.h"
#include "part/case_fold.h"
#include "part/words.h"
#include "query/regex.h"
#include "query/syntax_hints.h"

namespace sluice::query {
namespace {

constexpr std::string_view kOneOf = "a word, a quoted phrase or a test such as =, <, ~, [ or in(";
constexpr WallNs kMoment = 1'000'000'000;

Test test_of(TestKind kind, std::string text) {
    return {.kind = kind, .text = std::move(text), .texts = {}, .low = {}, .high = {}};
}

// Zero is zero in every unit.
bool same_units(const Literal& a, const Literal& b) {
    const auto x = parse_quantity(a.text);
    const auto y = parse_quantity(b.text);
    return x.has_value() == y.has_value() && (!x || x->is_duration == y->is_duration || x->value == 0 || y->value == 0);
}

class TestParser {
 public:
    TestParser(Reading& reading, const std::string& field, Place place)
        : scanner_(reading.scanner),
          used_(reading.used),
          field_(field),
          place_(place),
          kind_(reading.scope.kind_of(field)) {}

    Parsed<Test> whole();

 private:
    bool ends_here() const noexcept;
    Parsed<Test> test();
    std::optional<Parsed<Test>> function();
    Parsed<Test> compared(bool less);
    Parsed<Test> range(bool low_inclusive);
    Parsed<Test> any_of();
    Parsed<Test> any_case();
    Parsed<Test> network();
    Parsed<Test> in_parentheses(Parsed<Test> made);
    Parsed<Test> starred();
    Parsed<Test> worded();
    Parsed<Test> equal_to();
    Parsed<Test> regex();
    Parsed<Literal> literal(std::string_view what);
    Parsed<std::string> text(std::string_view what);
    std::string why_no_text(std::string_view text) const;
    std::string why_no_bound(const Bound& bound, bool is_low) const;

    Scanner& scanner_;
    Used& used_;
    const std::string& field_;
    Place place_;
    LiteralKind kind_;
    std::string_view bare_;  // The word or value, if the test is only that, without quotes.
};

// Nothing touches what was read.
bool TestParser::ends_here() const noexcept {
    constexpr std::string_view kBehind = " \t\r\n|)";
    return scanner_.rest().empty() || kBehind.contains(scanner_.peek()) || scanner_.previous() == ')' ||
           scanner_.at_comment();
}

Parsed<Test> TestParser::whole() {
    scanner_.skip_space();
    if (++used_.tests > kTestsMax) {
        return scanner_.expected(fmt::format("at most {} tests in a query", kTestsMax));
    }
    Parsed<Test> made = test();
    if (!made) {
        return made;
    }
    if (!ends_here()) {
        return scanner_.expected(bare_.empty() ? meant_behind_test(scanner_.rest())
                                               : meant_behind_word(bare_, scanner_.rest(), !field_.empty()));
    }
    if (bare_.empty()) {
        return made;
    }
    const std::size_t end = scanner_.offset();
    scanner_.skip_space();  // status = 500, i (x)
    const std::string_view rest = scanner_.rest();
    const bool compares =
        field_.empty() && !rest.empty() &&
        (std::string_view("=<>~").contains(rest.front()) || rest.starts_with("!=") || rest.starts_with("!~"));
    if (compares || (rest.starts_with('(') && is_function(part::lower_case(bare_)))) {
        return scanner_.expected(meant_behind_word(bare_, rest, !field_.empty()));
    }
    scanner_.seek(end);
    return made;
}

// Takes "in(" and its like.
std::optional<Parsed<Test>> TestParser::function() {
    const std::size_t start = scanner_.offset();
    if (scanner_.take_keyword("in") && scanner_.take("(")) {
        return any_of();
    }
    scanner_.seek(start);
    if (scanner_.take_keyword("i") && scanner_.take("(")) {
        return any_case();
    }
    scanner_.seek(start);
    if (scanner_.take_keyword("exact") && scanner_.take("(")) {
        return in_parentheses(equal_to());
    }
    scanner_.seek(start);
    if (scanner_.take_keyword("re") && scanner_.take("(")) {
        return in_parentheses(regex());
    }
    scanner_.seek(start);
    if (kind_ == LiteralKind::any && scanner_.take_keyword("ipv4_range") && scanner_.take("(")) {
        return network();
    }
    scanner_.seek(start);
    if (scanner_.take_keyword("range")) {
        if (scanner_.take("(")) {
            return range(/*low_inclusive=*/false);
        }
        if (scanner_.take("[")) {
            return range(/*low_inclusive=*/true);
        }
    }
    scanner_.seek(start);
    return std::nullopt;
}

Parsed<Test> TestParser::test() {
    if (scanner_.take("<")) {
        return compared(/*less=*/true);
    }
    if (scanner_.take(">")) {
        return compared(/*less=*/false);
    }
    if (scanner_.take("[")) {
        return range(/*low_inclusive=*/true);
    }
    if (kind_ == LiteralKind::time && scanner_.take("(")) {
        return range(/*low_inclusive=*/false);
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
    if (std::optional<Parsed<Test>> made = function()) {
        return std::move(*made);
    }
    return worded();
}

// Why a whole value cannot be this; empty: it can.
std::string TestParser::why_no_text(std::string_view text) const {
    if (const auto expected = wrong_literal(kind_, text)) {
        return std::string(*expected);
    }
    if (kind_ == LiteralKind::time && parse_duration(text)) {
        return "a time such as 2026-03-01T12:00Z; the last minutes are _time:5m";
    }
    return {};
}

std::string TestParser::why_no_bound(const Bound& bound, bool is_low) const {
    const std::string& text = bound.value.text;
    if (const auto expected = wrong_literal(kind_, text)) {
        return std::string(*expected);
    }
    if (kind_ == LiteralKind::time && is_low && !bound.inclusive) {
        const auto span = parse_time_literal(text, 0);
        if (span->end - span->begin > kMoment) {
            return fmt::format("'>=' or '[' and a moment: '{}' is a span", text);
        }
    }
    const auto quantity = parse_quantity(text);
    if (kind_ == LiteralKind::any && quantity && quantity->is_duration && names_unit_of_time(field_)) {
        return "a number without a unit: the name of the field says what it is in";
    }
    return {};
}

// A literal that the field can be compared with.
Parsed<Literal> TestParser::literal(std::string_view what) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    const bool quoted = scanner_.at_quote();
    Parsed<Literal> made = scanner_.literal(what);
    if (made && kind_ == LiteralKind::any) {
        if (std::string meant = meant_by_bound(made->text, quoted); !meant.empty()) {
            return scanner_.expected_at(start, std::move(meant));
        }
    }
    return made;
}

Parsed<std::string> TestParser::text(std::string_view what) {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> made = scanner_.word(what, /*colons=*/true);
    if (made) {
        if (std::string why = why_no_text(*made); !why.empty()) {
            return scanner_.expected_at(start, std::move(why));
        }
    }
    return made;
}

// Behind "=".
Parsed<Test> TestParser::equal_to() {
    Parsed<std::string> made = text("a text");
    if (!made) {
        return std::unexpected(std::move(made).error());
    }
    if (scanner_.peek() == '*') {
        return scanner_.expected("~\"^text\" for values that begin so");
    }
    return test_of(TestKind::exact, std::move(*made));
}

// Behind "~".
Parsed<Test> TestParser::regex() {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> pattern = scanner_.word("a regular expression", /*colons=*/true);
    if (!pattern) {
        return std::unexpected(std::move(pattern).error());
    }
    used_.regex_bytes += pattern->size();
    if (++used_.regexes > kRegexesMax || used_.regex_bytes > kRegexTextMax) {
        return scanner_.expected_at(
            start,
            fmt::format("at most {} regular expressions in a query, of {} bytes together", kRegexesMax, kRegexTextMax));
    }
    if (!ends_here()) {
        return scanner_.expected("quotes around the regular expression");
    }
    const Result<std::size_t> instructions = Regex::check(*pattern);
    if (!instructions) {
        return scanner_.expected_at(start, instructions.error().text());
    }
    used_.instructions += *instructions;
    if (used_.instructions > kInstructionsMax) {
        return scanner_.expected_at(
            start,
            fmt::format("smaller regular expressions: those up to here make {} instructions, at most {} are possible",
                        used_.instructions, kInstructionsMax));
    }
    return test_of(TestKind::regex, std::move(*pattern));
}

Parsed<Test> TestParser::compared(bool less) {
    const bool inclusive = scanner_.peek() == '=' && scanner_.take("=");
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<Literal> value = literal("a value to compare with");
    if (!value) {
        return std::unexpected(std::move(value).error());
    }
    const Bound bound{.value = std::move(*value), .inclusive = inclusive};
    if (std::string why = why_no_bound(bound, !less); !why.empty()) {
        return scanner_.expected_at(start, std::move(why));
    }
    if (kind_ == LiteralKind::time && parse_duration(bound.value.text)) {
        return scanner_.expected_at(start, "a time; newer than that is _time:5m, older is not _time:5m");
    }
    Test test = test_of(TestKind::compare, {});
    (less ? test.high : test.low) = bound;
    return test;
}

// Behind "[" or "range(".
Parsed<Test> TestParser::range(bool low_inclusive) {
    scanner_.skip_space();
    const std::size_t at_low = scanner_.offset();
    Parsed<Literal> low = literal("the lower bound");
    if (!low) {
        return std::unexpected(std::move(low).error());
    }
    Test test = test_of(TestKind::range, {});
    test.low = Bound{.value = std::move(*low), .inclusive = low_inclusive};
    if (std::string why = why_no_bound(*test.low, /*is_low=*/true); !why.empty()) {
        return scanner_.expected_at(at_low, std::move(why));
    }
    if (!scanner_.take(",")) {
        scanner_.skip_space();
        return scanner_.expected("',' and the upper bound");
    }
    scanner_.skip_space();
    const std::size_t at_high = scanner_.offset();
    Parsed<Literal> high = literal("the upper bound");
    if (!high) {
        return std::unexpected(std::move(high).error());
    }
    const bool inclusive = scanner_.take("]");
    if (!inclusive && !scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("']' (the upper bound belongs to the range) or ')' (it does not)");
    }
    test.high = Bound{.value = std::move(*high), .inclusive = inclusive};
    if (std::string why = why_no_bound(*test.high, /*is_low=*/false); !why.empty()) {
        return scanner_.expected_at(at_high, std::move(why));
    }
    if (kind_ == LiteralKind::any && !same_units(test.low->value, test.high->value)) {
        return scanner_.expected_at(at_high, "both bounds with a unit of time, or both without, or both texts");
    }
    return test;
}

// Behind "in(".
Parsed<Test> TestParser::any_of() {
    Test test = test_of(TestKind::any_of, {});
    do {
        Parsed<std::string> value = text("a value");
        if (!value) {
            return std::unexpected(std::move(value).error());
        }
        if (++used_.values > kValuesMax) {
            return scanner_.expected(fmt::format("at most {} values in all in() of a query", kValuesMax));
        }
        test.texts.push_back(std::move(*value));
    } while (scanner_.take(","));
    if (!scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("',' or ')'");
    }
    return test;
}

// Behind "i(": lower case finds any case.
Parsed<Test> TestParser::any_case() {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> text = scanner_.word("a word or a quoted phrase", /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    const bool goes_on = !text->empty() && scanner_.take("*");
    if (!scanner_.take(")")) {
        return scanner_.expected("')' behind one word or quoted phrase");
    }
    Test test = test_of(goes_on         ? TestKind::prefix
                        : text->empty() ? TestKind::exact
                                        : TestKind::phrase,
                        part::fold_case(*text));
    if (const auto expected = goes_on ? std::nullopt : wrong_literal(kind_, test.text)) {
        return scanner_.expected_at(start, std::string(*expected));
    }
    return test;
}

// The parenthesis behind the one argument of a function.
Parsed<Test> TestParser::in_parentheses(Parsed<Test> made) {
    if (made && !scanner_.take(")")) {
        scanner_.skip_space();
        return scanner_.expected("')' behind one value");
    }
    return made;
}

// Behind "ipv4_range(": a network, one address, or the first and the last.
Parsed<Test> TestParser::network() {
    constexpr std::string_view kAddress = "an address such as 10.0.0.7, or a network such as 10.0.0.0/24";
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    Parsed<std::string> text = scanner_.word(kAddress, /*colons=*/false);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    std::optional<Network> range = parse_network(*text);
    if (!range) {
        return scanner_.expected_at(start, std::string(kAddress));
    }
    if (scanner_.take(",") && (scanner_.skip_space(), scanner_.at_text())) {
        const std::size_t at = scanner_.offset();
        Parsed<std::string> high = scanner_.word("the last address", /*colons=*/false);
        if (!high) {
            return std::unexpected(std::move(high).error());
        }
        const auto last = parse_ipv4(*high);
        if (!last || !parse_ipv4(*text)) {
            return scanner_.expected_at(at, "two addresses such as 10.0.0.1, 10.0.0.9, or one network");
        }
        range->last = *last;
        (void)scanner_.take(",");
    }
    const auto bound = [](std::uint32_t address) {
        return Bound{.value = {.text = ipv4_text(address), .number = std::nullopt}, .inclusive = true};
    };
    Test test = test_of(TestKind::network, {});
    test.low = bound(range->first);
    test.high = bound(range->last);
    return in_parentheses(std::move(test));
}

// "*" or "*text*".
Parsed<Test> TestParser::starred() {
    scanner_.take("*");
    if (!scanner_.at_text()) {
        return Test{};  // exists
    }
    if (scanner_.peek() == ':') {
        return scanner_.expected("a name without '*' in front of ':'");
    }
    Parsed<std::string> text = scanner_.word("a text", /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    if (scanner_.peek() != '*' || text->empty()) {
        return scanner_.expected("'*' behind the text: *text* finds it anywhere");
    }
    scanner_.take("*");
    return test_of(TestKind::substring, std::move(*text));
}

Parsed<Test> TestParser::worded() {
    scanner_.skip_space();
    const std::size_t start = scanner_.offset();
    if (std::string meant = meant_instead_of_test(scanner_.rest()); !meant.empty()) {
        return scanner_.expected(std::move(meant));
    }
    const bool quoted = scanner_.at_quote();
    const std::string_view plain = scanner_.peek_bare(/*colons=*/true);
    if (kind_ == LiteralKind::time && part::lower_case(plain) == "offset") {
        return scanner_.expected("a time in front of 'offset'; what is older than a day is 'not _time:1d'");
    }
    Parsed<std::string> text = scanner_.word(kOneOf, /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    if (!quoted) {
        if (std::string meant = meant_by_value(plain, place_ != Place::alone,
                                               place_ == Place::in_parentheses && kind_ != LiteralKind::time);
            !meant.empty()) {
            return scanner_.expected_at(start, std::move(meant));
        }
    }
    if (scanner_.peek() == '*') {
        if (text->empty()) {
            return scanner_.expected_at(start, "a text in front of '*', or only '*'");
        }
        scanner_.take("*");
        return test_of(TestKind::prefix, std::move(*text));
    }
    if (const auto expected = wrong_literal(kind_, *text)) {
        scanner_.skip_space();
        const bool call =
            !quoted && (scanner_.peek() == '(' || scanner_.peek() == '[') && is_function(part::lower_case(plain));
        return call ? scanner_.expected(meant_behind_word(plain, scanner_.rest(), /*of_field=*/true))
                    : scanner_.expected_at(start, std::string(*expected));
    }
    bare_ = quoted ? std::string_view() : plain;
    // "": without a value.
    const TestKind kind = text->empty() ? TestKind::exact : TestKind::phrase;
    return test_of(kind, std::move(*text));
}

}  // namespace

Parsed<Test> parse_test(Reading& reading, const std::string& field, Place place) {
    return TestParser(reading, field, place).whole();
}

}  // namespace sluice::query
