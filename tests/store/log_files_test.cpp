// Which files a log has: spares, retired segments, and what a start takes over.
#include "log_bytes_fixture.h"

namespace sluice::store::test {
namespace {

using io::CrashKind;
using io::OpCode;

class LogFilesTest : public LogBytesTest {};

TEST_F(LogFilesTest, SparesOfAnotherSizeAreRemovedAndTheOthersUsed) {
    disk().put_file(path(spare_name(3)), Bytes(kSegmentBytes));
    disk().put_file(path(spare_name(4)), Bytes(kSegmentBytes - 1));
    disk().put_file(path(spare_name(5)), Bytes(kSegmentBytes + 512));
    const std::size_t fills = watch(OpCode::allocate, "/store/*");
    open();
    EXPECT_EQ(faults().hits(fills), 0U) << "there was one";
    EXPECT_FALSE(disk().exists(path(spare_name(3))));
    EXPECT_FALSE(disk().exists(path(spare_name(4))));
    EXPECT_FALSE(disk().exists(path(spare_name(5))));
    EXPECT_EQ(current_path(), path(segment_name(1)));
}

TEST_F(LogFilesTest, SpareThatCannotBeLookedAtStopsTheStart) {
    disk().put_file(path(spare_name(3)), Bytes(kSegmentBytes));
    faults().add(io::fail_nth(OpCode::stat, path(spare_name(3)), 1, EIO));
    EXPECT_EQ(code_of(try_open()), Errc::io_error);
    faults().clear_rules();
    disk().put_file(path(spare_name(3)), Bytes(5));
    faults().add(io::fail_nth(OpCode::unlink, path(spare_name(3)), 1, EIO));
    EXPECT_EQ(code_of(try_open()), Errc::io_error);
}

TEST_F(LogFilesTest, LogIsAsLongAsItMayBe) {
    for (const std::uint64_t missing : {0U, 1U}) {
        start(1);
        options.log_bytes_max = 4 * kSegmentBytes - missing;
        open();
        for (int i = 0; i < 20; ++i) {
            put(30'000, true);
        }
        EXPECT_EQ(writer().catalog().size(), missing == 0 ? 4U : 3U);
        EXPECT_EQ(events.removed.size() + writer().catalog().size(), 10U);
        EXPECT_TRUE(events.sealed.empty());
        for (std::size_t i = 0; i < events.removed.size(); ++i) {
            EXPECT_EQ(events.removed[i].header.segment_id, i + 1);
        }
        EXPECT_EQ(writer().catalog_version(), 10 + events.removed.size());
        EXPECT_EQ(read().size(), 2 * writer().catalog().size());
    }
}

TEST_F(LogFilesTest, LastSegmentStaysHoweverShortTheLogShouldBe) {
    options.log_bytes_max = 1;
    open();
    put(700, true);
    EXPECT_EQ(read().size(), 1U);
    put(30'000, true);
    put(32'000, true);
    EXPECT_EQ(writer().catalog().size(), 1U);
    writer().set_log_bytes_max(4 * kSegmentBytes);
    put(32'000, true);
    put(32'000, true);
    EXPECT_GE(writer().catalog().size(), 2U);
}

TEST_F(LogFilesTest, SegmentIsSealedWhenAllOfItsRecordsAre) {
    options.sealing = true;
    open();
    for (int i = 0; i < 6; ++i) {
        put(30'000, true);
    }
    ASSERT_EQ(writer().catalog().size(), 3U);
    const std::uint64_t version = writer().catalog_version();
    ASSERT_TRUE(program->release(2));
    EXPECT_EQ(writer().catalog().size(), 3U);
    EXPECT_EQ(writer().catalog_version(), version);
    ASSERT_TRUE(program->release(3));
    EXPECT_EQ(writer().catalog().size(), 2U);
    EXPECT_EQ(writer().catalog_version(), version + 1);
    ASSERT_EQ(events.sealed.size(), 1U);
    EXPECT_EQ(events.sealed[0].header.segment_id, 1U);
    ASSERT_TRUE(program->release(1)) << "it does not go back";
    ASSERT_TRUE(program->release(100));
    EXPECT_EQ(writer().catalog().size(), 1U) << "the current one stays";
    EXPECT_EQ(events.sealed.size(), 2U);
    EXPECT_TRUE(events.removed.empty());
    EXPECT_FALSE(disk().exists(path(segment_name(1))));
}

TEST_F(LogFilesTest, SegmentThatCannotBeRetiredIsTriedAgain) {
    options.sealing = true;
    open();
    for (int i = 0; i < 4; ++i) {
        put(30'000, true);
    }
    ASSERT_TRUE(world->run_until_idle());
    const std::size_t stuck = faults().add(io::fail_from(OpCode::rename, path("log-*"), 1, EIO));
    EXPECT_EQ(code_of(program->release(3)), Errc::io_error);
    EXPECT_EQ(writer().catalog().size(), 2U);
    put(30'000, true);
    EXPECT_EQ(writer().catalog().size(), 3U);
    EXPECT_EQ(events.spare_failures, 1U);
    EXPECT_TRUE(events.spare_failure.starts_with("io_error: ")) << events.spare_failure;
    faults().remove(stuck);
    ASSERT_TRUE(program->release(3));
    EXPECT_EQ(writer().catalog().size(), 2U);
}

// As many as are kept ready; one that is shorter than the others never is.
TEST_F(LogFilesTest, RetiredFilesBecomeSparesUnlessThereAreEnough) {
    options.sealing = true;
    options.log_bytes_max = 24 * kSegmentBytes - 1;
    open();
    for (int i = 0; i < 12; ++i) {
        put(30'000, true);
    }
    ASSERT_EQ(writer().catalog().size(), 6U);
    ASSERT_TRUE(world->run_until_idle());
    const auto spares = [this] {
        return std::ranges::count_if(names(),
                                     [](const std::string& name) { return parse_spare_name(name).has_value(); });
    };
    EXPECT_EQ(spares(), 1);
    ASSERT_TRUE(program->release(5));
    EXPECT_EQ(spares(), 2) << "the first is kept, the second is not";
    EXPECT_EQ(writer().catalog().size(), 4U);
    writer().set_log_bytes_max(24 * kSegmentBytes);
    ASSERT_TRUE(program->release(7));
    EXPECT_EQ(spares(), 3) << "an eighth of the log";
    put(30'000, true);
    put(30'000, true);
    EXPECT_EQ(read().size(), 8U);
}

// So that nothing has to wait for the next one behind what fills this one: LogPipeline.
TEST_F(LogFilesTest, WriterTellsThatItWaitsForASegment) {
    int told = 0;
    options.on_segment_ready = [&] { ++told; };
    open();
    ASSERT_TRUE(world->run_until_idle());
    EXPECT_EQ(told, 2) << "the first segment, and a spare";
    io::FaultRule slow = io::fail_from(OpCode::write, "*.tmp", 1, 0);
    slow.fault.delay = std::chrono::seconds(1);
    faults().add(slow);
    put(30'000, true);
    EXPECT_EQ(writer().free_bytes(), kSegmentBytes - 4096 - 30'720);
    put(25'000, true);
    EXPECT_FALSE(writer().waits_for_segment()) << "a spare is ready";
    put(30'000, true);
    EXPECT_EQ(writer().catalog().size(), 2U);
    EXPECT_FALSE(writer().waits_for_segment()) << "there is room in this one";
    put(25'000, true);
    EXPECT_TRUE(writer().waits_for_segment());
    EXPECT_EQ(told, 2);
    ASSERT_TRUE(world->run_until_idle());
    EXPECT_FALSE(writer().waits_for_segment()) << "the next one is ready";
    EXPECT_EQ(told, 3);
}

// ---- what a start takes over ----

TEST_F(LogFilesTest, StartAfterAGoodbyeReadsTheLastSegmentOnce) {
    open();
    put(700, false);
    put(700, false);
    ASSERT_TRUE(program->close());
    const std::size_t reads = watch(OpCode::read, "/store/log-*");
    open();
    EXPECT_EQ(faults().hits(reads), 3U) << "its header twice, and its frames";
    EXPECT_EQ(writer().catalog().back().header.first_sequence, 3U);
    EXPECT_FALSE(writer().has_unsynced());
}

TEST_F(LogFilesTest, StartAfterAKillWritesAgainWhatNoFrameSaysToBeDurable) {
    open();
    put(700, false);
    put(700, true);
    put(600, false);
    put(500, false);
    reopen_after(CrashKind::process);
    EXPECT_EQ(writer().catalog().back().header.first_sequence, 3U) << "what is behind it says that 2 was durable";
    const std::vector<FrameHeader> frames = frames_of(1);
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].durable_sequence, 3U);
    EXPECT_EQ(frames[1].first_sequence, 3U);
    EXPECT_EQ(frames[2].first_sequence, 4U);
    EXPECT_EQ(frames[2].count, 1U);
    const std::vector<FrameHeader> before = frames_of(0);
    ASSERT_EQ(before.size(), 5U);
    EXPECT_EQ(frames[2].time_ns, before[4].time_ns);
    EXPECT_EQ(writer().durable_sequence(), 5U);
    EXPECT_EQ(read().size(), 4U);
}

TEST_F(LogFilesTest, WhatIsSealedIsNotWrittenAgain) {
    options.sealing = true;
    for (const std::uint64_t sealed : {2U, 3U, 5U}) {
        start(1);
        options.sealed_end = 1;
        open();
        put(700, false);
        ASSERT_TRUE(program->append({{.messages = {"2", "3"}}}, false));
        put(600, false);
        options.sealed_end = sealed;
        options.sealed_epoch = 1;
        reopen_after(CrashKind::process);
        EXPECT_EQ(writer().catalog().back().header.first_sequence, sealed == 5 ? 5U : 2U) << sealed;
        EXPECT_EQ(writer().next_sequence(), 5U);
        EXPECT_EQ(writer().durable_sequence(), 5U);
        EXPECT_EQ(writer().epoch(), 1U);
    }
}

TEST_F(LogFilesTest, TakenOverSegmentIsCutAtABlockOfItsFile) {
    open();
    put(700, true);
    put(4000, true);
    reopen_after(CrashKind::process);
    EXPECT_EQ(writer().catalog()[0].file_bytes, 12'288U);
    EXPECT_EQ(bytes_of(0).size(), 12'288U);
    const std::size_t cuts = watch(OpCode::truncate, "/store/log-*");
    ASSERT_TRUE(program->close());
    open();
    EXPECT_EQ(faults().hits(cuts), 1U);
    for (const OpCode code : {OpCode::truncate, OpCode::close}) {
        ASSERT_TRUE(program->close());
        faults().clear_rules();
        const std::size_t rule = faults().add(io::fail_nth(code, "/store/log-*", code == OpCode::close ? 3 : 1, EIO));
        const Result<> opened = try_open();
        EXPECT_EQ(code_of(opened), faults().hits(rule) == 0 ? Errc{} : Errc::io_error) << static_cast<int>(code);
        faults().clear_rules();
        open();
    }
}

}  // namespace
}  // namespace sluice::store::test
