// Who waits behind whom in the queue.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "ingest/ingest_fixture.h"

namespace sluice::ingest::test {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::uint32_t kFlood = 2000;   // And those behind it: users who send as much as they can.
constexpr std::uint32_t kVictim = 1000;  // Sends one small batch.
constexpr std::size_t kLarge = 100'000;  // Of a flood's batch; a group has two or three.

class FairQueueTest : public IngestTest {
 protected:
    FairQueueTest() { options.group_bytes_max = 256 * 1024; }
    // Until the queue takes no more of `uid`.
    void flood(std::uint32_t uid, AckLevel level = AckLevel::written) {
        static const Bytes kBatch = batch_of(1, 0, 0, kLarge);
        Result<Admission> admission = Admission::taken;
        while (*admission == Admission::taken) {  // Bounded by the queue.
            admission = offer(++last_id_, level, kBatch, uid);
            ASSERT_TRUE(admission) << admission.error();
        }
        loop.run_until_idle();
    }
    std::uint64_t say_little(std::uint32_t uid = kVictim) {
        take(++last_id_, AckLevel::durable, batch_of(1), uid);
        return last_id_;
    }
    // How many groups are written before `id` is answered, and its own.
    unsigned groups_until(std::uint64_t id) {
        unsigned groups = 0;
        while (!client.answered(id) && !disk.groups.empty()) {
            write_one();
            ++groups;
        }
        return groups;
    }
    // Of whom the group is that comes next to the disk; 0: of several.
    std::uint32_t next_is_of() const {
        const std::vector<Entry>& entries = disk.groups.front()->entries;
        const std::uint32_t uid = entries.front().uid;
        return std::ranges::all_of(entries, [uid](const Entry& entry) { return entry.uid == uid; }) ? uid : 0;
    }
    std::uint64_t last_id_ = 0;
};

// ---- order ----

TEST_F(FairQueueTest, LittleIsInTheNextGroupBehindAFlood) {
    start();
    flood(kFlood);
    ASSERT_GT(ingest().queued_bytes(), options.queue_bytes_max / 2);
    EXPECT_EQ(groups_until(say_little()), 2U);
    write_all();
    EXPECT_EQ(ingest().queued_bytes(), 0U);
}

TEST_F(FairQueueTest, BehindAGroupOfWhoHasLittleThereIsOneOfAFlood) {
    start();
    flood(kFlood);
    say_little();  // Takes the place behind those in flight.
    write_one();
    const std::uint64_t id = say_little();
    EXPECT_EQ(groups_until(id), 3U);  // One of the flood is due first.
    write_all();
}

TEST_F(FairQueueTest, WhereTheDiskIsShortOfRoomAFloodWaitsAndOthersDoNot) {
    start();
    flood(kFlood);
    write_one();
    disk.short_of = true;
    write_one();
    EXPECT_TRUE(disk.groups.empty()) << "the flood waits";
    for (int i = 0; i < 3; ++i) {
        const std::uint64_t id = say_little();
        EXPECT_EQ(groups_until(id), 1U);
    }
    EXPECT_GT(ingest().queued_bytes(), options.queue_bytes_max / 4);
    disk.short_of = false;
    loop.run_until_idle();
    EXPECT_TRUE(disk.groups.empty()) << "nobody has said so";
    ingest().room_changed();
    loop.run_until_idle();
    ASSERT_EQ(disk.groups.size(), 1U);
    EXPECT_EQ(next_is_of(), kFlood);
    write_all();
    EXPECT_EQ(ingest().queued_bytes(), 0U);
}

// A sync would not make it durable, and there would be another one after it, and so on.
TEST_F(FairQueueTest, DuplicateOfWhatWaitsForRoomIsNotSynced) {
    start();
    for (std::uint64_t number = 1; number <= 6; ++number) {
        take(number, AckLevel::written, batch_of(1, 1, number, kLarge), kFlood);
    }
    disk.short_of = true;
    write_one();
    ASSERT_TRUE(disk.groups.empty()) << "the others are a lane";
    take(10, AckLevel::durable, batch_of(1, 1, 6, kLarge), kFlood);
    EXPECT_TRUE(disk.groups.empty());
    disk.short_of = false;
    ingest().room_changed();
    loop.run_until_idle();
    write_all();
    EXPECT_EQ(client.acks.at(10).level, AckLevel::durable);
    EXPECT_TRUE(client.acks.at(10).duplicate);
}

TEST_F(FairQueueTest, FloodsOfSeveralUsersTakeTurnsAndWhoHasLittleGoesBetween) {
    start();
    for (std::uint32_t turn = 0; turn < 20; ++turn) {
        for (std::uint32_t user = 0; user < 3; ++user) {
            take(++last_id_, AckLevel::written, batch_of(1, 0, 0, kLarge), kFlood + user);
        }
    }
    const std::uint64_t id = say_little();
    EXPECT_LE(groups_until(id), 4U);  // One in flight, one that was shared and full before, one of a flood.
    std::vector<std::uint32_t> users;
    while (!disk.groups.empty()) {
        users.push_back(next_is_of());
        write_one();
    }
    ASSERT_GT(users.size(), 12U);
    for (std::size_t i = 0; i < 10; ++i) {
        std::vector<std::uint32_t> three(users.begin() + static_cast<std::ptrdiff_t>(i),
                                         users.begin() + static_cast<std::ptrdiff_t>(i + 3));
        std::ranges::sort(three);
        EXPECT_THAT(three, ElementsAre(kFlood, kFlood + 1, kFlood + 2)) << i;
    }
}

TEST_F(FairQueueTest, ManyWhoHaveLittleShareGroups) {
    start();
    flood(kFlood);
    std::uint64_t id = 0;
    for (std::uint32_t user = 1; user <= 50; ++user) {
        id = say_little(user);
    }
    EXPECT_EQ(groups_until(id), 2U);
    EXPECT_EQ(client.acks.size(), 50U + 3U) << "all of them, and the group that was in flight";
    write_all();
}

TEST_F(FairQueueTest, WhoIsAloneFillsGroups) {
    start();
    flood(kFlood);
    write_one();  // The first was handed over with what there was.
    while (disk.groups.size() == 1 && ingest().queued_bytes() > options.group_bytes_max + 2 * kLarge) {
        EXPECT_GE(disk.groups.front()->bytes, options.group_bytes_max);
        write_one();
    }
    write_all();
}

TEST_F(FairQueueTest, WhatAFloodHasLeftIsSharedAgain) {
    start();
    for (int i = 0; i < 5; ++i) {
        take(++last_id_, AckLevel::written, batch_of(1, 0, 0, kLarge), kFlood);
    }
    write_one();  // Now a full one is in flight, and one batch is left.
    EXPECT_EQ(disk.groups.front()->count, 3U);
    say_little();
    write_one();
    EXPECT_EQ(disk.groups.front()->count, 2U);
    write_all();
}

TEST_F(FairQueueTest, BatchesOfAUserKeepTheirOrderWhateverOthersSend) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        options.queue_bytes_max = 8U << 20U;
        client = {};
        start();
        std::map<std::uint32_t, std::uint64_t> last_of;  // By user: the request that was written last.
        const auto write = [&] {
            const Group& group = *disk.groups.front();
            std::uint32_t records = 0;
            std::size_t bytes = kGroupHeadBytes;
            bool durable = false;
            for (const Entry& entry : group.entries) {
                EXPECT_GT(entry.request_id, last_of[entry.uid]);
                last_of[entry.uid] = entry.request_id;
                EXPECT_EQ(entry.first_record, records);
                records += entry.count;
                bytes += entry.bytes;
                durable = durable || entry.level == AckLevel::durable;
            }
            EXPECT_EQ(group.count, records);
            EXPECT_EQ(group.bytes, bytes);
            EXPECT_EQ(group.durable, durable);
            EXPECT_EQ(batches_in(group).size(), group.entries.size());
            write_one();
        };
        std::uint64_t taken = 0;
        const std::uint32_t users = seed % 2 == 0 ? 4 : 2 * FairQueue::kLanesMax;
        for (int step = 0; step < 600; ++step) {
            if (random() % 8 == 0 && !disk.groups.empty()) {
                write();
                continue;
            }
            const auto level = random() % 2 == 0 ? AckLevel::written : AckLevel::durable;
            const std::size_t bytes = random() % 3 == 0 ? random() % kLarge : random() % 2000;
            const auto admission =
                offer(++last_id_, level, batch_of(1, 0, 0, bytes), static_cast<std::uint32_t>(random() % users));
            ASSERT_TRUE(admission);
            taken += *admission == Admission::taken ? 1 : 0;
            loop.run_until_idle();
        }
        while (!disk.groups.empty()) {
            write();
        }
        EXPECT_EQ(client.acks.size(), taken);
        EXPECT_EQ(ingest().queued_bytes(), 0U);
    }
}

