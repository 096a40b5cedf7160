// The log over its life: when it is synced and sealed, what is tried again and when, and what a restart finds.
#include <gmock/gmock.h>

#include <map>

#include "log_life_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::AckLevel;

// ---- syncing ----

TEST_F(LogLifeTest, WhatIsWrittenIsSyncedAfterTheInterval) {
    options.pipeline.sync_interval = seconds(2);
    begin();
    write(1, AckLevel::written);
    pass(milliseconds(1000));
    write(1, AckLevel::written);
    pass(milliseconds(900));
    EXPECT_EQ(hub().durable_sequence(), 1U);
    pass(milliseconds(200));
    EXPECT_EQ(hub().durable_sequence(), 3U) << "counted from the first record";
    // With nothing to sync nothing is synced.
    io::FaultRule rule = io::fail_from(io::OpCode::sync, "*", 1, 0);
    rule.fault.delay = std::chrono::microseconds(1);
    const std::size_t syncs = world.faults().add(rule);
    pass(seconds(60));
    EXPECT_EQ(world.faults().hits(syncs), 0U);
    write(1, AckLevel::written);
    pass(milliseconds(1900));
    EXPECT_EQ(hub().durable_sequence(), 3U);
    pass(milliseconds(200));
    EXPECT_EQ(hub().durable_sequence(), 4U);
}

// ---- when it is sealed ----

TEST_F(LogLifeTest, SealsAtTheNumberOfRowsThatAreDurable) {
    options.pipeline.seal.rows_max = 20;
    begin();
    write(19);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 1U);
    write(1, AckLevel::written);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 1U) << "one is not durable";
    write(1);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 21U) << "whole groups, as many as fit";
    EXPECT_EQ(daemon->report().parts_sealed, 1U);
}

TEST_F(LogLifeTest, SealsAtTheBytes) {
    options.pipeline.seal.rows_max = 1'000'000;
    begin();
    write(5);
    const std::uint64_t one = hub().open_bytes();
    ASSERT_GT(one, 0U);
    for (const std::uint64_t missing : {0U, 1U}) {
        stop_cleanly();
        world.disk().remove(sim::kStorePath);
        world.disk().make_directories(sim::kStorePath);
        options.pipeline.seal.bytes_max = 3 * one + missing;
        begin();
        write(5);
        write(5);
        pass(seconds(1));
        EXPECT_EQ(hub().sealed_end(), 1U);
        write(5);
        pass(seconds(1));
        EXPECT_EQ(hub().sealed_end(), missing == 0 ? 16U : 1U);
        EXPECT_EQ(hub().open_bytes(), missing == 0 ? 0 : 3 * one);
    }
}

TEST_F(LogLifeTest, SealsWhatIsOldEnough) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.delay_max = seconds(10);
    begin();
    pass(seconds(30));
    write(1);
    pass(seconds(6));
    write(1);
    pass(milliseconds(3900));
    EXPECT_EQ(hub().sealed_end(), 1U);
    pass(milliseconds(200));
    EXPECT_EQ(hub().sealed_end(), 3U) << "the younger one with it";
    pass(seconds(30));
    write(1);
    pass(milliseconds(9900));
    EXPECT_EQ(hub().sealed_end(), 3U);
    pass(milliseconds(200));
    EXPECT_EQ(hub().sealed_end(), 4U);
}

// What is old and not durable cannot be sealed: nothing is tried until it is durable.
TEST_F(LogLifeTest, WhatIsOldAndNotDurableWaits) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.delay_max = seconds(10);
    begin();
    write(1, AckLevel::written);
    pass(seconds(60));
    EXPECT_EQ(hub().sealed_end(), 1U);
    EXPECT_EQ(hub().durable_sequence(), 1U);
    write(1);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 3U) << "at once";
}

// What one seal leaves has its time from then on.
TEST_F(LogLifeTest, RestOfASealIsAsOldAsThatSeal) {
    options.pipeline.seal.rows_max = 20;
    options.pipeline.seal.delay_max = seconds(10);
    begin();
    write(12);
    pass(seconds(6));
    write(12);
    pass(milliseconds(500));
    ASSERT_EQ(hub().sealed_end(), 13U);
    pass(seconds(9));
    EXPECT_EQ(hub().sealed_end(), 13U);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 25U);
}

