#include "coro/scope.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "coro/sync.h"
#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

using namespace std::chrono_literals;

// Waits until cancelled, then takes `cleanup` longer, and says so.
Task<Result<>> linger(std::string& trace, char letter, Duration cleanup) {
    Result<> waited = co_await sleep_for(1h);
    if (cleanup > 0ns) {
        Result<> cleaned = co_await shield(sleep_for(cleanup));
        EXPECT_TRUE(cleaned);
    }
    trace += letter;
    co_return std::move(waited);
}

Task<Result<>> fail_after(Duration delay, Errc code) {
    Result<> slept = co_await sleep_for(delay);
    if (!slept) {
        co_return std::move(slept);
    }
    co_return fail(code, "planned");
}

TEST(Scope, LeavingItCancelsAndAwaitsEveryChild) {
    TestLoop loop;
    std::string trace;
    auto body = [](Scope& scope, std::string& to) -> Task<Result<int>> {
        scope.spawn("a", linger, std::ref(to), 'a', 5ms);
        scope.spawn("b", linger, std::ref(to), 'b', 1ms);
        Result<> slept = co_await sleep_for(1s);
        EXPECT_TRUE(slept);
        to += '|';
        co_return 42;
    };
    auto outer = [](auto inner, std::string& to) -> Task<Result<int>> {
        Result<int> result = co_await with_scope(+inner, std::ref(to));
        to += '.';
        co_return std::move(result);
    };
    EXPECT_EQ(run(loop, outer, body, std::ref(trace)).value(), 42);
    EXPECT_EQ(trace, "|ba.");
    EXPECT_EQ(loop.clock().now(), at(1s + 5ms));
}

TEST(Scope, FailedChildCancelsSiblingsAndBodyAndIsTheResult) {
    TestLoop loop;
    std::string trace;
    auto body = [](Scope& scope, std::string& to) -> Task<Result<int>> {
        scope.spawn("sibling", linger, std::ref(to), 's', 0ns);
        scope.spawn("failing", fail_after, Duration(10ms), Errc::no_space);
        Result<> slept = co_await sleep_for(1h);
        EXPECT_EQ(code_of(slept), Errc::cancelled);
        to += 'b';
        co_return std::unexpected(std::move(slept).error());
    };
    auto outer = [](auto inner, std::string& to) -> Task<Result<int>> {
        co_return co_await with_scope(+inner, std::ref(to));
    };
    EXPECT_EQ(code_of(run(loop, outer, body, std::ref(trace))), Errc::no_space);
    EXPECT_EQ(trace, "sb");
    EXPECT_EQ(loop.clock().now(), at(10ms));
}

TEST(Scope, ErrorOfBodyThatFailedFirstIsTheResult) {
    TestLoop loop;
    auto body = [](Scope& scope) -> Task<Result<int>> {
        auto spoil = []() -> Task<Result<>> {
            Result<> slept = co_await sleep_for(1h);
            EXPECT_FALSE(slept);
            co_return fail(Errc::closed, "a consequence, not the cause");
        };
        scope.spawn("spoil", spoil);
        co_return fail(Errc::corrupt, "the cause");
    };
    auto outer = [](auto inner) -> Task<Result<int>> { co_return co_await with_scope(+inner); };
    EXPECT_EQ(code_of(run(loop, outer, body)), Errc::corrupt);
}

TEST(Scope, ErrorOfChildIsNotLostWhenBodyWasCancelled) {
    TestLoop loop;
    auto body = [](Scope& scope) -> Task<Result<int>> {
        auto flush = []() -> Task<Result<>> {
            Result<> slept = co_await sleep_for(1h);
            EXPECT_FALSE(slept);
            co_return fail(Errc::io_error, "the last flush failed");
        };
        scope.spawn("flush", flush);
        SLUICE_CO_CHECK(co_await sleep_for(1h));
        co_return 1;
    };
    auto outer = [](auto inner) -> Task<Result<int>> { co_return co_await with_scope(+inner); };
    Job<Result<int>> job(loop.loop(), "outer", outer, body);
    loop.run_until_idle();
    ASSERT_FALSE(job.done());
    job.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::io_error);
}

TEST(Scope, FirstErrorOfSeveralWins) {
    TestLoop loop;
    Scope scope(loop, nullptr);
    scope.spawn("late", fail_after, Duration(20ms), Errc::closed);
    scope.spawn("early", fail_after, Duration(10ms), Errc::io_error);
    loop.run_through();
    ASSERT_EQ(scope.running(), 0U);
    ASSERT_TRUE(scope.error());
    EXPECT_EQ(scope.error()->code(), Errc::io_error);
    EXPECT_TRUE(scope.cancelled());
}

TEST(Scope, CancelledChildOfACancelledScopeIsNoError) {
    TestLoop loop;
    Scope scope(loop, nullptr);
    scope.spawn("child", fail_after, Duration(1h), Errc::io_error);
    scope.cancel();
    loop.run_until_idle();
    EXPECT_EQ(scope.running(), 0U);
    EXPECT_FALSE(scope.error());
}

