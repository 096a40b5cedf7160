// A query is run by units: in their order, two at a time, not too far ahead of whom the rows go to; what is damaged
// costs the rest of its unit, and any other error the query.
#include "server/query_run.h"

#include <gmock/gmock.h>

#include "coro/test_loop.h"
#include "query/parser.h"

namespace sluice::server::test {
namespace {

using coro::Job;
using testing::HasSubstr;
using testing::IsEmpty;

// An encoded TAIL entry of so many bytes, a multiple of 8.
Bytes entry_of(std::uint64_t sequence, std::size_t bytes = 128) {
    Bytes record;
    const auto make = [&](std::size_t message) {
        record.clear();
        wire::RecordBuilder builder(record);
        builder.begin(wire::Severity::info).message(std::string(message, 'm'));
        EXPECT_TRUE(builder.finish());
        Bytes entry;
        wire::append_tail_entry(entry, {.sequence = sequence, .record = wire::RecordView::unchecked(record.data())});
        return entry;
    };
    const std::size_t least = make(0).size();
    Bytes entry = make(bytes - least);
    EXPECT_EQ(entry.size(), bytes);
    return entry;
}

// What one step gives: a row of so many bytes, none, or an error.
struct Scripted {
    std::uint64_t sequence = 0;
    std::size_t bytes = 128;
    std::optional<Error> error{};
};

class ScriptedUnit final : public query::Unit {
 public:
    ScriptedUnit(query::SequenceRange range, std::vector<Scripted> script)
        : range_(range), script_(std::move(script)) {}
    Result<query::Step> step() override {
        SLUICE_ASSERT(taken_ < script_.size());
        const Scripted& next = script_[taken_++];
        if (next.error) {
            return std::unexpected(*next.error);
        }
        query::Step step;
        if (next.sequence != 0) {
            step.entries = entry_of(next.sequence, next.bytes);
            step.count = 1;
        }
        step.counters.pages = 1;
        step.done = taken_ == script_.size();
        return step;
    }
    query::SequenceRange range() const noexcept override { return range_; }
    std::size_t taken() const noexcept { return taken_; }

 private:
    query::SequenceRange range_;
    std::vector<Scripted> script_;
    std::size_t taken_ = 0;
};

class Source final : public UnitSource {
 public:
    Task<Result<std::unique_ptr<query::Unit>>> next() override {
        ++asked;
        if (failure) {
            co_return std::unexpected(*failure);
        }
        if (units.empty()) {
            co_return std::unique_ptr<query::Unit>();
        }
        std::unique_ptr<query::Unit> unit = std::move(units.front());
        units.pop_front();
        co_return std::move(unit);
    }
    std::uint64_t records_total() const noexcept override { return total; }
    std::uint32_t damaged() const noexcept override { return left_out; }
    // Records [first, end), each a row and a step, or as scripted.  Borrowed: what the source owns until it is asked.
    ScriptedUnit* add(std::uint64_t first, std::uint64_t end, std::vector<Scripted> script = {}) {
        for (std::uint64_t sequence = first; script.size() < end - first && !scripted(script); ++sequence) {
            script.push_back({.sequence = sequence});
        }
        auto unit = std::make_unique<ScriptedUnit>(query::SequenceRange{first, end}, std::move(script));
        ScriptedUnit* const borrowed = unit.get();
        units.push_back(std::move(unit));
        total = std::max(total, end - 1);
        return borrowed;
    }

    std::deque<std::unique_ptr<query::Unit>> units;
    std::uint32_t left_out = 0;  // damaged()
    std::uint64_t total = 0;
    std::size_t asked = 0;
    std::optional<Error> failure;

