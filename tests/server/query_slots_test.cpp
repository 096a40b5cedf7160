#include "server/query_slots.h"

#include <gmock/gmock.h>

#include <deque>

#include "coro/test_loop.h"

namespace sluice::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class QuerySlotsTest : public testing::Test {
 protected:
    struct Asking {
        Asking(QuerySlotsTest& test, uid_t uid)
            : slot(std::in_place, test.slots, uid,
                   [this](Error why) {
                       ++asked_back;
                       ended.emplace(std::move(why));
                   }),
              job(test.loop.loop(), "query", &take_slot, &*slot) {}
        static Task<Result<>> take_slot(QuerySlot* slot) { co_return co_await slot->take(); }
        bool runs() { return slot && job.done() && job.result(); }
        std::string refusal() { return job.done() && !job.result() ? job.result().error().text() : ""; }
        void end() { slot.reset(); }
        int asked_back = 0;
        std::optional<Error> ended;
        std::optional<QuerySlot> slot;
        coro::Job<Result<>> job;
    };
    ~QuerySlotsTest() override {
        for (const auto& one : asking) {
            one->job.cancel();
        }
        loop.run_until_idle();
    }
    Asking& ask(uid_t uid) { return *asking.emplace_back(std::make_unique<Asking>(*this, uid)); }
    coro::TestLoop loop;
    QuerySlots slots{loop.clock(), QueryLimits{.queries_max = 4, .wait_max = seconds(10)}};
    std::deque<std::unique_ptr<Asking>> asking;
};

TEST_F(QuerySlotsTest, AUserHasHalfOfThem) {
    Asking& first = ask(1);
    EXPECT_TRUE(first.runs());
    EXPECT_TRUE(ask(1).runs());
    Asking& third = ask(1);
    EXPECT_FALSE(third.job.done());
    EXPECT_EQ(slots.running(), 2U);
    EXPECT_TRUE(ask(2).runs());  // Passes the one that waits for its own user's.
    first.end();
    loop.run_until_idle();
    EXPECT_TRUE(third.runs());
    EXPECT_EQ(slots.running(), 3U);
}

TEST_F(QuerySlotsTest, AnOddNumberIsRoundedUp) {
    slots.set_limits({.queries_max = 1});
    Asking& only = ask(1);
    EXPECT_TRUE(only.runs());
    EXPECT_FALSE(ask(2).job.done());
    only.end();
    loop.run_until_idle();
    EXPECT_TRUE(asking[1]->runs());
}

