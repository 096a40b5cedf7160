// Every field of what the queue hands to the disk, answers and counts; and where its groups end.
#include <gmock/gmock.h>

#include "ingest/ingest_fixture.h"

namespace sluice::ingest::test {
namespace {

using testing::ElementsAre;

std::string shown(const wire::LogReply& reply) {
    return fmt::format("{}{} dropped {} count {} epoch {} at {}", ack_level_name(reply.level),
                       reply.duplicate ? " again" : "", reply.dropped_fields, reply.count, reply.epoch,
                       reply.first_sequence);
}

Bytes batch_with_reserved_field(std::uint8_t producer, std::uint64_t number) {
    wire::BatchBuilder builder;
    builder.begin(wire::Severity::info).message("a");
    EXPECT_TRUE(builder.finish_record());
    builder.begin(wire::Severity::info).message("b").field("_pid", 1);
    EXPECT_TRUE(builder.finish_record());
    const ByteView view = builder.finish({.producer = producer_of(producer), .number = number});
    return {view.begin(), view.end()};
}

// ---- what the disk gets, and what is answered ----

TEST_F(IngestTest, GroupSaysWhatEachOfItsBatchesBrought) {
    start();
    loop.advance(std::chrono::nanoseconds(77));
    take(1, AckLevel::written, batch_of(1));
    wire::FieldBlock trusted;
    trusted.field("_uid", 7);
    const Bytes numbered = batch_with_reserved_field(3, 9);
    LogBatch batch;
    batch.target = &client;
    batch.request_id = 2;
    batch.level = AckLevel::durable;
    batch.bytes = numbered;
    batch.trusted = trusted.bytes();
    batch.trusted_count = static_cast<std::uint16_t>(trusted.count());
    batch.uid = 7;
    const auto admission = ingest().submit(batch);
    ASSERT_TRUE(admission) << admission.error();
    EXPECT_EQ(*admission, Admission::taken);
    take(3, AckLevel::accepted, batch_of(3), /*uid=*/8);
    EXPECT_FALSE(client.answered(2));
    EXPECT_EQ(shown(client.acks.at(3)), "accepted dropped 0 count 3 epoch 0 at 0");
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_FALSE(disk.groups.front()->durable);
    write_one();
    EXPECT_EQ(shown(client.acks.at(1)), "written dropped 0 count 1 epoch 1 at 1");

    ASSERT_EQ(disk.groups.size(), 1U);
    const Group& group = *disk.groups.front();
    const auto batches = batches_in(group);
    ASSERT_EQ(batches.size(), 2U);
    EXPECT_EQ(batches[0].header.receive_time_ns, 1'000'000'000 + 77);
    EXPECT_EQ(batches[0].header.flags, 0U);
    EXPECT_EQ(batches[0].trusted.find("_uid")->as_int64(), 7);
    EXPECT_EQ(group.count, 5U);
    EXPECT_TRUE(group.durable);
    ASSERT_EQ(group.entries.size(), 2U);
    const Entry& first = group.entries[0];
    const Entry& second = group.entries[1];
    EXPECT_EQ(first.target, &client);
    EXPECT_EQ(first.request_id, 2U);
    EXPECT_EQ(first.level, AckLevel::durable);
    EXPECT_EQ(first.dropped_fields, 1U);
    EXPECT_EQ(first.first_record, 0U);
    EXPECT_EQ(first.count, 2U);
    EXPECT_EQ(first.uid, 7U);
    EXPECT_EQ(first.bytes, batches[0].header.size);
    EXPECT_EQ(first.reported_lost, 0U);
    EXPECT_EQ(first.producer, producer_of(3));
    EXPECT_EQ(first.number, 9U);
    EXPECT_EQ(second.target, nullptr);
    EXPECT_EQ(second.request_id, 3U);
    EXPECT_EQ(second.level, AckLevel::accepted);
    EXPECT_EQ(second.first_record, 2U);
    EXPECT_EQ(second.count, 3U);
    EXPECT_EQ(second.uid, 8U);
    EXPECT_EQ(second.bytes, batches[1].header.size);
    EXPECT_EQ(second.number, 0U);
    EXPECT_EQ(group.bytes, kGroupHeadBytes + first.bytes + second.bytes);
    EXPECT_EQ(ingest().queued_bytes(), first.bytes + second.bytes);
    write_one();
    EXPECT_EQ(shown(client.acks.at(2)), "durable dropped 1 count 2 epoch 1 at 2");
    EXPECT_EQ(ingest().queued_bytes(), 0U);
    const IngestCounters& counters = ingest().counters();
    EXPECT_EQ(counters.batches, 3U);
    EXPECT_EQ(counters.records_received, 6U);
    EXPECT_EQ(counters.records_stored, 6U);
    EXPECT_EQ(counters.records_lost, 0U);
    EXPECT_EQ(counters.records_refused, 0U);
    EXPECT_EQ(counters.losses_reported, 0U);
    EXPECT_EQ(counters.duplicates, 0U);
    EXPECT_EQ(counters.dropped_fields, 1U);
    EXPECT_EQ(counters.groups, 2U);
    EXPECT_EQ(counters.groups_failed, 0U);
    EXPECT_EQ(counters.waits, 0U);
}

// What is no batch is refused at once, also where there is no room; one with a bad record leaves nothing to be written.
TEST_F(IngestTest, RefusedBatchMakesNoGroup) {
    options.queue_bytes_max = 1000;
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1, 600));
    const auto none = offer(2, AckLevel::written, Bytes(700));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), Errc::malformed);
    EXPECT_EQ(ingest().counters().waits, 0U);
    Bytes bad = batch_of(1);
    bad[sizeof(wire::BatchHeader) + 4] = std::byte{9};
    const auto refused = offer(3, AckLevel::written, bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(fmt::format("{}", refused.error()), "malformed: batch: record 0: severity above 7");
    write_one();
    EXPECT_TRUE(disk.groups.empty()) << "there is nothing to be written";
    take(4, AckLevel::durable, batch_of(1, 1, 1));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(disk.groups.front()->buffer, nullptr) << "a sync, and no more";
    write_one();
    EXPECT_TRUE(client.answered(4));
    EXPECT_EQ(ingest().counters().groups, 2U);
}

