#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Six requests, four of them sealed.
Store requests() {
    Store store({.page_rows = 2});
    const auto add = [&](std::string_view user, int status, double ms, int second) {
        store.add(RowDraft(fmt::format("GET {}", second))
                      .time(kNoon + second * kSecond)
                      .severity(status == 500 ? wire::Severity::err : wire::Severity::info)
                      .field("user", user)
                      .field("status", status)
                      .field("ms", ms));
    };
    add("ada", 200, 1.5, 0);
    add("bob", 200, 20, 30);
    add("ada", 500, 300, 60);
    add("eve", 404, 2, 61);
    store.seal();
    add("ada", 200, 4, 125);
    store.add(RowDraft("no fields").time(kNoon + 130 * kSecond));
    return store;
}

auto lines(std::string_view query, const PlanOptions& options = Store::options()) {
    const Store store = requests();
    const Store::Answer answer = store.run(query, options);
    return answer.error.empty() ? answer.lines : std::vector<std::string>{answer.error};
}

TEST(Pipes, FieldsAreColumnsInTheOrderAsked) {
    EXPECT_THAT(
        lines("user:eve | fields status, user, level, time, absent"),
        ElementsAre("row 4: status=int 404 user=text eve level=text info time=text 2026-03-01T12:01:01.000000000Z"));
}

TEST(Pipes, WhereSeesWhatTheStageBeforeMade) {
    EXPECT_THAT(lines("* | stats by (user) count() as n | where n:>1 user:*"),
                ElementsAre("row 0: user=text ada n=int 3"));
    EXPECT_THAT(lines("* | fields user | where status:200"), IsEmpty());
}

TEST(Pipes, HeadTailAndSkipCountInOrderOfArrival) {
    const Store store = requests();
    EXPECT_THAT(store.messages("* | head 2"), ElementsAre("GET 0", "GET 30"));
    EXPECT_THAT(store.messages("* | tail 3"), ElementsAre("GET 61", "GET 125", "no fields"));
    EXPECT_THAT(store.messages("* | tail 3 | head 1"), ElementsAre("GET 61"));
    EXPECT_THAT(store.messages("* | skip 4"), ElementsAre("GET 125", "no fields"));
    EXPECT_THAT(store.messages("* | skip 1 | limit 1"), ElementsAre("GET 30"));
    EXPECT_THAT(store.messages("* | head 0"), IsEmpty());
    EXPECT_THAT(store.messages("* | tail 0"), IsEmpty());
}

TEST(Pipes, SortIsStableAndNumbersComeBeforeTexts) {
    const Store store = requests();
    EXPECT_THAT(store.messages("* | sort by (ms desc) limit 2"), ElementsAre("GET 60", "GET 30"));
    EXPECT_THAT(store.messages("* | sort by (user, ms desc)"),
                ElementsAre("no fields", "GET 60", "GET 125", "GET 0", "GET 30", "GET 61"));
    EXPECT_THAT(store.messages("* | sort by (time desc) | head 2"), ElementsAre("no fields", "GET 125"));
}

TEST(Pipes, UniqAndTopCountCombinations) {
    EXPECT_THAT(lines("* | uniq by (status)"),
                ElementsAre("row 0:", "row 0: status=int 200", "row 0: status=int 404", "row 0: status=int 500"));
    EXPECT_THAT(lines("* | uniq by (status) with hits"),
                ElementsAre("row 0: hits=int 1", "row 0: status=int 200 hits=int 3", "row 0: status=int 404 hits=int 1",
                            "row 0: status=int 500 hits=int 1"));
    EXPECT_THAT(lines("* | top 2 by (user)"), ElementsAre("row 0: user=text ada hits=int 3", "row 0: hits=int 1"));
    EXPECT_THAT(lines("user:* | top 1 by (user, status)"),
                ElementsAre("row 0: user=text ada status=int 200 hits=int 2"));
}

TEST(Pipes, StatsKnowAllFunctions) {
    EXPECT_THAT(
        lines("* | stats count() as n, count(user) as u, count_uniq(user) as q, sum(status) as s, min(ms) as low, "
              "max(ms) as high, avg(status) as mean, median(ms) as mid, quantile(0.9, ms) as p90"),
        ElementsAre("row 0: n=int 6 u=int 5 q=int 3 s=int 1504 low=float 1.5 high=float 300 mean=float 300.8 "
                    "mid=int 4 p90=int 300"));
    EXPECT_THAT(lines("absent | stats count() as n, sum(ms) as s, avg(ms) as a, max(user) as m"),
                ElementsAre("row 0: n=int 0"));
    EXPECT_THAT(lines("absent | stats by (user) count() as n"), IsEmpty());
}

