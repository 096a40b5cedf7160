#include "coro/turn_share.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

Task<Result<>> take_share(TurnShare& share, std::size_t bytes) {
    co_return co_await share.take(bytes);
}

class TurnShareTest : public testing::Test {
 protected:
    Job<Result<>>& ask(std::size_t bytes) {
        return jobs_.emplace_back(loop_.loop(), "take", take_share, std::ref(share_), bytes);
    }
    // How many have got theirs after each further turn.
    std::vector<std::size_t> done_by_turn(int turns) {
        std::vector<std::size_t> done;
        for (int i = 0; i < turns; ++i) {
            (void)loop_.loop().run_ready();
            done.push_back(
                static_cast<std::size_t>(std::ranges::count_if(jobs_, [](auto& job) { return job.done(); })));
        }
        return done;
    }
    TestLoop loop_;
    TurnShare share_{loop_.loop(), 100};
    std::deque<Job<Result<>>> jobs_;
};

TEST_F(TurnShareTest, TakesAtOnceWhileTheTurnHasAnythingLeft) {
    EXPECT_TRUE(ask(40).done());
    EXPECT_TRUE(ask(59).done());
    EXPECT_TRUE(ask(50).done());  // One is left: the last taker overdraws.
    EXPECT_FALSE(ask(1).done());
    EXPECT_TRUE(loop_.loop().has_work());
    EXPECT_EQ(done_by_turn(2), (std::vector<std::size_t>{4, 4}));
    EXPECT_FALSE(loop_.loop().has_work());
}

TEST_F(TurnShareTest, EachTurnHasItsShareAndFirstComesFirst) {
    for (int i = 0; i < 7; ++i) {
        ask(50);
    }
    EXPECT_FALSE(jobs_[2].done());
    EXPECT_EQ(done_by_turn(4), (std::vector<std::size_t>{4, 6, 7, 7}));
    EXPECT_TRUE(ask(50).done());
}

TEST_F(TurnShareTest, WhoOverdrawsPaysInTheTurnsThatFollow) {
    EXPECT_TRUE(ask(250).done());
    EXPECT_FALSE(ask(1).done());
    EXPECT_EQ(done_by_turn(3), (std::vector<std::size_t>{1, 2, 2}));
    EXPECT_TRUE(ask(250).done());
    (void)done_by_turn(5);  // Nobody waited: the debt is over, and no more than a share has gathered.
    EXPECT_TRUE(ask(99).done());
    EXPECT_TRUE(ask(1).done());
    EXPECT_FALSE(ask(1).done());
    (void)done_by_turn(1);
}

TEST_F(TurnShareTest, NobodyPassesThoseWhoWait) {
    EXPECT_TRUE(ask(100).done());
    ask(100);
    ask(100);
    EXPECT_EQ(done_by_turn(1), (std::vector<std::size_t>{2}));
    EXPECT_FALSE(ask(1).done());
    EXPECT_FALSE(jobs_[2].done());
    EXPECT_EQ(done_by_turn(2), (std::vector<std::size_t>{3, 4}));
}

Task<> take_in_scope(TurnShare* share, std::size_t bytes, bool* cancelled) {
    const Result<> taken = co_await share->take(bytes);
    *cancelled = !taken && taken.error().code() == Errc::cancelled;
}

TEST_F(TurnShareTest, CancelledWaitersGoAndTheOthersAreServed) {
    bool first = false;
    bool second = false;
    {
        TurnShare share(loop_.loop(), 100);
        Scope scope(loop_.loop(), nullptr);
        Scope other(loop_.loop(), nullptr);
        ASSERT_TRUE(ask(100).done());
        scope.spawn("fill", take_in_scope, &share, std::size_t{100}, &first);
        scope.spawn("first", take_in_scope, &share, std::size_t{10}, &first);
        other.spawn("second", take_in_scope, &share, std::size_t{10}, &second);
        scope.cancel();
        loop_.run_until_idle();
        EXPECT_TRUE(first);
        EXPECT_FALSE(second);
        EXPECT_EQ(other.running(), 0U);
    }
    EXPECT_FALSE(loop_.loop().has_work());
}

}  // namespace
}  // namespace sluice::coro
