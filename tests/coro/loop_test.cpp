#include "coro/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

using namespace std::chrono_literals;

class Recorder final : public Timer {
 public:
    Recorder(std::vector<int>& order, int id) : order_(order), id_(id) {}

 private:
    void on_expire() noexcept override { order_.push_back(id_); }
    std::vector<int>& order_;
    int id_;
};

// The heap against a sorted model: random arming, disarming and passing of time.
TEST(LoopTimers, FireLikeASortedList) {
    for (unsigned seed = 1; seed <= 100; ++seed) {
        std::mt19937 random(seed);
        TestLoop loop;
        std::vector<int> order;
        std::deque<Recorder> timers;
        for (int i = 0; i < 64; ++i) {
            timers.emplace_back(order, i);
        }
        std::map<int, MonotonicTime> model;  // Armed timers.
        for (int step = 0; step < 500; ++step) {
            const int id = static_cast<int>(random() % timers.size());
            Recorder& timer = timers[static_cast<std::size_t>(id)];
            if (random() % 8 == 0) {
                order.clear();
                loop.advance(Duration(random() % 200));
                std::vector<MonotonicTime> fired;
                for (const int which : order) {
                    ASSERT_TRUE(model.contains(which)) << "seed " << seed;
                    EXPECT_LE(model[which], loop.clock().now());
                    fired.push_back(model[which]);
                    model.erase(which);
                }
                EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end())) << "seed " << seed;
            } else if (timer.armed()) {
                loop.loop().disarm(timer);
                model.erase(id);
            } else {
                const MonotonicTime deadline = loop.clock().now() + Duration(random() % 1000);
                loop.loop().arm(timer, deadline);
                model[id] = deadline;
            }
            EXPECT_EQ(timer.armed(), model.contains(id));
            std::optional<MonotonicTime> earliest;
            for (const auto& [which, deadline] : model) {
                earliest = earliest ? std::min(*earliest, deadline) : deadline;
                EXPECT_EQ(timers[static_cast<std::size_t>(which)].deadline(), deadline);
            }
            ASSERT_EQ(loop.loop().next_deadline(), earliest) << "seed " << seed << " step " << step;
        }
    }
}

TEST(LoopTimers, DisarmInRandomOrderLeavesAnEmptyHeap) {
    std::mt19937 random(7);
    TestLoop loop;
    std::vector<int> order;
    std::deque<Recorder> timers;
    std::vector<int> ids;
    for (int i = 0; i < 1000; ++i) {
        timers.emplace_back(order, i);
        loop.loop().arm(timers.back(), at(Duration(random() % 100)));
        ids.push_back(i);
    }
    std::shuffle(ids.begin(), ids.end(), random);
    for (const int id : ids) {
        loop.loop().disarm(timers[static_cast<std::size_t>(id)]);
        loop.loop().disarm(timers[static_cast<std::size_t>(id)]);  // Twice is harmless.
    }
    EXPECT_FALSE(loop.loop().next_deadline());
    loop.advance(1s);
    EXPECT_TRUE(order.empty());
}

TEST(LoopTimers, DestroyedTimerIsDisarmed) {
    TestLoop loop;
    std::vector<int> order;
    {
        Recorder timer(order, 1);
        loop.loop().arm(timer, at(1ms));
        EXPECT_EQ(loop.loop().next_deadline(), at(1ms));
    }
    EXPECT_FALSE(loop.loop().next_deadline());
}

TEST(LoopTimers, MayRearmItselfWhenItFires) {
    class Ticker final : public Timer {
     public:
        explicit Ticker(Loop& loop) : loop_(loop) {}
        int ticks = 0;

     private:
        void on_expire() noexcept override {
            if (++ticks < 5) {
                loop_.arm(*this, deadline() + 10ms);
            }
        }
        Loop& loop_;
    };
    TestLoop loop;
    Ticker ticker(loop.loop());
    loop.loop().arm(ticker, at(10ms));
    loop.advance(35ms);
    EXPECT_EQ(ticker.ticks, 3);
    loop.run_through();
    EXPECT_EQ(ticker.ticks, 5);
    EXPECT_EQ(loop.clock().now(), at(50ms));
}

TEST(Loop, ResumesInTheOrderOfPosting) {
    TestLoop loop;
    std::string trace;
    auto body = [](char letter, std::string& to) -> Task<> {
        co_await yield();
        to += letter;
    };
    Scope scope(loop, nullptr);
    for (const char letter : std::string("abcdef")) {
        scope.spawn("task", body, letter, std::ref(trace));
    }
    loop.run_until_idle();
    EXPECT_EQ(trace, "abcdef");
}