TEST_F(LogLifeTest, OneSealTakesWholeGroupsUpToItsRows) {
    options.pipeline.seal.rows_max = 20;
    options.pipeline.seal.delay_max = seconds(1);
    begin();
    write(12, AckLevel::written);
    write(8, AckLevel::written);
    write(1, AckLevel::written);
    write(30, AckLevel::durable);
    pass(seconds(5));
    EXPECT_EQ(hub().sealed_end(), 52U);
    std::vector<std::uint64_t> ends;
    for (const store::PartPointer& part : hub().parts()->by_sequence()) {
        ends.push_back(part->name.end_sequence);
    }
    // 12 and 8 are 20; 1 and 30 are more; a group is never cut.
    EXPECT_EQ(ends, (std::vector<std::uint64_t>{21, 22, 52}));
}

TEST_F(LogLifeTest, FailedSealIsTriedAgainLaterAndLater) {
    options.pipeline.seal.rows_max = 5;
    begin();
    const auto until_next_failure = [&] {
        const unsigned before = daemon->report().seals_failed;
        const MonotonicTime began = world.clock().now();
        while (daemon->report().seals_failed == before && world.clock().now() < began + seconds(20)) {
            pass(milliseconds(1));
        }
        return std::chrono::duration_cast<milliseconds>(world.clock().now() - began).count();
    };
    for (int round = 0; round < 2; ++round) {
        world.faults().add(io::fail_from(io::OpCode::open, "*/part-*", 1, EIO));
        write(5);
        EXPECT_LE(until_next_failure(), 50);
        // Doubled each time, to 6.4 s; and from the start again after a success.
        for (const int delay : {100, 200, 400, 800, 1600, 3200, 6400, 6400}) {
            const auto waited = until_next_failure();
            EXPECT_GE(waited, delay);
            EXPECT_LE(waited, delay + 20);
        }
        world.faults().clear_rules();
        pass(seconds(7));
        EXPECT_EQ(hub().sealed_end(), hub().end_sequence());
        EXPECT_EQ(daemon->report().seals_failed, 9U * static_cast<unsigned>(round + 1));
    }
}

// Only what is durable can be sealed: a log that is too long is synced first, however long its interval is.
TEST_F(LogLifeTest, LogThatIsTooLongIsSyncedAndSealedAtOnce) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.writer.log_bytes_max = 4 * options.writer.segment_bytes;
    begin();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 502; ++id) {
        log(client, id, {{std::string(4000, 'x'), "", wire::Severity::info}});
        ASSERT_LE(hub().log_bytes(), 5 * options.writer.segment_bytes) << id;
    }
    EXPECT_GT(hub().sealed_end(), 200U);
    EXPECT_EQ(daemon->report().seals_failed, 0U);
}

// Who writes as much as the log takes waits for the sealer; who writes a little does not wait behind him.
class LogShortOfRoomTest : public LogLifeTest {
 protected:
    static constexpr uid_t kFlood = 2000;
    static constexpr std::uint64_t kFloodBatches = 300;

