// What becomes of parts: merged, left alone where they are damaged, removed for space; and what a failure costs.
#include "server_fixture.h"
#include "store/age_clock.h"

namespace sluice::server::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class LogKeeperTest : public ServerTest {
 protected:
    static constexpr Duration kTenYears = hours(87'600);

    LogKeeperTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 10;
        seal.bytes_max = 1ULL << 40U;
        seal.delay_max = hours(10);
        seal.zstd_level = seal.merge_zstd_level = 1;
        seal.page_rows = 4;
        seal.merge = {.parts_min = 3, .parts_max = 4, .rows_max = 1000};
        seal.check_interval = seconds(60);
        seal.cache_bytes_max = 1;
        options.pipeline.sync_interval = hours(1);
    }
    LogHub& hub() { return daemon->pipeline().hub(); }
    // One part of ten records.
    void seal_one() {
        if (client_ == nullptr) {
            client_ = &greet();
        }
        std::vector<Message> messages(10, {"message", "", wire::Severity::info});
        log(*client_, ++id_, messages, wire::AckLevel::durable);
        pass(milliseconds(500));
    }
    void keep_nothing() {
        store::RetentionOptions retention;
        retention.bytes_max = 1;
        daemon->pipeline().set_retention(retention);
    }
    void restart(Duration step = Duration()) {
        daemon->stop();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        daemon.reset();
        world.clock().step_wall(step);
        client_ = nullptr;
        start();
    }
    void begin_with_age(Duration age_max) {
        options.pipeline.seal.merge.rows_max = 0;
        options.pipeline.seal.retention.age_max = age_max;
        start();
    }
    std::string path_of(const store::PartPointer& part) { return sim::kStorePath + "/" + part->file; }
    void damage(const store::PartPointer& part) {
        const Bytes content = *world.disk().content(path_of(part));
        for (std::size_t at = content.size() / 4; at < content.size() / 2; ++at) {
            world.disk().flip(path_of(part), at, std::byte{0x55});
        }
    }

 private:
    RawClient* client_ = nullptr;
    std::uint64_t id_ = 1;
};

TEST_F(LogKeeperTest, DamagedPartsAreLeftAloneAndTheOthersAreMerged) {
    start();
    seal_one();
    seal_one();
    ASSERT_EQ(hub().parts()->size(), 2U);
    damage(hub().parts()->by_sequence()[1]);
    seal_one();
    EXPECT_EQ(hub().parts()->size(), 3U);
    EXPECT_EQ(daemon->report().parts_merged, 0U);
    EXPECT_EQ(daemon->report().seals_failed, 1U);
    pass(seconds(600));
    EXPECT_EQ(daemon->report().seals_failed, 1U) << "it is not tried again";
    for (int i = 0; i < 3; ++i) {
        seal_one();
    }
    EXPECT_EQ(daemon->report().parts_merged, 1U) << "those behind it";
    EXPECT_EQ(hub().parts()->size(), 4U);
    EXPECT_EQ(hub().sealed_end(), 61U);
}

TEST_F(LogKeeperTest, MergeThatCannotBeWrittenIsTriedAgainAtTheNextLook) {
    start();
    seal_one();
    seal_one();
    // Of the files made: the third part, and then the merged one.
    world.faults().add(io::fail_nth(io::OpCode::open, "*/part-*.tmp", 2, EIO));
    seal_one();
    ASSERT_EQ(hub().parts()->size(), 3U);
    EXPECT_EQ(daemon->report().seals_failed, 1U);
    pass(seconds(58));
    EXPECT_EQ(hub().parts()->size(), 3U);
    pass(seconds(4));
    EXPECT_EQ(hub().parts()->size(), 1U);
    EXPECT_EQ(daemon->report().parts_merged, 1U);
    EXPECT_EQ(daemon->report().seals_failed, 1U);
}

TEST_F(LogKeeperTest, SpaceIsKeptFreeByRemovingTheOldest) {
    options.pipeline.seal.merge.rows_max = 0;
    start();
    for (int i = 0; i < 4; ++i) {
        seal_one();
    }
    ASSERT_EQ(hub().parts()->size(), 4U);
    store::RetentionOptions retention;
    retention.keep_free = world.disk().free_bytes();
    daemon->pipeline().set_retention(retention);
    pass(seconds(1));
    EXPECT_EQ(hub().parts()->size(), 4U) << "so much is free";
    retention.keep_free = world.disk().free_bytes() + 1;
    daemon->pipeline().set_retention(retention);
    pass(seconds(1));
    EXPECT_LT(hub().parts()->size(), 4U);
    EXPECT_GT(hub().parts()->size(), 0U);
    EXPECT_EQ(hub().oldest_sequence(), hub().parts()->removed_end());
    EXPECT_EQ(daemon->report().parts_removed, 4 - hub().parts()->size());
}

// ---- the clock ----

TEST_F(LogKeeperTest, ClockThatIsAheadForAMinuteCostsNothing) {
    begin_with_age(hours(24));
    seal_one();
    seal_one();
    pass(hours(1));
    world.clock().step_wall(kTenYears);
    pass(seconds(130));
    EXPECT_EQ(daemon->report().parts_removed, 0U);
    EXPECT_EQ(daemon->report().clock_steps, std::vector{kTenYears});
    world.clock().step_wall(-kTenYears);
    pass(hours(20));
    EXPECT_EQ(daemon->report().parts_removed, 0U);
    EXPECT_EQ(daemon->report().clock_steps, (std::vector{kTenYears, -kTenYears}));
    pass(hours(4));
    EXPECT_EQ(daemon->report().parts_removed, 2U) << "old by any clock";
}

