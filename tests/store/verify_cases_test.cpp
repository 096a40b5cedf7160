// verify_store on files made by hand: each thing that can be wrong, and what exactly is told of it.
#include <filesystem>

#include "part_fixture.h"
#include "real_copy.h"
#include "segment_image.h"
#include "store/verify.h"
#include "unlistable.h"

namespace sluice::store::test {
namespace {

class VerifyCaseTest : public testing::Test {
 protected:
    VerifyCaseTest() {
        copy.save("identity", identity_bytes(kStore));
        state.store_id = kStore;
    }
    void save(const SegmentImage& image) { copy.save(image.name(), image.bytes); }
    // Records [first, end), each a frame.
    void save_log(std::uint64_t id, std::uint64_t first, std::uint64_t end) {
        SegmentImage image(id, first, kStore);
        for (std::uint64_t n = first; n < end; ++n) {
            image.add({fmt::format("record {}", n)});
        }
        save(image);
    }
    void save_state() { copy.save(std::string(kSealStateName), encode_seal_state(state)); }
    std::string save_part(std::uint64_t first, std::uint64_t end, const std::string& class_name = "default") {
        return save_part_of({.class_name = class_name, .sequences = numbers(first, end), .store_id = kStore});
    }
    std::string save_part_of(const PartOf& of) {
        const PartImage image = make_part(of);
        copy.save(part_file_name(image.name), image.bytes);
        return part_file_name(image.name);
    }
    std::string path(const std::string& name) const { return copy.directory() + "/" + name; }
    // Everything that is found: "file offset+bytes [first, end) what".
    std::vector<std::string> problems() {
        report = copy.verify();
        std::vector<std::string> all;
        for (const VerifyProblem& one : report.problems) {
            all.push_back(fmt::format("{} {}+{} [{}, {}) {}", one.file, one.offset, one.bytes, one.first_sequence,
                                      one.end_sequence, one.what));
        }
        return all;
    }
    RealCopy copy;
    SealState state;
    VerifyReport report;
};

using Strings = std::vector<std::string>;

// ---- the log ----

TEST_F(VerifyCaseTest, EmptyStoreIsWhole) {
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.segments, 0U);
    EXPECT_EQ(report.records, 0U);
    EXPECT_EQ(report.oldest_sequence, 0U);
    EXPECT_EQ(report.next_sequence, 1U);
    EXPECT_EQ(report.epoch, 0U);
}

TEST_F(VerifyCaseTest, EverythingInTheLogIsCounted) {
    SegmentImage first(3, 5, kStore);
    first.add_payload(Bytes(8), 0, FrameKind::producers);
    first.add({"5"});
    first.add({"6", "7"});
    SegmentImage second(4, 8, kStore);
    second.header.epoch = 6;
    second.seal_header();
    second.add({"8"});
    second.add_payload({}, 0, FrameKind::closed);
    save(first);
    save(second);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.segments, 2U);
    EXPECT_EQ(report.frames, 3U);
    EXPECT_EQ(report.records, 4U);
    EXPECT_EQ(report.bytes,
              3 * sizeof(FrameHeader) + encode({{"5"}}).size() + encode({{"6", "7"}}).size() + encode({{"8"}}).size());
    EXPECT_EQ(report.oldest_sequence, 5U);
    EXPECT_EQ(report.next_sequence, 9U);
    EXPECT_EQ(report.epoch, 6U);
    EXPECT_EQ(report.parts, 0U);
    EXPECT_EQ(report.part_rows, 0U);
    EXPECT_EQ(report.part_bytes, 0U);
}

TEST_F(VerifyCaseTest, StoreThatCannotBeReadIsAnError) {
    {
        const Unlistable closed(copy.directory());
        EXPECT_EQ(code_of(verify_store(closed.path())), Errc::permission_denied);
    }
    std::filesystem::remove(path("identity"));
    EXPECT_EQ(code_of(verify_store(copy.directory())), Errc::not_found);
}

