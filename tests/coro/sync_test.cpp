#include "coro/sync.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

using namespace std::chrono_literals;

Task<Result<>> take(Semaphore& semaphore, std::size_t units) {
    co_return co_await semaphore.acquire(units);
}

TEST(Semaphore, TakesAtOnceWhatIsThere) {
    TestLoop loop;
    Semaphore semaphore(3);
    Job<Result<>> job(loop.loop(), "a", take, std::ref(semaphore), std::size_t{2});
    ASSERT_TRUE(job.done());
    EXPECT_TRUE(job.result());
    EXPECT_EQ(semaphore.available(), 1U);
    EXPECT_FALSE(semaphore.try_acquire(2));
    EXPECT_TRUE(semaphore.try_acquire(1));
}

// A small request behind a large one would otherwise starve it for ever.
TEST(Semaphore, SmallRequestDoesNotOvertakeTheHead) {
    TestLoop loop;
    Semaphore semaphore(2);
    ASSERT_TRUE(semaphore.try_acquire(1));
    Job<Result<>> large(loop.loop(), "large", take, std::ref(semaphore), std::size_t{2});
    Job<Result<>> small(loop.loop(), "small", take, std::ref(semaphore), std::size_t{1});
    loop.run_until_idle();
    EXPECT_FALSE(large.done());
    EXPECT_FALSE(small.done());
    EXPECT_FALSE(semaphore.try_acquire(1));  // Nor does a passer-by.
    semaphore.release(1);
    loop.run_until_idle();
    EXPECT_TRUE(large.done());
    EXPECT_FALSE(small.done());
    semaphore.release(2);
    loop.run_until_idle();
    EXPECT_TRUE(small.done());
    EXPECT_EQ(semaphore.available(), 1U);
}

TEST(Semaphore, MixedUnitsAreServedInOrder) {
    TestLoop loop;
    Semaphore semaphore(0);
    const std::vector<std::size_t> asks{3, 1, 2, 5, 1, 1, 4};
    std::deque<Job<Result<>>> jobs;
    for (const std::size_t units : asks) {
        jobs.emplace_back(loop.loop(), "job", take, std::ref(semaphore), units);
    }
    std::size_t given = 0;
    std::size_t needed = 0;
    for (std::size_t next = 0; next < asks.size();) {
        needed += asks[next];
        for (; given < needed; ++given) {
            EXPECT_FALSE(jobs[next].done());
            semaphore.release(1);
            loop.run_until_idle();
        }
        EXPECT_TRUE(jobs[next].done()) << next;
        ++next;
        for (std::size_t later = next; later < asks.size(); ++later) {
            EXPECT_FALSE(jobs[later].done());
        }
    }
    EXPECT_EQ(semaphore.available(), 0U);
}

TEST(Semaphore, CancelledHeadLetsTheNextOnesIn) {
    TestLoop loop;
    Semaphore semaphore(2);
    Job<Result<>> head(loop.loop(), "head", take, std::ref(semaphore), std::size_t{5});
    Job<Result<>> second(loop.loop(), "second", take, std::ref(semaphore), std::size_t{1});
    Job<Result<>> third(loop.loop(), "third", take, std::ref(semaphore), std::size_t{1});
    loop.run_until_idle();
    EXPECT_FALSE(second.done());
    head.cancel();
    loop.run_until_idle();
    EXPECT_EQ(code_of(head.result()), Errc::cancelled);
    EXPECT_TRUE(second.done());
    EXPECT_TRUE(third.done());
    EXPECT_EQ(semaphore.available(), 0U);
}

// The units were handed over before the cancellation: the waiter holds them, and must be told so.
TEST(Semaphore, ReleasedThenCancelledBeforeItRunsHoldsTheUnits) {
    TestLoop loop;
    Semaphore semaphore(0);
    Job<Result<>> job(loop.loop(), "job", take, std::ref(semaphore), std::size_t{1});
    loop.run_until_idle();
    semaphore.release(1);
    job.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_TRUE(job.result());
    EXPECT_EQ(semaphore.available(), 0U);
    semaphore.release(1);
    EXPECT_EQ(semaphore.available(), 1U);
}

// Both are cancelled by one cancel(): the head's going must not lose units in the second, which is about to go as well.
TEST(Semaphore, CancellingHeadAndFollowerTogetherLosesNoUnits) {
    TestLoop loop;
    Semaphore semaphore(1);
    Scope scope(loop, nullptr);
    auto holder = [](Semaphore& s, std::size_t units) -> Task<> {
        Result<> taken = co_await s.acquire(units);
        if (taken) {
            const Units held(s, units);
            co_await yield();
        }
    };
    scope.spawn("head", holder, std::ref(semaphore), std::size_t{2});
    scope.spawn("follower", holder, std::ref(semaphore), std::size_t{1});
    loop.run_until_idle();
    scope.cancel();
    loop.run_until_idle();
    EXPECT_EQ(scope.running(), 0U);
    EXPECT_EQ(semaphore.available(), 1U);
}

