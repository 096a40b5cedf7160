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
        {"{stream=\"x\"}", "column 1: expected a test such as stream:=x: there are no selectors in braces"},
        {"_stream:{app=\"x\"}", "column 9: expected a test such as app:=x: "},
        {"{app=~\"a|b\", x=y} foo", "column 1: expected a test such as app:~\"a|b\": "},
        {"{app!=x}", "column 1: expected a test such as app:!=x: "},
        {"{}", "column 1: expected a test such as stream:=web: "},
        {"{app=", "column 1: expected a test such as stream:=web: "},
        {"foo{bar}", "column 4: expected a test such as stream:=web"},
        {"_stream_id:0000007b", "column 1: expected another field"},
        {"status:500-599", "column 8: expected [500, 599] for a range, or quotes around the text"},
        {"ip:10.0.0.0/24", "column 4: expected ipv4_range(10.0.0.0/24) for the addresses of a network, or quotes"},
        {"exists(app)", "column 7: expected name:* instead of exists(name)"},
        {"options(concurrency=2) foo", "there are no options"},
        {"a:pattern_match_prefix (\"<N>\")", "column 24: expected ~ and a regular expression"},
        {"a:seq(b, c)", "column 6: expected ~`\\bone\\b.*\\btwo\\b` instead of seq(one, two)"},
        {"_time:day_range[08:00, 18:00)", "column 16: expected a range of times, such as _time:[2026-03-01T08:00, "},
        {"_time:week_range (Mon, Fri)", "column 18: expected a range of times, such as _time:[2026-03-02, "},
        {"options (concurrency=2) foo", "there are no options"},
        {"http://host/path", "column 6: expected quotes around an address"},
        {"stats count()", "column 1: expected '* | stats', or quotes around the word"},
        {"where status:500", "column 1: expected '* | where'"},
        {"limit exceeded", "column 1: expected '* | limit'"},
        {"and", "column 1: expected a test, or quotes around the word"},
        {"foo:or", "column 5: expected a test, or quotes around the word"},
        {"+", "column 1: expected a test, or quotes around the text"},
        {"foo, bar", "column 4: expected 'or' between tests, or in(a, b)"},
        {"status in (500, 502)", "column 8: expected status:in(a, b) to test the field, or 'and' in front of 'in'"},
        {"a not status in(500)", "column 14: expected status:in(a, b)"},
        {"+foo", "column 1: expected the word without '+', for every test must hold, or quotes around the text"},
        {"user:+ada", "column 6: expected the word without '+'"},
        {"+user:ada", "column 1: expected the name without '+': every test must hold"},
        {"_exists_:user", "column 1: expected name:* for records that have the field"},
        {"_missing_:user", "column 1: expected name:\"\" for records without the field"},
        {"status:5xx", "column 8: expected [500, 599] for the numbers, or quotes around the text"},
        {"^error", "column 1: expected ~ and quotes around a regular expression, or quotes around the text"},
        {"user:error$", "column 6: expected ~ and quotes"},
        {"\u201Cada\u201D", "column 1: expected the signs of a keyboard"},
        {"user:\u2019ada\u2019", "column 6: expected the signs of a keyboard"},
        {"\u2013debug", "column 1: expected the signs of a keyboard"},
        {"a\u00A0b", "column 1: expected an ordinary space between tests: this one is U+00A0"},
        {"foo --bar", "column 5: expected one '-'; a comment begins with '#'"},
        {"12:30:45", "column 1: expected quotes around the text, or around the name of the field"},
        {"refused 10.0.0.7:443", "column 9: expected quotes around the text, or around the name of the field"},
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
        {"a:-eq_field(b)", "two fields cannot be compared"},
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
        {"ip:>=10.0.0.0", "column 6: expected a number; addresses are compared by ipv4_range(first, last)"},
        {"ip:>=\"10.0.0.0\"", "column 6: expected a number; addresses are compared by ipv4_range(first, last)"},
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
        {"top or bottom", "\"top\" or bottom"},
        {"* | where 'stats' or count:>5", "* | where \"stats\" or \"count\":>5"},
        {"_time:1h (Offset)", "_time:1h and \"Offset\""},
        {"_time:[2023, 2023-01)", "_time:[2023, \"2023-01\")"},
        {"_time:(2h, now]", "_time:range(2h, \"now\"]"},
        {"_time:(2h)", "_time:2h"},
        {"\"status\" in(500)", "status and in(\"500\")"},
        {"status and in(500)", "status and in(\"500\")"},
        {"\"12\":30", "\"12\":30"},
        {"\"10.0.0.7\":443", "\"10.0.0.7\":443"},
        {"\"_exists_\":user", "\"_exists_\":user"},
        {"status:\"5xx\"", "status:\"5xx\""},
        {"c++ $home a^b", "\"c++\" and \"$home\" and \"a^b\""},
        {"contains_any(foo, \"a b\")", "foo or \"a b\""},
        {"x app:contains_all(a, b) or y", "x and (app:a and app:b) or y"},
        {"app:contains_any(web)", "app:web"},
        {"app:(contains_any(a, b) -c)", "(app:a or app:b) and not app:c"},
        {"exact(foo)", "=\"foo\""},
        {"user:exact(\"a b\" )", "user:=\"a b\""},
        {"re (foo)", "~\"foo\""},
        {"user:re(\"a|b\")", "user:~\"a|b\""},
        {"ip:ipv4_range(10.0.0.77/24)", "ip:ipv4_range(10.0.0.0, 10.0.0.255)"},
        {"ip:ipv4_range(10.0.0.7)", "ip:ipv4_range(10.0.0.7, 10.0.0.7)"},
        {"ip:ipv4_range(\"1.2.3.4\", 5.6.7.8,)", "ip:ipv4_range(1.2.3.4, 5.6.7.8)"},
        {"ip:ipv4_range(1.2.3.4/0)", "ip:ipv4_range(0.0.0.0, 255.255.255.255)"},
    };
    expect_meanings(rows);
}

