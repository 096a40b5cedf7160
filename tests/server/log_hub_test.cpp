// The log as the loop sees it, by itself: what is kept in memory, for how long and in whose; what is told, and once.
#include "server/log_hub.h"

#include <gtest/gtest.h>

#include "coro/test_loop.h"

namespace sluice::server::test {
namespace {

constexpr std::size_t kAny = std::size_t{1} << 30U;
// What a group costs beside its payload.
constexpr std::size_t kHead = sizeof(StoredGroup);

class LogHubTest : public testing::Test {
 protected:
    // A group of `count` records and `bytes`, in a buffer of `owner_bytes`.
    StoredGroup group(std::uint64_t first, std::uint32_t count, std::size_t bytes, std::size_t owner_bytes = 0) {
        auto owner = std::make_shared<const Bytes>(bytes, static_cast<std::byte>(first));
        const ByteView payload(*owner);
        return {.owner = std::move(owner),
                .payload = payload,
                .epoch = 1,
                .first_sequence = first,
                .count = count,
                .owner_bytes = owner_bytes};
    }
    static std::shared_ptr<store::PartSet> sealed_to(std::uint64_t end) {
        auto parts = std::make_shared<store::PartSet>();
        parts->state.sealed_end = end;
        return parts;
    }
    static store::SegmentInfo segment(std::uint64_t id, std::uint64_t first, std::uint64_t bytes,
                                      std::uint32_t epoch = 1) {
        store::SegmentInfo info;
        info.header.segment_id = id;
        info.header.first_sequence = first;
        info.header.epoch = epoch;
        info.file_bytes = bytes;
        return info;
    }
    // Publishes groups of one record and `bytes` each; how many of them are still there.
    static std::size_t kept(LogHub& hub) { return hub.recent().size(); }
};

// ---- memory ----

TEST_F(LogHubTest, SmallGroupsShareMemoryAndLargeOnesKeepTheirs) {
    LogHub hub(kAny, 0);
    const StoredGroup small = group(1, 1, 2048, 4096);
    hub.publish(small);
    const StoredGroup& copied = hub.recent().back();
    EXPECT_NE(copied.owner, small.owner);
    EXPECT_NE(copied.payload.data(), small.payload.data());
    EXPECT_EQ(as_text(copied.payload), as_text(small.payload));
    EXPECT_EQ(copied.owner_bytes, 0U);
    EXPECT_EQ(copied.epoch, 1U);
    EXPECT_EQ(copied.count, 1U);
    const StoredGroup large = group(2, 1, 2049);
    hub.publish(large);
    EXPECT_EQ(hub.recent().back().owner, large.owner);
    EXPECT_EQ(hub.recent().back().payload.data(), large.payload.data());
}

TEST_F(LogHubTest, SharedMemoryIsFilledToItsLastByte) {
    LogHub hub(kAny, 0);
    for (std::uint64_t n = 1; n <= 33; ++n) {
        hub.publish(group(n, 1, 2048));
    }
    for (std::uint64_t n = 2; n <= 32; ++n) {
        EXPECT_EQ(hub.recent()[n - 1].owner, hub.recent()[0].owner) << n;
    }
    EXPECT_NE(hub.recent()[32].owner, hub.recent()[0].owner);
    for (std::uint64_t n = 1; n <= 33; ++n) {
        EXPECT_EQ(hub.recent()[n - 1].payload.front(), static_cast<std::byte>(n));
        EXPECT_EQ(hub.recent()[n - 1].payload.back(), static_cast<std::byte>(n));
    }
}

// A buffer that is filled by four fifths stays; one that is not goes back.
TEST_F(LogHubTest, BuffersThatWereNotFilledGoBack) {
    LogHub hub(kAny, 0);
    const StoredGroup full = group(1, 1, 4000, 5000);
    hub.publish(full);
    EXPECT_EQ(hub.recent().back().owner, full.owner);
    EXPECT_EQ(hub.recent().back().owner_bytes, 5000U);
    const StoredGroup wasteful = group(2, 1, 4000, 5001);
    hub.publish(wasteful);
    EXPECT_NE(hub.recent().back().owner, wasteful.owner);
    EXPECT_EQ(hub.recent().back().owner_bytes, 0U);
    EXPECT_EQ(as_text(hub.recent().back().payload), as_text(wasteful.payload));
}

TEST_F(LogHubTest, GroupsAreKeptToTheLastByteOfTheirMemory) {
    for (const std::size_t missing : {0U, 1U}) {
        LogHub hub(3 * (4000 + kHead) - missing, 0);
        for (std::uint64_t n = 1; n <= 3; ++n) {
            hub.publish(group(n, 1, 4000));
        }
        EXPECT_EQ(kept(hub), 3 - missing);
    }
    // What a buffer takes counts, where that is more.
    for (const std::size_t missing : {0U, 1U}) {
        LogHub hub(2 * (5000 + kHead) - missing, 0);
        hub.publish(group(1, 1, 4000, 5000));
        hub.publish(group(2, 1, 4000, 5000));
        EXPECT_EQ(kept(hub), 2 - missing);
        hub.publish(group(3, 1, 4000, 5000));
        EXPECT_EQ(kept(hub), 2 - missing);
        EXPECT_EQ(hub.recent().back().first_sequence, 3U);
    }
    LogHub hub(1, 0);
    hub.publish(group(1, 1, 4000));
    EXPECT_EQ(kept(hub), 1U) << "the last one stays whatever it takes";
    hub.publish(group(2, 1, 4000));
    EXPECT_EQ(kept(hub), 1U);
    EXPECT_EQ(hub.recent().front().first_sequence, 2U);
}

TEST_F(LogHubTest, WhatIsNotSealedHasTheLargerOfBothLimits) {
    const std::size_t one = 4000 + kHead;
    LogHub hub(2 * one, 4 * one);
    for (std::uint64_t n = 1; n <= 5; ++n) {
        hub.publish(group(n, 1, 4000));
    }
    EXPECT_EQ(kept(hub), 4U);
    EXPECT_EQ(hub.open_bytes(), 5 * 4000U) << "in memory or not";
    hub.set_parts(sealed_to(3), 2 * 4000);
    EXPECT_EQ(kept(hub), 3U) << "the second is sealed, the third is not";
    EXPECT_EQ(hub.open_bytes(), 3 * 4000U);
    hub.set_parts(sealed_to(5), 4000);
    EXPECT_EQ(kept(hub), 2U);
    EXPECT_EQ(hub.open_bytes(), 2 * 4000U);
    hub.set_parts(sealed_to(6), 4000);
    EXPECT_EQ(kept(hub), 2U);
    EXPECT_EQ(hub.open_bytes(), 0U) << "nothing is open";
    LogHub other(4 * one, one);
    for (std::uint64_t n = 1; n <= 5; ++n) {
        other.publish(group(n, 1, 4000));
    }
    EXPECT_EQ(kept(other), 4U);
    other.set_parts(sealed_to(2), kAny);
    EXPECT_EQ(other.open_bytes(), 0U) << "not below nothing";
}

// ---- numbers ----

TEST_F(LogHubTest, BeginsEmptyAndIsWhatItWasStartedWith) {
    LogHub hub(kAny, kAny);
    EXPECT_EQ(hub.end_sequence(), 1U);
    EXPECT_EQ(hub.durable_sequence(), 1U);
    EXPECT_EQ(hub.epoch(), 0U);
    EXPECT_FALSE(hub.direct());
    EXPECT_EQ(hub.open_bytes(), 0U);
    ASSERT_TRUE(hub.parts());
    LogHub::Start found;
    found.store_id[3] = std::byte{7};
    found.epoch = 4;
    found.end_sequence = 90;
    found.catalog = {segment(1, 10, 100, 2), segment(2, 30, 200, 2), segment(3, 50, 400, 3), segment(4, 70, 800, 4)};
    found.direct = true;
    found.epochs = {{1, 1}, {2, 10}};
    hub.start(std::move(found));
    EXPECT_EQ(hub.store_id()[3], std::byte{7});
    EXPECT_EQ(hub.epoch(), 4U);
    EXPECT_EQ(hub.end_sequence(), 90U);
    EXPECT_EQ(hub.durable_sequence(), 90U);
    EXPECT_TRUE(hub.direct());
    EXPECT_EQ(hub.log_bytes(), 1500U);
    EXPECT_EQ(hub.oldest_sequence(), 10U);
    EXPECT_EQ(hub.epochs(), (std::vector<store::EpochStart>{{1, 1}, {2, 10}, {3, 50}, {4, 70}}));
    hub.set_parts(sealed_to(40), 0);
    EXPECT_EQ(hub.oldest_sequence(), 40U) << "what is sealed and gone";
    EXPECT_EQ(hub.sealed_end(), 40U);
    EXPECT_EQ(hub.epochs(), (std::vector<store::EpochStart>{{2, 10}, {3, 50}, {4, 70}}));
    hub.set_parts(sealed_to(50), 0);
    EXPECT_EQ(hub.epochs().size(), 3U) << "where an epoch begins it is not over";
    hub.set_parts(sealed_to(51), 0);
    EXPECT_EQ(hub.epochs().front(), (store::EpochStart{3, 50}));
    hub.set_parts(sealed_to(90), 0);
    EXPECT_EQ(hub.epochs(), (std::vector<store::EpochStart>{{4, 70}})) << "the last one stays";
    hub.set_catalog({});
    EXPECT_EQ(hub.oldest_sequence(), 90U);
    EXPECT_EQ(hub.log_bytes(), 0U);
}

TEST_F(LogHubTest, EpochsOfTheSegmentsAreAddedOnce) {
    LogHub hub(kAny, kAny);
    LogHub::Start found;
    found.end_sequence = 50;
    found.catalog = {segment(1, 10, 1, 2), segment(2, 20, 1, 3), segment(3, 30, 1, 3)};
    hub.start(std::move(found));
    EXPECT_EQ(hub.epochs(), (std::vector<store::EpochStart>{{2, 10}, {3, 20}}));
}

TEST_F(LogHubTest, FindsTheGroupThatHoldsARecord) {
    LogHub hub(kAny, kAny);
    EXPECT_EQ(hub.find(1), nullptr);
    LogHub::Start found;
    found.end_sequence = 20;
    hub.start(std::move(found));
    hub.restore(group(5, 3, 10));
    hub.restore(group(10, 2, 10));
    hub.restore(group(12, 8, 10));
    hub.publish(group(20, 1, 10));
    const auto first = [&](std::uint64_t sequence) {
        const StoredGroup* holder = hub.find(sequence);
        return holder == nullptr ? 0 : holder->first_sequence;
    };
    EXPECT_EQ(first(4), 0U);
    EXPECT_EQ(first(5), 5U);
    EXPECT_EQ(first(7), 5U);
    EXPECT_EQ(first(8), 0U) << "damage";
    EXPECT_EQ(first(9), 0U);
    EXPECT_EQ(first(10), 10U);
    EXPECT_EQ(first(11), 10U);
    EXPECT_EQ(first(12), 12U);
    EXPECT_EQ(first(19), 12U);
    EXPECT_EQ(first(20), 20U);
    EXPECT_EQ(first(21), 0U);
    EXPECT_EQ(hub.end_sequence(), 21U);
    EXPECT_EQ(hub.open_bytes(), 40U);
}

TEST_F(LogHubTest, SnapshotHasTheOpenGroupsAndWhereTheyBegin) {
    LogHub hub(kAny, kAny);
    for (std::uint64_t n = 1; n <= 4; ++n) {
        hub.publish(group(2 * n - 1, 2, 10));
    }
    LogHub::Snapshot all = hub.snapshot();
    EXPECT_EQ(all.open.size(), 4U);
    EXPECT_EQ(all.open_from, 1U);
    EXPECT_EQ(all.end_sequence, 9U);
    const auto parts = sealed_to(5);
    hub.set_parts(parts, 20);
    const LogHub::Snapshot open = hub.snapshot();
    EXPECT_EQ(open.parts, parts);
    ASSERT_EQ(open.open.size(), 2U);
    EXPECT_EQ(open.open_from, 5U);
    EXPECT_EQ(open.open.front().first_sequence, 5U);
    hub.set_parts(sealed_to(9), 20);
    const LogHub::Snapshot none = hub.snapshot();
    EXPECT_TRUE(none.open.empty());
    EXPECT_EQ(none.open_from, 9U);
    EXPECT_EQ(none.end_sequence, 9U);
}

// ---- what is told ----

TEST_F(LogHubTest, WhoWaitsHearsOfWhatIsNew) {
    coro::TestLoop loop;
    LogHub hub(kAny, kAny);
    int heard = 0;
    const auto listen = [](LogHub& from, int& count) -> Task<Result<>> {
        for (;;) {
            SLUICE_CO_CHECK(co_await from.changed());
            ++count;
        }
    };
    coro::Job<Result<>> job(loop.loop(), "listen", listen, std::ref(hub), std::ref(heard));
    loop.run_until_idle();
    EXPECT_EQ(heard, 0);
    hub.publish(group(1, 3, 10));
    loop.run_until_idle();
    EXPECT_EQ(heard, 1);
    hub.set_durable(3);
    loop.run_until_idle();
    EXPECT_EQ(heard, 2);
    EXPECT_EQ(hub.durable_sequence(), 3U);
    hub.set_durable(3);
    hub.set_durable(2);
    hub.set_parts(sealed_to(2), 0);
    loop.run_until_idle();
    EXPECT_EQ(heard, 2) << "nothing new";
    EXPECT_EQ(hub.durable_sequence(), 3U);
    hub.set_durable(4);
    loop.run_until_idle();
    EXPECT_EQ(heard, 3);
    job.cancel();
    loop.run_until_idle();
    EXPECT_TRUE(job.done());
}

TEST_F(LogHubTest, RecordsOfAHubThatWasNotStartedAreOfNoEpoch) {
    const LogHub hub(kAny, kAny);
    EXPECT_EQ(hub.epoch_of(1), 0U);
    EXPECT_EQ(hub.oldest_sequence(), 1U);
    EXPECT_EQ(hub.log_bytes(), 0U);
}

// A place that turns out to be larger, at either side, is told with all that it is now known to cost.
TEST_F(LogHubTest, PlaceThatGrowsIsToldAgainAndOnlyThen) {
    LogHub hub(kAny, kAny);
    std::vector<std::string> told;
    hub.on_damage([&](const store::Damage& found) {
        told.push_back(fmt::format("{} to {}", found.first_sequence, found.end_sequence));
    });
    const auto report = [&](std::uint64_t first, std::uint64_t end) {
        store::Damage found;
        found.file = "a";
        found.offset = 4096;
        found.first_sequence = first;
        found.end_sequence = end;
        hub.report(found);
    };
    report(10, 20);
    report(10, 20);
    report(12, 18);
    report(10, 19);
    report(11, 20);
    EXPECT_EQ(told, (std::vector<std::string>{"10 to 20"}));
    report(9, 15);
    report(15, 21);
    EXPECT_EQ(told, (std::vector<std::string>{"10 to 20", "9 to 15", "15 to 21"}));
    report(9, 21);
    EXPECT_EQ(told.size(), 3U) << "both are known";
}

TEST_F(LogHubTest, EachPlaceOfDamageIsToldOnce) {
    LogHub hub(kAny, kAny);
    const auto damage = [](std::string file, std::uint64_t end) {
        store::Damage found;
        found.file = std::move(file);
        found.end_sequence = end;
        return found;
    };
    hub.report(damage("a", 1));  // Nobody listens yet: it is told later.
    std::vector<std::string> told;
    hub.on_damage(
        [&](const store::Damage& found) { told.push_back(fmt::format("{}{}", found.file, found.end_sequence)); });
    hub.report(damage("a", 1));
    hub.report(damage("a", 1));
    hub.report(damage("a", 2));
    hub.report(damage("b", 1));
    hub.report(damage("b", 1));
    EXPECT_EQ(told, (std::vector<std::string>{"a1", "a2", "b1"}));
    for (std::uint64_t n = 0; n < 10'000; ++n) {
        hub.report(damage("c", n));
    }
    EXPECT_EQ(told.size(), 10'000U) << "so many are remembered";
    hub.report(damage("d", 1));
    EXPECT_EQ(told.size(), 10'000U);
}

}  // namespace
}  // namespace sluice::server::test