TEST(Pipes, BucketsBeginAtMultiplesOfTheirWidth) {
    EXPECT_THAT(lines("user:* | stats by (_time:1m) count as n"),
                ElementsAre("row 0: _time=text 2026-03-01T12:00:00.000000000Z n=int 2",
                            "row 0: _time=text 2026-03-01T12:01:00.000000000Z n=int 2",
                            "row 0: _time=text 2026-03-01T12:02:00.000000000Z n=int 1"));
    EXPECT_THAT(lines("user:* | stats by (status:300) max(time) as last"),
                ElementsAre("row 0: status=int 0 last=text 2026-03-01T12:02:05.000000000Z",
                            "row 0: status=int 300 last=text 2026-03-01T12:01:01.000000000Z"));
}

std::vector<std::string> grouped(const std::vector<RowDraft>& rows, std::string_view by) {
    Store store;
    for (const RowDraft& row : rows) {
        store.add(row);
    }
    store.seal();
    return store.run(fmt::format("* | stats by ({}) count() as n", by)).lines;
}
RowDraft with_x(const auto& value) {
    return std::move(RowDraft("").field("x", value));
}

TEST(Pipes, BucketsOfFractionsBeginAtDecimalMultiples) {
    const std::vector<RowDraft> rows = {with_x("1.25"), with_x(1.3),   with_x("1.312"), with_x(0.29), with_x(0.3),
                                        with_x(-1.3),   with_x(-0.25), with_x("-0.01"), with_x(0.7)};
    EXPECT_THAT(grouped(rows, "x:0.1"),
                ElementsAre("row 0: x=float -1.3 n=int 1", "row 0: x=float -0.3 n=int 1", "row 0: x=float -0.1 n=int 1",
                            "row 0: x=float 0.2 n=int 1", "row 0: x=float 0.3 n=int 1", "row 0: x=float 0.7 n=int 1",
                            "row 0: x=float 1.2 n=int 1", "row 0: x=float 1.3 n=int 2"));
    EXPECT_THAT(
        grouped({with_x(0.29), with_x(0.57), with_x(1.15)}, "x:0.01"),
        ElementsAre("row 0: x=float 0.29 n=int 1", "row 0: x=float 0.57 n=int 1", "row 0: x=float 1.15 n=int 1"));
    Store store;
    store.add(with_x(0.3));
    store.add(with_x(1.2));
    EXPECT_THAT(store.run("* | stats by (x:0.1) count() as n | where x:in(0.3, 1.2)").lines, testing::SizeIs(2));
}

TEST(Pipes, IntegersAndFractionsShareBucketsOfWholeWidth) {
    EXPECT_THAT(grouped({with_x(12), with_x(12.5), with_x("13"), with_x("13.5"), with_x(-0.5), with_x("5KB")}, "x:10"),
                ElementsAre("row 0: x=int -10 n=int 1", "row 0: x=int 10 n=int 4", "row 0: x=int 5000 n=int 1"));
}

TEST(Pipes, WholeResultsAreIntegersSoThatEqualOnesAreOneGroup) {
    Store store;
    for (const auto& [user, ms] : {std::pair("ada", 3.0), {"ada", 3.5}, {"bob", 3.0}, {"bob", 7.0}}) {
        store.add(RowDraft("").field("user", user).field("ms", ms));
    }
    store.add(RowDraft("").field("user", "eve").field("ms", 3));
    EXPECT_THAT(store.run("* | stats by (user) quantile(0, ms) as q | stats by (q) count() as n").lines,
                ElementsAre("row 0: q=int 3 n=int 3"));
    EXPECT_THAT(store.run("* | stats by (user) sum(ms) as s, avg(ms) as a").lines,
                ElementsAre("row 0: user=text ada s=float 6.5 a=float 3.25", "row 0: user=text bob s=int 10 a=int 5",
                            "row 0: user=text eve s=int 3 a=int 3"));
    EXPECT_THAT(grouped({with_x(1.25), with_x(2.25)}, "x:0.5"),
                ElementsAre("row 0: x=int 1 n=int 1", "row 0: x=int 2 n=int 1"));
}