    void flood() {
        RawClient& client = greet(kFlood);
        const Bytes batch = batch_of({{std::string(30'000, 'x'), "", wire::Severity::info}});
        for (std::uint64_t id = 2; id < 2 + kFloodBatches; ++id) {
            client.request(id, wire::LogRequest{.level = AckLevel::written, .batch = batch});
        }
        pass(milliseconds(500));
    }
    void expect_little_is_written(int records) {
        const MonotonicTime before = world.clock().now();
        for (int i = 0; i < records; ++i) {
            EXPECT_NE(write(1), 0U);
        }
        EXPECT_LT(world.clock().now() - before, milliseconds(200));
    }
    void expect_all_is_written() {
        ASSERT_TRUE(world.run_within(seconds(600), [&] { return daemon->pipeline().ingest().queued_bytes() == 0; }));
        EXPECT_GE(hub().end_sequence(), kFloodBatches + 1);
        EXPECT_EQ(daemon->pipeline().ingest().counters().records_refused, 0U);
    }
    // Of files that are written, or opened, under this name.
    void slow_down(io::OpCode code, const std::string& name, Duration delay = seconds(1)) {
        io::FaultRule slow = io::fail_from(code, name, 1, 0);
        slow.fault.delay = delay;
        world.faults().add(slow);
    }
};

TEST_F(LogShortOfRoomTest, ForTheSealerWaitsAFloodOnly) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.bytes_max = 100'000;
    options.writer.log_bytes_max = 16 * options.writer.segment_bytes;
    begin();
    slow_down(io::OpCode::open, "*/part-*");
    flood();
    EXPECT_LE(hub().log_bytes(), options.writer.log_bytes_max);
    ASSERT_GT(daemon->pipeline().ingest().queued_bytes(), 0U);
    expect_little_is_written(20);
    world.faults().clear_rules();
    expect_all_is_written();
}

TEST_F(LogShortOfRoomTest, ForTheNextSegmentWaitsAFloodOnly) {
    begin();
    slow_down(io::OpCode::write, "*.wal.tmp");
    flood();
    ASSERT_GT(daemon->pipeline().ingest().queued_bytes(), 0U);
    expect_little_is_written(20);
    world.faults().clear_rules();
    expect_all_is_written();
}

TEST_F(LogShortOfRoomTest, FloodThatWaitsGoesOnWhenTheLogMayBeLonger) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.bytes_max = 100'000;
    options.writer.log_bytes_max = 16 * options.writer.segment_bytes;
    begin();
    slow_down(io::OpCode::open, "*/part-*", hours(1));
    flood();
    const std::size_t queued = daemon->pipeline().ingest().queued_bytes();
    ASSERT_GT(queued, 0U);
    pass(seconds(10));
    EXPECT_EQ(daemon->pipeline().ingest().queued_bytes(), queued);
    daemon->pipeline().set_log_bytes_max(1000 * options.writer.segment_bytes);
    pass(milliseconds(500));
    EXPECT_EQ(daemon->pipeline().ingest().queued_bytes(), 0U);
    EXPECT_EQ(hub().end_sequence(), kFloodBatches + 1);
}

TEST_F(LogShortOfRoomTest, WhereNothingCanBeSealedAFloodIsRefused) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.writer.log_bytes_max = 16 * options.writer.segment_bytes;
    begin();
    world.faults().add(io::fail_from(io::OpCode::open, "*/part-*", 1, EIO));
    flood();
    ASSERT_TRUE(world.run_within(seconds(600), [&] { return daemon->pipeline().ingest().queued_bytes() == 0; }));
    EXPECT_GT(daemon->pipeline().ingest().counters().records_refused, 0U);
}

TEST_F(LogLifeTest, SealThatTheStopEndsIsNoFailure) {
    options.pipeline.seal.rows_max = 20;
    begin();
    io::FaultRule slow = io::fail_from(io::OpCode::open, "*/part-*", 1, 0);
    slow.fault.delay = seconds(1);
    world.faults().add(slow);
    write(20);
    pass(milliseconds(100));
    ASSERT_EQ(hub().sealed_end(), 1U);
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    EXPECT_TRUE(daemon->outcome()) << daemon->outcome().error();
    EXPECT_EQ(daemon->report().seals_failed, 0U);
}

TEST_F(LogLifeTest, RetentionOfALogThatIsNotSealedIsNoUse) {
    begin();
    store::RetentionOptions retention;
    retention.bytes_max = 1;
    daemon->pipeline().set_retention(retention);
    write(1);
    pass(seconds(10));
    EXPECT_EQ(hub().oldest_sequence(), 1U);
}

// Where nothing is sealed, memory is what tails have, and no more.
TEST_F(LogLifeTest, WithoutSealingNothingIsKeptForIt) {
    options.pipeline.memory_bytes_max = 20'000;
    begin();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 32; ++id) {
        log(client, id, {{std::string(4000, 'x'), "", wire::Severity::info}});
    }
    EXPECT_LE(hub().recent().size(), 5U);
}