 private:
    static bool scripted(const std::vector<Scripted>& script) { return !script.empty() && script[0].bytes != 128; }
};

class Sink final : public RowSink {
 public:
    Task<Result<>> rows(const Bytes& entries, const wire::QueryProgress& progress) override {
        EXPECT_FALSE(entries.empty());
        told.push_back(fmt::format("{} of {}", progress.records, progress.records_total));
        for (std::size_t at = 0; at < entries.size(); at += wire::TailEntryCodec::size(entries.data() + at)) {
            sequences.push_back(wire::TailEntryCodec::view(entries.data() + at).sequence);
        }
        while (blocked) {
            SLUICE_CO_CHECK(co_await open.wait());
        }
        if (failure) {
            co_return std::unexpected(*failure);
        }
        co_return Result<>{};
    }
    void progress(const wire::QueryProgress& progress) override {
        told.push_back(fmt::format("only {} of {}", progress.records, progress.records_total));
    }
    void unblock() {
        blocked = false;
        open.set();
    }

    std::vector<std::uint64_t> sequences;
    std::vector<std::string> told;
    bool blocked = false;
    coro::Event open;
    std::optional<Error> failure;
};

class QueryRunTest : public testing::Test {
 protected:
    ~QueryRunTest() override {
        if (job_) {
            job_->cancel();
            loop_.run_until_idle();
        }
    }
    void begin(std::string_view text = "*", std::uint64_t memory = 64U << 20U) {
        const auto parsed = query::parse_query(text);
        ASSERT_TRUE(parsed);
        query::PlanOptions options;
        options.memory_bytes_max = memory;
        const auto plan = query::Plan::make(*parsed, options);
        ASSERT_TRUE(plan) << plan.error();
        plan_ = *plan;
        of_plan_ = plan_->budget().used_bytes();
        run_.emplace(plan_, workers_);
        job_.emplace(loop_.loop(), "query", &QueryRun::run, &*run_, std::ref(source_), std::ref(sink_));
        loop_.run_until_idle();
    }
    // Beside what the plan itself is charged for.
    std::uint64_t used() const { return plan_->budget().used_bytes() - of_plan_; }
    std::string outcome() {
        if (!job_->done()) {
            return "not done";
        }
        return job_->result() ? "" : fmt::format("{}", job_->result().error());
    }
    static std::vector<std::uint64_t> sequences(std::uint64_t first, std::uint64_t end) {
        std::vector<std::uint64_t> all;
        for (; first < end; ++first) {
            all.push_back(first);
        }
        return all;
    }

    static std::vector<Scripted> newest_first(std::uint64_t last) {
        std::vector<Scripted> steps;
        for (; last > 0; --last) {
            steps.push_back({.sequence = last});
        }
        return steps;
    }

    coro::TestLoop loop_;
    coro::InlinePool pool_;
    coro::Offload workers_{pool_, loop_.loop(), 2};
    Source source_;
    Sink sink_;
    std::shared_ptr<const query::Plan> plan_;
    std::uint64_t of_plan_ = 0;
    std::optional<QueryRun> run_;
    std::optional<Job<Result<>>> job_;
};

TEST_F(QueryRunTest, RowsComeInTheOrderOfTheUnitsWithTheRecordsBehindThem) {
    source_.add(1, 11);
    source_.add(11, 12);
    source_.add(12, 32);
    begin();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.sequences, sequences(1, 32));
    EXPECT_EQ(sink_.told.front(), "0 of 31");
    EXPECT_EQ(sink_.told.back(), "11 of 31");
    EXPECT_EQ(run_->progress().records, 31U);
    EXPECT_EQ(run_->progress().records_total, 31U);
    EXPECT_EQ(run_->damaged(), 0U);
    EXPECT_EQ(run_->counters().pages, 31U);
    EXPECT_EQ(used(), 0U);
}

TEST_F(QueryRunTest, NoUnitsAreNoRows) {
    begin();
    EXPECT_EQ(outcome(), "");
    EXPECT_THAT(sink_.told, IsEmpty());
    EXPECT_EQ(source_.asked, 1U);
}

// More than the sink has been given is not counted, and never more than all.
TEST_F(QueryRunTest, ProgressNeverPassesTheTotal) {
    source_.add(1, 11);
    source_.add(11, 21);
    source_.add(21, 31);
    source_.total = 15;
    begin();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.told.front(), "0 of 15");
    EXPECT_EQ(sink_.told.back(), "15 of 15");
    EXPECT_EQ(run_->progress().records, 15U);
}

