// What is skipped, what is bounded, and what runs at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "query/reference.h"
#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Four parts of 100 rows, an hour each.
Store hours() {
    Store store({.page_rows = 16});
    for (int hour = 0; hour < 4; ++hour) {
        for (int i = 0; i < 100; ++i) {
            store.add(RowDraft(fmt::format("request {} took {} ms", hour * 100 + i, i * 7 % 50))
                          .time(kNoon + (hour * 3600 + i) * kSecond)
                          .severity(i % 10 == 0 ? wire::Severity::err : wire::Severity::info)
                          .field("user", fmt::format("user-{}", i % 5))
                          .field("status", hour == 2 && i == 50 ? 500 : 200)
                          .field("trace", fmt::format("{:08x}", (hour * 100 + i) * 2654435761U)));
        }
        store.seal();
    }
    return store;
}

TEST(Explain, SaysWhyPartsWereSkipped) {
    const Store store = hours();
    const auto counters = [&](std::string_view query) { return store.run(query).counters; };
    EXPECT_EQ(counters("_time:2026-03-01T14").parts_skipped_time, 3U);
    EXPECT_EQ(counters("sequence:<50").parts_skipped_sequence, 3U);
    EXPECT_EQ(counters("user:=\"user-9\"").parts_skipped_dictionary, 4U);
    EXPECT_EQ(counters("status:500").parts_skipped_range, 3U);
    EXPECT_EQ(counters("status:>500").parts_skipped_range, 4U);
    EXPECT_EQ(counters("absent:x").parts_skipped_field, 4U);
    EXPECT_THAT(counters("request zebra").parts_skipped_word, ElementsAre(testing::Pair("zebra", 4U)));
    EXPECT_THAT(store.run("_time:2026-03-01T14 user:user-1").explain, HasSubstr("parts: 4\n  skipped by time: 3\n"));
}

// Fields without a column: by their names, and by the words of those that are texts.
TEST(Explain, SaysWhyPartsWithOtherFieldsWereSkipped) {
    Store store({.page_rows = 16, .columns_max = 0});
    for (int i = 0; i < 100; ++i) {
        store.add(RowDraft("request").field("user", fmt::format("user {}", i % 5)).field("mixed", "alpha beta"));
    }
    store.add(RowDraft("request").field("mixed", 17));
    store.seal();
    const auto counters = [&](std::string_view query) { return store.run(query).counters; };
    EXPECT_EQ(counters("absent:x").parts_skipped_field, 1U);
    EXPECT_THAT(counters("user:zebra").parts_skipped_word, ElementsAre(testing::Pair("zebra", 1U)));
    // A number is found by its value, whatever the words are.
    EXPECT_THAT(store.run("mixed:17.0").lines, SizeIs(1));
    EXPECT_THAT(counters("mixed:zebra").parts_skipped_word, IsEmpty());
    EXPECT_THAT(store.run("mixed:zebra").lines, IsEmpty());
}

TEST(Explain, RowCountsAnswerWithoutReadingPages) {
    const Store store = hours();
    for (const std::string_view query :
         {"* | stats count() as n", "level:error | stats count() as n", "* | top user",
          "* | stats by (level) count() as n", "user:user-1 | top user", "* | uniq by (absent)",
          "* | stats max(status) as m, count() as n",
          "user:user-1 _time:[2026-03-01T14:00:00Z, 2026-03-01T15:00:00Z) | stats count() as n"}) {
        const Store::Answer answer = store.run(query);
        EXPECT_EQ(answer.counters.pages_read, 0U) << query;
        EXPECT_GE(answer.counters.parts_from_counts, 1U) << query;
        EXPECT_EQ(answer.lines, reference::run(*parse_query(query), store.entries(), kNoon)) << query;
    }
}

TEST(Scan, PagesOutsideOfTheSpanAreNotRead) {
    const Store store = hours();
    const Store::Answer answer = store.run("_time:[2026-03-01T12:00:20Z, 2026-03-01T12:00:25Z)");
    EXPECT_THAT(answer.lines, SizeIs(5));
    EXPECT_EQ(answer.counters.pages_skipped, answer.counters.pages - 1);
}

TEST(Scan, NewestRowsTouchOnlyTheLastPages) {
    const Store store = hours();
    const Store::Answer answer = store.run("* | tail 10");
    EXPECT_THAT(answer.lines, SizeIs(10));
    EXPECT_EQ(answer.counters.parts, 1U);
    EXPECT_LE(answer.counters.pages - answer.counters.pages_skipped, 2U);
    const Store::Answer sorted = store.run("* | sort by (time desc) limit 5");
    EXPECT_THAT(sorted.lines, SizeIs(5));
    EXPECT_GE(sorted.counters.pages_skipped, 20U);
}

TEST(Scan, HeadStopsWhenItHasEnough) {
    EXPECT_EQ(hours().run("* | head 10").counters.parts, 1U);
}