// ---- restarts ----

TEST_F(LogLifeTest, PowerLossBeginsAnEpochAndSaysSo) {
    begin();
    write(3);
    stop_cleanly();
    begin();
    EXPECT_EQ(hub().epoch(), 1U) << "a clean stop loses nothing";
    EXPECT_TRUE(own_records().empty());
    end(io::CrashKind::power);
    begin();
    EXPECT_EQ(hub().epoch(), 2U);
    EXPECT_THAT(own_records(),
                testing::ElementsAre("4 epoch 2 begins at record 4: records after that one may have been "
                                     "lost with the power"));
    EXPECT_EQ(hub().epochs(), (std::vector<store::EpochStart>{{1, 1}, {2, 4}}));
}

// The parts know how far the log was and in which epoch, whatever becomes of its segments.
TEST_F(LogLifeTest, EpochAndNumbersGoOnWhereOnlyThePartsAreLeft) {
    options.pipeline.seal.rows_max = 10;
    begin();
    write(3);
    end(io::CrashKind::power);
    begin();
    ASSERT_EQ(hub().epoch(), 2U);
    write(10);
    pass(seconds(1));
    const std::uint64_t sealed_end = hub().sealed_end();
    ASSERT_GE(sealed_end, 11U);
    stop_cleanly();
    for (const std::string& name : world.disk().names(sim::kStorePath)) {
        if (name.ends_with(".wal")) {
            world.disk().remove(sim::kStorePath + "/" + name);
        }
    }
    begin();
    EXPECT_GT(hub().epoch(), 2U);
    EXPECT_GE(hub().end_sequence(), sealed_end);
    EXPECT_EQ(hub().sealed_end(), sealed_end);
    EXPECT_GE(write(1), sealed_end);
}

TEST_F(LogLifeTest, ReadersKnowHowItIsWritten) {
    for (const auto mode : {store::IoMode::direct, store::IoMode::buffered}) {
        options.writer.mode = mode;
        begin();
        EXPECT_EQ(hub().direct(), mode == store::IoMode::direct);
        write(1);
        stop_cleanly();
    }
}

TEST_F(LogLifeTest, ProducersAreKnownAfterARestart) {
    begin();
    write(7);
    const wire::LogReply first = numbered(3, 1, 5);
    const wire::LogReply second = numbered(2, 2, 1);
    EXPECT_EQ(first.first_sequence, 8U);
    EXPECT_EQ(second.first_sequence, 11U);
    for (int restart = 0; restart < 2; ++restart) {
        end(io::CrashKind::process);
        begin();
        const wire::LogReply again = numbered(3, 1, 5);
        EXPECT_TRUE(again.duplicate);
        EXPECT_EQ(again.first_sequence, 8U);
        EXPECT_EQ(again.epoch, hub().epoch());
        EXPECT_EQ(numbered(2, 2, 1).first_sequence, 11U);
        EXPECT_EQ(hub().end_sequence(), 13U);
    }
    EXPECT_FALSE(numbered(1, 2, 2).duplicate);
}

TEST_F(LogLifeTest, WhatIsSealedStaysSealedAfterARestart) {
    options.pipeline.seal.rows_max = 10;
    begin();
    write(10);
    write(4);
    pass(seconds(1));
    ASSERT_EQ(hub().sealed_end(), 11U);
    stop_cleanly();
    begin();
    EXPECT_EQ(hub().sealed_end(), 11U);
    EXPECT_EQ(hub().end_sequence(), 15U);
    const LogHub::Snapshot snapshot = hub().snapshot();
    EXPECT_EQ(snapshot.open_from, 11U);
    EXPECT_EQ(write(6), 15U);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 21U);
}