TEST_F(QueryRunTest, StepsWithoutRowsTellTheProgress) {
    source_.add(1, 11, std::vector<Scripted>(10));
    source_.add(11, 14);
    begin();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.sequences, sequences(11, 14));
    ASSERT_GE(sink_.told.size(), 2U);
    EXPECT_EQ(sink_.told.front(), "only 0 of 13");
    EXPECT_EQ(sink_.told.back(), "10 of 13");
}

// ---- how far ahead ----

TEST_F(QueryRunTest, TwoUnitsAreScannedAtATime) {
    std::vector<ScriptedUnit*> units;
    for (std::uint64_t i = 0; i < 5; ++i) {
        units.push_back(source_.add(1 + 10 * i, 11 + 10 * i));
    }
    sink_.blocked = true;
    begin();
    EXPECT_EQ(outcome(), "not done");
    EXPECT_EQ(source_.asked, 2U);
    EXPECT_EQ(units[0]->taken(), 10U);
    EXPECT_EQ(units[1]->taken(), 10U);
    EXPECT_EQ(units[2]->taken(), 0U);
    sink_.unblock();
    loop_.run_until_idle();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.sequences, sequences(1, 51));
    EXPECT_EQ(source_.asked, 6U);
}

// Eight steps a job; of what nobody has taken 32 at most.
TEST_F(QueryRunTest, UnitIsScannedSoManyStepsAhead) {
    const ScriptedUnit* first = source_.add(1, 101);
    const ScriptedUnit* second = source_.add(101, 201);
    sink_.blocked = true;
    begin();
    EXPECT_EQ(sink_.sequences, sequences(1, 9)) << "those of one job";
    EXPECT_EQ(first->taken(), 8U + 32U);
    EXPECT_EQ(second->taken(), 32U);
    sink_.unblock();
    loop_.run_until_idle();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.sequences, sequences(1, 201));
}

// 256 KiB a job; of what nobody has taken 1 MiB at most, and the job that reaches it.
TEST_F(QueryRunTest, UnitIsScannedSoManyBytesAhead) {
    const auto script = [](std::uint64_t first, std::size_t bytes) {
        std::vector<Scripted> steps;
        for (std::uint64_t i = 0; i < 40; ++i) {
            steps.push_back({.sequence = first + i, .bytes = bytes});
        }
        return steps;
    };
    const ScriptedUnit* first = source_.add(1, 41, script(1, 128U << 10U));
    const ScriptedUnit* second = source_.add(41, 81, script(41, (128U << 10U) - 8));
    sink_.blocked = true;
    begin();
    EXPECT_EQ(sink_.sequences, sequences(1, 3));
    EXPECT_EQ(first->taken(), 2U + 8U);
    EXPECT_EQ(second->taken(), 9U) << "three a job, and three jobs";
    sink_.unblock();
    loop_.run_until_idle();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.sequences, sequences(1, 81));
}

TEST_F(QueryRunTest, ScanStopsWhereTheResultIsComplete) {
    source_.add(1, 101);
    source_.add(101, 201);
    source_.add(201, 301);
    begin("* | head 3");
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(sink_.sequences, sequences(1, 4));
    EXPECT_EQ(source_.asked, 2U);
    EXPECT_EQ(run_->counters().pages, 3U) << "of those that were put together";
}

// ---- errors ----

TEST_F(QueryRunTest, DamagedUnitIsLeftOutFromThereOnAndCounted) {
    std::vector<Scripted> broken = {{.sequence = 1}, {.sequence = 2}, {.error = Error(Errc::corrupt, "a page")}};
    source_.add(1, 4, std::move(broken));
    source_.add(4, 7);
    std::vector<Scripted> unreadable;
    for (std::uint64_t sequence = 7; sequence < 17; ++sequence) {
        unreadable.push_back({.sequence = sequence});
    }
    unreadable.push_back({.error = Error(Errc::io_error, "the disk")});
    source_.add(7, 18, std::move(unreadable));
    source_.add(18, 20);
    source_.left_out = 3;
    begin();
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(run_->damaged(), 5U);  // Two units, and what the source had to leave out.
    std::vector<std::uint64_t> rest = sequences(1, 3);
    std::ranges::copy(sequences(4, 17), std::back_inserter(rest));
    std::ranges::copy(sequences(18, 20), std::back_inserter(rest));
    EXPECT_EQ(sink_.sequences, rest);
    EXPECT_EQ(run_->progress().records, 19U);
}

