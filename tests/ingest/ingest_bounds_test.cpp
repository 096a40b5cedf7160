// The bounds of the queue to the byte, limits that change while it runs, and the daemon's own records.
#include <gmock/gmock.h>

#include "ingest/ingest_fixture.h"

namespace sluice::ingest::test {
namespace {

using testing::ElementsAre;

std::size_t charged(const Bytes& batch) {
    return wire::import_bytes_max(batch.size(), 0);
}

// ---- bounds ----

TEST_F(IngestTest, QueueIsFilledToItsLastByte) {
    const Bytes first = batch_of(1, 0, 0, 500);
    const Bytes second = batch_of(1, 0, 0, 300);
    for (const std::size_t missing : {0U, 1U}) {
        options.queue_bytes_max = charged(first) + charged(second) - missing;
        start();
        client = {};
        take(1, AckLevel::written, first);
        ASSERT_EQ(ingest().queued_bytes(), charged(first));
        const auto admission = offer(2, AckLevel::written, second);
        ASSERT_TRUE(admission);
        EXPECT_EQ(*admission, missing == 0 ? Admission::taken : Admission::wait);
        EXPECT_EQ(ingest().counters().waits, missing);
        loop.run_until_idle();
        write_all();
        EXPECT_EQ(ingest().queued_bytes(), 0U);
    }
}

TEST_F(IngestTest, BatchMayHaveItsLastByte) {
    const Bytes batch = batch_of(1, 0, 0, 500);
    options.batch_bytes_max = charged(batch);
    start();
    take(1, AckLevel::written, batch);
    write_all();
    const auto longer = offer(2, AckLevel::written, batch_of(1, 0, 0, 501));
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().code(), Errc::too_large);
    EXPECT_EQ(longer.error().text(),
              fmt::format("a batch of {} bytes, at most {} are taken", charged(batch) + 1, charged(batch)));
}

TEST_F(IngestTest, ShareOfAUserIsFilledToItsLastByte) {
    const Bytes batch = batch_of(1, 0, 0, 500);
    options.uid_share_percent = 50;
    for (const std::size_t missing : {0U, 200U}) {
        options.queue_bytes_max = 4 * charged(batch) / 100 * 100 + 200 - missing;
        const std::size_t share = options.queue_bytes_max / 100 * 50;
        start();
        client = {};
        take(1, AckLevel::written, batch, /*uid=*/2);
        take(2, AckLevel::written, batch, /*uid=*/1);
        const auto admission = offer(3, AckLevel::written, batch, /*uid=*/1);
        ASSERT_TRUE(admission);
        EXPECT_EQ(*admission, 2 * charged(batch) <= share ? Admission::taken : Admission::wait) << missing;
        loop.run_until_idle();
        write_all();
    }
}

TEST_F(IngestTest, NewLimitsHoldForTheNextBatchAndTheOthersStay) {
    options.queue_bytes_max = 20'000;
    start();
    take(1, AckLevel::written, batch_of(3, 0, 0, 200));
    IngestOptions later;
    later.queue_bytes_max = 1;
    later.batch_bytes_max = 1;
    later.records_max = 2;
    later.record_limits.message_bytes_max = 100;
    later.uid_share_percent = 1;
    ingest().set_limits(later);
    EXPECT_EQ(ingest().records_max(), 2U);
    const auto many = offer(2, AckLevel::written, batch_of(3));
    ASSERT_FALSE(many);
    EXPECT_EQ(many.error().text(), "batch: 3 records exceed the limit 2");
    const auto large = offer(3, AckLevel::written, batch_of(1, 0, 0, 101));
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().text(), "batch: record 0: message too long");
    take(4, AckLevel::written, batch_of(2, 0, 0, 100));  // Of the only user: it may have all of the queue.
    const auto share = offer(5, AckLevel::written, batch_of(1), /*uid=*/7);
    ASSERT_TRUE(share);
    EXPECT_EQ(*share, Admission::taken);
    EXPECT_EQ(*offer(6, AckLevel::written, batch_of(2, 0, 0, 100), /*uid=*/7), Admission::wait);  // Above 1 %.
    later.uid_share_percent = 50;
    ingest().set_limits(later);
    take(6, AckLevel::written, batch_of(2, 0, 0, 100), /*uid=*/7);
    write_all();
    EXPECT_EQ(client.acks.size(), 4U);
}

// ---- failures ----

