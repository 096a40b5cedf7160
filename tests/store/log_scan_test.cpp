// Segment files made by hand, read without a daemon.
#include "store/log_scan.h"

#include <filesystem>

#include "real_copy.h"
#include "segment_image.h"
#include "unlistable.h"

namespace sluice::store::test {
namespace {

class LogScanTest : public testing::Test {
 protected:
    LogScanTest() { copy.save("identity", identity_bytes(kStore)); }
    void save(const SegmentImage& image) { copy.save(image.name(), image.bytes); }
    void open() {
        Result<std::unique_ptr<LogScan>> opened = LogScan::open(copy.directory());
        ASSERT_TRUE(opened) << opened.error();
        scan = *std::move(opened);
    }
    // "segment offset+bytes first-end" of each place.
    std::vector<std::string> places() const {
        std::vector<std::string> all;
        for (const LogScan::Place& place : scan->places()) {
            all.push_back(fmt::format("{} {}+{} {}-{}", place.segment, place.offset, place.bytes, place.first_sequence,
                                      place.end_sequence));
        }
        return all;
    }
    std::vector<std::uint64_t> firsts() const {
        std::vector<std::uint64_t> all;
        for (const LogScan::Place& place : scan->places()) {
            all.push_back(place.first_sequence);
        }
        return all;
    }
    std::optional<LogScan::Frame> read(std::size_t place) {
        auto frame = scan->read(scan->places()[place]);
        EXPECT_TRUE(frame) << frame.error();
        return frame ? *std::move(frame) : std::nullopt;
    }
    std::uint64_t lost_records() const {
        std::uint64_t records = 0;
        for (const Damage& damage : scan->damage()) {
            records += damage.end_sequence - damage.first_sequence;
        }
        return records;
    }
    std::vector<std::string> problems() const { return scan->problems(); }
    RealCopy copy;
    std::unique_ptr<LogScan> scan;
};

using Strings = std::vector<std::string>;
using Numbers = std::vector<std::uint64_t>;

TEST_F(LogScanTest, EmptyStoreHasNothing) {
    open();
    EXPECT_EQ(scan->begins(), std::nullopt);
    EXPECT_TRUE(scan->places().empty());
    EXPECT_TRUE(scan->problems().empty());
    EXPECT_EQ(scan->epoch(), 0U);
    EXPECT_EQ(lost_records(), 0U);
    EXPECT_EQ(scan->store_id(), kStore);
}

TEST_F(LogScanTest, StoreWithoutASoundIdentityIsRefused) {
    Bytes longer = identity_bytes(kStore);
    longer.push_back(std::byte{0});
    copy.save("identity", longer);
    EXPECT_EQ(code_of(LogScan::open(copy.directory())), Errc::corrupt);
    std::filesystem::remove(copy.directory() + "/identity");
    EXPECT_EQ(code_of(LogScan::open(copy.directory())), Errc::not_found);
    std::filesystem::create_directory(copy.directory() + "/identity");
    EXPECT_EQ(code_of(LogScan::open(copy.directory())), Errc::wrong_type);
    EXPECT_EQ(code_of(LogScan::open(copy.directory() + "/none")), Errc::not_found);
}

TEST_F(LogScanTest, DirectoryThatCannotBeListedIsRefused) {
    const Unlistable closed(copy.directory());
    EXPECT_EQ(code_of(LogScan::open(closed.path())), Errc::permission_denied);
}

TEST_F(LogScanTest, FramesOfAllSegmentsAreFoundInOrder) {
    SegmentImage first(1, 5, kStore);
    first.add_payload(Bytes(8), 0, FrameKind::producers);
    const std::size_t one = first.add({"one"});
    const std::size_t two = first.add({"two", std::string(600, 'x')});
    SegmentImage second(2, 8, kStore);
    second.header.block_bytes = 4096;
    second.header.epoch = 3;
    second.seal_header();
    const std::size_t three = second.add({"three"});
    const std::size_t four = second.add({"four"});
    second.add_payload({}, 0, FrameKind::closed);
    save(second);
    save(first);
    copy.save("log-0000000000000003.wal.tmp", first.bytes);
    open();
    const auto size = [](const Strings& messages) { return sizeof(FrameHeader) + encode({messages}).size(); };
    EXPECT_EQ(places(), (Strings{fmt::format("0 {}+{} 5-6", one, size({"one"})),
                                 fmt::format("0 {}+{} 6-8", two, size({"two", std::string(600, 'x')})),
                                 fmt::format("1 {}+{} 8-9", three, size({"three"})),
                                 fmt::format("1 {}+{} 9-10", four, size({"four"}))}));
    EXPECT_EQ(one, 4096U + 512);
    EXPECT_EQ(two, 4096U + 1024);
    EXPECT_EQ(three, 4096U);
    EXPECT_EQ(four, 8192U);
    EXPECT_EQ(scan->begins(), 5U);
    EXPECT_EQ(scan->epoch(), 3U);
    EXPECT_EQ(problems(), Strings());
}

TEST_F(LogScanTest, EpochIsTheHighestOfAnySegment) {
    SegmentImage first(1, 1, kStore);
    first.header.epoch = 9;
    first.seal_header();
    save(first);
    save(SegmentImage(2, 1, kStore));
    open();
    EXPECT_EQ(scan->epoch(), 9U);
}

TEST_F(LogScanTest, FrameIsReadWithEverythingItSays) {
    SegmentImage image(1, 5, kStore);
    image.header.epoch = 4;
    image.seal_header();
    image.add({"one", "two", "three"});
    image.add({"four"});
    save(image);
    open();
    const auto frame = read(0);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->epoch, 4U);
    EXPECT_EQ(frame->first_sequence, 5U);
    EXPECT_EQ(frame->count, 3U);
    EXPECT_EQ(frame->limit, 3U);
    EXPECT_TRUE(std::ranges::equal(frame->payload, encode({{"one", "two", "three"}})));
    ASSERT_TRUE(frame->bytes);
    EXPECT_EQ(frame->bytes->size(), sizeof(FrameHeader) + frame->payload.size());
    EXPECT_EQ(frame->payload.data(), frame->bytes->data() + sizeof(FrameHeader));
    const auto last = read(1);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->first_sequence, 8U);
    EXPECT_EQ(last->count, 1U);
    EXPECT_EQ(lost_records(), 0U);
}

