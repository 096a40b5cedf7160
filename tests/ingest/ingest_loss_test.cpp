// What the queue tells of losses and of itself: when, how often, and how much room that has.
#include <gmock/gmock.h>

#include "ingest/ingest_fixture.h"

namespace sluice::ingest::test {
namespace {

using testing::ElementsAre;

constexpr std::size_t kOwnRoom = 256 * 1024;  // Beside the queue, for the daemon's own records.

TEST_F(IngestTest, LossSaysHowManyAndWhy) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_THAT(own_records(*disk.groups.front()),
                ElementsAre("warning 7 records lost: the disk is gone lost=7 reason=the disk is gone"));
    const Group& group = *disk.groups.front();
    EXPECT_EQ(group.count, 1U);
    EXPECT_FALSE(group.durable);
    ASSERT_EQ(group.entries.size(), 1U);
    EXPECT_EQ(group.entries[0].target, nullptr);
    EXPECT_EQ(group.entries[0].count, 1U);
    EXPECT_EQ(group.entries[0].first_record, 0U);
    EXPECT_EQ(group.entries[0].reported_lost, 7U);
    EXPECT_EQ(group.entries[0].level, AckLevel::written);
    EXPECT_EQ(group.entries[0].bytes, group.bytes - kGroupHeadBytes);
    EXPECT_EQ(ingest().queued_bytes(), group.entries[0].bytes);
    EXPECT_EQ(ingest().counters().records_received, 8U);
    EXPECT_EQ(ingest().counters().losses_reported, 0U);
    write_one();
    EXPECT_EQ(ingest().counters().records_stored, 1U);
    EXPECT_EQ(ingest().counters().losses_reported, 7U);
}

TEST_F(IngestTest, LossIsToldWithTheReasonOfTheLastFailure) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    std::unique_ptr<Group> group = std::move(disk.groups.front());
    disk.groups.pop_front();
    ingest().completed(std::move(group), fail(Errc::no_space, "and now it is full"));
    loop.run_until_idle();
    loop.advance(std::chrono::milliseconds(500));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_THAT(own_records(*disk.groups.front()),
                ElementsAre("warning 7 records lost: and now it is full lost=7 reason=and now it is full"));
    write_one();
}

TEST_F(IngestTest, RefusedRecordIsNotLost) {
    start();
    take(1, AckLevel::written, batch_of(7));
    fail_one(Errc::no_space);
    EXPECT_EQ(client.refused.at(1), Errc::no_space);
    EXPECT_EQ(ingest().counters().records_refused, 7U);
    EXPECT_EQ(ingest().counters().records_lost, 0U);
    EXPECT_EQ(ingest().counters().groups_failed, 1U);
    loop.advance(std::chrono::seconds(5));
    EXPECT_TRUE(disk.groups.empty()) << "there is nothing to tell";
}

TEST_F(IngestTest, LossIsToldAgainAfterHalfASecond) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    const std::uint64_t received = ingest().counters().records_received;
    fail_one();
    EXPECT_EQ(ingest().counters().records_received, received - 1) << "ours is not counted until it is stored";
    EXPECT_EQ(ingest().counters().records_lost, 7U);
    loop.advance(std::chrono::milliseconds(499));
    EXPECT_TRUE(disk.groups.empty());
    loop.advance(std::chrono::milliseconds(1));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(told(*disk.groups.front()), 7U);
    // What is lost meanwhile is told by itself, and what is on its way is not told twice.
    take(2, AckLevel::accepted, batch_of(3));
    write_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    fail_one();
    EXPECT_EQ(ingest().counters().records_lost, 10U);
    loop.advance(std::chrono::milliseconds(500));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(told(*disk.groups.front()), 3U);
    write_one();
    loop.advance(std::chrono::seconds(5));
    EXPECT_TRUE(disk.groups.empty());
    EXPECT_EQ(ingest().counters().losses_reported, 10U);
    EXPECT_FALSE(loop.loop().next_deadline()) << "nothing is left to be tried";
}