TEST_F(QueryRunTest, AnyOtherErrorOfAUnitEndsTheQuery) {
    for (const Errc code : {Errc::limit_exceeded, Errc::internal}) {
        source_ = Source();
        sink_.sequences.clear();
        source_.add(1, 3, {{.sequence = 1}, {.sequence = 2}});
        source_.add(3, 5, {{.sequence = 3}, {.error = Error(code, "no more")}});
        source_.add(5, 7);
        begin();
        EXPECT_EQ(outcome(), fmt::format("{}: no more", errc_name(code)));
        EXPECT_EQ(sink_.sequences, sequences(1, 4));
        EXPECT_EQ(run_->damaged(), 0U);
    }
}

TEST_F(QueryRunTest, ErrorOfTheSourceEndsTheQuery) {
    source_.failure = Error(Errc::cursor_lost, "gone");
    begin();
    EXPECT_EQ(outcome(), "cursor_lost: gone");
}

TEST_F(QueryRunTest, ErrorOfTheSinkEndsTheQuery) {
    source_.add(1, 101);
    source_.add(101, 201);
    sink_.failure = Error(Errc::closed, "nobody reads");
    begin();
    EXPECT_EQ(outcome(), "closed: nobody reads");
    EXPECT_EQ(sink_.sequences, sequences(1, 9));
    EXPECT_EQ(source_.asked, 2U);
}

TEST_F(QueryRunTest, CancelledQueryEndsWhereverItWaits) {
    const ScriptedUnit* first = source_.add(1, 101);
    sink_.blocked = true;
    begin();
    EXPECT_EQ(first->taken(), 40U);
    job_->cancel();
    loop_.run_until_idle();
    ASSERT_TRUE(job_->done());
    EXPECT_EQ(job_->result().error().code(), Errc::cancelled);
    EXPECT_EQ(used(), 0U);
}

// ---- memory ----

// The result counts for as long as the client takes to read it.
TEST_F(QueryRunTest, ResultIsChargedUntilItIsTaken) {
    source_.add(1, 11, newest_first(10));
    sink_.blocked = true;
    begin("* | tail 20");
    ASSERT_EQ(sink_.sequences, sequences(1, 11));
    const std::uint64_t held = used();
    EXPECT_EQ(held, 2 * 10 * 128U) << "what `tail` keeps, and the result";
    EXPECT_EQ(sink_.told.back(), "10 of 10");
    sink_.unblock();
    loop_.run_until_idle();
    EXPECT_EQ(outcome(), "");
    run_.reset();
    EXPECT_EQ(used(), 0U);
}

TEST_F(QueryRunTest, WhatCannotBeKeptUntilTheEndEndsTheQuery) {
    std::vector<Scripted> large = newest_first(10);
    for (Scripted& step : large) {
        step.bytes = 64U << 10U;
    }
    source_.add(1, 11, std::move(large));
    begin("* | tail 10", 400U << 10U);
    EXPECT_THAT(outcome(), testing::StartsWith("limit_exceeded: "));
    EXPECT_THAT(outcome(), testing::Not(HasSubstr("its result")));
    EXPECT_THAT(sink_.sequences, IsEmpty());
    run_.reset();
    EXPECT_EQ(used(), 0U);
}

TEST_F(QueryRunTest, ResultThatIsTooLargeIsNotGiven) {
    source_.add(1, 11, newest_first(10));
    begin("* | tail 10", 2 * 10 * 128 - 1);
    EXPECT_THAT(outcome(), HasSubstr("limit_exceeded: its result needs more than the"));
    EXPECT_THAT(sink_.sequences, IsEmpty());
    run_.reset();
    EXPECT_EQ(used(), 0U);
}

}  // namespace
}  // namespace sluice::server::test
