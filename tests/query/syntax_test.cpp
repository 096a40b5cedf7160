// What looks like syntax is syntax or an error, never a text that is searched: the examples of LogsQL, and what people
// write who know another language.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/parser.h"
#include "query/reading.h"
#include "query/regex.h"
#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string read_again(std::string_view text) {
    const Parsed<Query> query = parse_query(text);
    return query ? to_text(*query) : query.error().text();
}

struct Row {
    std::string_view text;
    std::string_view said;  // The error, or what it is taken for.
};

void expect_errors(std::span<const Row> rows) {
    for (const Row& row : rows) {
        EXPECT_THAT(read_again(row.text), testing::StartsWith("column ")) << row.text;
        EXPECT_THAT(read_again(row.text), HasSubstr(row.said)) << row.text;
    }
}

void expect_meanings(std::span<const Row> rows) {
    for (const Row& row : rows) {
        EXPECT_EQ(read_again(row.text), row.said) << row.text;
    }
}

TEST(Syntax, AnOperatorWithoutAColonIsAnErrorThatSaysWhatToWrite) {
    const Row rows[] = {
        {"status=500", "column 7: expected status:=500 to test the field 'status', or quotes to search the text"},
        {"status>=500", "expected status:>=500 "},
        {"level=error", "expected level:=error "},
        {"user!=u001", "expected user:!=u001 "},
        {"PRIORITY=3", "expected PRIORITY:=3 "},
        {"status == 500", "expected status:=500 "},
        {"status > 500", "expected status:>500 "},
        {"status =500", "expected status:=500 "},
        {"user=~'a.*'", "expected user:~value "},
        {"user!~ada", "expected user:!~ada "},
        {"foo!bar", "expected foo:!=bar "},
        {"status[400,500]", "expected status:[low, high] "},
        {"a and status=500", "column 13: expected status:=500 "},
        {"* | where status=500", "column 17: expected status:=500 "},
        {"foo:bar=baz", "expected a space in front of the next test, or quotes around the text, found '=baz'"},
        {"=foo=bar", "expected a space"},
    };
    expect_errors(rows);
}

TEST(Syntax, OfOtherLanguagesIsAnErrorThatSaysWhatToWrite) {
    const Row rows[] = {
        {"a && b", "column 3: expected 'and' or only a space between tests"},
        {"a&&b", "expected 'and'"},
        {"a || b", "column 4: expected 'or' between tests"},
        {"{stream=\"x\"}", "column 1: expected a test such as stream:=web"},
        {"_stream:{app=\"x\"}", "column 9: expected a test such as stream:=web"},
        {"foo{bar}", "column 4: expected a test such as stream:=web"},
        {"_stream_id:0000007b", "column 1: expected another field"},
        {"status:500-599", "column 8: expected [500, 599] for a range, or quotes around the text"},
        {"ip:10.0.0.0/24", "there is no test for networks"},
        {"GET # comment", "column 5: expected a test: there are no comments"},
        {"a#b", "column 2: expected a test: there are no comments"},
        {"exists(app)", "column 7: expected name:* instead of exists(name)"},
        {"options(concurrency=2) foo", "there are no options"},
        {"options (concurrency=2) foo", "there are no options"},
        {"http://host/path", "column 6: expected quotes around an address"},
        {"_time:1h offset 5m", "column 10: expected a range instead of an offset"},
        {"_time:offset 1d", "expected a time such as"},
        {"stats count()", "column 1: expected '* | stats', or quotes around the word"},
        {"where status:500", "column 1: expected '* | where'"},
        {"limit exceeded", "column 1: expected '* | limit'"},
        {"and", "column 1: expected a test, or quotes around the word"},
        {"foo:or", "column 5: expected a test, or quotes around the word"},
        {"+", "column 1: expected a test, or quotes around the text"},
        {"foo, bar", "column 4: expected 'or' between tests, or in(a, b)"},
        {"foo:(bar baz:x)", "column 10: expected a test of the field in front of the parentheses"},
    };
    expect_errors(rows);
}