TEST_F(IngestTest, OwnRecordsHaveRoomBesideTheQueueToTheLastByte) {
    options.queue_bytes_max = 1000;
    const auto drop = [&](std::size_t comm_bytes) {
        const std::string comm(comm_bytes, 'c');
        return ingest().note_dropped({.listener = "l", .reason = "r", .records = 1, .comm = comm, .unit = {}});
    };
    for (const std::size_t beyond : {0U, 1U}) {
        start();
        take(1, AckLevel::written, batch_of(1, 0, 0, 900));
        const std::size_t before = ingest().queued_bytes();
        ASSERT_TRUE(drop(1));
        const std::size_t own = ingest().queued_bytes() - before;
        const std::size_t room = options.queue_bytes_max + kOwnRoom;
        while (ingest().queued_bytes() + 2 * own <= room) {
            ASSERT_TRUE(drop(1));
        }
        const std::size_t left = room - ingest().queued_bytes();
        ASSERT_GE(left, own);
        const IngestCounters counters = ingest().counters();
        EXPECT_EQ(drop(1 + left - own + beyond), beyond == 0);
        EXPECT_EQ(ingest().counters().records_lost, counters.records_lost + 1 - beyond);
        EXPECT_EQ(ingest().counters().records_received, counters.records_received + 2 * (1 - beyond));
        EXPECT_EQ(ingest().queued_bytes(), beyond == 0 ? room : room - left);
        loop.run_until_idle();
        write_all();
        EXPECT_EQ(ingest().queued_bytes(), 0U);
        EXPECT_EQ(ingest().counters().losses_reported, ingest().counters().records_lost);
        client = {};
    }
}

TEST_F(IngestTest, OwnRecordsAreTheDaemonsAndHaveTheirTime) {
    start();
    loop.advance(std::chrono::nanoseconds(55));
    ingest().note_new_epoch(3, 100);
    EXPECT_TRUE(ingest().note_removed({.class_name = "debug", .parts = 1, .records = 1, .bytes = 1}));
    loop.run_until_idle();
    ASSERT_EQ(disk.groups.size(), 1U);
    const Group& group = *disk.groups.front();
    EXPECT_EQ(group.count, 2U);
    ASSERT_EQ(group.entries.size(), 2U);
    EXPECT_EQ(group.entries[1].first_record, 1U);
    EXPECT_EQ(group.entries[1].reported_lost, 0U);
    for (const wire::BatchView& batch : batches_in(group)) {
        EXPECT_EQ(batch.header.flags, wire::kBatchByDaemon);
        EXPECT_EQ(batch.header.receive_time_ns, 1'000'000'000 + 55);
        EXPECT_EQ((*batch.records.begin()).stream(), "sluice");
    }
    EXPECT_EQ(ingest().counters().records_received, 2U);
    EXPECT_EQ(ingest().counters().records_lost, 0U);
    write_all();
    EXPECT_EQ(ingest().counters().records_stored, 2U);
}

// Who pays for the daemon's own is nobody: a user's share is its own.
TEST_F(IngestTest, OwnRecordsAreNoUsers) {
    options.queue_bytes_max = 10'000;
    options.uid_share_percent = 10;
    start();
    for (int i = 0; i < 25; ++i) {
        ASSERT_TRUE(ingest().note_removed({.class_name = "debug"}));
    }
    ASSERT_GT(ingest().queued_bytes(), 5'000U);
    ASSERT_LT(ingest().queued_bytes(), 9'000U);
    EXPECT_EQ(*offer(1, AckLevel::written, batch_of(1), /*uid=*/0), Admission::taken);
    EXPECT_EQ(*offer(2, AckLevel::written, batch_of(1, 0, 0, 950), /*uid=*/0), Admission::wait);
    loop.run_until_idle();
    write_all();
}

// ---- the end ----

TEST_F(IngestTest, DrainWaitsForALossThatIsBeingTold) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    EXPECT_FALSE(drained.done());
    EXPECT_EQ(disk.groups.size(), 1U) << "told once";
    write_one();
    ASSERT_TRUE(drained.done());
    EXPECT_TRUE(drained.result());
    EXPECT_EQ(ingest().counters().losses_reported, 7U);
    EXPECT_TRUE(disk.groups.empty());
}

TEST_F(IngestTest, DrainTellsOfALossWithoutWaiting) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    fail_one();  // What tells of it, too: the next try would be in half a second.
    EXPECT_TRUE(disk.groups.empty());
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(told(*disk.groups.front()), 7U);
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U) << "the second of three tries";
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U) << "the last";
    write_one();
    ASSERT_TRUE(drained.done());
    EXPECT_TRUE(drained.result());
    EXPECT_EQ(ingest().counters().losses_reported, 7U);
}

}  // namespace
}  // namespace sluice::ingest::test