// As many of the last segments come back into memory as it has room for.
TEST_F(LogLifeTest, OpenRowsComeBackAsFarAsTheyHaveRoom) {
    SealOptions& seal = options.pipeline.seal;
    seal.rows_max = 1'000'000;
    options.pipeline.memory_bytes_max = 1;
    for (const std::size_t segments : {1U, 2U}) {
        seal.open_bytes_max = segments * options.writer.segment_bytes + 10'000;
        begin();
        RawClient& client = greet();
        for (std::uint64_t id = 2; id < 302; ++id) {
            log(client, id, {{std::string(4000, 'x'), "", wire::Severity::info}});
        }
        end(io::CrashKind::process);
        begin();
        const store::Catalog& catalog = hub().catalog();
        ASSERT_GE(catalog.size(), 5U);
        ASSERT_EQ(hub().sealed_end(), 1U);
        EXPECT_EQ(hub().snapshot().open_from, catalog[catalog.size() - 1 - segments].header.first_sequence);
        EXPECT_EQ(hub().snapshot().open.back().end_sequence(), hub().end_sequence());
        stop_cleanly();
    }
}

// ---- damage ----

// One bit in each byte of the store's small files, of its parts, and of the headers of its segments.
TEST_F(LogLifeTest, StartGoesOnWhicheverBitIsFlippedOrNamesTheFile) {
    options.pipeline.seal.rows_max = 10;
    begin();
    write(10);
    write(5);
    pass(seconds(1));
    ASSERT_EQ(hub().parts()->size(), 1U);
    stop_cleanly();
    std::map<std::string, Bytes> files;
    for (const std::string& name : world.disk().names(sim::kStorePath)) {
        files.emplace(name, *world.disk().content(sim::kStorePath + "/" + name));
    }
    const auto restore = [&] {
        for (const std::string& name : world.disk().names(sim::kStorePath)) {
            world.disk().remove(sim::kStorePath + "/" + name);
        }
        for (const auto& [name, bytes] : files) {
            world.disk().put_file(sim::kStorePath + "/" + name, bytes);
        }
    };
    std::size_t flipped = 0;
    for (const auto& [name, bytes] : files) {
        const bool segment = store::parse_segment_name(name).has_value();
        const std::size_t end = segment                         ? sizeof(store::SegmentHeader)
                                : store::parse_spare_name(name) ? 0
                                                                : bytes.size();
        for (std::size_t at = 0; at < end; ++at, ++flipped) {
            SCOPED_TRACE(fmt::format("{} {}", name, at));
            restore();
            world.disk().flip(sim::kStorePath + "/" + name, at, static_cast<std::byte>(1U << (at % 8)));
            daemon = std::make_unique<sim::TestDaemon>(world, options, 1, 1);
            ASSERT_TRUE(world.run_until([&] { return daemon->serving() || daemon->ended(); }));
            if (daemon->serving()) {
                EXPECT_EQ(hub().store_id(), hub().parts()->state.store_id);
                stop_cleanly();
            } else {
                EXPECT_TRUE(daemon->outcome().error().text().contains(name)) << daemon->outcome().error();
                daemon.reset();
            }
        }
    }
    EXPECT_GT(flipped, 500U);
}

// What cannot be read at the start ends the start, with the error; it is never passed over.
TEST_F(LogLifeTest, OpenRowsThatCannotBeReadEndTheStart) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.memory_bytes_max = 1;
    begin();
    write(10);
    end(io::CrashKind::process);
    unsigned refused = 0;
    for (std::uint64_t nth = 1;; ++nth) {
        const std::size_t rule = world.faults().add(io::fail_nth(io::OpCode::read, "*.wal", nth, EIO));
        daemon = std::make_unique<sim::TestDaemon>(world, options, 1, 1);
        ASSERT_TRUE(world.run_until([&] { return daemon->serving() || daemon->ended(); }));
        const bool failed = world.faults().hits(rule) != 0;
        world.faults().clear_rules();
        if (daemon->ended()) {
            ++refused;
            EXPECT_TRUE(failed);
            EXPECT_EQ(daemon->outcome().error().code(), Errc::io_error) << daemon->outcome().error();
            daemon.reset();
            continue;
        }
        EXPECT_EQ(hub().end_sequence(), 11U) << nth;
        EXPECT_EQ(hub().snapshot().open_from, 1U) << nth;
        end(io::CrashKind::process);
        if (!failed) {
            break;
        }
    }
    EXPECT_GT(refused, 1U);
}