TEST(Memory, IsBoundedWithASentenceThatSaysWhatToDo) {
    Store store({.page_rows = 1024});
    for (int i = 0; i < 5000; ++i) {
        store.add(RowDraft("row").field("id", fmt::format("{:032x}", i)));
    }
    store.seal();
    PlanOptions options = Store::options();
    options.memory_bytes_max = 100'000;
    EXPECT_THAT(store.run("* | stats by (id) count()", options).error,
                HasSubstr("grouping by 'id' needs more than the 0.1 MiB a query may use; narrow the time"));
    EXPECT_THAT(store.run("* | sort by (id)", options).error, HasSubstr("sorting needs more than"));
    EXPECT_THAT(store.run("* | tail 4000", options).error, HasSubstr("the last rows that `tail` keeps"));
    EXPECT_EQ(store.run("* | sort by (id desc) limit 5", options).error, "");
    EXPECT_EQ(store.run("* | head 4000", options).error, "");
    options.memory_bytes_max = 50'000;
    EXPECT_THAT(store.run("* | stats count_uniq(id)", options).error, HasSubstr("stats needs more than"));
    EXPECT_THAT(store.run("* | stats median(sequence)", options).error, HasSubstr("stats needs more than"));
}

TEST(Memory, IsGivenBack) {
    const Store store = hours();
    const auto plan =
        *Plan::make(*parse_query("* | stats by (trace) count() as n | sort by (n desc) limit 3"), Store::options());
    const std::uint64_t of_plan = plan->budget().used_bytes();
    EXPECT_GT(of_plan, 0U);
    {
        Combiner combiner(plan);
        Bytes out;
        for (const auto& unit : make_units(plan, store.parts(), {})) {
            for (bool done = false; !done;) {
                Result<Step> step = unit->step();
                ASSERT_TRUE(step);
                done = step->done;
                ASSERT_TRUE(combiner.take(std::move(*step), out));
            }
        }
        ASSERT_TRUE(combiner.finish(out));
    }
    EXPECT_GT(plan->budget().peak_bytes(), of_plan + 1000U);
    EXPECT_EQ(plan->budget().used_bytes(), of_plan);
}

// A row of a part of another class may lie between two rows of this one.
TEST(Scan, PartsThatInterleaveAreMergedBySequence) {
    Store store({.page_rows = 4});
    for (int i = 0; i < 60; ++i) {
        store.add(RowDraft(fmt::format("{}", i)).stream(i % 3 == 0 ? "audit" : ""));
        if (i % 20 == 19) {
            store.seal([](const wire::TailEntry& entry) { return entry.record.stream().empty() ? 0 : 1; });
        }
    }
    std::vector<std::string> all;
    for (int i = 0; i < 60; ++i) {
        all.push_back(fmt::format("{}", i));
    }
    EXPECT_EQ(store.messages("*"), all);
    EXPECT_THAT(store.messages("* | tail 3"), ElementsAre("57", "58", "59"));
    EXPECT_THAT(store.messages("* | skip 17 | head 5"), ElementsAre("17", "18", "19", "20", "21"));
}

TEST(Scan, UnitsRunAtTheSameTime) {
    const Store store = hours();
    for (const std::string_view query :
         {"took | stats by (user, level) count() as n, max(time) as t", "~'7 took' | fields user, trace",
          "* | sort by (trace) limit 7", "error or \"took 7\" or user:user-3"}) {
        const auto plan = *Plan::make(*parse_query(query), Store::options());
        const auto units = make_units(plan, store.parts(), {});
        std::vector<std::vector<Step>> steps(units.size());
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < units.size(); ++i) {
                threads.emplace_back([&, i] {
                    while (steps[i].empty() || !steps[i].back().done) {
                        steps[i].push_back(*units[i]->step());
                    }
                });
            }
        }
        Combiner combiner(plan);
        Bytes out;
        for (auto& of_unit : steps) {
            for (Step& step : of_unit) {
                ASSERT_TRUE(combiner.take(std::move(step), out));
            }
        }
        ASSERT_TRUE(combiner.finish(out));
        EXPECT_EQ(reference::show_results(out), reference::run(*parse_query(query), store.entries(), kNoon)) << query;
    }
}

TEST(Scan, OpenRowsAreCutWhereTheCallerSays) {
    Store store;
    for (int i = 0; i < 5; ++i) {
        store.add(RowDraft(fmt::format("{}", i)));
    }
    std::vector<GroupRows> groups = store.open_rows();
    ASSERT_THAT(groups, SizeIs(1));
    groups.front().skip = 1;
    groups.front().limit = 4;
    const auto plan = *Plan::make(*parse_query("* | fields message"), Store::options());
    Combiner combiner(plan);
    Bytes out;
    const auto units = make_units(plan, {}, groups);
    ASSERT_TRUE(combiner.take(*units.front()->step(), out));
    EXPECT_EQ(combiner.rows_out(), 3U);
}

TEST(Scan, OfNothingGivesNothing) {
    const Store store;
    EXPECT_THAT(store.messages("error"), IsEmpty());
    EXPECT_THAT(store.run("* | stats count() as n").lines, ElementsAre("row 0: n=int 0"));
}

}  // namespace
}  // namespace sluice::query::test