TEST_F(IngestTest, SyncThatFailsRefusesTheDuplicateThatWaitsForIt) {
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1));
    write_one();
    take(2, AckLevel::written, batch_of(1));
    fail_one();
    take(3, AckLevel::durable, batch_of(1, 1, 1));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(disk.groups.front()->count, 0U);
    fail_one(Errc::no_space);
    EXPECT_EQ(client.refused.at(3), Errc::no_space);
    EXPECT_TRUE(disk.groups.empty());
}

TEST_F(IngestTest, DrainThatIsCancelledEnds) {
    start();
    take(1, AckLevel::written, batch_of(1));
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    ASSERT_FALSE(drained.done());
    drained.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(drained.done());
    EXPECT_EQ(drained.result().error().code(), Errc::cancelled);
    write_all();
}

TEST_F(IngestTest, DrainSaysHowManyLossesTheDiskWouldNotEvenHearOf) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    unsigned refused = 0;
    for (; !drained.done() && !disk.groups.empty(); ++refused) {
        EXPECT_EQ(told(*disk.groups.front()), 7U);
        fail_one();
    }
    EXPECT_GE(refused, 3U);
    ASSERT_TRUE(drained.done());
    ASSERT_FALSE(drained.result());
    EXPECT_EQ(drained.result().error().code(), Errc::io_error);
    EXPECT_EQ(drained.result().error().text(),
              "7 records that the disk refused could not be reported in the log: the disk is gone");
}

// ---- records of the daemon's own ----

TEST_F(IngestTest, DroppedRecordsAreCountedAndToldWithTheirSender) {
    start();
    EXPECT_TRUE(ingest().note_dropped({.listener = "journal",
                                       .reason = "queue full",
                                       .records = 5,
                                       .pid = 12,
                                       .uid = 34,
                                       .comm = "app",
                                       .unit = "app.service"}));
    EXPECT_TRUE(
        ingest().note_dropped({.listener = "syslog", .reason = "rate limit", .records = 2, .comm = {}, .unit = {}}));
    EXPECT_EQ(ingest().counters().records_received, 9U);  // With the two that tell of them.
    EXPECT_EQ(ingest().counters().records_lost, 7U);
    EXPECT_EQ(ingest().counters().losses_reported, 0U);
    loop.run_until_idle();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_THAT(own_records(*disk.groups.front()),
                ElementsAre("warning 5 records lost on listener journal: queue full lost=5 reason=queue full "
                            "listener=journal sender_pid=12 sender_uid=34 sender_comm=app sender_unit=app.service",
                            "warning 2 records lost on listener syslog: rate limit lost=2 reason=rate limit "
                            "listener=syslog"));
    write_all();
    EXPECT_EQ(ingest().counters().losses_reported, 7U);
    loop.advance(std::chrono::seconds(2));
    EXPECT_TRUE(disk.groups.empty()) << "told twice";
}

TEST_F(IngestTest, DroppedRecordsForWhichThereIsNoRoomAreNotCounted) {
    options.queue_bytes_max = 1000;
    start();
    take(1, AckLevel::written, batch_of(1));
    const Ingest::Dropped dropped{.listener = "journal", .reason = "queue full", .records = 1, .comm = {}, .unit = {}};
    std::uint64_t told = 0;
    while (ingest().note_dropped(dropped)) {
        ASSERT_LT(++told, 10'000U);
        loop.run_until_idle();
    }
    EXPECT_GT(told, 500U);  // The room of the daemon's own.
    EXPECT_EQ(ingest().counters().records_lost, told);
    EXPECT_EQ(ingest().counters().records_received, 1 + 2 * told);
    write_all();
    EXPECT_TRUE(ingest().note_dropped(dropped));
    loop.run_until_idle();
    write_all();
}

TEST_F(IngestTest, RemovalAndNewEpochAreTold) {
    start();
    ingest().note_new_epoch(3, 100);
    EXPECT_TRUE(ingest().note_removed(
        {.class_name = "debug", .parts = 2, .records = 30, .bytes = 4000, .first_sequence = 1, .last_sequence = 35}));
    loop.run_until_idle();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_THAT(own_records(*disk.groups.front()),
                ElementsAre("notice epoch 3 begins at record 100: records after that one may have been lost with the "
                            "power epoch=3 first_sequence=100",
                            "info removed 30 records of class debug (4000 bytes), from record 1 to 35: retention "
                            "class=debug removed=30 bytes=4000 parts=2 first_sequence=1 last_sequence=35"));
    write_all();
    EXPECT_EQ(ingest().counters().losses_reported, 0U);
    EXPECT_EQ(ingest().counters().records_lost, 0U);
}

}  // namespace
}  // namespace sluice::ingest::test