// ---- retention ----

TEST_F(LogLifeTest, RemovalIsToldWithEachOfItsNumbers) {
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.retention.classes.push_back({.name = "b", .streams = {"b"}});
    begin();
    write(10, AckLevel::durable, "b");
    write(10, AckLevel::durable, "b");
    pass(seconds(1));
    ASSERT_EQ(hub().parts()->size(), 2U);
    std::uint64_t bytes = 0;
    for (const store::PartPointer& part : hub().parts()->by_sequence()) {
        bytes += part->bytes;
    }
    store::RetentionOptions retention = options.pipeline.seal.retention;
    retention.bytes_max = 1;
    daemon->pipeline().set_retention(retention);
    pass(seconds(1));
    EXPECT_EQ(hub().parts()->size(), 0U);
    EXPECT_EQ(daemon->report().parts_removed, 2U);
    EXPECT_THAT(own_records(),
                testing::ElementsAre(
                    fmt::format("21 removed 20 records of class b ({} bytes), from record 1 to 20: retention", bytes)));
}

// What stays between them is not among the numbers that are told.
TEST_F(LogLifeTest, RemovalsOnBothSidesOfAPartThatStaysAreToldEachByItself) {
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.check_interval = seconds(60);
    begin();
    write(10);
    pass(seconds(1));
    world.clock().step_wall(hours(5));
    write(10);
    pass(seconds(1));
    world.clock().step_wall(-hours(5));
    write(10);
    pass(seconds(1));
    ASSERT_EQ(hub().parts()->size(), 3U);
    store::RetentionOptions retention = options.pipeline.seal.retention;
    retention.age_max = seconds(90);
    daemon->pipeline().set_retention(retention);
    pass(seconds(180));
    EXPECT_EQ(hub().parts()->size(), 1U);
    const std::vector<std::string> told = own_records();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_THAT(told[0], testing::HasSubstr("removed 10 records of class default"));
    EXPECT_THAT(told[0], testing::EndsWith("from record 1 to 10: retention"));
    EXPECT_THAT(told[1], testing::EndsWith("from record 21 to 30: retention"));
}

TEST_F(LogLifeTest, AgeIsLookedAtOnceAnInterval) {
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.check_interval = seconds(60);
    options.pipeline.seal.retention.age_max = seconds(90);
    begin();
    write(10);
    pass(seconds(1));
    ASSERT_EQ(hub().parts()->size(), 1U);
    pass(seconds(88));
    EXPECT_EQ(hub().parts()->size(), 1U) << "not old enough";
    pass(seconds(60));
    EXPECT_EQ(hub().parts()->size(), 0U);
}

// Looking costs nothing where nothing is too old.
TEST_F(LogLifeTest, NothingIsWrittenWhereNothingExpires) {
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.check_interval = seconds(60);
    options.pipeline.seal.retention.age_max = hours(10);
    begin();
    write(10);
    pass(seconds(1));
    ASSERT_EQ(hub().parts()->size(), 1U);
    const std::uint64_t before = world.operations();
    pass(seconds(600));
    EXPECT_EQ(world.operations(), before);
}

TEST_F(LogLifeTest, SmallPartsAreMerged) {
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.merge = {.parts_min = 3, .parts_max = 4, .rows_max = 1000};
    begin();
    write(10);
    write(10);
    pass(seconds(1));
    EXPECT_EQ(hub().parts()->size(), 2U);
    EXPECT_EQ(daemon->report().parts_merged, 0U);
    write(10);
    pass(seconds(1));
    EXPECT_EQ(hub().parts()->size(), 1U);
    EXPECT_EQ(daemon->report().parts_merged, 1U);
    EXPECT_EQ(hub().parts()->classes[0].parts[0]->part->summary().rows, 30U);
}

}  // namespace
}  // namespace sluice::server::test
