#include "query/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sluice::query {
namespace {

std::string reread(std::string_view text) {
    const Parsed<Query> query = parse_query(text);
    return query ? to_text(*query) : query.error().text();
}

Filter filter_of(std::string_view text) {
    const Parsed<Filter> filter = parse_filter(text);
    EXPECT_TRUE(filter) << filter.error().text();
    return filter.value_or(Filter{});
}

struct Case {
    std::string_view text;
    std::string_view meaning;  // With all parentheses and quotes that it needs.
};

TEST(Filter, EachTestIsUnderstood) {
    const Case cases[] = {
        {"", "*"},
        {"*", "*"},
        {"error", "error"},
        {"Error", "\"Error\""},
        {"'connection refused'", "\"connection refused\""},
        {"refus*", "refus*"},
        {"\"connection ref\"*", "\"connection ref\"*"},
        {"*onnec*", "*\"onnec\"*"},
        {"stream:shop/web", "stream:shop/web"},
        {"url:http://a:80/x?y", "url:\"http://a:80/x?y\""},
        {"user:=Ada", "user:=\"Ada\""},
        {"user:=\"\"", "user:=\"\""},
        {"user:\"\"", "user:=\"\""},
        {"user:*", "user:*"},
        {"user:*da*", "user:*\"da\"*"},
        {"user:~'^a.a$'", "user:~\"^a.a$\""},
        {"~`\\d+ ms`", "~\"\\\\d+ ms\""},
        {"ms:>250", "ms:>250"},
        {"ms: >= 1.5e3", "ms:>=1.5e3"},
        {"ms:<-5", "ms:<-5"},
        {"bytes:<=4KiB", "bytes:<=4KiB"},
        {"level:<=warning", "level:<=\"warning\""},
        {"ms:[10, 20)", "ms:[10, 20)"},
        {"ms:range(10,20]", "ms:range(10, 20]"},
        {"_time:[2026-03-01T12:00:00Z, 2026-03-01T12:10:00+01:00]",
         "_time:[\"2026-03-01T12:00:00Z\", \"2026-03-01T12:10:00+01:00\"]"},
        {"_time:5m", "_time:5m"},
        {"host:in(a, 'b c')", "host:in(\"a\", \"b c\")"},
        {"'field name':x", "\"field name\":x"},
        {"user:!=Ada", "not user:=\"Ada\""},
        {"user:!~^a", "not user:~\"^a\""},
        {"user:(a or !=b)", "user:a or not user:=\"b\""},
        {"_time:2026-03-01", "_time:\"2026-03-01\""},
        {"_time:>=2026-03-01T12:00+01:00", "_time:>=\"2026-03-01T12:00+01:00\""},
        {"level:in(err, 2)", "level:in(\"err\", \"2\")"},
        {"in:5", "\"in\":5"},
        {"or:x", "\"or\":x"},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(reread(each.text), each.meaning) << each.text;
    }
}

TEST(Filter, OperatorsBindAsUsual) {
    const Case cases[] = {
        {"a b", "a and b"},
        {"a AND b or c", "a and b or c"},
        {"a or b c", "a or b and c"},
        {"a (b or c)", "a and (b or c)"},
        {"not a b", "not a and b"},
        {"-a !b", "not a and not b"},
        {"not not a", "not not a"},
        {"not (a b)", "not (a and b)"},
        {"level:(err or warning) x", "(level:err or level:warning) and x"},
        {"user:(not ada)", "not user:ada"},
        {"error -stream:kernel user:*", "error and not stream:kernel and user:*"},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(reread(each.text), each.meaning) << each.text;
    }
}

TEST(Pipes, EachStageIsUnderstood) {
    const Case cases[] = {
        {"* | head", "* | head 10"},
        {"a|limit 5|skip 2|tail 3", "a | head 5 | skip 2 | tail 3"},
        {"* | fields host, 'a b'", "* | fields host, \"a b\""},
        {"* | where ms:>5 or x", "* | where ms:>5 or x"},
        {"* | sort by (ms desc, host) limit 3", "* | sort by (ms desc, host) limit 3"},
        {"* | sort ms", "* | sort by (ms)"},
        {"* | sort by (a desc, b) desc limit 2", "* | sort by (a, b desc) limit 2"},
        {"* | offset 5", "* | skip 5"},
        {"* | stats count() n, sum(ms) 'total ms'", "* | stats count() as \"n\", sum(ms) as \"total ms\""},
        {"* | stats count() as if", "* | stats count() as \"if\""},
        {"* | uniq by (host, user)", "* | uniq by (host, user)"},
        {"* | uniq host with hits", "* | uniq by (host) with hits"},
        {"* | uniq by (hits) hits | head 1", "* | uniq by (hits) with hits | head 1"},
        {"* | stats count(*), count('') as m, max(\"\")",
         "* | stats count() as \"count(*)\", count(_msg) as \"m\", max(_msg) as \"max(_msg)\""},
        {"* | fields '', a | sort ''", "* | fields _msg, a | sort by (_msg)"},
        {"* | top 3 by (url)", "* | top 3 by (url)"},
        {"* | top url, host", "* | top 10 by (url, host)"},
        {"* | stats by (host) count", "* | stats by (host) count() as \"count(*)\""},
        {"* | stats count()", "* | stats count() as \"count(*)\""},
        {"* | stats by (host, _time:5m) count() as n, quantile(0.99, ms) as p99, avg(ms)",
         "* | stats by (host, _time:5m) count() as \"n\", quantile(0.99, ms) as \"p99\", avg(ms) as \"avg(ms)\""},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(reread(each.text), each.meaning) << each.text;
    }
}

// Each points at the character, and says what could have stood there.
TEST(Errors, PointAtTheCharacterAndSayWhatWasExpected) {
    const Case cases[] = {
        {"level:", "column 7: expected a word, a quoted phrase or a test such as =, <, ~, [ or in(, found the end"},
        {"(a or b", "column 8: expected ')', 'and', 'or' or another test, found the end"},
        {"a )", "column 3: expected 'and', 'or', another test, '|' or the end, found ')'"},
        {"a or", "column 5: expected a word, a quoted phrase or a test such as =, <, ~, [ or in(, found the end"},
        {"'abc", "column 5: expected ' to end the text that begins in column 1, found the end"},
        {R"("a\q")", R"(column 4: expected one of \\ \" \' \n \r \t \xHH after the backslash, found 'q"')"},
        {"ms:[1 2]", "column 7: expected ',' and the upper bound, found '2]'"},
        {"ms:[1, 2",
         "column 9: expected ']' (the upper bound belongs to the range) or ')' (it does not), found the end"},
        {"*abc", "column 5: expected '*' behind the text: *text* finds it anywhere, found the end"},
        {"a | heads",
         "column 5: expected one of fields, where, sort, head, limit, tail, skip, uniq, top, stats, found 'heads'"},
        {"host:in(a, 'b c', =)", "column 19: expected a value, found '=)'"},
        {"a | stats count p", "column 17: expected '|' or the end, found 'p'"},
        {"a | head x", "column 10: expected a number of records, found 'x'"},
        {"a | stats sum()", "column 15: expected the name of a field for sum, found ')'"},
        {"a | stats quantile(2, ms)", "column 20: expected a fraction from 0 to 1, found '2,'"},
        {"a | stats by (ms:0) count()", "column 18: expected the width of a bucket, a number such as 1000, found '0)'"},
        {"a | stats total()",
         "column 11: expected one of count, count_uniq, sum, min, max, avg, median, quantile, found 'total()'"},
        {"user:~'a(b'", "column 7: expected a regular expression (missing ): a(b), found ''a(b''"},
        {"level:<=loud",
         "column 9: expected a severity: emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7, found "
         "'loud'"},
        {"level:in(err, loud)",
         "column 15: expected a severity: emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7, found "
         "'loud)'"},
        {"_time:[2026-03-01, yesterday]",
         "column 20: expected a time such as 2026-03-01T12:00Z, or how long ago, such as 5m, found 'yesterday]'"},
        {"time:5", "column 6: expected a time such as 2026-03-01T12:00Z, or how long ago, such as 5m, found '5'"},
        {"* | where time:<2026-13-01",
         "column 17: expected a time such as 2026-03-01T12:00Z, or how long ago, such as 5m, found '2026-13-01'"},
        {"a | stats sum", "column 14: expected '(' behind sum, found the end"},
        {"a |",
         "column 4: expected one of fields, where, sort, head, limit, tail, skip, uniq, top, stats, found the end"},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(reread(each.text), each.meaning) << each.text;
    }
}

TEST(Errors, NestingAndLengthAreBounded) {
    EXPECT_THAT(reread(std::string(kNestingMax + 1, '(') + "a"), testing::HasSubstr("at most 64 nested"));
    EXPECT_THAT(reread(std::string(100'000, '!') + "a"), testing::HasSubstr("at most"));
    EXPECT_THAT(reread(std::string(kQueryBytesMax + 1, 'a')), testing::HasSubstr("at most 65536 bytes"));
    EXPECT_EQ(reread(std::string(kNestingMax, '(') + "a" + std::string(kNestingMax, ')')), "a");
}

// Behind a stage that makes columns a name is only a name.
TEST(Errors, ColumnsMayBeNamedLikePropertiesOfRecords) {
    EXPECT_EQ(reread("* | stats by (user) count() as level | where level:>50"),
              "* | stats by (user) count() as \"level\" | where level:>50");
}

TEST(Numbers, HaveUnits) {
    EXPECT_EQ(parse_number("17"), 17);
    EXPECT_EQ(parse_number("-2.5e3"), -2500);
    EXPECT_EQ(parse_number("10KB"), 10'000);
    EXPECT_EQ(parse_number("4KiB"), 4096);
    EXPECT_EQ(parse_number("5m"), 300);
    EXPECT_EQ(parse_number("250ms"), 0.25);
    EXPECT_EQ(parse_number("1m30.5s"), 90.5);
    EXPECT_EQ(parse_number("-1h2m3s"), -3723);
    EXPECT_EQ(parse_number("360.541\xC2\xB5s"), parse_number("360541ns"));
    EXPECT_EQ(parse_number("1.5K"), 1500);
    EXPECT_EQ(parse_number("2Ki"), 2048);
    for (const std::string_view text :
         {"", "x", "5 m", "5x", "0x10", "nan", "inf", "1e999", "-", "1m5", "1K5", "1h-2m", "1e308K"}) {
        EXPECT_EQ(parse_number(text), std::nullopt) << text;
    }
}

// ---- properties ----

rc::Gen<std::string> any_text() {
    return rc::gen::container<std::string>(rc::gen::inRange<char>(-128, 127));
}

rc::Gen<Literal> any_literal() {
    return rc::gen::oneOf(rc::gen::map(any_text(),
                                       [](std::string text) {
                                           const auto number = parse_number(text);
                                           return Literal{.text = std::move(text), .number = number};
                                       }),
                          rc::gen::map(rc::gen::inRange(-100'000, 100'000), [](int number) {
                              return Literal{.text = fmt::format("{}", number), .number = number};
                          }));
}

rc::Gen<Test> any_test() {
    return rc::gen::exec([] {
        Test test{.kind = *rc::gen::element(TestKind::phrase, TestKind::prefix, TestKind::substring, TestKind::exact,
                                            TestKind::regex, TestKind::compare, TestKind::range, TestKind::any_of,
                                            TestKind::exists),
                  .text = {},
                  .texts = {},
                  .low = {},
                  .high = {}};
        const auto bound = [] { return Bound{.value = *any_literal(), .inclusive = *rc::gen::arbitrary<bool>()}; };
        switch (test.kind) {
            case TestKind::compare:
                (*rc::gen::arbitrary<bool>() ? test.low : test.high) = bound();
                break;
            case TestKind::range:
                test.low = bound();
                do {
                    test.high = bound();
                } while (test.low->value.number.has_value() != test.high->value.number.has_value());
                break;
            case TestKind::any_of:
                test.texts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(any_text()));
                test.texts.resize(std::min<std::size_t>(test.texts.size(), 30));  // Of all together there is a limit.
                break;
            case TestKind::exists:
                break;
            case TestKind::regex:  // Not every text is one.
                test.text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab.\"'`\n\x01 d")));
                break;
            case TestKind::phrase:
            case TestKind::prefix:
            case TestKind::substring:
                test.text = *rc::gen::nonEmpty(any_text());
                break;
            default:
                test.text = *any_text();
        }
        return test;
    });
}

rc::Gen<Filter> any_filter(int depth) {
    return rc::gen::exec([depth] {
        Filter filter{.kind = FilterKind::match, .parts = {}, .field = {}, .test = {}};
        if (depth > 0) {
            filter.kind = *rc::gen::element(FilterKind::match, FilterKind::all_of, FilterKind::one_of,
                                            FilterKind::none_of, FilterKind::everything);
        }
        const int parts = filter.kind == FilterKind::none_of ? 1
                          : filter.kind == FilterKind::all_of || filter.kind == FilterKind::one_of
                              ? *rc::gen::inRange(2, 4)
                              : 0;
        for (int i = 0; i < parts; ++i) {
            filter.parts.push_back(*any_filter(depth - 1));
        }
        if (filter.kind == FilterKind::match) {
            filter.field = *any_text();
            filter.test = *any_test();
        }
        return filter;
    });
}

TEST(Properties, WhatIsPrintedIsReadBack) {
    const bool held = rc::check([] {
        const Filter filter = *any_filter(3);
        const std::string text = to_text(filter);
        const Parsed<Filter> again = parse_filter(text);
        if (!again) {
            RC_FAIL(text + ": " + again.error().text());
        }
        RC_ASSERT(*again == filter);
    });
    EXPECT_TRUE(held);
}

TEST(Properties, AnyBytesAreAQueryOrAnErrorWithinThem) {
    const bool held = rc::check([] {
        const std::string alphabet = "ab:*(),|\"'`=~<>!-[] \\x0 orandinstatsby5m";
        const std::string text = *rc::gen::container<std::string>(rc::gen::elementOf(alphabet));
        const Parsed<Query> query = parse_query(text);
        if (query) {
            const Parsed<Query> again = parse_query(to_text(*query));
            RC_ASSERT(again.has_value());
            RC_ASSERT(*again == *query);
        } else {
            RC_ASSERT(query.error().offset <= text.size());
            RC_ASSERT(!query.error().expected.empty());
        }
    });
    EXPECT_TRUE(held);
}

TEST(Filter, OfAFieldWithAnEmptyNameIsOfTheMessage) {
    EXPECT_EQ(filter_of("\"\":x"), filter_of("x"));
}

}  // namespace
}  // namespace sluice::query
