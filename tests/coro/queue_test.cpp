#include "coro/queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

using namespace std::chrono_literals;

Task<Result<>> push(Queue<int>& queue, int value) {
    co_return co_await queue.push(value);
}
Task<Result<int>> pop(Queue<int>& queue) {
    co_return co_await queue.pop();
}
using Push = Job<Result<>>;
using Pop = Job<Result<int>>;

TEST(Queue, DeliversInOrder) {
    TestLoop loop;
    Queue<int> queue(3);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(queue.try_push(i));
    }
    int fourth = 3;
    EXPECT_FALSE(queue.try_push(fourth));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(queue.try_pop(), i);
    }
    EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(Queue, FailedTryPushLeavesTheItem) {
    TestLoop loop;
    Queue<std::unique_ptr<int>> queue(1);
    auto first = std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    EXPECT_TRUE(queue.try_push(first));
    EXPECT_FALSE(queue.try_push(second));
    ASSERT_TRUE(second);
    queue.close();
    EXPECT_FALSE(queue.try_push(second));
    EXPECT_TRUE(second);
}

TEST(Queue, PushWaitsWhileFullAndKeepsTheOrderOfPushes) {
    TestLoop loop;
    Queue<int> queue(2);
    std::deque<Push> pushes;
    for (int i = 0; i < 6; ++i) {
        pushes.emplace_back(loop.loop(), "push", push, std::ref(queue), i);
    }
    loop.run_until_idle();
    EXPECT_TRUE(pushes[1].done());
    EXPECT_FALSE(pushes[2].done());
    EXPECT_EQ(queue.size(), 2U);
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(queue.try_pop(), i);
    }
    loop.run_until_idle();
    for (const Push& job : pushes) {
        EXPECT_TRUE(job.done());
    }
}

TEST(Queue, WaitingPopsAreServedInOrder) {
    TestLoop loop;
    Queue<int> queue(1);
    std::deque<Pop> pops;
    for (int i = 0; i < 4; ++i) {
        pops.emplace_back(loop.loop(), "pop", pop, std::ref(queue));
    }
    loop.run_until_idle();
    for (int i = 0; i < 4; ++i) {
        int item = i;
        EXPECT_TRUE(queue.try_push(item));  // More than the bound: each goes straight to its waiter.
    }
    EXPECT_EQ(queue.size(), 0U);
    loop.run_until_idle();
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(pops[static_cast<std::size_t>(i)].done());
        EXPECT_EQ(pops[static_cast<std::size_t>(i)].result().value(), i);
    }
}

// The item belongs to the pop that was woken, also if somebody else asks before that one runs.
TEST(Queue, TryPopDoesNotStealFromAWokenPop) {
    TestLoop loop;
    Queue<int> queue(4);
    Pop waiting(loop.loop(), "pop", pop, std::ref(queue));
    loop.run_until_idle();
    int item = 1;
    ASSERT_TRUE(queue.try_push(item));
    EXPECT_EQ(queue.try_pop(), std::nullopt);
    loop.run_until_idle();
    ASSERT_TRUE(waiting.done());
    EXPECT_EQ(waiting.result().value(), 1);
}

TEST(Queue, TryPushDoesNotOvertakeAWokenPush) {
    TestLoop loop;
    Queue<int> queue(1);
    int item = 1;
    ASSERT_TRUE(queue.try_push(item));
    Push waiting(loop.loop(), "push", push, std::ref(queue), 2);
    loop.run_until_idle();
    EXPECT_EQ(queue.try_pop(), 1);
    item = 3;
    EXPECT_FALSE(queue.try_push(item));
    loop.run_until_idle();
    EXPECT_TRUE(waiting.done());
    EXPECT_EQ(queue.try_pop(), 2);
}

// Lost wake-up, classic form: an item is pushed, the woken pop is cancelled before it runs, the other pop sleeps on.
TEST(Queue, WokenThenCancelledPopHasItsItemAndTheNextItemGoesToTheNext) {
    TestLoop loop;
    Queue<int> queue(4);
    Pop first(loop.loop(), "first", pop, std::ref(queue));
    Pop second(loop.loop(), "second", pop, std::ref(queue));
    loop.run_until_idle();
    int item = 1;
    ASSERT_TRUE(queue.try_push(item));
    first.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(first.done());
    EXPECT_EQ(first.result().value(), 1);
    EXPECT_FALSE(second.done());
    item = 2;
    ASSERT_TRUE(queue.try_push(item));
    loop.run_until_idle();
    ASSERT_TRUE(second.done());
    EXPECT_EQ(second.result().value(), 2);
}

TEST(Queue, CancelledThenPushedPopDoesNotTakeTheItem) {
    TestLoop loop;
    Queue<int> queue(4);
    Pop first(loop.loop(), "first", pop, std::ref(queue));
    Pop second(loop.loop(), "second", pop, std::ref(queue));
    loop.run_until_idle();
    first.cancel();
    int item = 1;
    ASSERT_TRUE(queue.try_push(item));
    loop.run_until_idle();
    EXPECT_EQ(code_of(first.result()), Errc::cancelled);
    ASSERT_TRUE(second.done());
    EXPECT_EQ(second.result().value(), 1);
}

