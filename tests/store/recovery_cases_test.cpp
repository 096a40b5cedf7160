// Recovery of directories made by hand: what each file makes of the start.
#include "segment_image.h"

namespace sluice::store::test {
namespace {

class RecoveryCaseTest : public StoreTest {
 protected:
    RecoveryCaseTest() { reset(); }
    void reset() {
        start(1);
        disk().put_file(path("identity"), identity_bytes(kStore));
        producers_ = std::make_unique<ProducerTable>(8);
        recovery = RecoveryOptions{.random = [] { return std::uint64_t{7}; }};
    }
    void save(const SegmentImage& image) { disk().put_file(path(image.name()), image.bytes); }
    // The beginning of every segment.
    static SegmentImage segment(std::uint64_t id, std::uint64_t first, std::uint32_t epoch = 1) {
        SegmentImage image(id, first, kStore);
        image.header.epoch = epoch;
        image.seal_header();
        image.add_payload(ProducerTable(1).encode(), 0, FrameKind::producers);
        return image;
    }
    Result<Recovered> try_recover() {
        events = Reported();
        io::SimKernel kernel(*world, io::SimKernel::Options{});
        const auto run = [](io::Kernel& on, const RecoveryOptions& with, ProducerTable& producers,
                            StoreEvents& told) -> Task<Result<Recovered>> {
            const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
            SLUICE_CO_TRY(const io::Handle directory, co_await on.open(-1, kDirectory, open));
            co_return co_await recover(on, directory, with, producers, told);
        };
        return io::block_on(kernel, "test", run, std::ref<io::Kernel>(kernel), std::cref(recovery),
                            std::ref(*producers_), std::ref<StoreEvents>(events));
    }
    Recovered recovered() {
        Result<Recovered> found = try_recover();
        EXPECT_TRUE(found) << found.error();
        return found ? *std::move(found) : Recovered{};
    }
    std::vector<std::string> names() { return disk().names(kDirectory); }
    // "file offset+bytes [first, end)" of each.
    std::vector<std::string> damage() const {
        std::vector<std::string> all;
        for (const Damage& one : events.damage) {
            all.push_back(fmt::format("{} {}+{} [{}, {})", one.file, one.offset, one.bytes, one.first_sequence,
                                      one.end_sequence));
        }
        return all;
    }
    RecoveryOptions recovery;
    std::unique_ptr<ProducerTable> producers_;
};

using Strings = std::vector<std::string>;

TEST_F(RecoveryCaseTest, EmptyDirectoryIsANewStore) {
    disk().remove(path("identity"));
    const Recovered found = recovered();
    EXPECT_EQ(found.epoch, 1U);
    EXPECT_EQ(found.next_sequence, 1U);
    EXPECT_EQ(found.next_segment_id, 1U);
    EXPECT_TRUE(found.clean);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_TRUE(found.catalog.empty());
    EXPECT_TRUE(found.spares.empty());
    EXPECT_EQ(load_int<std::uint64_t>(found.store_id.data()), 7U);
    EXPECT_EQ(names(), (Strings{"identity"}));
}

TEST_F(RecoveryCaseTest, EverythingThatASoundLogTellsIsFound) {
    SegmentImage first = segment(3, 5);
    first.add({"5", "6"});
    SegmentImage second = segment(4, 7, 2);
    const std::size_t last = second.add({"7"});
    save(first);
    save(second);
    disk().put_file(path(spare_name(9)), Bytes(5));
    disk().put_file(path(spare_name(2)), Bytes(5));
    const Recovered found = recovered();
    EXPECT_EQ(found.store_id, kStore);
    EXPECT_EQ(found.epoch, 2U);
    EXPECT_EQ(found.next_sequence, 8U);
    EXPECT_EQ(found.next_segment_id, 5U);
    EXPECT_FALSE(found.clean);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_EQ(found.last_data_end, last + 512);
    EXPECT_EQ(found.spares, (std::vector<std::uint32_t>{2, 9}));
    ASSERT_EQ(found.catalog.size(), 2U);
    EXPECT_EQ(found.catalog[0].header.segment_id, 3U);
    EXPECT_EQ(found.catalog[0].file_bytes, first.bytes.size());
    EXPECT_EQ(found.catalog[1].header.segment_id, 4U);
}

TEST_F(RecoveryCaseTest, GoodbyeAsTheLastFrameIsClean) {
    recovery.boot_id[0] = std::byte{1};
    for (const bool last : {true, false}) {
        SegmentImage image = segment(1, 1);
        image.add({"1"});
        image.add_payload({}, 0, FrameKind::closed);
        if (!last) {
            image.add({"2"});
        }
        save(image);
        const Recovered found = recovered();
        EXPECT_EQ(found.clean, last);
        EXPECT_EQ(found.new_epoch, !last) << "another boot";
        EXPECT_EQ(found.epoch, last ? 1U : 2U);
        EXPECT_EQ(found.next_sequence, last ? 2U : 3U);
    }
    SegmentImage image = segment(1, 1);
    image.add({"1"});
    image.header.boot_id = recovery.boot_id;
    image.seal_header();
    save(image);
    EXPECT_FALSE(recovered().new_epoch) << "this boot: what was written is there";
}

TEST_F(RecoveryCaseTest, SegmentThatHoldsNoRecordBeginsWhereItSays) {
    save(segment(1, 41));
    const Recovered found = recovered();
    EXPECT_EQ(found.next_sequence, 41U);
    EXPECT_EQ(found.last_data_end, kHeaderBlock + 512);
}

TEST_F(RecoveryCaseTest, TemporariesGoAndTheirFailureIsTold) {
    for (const char* name : {"a.tmp", "spare-00000001.wal.tmp", "part-x.slp.tmp"}) {
        disk().put_file(path(name), Bytes(1));
    }
    disk().put_file(path("tmp"), Bytes(1));
    (void)recovered();
    EXPECT_EQ(names(), (Strings{"identity", "tmp"}));
    disk().put_file(path("a.tmp"), Bytes(1));
    faults().add(io::fail_nth(io::OpCode::unlink, "*", 1, EIO));
    EXPECT_EQ(code_of(try_recover()), Errc::io_error);
    faults().clear_rules();
    faults().add(io::fail_nth(io::OpCode::list, "*", 1, EIO));
    EXPECT_EQ(code_of(try_recover()), Errc::io_error);
}

TEST_F(RecoveryCaseTest, OtherFilesThatWereSetAsideAreNoSegments) {
    disk().put_file(path("aside-sealed"), Bytes(1));
    const Recovered found = recovered();
    EXPECT_EQ(found.epoch, 1U);
    EXPECT_EQ(found.next_segment_id, 1U);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_TRUE(found.clean);
}

// Numbers of segments that were set aside are not given again.
TEST_F(RecoveryCaseTest, SegmentNumbersAreBehindAllThatWereEverSeen) {
    SegmentImage image = segment(3, 1);
    image.add({"1"});
    save(image);
    disk().put_file(path("aside-log-0000000000000002.wal"), Bytes(1));
    disk().put_file(path("aside-README"), Bytes(1));
    Recovered found = recovered();
    EXPECT_EQ(found.next_segment_id, 4U);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_EQ(found.epoch, 1U);
    disk().put_file(path("aside-log-0000000000000003.wal"), Bytes(1));
    found = recovered();
    EXPECT_EQ(found.next_segment_id, 4U);
    EXPECT_FALSE(found.new_epoch) << "not behind it";
    disk().put_file(path("aside-log-0000000000000007.wal.12"), Bytes(1));
    disk().put_file(path("aside-log-0000000000000009.wal.x"), Bytes(1));
    disk().put_file(path("aside-log-0000000000000005.wal"), Bytes(1));
    found = recovered();
    EXPECT_EQ(found.next_segment_id, 8U);
    EXPECT_TRUE(found.new_epoch);
    EXPECT_FALSE(found.clean);
    EXPECT_EQ(found.epoch, 8U);
    disk().remove(path(image.name()));
    found = recovered();
    EXPECT_EQ(found.epoch, 8U);
    EXPECT_EQ(found.next_sequence, 1U);
}

TEST_F(RecoveryCaseTest, UnreadableSegmentIsSetAsideWithTheReason) {
    SegmentImage good = segment(1, 1);
    good.add({"1"});
    save(good);
    SegmentImage bad = segment(2, 2);
    bad.bytes[30] ^= std::byte{1};
    save(bad);
    Recovered found = recovered();
    ASSERT_EQ(events.set_aside.size(), 1U);
    EXPECT_EQ(events.set_aside[0],
              "aside-log-0000000000000002.wal: corrupt: 'log-0000000000000002.wal': the segment header fails its "
              "checksum");
    EXPECT_TRUE(found.new_epoch);
    EXPECT_FALSE(found.clean);
    EXPECT_EQ(found.epoch, 3U);
    EXPECT_EQ(found.next_sequence, 2U);
    EXPECT_EQ(found.catalog.size(), 1U);

    // A sound one behind it: nothing of the end is lost.
    reset();
    save(good);
    save(bad);
    SegmentImage third = segment(3, 9);
    third.add({"9"});
    save(third);
    found = recovered();
    EXPECT_EQ(events.set_aside.size(), 1U);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_EQ(found.epoch, 1U);
    EXPECT_EQ(found.next_sequence, 10U);
}

TEST_F(RecoveryCaseTest, SegmentsOfOneNameThatAreSetAsideKeepEachItsBytes) {
    const std::string aside = "aside-" + segment_name(2);
    for (std::uint8_t i = 1; i <= 3; ++i) {
        SegmentImage bad = segment(2, 2);
        bad.bytes[30] ^= std::byte{i};
        save(bad);
        const Recovered found = recovered();
        EXPECT_TRUE(found.new_epoch);
        EXPECT_EQ(found.next_segment_id, 3U);
        EXPECT_EQ(events.set_aside.size(), 1U);
        EXPECT_EQ(disk().content(path(i == 1 ? aside : fmt::format("{}.{}", aside, i))), bad.bytes);
    }
}

TEST_F(RecoveryCaseTest, WhatCannotBeDoneStopsTheStart) {
    SegmentImage bad = segment(2, 2);
    bad.bytes[30] ^= std::byte{1};
    save(bad);
    faults().add(io::fail_nth(io::OpCode::rename, "*", 1, EIO));
    EXPECT_EQ(code_of(try_recover()), Errc::io_error) << "setting aside";
    EXPECT_TRUE(events.set_aside.empty());
    reset();
    disk().put_file(path(segment_name(5)), segment(4, 1).bytes);
    faults().add(io::fail_nth(io::OpCode::rename, "*", 1, EIO));
    EXPECT_EQ(code_of(try_recover()), Errc::io_error) << "making it a spare";
    reset();
    SegmentImage newer = segment(1, 1);
    newer.header.version = 2;
    newer.seal_header();
    save(newer);
    EXPECT_EQ(code_of(try_recover()), Errc::unsupported);
    EXPECT_TRUE(disk().exists(path(newer.name())));
    reset();
    save(segment(1, 1));
    faults().add(io::fail_nth(io::OpCode::open, path(segment_name(1)), 2, EIO));
    EXPECT_EQ(code_of(try_recover()), Errc::io_error) << "reading its frames";
}

TEST_F(RecoveryCaseTest, RecycledFilesAreNumberedBehindTheSpares) {
    disk().put_file(path(segment_name(5)), segment(4, 1).bytes);
    disk().put_file(path(segment_name(6)), segment(4, 1).bytes);
    Recovered found = recovered();
    EXPECT_EQ(found.spares, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(found.next_segment_id, 7U);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_EQ(names(), (Strings{"identity", "spare-00000001.wal", "spare-00000002.wal"}));
    disk().put_file(path(spare_name(9)), Bytes(1));
    disk().put_file(path(segment_name(8)), segment(4, 1).bytes);
    found = recovered();
    EXPECT_EQ(found.spares, (std::vector<std::uint32_t>{1, 2, 9, 10}));
}

// ---- holes ----

TEST_F(RecoveryCaseTest, HoleThatALaterFrameProvesIsDamage) {
    SegmentImage image = segment(1, 1);
    const std::size_t hole = image.add({"1", "2"});
    image.add({"3"});
    image.flip(hole);
    image.durable = 3;
    image.add({"4"});
    save(image);
    const Recovered found = recovered();
    EXPECT_EQ(damage(), (Strings{fmt::format("log-0000000000000001.wal {}+512 [1, 3)", hole)}));
    EXPECT_EQ(found.next_sequence, 5U);
    EXPECT_FALSE(found.new_epoch);
}

// Readers may have seen them, and the log does not end there: it is the same epoch.
TEST_F(RecoveryCaseTest, NumbersOfDamagedRecordsInFrontOfTheGoodbyeAreNotGivenAgain) {
    SegmentImage image = segment(1, 1);
    image.add({"1"});
    const std::size_t hole = image.add({"2", "3"});
    image.flip(hole);
    image.durable = 4;
    image.add_payload({}, 0, FrameKind::closed);
    save(image);
    const Recovered found = recovered();
    EXPECT_EQ(damage(), (Strings{fmt::format("log-0000000000000001.wal {}+512 [2, 4)", hole)}));
    ASSERT_EQ(found.damage.size(), 1U);
    EXPECT_EQ(found.damage[0].offset, hole);
    EXPECT_EQ(found.next_sequence, 4U);
    EXPECT_TRUE(found.clean);
    EXPECT_FALSE(found.new_epoch);
}

TEST_F(RecoveryCaseTest, HoleThatNoFrameProvesEndsTheLog) {
    for (const std::uint64_t durable : {1U, 2U}) {
        reset();
        SegmentImage image = segment(1, 1);
        const std::size_t hole = image.add({"1"});
        image.flip(hole);
        image.durable = durable;
        image.add({"2"});
        save(image);
        const Recovered found = recovered();
        EXPECT_EQ(damage().size(), durable == 2 ? 1U : 0U) << durable;
        EXPECT_EQ(found.next_sequence, durable == 2 ? 3U : 1U);
        EXPECT_EQ(found.new_epoch, durable == 1);
        EXPECT_EQ(found.epoch, durable == 2 ? 1U : 2U);
        EXPECT_EQ(found.last_data_end, durable == 2 ? image.bytes.size() / 512 * 512 + 512 : hole);
        EXPECT_FALSE(found.clean);
    }
}

// What is in parts had been durable, and is not missed.
TEST_F(RecoveryCaseTest, HoleWhoseRecordsAreSealedIsNeitherDamageNorAnEnd) {
    SegmentImage image = segment(1, 1);
    const std::size_t hole = image.add({"1", "2"});
    image.flip(hole);
    image.add({"3"});
    save(image);
    recovery.sealed_end = 3;
    recovery.sealed_epoch = 1;
    Recovered found = recovered();
    EXPECT_TRUE(damage().empty());
    EXPECT_EQ(found.next_sequence, 4U);
    EXPECT_FALSE(found.new_epoch);
    recovery.sealed_end = 2;
    found = recovered();
    EXPECT_EQ(damage().size(), 1U) << "half of it";
    EXPECT_EQ(found.next_sequence, 4U);
}

TEST_F(RecoveryCaseTest, GoodbyeBehindAHoleThatEndsTheLogIsNotBelieved) {
    SegmentImage image = segment(1, 1);
    image.add({"1"});
    const std::size_t hole = image.add({"2"});
    image.flip(hole);
    image.add_payload({}, 0, FrameKind::closed);
    save(image);
    Recovered found = recovered();
    EXPECT_FALSE(found.clean);
    EXPECT_TRUE(found.new_epoch);
    EXPECT_EQ(found.epoch, 2U);
    EXPECT_EQ(found.next_sequence, 2U);
    EXPECT_EQ(found.last_data_end, hole);
}

TEST_F(RecoveryCaseTest, SegmentWithoutItsFirstFramesIsSetAside) {
    SegmentImage good = segment(1, 1);
    good.add({"1"});
    save(good);
    SegmentImage image = segment(2, 2);
    image.flip(kHeaderBlock);
    const std::size_t second = image.add({"2"});
    image.flip(second);
    image.durable = 3;
    image.add({"3"});
    save(image);
    Recovered found = recovered();
    EXPECT_EQ(events.set_aside, (Strings{"aside-log-0000000000000002.wal: corrupt: its first frames are missing"}));
    EXPECT_EQ(found.catalog.size(), 1U);
    EXPECT_TRUE(found.new_epoch);
    EXPECT_EQ(found.epoch, 3U);
    EXPECT_EQ(found.next_sequence, 2U);
    EXPECT_TRUE(damage().empty());
    // Without any frame as well.
    reset();
    save(good);
    SegmentImage empty = segment(2, 2);
    empty.flip(kHeaderBlock);
    save(empty);
    found = recovered();
    EXPECT_EQ(events.set_aside.size(), 1U);
    EXPECT_EQ(found.next_sequence, 2U);
}

// A frame that is whole may hold anything: what says who sent a batch is looked at before it is used.
TEST_F(RecoveryCaseTest, ProducerOfABatchWithoutValidTrustedFieldsIsNobodys) {
    Bytes batch = encode({.messages = {std::string(100, 'x')}, .producer = 9, .number = 4});
    store_int<std::uint32_t>(batch.data() + offsetof(wire::BatchHeader, trusted_size), 6);
    store_int<std::uint16_t>(batch.data() + offsetof(wire::BatchHeader, trusted_count), 60'000);
    SegmentImage only = segment(1, 1);
    only.add_payload(batch, 1);
    save(only);
    EXPECT_EQ(recovered().next_sequence, 2U);
    ASSERT_NE(producers_->find(producer_id(9)), nullptr);
    EXPECT_EQ(producers_->find(producer_id(9))->number, 4U);
    EXPECT_EQ(producers_->entries().back()->uid, wire::kNoUid);
}

TEST_F(RecoveryCaseTest, ProducersComeFromTheSegmentBeforeUpToWhereItEnds) {
    SegmentImage first(1, 1, kStore);
    ProducerTable known(8);
    known.update(producer_id(7), wire::kNoUid, {.number = 1, .last_sequence = 0});
    first.add_payload(known.encode(), 0, FrameKind::producers);
    first.add_payload(encode({.messages = {"1", "2"}, .producer = 9, .number = 4}), 2);
    first.add_payload(encode({.messages = {"3"}, .producer = 6, .number = 2}), 1);
    SegmentImage second = segment(2, 3);
    second.flip(kHeaderBlock);
    second.add_payload(encode({.messages = {"3 again"}, .producer = 5, .number = 8}), 1);
    save(first);
    save(second);
    const Recovered found = recovered();
    EXPECT_TRUE(events.set_aside.empty());
    EXPECT_EQ(damage(), (Strings{"log-0000000000000002.wal 4096+512 [3, 3)"}));
    EXPECT_EQ(found.next_sequence, 4U);
    ASSERT_NE(producers_->find(producer_id(7)), nullptr);
    ASSERT_NE(producers_->find(producer_id(9)), nullptr);
    EXPECT_EQ(producers_->find(producer_id(9))->number, 4U);
    EXPECT_EQ(producers_->find(producer_id(9))->last_sequence, 2U);
    EXPECT_EQ(producers_->find(producer_id(6)), nullptr) << "it was taken away from that segment";
    ASSERT_NE(producers_->find(producer_id(5)), nullptr);
    EXPECT_EQ(producers_->find(producer_id(5))->last_sequence, 3U);
    // It cannot be read: the start stops.
    faults().add(io::fail_nth(io::OpCode::open, path(segment_name(1)), 2, EIO));
    EXPECT_EQ(code_of(try_recover()), Errc::io_error);
}

TEST_F(RecoveryCaseTest, OnlySegmentWithoutItsProducersKnowsThoseThatItTellsOf) {
    producers_->update(producer_id(3), wire::kNoUid, {.number = 1, .last_sequence = 1});
    SegmentImage only = segment(1, 1);
    only.flip(kHeaderBlock);
    only.add_payload(encode({.messages = {"1"}, .producer = 5, .number = 8}), 1);
    save(only);
    EXPECT_EQ(recovered().next_sequence, 2U);
    EXPECT_EQ(producers_->find(producer_id(3)), nullptr);
    EXPECT_NE(producers_->find(producer_id(5)), nullptr);
}

TEST_F(RecoveryCaseTest, EveryBatchOfAFrameIsOfItsProducer) {
    SegmentImage image = segment(1, 1);
    Bytes payload = encode({.messages = {"1"}, .producer = 5, .number = 8});
    append(payload, encode({.messages = {"2", "3"}}));
    append(payload, encode({.messages = {"4"}, .producer = 6, .number = 1}));
    append(payload, encode({.messages = {"5", "6"}, .producer = 5, .number = 9}));
    image.add_payload(payload, 6);
    save(image);
    EXPECT_EQ(recovered().next_sequence, 7U);
    EXPECT_EQ(producers_->size(), 2U);
    EXPECT_EQ(producers_->find(producer_id(5))->number, 9U);
    EXPECT_EQ(producers_->find(producer_id(5))->last_sequence, 6U);
    EXPECT_EQ(producers_->find(producer_id(6))->last_sequence, 4U);
}

// ---- parts ----

TEST_F(RecoveryCaseTest, LogGoesOnBehindThePartsInAnEpochAboveTheirs) {
    SegmentImage image = segment(1, 1);
    image.add({"1"});
    image.add_payload({}, 0, FrameKind::closed);
    save(image);
    recovery.sealed_end = 2;
    recovery.sealed_epoch = 5;
    Recovered found = recovered();
    EXPECT_TRUE(found.clean);
    EXPECT_FALSE(found.new_epoch);
    EXPECT_EQ(found.next_sequence, 2U);
    EXPECT_EQ(found.epoch, 1U);
    recovery.sealed_end = 3;
    found = recovered();
    EXPECT_FALSE(found.clean);
    EXPECT_TRUE(found.new_epoch);
    EXPECT_EQ(found.next_sequence, 3U);
    EXPECT_EQ(found.epoch, 6U);
    EXPECT_EQ(found.next_segment_id, 6U) << "every epoch begins with a segment";
    recovery.sealed_epoch = 0;
    EXPECT_EQ(recovered().epoch, 2U);
    EXPECT_EQ(recovered().next_segment_id, 2U);
}

TEST_F(RecoveryCaseTest, NewEpochThatIsAboveThatOfThePartsStays) {
    disk().put_file(path("aside-log-0000000000000007.wal"), Bytes(1));
    recovery.sealed_end = 3;
    recovery.sealed_epoch = 7;
    EXPECT_EQ(recovered().epoch, 8U);
    EXPECT_EQ(recovered().next_segment_id, 8U);
    recovery.sealed_epoch = 8;
    EXPECT_EQ(recovered().epoch, 9U);
    EXPECT_EQ(recovered().next_segment_id, 9U);
}

}  // namespace
}  // namespace sluice::store::test