TEST_F(IngestTest, FieldsThatWereDroppedAreToldWithAcceptedToo) {
    start();
    take(1, AckLevel::accepted, batch_with_reserved_field(0, 0));
    EXPECT_EQ(shown(client.acks.at(1)), "accepted dropped 1 count 2 epoch 0 at 0");
    write_all();
}

TEST_F(IngestTest, AcceptedBatchOfNobodyIsTaken) {
    start();
    LogBatch batch;
    const Bytes bytes = batch_of(1);
    batch.bytes = bytes;
    const auto admission = ingest().submit(batch);
    ASSERT_TRUE(admission) << admission.error();
    loop.run_until_idle();
    write_all();
    EXPECT_EQ(ingest().counters().records_stored, 1U);
}

// ---- where groups end ----

// The records of each group in flight.
std::vector<std::uint32_t> counts_of(const std::deque<std::unique_ptr<Group>>& groups) {
    std::vector<std::uint32_t> counts;
    for (const std::unique_ptr<Group>& group : groups) {
        counts.push_back(group->count);
    }
    return counts;
}

TEST_F(IngestTest, GroupIsFullAtItsLastByte) {
    const Bytes batch = batch_of(1, 0, 0, 500);
    for (const std::size_t more : {0U, 1U}) {
        options.group_bytes_max = kGroupHeadBytes + batch.size() + more;
        start();
        client = {};
        take(1, AckLevel::written, batch);
        take(2, AckLevel::written, batch);
        take(3, AckLevel::written, batch);
        EXPECT_THAT(counts_of(disk.groups), ElementsAre(1U)) << "one is in flight";
        write_one();
        EXPECT_THAT(counts_of(disk.groups), ElementsAre(more == 0 ? 1U : 2U));
        write_all();
        EXPECT_EQ(client.acks.size(), 3U);
        EXPECT_EQ(client.acks.at(3).first_sequence, client.acks.at(2).first_sequence + 1);
    }
}

TEST_F(IngestTest, FullGroupsGoInTheirOrder) {
    options.group_bytes_max = 1;
    start();
    for (std::uint64_t id = 1; id <= 4; ++id) {
        take(id, AckLevel::written, batch_of(1, 1, id));
    }
    for (std::uint64_t id = 1; id <= 4; ++id) {
        ASSERT_EQ(disk.groups.size(), 1U);
        EXPECT_EQ(disk.groups.front()->entries[0].request_id, id);
        write_one();
    }
    EXPECT_TRUE(disk.groups.empty());
}

