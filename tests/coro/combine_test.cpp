#include "coro/combine.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

using namespace std::chrono_literals;

struct Trace {
    std::string text;
    int running = 0;
    int running_max = 0;
};

// Takes `delay`; when cancelled, `cleanup` more.  Leaves its letter when it ends: upper case if it was cancelled.
Task<Result<int>> value_after(Duration delay, int value, Trace& trace, char letter, Duration cleanup = 0ns) {
    Result<> slept = co_await sleep_for(delay);
    if (!slept) {
        Result<> cleaned = co_await shield(sleep_for(cleanup));
        EXPECT_TRUE(cleaned);
        trace.text += static_cast<char>(std::toupper(letter));
        co_return std::unexpected(std::move(slept).error());
    }
    trace.text += letter;
    co_return value;
}

Task<Result<int>> error_after(Duration delay, Errc code, Trace& trace, char letter) {
    Result<int> value = co_await value_after(delay, 0, trace, letter);
    if (!value) {
        co_return std::move(value);
    }
    co_return fail(code, "planned");
}

TEST(WhenAll, GivesEveryValueInTheTimeOfTheSlowest) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<std::string>> {
        auto text = [](Trace& t) -> Task<Result<std::unique_ptr<std::string>>> {
            Result<int> value = co_await value_after(2ms, 0, t, 's');
            EXPECT_TRUE(value);
            co_return std::make_unique<std::string>("text");
        };
        auto all = co_await when_all(value_after(3ms, 5, to, 'a'), text(to), value_after(1ms, 6, to, 'b'));
        if (!all) {
            co_return std::unexpected(std::move(all).error());
        }
        auto& [a, s, b] = *all;
        co_return fmt::format("{} {} {}", a, *s, b);
    };
    EXPECT_EQ(run(loop, body, std::ref(trace)).value(), "5 text 6");
    EXPECT_EQ(trace.text, "bsa");
    EXPECT_EQ(loop.clock().now(), at(3ms));
}

TEST(WhenAll, FirstErrorCancelsAndAwaitsTheOthers) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto all = co_await when_all(value_after(1h, 1, to, 'a', 4ms), error_after(10ms, Errc::no_space, to, 'e'),
                                     value_after(1ms, 2, to, 'b'), error_after(20ms, Errc::closed, to, 'f'));
        to.text += '.';
        if (!all) {
            co_return std::unexpected(std::move(all).error());
        }
        co_return 0;
    };
    EXPECT_EQ(code_of(run(loop, body, std::ref(trace))), Errc::no_space);
    EXPECT_EQ(trace.text, "beFA.");
    EXPECT_EQ(loop.clock().now(), at(14ms));
}

TEST(WhenAll, ErrorAtOnceStartsTheRestCancelled) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto now = []() -> Task<Result<int>> { co_return fail(Errc::malformed, "at once"); };
        auto all = co_await when_all(now(), value_after(1h, 1, to, 'a'));
        co_return std::unexpected(std::move(all).error());
    };
    EXPECT_EQ(code_of(run(loop, body, std::ref(trace))), Errc::malformed);
    EXPECT_EQ(trace.text, "A");
    EXPECT_EQ(loop.clock().now(), at(0ns));
}

TEST(WhenAll, CancelledFromOutsideAwaitsAllAndIsCancelled) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto all = co_await when_all(value_after(1h, 1, to, 'a', 3ms), value_after(1h, 1, to, 'b', 1ms));
        co_return std::unexpected(std::move(all).error());
    };
    Job<Result<int>> job(loop.loop(), "job", body, std::ref(trace));
    loop.run_until_idle();
    job.cancel();
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
    EXPECT_EQ(trace.text, "BA");
}

TEST(WhenAllResults, GivesErrorsToo) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<int> {
        auto ok = []() -> Task<Result<>> { co_return Result<>{}; };
        auto [a, b, c] =
            co_await when_all_results(error_after(1ms, Errc::closed, to, 'e'), value_after(5ms, 7, to, 'v'), ok());
        EXPECT_EQ(code_of(a), Errc::closed);
        EXPECT_EQ(b.value(), 7);
        EXPECT_TRUE(c);
        co_return 0;
    };
    run(loop, body, std::ref(trace));
    EXPECT_EQ(trace.text, "ev");
}