TEST_F(FairQueueTest, FailureRefusesWhatWaitsInEveryLane) {
    start();
    flood(kFlood);
    flood(kFlood + 1);
    const std::uint64_t id = say_little();
    while (!disk.groups.empty()) {
        fail_one();
    }
    EXPECT_EQ(client.refused.at(id), Errc::io_error);
    EXPECT_EQ(client.refused.size(), ingest().counters().batches);
    EXPECT_EQ(ingest().queued_bytes(), 0U);
    EXPECT_EQ(groups_until(say_little()), 1U);
}

// Lanes would let a user's batch overtake the one before it that another brought.
TEST_F(FairQueueTest, ProducerOfTwoUsersKeepsItsOrder) {
    start();
    flood(kFlood);
    take(++last_id_, AckLevel::written, batch_of(1, 1, 1), kFlood + 1);
    EXPECT_EQ(*offer(++last_id_, AckLevel::written, batch_of(1, 1, 2), kVictim), Admission::wait);
    EXPECT_EQ(*offer(last_id_, AckLevel::written, batch_of(1, 1, 2), kFlood + 1), Admission::taken);
    write_all();
    take(++last_id_, AckLevel::written, batch_of(1, 1, 3), kVictim);
    write_all();
    EXPECT_FALSE(client.acks.at(last_id_).duplicate);
}

