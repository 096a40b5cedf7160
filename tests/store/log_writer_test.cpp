#include "store/log_writer.h"

#include <cerrno>

#include "store_fixture.h"

namespace sluice::store::test {
namespace {

using io::CrashKind;
using io::OpCode;
constexpr int kEio = 5;

class LogWriterTest : public StoreTest {
 protected:
    void write_many(int count, bool durable, std::size_t bytes = 1000) {
        for (int i = 0; i < count; ++i) {
            const std::string message = fmt::format("{:0>{}}", next_, bytes);
            ASSERT_EQ(write(message, durable), next_) << i;
            ++next_;
        }
    }
    // Every record written by write_many up to `last` is there, once, and nothing else.
    void expect_log(std::uint64_t first, std::uint64_t last) {
        std::uint64_t expected = first;
        for (const auto& [sequence, message] : read()) {
            ASSERT_EQ(sequence, expected);
            ASSERT_EQ(message, fmt::format("{:0>{}}", expected, message.size()));
            ++expected;
        }
        EXPECT_EQ(expected, last + 1);
    }
    std::uint64_t next_ = 1;
};

TEST_F(LogWriterTest, GroupsOfManyBatchesAreReadBackInOrder) {
    open();
    auto first = program->append({{.messages = {"a", "b"}}, {.messages = {"c"}}}, false);
    auto second = program->append({{.messages = {"d"}}}, true);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->first_sequence, 1U);
    EXPECT_EQ(first->next_sequence, 4U);
    EXPECT_EQ(first->durable_sequence, 1U);
    EXPECT_EQ(second->first_sequence, 4U);
    EXPECT_EQ(second->durable_sequence, 5U);
    EXPECT_EQ(read(), (Log{{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}}));
}

// ---- who carries writes out ----

class LogWriterOnExt4 : public LogWriterTest {
 protected:
    std::size_t watch_by(io::WriteBy by) {
        io::FaultRule rule = io::fail_from(OpCode::write, kSegmentPath, 1, 0);
        rule.mode = by == io::WriteBy::worker ? 1 : 0;
        return faults().add(rule);
    }
    void start_on(std::uint64_t type) {
        io::SimWorld::Options of_disk;
        of_disk.disk.type = type;
        program.reset();
        world = std::make_unique<io::SimWorld>(of_disk);
        world->disk().make_directories(kDirectory);
        by_submission_ = watch_by(io::WriteBy::submission);
        by_worker_ = watch_by(io::WriteBy::worker);
        open();
        write_many(20, true);
        write_many(20, false);
    }
    std::size_t by_submission_ = 0;
    std::size_t by_worker_ = 0;
};

// Its submission waits for the journal, and the loop with it.
TEST_F(LogWriterOnExt4, WritesAreCarriedOutByAWorker) {
    start_on(io::FileSystem::kExt4);
    EXPECT_EQ(faults().hits(by_submission_), 0U);
    EXPECT_GE(faults().hits(by_worker_), 40U);
    expect_log(1, 40);
}

TEST_F(LogWriterOnExt4, ElsewhereByTheSubmission) {
    start_on(0x58465342);  // XFS_SUPER_MAGIC
    EXPECT_GE(faults().hits(by_submission_), 40U);
    EXPECT_EQ(faults().hits(by_worker_), 0U);
    expect_log(1, 40);
}

TEST_F(LogWriterTest, DurableGroupAloneIsOneWriteAndNoSync) {
    open();
    const std::size_t writes = watch(OpCode::write);
    const std::size_t syncs = watch(OpCode::sync);
    write("a", true);
    EXPECT_EQ(faults().hits(writes), 1U);
    EXPECT_EQ(faults().hits(syncs), 0U);
    reopen_after(CrashKind::power);
    EXPECT_EQ(read(), (Log{{1, "a"}}));
}

// RWF_DSYNC covers only its own bytes: what was written before needs the sync.
TEST_F(LogWriterTest, DurableGroupBehindWrittenOnesSyncsThemToo) {
    open();
    const std::size_t syncs = watch(OpCode::sync);
    write("a", false);
    write("b", false);
    EXPECT_EQ(faults().hits(syncs), 0U);
    EXPECT_TRUE(writer().has_unsynced());
    write("c", true);
    EXPECT_EQ(faults().hits(syncs), 1U);
    EXPECT_FALSE(writer().has_unsynced());
    EXPECT_EQ(writer().durable_sequence(), 4U);
    reopen_after(CrashKind::power);
    EXPECT_EQ(read(), (Log{{1, "a"}, {2, "b"}, {3, "c"}}));
}

TEST_F(LogWriterTest, SyncMakesWrittenGroupsDurable) {
    open();
    write("a", false);
    const auto synced = program->sync();
    ASSERT_TRUE(synced);
    EXPECT_EQ(synced->durable_sequence, 2U);
    reopen_after(CrashKind::power);
    EXPECT_EQ(read(), (Log{{1, "a"}}));
}

TEST_F(LogWriterTest, TooManyUnsyncedBytesStartASync) {
    options.unsynced_bytes_max = 16 * 1024;
    open();
    const std::size_t syncs = watch(OpCode::sync);
    write_many(20, false);
    EXPECT_GE(faults().hits(syncs), 1U);
    EXPECT_GT(writer().durable_sequence(), 1U);
}

TEST_F(LogWriterTest, WrittenSurvivesTheDeathOfTheProcessInTheSameEpoch) {
    open();
    write_many(20, false);
    reopen_after(CrashKind::process);
    EXPECT_EQ(writer().epoch(), 1U);
    EXPECT_FALSE(writer().recovered().clean);
    EXPECT_EQ(writer().next_sequence(), 21U);
    expect_log(1, 20);
    write_many(1, false);
    expect_log(1, 21);
}

// The disk may have kept a later group and lost an earlier one: the log is a prefix all the same, and no number is used
// twice in one epoch.
TEST_F(LogWriterTest, PowerLossLeavesAPrefixThatHoldsAllThatWasDurable) {
    unsigned shorter = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        start(seed);
        next_ = 1;
        open();
        write_many(5, true);
        write_many(12, false, 700);
        reopen_after(CrashKind::power);
        EXPECT_EQ(writer().epoch(), 2U);
        EXPECT_TRUE(events.damage.empty());
        EXPECT_GE(writer().next_sequence(), 6U);
        expect_log(1, writer().next_sequence() - 1);
        shorter += writer().next_sequence() < 18 ? 1 : 0;
        next_ = writer().next_sequence();
        write_many(3, true);
        reopen_after(CrashKind::power);
        expect_log(1, next_ - 1);
    }
    EXPECT_GT(shorter, 20U);  // Else nothing was shown.
}