TEST_F(VerifyCaseTest, UnsoundIdentityIsTold) {
    copy.flip("identity", 20, 1);
    EXPECT_EQ(problems(), (Strings{"identity 0+0 [0, 0) 'identity' fails its checksum"}));
}

// Else every file would be told to be of another store.
TEST_F(VerifyCaseTest, UnsoundIdentityIsAllThatIsToldWhereTheOtherFilesAgree) {
    save_log(1, 1, 4);
    const std::string part = save_part(1, 3);
    state.sealed_end = 3;
    save_state();
    copy.flip("identity", 20, 1);
    EXPECT_EQ(problems(), (Strings{"identity 0+0 [0, 0) 'identity' fails its checksum"}));
    EXPECT_EQ(report.records, 3U);
    EXPECT_EQ(report.parts, 1U);
    std::filesystem::remove(path("identity"));
    const Strings found = problems();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found[0].starts_with("identity 0+0 [0, 0) open '")) << found[0];
    save(SegmentImage(2, 4, StoreId{std::byte{9}}));
    EXPECT_TRUE(problems()[0].contains("move away what does not belong here"));
}

TEST_F(VerifyCaseTest, SegmentsThatCannotBeReadAreToldByName) {
    save_log(1, 1, 4);
    SegmentImage foreign(2, 4, StoreId{std::byte{9}});
    save(foreign);
    copy.save(segment_name(3), SegmentImage(4, 4, kStore).bytes);
    copy.save(segment_name(5), Bytes(100));
    std::filesystem::create_symlink(segment_name(6), path(segment_name(6)));
    copy.save("aside-log-0000000000000007.wal", Bytes(1));
    copy.save("asid-log-0000000000000008.wal", Bytes(1));
    const Strings found = problems();
    ASSERT_EQ(found.size(), 5U);
    EXPECT_EQ(found[0],
              "aside-log-0000000000000007.wal 0+0 [0, 0) was set aside by recovery because it could not be read");
    EXPECT_EQ(found[1], "log-0000000000000002.wal 0+0 [0, 0) belongs to another store");
    EXPECT_EQ(found[2], "log-0000000000000003.wal 0+0 [0, 0) its header says log-0000000000000004.wal");
    EXPECT_EQ(found[3], "log-0000000000000005.wal 0+0 [0, 0) a segment header has 128 bytes, this file ends after 100");
    EXPECT_TRUE(found[4].starts_with("log-0000000000000006.wal 0+0 [0, 0) open '")) << found[4];
    EXPECT_EQ(report.segments, 1U);
    EXPECT_EQ(report.records, 3U);
}

TEST_F(VerifyCaseTest, GapIsOneProblemFromItsFirstBadByte) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    const std::size_t second = image.add({"2"});
    const std::size_t third = image.add({"3", std::string(700, 'x')});
    const std::size_t fourth = image.add({"5"});
    image.flip(second);
    image.flip(third + 70);
    save(image);
    EXPECT_EQ(problems(),
              (Strings{fmt::format("log-0000000000000001.wal {}+{} [2, 5) no valid frame", second, fourth - second)}));
    EXPECT_EQ(report.frames, 2U);
    EXPECT_EQ(report.next_sequence, 6U);
}

TEST_F(VerifyCaseTest, EachGapIsToldByItself) {
    SegmentImage image(1, 1, kStore);
    const std::size_t first = image.add({"1"});
    image.add({"2"});
    const std::size_t third = image.add({"3"});
    image.add({"4"});
    image.flip(first);
    image.flip(third);
    save(image);
    EXPECT_EQ(problems(), (Strings{fmt::format("log-0000000000000001.wal {}+512 [1, 2) no valid frame", first),
                                   fmt::format("log-0000000000000001.wal {}+512 [3, 4) no valid frame", third)}));
}