TEST(Syntax, OfFunctionsIsAsStrict) {
    const Row rows[] = {
        {"exact(foo*)", "column 10: expected ~\"^text\" for values that begin so"},
        {"exact(a b)", "column 9: expected ')' behind one value"},
        {"exact()", "column 7: expected a text"},
        {"re(a, b)", "column 5: expected quotes around the regular expression"},
        {"re(`a(`)", "column 4: expected a regular expression (missing )"},
        {"contains_any()", "column 14: expected a word or a quoted phrase"},
        {"contains_any(\"\")", "column 14: expected a word or a quoted phrase that is not empty"},
        {"contains_any(a*)", "column 15: expected ',' or ')'"},
        {"contains_all(a | fields b)", "column 16: expected ',' or ')'"},
        {"level:contains_any(err)", "column 19: expected (a or b) instead of contains_any(a, b)"},
        {"ip:ipv4_range(foo)", "column 15: expected an address such as 10.0.0.7, or a network such as 10.0.0.0/24"},
        {"ip:ipv4_range(10.0.0.0/33)", "column 15: expected an address"},
        {"ip:ipv4_range(10.0.0.256)", "column 15: expected an address"},
        {"ip:ipv4_range(1.2.3.4, 5.6.7)", "column 24: expected two addresses such as 10.0.0.1, 10.0.0.9"},
        {"ip:ipv4_range(1.2.3.0/24, 5.6.7.8)", "column 27: expected two addresses"},
        {"ip:ipv4_range(1.2.3.4, 5.6.7.8, 9.9.9.9)", "column 33: expected ')' behind one value"},
    };
    expect_errors(rows);
}

