#include "coro/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "coro/sync.h"
#include "coro/test_loop.h"
#include "sanitizer.h"

namespace sluice::coro {
namespace {

Task<int> immediately(int value) {
    co_return value;
}

Task<int> after_yield(int value) {
    co_await yield();
    co_return value;
}

Task<> count_up(int& counter) {
    ++counter;
    co_return;
}

TEST(Task, DoesNotRunUntilAwaited) {
    TestLoop loop;
    int runs = 0;
    auto body = [](int& counter) -> Task<int> {
        const Task<> never_awaited = count_up(counter);
        EXPECT_EQ(counter, 0);
        Task<> awaited = count_up(counter);
        EXPECT_EQ(counter, 0);
        co_await awaited;
        co_return counter;
    };
    EXPECT_EQ(run(loop, body, std::ref(runs)), 1);
    EXPECT_EQ(runs, 1);
}

TEST(Task, ReturnsMoveOnlyValue) {
    TestLoop loop;
    auto make = [](int value, bool suspends) -> Task<std::unique_ptr<int>> {
        if (suspends) {
            co_await yield();
        }
        co_return std::make_unique<int>(value);
    };
    auto direct = run(loop, make, 7, false);
    auto suspended = run(loop, make, 8, true);
    EXPECT_EQ(*direct, 7);
    EXPECT_EQ(*suspended, 8);
}

TEST(Task, ConvertsErrorAndValueToResult) {
    TestLoop loop;
    auto body = [](bool fails) -> Task<Result<std::string>> {
        if (fails) {
            co_return fail(Errc::not_found, "no {}", "page");
        }
        co_return "page";
    };
    EXPECT_EQ(run(loop, body, false).value(), "page");
    auto failed = run(loop, body, true);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().text(), "no page");
}

TEST(Task, EndsBeforeItsAwaiterGoesOn) {
    TestLoop loop;
    std::string trace;
    struct Mark {
        Mark(std::string& to, char c) : trace(to), letter(c) {}
        Mark(const Mark&) = delete;
        ~Mark() { trace += letter; }
        std::string& trace;
        char letter;
    };
    auto child = [](std::string& to) -> Task<> {
        const Mark mark(to, 'c');
        co_await yield();
    };
    auto body = [child](std::string& to) { return child(to); };  // Not a coroutine.
    auto parent = [](auto inner, std::string& to) -> Task<int> {
        co_await inner(to);
        to += 'p';
        co_return 0;
    };
    run(loop, parent, body, std::ref(trace));
    EXPECT_EQ(trace, "cp");
}

TEST(Task, InheritsTheNameAndLoopOfItsAwaiter) {
    TestLoop loop;
    auto inner = []() -> Task<Context> {
        Context& context = co_await this_context();
        co_return context;
    };
    const Context context = run(loop, inner);
    EXPECT_EQ(context.loop, &loop.loop());
    EXPECT_STREQ(context.name, "test");
    EXPECT_NE(context.cancel, nullptr);
}

// Symmetric transfer overflows the stack here at -O0, -O1, with ASan and with TSan.
TEST(Task, ThreeMillionAwaitsOfAFinishedLeafKeepTheStackFlat) {
    TestLoop loop;
    auto body = []() -> Task<long> {
        long sum = 0;
        for (int i = 0; i < 3'000'000; ++i) {
            sum += co_await immediately(1);
        }
        co_return sum;
    };
    EXPECT_EQ(run(loop, body), 3'000'000);
}

TEST(Task, ThreeMillionAwaitsOfASuspendingLeafKeepTheStackFlat) {
    TestLoop loop;
    auto body = []() -> Task<long> {
        long sum = 0;
        for (int i = 0; i < 3'000'000; ++i) {
            sum += co_await after_yield(1);
        }
        co_return sum;
    };
    EXPECT_EQ(run(loop, body), 3'000'000);
}

// The way down nests like ordinary calls do; the way up, after a suspension at the bottom, must not.
Task<int> depth(int n, bool suspends) {
    if (n == 0) {
        if (suspends) {
            co_await yield();
        }
        co_return 0;
    }
    const int below = co_await depth(n - 1, suspends);
    co_return below + 1;
}

TEST(Task, RecursesThousandsDeep) {
    constexpr int kDeep = sluice::test::kAddressSanitizer ? 2'000 : 10'000;
    TestLoop loop;
    EXPECT_EQ(run(loop, depth, kDeep, false), kDeep);
    EXPECT_EQ(run(loop, depth, kDeep, true), kDeep);
}

TEST(TaskDeathTest, DestroyedWhileItWaitsAborts) {
    auto die = [] {
        TestLoop loop;
        // The scope dies with its child still waiting for ever.
        Event event;
        auto wait = [](Event& e) -> Task<> {
            Result<> ignored = co_await e.wait();
            EXPECT_TRUE(ignored);
        };
        Scope scope(loop, nullptr);
        scope.spawn("waiter", wait, std::ref(event));
    };
    EXPECT_DEATH(die(), "a scope is destroyed with 1 tasks running");
}

}  // namespace
}  // namespace sluice::coro
