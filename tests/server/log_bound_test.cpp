// What the pieces of the log do at their bounds: a log shorter than a segment, one group too many, a merge that waits.
#include "log_life_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::AckLevel;

class LogBoundTest : public LogLifeTest {
 protected:
    LogBoundTest() { options.pipeline.seal.rows_max = 10; }
    void restart() {
        stop_cleanly();
        begin();
    }
    void crash_and_restart() {
        end(io::CrashKind::process);
        begin();
    }
};

// A log is sealed when it has become longer than half of what it may be, however little that is.
TEST_F(LogBoundTest, LogIsSealedWhenItIsLongerThanHalfOfItsBytes) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.writer.log_bytes_max = 8 * options.writer.segment_bytes;
    begin();
    while (hub().catalog().size() < 4) {
        fill(1, AckLevel::durable);
    }
    pass(seconds(1));
    EXPECT_EQ(hub().log_bytes(), options.writer.log_bytes_max / 2);
    EXPECT_EQ(hub().sealed_end(), 1U);
    while (hub().catalog().size() == 4) {
        fill(1, AckLevel::durable);
    }
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), hub().end_sequence());
}

// Nobody has to write for it.
TEST_F(LogBoundTest, SegmentsAreReleasedAsSoonAsTheyAreSealed) {
    options.pipeline.seal.rows_max = 150;
    begin();
    fill(149, AckLevel::durable);
    ASSERT_GE(hub().catalog().size(), 3U);
    fill(1, AckLevel::durable);
    pass(seconds(1));
    EXPECT_EQ(hub().sealed_end(), 151U);
    EXPECT_EQ(hub().catalog().size(), 1U);
}

TEST_F(LogBoundTest, SettingsMayComeBeforeTheStoreIsOpened) {
    io::SimKernel kernel(world, {});
    LogPipeline pipeline(kernel, options.pipeline);
    pipeline.set_log_bytes_max(1);
    pipeline.set_retention({});
    pipeline.set_sync_interval(seconds(1));
    const auto stop = [](LogPipeline* stopped) -> Task<Result<>> { co_return co_await stopped->stop(); };
    const Result<> stopped = io::block_on(kernel, "stop", stop, &pipeline);
    EXPECT_TRUE(stopped) << stopped.error();
    EXPECT_FALSE(pipeline.store_gone());
}

// However often it is sealed, the segment that is written to is longer.
TEST_F(LogBoundTest, LogThatMayBeNoLongerThanItsSegmentTakesEachRecord) {
    options.pipeline.seal.rows_max = 1'000'000;
    begin();
    daemon->pipeline().set_log_bytes_max(1);
    for (int i = 0; i < 5; ++i) {
        write(3);
    }
    EXPECT_EQ(hub().end_sequence(), 16U);
    EXPECT_EQ(hub().sealed_end(), 13U) << "what was there before the last one";
    EXPECT_EQ(daemon->report().seals_failed, 0U);
}

TEST_F(LogBoundTest, SealsAreMadeOnTheirPoolAndPartsAreReadOnTheirs) {
    CountingPool seals;
    CountingPool reads;
    options.pipeline.seal_pool = &seals;
    options.pipeline.read_pool = &reads;
    options.pipeline.memory_bytes_max = 1;
    begin();
    write(10);
    pass(seconds(1));
    ASSERT_EQ(hub().sealed_end(), 11U);
    EXPECT_EQ(seals.jobs, 1U);
    const std::size_t before = reads.jobs;
    write(1);
    RawClient& reader = greet();
    reader.request(2, wire::TailRequest{.start = wire::TailStart::oldest, .credit = 1U << 20U});
    ASSERT_TRUE(reader.next());
    EXPECT_GT(reads.jobs, before);
    EXPECT_EQ(seals.jobs, 1U);
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    daemon.reset();
}

// The newest records are those that are asked for.
TEST_F(LogBoundTest, NewestSegmentComesBackIntoMemoryHoweverLittleRoomThereIs) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.open_bytes_max = 20'000;
    options.pipeline.memory_bytes_max = 1;
    begin();
    fill(40);
    ASSERT_EQ(hub().catalog().size(), 1U);
    restart();
    ASSERT_EQ(hub().sealed_end(), 1U);
    const LogHub::Snapshot snapshot = hub().snapshot();
    ASSERT_EQ(hub().catalog().size(), 2U);
    ASSERT_GT(hub().catalog()[0].file_bytes, options.pipeline.seal.open_bytes_max);
    ASSERT_GE(snapshot.open.size(), 3U);
    EXPECT_EQ(snapshot.open.back().end_sequence(), 41U);
}

// It is stored already, and nothing else comes that would be synced.
TEST_F(LogBoundTest, DuplicateThatIsToBeDurableIsSyncedByItself) {
    begin();
    EXPECT_EQ(numbered(1, 7, 1, AckLevel::written).first_sequence, 1U);
    EXPECT_EQ(hub().durable_sequence(), 1U);
    const wire::LogReply again = numbered(1, 7, 1, AckLevel::durable);
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.level, AckLevel::durable);
    EXPECT_EQ(again.first_sequence, 1U);
    EXPECT_EQ(hub().durable_sequence(), 2U);
    EXPECT_EQ(hub().end_sequence(), 2U);
}

// The segment that holds its batch goes, what is known of the producer stays.
TEST_F(LogBoundTest, ProducerIsKnownByItsFirstBatchWhenThatIsRemoved) {
    options.pipeline.seal.rows_max = 0;
    options.writer.log_bytes_max = 2 * options.writer.segment_bytes;
    begin();
    numbered(1, 7, 1, AckLevel::written);
    fill(250);
    ASSERT_GT(hub().oldest_sequence(), 1U);
    crash_and_restart();
    ASSERT_GT(hub().oldest_sequence(), 1U);
    EXPECT_TRUE(numbered(1, 7, 1, AckLevel::written).duplicate);
    EXPECT_FALSE(numbered(1, 7, 2, AckLevel::written).duplicate);
}

// ---- merges ----

TEST_F(LogBoundTest, MergesFollowOneAnotherAsLongAsThereIsSomethingToMerge) {
    begin();
    for (int i = 0; i < 9; ++i) {
        write(10);
        pass(milliseconds(200));
    }
    ASSERT_EQ(hub().parts()->size(), 9U);
    options.pipeline.seal.merge = {.parts_min = 3, .parts_max = 3, .rows_max = 30};
    restart();
    pass(seconds(1));
    EXPECT_EQ(hub().parts()->size(), 3U);
    EXPECT_EQ(daemon->report().parts_merged, 3U);
}

// Sealing makes room, merging does not.
TEST_F(LogBoundTest, MergesWaitForSealsThatAreDue) {
    options.pipeline.seal.merge = {.parts_min = 3, .parts_max = 4, .rows_max = 1000};
    begin();
    io::FaultRule slow = io::fail_from(io::OpCode::open, "*/part-*", 1, 0);
    slow.fault.delay = milliseconds(100);
    world.faults().add(slow);
    for (int i = 0; i < 7; ++i) {
        write(10, AckLevel::written);
    }
    write(10);
    for (int i = 0; i < 1000 && hub().sealed_end() < 81; ++i) {
        EXPECT_EQ(daemon->report().parts_merged, 0U) << hub().sealed_end();
        pass(milliseconds(10));
    }
    EXPECT_EQ(hub().sealed_end(), 81U);
    pass(seconds(5));
    EXPECT_GT(daemon->report().parts_merged, 0U);
}

}  // namespace
}  // namespace sluice::server::test