TEST(Syntax, TestsThatTouchAreErrors) {
    const Row rows[] = {
        {"user:=\"a\"*", "column 10: expected ~\"^text\" for values that begin so"},
        {"us*:ada", "column 4: expected a name without '*'"},
        {"*:ada", "column 2: expected a name without '*'"},
        {"foo\"cart\"", "column 4: expected a space in front of the next test, or quotes around the text"},
        {"\"cart\"foo", "column 7: expected a space"},
        {"\"cart\"(foo)", "column 7: expected a space"},
        {"*foo*bar", "column 6: expected a space"},
        {"foo*bar", "column 5: expected a space"},
        {"**", "column 2: expected *text* for text anywhere"},
        {"user:[1, 2]x", "column 12: expected a space"},
        {"user:~a*", "column 8: expected quotes around the regular expression"},
        {"foo]bar", "column 4: expected a space"},
        {"frobnicate(cart)", "there is no function 'frobnicate'"},
        {"app:contains_any(web)", "column 17: expected (a or b) instead of contains_any(a, b)"},
        {"exact(foo*)", "expected =text instead of exact(text)"},
        {"a:-eq_field(b)", "two fields cannot be compared"},
        {"level:re(foo)", "column 9: expected ~\"regex\" instead of re(regex)"},
        {"re (foo)", "expected ~\"regex\" instead of re(regex)"},
        {"i(a b)", "column 5: expected ')' behind one word or quoted phrase"},
        {"i(*)", "column 3: expected a word or a quoted phrase"},
        {":foo", "column 1: expected a name right in front of ':'"},
        {"foo :bar", "column 5: expected a name right in front of ':'"},
        {"user:\"\"*", "column 6: expected a text in front of '*', or only '*'"},
        {"*\"\"*", "column 4: expected '*' behind the text"},
    };
    expect_errors(rows);
}

TEST(Syntax, BoundsAreNumbersOrQuotedTexts) {
    const Row errors[] = {
        {"status:>=0x10", "column 10: expected a number such as 10, 1.5, 5KB or 250ms, or a text in quotes"},
        {"status:>=1_000", "expected a number such as"},
        {"user:>ada", "column 7: expected a number such as"},
        {"user:[a, b]", "column 7: expected a number such as"},
        {"status:<Inf", "column 9: expected a number; leave the bound away"},
        {"status:[-inf, 5]", "column 9: expected a number; leave the bound away"},
        {"ip:>=10.0.0.0", "column 6: expected a number: addresses have no order here"},
        {"ip:>=\"10.0.0.0\"", "column 6: expected a number: addresses have no order here"},
        {"n:[1, \"x\"]", "column 7: expected both bounds with a unit of time, or both without, or both texts"},
        {"took:[100, 5s]", "column 12: expected both bounds with a unit of time"},
        {"temperature:-5", "column 13: expected '=' in front of a negative number, or 'not'"},
        {"temperature:(-5)", "column 14: expected '=' in front of a negative number, or 'not'"},
        {"ms:>500ms", "column 5: expected a number without a unit: the name of the field says what it is in"},
        {"latency_us:[1ms, 2ms]", "column 13: expected a number without a unit"},
        {"durationMs:<1s", "column 13: expected a number without a unit"},
    };
    expect_errors(errors);
    const Row meanings[] = {
        {"status:<1K", "status:<1K"},
        {"n:>\"1000\"", "n:>1000"},
        {"n:[\"1\", 2.5Mi)", "n:[1, 2.5Mi)"},
        {"user:>=\"ada\"", "user:>=\"ada\""},
        {"took:[0, 1m30.5s]", "took:[0, 1m30.5s]"},
        {"items:<5m", "items:<5m"},
    };
    expect_meanings(meanings);
}

TEST(Syntax, OfTimesHasOneMeaning) {
    const Row errors[] = {
        {"_time:>2d", "column 8: expected a time; newer than that is _time:5m, older is not _time:5m"},
        {"_time:<=2d", "expected a time; newer than that is _time:5m"},
        {"_time:=2d", "column 8: expected a time such as 2026-03-01T12:00Z; the last minutes are _time:5m"},
        {"_time:in(2d)", "expected a time such as 2026-03-01T12:00Z; the last minutes"},
        {"_time:>2026-03", "column 8: expected '>=' or '[' and a moment: '2026-03' is a span"},
        {"_time:range(2026-03-01, 2026-03-02]", "column 13: expected '>=' or '[' and a moment"},
        {"* | fields _time | where _time:>2d", "column 33: expected a time; newer"},
        {"* | stats by (time) count() as n | where time:>2d", "column 48: expected a time; newer"},
        {"* | fields time | where _time:>2d", "column 32: expected a time; newer"},
    };
    expect_errors(errors);
}

TEST(Syntax, ForWhichThereIsAMeaningIsUnderstood) {
    const Row rows[] = {
        {"i(Foo)", "foo"},
        {"user:i(Ada*)", "user:ada*"},
        {"i(\"Foo Bar\"*)", "\"foo bar\"*"},
        {"i(\"\")", "=\"\""},
        {"status:range[400,500]", "status:[400, 500]"},
        {"range(1.5, 2]", "range(1.5, 2]"},
        {"user:-ada", "not user:ada"},
        {"user:(-ada)", "not user:ada"},
        {"user:!ada", "not user:ada"},
        {"user:not ada", "not user:ada"},
        {"user:-(ada or eve)", "not (user:ada or user:eve)"},
        {"user:!=ada", "not user:=\"ada\""},
        {"temperature:=-5", "temperature:=\"-5\""},
        {"not(foo)", "not foo"},
        {"(a)(b)", "a and b"},
        {"frobnicate (cart)", "frobnicate and cart"},
        {"foo *", "foo and *"},
        {"foo:bar:baz", "foo:\"bar:baz\""},
        {"url:(http://x or y)", "url:\"http://x\" or url:y"},
        {"foo:(>10 !<=20)", "foo:>10 and not foo:<=20"},
        {"foo- bar", "\"foo-\" and bar"},
        {"'and' or \"or\"", "\"and\" or \"or\""},
        {"limit", "\"limit\""},
        {"top or bottom", "top or bottom"},
        {"_time:1h (Offset)", "_time:1h and \"Offset\""},
        {"_time:[2023, 2023-01)", "_time:[2023, \"2023-01\")"},
    };
    expect_meanings(rows);
}

