#include "coro/timeout.h"

#include <gtest/gtest.h>

#include <string>

#include "coro/sync.h"
#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

using namespace std::chrono_literals;

Task<Result<int>> value_after(Duration delay, int value) {
    SLUICE_CO_CHECK(co_await sleep_for(delay));
    co_return value;
}

// Ends successfully `late` after it was cancelled: the answer had already been on its way.
Task<Result<int>> value_in_spite(Duration late, int value) {
    Result<> slept = co_await sleep_for(1h);
    EXPECT_FALSE(slept);
    Result<> cleaned = co_await shield(sleep_for(late));
    EXPECT_TRUE(cleaned);
    co_return value;
}

Task<Result<int>> cancelled_slowly(Duration cleanup) {
    Result<> slept = co_await sleep_for(1h);
    Result<> cleaned = co_await shield(sleep_for(cleanup));
    EXPECT_TRUE(cleaned);
    EXPECT_FALSE(slept);
    co_return std::unexpected(std::move(slept).error());
}

TEST(Sleep, EndsAtItsTimeAndNotBefore) {
    TestLoop loop;
    Job<Result<>> job(loop.loop(), "job", sleep_for, Duration(10ms));
    loop.advance(10ms - 1ns);
    EXPECT_FALSE(job.done());
    loop.advance(1ns);
    ASSERT_TRUE(job.done());
    EXPECT_TRUE(job.result());
}

TEST(Sleep, SleepersWakeInTheOrderOfTheirDeadlines) {
    TestLoop loop;
    std::string trace;
    auto sleeper = [](Duration time, char letter, std::string& to) -> Task<> {
        Result<> slept = co_await sleep_for(time);
        EXPECT_TRUE(slept);
        to += letter;
    };
    Scope scope(loop, nullptr);
    scope.spawn("c", sleeper, Duration(3ms), 'c', std::ref(trace));
    scope.spawn("a", sleeper, Duration(1ms), 'a', std::ref(trace));
    scope.spawn("b", sleeper, Duration(2ms), 'b', std::ref(trace));
    loop.advance(5ms);
    EXPECT_EQ(trace, "abc");
}

TEST(Sleep, CancelledLeavesNoTimer) {
    TestLoop loop;
    Job<Result<>> job(loop.loop(), "job", sleep_for, Duration(10ms));
    EXPECT_TRUE(loop.loop().next_deadline());
    job.cancel();
    EXPECT_FALSE(loop.loop().next_deadline());
    loop.run_until_idle();
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
}

// The timer has fired, the coroutine is in the run queue, and only then comes the cancellation: too late.
TEST(Sleep, CancelledAfterItFiredIsASuccess) {
    TestLoop loop;
    auto cancel_at = [](Job<Result<>>*& victim) -> Task<int> {
        Result<> slept = co_await sleep_until(at(1ms));
        EXPECT_TRUE(slept);
        victim->cancel();
        co_return 0;
    };
    Job<Result<>>* victim = nullptr;
    Job<int> killer(loop.loop(), "killer", cancel_at, std::ref(victim));
    Job<Result<>> job(loop.loop(), "job", sleep_for, Duration(1ms));
    victim = &job;
    loop.advance(1ms);
    ASSERT_TRUE(killer.done());
    ASSERT_TRUE(job.done());
    EXPECT_TRUE(job.result());
}

TEST(Sleep, ForEverNeverFires) {
    TestLoop loop;
    loop.clock().advance(1h);
    Job<Result<>> job(loop.loop(), "job", sleep_for, Duration::max());
    loop.advance(24h * 365);
    EXPECT_FALSE(job.done());
    job.cancel();
    loop.run_until_idle();
    EXPECT_TRUE(job.done());
}

TEST(Timeout, InTimeGivesTheValueAndDisarms) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> { co_return co_await with_timeout(10ms, value_after(5ms, 7)); };
    EXPECT_EQ(run(loop, body).value(), 7);
    EXPECT_EQ(loop.clock().now(), at(5ms));  // No timer was left to run through.
}

TEST(Timeout, TooLateIsDeadlineExceededAndTheTaskIsAwaited) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> { co_return co_await with_timeout(10ms, cancelled_slowly(3ms)); };
    EXPECT_EQ(code_of(run(loop, body)), Errc::deadline_exceeded);
    EXPECT_EQ(loop.clock().now(), at(13ms));
}

TEST(Timeout, ResultThatExistsIsNotThrownAway) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> { co_return co_await with_timeout(10ms, value_in_spite(3ms, 9)); };
    EXPECT_EQ(run(loop, body).value(), 9);
}