TEST(WhenAny, FirstSuccessCancelsAndAwaitsTheLosers) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto any = co_await when_any(value_after(1h, 1, to, 'a', 5ms), error_after(1ms, Errc::closed, to, 'e'),
                                     value_after(3ms, 2, to, 'w'), value_after(4ms, 3, to, 'l'));
        to.text += '.';
        EXPECT_EQ(any->first, 2U);
        co_return any->second;
    };
    EXPECT_EQ(run(loop, body, std::ref(trace)).value(), 2);
    EXPECT_EQ(trace.text, "ewLA.");
    EXPECT_EQ(loop.clock().now(), at(8ms));
}

TEST(WhenAny, AllFailedGivesTheErrorOfTheFirstTask) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto any =
            co_await when_any(error_after(2ms, Errc::io_error, to, 'a'), error_after(1ms, Errc::closed, to, 'b'));
        co_return std::unexpected(std::move(any).error());
    };
    EXPECT_EQ(code_of(run(loop, body, std::ref(trace))), Errc::io_error);
    EXPECT_EQ(trace.text, "ba");
}

TEST(WhenAny, TwoSuccessesInOneTurnGiveTheFirst) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto any = co_await when_any(value_after(1ms, 1, to, 'a'), value_after(1ms, 2, to, 'b'));
        co_return any->second;
    };
    const Result<int> winner = run(loop, body, std::ref(trace));
    EXPECT_EQ(winner.value(), trace.text == "ab" ? 1 : 2);
}

TEST(WhenAny, CancelledFromOutsideIsCancelled) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto any = co_await when_any(value_after(1h, 1, to, 'a'), value_after(1h, 2, to, 'b'));
        co_return std::unexpected(std::move(any).error());
    };
    Job<Result<int>> job(loop.loop(), "job", body, std::ref(trace));
    loop.run_until_idle();
    job.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
    EXPECT_EQ(trace.text, "AB");
}

constexpr auto kSucceeds = Errc{};

Task<Result<>> tracked(Duration time, Errc fails_with, Trace& trace) {
    ++trace.running;
    trace.running_max = std::max(trace.running_max, trace.running);
    Result<> slept = co_await sleep_for(time);
    --trace.running;
    trace.text += slept ? '.' : 'x';
    if (slept && fails_with != kSucceeds) {
        co_return fail(fails_with, "planned");
    }
    co_return std::move(slept);
}

std::vector<int> numbers(int n) {
    std::vector<int> list;
    for (int i = 0; i < n; ++i) {
        list.push_back(i);
    }
    return list;
}

TEST(ForEach, NeverRunsMoreThanTheLimit) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<>> {
        const std::vector<int> items = numbers(100);
        auto visit = [&to](int i) { return tracked(Duration(std::chrono::milliseconds(i * 37 % 11)), kSucceeds, to); };
        co_return co_await for_each(items, 7, visit);
    };
    EXPECT_TRUE(run(loop, body, std::ref(trace)));
    EXPECT_EQ(trace.running_max, 7);
    EXPECT_EQ(trace.running, 0);
    EXPECT_EQ(trace.text, std::string(100, '.'));
}

TEST(ForEach, FirstErrorStopsTheRestAndIsReturned) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<>> {
        const std::vector<int> items = numbers(100);
        auto visit = [&to](int i) { return tracked(i == 5 ? 1ms : 10ms, i == 5 ? Errc::corrupt : kSucceeds, to); };
        co_return co_await for_each(items, 10, visit);
    };
    EXPECT_EQ(code_of(run(loop, body, std::ref(trace))), Errc::corrupt);
    EXPECT_EQ(trace.text, ".xxxxxxxxx");
    EXPECT_EQ(trace.running, 0);
    EXPECT_EQ(loop.clock().now(), at(1ms));
}

TEST(ForEach, CancelledWhileItWaitsForATurnStopsAndIsCancelled) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<>> {
        const std::vector<int> items = numbers(5);
        auto visit = [&to](int) { return tracked(1h, kSucceeds, to); };
        co_return co_await for_each(items, 2, visit);
    };
    Job<Result<>> job(loop.loop(), "job", body, std::ref(trace));
    loop.run_until_idle();
    job.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
    EXPECT_EQ(trace.text, "xx");
}