TEST_F(LogWriterTest, CleanCloseNeedsNoNewEpochEvenAfterPowerLoss) {
    open();
    write_many(3, false);
    ASSERT_TRUE(program->close());
    reopen_after(CrashKind::power);
    EXPECT_TRUE(writer().recovered().clean);
    EXPECT_EQ(writer().epoch(), 1U);
    expect_log(1, 3);
}

TEST_F(LogWriterTest, RollsToNewSegmentsWithoutAHole) {
    open();
    write_many(300, false);
    EXPECT_GT(writer().catalog().size(), 4U);
    expect_log(1, 300);
    reopen_after(CrashKind::process);
    expect_log(1, 300);
}

TEST_F(LogWriterTest, RetiresTheOldestSegmentsAndUsesTheirFilesAgain) {
    options.log_bytes_max = 4 * kSegmentBytes;
    open();
    const std::size_t fills = watch(OpCode::allocate, "/store/*");
    write_many(1500, false);
    EXPECT_GT(events.removed.size(), 10U);
    EXPECT_LE(writer().catalog().size(), 4U);
    EXPECT_LE(disk().names(kDirectory).size(), 8U);
    EXPECT_LT(faults().hits(fills), 12U);
    const std::uint64_t oldest = writer().catalog().front().header.first_sequence;
    EXPECT_EQ(oldest, events.removed.size() == 0 ? 1 : read().begin()->first);
    expect_log(oldest, 1500);
    reopen_after(CrashKind::process);
    expect_log(writer().catalog().front().header.first_sequence, 1500);
}

// ---- failures ----

