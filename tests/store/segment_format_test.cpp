#include "store/segment_format.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/checksum.h"
#include "guarded_bytes.h"

namespace sluice::store {
namespace {

SegmentHeader example_header() {
    SegmentHeader header;
    header.segment_id = 0x1122;
    header.segment_bytes = 1U << 20U;
    header.first_sequence = 4711;
    header.time_ns = 1'700'000'000'000'000'000;
    header.epoch = 3;
    header.block_bytes = 512;
    header.salt = 0xfeedfacecafebeef;
    header.store_id.fill(std::byte{0xab});
    header.boot_id.fill(std::byte{0xcd});
    return header;
}

Bytes block_of(const SegmentHeader& header) {
    Bytes block(kHeaderBlock, std::byte{0xff});
    encode_segment_header(header, block);
    return block;
}

Bytes frame_of(const SegmentHeader& segment, std::string_view payload) {
    Bytes frame(sizeof(FrameHeader));
    append(frame, as_bytes(payload));
    FrameHeader header;
    header.segment_id = segment.segment_id;
    header.first_sequence = 4711;
    header.count = 3;
    header.epoch = segment.epoch;
    header.durable_sequence = 4700;
    header.time_ns = 99;
    seal_frame(header, frame, segment.salt);
    return frame;
}

FrameFault fault_of(ByteView bytes, const SegmentHeader& segment, std::size_t bytes_max = 1U << 20U) {
    const auto frame = parse_frame(bytes, segment, bytes_max);
    EXPECT_FALSE(frame);
    return frame ? FrameFault{99} : frame.error().fault;
}

TEST(SegmentHeader, RoundTripsThroughItsBlockWhoseRestIsZero) {
    const SegmentHeader header = example_header();
    const Bytes block = block_of(header);
    const auto parsed = parse_segment_header(block);
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(parsed->segment_id, header.segment_id);
    EXPECT_EQ(parsed->segment_bytes, header.segment_bytes);
    EXPECT_EQ(parsed->first_sequence, header.first_sequence);
    EXPECT_EQ(parsed->time_ns, header.time_ns);
    EXPECT_EQ(parsed->epoch, header.epoch);
    EXPECT_EQ(parsed->block_bytes, header.block_bytes);
    EXPECT_EQ(parsed->salt, header.salt);
    EXPECT_EQ(parsed->store_id, header.store_id);
    EXPECT_EQ(parsed->boot_id, header.boot_id);
    EXPECT_TRUE(std::ranges::all_of(ByteView(block).subspan(128), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(SegmentHeader, EveryFlippedBitIsCorrupt) {
    const Bytes whole = block_of(example_header());
    for (std::size_t bit = 0; bit < 128 * 8; ++bit) {
        Bytes block = whole;
        block[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto parsed = parse_segment_header(block);
        ASSERT_FALSE(parsed) << "bit " << bit;
        EXPECT_EQ(parsed.error().code(), Errc::corrupt) << "bit " << bit << ": " << parsed.error();
    }
}

TEST(SegmentHeader, TooShortAFileIsCorrupt) {
    const Bytes whole = block_of(example_header());
    for (std::size_t size = 0; size < 128; ++size) {
        EXPECT_FALSE(parse_segment_header(ByteView(whole).first(size))) << size;
    }
    EXPECT_TRUE(parse_segment_header(ByteView(whole).first(128)));
}

// A newer daemon's segment is whole: it must not be taken for damage and set aside.
TEST(SegmentHeader, AnotherVersionIsUnsupportedAndNotCorrupt) {
    SegmentHeader header = example_header();
    header.version = 2;
    const auto parsed = parse_segment_header(block_of(header));
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code(), Errc::unsupported);
    EXPECT_EQ(parsed.error().text(), "segment format 2, this program reads 1");
}

TEST(SegmentHeader, SaysWhatIsWrongWithIt) {
    const auto said = [](ByteView block) { return parse_segment_header(block).error().text(); };
    Bytes block = block_of(example_header());
    EXPECT_EQ(said(ByteView(block).first(5)), "a segment header has 128 bytes, this file ends after 5");
    block[60] ^= std::byte{1};
    EXPECT_EQ(said(block), "the segment header fails its checksum");
    block[0] ^= std::byte{1};
    EXPECT_EQ(said(block), "not a segment: magic 0x47535752, expected 0x47535753");
    SegmentHeader header = example_header();
    header.block_bytes = 8192;
    EXPECT_EQ(said(block_of(header)), "block size 8192 is not a power of two from 512 to 4096");
}

TEST(SegmentHeader, BlockSizeIsAPowerOfTwoFrom512To4096) {
    for (const std::uint32_t bad : {0U, 1U, 256U, 513U, 1536U, 8192U}) {
        SegmentHeader header = example_header();
        header.block_bytes = bad;
        EXPECT_FALSE(parse_segment_header(block_of(header))) << bad;
    }
    SegmentHeader header = example_header();
    header.block_bytes = 4096;
    EXPECT_TRUE(parse_segment_header(block_of(header)));
}

TEST(Frame, RoundTrips) {
    const SegmentHeader segment = example_header();
    Bytes bytes = frame_of(segment, "payload of a frame");
    bytes.resize(bytes.size() + 100, std::byte{0x55});
    const auto frame = parse_frame(bytes, segment, bytes.size());
    ASSERT_TRUE(frame);
    EXPECT_EQ(as_text(frame->payload), "payload of a frame");
    EXPECT_EQ(frame->bytes(), sizeof(FrameHeader) + 18);
    EXPECT_EQ(frame->header.first_sequence, 4711U);
    EXPECT_EQ(frame->header.count, 3U);
    EXPECT_EQ(frame->header.epoch, 3U);
    EXPECT_EQ(frame->header.durable_sequence, 4700U);
    EXPECT_EQ(frame->header.time_ns, 99);
    EXPECT_EQ(frame->header.kind, FrameKind::records);
}

TEST(Frame, WithoutPayloadRoundTrips) {
    const SegmentHeader segment = example_header();
    const auto frame = parse_frame(frame_of(segment, ""), segment, 64);
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->payload.empty());
}

TEST(Frame, NoFlippedBitIsAccepted) {
    const SegmentHeader segment = example_header();
    const Bytes whole = frame_of(segment, "some bytes that matter");
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        Bytes frame = whole;
        frame[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(parse_frame(frame, segment, 1U << 20U)) << "bit " << bit;
    }
}

// What an earlier life of a recycled file left behind.
TEST(Frame, OfAnotherSegmentIsAbsent) {
    SegmentHeader other = example_header();
    other.segment_id += 1;
    EXPECT_EQ(fault_of(frame_of(other, "old"), example_header()), FrameFault::absent);
}

// A client that guesses the segment's id cannot guess the salt.
TEST(Frame, SealedWithAnotherSaltIsDamaged) {
    SegmentHeader other = example_header();
    other.salt += 1;
    EXPECT_EQ(fault_of(frame_of(other, "forged"), example_header()), FrameFault::damaged);
}

TEST(Frame, CutSaysHowMuchItNeeds) {
    const SegmentHeader segment = example_header();
    const Bytes whole = frame_of(segment, "0123456789");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto frame = parse_frame(ByteView(whole).first(size), segment, 1U << 20U);
        ASSERT_FALSE(frame);
        EXPECT_EQ(frame.error().fault, FrameFault::truncated);
        EXPECT_EQ(frame.error().need, size < sizeof(FrameHeader) ? sizeof(FrameHeader) : whole.size());
    }
}

TEST(Frame, NothingBehindTheBytesIsRead) {
    const SegmentHeader segment = example_header();
    const Bytes whole = frame_of(segment, "0123456789");
    const Bytes block = block_of(segment);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const test::GuardedBytes cut(ByteView(whole).first(size));
        EXPECT_EQ(parse_frame(cut.bytes(), segment, 1U << 20U).has_value(), size == whole.size());
    }
    for (const std::size_t size : {0U, 4U, 64U, 127U, 128U}) {
        const test::GuardedBytes cut(ByteView(block).first(size));
        EXPECT_EQ(parse_segment_header(cut.bytes()).has_value(), size == 128);
    }
}

TEST(Frame, LongerThanTheRestOfTheSegmentIsDamaged) {
    const SegmentHeader segment = example_header();
    const Bytes whole = frame_of(segment, "0123456789");
    EXPECT_EQ(fault_of(whole, segment, whole.size() - 1), FrameFault::damaged);
}

TEST(Frame, ZerosAndTextAreAbsent) {
    EXPECT_EQ(fault_of(Bytes(512), example_header()), FrameFault::absent);
    EXPECT_EQ(fault_of(Bytes(512, std::byte{'x'}), example_header()), FrameFault::absent);
}

Bytes batch_of(std::uint64_t number) {
    wire::BatchBuilder builder;
    builder.begin(wire::Severity::info).message("m");
    EXPECT_TRUE(builder.finish_record());
    const ProducerId producer{std::byte{1}};
    const ByteView bytes = builder.finish({.producer = producer, .number = number});
    return {bytes.begin(), bytes.end()};
}

TEST(ForEachBatch, VisitsAllAndStopsAtWhatIsNoBatch) {
    Bytes payload = batch_of(1);
    append(payload, batch_of(2));
    append(payload, as_bytes("rubbish that is longer than a batch header, which has 48 bytes"));
    std::vector<std::uint64_t> numbers;
    for_each_batch(payload, [&](const wire::BatchHeader& header, ByteView bytes) {
        numbers.push_back(header.number);
        EXPECT_EQ(bytes.size(), header.size);
    });
    EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2}));
}

TEST(Names, RoundTripAndRefuseWhatIsAlmostOne) {
    EXPECT_EQ(segment_name(0x1f), "log-000000000000001f.wal");
    EXPECT_EQ(parse_segment_name("log-000000000000001f.wal"), 0x1fU);
    EXPECT_EQ(spare_name(0xabc), "spare-00000abc.wal");
    EXPECT_EQ(parse_spare_name("spare-00000abc.wal"), 0xabcU);
    for (const char* name :
         {"log-1f.wal", "log-000000000000001g.wal", "log-000000000000001f.wal.tmp", "aside-log-0.wal",
          "log-00000000000000001f.wal", "log--00000000000001f.wal", "", "identity", "lag-000000000000001f.wal",
          "log-000000000000001f.wax", "log-g00000000000001f.wal", "spare-00000abg.wal", "spare-00000abc.wax",
          "sparx-00000abc.wal"}) {
        EXPECT_FALSE(parse_segment_name(name)) << name;
        EXPECT_FALSE(parse_spare_name(name)) << name;
    }
}

}  // namespace
}  // namespace sluice::store