// Work that was done is not called cancelled because the request to stop came too late.
TEST(ForEach, CancelledTooLateIsASuccess) {
    TestLoop loop;
    Trace trace;
    auto stubborn = [](Trace& to) -> Task<Result<>> {
        const std::vector<int> items = numbers(3);
        auto visit = [&to](int) {
            auto unstoppable = [](Trace& t) -> Task<Result<>> {
                co_return co_await shield(tracked(1ms, kSucceeds, t));
            };
            return unstoppable(to);
        };
        co_return co_await for_each(items, 3, visit);
    };
    Job<Result<>> job(loop.loop(), "job", stubborn, std::ref(trace));
    loop.run_until_idle();
    job.cancel();
    loop.run_through();
    ASSERT_TRUE(job.done());
    EXPECT_TRUE(job.result());
    EXPECT_EQ(trace.text, "...");
}

TEST(ForEach, NoItemsIsASuccess) {
    TestLoop loop;
    auto body = []() -> Task<Result<>> {
        const std::vector<int> items;
        auto visit = [](int) -> Task<Result<>> { co_return fail(Errc::internal, "never called"); };
        co_return co_await for_each(items, 1, visit);
    };
    EXPECT_TRUE(run(loop, body));
}

// ---- tasks without a value ----

Task<Result<>> done_after(Duration delay, Trace& trace, char letter) {
    Result<int> value = co_await value_after(delay, 0, trace, letter);
    if (!value) {
        co_return std::unexpected(std::move(value).error());
    }
    co_return Result<>{};
}

TEST(WhenAll, TakesTasksWithoutAValue) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<int>> {
        auto all = co_await when_all(done_after(2ms, to, 'a'), value_after(1ms, 7, to, 'b'));
        if (!all) {
            co_return std::unexpected(std::move(all).error());
        }
        co_return std::get<1>(*all);
    };
    EXPECT_EQ(run(loop, body, std::ref(trace)).value(), 7);
    auto failing = [](Trace& to) -> Task<Result<>> {
        auto all = co_await when_all(done_after(2ms, to, 'c'), error_after(1ms, Errc::io_error, to, 'd'));
        if (!all) {
            co_return std::unexpected(std::move(all).error());
        }
        co_return Result<>{};
    };
    EXPECT_EQ(code_of(run(loop, failing, std::ref(trace))), Errc::io_error);
    EXPECT_EQ(trace.text, "badC");
}

TEST(WhenAny, TakesTasksWithoutAValue) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<std::size_t>> {
        auto winner = co_await when_any(done_after(2ms, to, 'a'), done_after(1ms, to, 'b'));
        if (!winner) {
            co_return std::unexpected(std::move(winner).error());
        }
        co_return winner->first;
    };
    EXPECT_EQ(run(loop, body, std::ref(trace)).value(), 1U);
    EXPECT_EQ(trace.text, "bA");
}

// ---- map_each ----

TEST(MapEach, GivesResultsInTheOrderOfTheItemsWithinTheLimit) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<std::vector<int>>> {
        const std::vector<int> items{5, 1, 3};
        auto fn = [&to](int item) { return value_after(item * 1ms, 10 * item, to, static_cast<char>('0' + item)); };
        co_return co_await map_each(items, 2, fn);
    };
    EXPECT_EQ(run(loop, body, std::ref(trace)).value(), (std::vector<int>{50, 10, 30}));
    EXPECT_EQ(trace.text, "135");  // 3 has to wait for 1.
}

TEST(MapEach, ReturnsTheFirstErrorAndCancelsTheRest) {
    TestLoop loop;
    Trace trace;
    auto body = [](Trace& to) -> Task<Result<std::vector<int>>> {
        const std::vector<int> items{1, 2};
        auto fn = [&to](int item) {
            return item == 1 ? error_after(1ms, Errc::io_error, to, 'e') : value_after(9ms, 0, to, 'v');
        };
        co_return co_await map_each(items, 2, fn);
    };
    EXPECT_EQ(code_of(run(loop, body, std::ref(trace))), Errc::io_error);
    EXPECT_EQ(trace.text, "eV");
}

}  // namespace
}  // namespace sluice::coro