TEST_F(LogWriterTest, FailedWriteGoesToANewSegmentUnderTheSameNumber) {
    for (const io::FaultEffect effect : {io::FaultEffect::nothing, io::FaultEffect::part, io::FaultEffect::all}) {
        start(3);
        next_ = 1;
        open();
        write_many(3, true);
        io::FaultRule rule = io::fail_nth(OpCode::write, kSegmentPath, 1, kEio);
        rule.fault.effect = effect;
        faults().add(rule);
        write_many(1, true);
        EXPECT_EQ(events.failed.size(), 1U);
        EXPECT_EQ(writer().catalog().size(), 2U);
        EXPECT_EQ(writer().catalog().back().header.first_sequence, 4U);
        write_many(2, true);
        expect_log(1, 6);
        reopen_after(CrashKind::power);
        EXPECT_TRUE(events.damage.empty());
        expect_log(1, 6);
    }
}

// After a failed sync the kernel has forgotten what was dirty: a second sync of that file would succeed and lie.
TEST_F(LogWriterTest, FailedSyncWritesEverythingUnsyncedAgainElsewhere) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        start(seed);
        next_ = 1;
        open();
        write_many(2, true);
        write_many(4, false);
        faults().add(io::fail_nth(OpCode::sync, kSegmentPath, 1, kEio));
        const auto synced = program->sync();
        ASSERT_TRUE(synced) << synced.error();
        EXPECT_EQ(synced->durable_sequence, 7U);
        EXPECT_EQ(events.failed.size(), 1U);
        EXPECT_EQ(writer().catalog().back().header.first_sequence, 3U);
        reopen_after(CrashKind::power);
        expect_log(1, 6);
    }
}

TEST_F(LogWriterTest, FailedSyncOfADurableGroupKeepsThePromise) {
    open();
    write_many(4, false);
    faults().add(io::fail_nth(OpCode::sync, kSegmentPath, 1, kEio));
    write_many(1, true);
    EXPECT_EQ(events.failed.size(), 1U);
    reopen_after(CrashKind::power);
    expect_log(1, 5);
}

TEST_F(LogWriterTest, DiskThatFailsForEverRefusesAndNumbersNothing) {
    open();
    write_many(2, true);
    write_many(2, false);
    const std::size_t rule = faults().add(io::fail_from(OpCode::write, "/store/*", 1, kEio));
    for (int i = 0; i < 3; ++i) {
        const auto refused = program->append({{.messages = {"refused"}}}, true);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), Errc::io_error);
        EXPECT_EQ(writer().next_sequence(), 5U);
    }
    faults().remove(rule);
    write_many(2, true);
    expect_log(1, 6);
    reopen_after(CrashKind::power);
    expect_log(1, 6);
}

// No client may take that for a refusal of its own: it tries again.
TEST_F(LogWriterTest, WhateverTheDiskSaysIsTroubleWithTheDisk) {
    for (const int error : {EROFS, EACCES, EPERM, EINVAL, ENOENT, ESTALE, EUCLEAN, ENODEV, ETIMEDOUT}) {
        start(5);
        next_ = 1;
        open();
        write_many(1, true);
        write_many(1, false);
        for (const OpCode code : {OpCode::write, OpCode::sync}) {
            const std::size_t rule = faults().add(io::fail_from(code, "/store/*", 1, error));
            const std::size_t opens = faults().add(io::fail_from(OpCode::open, "/store/*", 1, error));
            const auto refused = program->append({{.messages = {"refused"}}}, true);
            ASSERT_FALSE(refused) << error;
            EXPECT_EQ(errc_name(refused.error().code()), "io_error") << error;
            EXPECT_EQ(refused.error().sys_errno(), error);
            faults().remove(opens);
            faults().remove(rule);
        }
        write_many(1, true);
        expect_log(1, 3);
    }
}

// The disk has it although the write failed: a batch whose sender was told so may come again.
TEST_F(LogWriterTest, WhatWasRefusedIsNotFoundByTheNextStart) {
    for (const io::CrashKind kind : {io::CrashKind::process, io::CrashKind::power}) {
        start(5);
        next_ = 1;
        open();
        write_many(2, true);
        io::FaultRule rule = io::fail_from(OpCode::write, kSegmentPath, 1, kEio);
        rule.fault.effect = io::FaultEffect::all;
        const std::size_t added = faults().add(rule);
        ASSERT_FALSE(program->append({{.messages = {"refused"}, .producer = 9, .number = 1}}, true));
        faults().remove(added);
        reopen_after(kind);
        expect_log(1, 2);
        EXPECT_EQ(writer().producers().find(producer_id(9)), nullptr);
    }
}