// ---- duplicates ----

TEST_F(IngestTest, DuplicateIsAnsweredWithThePlaceOfTheFirst) {
    start();
    take(1, AckLevel::written, batch_of(4));
    take(2, AckLevel::written, batch_of(2));
    take(3, AckLevel::written, batch_of(3, 1, 5));
    write_all();
    EXPECT_EQ(shown(client.acks.at(3)), "written dropped 0 count 3 epoch 1 at 7");
    take(4, AckLevel::written, batch_of(3, 1, 5));
    EXPECT_EQ(shown(client.acks.at(4)), "written again dropped 0 count 3 epoch 1 at 7");
    take(5, AckLevel::accepted, batch_of(3, 1, 5));
    EXPECT_EQ(shown(client.acks.at(5)), "accepted again dropped 0 count 3 epoch 0 at 0");
    take(6, AckLevel::written, batch_of(3, 1, 4));
    EXPECT_EQ(shown(client.acks.at(6)), "written again dropped 0 count 3 epoch 0 at 0");
    // One that lies about its size has no place before the first record.
    take(7, AckLevel::written, batch_of(9, 1, 5));
    EXPECT_EQ(shown(client.acks.at(7)), "written again dropped 0 count 9 epoch 1 at 1");
    take(8, AckLevel::written, batch_of(10, 1, 5));
    EXPECT_EQ(shown(client.acks.at(8)), "written again dropped 0 count 10 epoch 0 at 0");
    EXPECT_EQ(ingest().counters().duplicates, 5U);
    EXPECT_EQ(ingest().counters().batches, 3U);
    EXPECT_EQ(ingest().counters().records_received, 9U);
}

TEST_F(IngestTest, DuplicateIsDurableWhenItsLastRecordIs) {
    start();
    ingest().restore_producer(producer_of(7), wire::kNoUid, {.number = 41, .last_sequence = 1000});
    ingest().durable_up_to(1000);
    take(1, AckLevel::durable, batch_of(1, 7, 41));
    EXPECT_FALSE(client.answered(1));
    ingest().durable_up_to(999);  // Known already.
    EXPECT_FALSE(client.answered(1));
    ingest().durable_up_to(1001);
    EXPECT_EQ(shown(client.acks.at(1)), "durable again dropped 0 count 1 epoch 0 at 1000");
    ingest().durable_up_to(5);
    take(2, AckLevel::durable, batch_of(1, 7, 41));
    EXPECT_TRUE(client.answered(2)) << "what is durable stays it";
    write_all();
}

// A sync that is due anyway serves the duplicate too.
TEST_F(IngestTest, DurableGroupIsTheSyncThatADuplicateWaitsFor) {
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1));
    write_one();
    take(2, AckLevel::written, batch_of(1));
    take(3, AckLevel::durable, batch_of(1));
    take(4, AckLevel::durable, batch_of(1, 1, 1));
    EXPECT_FALSE(client.answered(4));
    write_one();
    EXPECT_FALSE(client.answered(4));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_TRUE(disk.groups.front()->durable);
    write_one();
    EXPECT_EQ(shown(client.acks.at(4)), "durable again dropped 0 count 1 epoch 1 at 1");
    EXPECT_TRUE(disk.groups.empty()) << "synced twice";
    EXPECT_EQ(ingest().counters().groups, 3U);
}

TEST_F(IngestTest, SyncForADuplicateIsWrittenAfterAFailure) {
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1));
    write_one();
    take(2, AckLevel::written, batch_of(1));
    fail_one();
    take(3, AckLevel::durable, batch_of(1, 1, 1));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(disk.groups.front()->buffer, nullptr);
    EXPECT_TRUE(disk.groups.front()->entries.empty());
    write_one();
    EXPECT_TRUE(client.answered(3));
    EXPECT_EQ(ingest().counters().groups, 3U);
    EXPECT_EQ(ingest().counters().groups_failed, 1U);
}

