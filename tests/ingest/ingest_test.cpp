#include <random>

#include "ingest/ingest_fixture.h"

namespace sluice::ingest::test {
namespace {

TEST_F(IngestTest, WhatArrivesDuringACommitFormsTheNextGroup) {
    start();
    take(1, AckLevel::written, batch_of(2));
    take(3, AckLevel::written, batch_of(2));
    take(4, AckLevel::durable, batch_of(3));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_FALSE(disk.groups[0]->durable);
    write_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(disk.groups[0]->entries.size(), 2U);
    EXPECT_EQ(disk.groups[0]->count, 5U);
    EXPECT_TRUE(disk.groups[0]->durable);
    EXPECT_TRUE(client.answered(1));
    EXPECT_FALSE(client.answered(3));
    write_one();
    EXPECT_EQ(client.acks.at(3).first_sequence, 3U);
    EXPECT_EQ(client.acks.at(4).first_sequence, 5U);
    EXPECT_EQ(client.acks.at(4).level, AckLevel::durable);
    EXPECT_EQ(client.acks.at(4).count, 3U);
    EXPECT_EQ(client.acks.at(4).epoch, 1U);
    EXPECT_EQ(ingest().queued_bytes(), 0U);
}

TEST_F(IngestTest, FullGroupIsClosed) {
    options.group_bytes_max = 2000;
    start();
    for (std::uint64_t id = 1; id <= 12; ++id) {
        take(id, AckLevel::written, batch_of(1, 0, 0, 900));
    }
    std::vector<std::size_t> sizes;
    while (!disk.groups.empty()) {
        sizes.push_back(disk.groups.front()->entries.size());
        EXPECT_LE(disk.groups.front()->bytes, kGroupHeadBytes + 2000 + 1000);
        write_one();
    }
    EXPECT_EQ(client.acks.size(), 12U);
    EXPECT_EQ(*std::ranges::max_element(sizes), 2U);  // The batch that crosses the line is the last one.
}

TEST_F(IngestTest, AcceptedIsAnsweredAtOnceAndOnce) {
    start();
    take(1, AckLevel::accepted, batch_of(4));
    ASSERT_TRUE(client.acks.contains(1));
    EXPECT_EQ(client.acks.at(1).level, AckLevel::accepted);
    EXPECT_EQ(client.acks.at(1).count, 4U);
    EXPECT_EQ(client.acks.at(1).first_sequence, 0U);
    write_all();
    EXPECT_EQ(client.acks.size(), 1U);
    EXPECT_EQ(ingest().counters().records_stored, 4U);
}

// ---- bounds ----

TEST_F(IngestTest, FullQueueMakesABatchWaitUntilThereIsRoom) {
    options.queue_bytes_max = 10'000;
    options.uid_share_percent = 100;
    start();
    std::uint64_t id = 0;
    const Bytes batch = batch_of(1, 0, 0, 900);
    Result<Admission> admission = Admission::taken;
    while (*admission == Admission::taken) {
        admission = offer(++id, AckLevel::written, batch);
        ASSERT_TRUE(admission);
        ASSERT_LT(id, 100U);
    }
    EXPECT_GE(id, 9U);
    EXPECT_LE(ingest().queued_bytes(), 10'000U);
    EXPECT_EQ(ingest().counters().waits, 1U);
    bool woken = false;
    const auto wait = [](Ingest& queue, bool& flag) -> Task<Result<>> {
        SLUICE_CO_CHECK(co_await queue.room());
        flag = true;
        co_return Result<>{};
    };
    coro::Job<Result<>> waiter(loop.loop(), "wait", wait, std::ref(ingest()), std::ref(woken));
    loop.run_until_idle();
    EXPECT_FALSE(woken);
    write_one();
    EXPECT_TRUE(woken);
    admission = offer(id, AckLevel::written, batch);
    ASSERT_TRUE(admission);
    EXPECT_EQ(*admission, Admission::taken);
    loop.run_until_idle();
    write_all();
    EXPECT_EQ(client.acks.size(), id);
}

TEST_F(IngestTest, EmptyQueueTakesWhateverAGroupCanHold) {
    options.queue_bytes_max = 1000;
    options.batch_bytes_max = 60'000;
    start();
    take(1, AckLevel::written, batch_of(1, 0, 0, 50'000));
    const auto second = offer(2, AckLevel::written, batch_of(1));
    ASSERT_TRUE(second);
    EXPECT_EQ(*second, Admission::wait);
    const auto third = offer(3, AckLevel::written, batch_of(1, 0, 0, 70'000));
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code(), Errc::too_large);
    write_all();
}

TEST_F(IngestTest, OneUserCannotTakeTheQueueFromTheOthers) {
    options.queue_bytes_max = 20'000;
    options.uid_share_percent = 50;
    start();
    const Bytes batch = batch_of(1, 0, 0, 900);
    take(1, AckLevel::written, batch, /*uid=*/2);
    std::uint64_t id = 1;
    Result<Admission> admission = Admission::taken;
    while (*admission == Admission::taken) {
        admission = offer(++id, AckLevel::written, batch, /*uid=*/1);
        ASSERT_TRUE(admission);
        ASSERT_LT(id, 100U);
    }
    EXPECT_LE(id, 12U);
    take(100, AckLevel::written, batch, /*uid=*/2);
    write_all();
    // Alone, it may have all of it.
    id = 200;
    admission = Admission::taken;
    while (*admission == Admission::taken) {
        admission = offer(++id, AckLevel::written, batch, /*uid=*/1);
        ASSERT_TRUE(admission);
        ASSERT_LT(id, 300U);
    }
    EXPECT_GT(id, 215U);
    loop.run_until_idle();
    write_all();
}

TEST_F(IngestTest, WhatIsNoBatchIsRefusedAndLeavesNoTrace) {
    start();
    Bytes bad = batch_of(2, 1, 1);
    bad.resize(bad.size() - 1);
    EXPECT_FALSE(offer(1, AckLevel::written, bad));
    bad = batch_of(2, 1, 1);
    bad[48 + 18] ^= std::byte{0xff};  // The length of the first message.
    EXPECT_FALSE(offer(2, AckLevel::written, bad));
    EXPECT_FALSE(offer(3, AckLevel::written, Bytes(10)));
    EXPECT_EQ(ingest().queued_bytes(), 0U);
    EXPECT_EQ(ingest().counters().batches, 0U);
    take(4, AckLevel::written, batch_of(1, 1, 1));  // Its number was not used up.
    write_all();
    EXPECT_FALSE(client.acks.at(4).duplicate);
}

// ---- numbered batches ----

TEST_F(IngestTest, DuplicateOfABatchOnItsWayIsAnsweredWithIt) {
    start();
    take(1, AckLevel::written, batch_of(2, 1, 1));
    take(2, AckLevel::written, batch_of(2, 1, 1));
    take(3, AckLevel::accepted, batch_of(2, 1, 1));
    EXPECT_FALSE(client.answered(2));
    EXPECT_TRUE(client.acks.at(3).duplicate);
    EXPECT_EQ(client.acks.at(3).level, AckLevel::accepted);
    write_one();
    EXPECT_FALSE(client.acks.at(1).duplicate);
    ASSERT_TRUE(client.acks.contains(2));
    EXPECT_TRUE(client.acks.at(2).duplicate);
    EXPECT_EQ(client.acks.at(2).level, AckLevel::written);
    EXPECT_EQ(ingest().counters().records_stored, 2U);
    EXPECT_EQ(ingest().counters().duplicates, 2U);
    take(4, AckLevel::written, batch_of(2, 1, 1));
    EXPECT_TRUE(client.acks.at(4).duplicate);
    EXPECT_TRUE(disk.groups.empty());
}

// Its first copy asked only for `written`: the promise has still to be made true.
TEST_F(IngestTest, DurableDuplicateOfAWrittenBatchAsksForASync) {
    start();
    take(1, AckLevel::written, batch_of(2, 1, 1));
    write_one();
    take(2, AckLevel::durable, batch_of(2, 1, 1));
    EXPECT_FALSE(client.answered(2));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(disk.groups[0]->count, 0U);
    EXPECT_TRUE(disk.groups[0]->durable);
    write_one();
    ASSERT_TRUE(client.acks.contains(2));
    EXPECT_EQ(client.acks.at(2).level, AckLevel::durable);
    EXPECT_TRUE(client.acks.at(2).duplicate);
}

TEST_F(IngestTest, DurableDuplicateIsAnsweredByASyncOfTheWritersOwn) {
    start();
    take(1, AckLevel::written, batch_of(2, 1, 1));
    take(2, AckLevel::durable, batch_of(2, 1, 1));
    write_one();
    EXPECT_FALSE(client.answered(2));
    ingest().durable_up_to(3);
    EXPECT_TRUE(client.answered(2));
    write_all();
}

TEST_F(IngestTest, SkippedNumberIsOutOfOrderAndSaysWhichIsNext) {
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1));
    const auto skipping = offer(2, AckLevel::written, batch_of(1, 1, 3));
    ASSERT_FALSE(skipping);
    EXPECT_EQ(skipping.error().code(), Errc::out_of_order);
    EXPECT_NE(skipping.error().text().find("the next one is 2"), std::string::npos) << skipping.error();
    write_all();
}

TEST_F(IngestTest, ProducerKnownFromTheLogIsRecognised) {
    start();
    ingest().restore_producer(producer_of(7), wire::kNoUid, {.number = 41, .last_sequence = 1000, .epoch = 5});
    ingest().durable_up_to(1001);
    take(1, AckLevel::durable, batch_of(1, 7, 41));
    EXPECT_TRUE(client.acks.at(1).duplicate);
    take(2, AckLevel::written, batch_of(1, 7, 42));
    write_all();
    EXPECT_FALSE(client.acks.at(2).duplicate);
}

TEST_F(IngestTest, RepeatedLastBatchIsAnsweredWithItsPlaceAnEarlierOneWithout) {
    start();
    ingest().restore_producer(producer_of(7), wire::kNoUid, {.number = 41, .last_sequence = 1000, .epoch = 5});
    take(1, AckLevel::written, batch_of(3, 7, 41));
    EXPECT_TRUE(client.acks.at(1).duplicate);
    EXPECT_EQ(client.acks.at(1).first_sequence, 998U);
    EXPECT_EQ(client.acks.at(1).epoch, 5U);
    take(2, AckLevel::written, batch_of(1, 7, 40));
    EXPECT_TRUE(client.acks.at(2).duplicate);
    EXPECT_EQ(client.acks.at(2).first_sequence, 0U);
}

// ---- failure ----

// A later batch of a producer must not be stored where its earlier one was refused.
TEST_F(IngestTest, FailureRefusesEverythingThatWaits) {
    start();
    for (std::uint64_t number = 1; number <= 4; ++number) {
        take(number, AckLevel::written, batch_of(1, 1, number));
    }
    take(5, AckLevel::durable, batch_of(1, 1, 2));  // A duplicate that waits.
    ASSERT_EQ(disk.groups.size(), 1U);
    fail_one();
    for (const std::uint64_t id : {1, 2, 3, 4, 5}) {
        EXPECT_TRUE(client.refused.contains(id)) << id;
    }
    EXPECT_TRUE(disk.groups.empty());
    take(11, AckLevel::written, batch_of(1, 1, 1));
    write_one();
    EXPECT_TRUE(client.acks.contains(11));
    take(12, AckLevel::written, batch_of(1, 1, 2));
    write_all();
    EXPECT_FALSE(client.acks.at(12).duplicate);
    EXPECT_EQ(ingest().counters().records_refused, 4U);
    EXPECT_EQ(ingest().counters().records_lost, 0U);
    EXPECT_EQ(ingest().counters().groups_failed, 1U);
}

TEST_F(IngestTest, LossOfAcceptedRecordsIsToldWithinASecondToTheUnit) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    take(2, AckLevel::accepted, batch_of(5));
    take(3, AckLevel::written, batch_of(3));
    fail_one();
    fail_one();
    EXPECT_EQ(ingest().counters().records_lost, 12U);
    EXPECT_TRUE(client.refused.contains(3));
    std::uint64_t reported = 0;
    for (int i = 0; i < 10 && ingest().counters().losses_reported < 12; ++i) {
        while (!disk.groups.empty()) {
            reported += told(*disk.groups.front());
            write_one();
        }
        loop.advance(std::chrono::milliseconds(100));
    }
    EXPECT_EQ(reported, 12U);
    EXPECT_EQ(ingest().counters().losses_reported, 12U);
}

TEST_F(IngestTest, GapRecordThatTheDiskRefusesIsMadeAgain) {
    start();
    take(1, AckLevel::accepted, batch_of(7));
    fail_one();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(told(*disk.groups[0]), 7U);
    fail_one();
    EXPECT_EQ(ingest().counters().losses_reported, 0U);
    loop.advance(std::chrono::seconds(1));
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(told(*disk.groups[0]), 7U);
    write_one();
    EXPECT_EQ(ingest().counters().losses_reported, 7U);
    EXPECT_EQ(ingest().counters().records_lost, 7U);
    loop.advance(std::chrono::seconds(5));
    EXPECT_TRUE(disk.groups.empty()) << "told twice";
}

// ---- drain ----

TEST_F(IngestTest, DrainRefusesTheNewAndWaitsForTheOld) {
    start();
    take(1, AckLevel::written, batch_of(1));
    take(2, AckLevel::accepted, batch_of(1));
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    const auto late = offer(3, AckLevel::written, batch_of(1));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Errc::shutting_down);
    EXPECT_FALSE(drained.done());
    write_one();
    EXPECT_FALSE(drained.done());
    write_one();
    ASSERT_TRUE(drained.done());
    EXPECT_TRUE(drained.result());
}

TEST_F(IngestTest, DrainWaitsForADuplicateThatWaits) {
    start();
    take(1, AckLevel::written, batch_of(1, 1, 1));
    write_one();
    take(2, AckLevel::durable, batch_of(1, 1, 1));
    coro::Job<Result<>> drained(loop.loop(), "drain", &Ingest::drain, &ingest());
    loop.run_until_idle();
    EXPECT_FALSE(drained.done());
    write_one();
    EXPECT_TRUE(client.answered(2));
    EXPECT_TRUE(drained.done());
    drained.cancel();
    loop.run_until_idle();
}

// ---- conservation ----

TEST_F(IngestTest, EveryRecordIsAccountedForWhateverHappens) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        options.queue_bytes_max = 20'000;
        std::mt19937_64 random(seed);
        client = Client();
        start();
        std::uint64_t taken = 0;
        std::uint64_t id = 0;
        std::uint64_t answers_due = 0;
        for (int step = 0; step < 400; ++step) {
            if (random() % 3 != 0) {
                const auto level = static_cast<AckLevel>(random() % 3);
                const auto records = static_cast<std::uint32_t>(1 + random() % 9);
                const auto admission = offer(++id, level, batch_of(records, 0, 0, random() % 400),
                                             static_cast<std::uint32_t>(random() % 3));
                ASSERT_TRUE(admission);
                taken += *admission == Admission::taken ? records : 0;
                answers_due += *admission == Admission::taken ? 1 : 0;
                loop.run_until_idle();
            } else if (!disk.groups.empty()) {
                if (random() % 8 == 0) {
                    fail_one();
                } else {
                    write_one(random() % 2 == 0);
                }
            }
        }
        for (int i = 0; i < 10; ++i) {
            write_all();
            loop.advance(std::chrono::seconds(1));
        }
        const IngestCounters& counters = ingest().counters();
        EXPECT_EQ(ingest().queued_bytes(), 0U);
        EXPECT_EQ(counters.records_received,
                  counters.records_stored + counters.records_lost + counters.records_refused);
        EXPECT_EQ(counters.losses_reported, counters.records_lost);
        EXPECT_GE(counters.records_received, taken);  // And the gap records.
        EXPECT_EQ(client.acks.size() + client.refused.size(), answers_due);
    }
}

}  // namespace
}  // namespace sluice::ingest::test