TEST(Pipes, WhatHasNoBucketIsAGroupOfItsOwn) {
    EXPECT_THAT(
        grouped({with_x(7), with_x("-"), with_x("-"), with_x("1m"), with_x(true), with_x(""), RowDraft("")}, "x:5"),
        ElementsAre("row 0: n=int 2", "row 0: x=text - n=int 2", "row 0: x=bool true n=int 1", "row 0: x=int 5 n=int 1",
                    "row 0: x=text 1m n=int 1"));
}

TEST(Pipes, BucketsOfADurationAreOfDurationsAndTimes) {
    Store store;
    for (const std::string_view value : {"90.5s", "1m30s", "250", "2026-03-01T12:00:00.5Z", "abc"}) {
        store.add(with_x(value));
    }
    EXPECT_THAT(store.run("* | fields x | stats by (x:10s) count() as n").lines,
                ElementsAre("row 0: x=text abc n=int 1", "row 0: x=text 2026-03-01T12:00:00.000000000Z n=int 1",
                            "row 0: x=int 90 n=int 2", "row 0: x=text 250 n=int 1"));
}

TEST(Pipes, AnEmptyTextIsAMissingValue) {
    Store store;
    store.add(with_x("").field("y", 2));
    store.add(RowDraft("b").field("y", 1));
    store.add(with_x("a").field("y", 0));
    for (const bool sealed : {false, true}) {
        if (sealed) {
            store.seal();
        }
        EXPECT_THAT(store.run("* | stats by (x) count() as n").lines,
                    ElementsAre("row 0: n=int 2", "row 0: x=text a n=int 1"));
        EXPECT_THAT(store.run("* | uniq by (x) hits").lines,
                    ElementsAre("row 0: hits=int 2", "row 0: x=text a hits=int 1"));
        EXPECT_THAT(store.run("* | top 1 x").lines, ElementsAre("row 0: hits=int 2"));
        EXPECT_THAT(store.run("* | sort by (x, y) | fields y").lines,
                    ElementsAre("row 2: y=int 1", "row 1: y=int 2", "row 3: y=int 0"));
        EXPECT_THAT(store.run("* | stats min(x) as low, max(x) as high, min(message) as first").lines,
                    ElementsAre("row 0: low=text a high=text a first=text b"));
    }
}

// nginx and others write "-" where there is no number.
TEST(Pipes, NumbersCountMoreThanTextsInMaxMinAndSort) {
    Store store;
    for (const std::string_view time : {"-", "0.012", "1.5", "-", "0.2"}) {
        store.add(RowDraft("GET").field("urt", time));
    }
    store.add(RowDraft("GET"));
    store.seal();
    EXPECT_THAT(store.run("* | stats max(urt) as most, min(urt) as least").lines,
                ElementsAre("row 0: most=text 1.5 least=text 0.012"));
    EXPECT_THAT(store.run("urt:=- | stats max(urt) as most, min(urt) as least").lines,
                ElementsAre("row 0: most=text - least=text -"));
    EXPECT_THAT(
        store.run("urt:* | uniq by (urt) | fields urt | sort by (urt desc)").lines,
        ElementsAre("row 0: urt=text 1.5", "row 0: urt=text 0.2", "row 0: urt=text 0.012", "row 0: urt=text -"));
    EXPECT_THAT(store.run("* | uniq by (urt) hits | sort by (urt) | head 2").lines,
                ElementsAre("row 0: hits=int 1", "row 0: urt=text - hits=int 2"));
}

TEST(Pipes, FieldsKeepsAllValuesOfAName) {
    for (const bool sealed : {false, true}) {
        Store store;
        store.add(RowDraft("a").field("tag", 7).field("tag", "red").field("tag", "blue").field("_pid", 3));
        store.add(RowDraft("b").field("tag", "green"));
        if (sealed) {
            store.seal();
        }
        EXPECT_THAT(store.run("* | fields tag, _pid").lines,
                    ElementsAre("row 1: tag=text red tag=text blue tag=int 7 _pid=int 3", "row 2: tag=text green"));
        EXPECT_THAT(store.run("* | fields tag | where tag:7 | uniq by (tag) hits").lines,
                    ElementsAre("row 0: tag=text red hits=int 1"));
    }
}