TEST(Semaphore, CancelledScopeDoesNotWait) {
    TestLoop loop;
    Semaphore semaphore(0);
    Scope scope(loop, nullptr);
    scope.cancel();
    auto child = [](Semaphore& s) -> Task<> {
        Result<> taken = co_await s.acquire();
        EXPECT_EQ(code_of(taken), Errc::cancelled);
    };
    scope.spawn("child", child, std::ref(semaphore));
    EXPECT_EQ(scope.running(), 0U);
}

TEST(Mutex, AdmitsOneAtATimeInOrder) {
    TestLoop loop;
    Mutex mutex;
    std::string trace;
    auto body = [](Mutex& m, char letter, std::string& to) -> Task<Result<>> {
        SLUICE_CO_TRY(auto lock, co_await m.lock());
        to += letter;
        SLUICE_CO_CHECK(co_await sleep_for(1ms));
        to += letter;
        co_return Result<>{};
    };
    Scope scope(loop, nullptr);
    for (const char letter : std::string("abcd")) {
        scope.spawn("locker", body, std::ref(mutex), letter, std::ref(trace));
    }
    loop.run_through();
    EXPECT_EQ(trace, "aabbccdd");
}

TEST(Mutex, CancelledWaiterLeavesTheQueue) {
    TestLoop loop;
    Mutex mutex;
    std::string trace;
    auto body = [](Mutex& m, Duration time, char letter, std::string& to) -> Task<Result<>> {
        SLUICE_CO_TRY(auto lock, co_await m.lock());
        SLUICE_CO_CHECK(co_await sleep_for(time));
        to += letter;
        co_return Result<>{};
    };
    Job<Result<>> a(loop.loop(), "a", body, std::ref(mutex), Duration(2ms), 'a', std::ref(trace));
    Job<Result<>> b(loop.loop(), "b", body, std::ref(mutex), Duration(2ms), 'b', std::ref(trace));
    Job<Result<>> c(loop.loop(), "c", body, std::ref(mutex), Duration(2ms), 'c', std::ref(trace));
    loop.advance(1ms);
    b.cancel();
    loop.run_through();
    EXPECT_EQ(trace, "ac");
    EXPECT_EQ(code_of(b.result()), Errc::cancelled);
}

// The lock was handed to the waiter, whose scope is then cancelled before it runs: the lock must not stay taken.
TEST(Mutex, HandedOverThenCancelledIsUnlockedAgain) {
    TestLoop loop;
    Mutex mutex;
    auto hold = [](Mutex& m, Event& until) -> Task<Result<>> {
        SLUICE_CO_TRY(auto lock, co_await m.lock());
        SLUICE_CO_CHECK(co_await until.wait());
        co_return Result<>{};
    };
    Event first;
    Event second;
    second.set();
    Job<Result<>> a(loop.loop(), "a", hold, std::ref(mutex), std::ref(first));
    Job<Result<>> b(loop.loop(), "b", hold, std::ref(mutex), std::ref(second));
    loop.run_until_idle();
    a.cancel();
    loop.loop().run_ready(1);  // a ends and hands over; b is in the run queue.
    EXPECT_TRUE(a.done());
    b.cancel();
    loop.run_until_idle();
    EXPECT_TRUE(b.done());
    Job<Result<>> c(loop.loop(), "c", hold, std::ref(mutex), std::ref(second));
    EXPECT_TRUE(c.done());
}

TEST(Event, WakesAllAndStaysSet) {
    TestLoop loop;
    Event event;
    auto wait = [](Event& e) -> Task<Result<>> { co_return co_await e.wait(); };
    Job<Result<>> a(loop.loop(), "a", wait, std::ref(event));
    Job<Result<>> b(loop.loop(), "b", wait, std::ref(event));
    loop.run_until_idle();
    EXPECT_FALSE(a.done());
    event.set();
    loop.run_until_idle();
    EXPECT_TRUE(a.done());
    EXPECT_TRUE(b.done());
    Job<Result<>> late(loop.loop(), "late", wait, std::ref(event));
    EXPECT_TRUE(late.done());
    event.reset();
    Job<Result<>> again(loop.loop(), "again", wait, std::ref(event));
    loop.run_until_idle();
    EXPECT_FALSE(again.done());
    again.cancel();
    loop.run_until_idle();
    EXPECT_EQ(code_of(again.result()), Errc::cancelled);
}

TEST(Event, SetAndResetBeforeTheWaiterRunsStillWakesIt) {
    TestLoop loop;
    Event event;
    auto wait = [](Event& e) -> Task<Result<>> { co_return co_await e.wait(); };
    Job<Result<>> job(loop.loop(), "job", wait, std::ref(event));
    event.set();
    event.reset();
    job.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_TRUE(job.result());
}

}  // namespace
}  // namespace sluice::coro