TEST_F(VerifyCaseTest, GapInWhichNoRecordIsMissingIsToldToo) {
    SegmentImage image(1, 1, kStore);
    const std::size_t snapshot = image.add_payload(Bytes(8), 0, FrameKind::producers);
    image.add({"1"});
    image.flip(snapshot);
    save(image);
    EXPECT_EQ(problems(), (Strings{"log-0000000000000001.wal 4096+512 [1, 1) no valid frame"}));
}

TEST_F(VerifyCaseTest, NumbersThatAreLeftOutAreTold) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    image.set_next(4);
    const std::size_t fourth = image.add({"4"});
    save(image);
    EXPECT_EQ(problems(), (Strings{fmt::format("log-0000000000000001.wal {}+0 [2, 4) no valid frame", fourth)}));
}

TEST_F(VerifyCaseTest, NumbersThatComeAgainAreTold) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    image.add({"2"});
    image.set_next(2);
    const std::size_t again = image.add({"2 again"});
    save(image);
    EXPECT_EQ(problems(),
              (Strings{fmt::format("log-0000000000000001.wal {}+0 [0, 0) sequence 2 where 3 was expected", again)}));
    EXPECT_EQ(report.next_sequence, 3U);
}

TEST_F(VerifyCaseTest, EndOfTheLastSegmentIsNoGap) {
    SegmentImage image(1, 1, kStore);
    image.add({"1"});
    const std::size_t torn = image.add({"2"});
    image.flip(torn + 70);
    image.bytes.resize(round_up(image.bytes.size(), 512) + 2048);
    save(image);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.next_sequence, 2U);
}

// Nor is what a segment holds beyond the beginning of the next one.
TEST_F(VerifyCaseTest, NextSegmentTakesItsNumbersAway) {
    SegmentImage first(1, 1, kStore);
    first.add({"1"});
    first.add({"2"});
    first.add({"3"});
    save(first);
    save_log(2, 2, 4);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.records, 3U);
    EXPECT_EQ(report.next_sequence, 4U);
}

TEST_F(VerifyCaseTest, SegmentThatEndsBeforeTheNextOneBeginsIsTold) {
    save_log(1, 1, 3);
    save_log(2, 5, 6);
    EXPECT_EQ(problems(),
              (Strings{"log-0000000000000001.wal 5120+0 [3, 5) the segment ends before the next one begins"}));
    EXPECT_EQ(report.next_sequence, 6U);
    save(SegmentImage(1, 1, kStore));  // Without a single frame.
    EXPECT_EQ(problems(),
              (Strings{"log-0000000000000001.wal 4096+0 [1, 5) the segment ends before the next one begins"}));
    // The next one says the same of its own end.
    save_log(2, 5, 5);
    save_log(3, 6, 7);
    EXPECT_EQ(problems(),
              (Strings{"log-0000000000000001.wal 4096+0 [1, 5) the segment ends before the next one begins",
                       "log-0000000000000002.wal 4096+0 [5, 6) the segment ends before the next one begins"}));
}

TEST_F(VerifyCaseTest, HeaderAtTheVeryEndIsAFrame) {
    SegmentImage image(1, 1, kStore);
    const std::size_t first = image.add({"1"});
    image.add_payload({}, 0, FrameKind::closed);
    image.flip(first);
    save(image);
    EXPECT_EQ(problems().size(), 1U) << "the gap is behind nothing";
    image.bytes.pop_back();
    save(image);
    EXPECT_EQ(problems(), Strings());
}