TEST_F(LogWriterTest, FullDiskRefusesAndRecoversWhenThereIsSpace) {
    open();
    write_many(3, true);
    ASSERT_TRUE(world->run_until_idle());
    const std::uint64_t used = disk().used_bytes();
    disk().set_capacity(used);
    Result<Committed> last;
    for (int i = 0; i < 1000 && last; ++i) {
        last = program->append({{.messages = {fmt::format("{:0>1000}", next_)}}}, true);
        next_ += last ? 1 : 0;
    }
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code(), Errc::no_space) << last.error();
    EXPECT_EQ(writer().next_sequence(), next_);
    disk().set_capacity(1U << 30U);
    write_many(3, true);
    expect_log(1, next_ - 1);
    reopen_after(CrashKind::power);
    expect_log(1, next_ - 1);
}

TEST_F(LogWriterTest, ShortWritesDoNotCutAGroup) {
    faults().rates.short_write = 0.5;
    open();
    write_many(60, true, 5000);
    faults().rates.short_write = 0;
    expect_log(1, 60);
    reopen_after(CrashKind::power);
    expect_log(1, 60);
}

TEST_F(LogWriterTest, FileSystemWithoutDirectIoIsWrittenBuffered) {
    disk().set_direct_io_alignment(0);
    open();
    EXPECT_EQ(writer().mode(), IoMode::buffered);
    const std::size_t syncs = watch(OpCode::sync);
    write_many(3, true);
    EXPECT_EQ(faults().hits(syncs), 3U);
    reopen_after(CrashKind::power);
    expect_log(1, 3);
}

// ---- producers and restarts ----

TEST_F(LogWriterTest, ProducersAreKnownAfterARestartAlsoFromEarlierSegments) {
    open();
    ASSERT_TRUE(program->append({{.messages = {"x", "y"}, .producer = 9, .number = 4}}, true));
    next_ = 3;
    write_many(200, false);
    ASSERT_GT(writer().catalog().size(), 2U);
    reopen_after(CrashKind::process);
    const ProducerState* state = writer().producers().find(producer_id(9));
    ASSERT_NE(state, nullptr);
    EXPECT_EQ(state->number, 4U);
    EXPECT_EQ(state->last_sequence, 2U);
}

TEST_F(LogWriterTest, RestartCutsTheUnusedRestOfTheLastSegment) {
    open();
    write_many(2, true);
    const std::string last = current_path();
    EXPECT_EQ(disk().content(last)->size(), kSegmentBytes);
    reopen_after(CrashKind::process);
    EXPECT_LT(disk().content(last)->size(), 16U * 1024);
    EXPECT_EQ(disk().content(last)->size() % 4096, 0U);
    EXPECT_NE(current_path(), last);
    expect_log(1, 2);
}

TEST_F(LogWriterTest, SegmentsOfAnotherSizeAreReadAfterTheSettingChanged) {
    open();
    write_many(100, true);
    ASSERT_TRUE(program->close());
    options.segment_bytes = 4 * kSegmentBytes;
    options.log_bytes_max = 64 * options.segment_bytes;
    open();
    write_many(300, true);
    for (const SegmentInfo& info : writer().catalog()) {
        const auto content = disk().content(path(segment_name(info.header.segment_id)));
        ASSERT_TRUE(content);
        EXPECT_EQ(content->size(), info.file_bytes);
    }
    expect_log(1, 400);
}

// ---- sealing ----

TEST_F(LogWriterTest, OnlySealedSegmentsAreRetiredWhereTheLogIsSealed) {
    options.sealing = true;
    options.log_bytes_max = 2 * kSegmentBytes;
    open();
    write_many(300, true);
    const std::size_t segments = writer().catalog().size();
    ASSERT_GE(segments, 4U);  // Longer than it should be, but nothing else has these records.
    expect_log(1, 300);
    const std::uint64_t third = writer().catalog()[2].header.first_sequence;
    ASSERT_TRUE(program->release(third - 1));
    EXPECT_EQ(writer().catalog().size(), segments - 1);
    ASSERT_TRUE(program->release(third));
    EXPECT_EQ(writer().catalog().size(), segments - 2);
    expect_log(third, 300);
    EXPECT_TRUE(events.removed.empty());
}

}  // namespace
}  // namespace sluice::store::test