// What is behind that was written again there.
TEST_F(LogScanTest, NextSegmentTakesItsNumbersAway) {
    SegmentImage first(1, 1, kStore);
    first.add({"1", "2"});
    first.add({"3", "4", "5"});
    first.add({"6"});
    SegmentImage second(2, 5, kStore);
    second.add({"5 again", "6 again"});
    save(first);
    save(second);
    open();
    ASSERT_EQ(firsts(), (Numbers{1, 3, 5}));
    EXPECT_EQ(scan->places()[0].end_sequence, 3U);
    EXPECT_EQ(scan->places()[1].end_sequence, 5U);
    EXPECT_EQ(scan->places()[2].end_sequence, 7U);
    const auto cut = read(1);
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->count, 3U);
    EXPECT_EQ(cut->limit, 2U);
}

TEST_F(LogScanTest, FrameThatBeginsWhereTheNextSegmentDoesIsNotOfThisOne) {
    for (const std::uint64_t begin : {3U, 4U}) {
        SegmentImage first(1, 1, kStore);
        first.add({"1", "2"});
        first.add({"3"});
        SegmentImage second(2, begin, kStore);
        second.add({"more"});
        save(first);
        save(second);
        open();
        EXPECT_EQ(firsts(), begin == 3 ? (Numbers{1, 3}) : (Numbers{1, 3, 4}));
        EXPECT_EQ(scan->places()[1].segment, begin == 3 ? 1U : 0U);
    }
}

TEST_F(LogScanTest, NumbersThatComeAgainAreLeftOut) {
    SegmentImage image(1, 1, kStore);
    image.add({"1", "2", "3"});
    image.set_next(3);
    image.add({"3 again"});
    image.set_next(4);
    image.add({"4"});
    image.set_next(2);
    image.add({"2 again"});
    image.set_next(9);
    image.add({"9"});
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1, 4, 9}));
    SegmentImage second(2, 9, kStore);
    second.set_next(4);
    second.add({"4 again"});
    second.set_next(9);
    second.add({"9"});
    save(second);
    open();
    EXPECT_EQ(firsts(), (Numbers{1, 4, 9}));
    EXPECT_EQ(scan->places()[2].segment, 1U);
}

TEST_F(LogScanTest, DamagedHeaderIsSearchedAcross) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    const std::size_t second = image.add({std::string(1500, '2')});
    const std::size_t third = image.add({"3"});
    image.flip(second);
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1, 3}));
    EXPECT_EQ(scan->places()[1].offset, third);
    image.flip(second);
    image.flip(second + offsetof(FrameHeader, segment_id));
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1, 3}));
}