TEST_F(VerifyCaseTest, PayloadThatIsNotWhatItsFrameSaysIsTold) {
    const Bytes batch = encode({{"1", "2"}});
    SegmentImage image(1, 1, kStore);
    const std::size_t wrong = image.add_payload(batch, 3);
    Bytes two = batch;
    append(two, batch);
    image.add_payload(two, 4);
    Bytes rubbish = batch;
    rubbish.resize(batch.size() + 60, std::byte{0x11});
    const std::size_t bad = image.add_payload(rubbish, 2);
    image.add({"10"});
    save(image);
    const Strings found = problems();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0],
              fmt::format("log-0000000000000001.wal {}+0 [0, 0) the frame says 3 records and holds 2", wrong));
    EXPECT_TRUE(found[1].starts_with(fmt::format("log-0000000000000001.wal {}+0 [0, 0) a batch in the frame: ", bad)))
        << found[1];
    EXPECT_EQ(report.frames, 4U);
    EXPECT_EQ(report.records, 3U + 4 + 2 + 1);
}

// ---- between the parts and the log ----

TEST_F(VerifyCaseTest, LogThatBeginsBehindTheSealedEndIsTold) {
    save_log(1, 5, 7);
    EXPECT_EQ(problems(), Strings()) << "nothing is sealed: retention had it";
    EXPECT_EQ(report.oldest_sequence, 5U);
    state.sealed_end = 5;
    save_state();
    save_part(1, 5);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.oldest_sequence, 1U);
    state.sealed_end = 4;
    save_state();
    save_part(1, 4);
    std::filesystem::remove(path(part_file_name({"default", 1, 5})));
    EXPECT_EQ(problems(),
              (Strings{"log-0000000000000001.wal 0+0 [4, 5) the log begins behind the end of what is sealed"}));
}

TEST_F(VerifyCaseTest, OneSealedRecordMakesASeam) {
    state.sealed_end = 2;
    save_state();
    save_part(1, 2);
    save_log(1, 2, 4);
    EXPECT_EQ(problems(), Strings());
    save_log(1, 3, 4);
    EXPECT_EQ(problems(),
              (Strings{"log-0000000000000001.wal 0+0 [2, 3) the log begins behind the end of what is sealed"}));
}

TEST_F(VerifyCaseTest, OldestAndNextAreThoseOfBoth) {
    state.sealed_end = 9;
    state.removed_of("default").end_sequence = 9;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.next_sequence, 9U) << "no log";
    save_log(1, 3, 6);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.oldest_sequence, 9U);
    EXPECT_EQ(report.next_sequence, 9U);
    save_log(1, 3, 12);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.next_sequence, 12U);
}

// ---- parts ----

TEST_F(VerifyCaseTest, PartsAreCounted) {
    const std::string first = save_part(11, 21);
    const std::string second = save_part(3, 11, "other");
    state.sealed_end = 21;
    state.removed_of("default").end_sequence = 3;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 2U);
    EXPECT_EQ(report.part_rows, 18U);
    EXPECT_EQ(report.part_bytes, std::filesystem::file_size(path(first)) + std::filesystem::file_size(path(second)));
    EXPECT_EQ(report.oldest_sequence, 3U);
    EXPECT_EQ(report.next_sequence, 21U);
}

// Without `sealed` the parts themselves say how far they go.
TEST_F(VerifyCaseTest, WithoutSealedAllPartsCount) {
    save_part(1, 11);
    save_part(11, 21);
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.next_sequence, 21U);
    EXPECT_EQ(report.parts, 2U);
    save_log(1, 22, 23);
    EXPECT_EQ(problems(),
              (Strings{"log-0000000000000001.wal 0+0 [21, 22) the log begins behind the end of what is sealed"}));
}

TEST_F(VerifyCaseTest, SealedThatCannotBeReadIsTold) {
    save_part(1, 11);
    save_state();
    copy.flip("sealed", 33, 1);
    EXPECT_EQ(problems(), (Strings{"sealed 0+0 [0, 0) 'sealed' fails its checksum"}));
    EXPECT_EQ(report.parts, 1U);
    state.store_id = StoreId{std::byte{9}};
    save_state();
    EXPECT_EQ(problems(), (Strings{"sealed 0+0 [0, 0) belongs to another store"}));
    EXPECT_EQ(report.parts, 1U);
    std::filesystem::remove(path("sealed"));
    std::filesystem::create_symlink("sealed", path("sealed"));
    const Strings found = problems();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found[0].starts_with("sealed 0+0 [0, 0) open '")) << found[0];
}