TEST_F(QuerySlotsTest, WhoHasFewestComesNextThenTheFirst) {
    for (const uid_t uid : {1U, 1U, 2U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    Asking& more_of_one = ask(1);
    Asking& third = ask(3);
    Asking& fourth = ask(4);
    asking[2]->end();
    loop.run_until_idle();
    EXPECT_FALSE(more_of_one.job.done());
    EXPECT_TRUE(third.runs());
    EXPECT_FALSE(fourth.job.done());
    asking[0]->end();
    loop.run_until_idle();
    EXPECT_FALSE(more_of_one.job.done());  // One has a place still.
    EXPECT_TRUE(fourth.runs());
    asking[3]->end();
    loop.run_until_idle();
    EXPECT_TRUE(more_of_one.runs());
}

TEST_F(QuerySlotsTest, WhoWaitsTooLongIsToldWhichLimitItIs) {
    for (const uid_t uid : {1U, 1U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    Asking& own = ask(1);
    loop.advance(milliseconds(9'999));
    EXPECT_FALSE(own.job.done());
    loop.advance(milliseconds(1));
    EXPECT_THAT(own.refusal(), HasSubstr("2 queries of uid 1 are running, half of limits.queries_max"));
    EXPECT_EQ(own.job.result().error().code(), Errc::limit_exceeded);
    ask(3);
    Asking& any = ask(4);
    loop.advance(seconds(10));
    EXPECT_THAT(any.refusal(), HasSubstr("4 queries are running, limits.queries_max"));
    EXPECT_EQ(slots.running(), 4U);
}

// Also while whoever asked is still there.
TEST_F(QuerySlotsTest, WhoWasRefusedOrGaveUpIsInNobodysWay) {
    for (const uid_t uid : {1U, 1U, 2U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    Asking& gives_up = ask(1);
    gives_up.job.cancel();
    loop.run_until_idle();
    Asking& refused = ask(1);
    loop.advance(seconds(10));
    EXPECT_NE(refused.refusal(), "");
    Asking& waits = ask(1);
    asking[0]->end();
    loop.run_until_idle();
    EXPECT_TRUE(waits.runs());
}

TEST_F(QuerySlotsTest, SoManyOfAUserWait) {
    EXPECT_TRUE(ask(1).runs());
    EXPECT_TRUE(ask(1).runs());
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(ask(1).job.done());
    }
    EXPECT_THAT(ask(1).refusal(), HasSubstr("half of limits.queries_max"));
    EXPECT_TRUE(ask(2).runs());
}

TEST_F(QuerySlotsTest, WhoeverHasLeftDoesNotWait) {
    EXPECT_TRUE(ask(1).runs());
    EXPECT_TRUE(ask(1).runs());
    Asking& gone = ask(1);
    Asking& next = ask(1);
    gone.job.cancel();
    loop.run_until_idle();
    EXPECT_EQ(gone.job.result().error().code(), Errc::cancelled);
    asking[0]->end();
    loop.run_until_idle();
    EXPECT_TRUE(next.runs());
}

TEST_F(QuerySlotsTest, OneThatWaitsForItsClientGivesItsPlaceToAnotherUser) {
    for (const uid_t uid : {1U, 1U, 2U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    asking[3]->slot->begin_wait();
    loop.advance(milliseconds(300));
    asking[1]->slot->begin_wait();
    loop.advance(milliseconds(999));
    Asking& waits = ask(3);
    ASSERT_TRUE(asking[3]->ended);  // 1.3 s; the other one's patience is not over.
    EXPECT_EQ(asking[3]->ended->code(), Errc::limit_exceeded);
    EXPECT_THAT(asking[3]->ended->text(), HasSubstr("1299 ms"));
    EXPECT_FALSE(waits.job.done());
    loop.advance(seconds(5));  // It is about to leave: no second one is asked.
    EXPECT_FALSE(asking[1]->ended);
    EXPECT_EQ(asking[3]->asked_back, 1) << "it has been told";
    asking[3]->end();
    loop.run_until_idle();
    EXPECT_TRUE(waits.runs());
    EXPECT_FALSE(asking[0]->ended);
    EXPECT_FALSE(asking[2]->ended);
}

TEST_F(QuerySlotsTest, NobodyGivesUpAPlaceForAUserWhoHasAsMany) {
    for (const uid_t uid : {1U, 2U, 3U, 4U}) {
        EXPECT_TRUE(ask(uid).runs());
        asking.back()->slot->begin_wait();
    }
    loop.advance(seconds(5));
    Asking& more = ask(1);
    loop.advance(seconds(5));
    EXPECT_FALSE(more.job.done());
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(asking[static_cast<std::size_t>(i)]->ended) << i;
    }
    Asking& fifth = ask(5);  // Has none: one of those with one is asked.
    EXPECT_FALSE(fifth.job.done());
    EXPECT_TRUE(asking[0]->ended);
}

// A client that takes a row now and then is slow all the same.
TEST_F(QuerySlotsTest, TheTimeOfAllWaitsCounts) {
    for (const uid_t uid : {1U, 1U, 2U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    QuerySlot& slow = *asking[0]->slot;
    for (int i = 0; i < 3; ++i) {
        slow.begin_wait();
        loop.advance(milliseconds(334));
        slow.end_wait();
    }
    ask(3);
    EXPECT_FALSE(asking[0]->ended);  // It does not wait just now.
    slow.begin_wait();
    loop.advance(milliseconds(250));
    EXPECT_TRUE(asking[0]->ended);
}

TEST_F(QuerySlotsTest, ALargerLimitLetsThemIn) {
    for (const uid_t uid : {1U, 1U, 2U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    Asking& third = ask(3);
    slots.set_limits({.queries_max = 5});
    loop.run_until_idle();
    EXPECT_TRUE(third.runs());
}

// Each who gets a place tells the next: nobody waits for the next look.
TEST_F(QuerySlotsTest, PlacesThatBecomeFreeTogetherAreTakenTogether) {
    for (const uid_t uid : {1U, 1U, 2U, 2U}) {
        EXPECT_TRUE(ask(uid).runs());
    }
    Asking& more_of_one = ask(1);
    Asking& third = ask(3);
    slots.set_limits({.queries_max = 6});
    loop.run_until_idle();
    EXPECT_TRUE(third.runs()) << "it has fewest";
    EXPECT_TRUE(more_of_one.runs());
    EXPECT_EQ(slots.running(), 6U);
}

}  // namespace
}  // namespace sluice::server