TEST(Loop, RunReadyIsBoundedByRounds) {
    TestLoop loop;
    int turns = 0;
    bool stop = false;
    auto spin = [](int& count, bool& enough) -> Task<> {
        while (!enough) {
            ++count;
            co_await yield();
        }
    };
    Scope scope(loop, nullptr);
    scope.spawn("spin", spin, std::ref(turns), std::ref(stop));
    EXPECT_TRUE(loop.loop().run_ready(5));
    EXPECT_EQ(turns, 6);
    stop = true;
    EXPECT_FALSE(loop.loop().run_ready(5));
}

TEST(Loop, DoesNotSleepWhenRemoteWorkHasArrived) {
    struct Node final : RemoteNode {
        void run_remote() noexcept override { ++runs; }
        int runs = 0;
    };
    TestLoop loop;
    Node node;
    ASSERT_TRUE(loop.loop().begin_sleep());
    loop.loop().end_sleep();
    loop.loop().post_remote(node);
    EXPECT_FALSE(loop.loop().begin_sleep());
    loop.run_until_idle();
    EXPECT_EQ(node.runs, 1);
    loop.loop().post_remote(node);  // May be posted again once it has run.
    loop.run_until_idle();
    EXPECT_EQ(node.runs, 2);
}

TEST(Loop, PostWakesASleeperOnce) {
    struct CountingWaker final : Waker {
        void wake() noexcept override { ++wakes; }
        int wakes = 0;
    };
    struct Node final : RemoteNode {
        void run_remote() noexcept override {}
    };
    TestLoop loop;
    CountingWaker waker;
    loop.loop().set_waker(&waker);
    Node a;
    Node b;
    Node c;
    ASSERT_TRUE(loop.loop().begin_sleep());
    loop.loop().post_remote(a);
    loop.loop().post_remote(b);
    EXPECT_EQ(waker.wakes, 1);
    loop.loop().end_sleep();
    loop.loop().post_remote(c);
    EXPECT_EQ(waker.wakes, 1);  // Awake: it looks by itself.
    loop.run_until_idle();
}

// Holds the loop by turning the clock within one resume.
Task<> hog(ManualClock& clock, Duration time) {
    co_await yield();
    clock.advance(time);
}

TEST(StallDetector, ReportsNameAndDurationOverTheThresholdOnly) {
    std::vector<std::pair<std::string, Duration>> stalls;
    Loop::Options options;
    options.stall_threshold = 25ms;
    options.on_stall = [&stalls](const Loop::Stall& stall) { stalls.emplace_back(stall.name, stall.duration); };
    TestLoop loop(options);
    Scope scope(loop, nullptr);
    scope.spawn("quick", hog, std::ref(loop.clock()), Duration(25ms));
    scope.spawn("slow", hog, std::ref(loop.clock()), Duration(26ms));
    scope.spawn("idle", hog, std::ref(loop.clock()), Duration(0));
    loop.run_until_idle();
    ASSERT_EQ(stalls.size(), 1U);
    EXPECT_EQ(stalls[0].first, "slow");
    EXPECT_EQ(stalls[0].second, Duration(26ms));
}

TEST(StallDetector, ReportsWhatIsNoTaskToo) {
    std::vector<std::pair<std::string, Duration>> stalls;
    Loop::Options options;
    options.stall_threshold = 25ms;
    EXPECT_FALSE(TestLoop(options).loop().watches_stalls());
    TestLoop(options).loop().report_held("nobody hears", 26ms);
    options.on_stall = [&stalls](const Loop::Stall& stall) { stalls.emplace_back(stall.name, stall.duration); };
    TestLoop loop(options);
    EXPECT_TRUE(loop.loop().watches_stalls());
    loop.loop().report_held("a", 25ms);
    loop.loop().report_held("b", 26ms);
    ASSERT_EQ(stalls.size(), 1U);
    EXPECT_EQ(stalls[0].first, "b");
    EXPECT_EQ(stalls[0].second, Duration(26ms));
}

// Holds the loop before its first suspension, which is within the resumption of whoever spawns it.
Task<> hog_at_once(ManualClock& clock, Duration time) {
    clock.advance(time);
    co_await yield();
}

