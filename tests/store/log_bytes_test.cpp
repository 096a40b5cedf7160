// What the log's writer puts where, to the byte, and at which size it does something else.
#include "log_bytes_fixture.h"

namespace sluice::store::test {
namespace {

using io::OpCode;

TEST_F(LogBytesTest, SegmentBeginsWithItsHeaderAndTheProducers) {
    open();
    ASSERT_TRUE(program->append({{.messages = {"a"}, .producer = 9, .number = 4}}, true));
    ASSERT_TRUE(program->close());
    const WallNs before = world->clock().wall_now();
    open();
    ASSERT_EQ(writer().catalog().size(), 2U);
    const Bytes bytes = bytes_of(1);
    EXPECT_EQ(bytes.size(), kSegmentBytes);
    const Result<SegmentHeader> header = parse_segment_header(bytes);
    ASSERT_TRUE(header) << header.error();
    EXPECT_EQ(header->segment_id, 2U);
    EXPECT_EQ(header->segment_bytes, kSegmentBytes);
    EXPECT_EQ(header->first_sequence, 2U);
    EXPECT_GE(header->time_ns, before);
    EXPECT_LE(header->time_ns, world->clock().wall_now());
    EXPECT_EQ(header->epoch, 1U);
    EXPECT_EQ(header->block_bytes, 512U);
    EXPECT_NE(header->salt, 0U);
    EXPECT_NE(header->salt, parse_segment_header(bytes_of(0))->salt);
    EXPECT_EQ(header->store_id, writer().recovered().store_id);
    EXPECT_EQ(header->boot_id, options.boot_id);
    const auto frame = parse_frame(ByteView(bytes).subspan(kHeaderBlock), *header, bytes.size() - kHeaderBlock);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.kind, FrameKind::producers);
    EXPECT_EQ(frame->header.segment_id, 2U);
    EXPECT_EQ(frame->header.first_sequence, 2U);
    EXPECT_EQ(frame->header.count, 0U);
    EXPECT_EQ(frame->header.epoch, 1U);
    EXPECT_EQ(frame->header.durable_sequence, 2U);
    EXPECT_EQ(frame->header.time_ns, header->time_ns);
    EXPECT_TRUE(std::ranges::equal(frame->payload, writer().producers().encode()));
    ASSERT_EQ(events.opened.size(), 1U);
    EXPECT_EQ(events.opened[0].header.segment_id, 2U);
    EXPECT_EQ(events.opened[0].file_bytes, kSegmentBytes);
}

TEST_F(LogBytesTest, FramesStandBehindEachOtherAtBlocksWithZerosBetween) {
    open();
    put(700, true);
    put(512, false);
    put(513, true);
    const Bytes bytes = bytes_of(0);
    const SegmentHeader header = *parse_segment_header(bytes);
    std::size_t at = kFirstFrame;
    for (const std::size_t size : {700U, 512U, 513U}) {
        const auto frame = parse_frame(ByteView(bytes).subspan(at), header, bytes.size() - at);
        ASSERT_TRUE(frame) << at;
        EXPECT_EQ(frame->bytes(), size);
        const std::size_t end = round_up(at + size, 512);
        EXPECT_TRUE(std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at + size),
                                bytes.begin() + static_cast<std::ptrdiff_t>(end),
                                [](std::byte b) { return b == std::byte{0}; }))
            << at;
        at = end;
    }
    const std::vector<FrameHeader> frames = frames_of(0);
    ASSERT_EQ(frames.size(), 4U);
    EXPECT_EQ(frames[1].first_sequence, 1U);
    EXPECT_EQ(frames[1].count, 1U);
    EXPECT_EQ(frames[1].epoch, 1U);
    EXPECT_EQ(frames[1].durable_sequence, 1U);
    EXPECT_GT(frames[1].time_ns, 0);
    EXPECT_LE(frames[1].time_ns, world->clock().wall_now());
    EXPECT_EQ(frames[2].first_sequence, 2U);
    EXPECT_EQ(frames[2].durable_sequence, 2U);
    EXPECT_EQ(frames[3].first_sequence, 3U);
    EXPECT_EQ(frames[3].durable_sequence, 2U);
}