TEST_F(VerifyCaseTest, PartsThatTheNextStartDeletesDoNotCount) {
    save_part(1, 11);
    save_part(11, 21);
    save_part(21, 31);
    state.sealed_end = 21;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 2U);
    state.sealed_end = 22;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 3U);
    state.removed_of("default").end_sequence = 11;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 2U);
    EXPECT_EQ(report.oldest_sequence, 11U);
    state.removed_of("default").end_sequence = 10;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 3U);
}

TEST_F(VerifyCaseTest, PartsRemovedFromAmongOthersAreNoGap) {
    save_part(1, 11);
    save_part(11, 16);
    save_part(21, 31);
    state.sealed_end = 31;
    state.removed_of("default") = {.class_name = "default", .end_sequence = 0, .beyond = {{11, 21}}};
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 2U);
    EXPECT_EQ(report.oldest_sequence, 1U);
    state.removed_of("default").beyond = {{11, 20}};
    save_state();
    EXPECT_EQ(problems().size(), 1U) << "record 20";
}

// Damaged or not: retention would have had them.
TEST_F(VerifyCaseTest, PartThatWasSetAsideIsMissedUntilRetentionHasRemovedItsRecords) {
    save_part(21, 31);
    const Strings aside{"aside-" + part_file_name({"default", 11, 21}), "aside-" + part_file_name({"odd", 11, 21}),
                        "aside-" + part_file_name({"default", 11, 21}) + ".2"};
    for (const std::string& name : aside) {
        copy.save(name, Bytes(1));
    }
    state.sealed_end = 31;
    state.removed_of("default").end_sequence = 20;
    save_state();
    EXPECT_EQ(problems().size(), 4U) << "three files, and record 20";
    state.removed_of("default").end_sequence = 21;
    save_state();
    EXPECT_EQ(problems(), (Strings{aside[1] + " 0+0 [0, 0) was set aside by recovery because it could not be read"}));
    state.removed_of("odd").end_sequence = 30;
    save_state();
    EXPECT_EQ(problems(), Strings());
}

TEST_F(VerifyCaseTest, InputsOfAMergeDoNotCount) {
    save_part(1, 6);
    save_part(6, 11);
    save_part(1, 11);
    save_part(11, 13);
    state.sealed_end = 13;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 2U);
    EXPECT_EQ(report.part_rows, 12U);
}

TEST_F(VerifyCaseTest, PartsThatKeepGoingAreNotWaitedForForEver) {
    save_part(1, 11);
    std::filesystem::create_symlink("nowhere", path(part_file_name({"default", 11, 21})));
    EXPECT_EQ(problems(),
              (Strings{fmt::format("{} 0+0 [0, 0) its parts change too fast to be checked", copy.directory())}));
    EXPECT_EQ(report.parts, 1U);
}

TEST_F(VerifyCaseTest, PartThatCannotBeOpenedIsToldWithItsRecords) {
    const std::string loop = part_file_name({"default", 1, 11});
    std::filesystem::create_symlink(loop, path(loop));
    const std::string bad = save_part(11, 21);
    copy.flip(bad, std::filesystem::file_size(path(bad)) - 1, 1);
    state.sealed_end = 21;
    save_state();
    const Strings found = problems();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_TRUE(found[0].starts_with(loop + " 0+0 [1, 11) open '")) << found[0];
    EXPECT_TRUE(found[1].starts_with(bad + " ")) << found[1];
    EXPECT_TRUE(found[1].contains(" [11, 21) ")) << found[1];
    EXPECT_EQ(report.parts, 1U);
    EXPECT_EQ(report.part_rows, 0U);
}