TEST(StallDetector, NamesTheTaskThatHadTheTimeNotTheOneThatSpawnedIt) {
    std::vector<std::pair<std::string, Duration>> stalls;
    Loop::Options options;
    options.stall_threshold = 25ms;
    options.on_stall = [&stalls](const Loop::Stall& stall) { stalls.emplace_back(stall.name, stall.duration); };
    TestLoop loop(options);
    Scope scope(loop, nullptr);
    auto spawner = [](Scope& to, ManualClock& clock, Duration own, Duration child) -> Task<> {
        co_await yield();
        clock.advance(own);
        to.spawn("child", hog_at_once, std::ref(clock), Duration(child));
    };
    scope.spawn("spawner", spawner, std::ref(scope), std::ref(loop.clock()), Duration(10ms), Duration(20ms));
    loop.run_until_idle();
    scope.spawn("spawner", spawner, std::ref(scope), std::ref(loop.clock()), Duration(20ms), Duration(10ms));
    loop.run_until_idle();
    ASSERT_EQ(stalls.size(), 2U);
    EXPECT_EQ(stalls[0], std::pair(std::string("child"), Duration(30ms)));
    EXPECT_EQ(stalls[1], std::pair(std::string("spawner"), Duration(30ms)));
}

// A chain of tasks that end one after the other gives nobody else a turn: it is one stall, not several short ones.
TEST(StallDetector, CountsAChainOfEndingTasksAsOne) {
    std::vector<Duration> stalls;
    Loop::Options options;
    options.stall_threshold = 25ms;
    options.on_stall = [&stalls](const Loop::Stall& stall) { stalls.push_back(stall.duration); };
    TestLoop loop(options);
    auto outer = [](ManualClock& clock) -> Task<int> {
        for (int i = 0; i < 3; ++i) {
            co_await hog(clock, 10ms);
            clock.advance(10ms);
        }
        co_return 0;
    };
    Job<int> job(loop.loop(), "outer", outer, std::ref(loop.clock()));
    loop.run_until_idle();
    EXPECT_TRUE(job.done());
    EXPECT_TRUE(stalls.empty());  // Each turn holds the loop for 20 ms, and then yields.

    auto twice = [](ManualClock& clock) -> Task<int> {
        auto inner = [](ManualClock& c) -> Task<> {
            co_await hog(c, 10ms);
            c.advance(10ms);
        };
        co_await inner(clock);
        clock.advance(10ms);
        co_return 0;
    };
    Job<int> chain(loop.loop(), "chain", twice, std::ref(loop.clock()));
    loop.run_until_idle();
    EXPECT_TRUE(chain.done());
    ASSERT_EQ(stalls.size(), 1U);
    EXPECT_EQ(stalls[0], Duration(30ms));
}

// Work of the next turn waits for it, in order; what is posted while it runs waits for the one after.
TEST(LoopNextTurn, RunsInOrderAtTheBeginningOfTheNextTurn) {
    struct Node final : RemoteNode {
        Node(Loop& owner, std::vector<int>& ran, int number) : loop(owner), order(ran), id(number) {}
        void run_remote() noexcept override {
            order.push_back(id);
            if (id == 1) {
                id = 11;
                loop.post_next_turn(*this);
            }
        }
        Loop& loop;
        std::vector<int>& order;
        int id;
    };
    TestLoop test;
    Loop& loop = test.loop();
    std::vector<int> order;
    Node a(loop, order, 1);
    Node b(loop, order, 2);
    Node c(loop, order, 3);
    EXPECT_FALSE(loop.has_work());
    for (Node* node : {&a, &b, &c}) {
        loop.post_next_turn(*node);
    }
    loop.withdraw(b);
    loop.withdraw(b);  // It is not there any more: nothing happens.
    EXPECT_TRUE(loop.has_work());
    EXPECT_TRUE(order.empty());
    const std::uint64_t before = loop.turn();
    EXPECT_TRUE(loop.run_ready());
    EXPECT_EQ(order, (std::vector<int>{1, 3}));
    EXPECT_FALSE(loop.run_ready());
    EXPECT_EQ(order, (std::vector<int>{1, 3, 11}));
    EXPECT_EQ(loop.turn(), before + 2);
    loop.post_next_turn(b);  // Withdrawn work may be posted again.
    EXPECT_FALSE(loop.run_ready());
    EXPECT_EQ(order.back(), 2);
}

}  // namespace
}  // namespace sluice::coro