// Nothing of what was in memory before comes with it.
TEST_F(LogBytesTest, BehindTheProducersAreZeros) {
    open();
    for (int i = 0; i < 3; ++i) {
        put(8192, true);  // Buffers that are given back, full of other things.
        put(30'000, true);
    }
    ASSERT_GE(writer().catalog().size(), 2U);
    for (std::size_t segment = 0; segment < writer().catalog().size(); ++segment) {
        const Bytes bytes = bytes_of(segment);
        const std::size_t end = kHeaderBlock + sizeof(FrameHeader) + 8;
        EXPECT_TRUE(std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(end),
                                bytes.begin() + static_cast<std::ptrdiff_t>(kFirstFrame),
                                [](std::byte b) { return b == std::byte{0}; }))
            << segment;
    }
}

TEST_F(LogBytesTest, AnswerSaysWhatWasWrittenAndWhatIsDurable) {
    open();
    const Committed first = put(700, false);
    EXPECT_EQ(first.epoch, 1U);
    EXPECT_EQ(first.first_sequence, 1U);
    EXPECT_EQ(first.next_sequence, 2U);
    EXPECT_EQ(first.durable_sequence, 1U);
    const Committed second = put(700, true);
    EXPECT_EQ(second.first_sequence, 2U);
    EXPECT_EQ(second.next_sequence, 3U);
    EXPECT_EQ(second.durable_sequence, 3U);
    const Result<Committed> synced = program->sync();
    ASSERT_TRUE(synced);
    EXPECT_EQ(synced->first_sequence, 3U);
    EXPECT_EQ(synced->next_sequence, 3U);
    EXPECT_EQ(synced->durable_sequence, 3U);
    EXPECT_EQ(synced->frame, nullptr);
    EXPECT_EQ(synced->epoch, 1U);
}