TEST_F(VerifyCaseTest, PartUnderAnotherNameOrOfAnotherStoreIsTold) {
    const PartImage image = make_part({.sequences = numbers(2, 9), .store_id = kStore});
    state.sealed_end = 9;
    state.removed_of("default").end_sequence = 2;
    save_state();
    for (const PartName& name : {PartName{"default", 1, 9}, PartName{"default", 2, 10}}) {
        const std::string file = part_file_name(name);
        copy.save(file, image.bytes);
        const Strings found = problems();
        ASSERT_GE(found.size(), 1U);
        EXPECT_EQ(found[0], file + " 0+0 [0, 0) its name does not fit the records that it holds");
        std::filesystem::remove(path(file));
    }
    const std::string foreign = save_part_of({.sequences = numbers(2, 9), .store_id = StoreId{std::byte{9}}});
    EXPECT_EQ(problems(), (Strings{foreign + " 0+0 [0, 0) belongs to another store"}));
}

TEST_F(VerifyCaseTest, DamagedPageIsToldWithItsPlaceAndItsRecords) {
    const std::string file =
        save_part_of({.sequences = numbers(1, 101), .store_id = kStore, .page_rows = 10, .filler = 3000});
    const std::uint64_t size = std::filesystem::file_size(path(file));
    copy.flip(file, size / 2, 1);
    state.sealed_end = 101;
    save_state();
    (void)problems();
    ASSERT_EQ(report.problems.size(), 1U) << "what is told is no gap";
    const VerifyProblem& one = report.problems[0];
    EXPECT_EQ(one.end_sequence, one.first_sequence + 10);
    EXPECT_EQ(one.first_sequence % 10, 1U);
    const std::string place = fmt::format("offset {}, {} bytes", one.offset, one.bytes);
    EXPECT_TRUE(one.what.contains(place)) << one.what << " does not say " << place;
    EXPECT_LE(one.offset, size / 2);
    EXPECT_GT(one.offset + one.bytes, size / 2);
}

TEST_F(VerifyCaseTest, RecordsThatNoPartHasAreTold) {
    save_part(3, 6);
    save_part(8, 11);
    save_part(4, 9, "other");  // The same numbers again: of no interest here.
    state.sealed_end = 14;
    save_state();
    EXPECT_EQ(problems(), (Strings{"sealed 0+0 [11, 14) no part has these records"}))
        << "before the oldest part nothing is missed";
    EXPECT_EQ(report.next_sequence, 14U);
    std::filesystem::remove(path(part_file_name({"other", 4, 9})));
    state.sealed_end = 11;
    state.missing_rows = 2;
    save_state();
    EXPECT_EQ(problems(),
              (Strings{"sealed 0+0 [6, 8) no part has these records; 2 were lost before they were sealed"}));
    state.missing_rows = 0;
    state.removed_of("default").end_sequence = 2;
    state.removed_of("other").end_sequence = 1;
    save_state();
    EXPECT_EQ(problems(),
              (Strings{"sealed 0+0 [2, 3) no part has these records", "sealed 0+0 [6, 8) no part has these records"}));
    state.removed_of("other").end_sequence = 7;
    save_state();
    EXPECT_EQ(problems(), (Strings{"sealed 0+0 [7, 8) no part has these records"}));
    state.removed_of("other").end_sequence = 8;
    save_state();
    EXPECT_EQ(problems(), Strings());
}

TEST_F(VerifyCaseTest, SealedWithoutAnyPartMissesNothingThatItDoesNotTellOf) {
    state.sealed_end = 14;
    save_state();
    EXPECT_EQ(problems(), Strings());
    EXPECT_EQ(report.parts, 0U);
    state.removed_of("default").end_sequence = 12;
    save_state();
    EXPECT_EQ(problems(), (Strings{"sealed 0+0 [12, 14) no part has these records"}));
}

}  // namespace
}  // namespace sluice::store::test