TEST(Syntax, OfStagesIsAsStrict) {
    const Row rows[] = {
        {"* | where", "column 10: expected a filter"},
        {"* | filter | head", "column 12: expected a filter"},
        {"* | skip", "column 9: expected how many records to skip"},
        {"* | sort desc", "column 10: expected the name of a field, in quotes if it is 'desc'"},
        {"* | uniq limit", "in quotes if it is 'limit'"},
        {"* | stats by (limit) count()", "in quotes if it is 'limit'"},
        {"* | sort by (-ms)", "column 14: expected the name of a field, in quotes with such a sign; 'desc' stands"},
        {"* | fields -ms", "column 12: expected the name of a field, in quotes with such a sign"},
        {"* | stats count() by (a)", "column 19: expected 'by (...)' right behind 'stats', found 'by'"},
        {"* | stats count by host", "column 17: expected 'by (...)' right behind 'stats'"},
        {"* | stats count() if (a) as n", "column 19: expected 'where' in front of 'stats'"},
        {"* | stats count_uniq(a) limit 5", "column 25: expected a name for the result, 'as \"limit\"' if it is that"},
        {"* | count()", "column 5: expected 'stats' in front of 'count'"},
        {"* | by (a) count()", "column 5: expected 'stats' in front of 'by'"},
        {"* | sort by (a) limit 0", "column 23: expected a number of records, at least 1, found '0'"},
        {"* | top 0 by (a)", "column 9: expected how many values, at least 1, found '0'"},
        {"* | head 5 foo", "column 12: expected '|' or the end, found 'foo'"},
        {"* | where a:b )", "column 15: expected 'and', 'or', another test, '|' or the end"},
        {"* | where stats", "column 11: expected 'stats:' and a test of that column, or quotes around the word"},
        {"* | filter count", "column 12: expected 'count:' and a test of that column"},
        {"* | stats count() as count | where count > 5", "column 36: expected 'count:' and a test"},
        {"* | where by", "column 11: expected 'by:' and a test"},
        {"* | uniq hits", "column 10: expected the name of a field, in quotes if it is 'hits'"},
        {"* | uniq a with", "column 16: expected 'hits'"},
        {"* | stats count() as n | where web",
         "column 32: expected the name of a column and ':', for there is no message"},
    };
    expect_errors(rows);
    EXPECT_EQ(read_again("* | fields 'limit'"), "* | fields \"limit\"");
}

TEST(Syntax, OfOtherStagesIsAnErrorThatSaysWhatToWrite) {
    const Row rows[] = {
        {"* | sort by (a) offset 5", "column 17: expected '| offset' and then, if need be, '| limit', found 'offset'"},
        {"* | sort by (a) limit 5 OFFSET 5", "column 25: expected '| offset' and then"},
        {"* | sort by (a) rank as x", "column 17: expected '|' or the end: rows have no ranks"},
        {"* | sort by (a) partition by (b) limit 5",
         "column 17: expected '|' or the end: rows are sorted all together"},
        {"* | uniq by (a) limit 5", "column 17: expected '|' in front of 'limit', or the end"},
        {"* | uniq a filter b", "column 12: expected '|' and 'where' with a test of the column"},
        {"* | top 5 by (a) hits as n", "column 18: expected '|' or the end: the column is called 'hits'"},
        {"* | keep a", "column 5: expected 'fields', found 'keep'"},
        {"* | order by (a)", "column 5: expected 'sort'"},
        {"* | first 5 by (a)", "column 5: expected 'sort by (name) limit 10'"},
        {"* | last 5 by (a)", "column 5: expected 'sort by (name desc) limit 10', or 'tail 10' for the last rows"},
        {"* | field_values a", "column 5: expected 'uniq by (name) with hits'"},
        {"* | facets", "column 5: expected 'top by (name)' of each field"},
        {"* | unpack_json", "column 5: expected one of fields, where, sort, "},
        {"* | n:>5", "column 5: expected 'where' in front of a filter"},
        {"* | \"abc\"", "column 5: expected 'where' in front of a filter"},
        {"* | -a:b", "column 5: expected 'where' in front of a filter"},
        {"* | -a", "column 5: expected 'where' in front of a filter"},
        {"* | (a) count() n", "column 5: expected 'where' in front of a filter, or 'stats by' in front of names"},
        {"* | stats (a) count() n", "column 11: expected 'by' in front of '('"},
        {"* | fields *", "column 12: expected the names of fields one by one: there are no patterns of names"},
        {"* | fields b, a*", "column 15: expected the names of fields one by one"},
        {"* | stats by (a*) count()", "column 15: expected the names of fields one by one"},
        {"* | stats sum(a, b)", "column 16: expected ')' behind the name of one field"},
        {"* | stats sum(*)", "column 15: expected the name of a field for sum"},
    };
    expect_errors(rows);
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
    EXPECT_THAT(read_again("contains_any(" + repeated("a,", kTestsMax) + "b)"), HasSubstr("at most 256 tests"));
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