TEST_F(FairQueueTest, RefusedBatchLeavesNoLane) {
    start();
    flood(kFlood);
    say_little();
    Bytes broken = batch_of(1, 0, 0, kLarge);
    broken.back() ^= std::byte{0xff};
    broken.resize(broken.size() - 8);
    EXPECT_FALSE(offer(++last_id_, AckLevel::written, broken, kFlood + 1));
    write_all();
    EXPECT_EQ(ingest().queued_bytes(), 0U);
    EXPECT_EQ(groups_until(say_little(kFlood + 1)), 1U);
}

// ---- room ----

TEST_F(FairQueueTest, FullQueueHasRoomForLittle) {
    start();
    flood(kFlood);
    flood(kFlood + 1);
    ASSERT_GT(ingest().queued_bytes(), options.queue_bytes_max / 8 * 7 - 2 * kLarge);
    EXPECT_LE(ingest().queued_bytes(), options.queue_bytes_max / 8 * 7);
    for (std::uint32_t user = 1; user <= 30; ++user) {
        take(++last_id_, AckLevel::durable, batch_of(1, 0, 0, 60'000), user);
    }
    write_all();
}

TEST_F(FairQueueTest, OfThoseWhoFindNoRoomWhoHasLeastIsFirst) {
    options.batch_bytes_max = 1U << 20U;
    start();
    flood(kFlood);
    const Bytes large = batch_of(1, 0, 0, 900'000);
    const Bytes small = batch_of(1, 0, 0, kLarge);
    ASSERT_EQ(*offer(++last_id_, AckLevel::written, large, kVictim), Admission::wait);
    const std::uint64_t id = last_id_;
    unsigned groups = 0;
    Result<Admission> admission = Admission::wait;
    for (; *admission == Admission::wait; ++groups) {
        ASSERT_LT(groups, 8U) << "the flood takes what becomes free";
        write_one();
        EXPECT_EQ(*offer(++last_id_, AckLevel::written, small, kFlood), Admission::wait);
        admission = offer(id, AckLevel::written, large, kVictim);
    }
    EXPECT_LE(groups, 4U);
    write_all();
    EXPECT_TRUE(client.acks.contains(id));
}

TEST_F(FairQueueTest, WhoHasGoneStandsInNobodysWay) {
    start();
    flood(kFlood);
    ASSERT_EQ(*offer(++last_id_, AckLevel::written, batch_of(1, 0, 0, 900'000), kVictim), Admission::wait);
    const Bytes small = batch_of(1, 0, 0, kLarge);
    write_one();
    EXPECT_EQ(*offer(++last_id_, AckLevel::written, small, kFlood), Admission::wait);
    write_one();
    EXPECT_EQ(*offer(++last_id_, AckLevel::written, small, kFlood), Admission::taken);
    write_all();
}

}  // namespace
}  // namespace sluice::ingest::test
