#include "server/room.h"

#include <gtest/gtest.h>

#include "coro/test_loop.h"

namespace sluice::server {
namespace {

using coro::Job;
using coro::TestLoop;

Task<Result<Charge>> acquire_room(Room& room, std::size_t bytes) {
    co_return co_await room.acquire(bytes);
}

TEST(Room, IsGivenBackByWhoeverHasTheCharge) {
    UserRoom user(1000);
    Room room(100, user);
    {
        std::optional<Charge> charge = room.try_acquire(60);
        ASSERT_TRUE(charge);
        EXPECT_EQ(room.held_bytes(), 60U);
        EXPECT_EQ(user.held_bytes(), 60U);
        Charge moved = std::move(*charge);
        EXPECT_TRUE(charge->empty());
        EXPECT_FALSE(moved.empty());
        charge.reset();
        EXPECT_EQ(room.held_bytes(), 60U);
        moved.shrink(70);
        EXPECT_EQ(room.held_bytes(), 60U);
        moved.shrink(10);
        EXPECT_EQ(room.held_bytes(), 10U);
        EXPECT_EQ(user.held_bytes(), 10U);
        moved.merge(*room.try_acquire(20));
        EXPECT_EQ(room.held_bytes(), 30U);
        moved = *room.try_acquire(5);
        EXPECT_EQ(room.held_bytes(), 5U);
        moved.release();
        EXPECT_EQ(room.held_bytes(), 0U);
        moved.merge(Charge());
        EXPECT_TRUE(moved.empty());
        moved.merge(*room.try_acquire(1));
        EXPECT_EQ(user.held_bytes(), 1U);
    }
    EXPECT_EQ(room.held_bytes(), 0U);
    EXPECT_EQ(user.held_bytes(), 0U);
}

TEST(Room, RequestThatFindsNoneForTooLongIsToldWhoHoldsWhat) {
    TestLoop loop;
    UserRoom user(150);
    Room first(100, user);
    Room second(100, user);
    const std::optional<Charge> held = first.try_acquire(100);
    Job<Result<Charge>> waiting(loop.loop(), "wait", room_for_request, std::ref(second), std::size_t{60},
                                Duration(std::chrono::seconds(30)));
    loop.advance(std::chrono::seconds(29));
    EXPECT_FALSE(waiting.done());
    loop.advance(std::chrono::seconds(2));
    ASSERT_TRUE(waiting.done());
    ASSERT_FALSE(waiting.result());
    EXPECT_EQ(waiting.result().error().code(), Errc::limit_exceeded);
    EXPECT_EQ(waiting.result().error().text(),
              "a request of 60 bytes found no room for 30 s: the requests of its user hold 100 bytes, see "
              "limits.user_memory_bytes_max");
    EXPECT_EQ(second.held_bytes(), 0U);
}

TEST(Room, IsBoundedForTheSessionAndForTheUser) {
    UserRoom user(150);
    Room first(100, user);
    Room second(100, user);
    const std::optional<Charge> held = first.try_acquire(100);
    ASSERT_TRUE(held);
    EXPECT_FALSE(first.try_acquire(1));
    EXPECT_FALSE(second.try_acquire(51));
    EXPECT_EQ(second.held_bytes(), 0U);  // What the session had is given back where the user has none.
    EXPECT_TRUE(second.try_acquire(50));
}

TEST(Room, WhatIsMoreThanAllOfItIsGrantedAlone) {
    UserRoom user(50);
    Room room(100, user);
    std::optional<Charge> most = room.try_acquire(1000);
    ASSERT_TRUE(most);
    EXPECT_EQ(room.held_bytes(), 100U);
    EXPECT_EQ(user.held_bytes(), 50U);
    EXPECT_FALSE(room.try_acquire(1));
    most->shrink(70);
    EXPECT_EQ(room.held_bytes(), 70U);
    EXPECT_EQ(user.held_bytes(), 50U);
    most.reset();
    EXPECT_TRUE(room.try_acquire(50));
}

TEST(Room, WhoFindsNoneWaitsInOrder) {
    TestLoop loop;
    UserRoom user(150);
    Room first(100, user);
    Room second(100, user);
    std::optional<Charge> a = first.try_acquire(100);
    std::optional<Charge> b = second.try_acquire(40);
    Job<Result<Charge>> large(loop.loop(), "large", acquire_room, std::ref(second), std::size_t{60});
    Job<Result<Charge>> small(loop.loop(), "small", acquire_room, std::ref(first), std::size_t{5});
    b.reset();
    loop.run_until_idle();
    EXPECT_FALSE(large.done());  // 50 are left of the user's.
    EXPECT_FALSE(small.done());
    a->shrink(90);
    loop.run_until_idle();
    EXPECT_TRUE(large.done());
    EXPECT_FALSE(small.done());  // It came later; now nothing is left.
    a->shrink(80);
    loop.run_until_idle();
    EXPECT_TRUE(small.done());
}

TEST(Room, AUserMayHoldAsMuchAsAllHaveLeftFree) {
    CommonRoom common(300);
    UserRoom one(300, &common);
    UserRoom other(300, &common);
    UserRoom third(300, &common);
    Room of_one(300, one);
    Room of_other(300, other);
    Room of_third(300, third);
    const std::optional<Charge> first = of_one.try_acquire(100);
    ASSERT_TRUE(first);
    std::optional<Charge> half = of_one.try_acquire(50);
    ASSERT_TRUE(half);
    EXPECT_FALSE(of_one.try_acquire(1));
    const std::optional<Charge> theirs = of_other.try_acquire(50);
    ASSERT_TRUE(theirs);
    EXPECT_FALSE(of_other.try_acquire(51));
    EXPECT_EQ(other.held_bytes(), 50U);
    EXPECT_EQ(of_other.held_bytes(), 50U);
    half.reset();
    const std::optional<Charge> more = of_other.try_acquire(51);
    EXPECT_TRUE(more);
    EXPECT_EQ(common.held_bytes(), 201U);
    EXPECT_TRUE(of_third.try_acquire(300));  // Nothing is held by this one.
    EXPECT_EQ(common.held_bytes(), 201U);
}

TEST(Room, WhoWaitsForTheRoomOfAllHoldsUpNobodyElse) {
    TestLoop loop;
    CommonRoom common(300);
    UserRoom one(300, &common);
    UserRoom other(300, &common);
    Room of_one(300, one);
    Room of_other(300, other);
    std::optional<Charge> held = of_one.try_acquire(150);
    Job<Result<Charge>> large(loop.loop(), "large", acquire_room, std::ref(of_one), std::size_t{60});
    Job<Result<Charge>> small(loop.loop(), "small", acquire_room, std::ref(of_one), std::size_t{5});
    EXPECT_FALSE(of_one.try_acquire(1));
    EXPECT_TRUE(of_other.try_acquire(100));
    held->shrink(140);
    loop.run_until_idle();
    EXPECT_FALSE(large.done());
    EXPECT_FALSE(small.done());  // In order, within the user.
    held->shrink(100);
    loop.run_until_idle();
    EXPECT_FALSE(small.done());  // 160 are held, 140 are free.
    EXPECT_TRUE(large.done());
    common.set_bytes_max(400);
    loop.run_until_idle();
    EXPECT_TRUE(small.done());
    EXPECT_EQ(common.held_bytes(), 165U);
}

TEST(Room, WhoGivesUpWaitingForTheRoomOfAllHoldsNothing) {
    TestLoop loop;
    CommonRoom common(100);
    UserRoom user(100, &common);
    Room room(100, user);
    const std::optional<Charge> held = room.try_acquire(50);
    Job<Result<Charge>> waits(loop.loop(), "waits", acquire_room, std::ref(room), std::size_t{10});
    EXPECT_EQ(user.held_bytes(), 60U);
    waits.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(waits.done());
    EXPECT_EQ(waits.result().error().code(), Errc::cancelled);
    EXPECT_EQ(user.held_bytes(), 50U);
    EXPECT_EQ(room.held_bytes(), 50U);
    EXPECT_EQ(common.held_bytes(), 50U);
}

TEST(Room, WhoGivesUpHoldsNothing) {
    TestLoop loop;
    UserRoom user(100);
    Room room(200, user);
    std::optional<Charge> held = room.try_acquire(100);
    Job<Result<Charge>> waits(loop.loop(), "waits", acquire_room, std::ref(room), std::size_t{50});
    EXPECT_EQ(room.held_bytes(), 150U);
    waits.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(waits.done());
    EXPECT_EQ(waits.result().error().code(), Errc::cancelled);
    EXPECT_EQ(room.held_bytes(), 100U);
    held.reset();
    EXPECT_EQ(user.held_bytes(), 0U);
}

}  // namespace
}  // namespace sluice::server