TEST_F(IngestTest, DuplicateOfAProducerThatIsForgottenSinceIsAnswered) {
    options.producers_max = 1;
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1));
    write_one();
    take(2, AckLevel::durable, batch_of(1, 1, 1));
    ASSERT_EQ(disk.groups.size(), 1U);
    ingest().restore_producer(producer_of(2), wire::kNoUid, {.number = 1, .last_sequence = 99});
    write_one();
    EXPECT_EQ(shown(client.acks.at(2)), "durable again dropped 0 count 1 epoch 0 at 0");
}

// ---- numbers ----

TEST_F(IngestTest, AnnouncedBatchComesFirst) {
    start();
    ingest().announce(Bytes(10), 1000);
    ingest().announce(batch_of(1, 1, 5), 1000);
    const auto early = offer(1, AckLevel::written, batch_of(1, 1, 6));
    ASSERT_FALSE(early);
    EXPECT_EQ(fmt::format("{}", early.error()), "out_of_order: batch 6 skips a number; the next one is 5");
    take(2, AckLevel::written, batch_of(1, 1, 5));
    take(3, AckLevel::written, batch_of(1, 1, 6));
    write_all();
    EXPECT_EQ(client.acks.size(), 2U);
}

// Of a batch without a number nothing has to be remembered: it takes nobody's place.
TEST_F(IngestTest, BatchesWithoutANumberAreNobodys) {
    options.producers_max = 1;
    start();
    ingest().restore_producer(producer_of(1), wire::kNoUid, {.number = 5, .last_sequence = 100});
    ingest().announce(batch_of(1), 1000);
    take(1, AckLevel::written, batch_of(1));
    write_all();
    take(2, AckLevel::written, batch_of(1, 1, 5));
    EXPECT_EQ(shown(client.acks.at(2)), "written again dropped 0 count 1 epoch 0 at 100");
}

TEST_F(IngestTest, BatchThatFindsNoRoomIsTheFirstOfItsProducerAllTheSame) {
    options.queue_bytes_max = 1000;
    start();
    take(1, AckLevel::written, batch_of(1, 0, 0, 600));
    const auto waits = offer(2, AckLevel::written, batch_of(1, 1, 1, 600));
    ASSERT_TRUE(waits);
    EXPECT_EQ(*waits, Admission::wait);
    EXPECT_EQ(ingest().counters().waits, 1U);
    const auto behind = offer(3, AckLevel::written, batch_of(1, 1, 2));
    ASSERT_FALSE(behind);
    EXPECT_EQ(behind.error().code(), Errc::out_of_order);
    write_all();
    take(2, AckLevel::written, batch_of(1, 1, 1, 600));
    write_all();
    EXPECT_FALSE(client.acks.at(2).duplicate);
}

TEST_F(IngestTest, StoppingQueueSaysWhatToDo) {
    start();
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    EXPECT_TRUE(drained.done());
    const auto late = offer(1, AckLevel::written, batch_of(1));
    ASSERT_FALSE(late);
    EXPECT_EQ(fmt::format("{}", late.error()),
              "shutting_down: the daemon is stopping; send the batch again after it is back");
}

// ---- users ----

TEST_F(IngestTest, WhatAUserHoldsIsGivenBackWithItsGroup) {
    const Bytes batch = batch_of(1, 0, 0, 100);
    options.queue_bytes_max = 100 * batch.size();
    options.uid_share_percent = 2;
    options.group_bytes_max = 1;
    start();
    take(1, AckLevel::written, batch, /*uid=*/1);
    for (std::uint64_t id = 2; id < 10; id += 2) {
        take(id, AckLevel::written, batch, /*uid=*/2);
        take(id + 1, AckLevel::written, batch, /*uid=*/2);
        EXPECT_EQ(*offer(99, AckLevel::written, batch, /*uid=*/2), Admission::wait) << "above 2 %";
        EXPECT_EQ(*offer(99, AckLevel::written, batch_of(1, 0, 0, 1), /*uid=*/2), Admission::wait);
        while (!client.answered(id + 1)) {
            write_one();
        }
        take(id + 100, AckLevel::written, batch, /*uid=*/3);  // So that nobody is alone.
    }
    write_all();
    EXPECT_EQ(ingest().queued_bytes(), 0U);
    EXPECT_EQ(ingest().counters().waits, 8U);
}

}  // namespace
}  // namespace sluice::ingest::test