TEST(Queue, CancelledPushIsNotDelivered) {
    TestLoop loop;
    Queue<int> queue(1);
    Push first(loop.loop(), "first", push, std::ref(queue), 1);
    Push second(loop.loop(), "second", push, std::ref(queue), 2);
    Push third(loop.loop(), "third", push, std::ref(queue), 3);
    loop.run_until_idle();
    second.cancel();
    loop.run_until_idle();
    EXPECT_EQ(code_of(second.result()), Errc::cancelled);
    EXPECT_EQ(queue.try_pop(), 1);
    EXPECT_EQ(queue.try_pop(), 3);
    EXPECT_EQ(queue.try_pop(), std::nullopt);
    loop.run_until_idle();
    EXPECT_TRUE(third.done());
}

TEST(Queue, TakenThenCancelledPushIsASuccess) {
    TestLoop loop;
    Queue<int> queue(1);
    Push first(loop.loop(), "first", push, std::ref(queue), 1);
    Push second(loop.loop(), "second", push, std::ref(queue), 2);
    loop.run_until_idle();
    EXPECT_EQ(queue.try_pop(), 1);
    second.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(second.done());
    EXPECT_TRUE(second.result());
    EXPECT_EQ(queue.try_pop(), 2);
}

TEST(Queue, CloseDeliversWhatIsLeftThenFails) {
    TestLoop loop;
    Queue<int> queue(2);
    Push first(loop.loop(), "first", push, std::ref(queue), 1);
    Push second(loop.loop(), "second", push, std::ref(queue), 2);
    Push blocked(loop.loop(), "blocked", push, std::ref(queue), 3);
    loop.run_until_idle();
    queue.close();
    loop.run_until_idle();
    EXPECT_EQ(code_of(blocked.result()), Errc::closed);
    EXPECT_EQ(code_of(run(loop, push, std::ref(queue), 4)), Errc::closed);
    EXPECT_EQ(run(loop, pop, std::ref(queue)).value(), 1);
    EXPECT_EQ(run(loop, pop, std::ref(queue)).value(), 2);
    EXPECT_EQ(code_of(run(loop, pop, std::ref(queue))), Errc::closed);
    queue.close();  // Idempotent.
    EXPECT_TRUE(queue.closed());
}

TEST(Queue, CloseEndsWaitingPops) {
    TestLoop loop;
    Queue<int> queue(1);
    Pop first(loop.loop(), "first", pop, std::ref(queue));
    Pop second(loop.loop(), "second", pop, std::ref(queue));
    loop.run_until_idle();
    queue.close();
    loop.run_until_idle();
    EXPECT_EQ(code_of(first.result()), Errc::closed);
    EXPECT_EQ(code_of(second.result()), Errc::closed);
}

TEST(Queue, WithoutRoomHandsFromPushToPop) {
    TestLoop loop;
    Queue<int> queue(0);
    Push pushing(loop.loop(), "push", push, std::ref(queue), 7);
    loop.run_until_idle();
    EXPECT_FALSE(pushing.done());
    EXPECT_EQ(run(loop, pop, std::ref(queue)).value(), 7);
    EXPECT_TRUE(pushing.done());
}

// Random pushes, pops and cancellations: what was reported pushed is popped, once, in the order of each producer; and
// at the end nobody sleeps while there is something to do.
TEST(Queue, RandomTrafficWithCancellationsLosesAndDoublesNothing) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        TestLoop loop;
        Queue<int> queue(random() % 4);
        std::deque<Push> pushes;
        std::deque<Pop> pops;
        for (int step = 0; step < 300; ++step) {
            const auto what = random() % 10;
            if (what < 4) {
                pushes.emplace_back(loop.loop(), "push", push, std::ref(queue), static_cast<int>(pushes.size()));
            } else if (what < 8) {
                pops.emplace_back(loop.loop(), "pop", pop, std::ref(queue));
            } else if (what == 8 && !pushes.empty()) {
                pushes[random() % pushes.size()].cancel();
            } else if (what == 9 && !pops.empty()) {
                pops[random() % pops.size()].cancel();
            }
            if (random() % 3 == 0) {
                loop.run_until_idle();
            }
        }
        loop.run_until_idle();
        std::size_t waiting_pushes = 0;
        std::vector<int> sent;
        for (std::size_t i = 0; i < pushes.size(); ++i) {
            waiting_pushes += pushes[i].done() ? 0U : 1U;
            if (pushes[i].done() && pushes[i].result()) {
                sent.push_back(static_cast<int>(i));
            }
        }
        std::size_t waiting_pops = 0;
        std::vector<int> received;
        for (Pop& job : pops) {
            waiting_pops += job.done() ? 0U : 1U;
            if (job.done() && job.result()) {
                received.push_back(*job.result());
            }
        }
        EXPECT_TRUE(waiting_pops == 0 || (queue.size() == 0 && waiting_pushes == 0)) << "seed " << seed;
        queue.close();
        while (std::optional<int> item = queue.try_pop()) {
            received.push_back(*item);
        }
        loop.run_until_idle();
        EXPECT_EQ(received, sent) << "seed " << seed;
    }
}

}  // namespace
}  // namespace sluice::coro