// Small ones are copied, so that the large buffer is free again.
TEST_F(LogBytesTest, GroupIsKeptInABufferOfItsSizeUpTo64KiB) {
    options.segment_bytes = 256 * 1024;
    open();
    Group small = group_of(700, 100'000);
    const Result<Committed> copied = program->append_group(small, false);
    ASSERT_TRUE(copied);
    EXPECT_NE(copied->frame, small.buffer);
    EXPECT_EQ(copied->frame->capacity(), 4096U);
    EXPECT_TRUE(std::equal(small.buffer->data(), small.buffer->data() + small.bytes, copied->frame->data()));
    Group largest = group_of(65'536, 100'000);
    EXPECT_EQ(program->append_group(largest, true)->frame->capacity(), 65'536U);
    Group large = group_of(65'537, 100'000);
    EXPECT_EQ(program->append_group(large, true)->frame, large.buffer);
    EXPECT_EQ(read().size(), 3U);
}

// ---- how much may be un-synced ----

TEST_F(LogBytesTest, UnsyncedBytesAreThoseOfTheBuffersUpToAQuarterOfASegment) {
    open();
    for (std::uint64_t n = 1; n <= 3; ++n) {
        EXPECT_EQ(put(700, false).durable_sequence, 1U) << n;
    }
    EXPECT_EQ(put(4096, false).durable_sequence, 1U) << "the last that fits";
    EXPECT_EQ(put(700, false).durable_sequence, 5U);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(put(700, false).durable_sequence, 5U);
    }
    EXPECT_EQ(put(4097, false).durable_sequence, 8U) << "a byte too many";
    EXPECT_TRUE(writer().has_unsynced());
    put(700, true);
    for (int i = 0; i < 4; ++i) {  // What is durable does not count any more.
        EXPECT_EQ(put(700, false).durable_sequence, 10U);
    }
    EXPECT_EQ(put(700, false).durable_sequence, 14U);
}

TEST_F(LogBytesTest, SmallerLimitOfUnsyncedBytesCounts) {
    options.unsynced_bytes_max = 8192;
    open();
    EXPECT_EQ(put(700, false).durable_sequence, 1U);
    EXPECT_EQ(put(700, false).durable_sequence, 1U);
    EXPECT_EQ(put(700, false).durable_sequence, 3U);
}

// The bound holds whatever fails: what cannot be made durable lets nothing more in.
TEST_F(LogBytesTest, GroupIsRefusedWhereItsPredecessorsCannotBeSynced) {
    open();
    for (int i = 0; i < 4; ++i) {
        put(700, false);
    }
    ASSERT_TRUE(world->run_until_idle());
    faults().add(io::fail_nth(OpCode::sync, kSegmentPath, 1, EIO));
    faults().add(io::fail_nth(OpCode::write, kSegmentPath, 1, EIO));  // The beginning of the next segment.
    EXPECT_EQ(code_of(program->append_group(group_of(700), false)), Errc::io_error);
    EXPECT_EQ(writer().next_sequence(), 5U);
    EXPECT_EQ(writer().durable_sequence(), 1U);
    EXPECT_EQ(put(700, false).first_sequence, 5U);
    EXPECT_EQ(writer().durable_sequence(), 5U);
    EXPECT_EQ(read().size(), 5U);
}

TEST_F(LogBytesTest, LargestGroupIsHalfASegment) {
    open();
    EXPECT_EQ(writer().group_bytes_max(), kSegmentBytes / 2);
    EXPECT_EQ(put(kSegmentBytes / 2, true).first_sequence, 1U);
}

// ---- where a segment ends ----

TEST_F(LogBytesTest, SegmentIsFilledToItsLastBlock) {
    for (const bool fits : {true, false}) {
        start(1);
        open();
        put(30'208, true);
        put(fits ? 30'720 : 30'721, true);
        EXPECT_EQ(writer().catalog().size(), fits ? 1U : 2U);
        put(700, true);
        EXPECT_EQ(writer().catalog().size(), 2U);
        EXPECT_EQ(writer().catalog()[1].header.first_sequence, fits ? 3U : 2U);
        EXPECT_EQ(read().size(), 3U);
    }
}

TEST_F(LogBytesTest, GoodbyeIsSaidWhereItFits) {
    for (const bool fits : {true, false}) {
        start(1);
        open();
        put(30'208, true);
        put(fits ? 30'208 : 30'720, true);
        ASSERT_EQ(writer().catalog().size(), 1U);
        ASSERT_TRUE(program->close());
        EXPECT_EQ(frames_of(0).size(), fits ? 4U : 3U);
        if (fits) {
            const FrameHeader goodbye = frames_of(0)[3];
            EXPECT_EQ(goodbye.kind, FrameKind::closed);
            EXPECT_EQ(goodbye.first_sequence, 3U);
            EXPECT_EQ(goodbye.count, 0U);
            EXPECT_EQ(goodbye.payload_bytes, 0U);
            EXPECT_EQ(goodbye.durable_sequence, 3U);
        }
        open();
        EXPECT_EQ(writer().recovered().clean, fits);
        EXPECT_EQ(read().size(), 2U);
    }
}

TEST_F(LogBytesTest, GoodbyeThatCannotBeWrittenIsToldAndLeavesTheLogUnclosed) {
    for (const OpCode code : {OpCode::write, OpCode::sync, OpCode::close}) {
        start(1);
        open();
        put(700, true);
        ASSERT_TRUE(world->run_until_idle());
        const std::size_t rule = faults().add(io::fail_nth(code, kSegmentPath, 1, EIO));
        EXPECT_EQ(code_of(program->close()), Errc::io_error) << static_cast<int>(code);
        EXPECT_EQ(faults().hits(rule), 1U);
    }
}

// Segments without a usable one: a new one is made, only to say so.
TEST_F(LogBytesTest, GoodbyeIsSaidInANewSegmentWhereTheLastFailed) {
    open();
    put(700, true);
    ASSERT_TRUE(world->run_until_idle());
    const std::size_t rule = faults().add(io::fail_from(OpCode::write, "/store/*", 1, EIO));
    ASSERT_FALSE(program->append_group(group_of(700), true));
    faults().remove(rule);
    ASSERT_TRUE(program->close());
    open();
    EXPECT_TRUE(writer().recovered().clean);
    EXPECT_EQ(writer().next_sequence(), 2U);
    EXPECT_EQ(writer().epoch(), 1U);
}

// ---- a segment that fails ----

TEST_F(LogBytesTest, FailedSegmentIsCutBehindWhatItKeepsAndToldWithThePlace) {
    open();
    put(700, true);
    io::FaultRule rule = io::fail_nth(OpCode::write, kSegmentPath, 1, EIO);
    rule.fault.effect = io::FaultEffect::all;
    faults().add(rule);
    put(600, true);
    ASSERT_EQ(writer().catalog().size(), 2U);
    const std::size_t end = kFirstFrame + 1024;
    EXPECT_EQ(writer().catalog()[0].file_bytes, end);
    EXPECT_EQ(bytes_of(0).size(), end);
    EXPECT_EQ(disk().dirty_changes(path(segment_name(1))), 0U);
    ASSERT_EQ(events.failed.size(), 1U);
    EXPECT_TRUE(events.failed[0].starts_with(
        fmt::format("log-0000000000000001.wal: io_error: 'log-0000000000000001.wal' at {}: write", end)))
        << events.failed[0];
    EXPECT_EQ(writer().catalog()[1].header.first_sequence, 2U);
    EXPECT_EQ(writer().catalog()[1].file_bytes, kSegmentBytes);
    EXPECT_EQ(writer().catalog_version(), 2U);
}

TEST_F(LogBytesTest, FailedSyncIsToldWithTheSegment) {
    open();
    put(700, false);
    faults().add(io::fail_nth(OpCode::sync, kSegmentPath, 1, EIO));
    ASSERT_TRUE(program->sync());
    ASSERT_EQ(events.failed.size(), 1U);
    EXPECT_TRUE(events.failed[0].starts_with("log-0000000000000001.wal: io_error: 'log-0000000000000001.wal': sync"))
        << events.failed[0];
    EXPECT_FALSE(writer().has_unsynced());
    EXPECT_EQ(writer().durable_sequence(), 2U);
}

TEST_F(LogBytesTest, GroupThatFailsTwiceIsRefusedAndBothSegmentsAreTold) {
    open();
    put(700, true);
    ASSERT_TRUE(world->run_until_idle());
    // Of the writes of the current segment: this group; header and producers of the next; this group again.
    faults().add(io::fail_nth(OpCode::write, kSegmentPath, 1, EIO));
    faults().add(io::fail_nth(OpCode::write, kSegmentPath, 3, EIO));
    EXPECT_EQ(code_of(program->append_group(group_of(600), true)), Errc::io_error);
    EXPECT_EQ(events.failed.size(), 2U);
    EXPECT_EQ(writer().next_sequence(), 2U);
    EXPECT_EQ(put(600, true).first_sequence, 2U);
    EXPECT_EQ(events.failed.size(), 2U);
    EXPECT_EQ(read().size(), 2U);
}

TEST_F(LogBytesTest, ShortWriteOfLessThanABlockIsNoSpace) {
    options.mode = IoMode::buffered;
    open();
    io::FaultRule rule = io::fail_nth(OpCode::write, kSegmentPath, 1, 0);
    rule.fault.length_max = 511;
    faults().add(rule);
    put(700, true);
    ASSERT_EQ(events.failed.size(), 1U);
    EXPECT_TRUE(events.failed[0].ends_with("a write of 1024 bytes at 4608 stopped short")) << events.failed[0];
    EXPECT_TRUE(events.failed[0].contains("no_space")) << events.failed[0];
    EXPECT_EQ(read().size(), 1U);
}

TEST_F(LogBytesTest, ShortWriteGoesOnAtABlock) {
    options.mode = IoMode::buffered;
    open();
    io::FaultRule rule = io::fail_nth(OpCode::write, kSegmentPath, 1, 0);
    rule.fault.length_max = 1500;
    faults().add(rule);
    const std::size_t writes = watch(OpCode::write);
    put(4000, true);
    EXPECT_EQ(faults().hits(writes), 2U);
    EXPECT_TRUE(events.failed.empty());
    EXPECT_EQ(read().size(), 1U);
}

// ---- how it is written ----

TEST_F(LogBytesTest, BlocksAreThoseOfTheDeviceFrom512To4096) {
    for (const auto& [alignment, block] :
         {std::pair{256U, 512U}, std::pair{512U, 512U}, std::pair{1024U, 1024U}, std::pair{4096U, 4096U}}) {
        start(1);
        disk().set_direct_io_alignment(alignment);
        open();
        EXPECT_EQ(writer().mode(), IoMode::direct);
        EXPECT_EQ(writer().catalog()[0].header.block_bytes, block);
        put(300, true);
        put(300, true);
        const Bytes bytes = bytes_of(0);
        const std::size_t second = kHeaderBlock + 2 * block;
        EXPECT_EQ(load_int<std::uint32_t>(bytes.data() + second), kFrameMagic) << alignment;
        EXPECT_EQ(read().size(), 2U);
    }
}

TEST_F(LogBytesTest, BlocksAreNeverLargerThanTheHeader) {
    options.mode = IoMode::buffered;
    disk().set_direct_io_alignment(8192);
    open();
    EXPECT_EQ(writer().catalog()[0].header.block_bytes, 4096U);
    put(700, true);
    reopen_after(io::CrashKind::process);
    EXPECT_EQ(read().size(), 1U);
}

TEST_F(LogBytesTest, UnknownAlignmentIs4096) {
    faults().add(io::fail_nth(OpCode::stat, "/store/probe.tmp", 1, EIO));
    open();
    EXPECT_EQ(writer().catalog()[0].header.block_bytes, 4096U);
    EXPECT_EQ(writer().mode(), IoMode::direct);
}

TEST_F(LogBytesTest, FileSystemThatDoesNotTellItsAlignmentIsTakenFor4096) {
    options.mode = IoMode::buffered;
    world->at_operation(world->operations() + 3, [this] { disk().set_direct_io_alignment(0); });  // The probe's stat.
    open();
    EXPECT_EQ(writer().mode(), IoMode::buffered);
    EXPECT_EQ(writer().catalog()[0].header.block_bytes, 4096U);
}

TEST_F(LogBytesTest, BufferedIsWrittenWithoutDirectIoAlsoWhereItIsPossible) {
    options.mode = IoMode::buffered;
    open();
    EXPECT_EQ(writer().mode(), IoMode::buffered);
    EXPECT_EQ(writer().catalog()[0].header.block_bytes, 512U);
    disk().set_direct_io_alignment(0);  // From now on it would be refused.
    for (int i = 0; i < 10; ++i) {
        put(30'000, true);
    }
    EXPECT_TRUE(events.failed.empty());
    EXPECT_EQ(events.spare_failures, 0U);
    EXPECT_EQ(read().size(), 10U);
}

TEST_F(LogBytesTest, ProbeLeavesNothingAndItsFailureIsTold) {
    open();
    EXPECT_EQ(std::ranges::count(names(), "probe.tmp"), 0);
    for (const OpCode code : {OpCode::open, OpCode::close, OpCode::unlink}) {
        start(1);
        const std::size_t rule = faults().add(io::fail_nth(code, "/store/probe.tmp", 1, EIO));
        EXPECT_EQ(code_of(try_open()), Errc::io_error) << static_cast<int>(code);
        EXPECT_EQ(faults().hits(rule), 1U);
    }
    for (const int refused : {EINVAL, EOPNOTSUPP}) {
        start(1);
        faults().add(io::fail_nth(OpCode::open, "/store/probe.tmp", 1, refused));
        open();
        EXPECT_EQ(writer().mode(), IoMode::buffered);
    }
}

}  // namespace
}  // namespace sluice::store::test