// A frame within the bytes of a record: its sender may know the format.
TEST_F(LogScanTest, WhatIsFoundInTheSearchIsChecked) {
    SegmentImage image(1, 1, kStore);
    const std::size_t at = image.add({std::string(3000, 'x')});
    image.add({"2"});
    FrameHeader forged;
    forged.segment_id = 1;
    forged.first_sequence = 77;
    forged.count = 1;
    forged.payload_bytes = 10;
    std::memcpy(image.bytes.data() + at + 1024, &forged, sizeof forged);
    image.flip(at);
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{2}));
    // Nor does one that is cut by the end of the file hide anything, or count.
    forged.payload_bytes = static_cast<std::uint32_t>(image.bytes.size());
    std::memcpy(image.bytes.data() + at + 1024, &forged, sizeof forged);
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{2}));
}

// Outside of a search a header is believed until its frame is read.
TEST_F(LogScanTest, FrameFoundInTheSearchEndsTheSearch) {
    SegmentImage image(1, 1, kStore);
    const std::size_t first = image.add({"1"});
    image.add({"2"});
    const std::size_t third = image.add({"3"});
    image.add({"4"});
    image.flip(first);
    image.flip(third + sizeof(FrameHeader) + 60);
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{2, 3, 4}));
    EXPECT_FALSE(read(1));
    EXPECT_EQ(lost_records(), 2U);
}

TEST_F(LogScanTest, FrameUpToTheEndOfTheFileCountsAndOneBeyondDoesNot) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    image.add({"2"});
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1, 2}));
    EXPECT_TRUE(read(1));
    image.bytes.pop_back();
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1}));
    EXPECT_TRUE(read(0));
}

TEST_F(LogScanTest, HeaderAtTheVeryEndIsAFrame) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    image.add_payload({}, 0);
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1, 2}));
    image.bytes.pop_back();
    save(image);
    open();
    EXPECT_EQ(firsts(), (Numbers{1}));
}

TEST_F(LogScanTest, DamagedFrameCostsItsRecordsUnlessItIsTheLast) {
    SegmentImage image(1, 1, kStore);
    const std::size_t first = image.add({"1", "2", "3"});
    image.add({"4"});
    const std::size_t last = image.add({"5"});
    image.flip(first + sizeof(FrameHeader) + 60);
    image.flip(last + sizeof(FrameHeader) + 60);
    save(image);
    open();
    ASSERT_EQ(firsts(), (Numbers{1, 4})) << "the last one may be being written";
    EXPECT_EQ(lost_records(), 0U);
    EXPECT_FALSE(read(0));
    EXPECT_EQ(lost_records(), 3U);
    EXPECT_TRUE(read(1));
    EXPECT_FALSE(read(0));
    EXPECT_EQ(lost_records(), 3U) << "it is one place";
    EXPECT_EQ(scan->damage()[0].reason(), fmt::format("{} at {}: {} bytes are no valid frame", image.name(), first,
                                                      round_up(scan->places()[0].bytes, 512)));
}

TEST_F(LogScanTest, LostAreOnlyTheRecordsThatBelongToTheSegment) {
    SegmentImage first(1, 1, kStore);
    const std::size_t at = first.add({"1", "2", "3"});
    first.flip(at + sizeof(FrameHeader) + 60);
    SegmentImage second(2, 3, kStore);
    second.add({"3"});
    save(first);
    save(second);
    open();
    EXPECT_EQ(firsts(), (Numbers{3}));
    EXPECT_EQ(lost_records(), 2U);
}

// Its checksum holds: only a bug can have written it, but it must not be given to a reader.
TEST_F(LogScanTest, FrameWhosePayloadIsNotWhatItSaysIsNotRead) {
    const Bytes batch = encode({.messages = {"1", "2"}});
    Bytes rubbish = batch;
    rubbish.resize(batch.size() + 60, std::byte{0x11});
    Bytes twice = batch;
    append(twice, batch);
    for (const auto& [payload, count] : {std::pair(batch, 1U), std::pair(batch, 3U), std::pair(rubbish, 2U),
                                         std::pair(Bytes(), 1U), std::pair(twice, 2U)}) {
        SegmentImage image(1, 1, kStore);
        image.add_payload(payload, count);
        image.add({"last"});
        save(image);
        open();
        ASSERT_EQ(scan->places().size(), 2U);
        EXPECT_FALSE(read(0));
        EXPECT_EQ(lost_records(), count);
    }
    SegmentImage image(1, 1, kStore);
    image.add_payload(twice, 4);
    save(image);
    open();
    EXPECT_TRUE(read(0));
}

// Larger than what a client may send: what is stored is read.
TEST_F(LogScanTest, RecordsOfAnySizeAreRead) {
    wire::BatchBuilder builder(wire::RecordLimits{.message_bytes_max = UINT32_MAX, .fields_max = UINT32_MAX});
    builder.begin(wire::Severity::info).message(std::string(std::size_t{20} << 20U, 'x'));
    ASSERT_TRUE(builder.finish_record());
    const ByteView batch = builder.finish();
    SegmentImage image(1, 1, kStore);
    image.add_payload({batch.begin(), batch.end()}, 1);
    save(image);
    open();
    EXPECT_TRUE(read(0));
}

