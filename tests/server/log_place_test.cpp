// Where a reader of the log begins: what a cursor or a time means in a log that has epochs, segments and parts.
#include <gmock/gmock.h>

#include "io/run.h"
#include "io/sim_kernel.h"
#include "server/log_follower.h"

namespace sluice::server::test {
namespace {

class LogPlaceTest : public testing::Test {
 protected:
    LogPlaceTest() {
        store_[0] = std::byte{0xAB};
        LogHub::Start found;
        found.store_id = store_;
        found.epoch = 3;
        found.end_sequence = 100;
        found.catalog = {segment(1, 20, 1, 1'000), segment(2, 40, 2, 2'000), segment(3, 60, 3, 3'000)};
        found.epochs = {{1, 1}, {2, 40}, {3, 60}};
        hub_.start(std::move(found));
    }
    static store::SegmentInfo segment(std::uint64_t id, std::uint64_t first, std::uint32_t epoch, WallNs time) {
        store::SegmentInfo info;
        info.header.segment_id = id;
        info.header.first_sequence = first;
        info.header.epoch = epoch;
        info.header.time_ns = time;
        return info;
    }
    void seal_to(std::uint64_t end) {
        auto parts = std::make_shared<store::PartSet>();
        parts->state.sealed_end = end;
        hub_.set_parts(std::move(parts), 0);
    }
    LogFollower follower() { return {kernel_, -1, hub_}; }
    static Task<Result<std::optional<GroupView>>> next(LogFollower* follower, std::uint64_t limit) {
        co_return co_await follower->next(limit);
    }
    // What a follower that begins at 1 loses on its way to `limit`, where nothing is to be read: "first to last: why".
    std::string lost_below(std::uint64_t limit) {
        LogFollower reader = follower();
        const auto group = io::block_on(kernel_, "read", &LogPlaceTest::next, &reader, limit);
        if (!group) {
            return fmt::format("{}", group.error());
        }
        EXPECT_FALSE(*group);
        EXPECT_EQ(reader.position(), limit);
        std::string text;
        for (const store::Damage& damage : reader.lost()) {
            text += fmt::format("{} {} to {}: {}", damage.file, damage.first_sequence, damage.end_sequence - 1,
                                damage.what);
        }
        return text;
    }
    // Where a reader goes on that has seen this record.
    std::string after(std::uint64_t sequence, std::uint32_t epoch = 3) {
        const auto place = follower().after({.store = store_, .epoch = epoch, .sequence = sequence});
        return place ? fmt::format("{}", *place) : fmt::format("{}", place.error());
    }
    std::string ahead(std::uint64_t sequence, std::uint32_t epoch = 3) const {
        return fmt::format("invalid_argument: the cursor {}:{}:{} is ahead of this log, which ends at 100 in epoch 3",
                           wire::format_id(store_), epoch, sequence);
    }

    io::SimWorld world_{1};
    io::SimKernel kernel_{world_, {}};
    wire::StoreId store_{};
    LogHub hub_{1U << 20U, 1U << 20U};
};

TEST_F(LogPlaceTest, CursorOfThisEpochIsFollowedByTheNextRecord) {
    EXPECT_EQ(after(70), "71");
    EXPECT_EQ(after(98), "99");
    EXPECT_EQ(after(99), "100") << "the last record there is";
    EXPECT_EQ(after(100), ahead(100));
    EXPECT_EQ(after(~std::uint64_t{0}), ahead(~std::uint64_t{0}));
    EXPECT_EQ(after(70, 4), ahead(70, 4));
    EXPECT_EQ(after(19), "20") << "the oldest record there is";
    EXPECT_EQ(after(18), "cursor_lost: record 19 was removed; from 20 on nothing is missing");
}

// What was lost with the power is not waited for: the reader goes on where the next epoch begins.
TEST_F(LogPlaceTest, CursorOfAnEarlierEpochGoesOnWhereThatEnded) {
    EXPECT_EQ(after(30, 1), "31");
    EXPECT_EQ(after(38, 1), "39");
    EXPECT_EQ(after(39, 1), "40");
    EXPECT_EQ(after(45, 1), "40");
    EXPECT_EQ(after(500, 1), "40");
    EXPECT_EQ(after(45, 2), "46");
    EXPECT_EQ(after(59, 2), "60");
    EXPECT_EQ(after(75, 2), "60");
    EXPECT_EQ(after(~std::uint64_t{0}, 2), "60");
    EXPECT_EQ(after(10, 0), "cursor_lost: record 1 was removed; from 20 on nothing is missing");
}

TEST_F(LogPlaceTest, CursorOfAnotherStoreIsLost) {
    wire::StoreId other = store_;
    other[15] = std::byte{1};
    const auto place = follower().after({.store = other, .epoch = 3, .sequence = 70});
    ASSERT_FALSE(place);
    EXPECT_EQ(fmt::format("{}", place.error()), fmt::format("cursor_lost: the cursor is of store {}, this is store {}",
                                                            wire::format_id(other), wire::format_id(store_)));
}

// Records between the parts and the log are lost to damage: a cursor there has no next record.
TEST_F(LogPlaceTest, CursorBetweenThePartsAndTheLogIsLost) {
    seal_to(10);
    EXPECT_EQ(after(10, 1), "cursor_lost: record 11 was removed; from 20 on nothing is missing");
    EXPECT_EQ(after(19, 1), "20");
    seal_to(50);
    EXPECT_EQ(after(48), "cursor_lost: record 49 was removed; from 50 on nothing is missing");
    EXPECT_EQ(after(49), "50");
}

// Where something is sealed, retention removes parts only: what is in neither is lost.
TEST_F(LogPlaceTest, WhatIsBetweenThePartsAndTheLogIsToldToBeLost) {
    const std::string why = "the log begins behind the end of what is sealed";
    const std::string file = store::segment_name(1);
    EXPECT_EQ(lost_below(15), "") << "retention may have removed it";
    seal_to(1);
    EXPECT_EQ(lost_below(15), "") << "nothing is sealed yet";
    seal_to(2);
    EXPECT_EQ(lost_below(15), fmt::format("{} 2 to 14: {}", file, why));
    EXPECT_EQ(lost_below(20), fmt::format("{} 2 to 19: {}", file, why));
    seal_to(10);
    EXPECT_EQ(lost_below(10), "");
    EXPECT_EQ(lost_below(11), fmt::format("{} 10 to 10: {}", file, why));
}

TEST_F(LogPlaceTest, ReaderGoesOnInTheLogBehindWhatIsLost) {
    seal_to(10);
    EXPECT_EQ(lost_below(21), "cursor_lost: segment 'log-0000000000000001.wal' was retired while it was read")
        << "there is no such file here";
}

TEST_F(LogPlaceTest, LogWithoutSegmentsHasNothingToRead) {
    LogHub empty{1U << 20U, 1U << 20U};
    LogFollower reader(kernel_, -1, empty);
    const auto group = io::block_on(kernel_, "read", &LogPlaceTest::next, &reader, empty.end_sequence());
    ASSERT_TRUE(group) << group.error();
    EXPECT_FALSE(*group);
    EXPECT_EQ(reader.before(0), 1U);
}

TEST_F(LogPlaceTest, TimeIsFoundInTheSegmentThatBeganBefore) {
    EXPECT_EQ(follower().before(500), 20U);
    EXPECT_EQ(follower().before(1'000), 20U);
    EXPECT_EQ(follower().before(1'999), 20U);
    EXPECT_EQ(follower().before(2'000), 40U);
    EXPECT_EQ(follower().before(2'999), 40U);
    EXPECT_EQ(follower().before(3'000), 60U);
    EXPECT_EQ(follower().before(9'000), 60U);
    seal_to(50);
    EXPECT_EQ(follower().before(500), 50U) << "what is sealed is not read again";
    EXPECT_EQ(follower().before(3'000), 60U);
}

TEST_F(LogPlaceTest, FollowerBeginsAtTheFirstRecordOfAll) {
    EXPECT_EQ(follower().position(), 1U);
    LogFollower moved = follower();
    moved.seek(33);
    EXPECT_EQ(moved.position(), 33U);
}

// ---- the records of a group ----

TEST(GroupEntries, AreVisitedFromAPlaceUntilItIsEnough) {
    Bytes payload;
    for (const std::uint32_t count : {2U, 3U, 1U}) {
        wire::BatchBuilder builder;
        for (std::uint32_t i = 0; i < count; ++i) {
            builder.begin(wire::Severity::info).message("m");
            ASSERT_TRUE(builder.finish_record());
        }
        wire::FieldBlock trusted;
        const ByteView batch =
            builder.finish({.receive_time_ns = static_cast<WallNs>(count), .flags = static_cast<std::uint16_t>(count)});
        sluice::append(payload, batch);
    }
    const GroupView group{.payload = payload, .count = 6, .epoch = 1, .first_sequence = 10, .end_sequence = 16};
    const auto visited = [&](std::uint64_t from, std::size_t most) {
        std::string seen;
        std::size_t left = most;
        const std::uint64_t behind = for_each_entry(group, from, [&](const wire::TailEntry& entry) {
            seen += fmt::format("{}:{} ", entry.sequence, entry.receive_time_ns);
            EXPECT_EQ(entry.flags, entry.receive_time_ns);
            return --left != 0;
        });
        return seen + fmt::format("-> {}", behind);
    };
    EXPECT_EQ(visited(0, 99), "10:2 11:2 12:3 13:3 14:3 15:1 -> 16");
    EXPECT_EQ(visited(10, 99), "10:2 11:2 12:3 13:3 14:3 15:1 -> 16");
    EXPECT_EQ(visited(11, 99), "11:2 12:3 13:3 14:3 15:1 -> 16");
    EXPECT_EQ(visited(12, 99), "12:3 13:3 14:3 15:1 -> 16");
    EXPECT_EQ(visited(15, 99), "15:1 -> 16");
    EXPECT_EQ(visited(16, 99), "-> 16");
    EXPECT_EQ(visited(0, 1), "10:2 -> 11");
    EXPECT_EQ(visited(0, 2), "10:2 11:2 -> 12");
    EXPECT_EQ(visited(11, 3), "11:2 12:3 13:3 -> 14");
}

}  // namespace
}  // namespace sluice::server::test