TEST(Timeout, ErrorOfTheTaskIsKept) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> {
        auto failing = []() -> Task<Result<int>> {
            Result<> slept = co_await sleep_for(1h);
            EXPECT_FALSE(slept);
            co_return fail(Errc::no_space, "full");
        };
        co_return co_await with_timeout(10ms, failing());
    };
    EXPECT_EQ(code_of(run(loop, body)), Errc::no_space);
}

TEST(Timeout, DeadlineInThePastStillLetsTheTaskFinishAtOnce) {
    TestLoop loop;
    loop.clock().advance(1s);
    auto body = [](bool suspends) -> Task<Result<int>> {
        auto task = [](bool s) -> Task<Result<int>> {
            if (s) {
                SLUICE_CO_CHECK(co_await sleep_for(1ms));
            }
            co_return 3;
        };
        co_return co_await with_deadline(at(1ms), task(suspends));
    };
    EXPECT_EQ(run(loop, body, false).value(), 3);
    EXPECT_EQ(code_of(run(loop, body, true)), Errc::deadline_exceeded);
    EXPECT_EQ(loop.clock().now(), at(1s));
}

TEST(Timeout, OuterCancelStaysCancelled) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> { co_return co_await with_timeout(10ms, cancelled_slowly(0ns)); };
    Job<Result<int>> job(loop.loop(), "job", body);
    loop.advance(5ms);
    job.cancel();
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
}

// The deadline passes while the cancelled task still cleans up.
TEST(Timeout, OuterCancelStaysCancelledAlsoWhenTheDeadlinePassesDuringCleanUp) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> { co_return co_await with_timeout(10ms, cancelled_slowly(20ms)); };
    Job<Result<int>> job(loop.loop(), "job", body);
    loop.advance(5ms);
    job.cancel();
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
    EXPECT_EQ(loop.clock().now(), at(25ms));
}

// Says which of two nested deadlines its inner task saw: i(nner), o(uter) or n(one).
Task<Result<char>> nested(Duration outer, Duration inner, Duration work) {
    auto middle = [](Duration limit, Duration time) -> Task<Result<char>> {
        Result<int> result = co_await with_timeout(limit, value_after(time, 1));
        if (result) {
            co_return 'n';
        }
        if (result.error().code() == Errc::deadline_exceeded) {
            co_return 'i';
        }
        co_return std::unexpected(std::move(result).error());
    };
    Result<char> seen = co_await with_timeout(outer, middle(inner, work));
    if (!seen && seen.error().code() == Errc::deadline_exceeded) {
        co_return 'o';
    }
    co_return std::move(seen);
}

TEST(Timeout, NestedDeadlinesTellWhichOnePassed) {
    TestLoop loop;
    EXPECT_EQ(run(loop, nested, Duration(10ms), Duration(20ms), Duration(30ms)).value(), 'o');
    EXPECT_EQ(run(loop, nested, Duration(20ms), Duration(10ms), Duration(30ms)).value(), 'i');
    EXPECT_EQ(run(loop, nested, Duration(20ms), Duration(30ms), Duration(10ms)).value(), 'n');
}

TEST(Shield, LetsNoCancellationThrough) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> {
        Result<int> shielded = co_await shield(value_after(10ms, 5));
        Result<> after = co_await sleep_for(1ms);
        EXPECT_EQ(code_of(after), Errc::cancelled);  // The cancellation was kept for whoever asks next.
        co_return std::move(shielded);
    };
    Job<Result<int>> job(loop.loop(), "job", body);
    loop.run_until_idle();
    job.cancel();
    loop.run_until_idle();
    EXPECT_FALSE(job.done());
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(job.result().value(), 5);
}

TEST(Shield, DeadlineInsideStillWorks) {
    TestLoop loop;
    auto body = []() -> Task<Result<int>> {
        auto limited = []() -> Task<Result<int>> { co_return co_await with_timeout(5ms, value_after(1h, 5)); };
        co_return co_await shield(limited());
    };
    Job<Result<int>> job(loop.loop(), "job", body);
    job.cancel();
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::deadline_exceeded);
}

TEST(Yield, LetsOthersRunFirst) {
    TestLoop loop;
    std::string trace;
    auto body = [](char letter, std::string& to) -> Task<> {
        for (int i = 0; i < 3; ++i) {
            to += letter;
            co_await yield();
        }
    };
    Scope scope(loop, nullptr);
    scope.spawn("a", body, 'a', std::ref(trace));
    scope.spawn("b", body, 'b', std::ref(trace));
    loop.run_until_idle();
    EXPECT_EQ(trace, "ababab");
}

}  // namespace
}  // namespace sluice::coro