// The daemon has retired a segment and made another one of its file since it was listed.
TEST_F(LogScanTest, FileThatWasRecycledMeanwhileIsLost) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    image.add({"2"});
    SegmentImage other(1, 1, kStore);
    other.set_next(101);
    other.add({"101"});
    other.add({"102"});
    SegmentImage next(9, 1, kStore);
    next.add({"1"});
    for (const Bytes& instead : {other.bytes, next.bytes, Bytes()}) {
        save(image);
        open();
        copy.save(image.name(), instead);
        EXPECT_FALSE(read(0));
        EXPECT_EQ(lost_records(), 1U);
    }
}

// ---- single flipped bits ----

// Each record is read or told to be lost, and not both.
TEST_F(LogScanTest, EveryFlippedBitIsToldWhereItLosesRecordsAndNowhereElse) {
    SegmentImage first(1, 1, kStore);
    first.add_payload(ProducerTable(1).encode(), 0, FrameKind::producers);
    std::vector<std::size_t> frames;
    frames.push_back(first.add({"1", "2", std::string(1200, '3')}));
    frames.push_back(first.add({"4"}));
    frames.push_back(first.add({"5", "6"}));
    frames.push_back(first.add({"7"}));
    SegmentImage second(2, 8, kStore);
    second.add({"8"});
    second.add({"9", "10"});
    save(second);
    const Bytes sound = first.bytes;
    for (std::size_t at = kHeaderBlock; at < sound.size(); at += at % 512 < 80 ? 1 : 37) {
        first.bytes = sound;
        first.flip(at);
        save(first);
        open();
        std::vector<int> seen(11, 0);
        std::uint64_t read_records = 0;
        for (std::size_t place = 0; place < scan->places().size(); ++place) {
            if (const auto frame = read(place)) {
                for (std::uint64_t n = frame->first_sequence; n < frame->first_sequence + frame->limit; ++n) {
                    ++seen[n];
                    ++read_records;
                }
            }
        }
        for (const Damage& damage : scan->damage()) {
            EXPECT_EQ(damage.file, first.name()) << at;
            EXPECT_TRUE(std::ranges::find(frames, damage.offset) != frames.end()) << at << ": " << damage.offset;
            for (std::uint64_t n = damage.first_sequence; n < damage.end_sequence; ++n) {
                ++seen[n];
            }
        }
        EXPECT_EQ(seen, (std::vector<int>{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})) << at;
        EXPECT_GE(read_records, 7U) << at << ": its neighbours are read";
    }
}

TEST_F(LogScanTest, SegmentsThatCannotBeReadAreToldAndTheOthersRead) {
    SegmentImage good(4, 1, kStore);
    good.add({"1"});
    save(good);
    SegmentImage foreign(5, 1, StoreId{std::byte{9}});
    foreign.add({"theirs"});
    save(foreign);
    SegmentImage renamed(6, 1, kStore);
    copy.save(segment_name(7), renamed.bytes);
    copy.save(segment_name(8), Bytes(100));
    copy.save(segment_name(0xc), Bytes(128));
    std::filesystem::create_directory(copy.directory() + "/" + segment_name(9));
    std::filesystem::create_symlink("nowhere", copy.directory() + "/" + segment_name(10));
    std::filesystem::create_symlink(segment_name(11), copy.directory() + "/" + segment_name(11));
    open();
    EXPECT_EQ(firsts(), (Numbers{1}));
    const Strings found = problems();
    ASSERT_EQ(found.size(), 6U);
    EXPECT_EQ(found[0], "log-0000000000000005.wal: its header is of another segment");
    EXPECT_EQ(found[1], "log-0000000000000007.wal: its header is of another segment");
    EXPECT_EQ(found[2], "log-0000000000000008.wal: a segment header has 128 bytes, this file ends after 100");
    EXPECT_TRUE(found[3].starts_with("log-0000000000000009.wal: read at 0")) << found[3];
    EXPECT_TRUE(found[4].starts_with("log-000000000000000b.wal: open '")) << found[4];
    EXPECT_TRUE(found[5].starts_with("log-000000000000000c.wal: not a segment")) << found[5];
}

TEST_F(LogScanTest, ReadThatFailsIsAnError) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    save(image);
    open();
    LogScan::Place place = scan->places()[0];
    place.offset = ~std::uint64_t{0};
    EXPECT_EQ(code_of(scan->read(place)), Errc::invalid_argument);
}

}  // namespace
}  // namespace sluice::store::test