TEST(Scope, ChildStartsAtOnceAndRunsToItsFirstSuspension) {
    TestLoop loop;
    std::string trace;
    Scope scope(loop, nullptr);
    auto child = [](std::string& to) -> Task<> {
        to += '1';
        co_await yield();
        to += '2';
    };
    scope.spawn("child", child, std::ref(trace));
    EXPECT_EQ(trace, "1");
    EXPECT_EQ(scope.running(), 1U);
    loop.run_until_idle();
    EXPECT_EQ(trace, "12");
    EXPECT_EQ(scope.running(), 0U);
}

TEST(Scope, SpawnCopiesItsArguments) {
    TestLoop loop;
    std::string seen;
    Scope scope(loop, nullptr);
    auto child = [](const std::string& text, std::unique_ptr<int> number, std::string& to) -> Task<> {
        co_await yield();
        to = text + std::to_string(*number);
    };
    {
        std::string text = "a text that does not fit into the string object itself ";
        scope.spawn("child", child, text, std::make_unique<int>(7), std::ref(seen));
        text.assign(text.size(), 'x');
    }
    loop.run_until_idle();
    EXPECT_EQ(seen, "a text that does not fit into the string object itself 7");
}

TEST(Scope, ChildOfACancelledScopeStartsCancelled) {
    TestLoop loop;
    Scope scope(loop, nullptr);
    scope.cancel();
    std::optional<Errc> seen;
    auto child = [](std::optional<Errc>& to) -> Task<> {
        Result<> slept = co_await sleep_for(1h);
        to = code_of(slept);
    };
    scope.spawn("child", child, std::ref(seen));
    EXPECT_EQ(seen, Errc::cancelled);
    EXPECT_EQ(scope.running(), 0U);
}

TEST(Scope, CancellationReachesNestedScopes) {
    TestLoop loop;
    std::string trace;
    auto inner = [](Scope& scope, std::string& to) -> Task<Result<int>> {
        scope.spawn("grandchild", linger, std::ref(to), 'g', 2ms);
        SLUICE_CO_CHECK(co_await sleep_for(1h));
        co_return 1;
    };
    auto nest = [](auto body, std::string& to) -> Task<Result<int>> {
        Result<int> result = co_await with_scope(+body, std::ref(to));
        to += 'n';
        co_return std::move(result);
    };
    Job<Result<int>> job(loop.loop(), "nest", nest, inner, std::ref(trace));
    loop.run_until_idle();
    job.cancel();
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(trace, "gn");
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
}

// A handler that outlives the last child may spawn between that child's end and the joiner's turn.
TEST(Scope, JoinSeesAChildSpawnedAfterTheLastOneEnded) {
    TestLoop loop;
    std::string trace;
    Scope scope(loop, nullptr);
    auto child = [](Duration time, char letter, std::string& to) -> Task<> {
        Result<> slept = co_await sleep_for(time);
        EXPECT_TRUE(slept);
        to += letter;
    };
    auto join = [](Scope& s, std::string& to) -> Task<int> {
        co_await s.join();
        EXPECT_EQ(s.running(), 0U);
        to += 'j';
        co_return 0;
    };
    auto stranger = [](Scope& s, auto fn, std::string& to) -> Task<int> {
        Result<> slept = co_await sleep_until(at(1ms));
        EXPECT_TRUE(slept);
        s.spawn("late", fn, Duration(1ms), 'b', std::ref(to));
        co_return 0;
    };
    scope.spawn("first", child, Duration(1ms), 'a', std::ref(trace));
    Job<int> joining(loop.loop(), "join", join, std::ref(scope), std::ref(trace));
    Job<int> spawning(loop.loop(), "stranger", stranger, std::ref(scope), child, std::ref(trace));
    loop.run_through();
    EXPECT_TRUE(joining.done());
    EXPECT_EQ(trace, "abj");
}

TEST(Scope, ManyChildrenAllEnd) {
    TestLoop loop;
    int ended = 0;
    Scope scope(loop, nullptr);
    auto child = [](int i, int& count) -> Task<> {
        Result<> slept = co_await sleep_for(Duration(std::chrono::microseconds(i * 7919 % 1000)));
        EXPECT_TRUE(slept);
        ++count;
    };
    for (int i = 0; i < 10'000; ++i) {
        scope.spawn("child", child, i, std::ref(ended));
    }
    EXPECT_EQ(scope.running(), 10'000U);  // Also those that sleep for no time wait for their turn.
    loop.run_through();
    EXPECT_EQ(ended, 10'000);
}

TEST(Job, CancelReachesTheTask) {
    TestLoop loop;
    auto wait = []() -> Task<Result<>> { co_return co_await sleep_for(1h); };
    Job<Result<>> job(loop.loop(), "job", wait);
    loop.run_until_idle();
    EXPECT_FALSE(job.done());
    job.cancel();
    EXPECT_FALSE(job.done());  // Asked; it ends in its own turn.
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
}

}  // namespace
}  // namespace sluice::coro