TEST(Pipes, FieldsKeepsWhatARecordHasRoomFor) {
    Store store;
    RowDraft row("many");
    for (int i = 0; i < 1000; ++i) {
        row.field("tag", i);
    }
    store.add(row);
    std::string names = "tag";
    for (int i = 1; i < 500; ++i) {
        names += fmt::format(", absent{}", i);
    }
    const Store::Answer answer = store.run("* | fields " + names);
    ASSERT_EQ(answer.lines.size(), 1U);
    EXPECT_TRUE(answer.lines.front().ends_with("tag=int 524"));
}

TEST(Pipes, SumsOfDurationsAreInSeconds) {
    Store store;
    store.add(RowDraft("a").field("took", "1m30.5s"));
    store.add(RowDraft("b").field("took", "500ms"));
    store.seal();
    EXPECT_THAT(store.run("* | stats sum(took) as s, max(took) as most").lines,
                ElementsAre("row 0: s=int 91 most=text 1m30.5s"));
}

TEST(Pipes, TypesOfGroupsAreKept) {
    Store store;
    store.add(RowDraft("a").field("v", 5));
    store.add(RowDraft("b").field("v", "5"));
    store.add(RowDraft("c").field("v", true));
    store.seal();
    EXPECT_THAT(
        store.run("* | uniq by (v) with hits").lines,
        ElementsAre("row 0: v=bool true hits=int 1", "row 0: v=text 5 hits=int 1", "row 0: v=int 5 hits=int 1"));
}

TEST(Plan, NewestBoundsAndSequencesAreOptions) {
    const Store store = requests();
    PlanOptions options = Store::options();
    options.newest = 2;
    EXPECT_THAT(store.messages("user:ada", options), ElementsAre("GET 60", "GET 125"));
    options = Store::options();
    options.time = {.begin = kNoon + 30 * kSecond, .end = kNoon + 61 * kSecond};
    EXPECT_THAT(store.messages("*", options), ElementsAre("GET 30", "GET 60"));
    options = Store::options();
    options.sequence_min = 2;
    options.sequence_end = 4;
    EXPECT_THAT(store.messages("*", options), ElementsAre("GET 30", "GET 60"));
}

TEST(Plan, ColumnsMustBePossibleAndDifferent) {
    EXPECT_THAT(lines("* | stats by (user) count() as user"), ElementsAre(HasSubstr("two columns are named 'user'")));
    EXPECT_THAT(lines("* | top 5 by (hits)"), ElementsAre(HasSubstr("'stats by (hits) count() as n' counts under")));
    EXPECT_THAT(lines("* | uniq by (hits) | uniq by (hits)"), testing::SizeIs(1));
    EXPECT_THAT(lines("* | stats count() as ''"), ElementsAre(HasSubstr("a column cannot be named ''")));
    EXPECT_THAT(lines("* | stats count() as 'a=b'"), ElementsAre(HasSubstr("a column cannot be named 'a=b'")));
    std::string keys = "c1";
    for (int i = 2; i <= 1023; ++i) {
        keys += fmt::format(", c{}", i);
    }
    const auto plan = [](const std::string& by) {
        const auto query = parse_query("* | stats by (" + by + ") count()");
        EXPECT_TRUE(query);
        return query ? Plan::make(*query, Store::options()) : fail(Errc::internal, "not parsed");
    };
    EXPECT_TRUE(plan(keys));
    const auto more = plan(keys + ", c1024");
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code(), Errc::invalid_argument);
    EXPECT_EQ(more.error().text(), "1025 columns; at most 1024 are possible");
}

TEST(Plan, OnlyStagesThatDecideRowByRowCanFollow) {
    const auto plan = [](std::string_view text) { return *Plan::make(*parse_query(text), Store::options()); };
    EXPECT_TRUE(plan("a | where b | fields user")->follows_ok());
    EXPECT_FALSE(plan("a | head 5")->follows_ok());
    EXPECT_EQ(plan("a | fields user | top user")->why_not_follow(), "top");
    const Store store = requests();
    Bytes out;
    int passed = 0;
    for (const wire::TailEntry& entry : store.entries()) {
        passed += plan("GET | where status:500 | fields user")->select(entry, out) ? 1 : 0;
    }
    EXPECT_EQ(passed, 1);
    EXPECT_EQ(wire::TailEntryCodec::view(out.data()).flags, wire::kBatchComputed);
}

}  // namespace
}  // namespace sluice::query::test