TEST(Syntax, OfStagesIsAsStrict) {
    const Row rows[] = {
        {"* | where", "column 10: expected a filter"},
        {"* | filter | head", "column 12: expected a filter"},
        {"* | skip", "column 9: expected how many records to skip"},
        {"* | sort desc", "column 10: expected the name of a field, in quotes if it is 'desc'"},
        {"* | uniq limit", "in quotes if it is 'limit'"},
        {"* | stats by (limit) count()", "in quotes if it is 'limit'"},
        {"* | stats count() as n | where web",
         "column 32: expected the name of a column and ':', for there is no message"},
    };
    expect_errors(rows);
    EXPECT_EQ(read_again("* | fields 'limit'"), "* | fields \"limit\"");
}

TEST(Syntax, AWordBehindFieldsIsLookedForInTheMessage) {
    Store store;
    store.add(RowDraft("GET /cart"));
    store.add(RowDraft("GET /item"));
    store.seal();
    EXPECT_EQ(store.run("* | fields message | where cart").lines.size(), 1U);
    EXPECT_EQ(store.run("* | fields msg, stream | where cart or _msg:item").lines.size(), 2U);
    EXPECT_EQ(store.run("* | fields time | where _time:1h").lines.size(), 2U);
}

// ---- what a query may cost ----

TEST(Syntax, TheNumberOfTestsAndStagesIsBounded) {
    EXPECT_EQ(read_again(repeated("a ", kTestsMax)).substr(0, 7), "a and a");
    EXPECT_THAT(read_again(repeated("a ", kTestsMax + 1)),
                HasSubstr("column 513: expected at most 256 tests in a query"));
    EXPECT_THAT(read_again("a | where " + repeated("a ", kTestsMax)), HasSubstr("at most 256 tests"));
    EXPECT_THAT(read_again("user:in(" + repeated("a,", kValuesMax) + "b)"),
                HasSubstr("at most 1024 values in all in() of a query"));
    EXPECT_THAT(read_again("*" + repeated("|head", kStagesMax + 1)), HasSubstr("at most 64 stages"));
    EXPECT_THAT(read_again("* | fields a" + repeated(",a", kNamesMax)), HasSubstr("at most 1024 in one stage"));
    EXPECT_THAT(read_again("* | sort a" + repeated(",a", kNamesMax)), HasSubstr("at most 1024 in one stage"));
    EXPECT_THAT(read_again("* | stats by (a" + repeated(",a", kNamesMax) + ") count"),
                HasSubstr("at most 1024 in one stage"));
    EXPECT_THAT(read_again("* | stats count" + repeated(",count", kNamesMax)), HasSubstr("at most 1024 in one stage"));
}

TEST(Syntax, TheSizeOfRegularExpressionsIsBounded) {
    EXPECT_EQ(read_again("~`\\pL{3}`"), "~\"\\\\pL{3}\"");
    EXPECT_THAT(read_again("~`\\pL{60}`"), HasSubstr("column 2: expected a smaller regular expression, of at most 8192 "
                                                     "instructions: fewer or smaller repeats and classes"));
    EXPECT_THAT(read_again("~`((\\pL{10}){10}){10}`"), HasSubstr("a smaller regular expression"));
    EXPECT_THAT(read_again("~`" + repeated("\\pL?x", 40) + "`"),
                HasSubstr("at most 32 of \\p and \\P, this one has 40"));
    EXPECT_THAT(read_again(repeated("~a ", kRegexesMax + 1)), HasSubstr("at most 16 regular expressions in a query"));
    EXPECT_THAT(read_again("~" + repeated("a", kRegexTextMax + 1)), HasSubstr("of 4096 bytes together"));
    EXPECT_THAT(read_again(repeated("~`\\pL{3}` ", 5)), HasSubstr("column 42: expected smaller regular expressions: "
                                                                  "those up to here make "));
}

TEST(Regex, IsCheckedWhereverItIsMade) {
    Budget memory(1U << 20U);
    EXPECT_FALSE(Regex::make("\\pL{60}", memory));
    EXPECT_FALSE(Regex::make("a(b", memory));
    EXPECT_EQ(memory.used_bytes(), 0U);
    EXPECT_EQ(*Regex::check("ab"), (*Regex::check("abc")) - 1);
}

}  // namespace
}  // namespace sluice::query::test