TEST_F(LogKeeperTest, ClockThatStaysAheadIsBelievedAfterADay) {
    begin_with_age(hours(1000));
    seal_one();
    pass(hours(1));
    world.clock().step_wall(kTenYears);
    pass(hours(23));
    EXPECT_EQ(daemon->report().parts_removed, 0U);
    pass(hours(2));
    EXPECT_EQ(daemon->report().parts_removed, 1U);
}

TEST_F(LogKeeperTest, StartWithAClockFarAheadOfTheStoreWaitsForADay) {
    begin_with_age(hours(1000));
    seal_one();
    restart(kTenYears);
    pass(hours(1));
    EXPECT_EQ(hub().parts()->size(), 1U);
    ASSERT_EQ(daemon->report().clock_steps.size(), 1U);
    EXPECT_GE(daemon->report().clock_steps[0], kTenYears);
    pass(hours(25));
    EXPECT_EQ(daemon->report().parts_removed, 1U);
}

// The log is gone; its parts tell when it was written.
TEST_F(LogKeeperTest, StartWithPartsAloneComparesTheClockWithTheNewest) {
    begin_with_age(hours(1000));
    seal_one();
    seal_one();
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    for (const std::string& name : world.disk().names(sim::kStorePath)) {
        if (store::parse_segment_name(name)) {
            world.disk().remove(sim::kStorePath + "/" + name);
        }
    }
    world.clock().step_wall(kTenYears);
    start();
    pass(hours(1));
    EXPECT_EQ(hub().parts()->size(), 2U);
    EXPECT_EQ(daemon->report().clock_steps.size(), 1U);
}

TEST_F(LogKeeperTest, StepOfTheClockIsOfNoConcernWithoutAges) {
    options.pipeline.seal.retention.bytes_max = 1ULL << 40U;
    start();
    world.clock().step_wall(kTenYears);
    pass(seconds(130));
    EXPECT_TRUE(daemon->report().clock_steps.empty());
    EXPECT_EQ(hub().end_sequence(), 1U) << "no record of it either";
}

TEST_F(LogKeeperTest, StepOfTheClockIsARecordOfTheDaemonsOwn) {
    begin_with_age(hours(24));
    world.clock().step_wall(kTenYears);
    pass(seconds(61));
    ASSERT_EQ(hub().recent().size(), 1U);
    const auto batch = wire::parse_batch_header(hub().recent()[0].payload);
    ASSERT_TRUE(batch);
    EXPECT_NE(batch->flags & wire::kBatchByDaemon, 0);
    EXPECT_TRUE(as_text(hub().recent()[0].payload).contains(store::clock_step_text(kTenYears)));
    EXPECT_TRUE(as_text(hub().recent()[0].payload).contains("clock_step_s"));
}

// One that was received while the clock was ahead stays by itself, and is there after a restart.
TEST_F(LogKeeperTest, PartOfTheFutureKeepsNoOthers) {
    begin_with_age(hours(2));
    seal_one();
    world.clock().step_wall(hours(20));  // Not so much that it is told by a record.
    seal_one();
    world.clock().step_wall(-hours(20));
    seal_one();
    seal_one();
    ASSERT_EQ(hub().parts()->size(), 4U);
    const std::string stays = hub().parts()->by_sequence()[1]->file;
    const std::uint64_t end = hub().sealed_end();
    pass(hours(3));
    ASSERT_EQ(hub().parts()->size(), 1U);
    EXPECT_EQ(hub().parts()->by_sequence()[0]->file, stays);
    EXPECT_EQ(hub().parts()->removed_end(), end);
    restart();
    ASSERT_EQ(hub().parts()->size(), 1U);
    EXPECT_EQ(hub().parts()->by_sequence()[0]->file, stays);
    EXPECT_TRUE(daemon->report().set_aside.empty() && daemon->report().damage.empty());
}

TEST_F(LogKeeperTest, RemovalThatFailsIsToldAndTriedAgain) {
    options.pipeline.seal.merge.rows_max = 0;
    start();
    seal_one();
    world.faults().add(io::fail_nth(io::OpCode::open, "*", 1, EIO));
    keep_nothing();
    pass(seconds(1));
    world.faults().clear_rules();
    const unsigned failed = daemon->report().seals_failed;
    pass(seconds(61));
    EXPECT_EQ(hub().parts()->size(), 0U);
    EXPECT_EQ(daemon->report().seals_failed, failed);
    EXPECT_EQ(daemon->report().parts_removed, 1U);
}

TEST_F(LogKeeperTest, RemovalThatFailsAgainAndAgainIsTriedOnceAnInterval) {
    options.pipeline.seal.merge.rows_max = 0;
    start();
    seal_one();
    world.faults().add(io::fail_from(io::OpCode::open, "*", 1, EIO));
    keep_nothing();
    pass(seconds(1));
    EXPECT_EQ(daemon->report().seals_failed, 1U);
    pass(seconds(58));
    EXPECT_EQ(daemon->report().seals_failed, 1U);
    pass(seconds(60));
    EXPECT_EQ(daemon->report().seals_failed, 2U);
    world.faults().clear_rules();
    pass(seconds(60));
    EXPECT_EQ(hub().parts()->size(), 0U);
}

}  // namespace
}  // namespace sluice::server::test
