// verify_store on real files, which the simulated store has written.
#include "store/verify.h"

#include <filesystem>

#include "part_fixture.h"
#include "real_copy.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

class VerifyTest : public StoreTest {
 protected:
    // A closed store of some segments, on the real disk.
    void make_store(int records = 150) {
        open();
        for (int i = 1; i <= records; ++i) {
            write(fmt::format("{:0>900}", i), i % 4 == 0);
        }
        catalog_ = writer().catalog();
        ASSERT_TRUE(program->close());
        copy_.save_all(disk(), kDirectory);
    }
    VerifyReport verify() { return copy_.verify(); }
    void save(const std::string& name, const Bytes& content) { copy_.save(name, content); }
    void flip(const std::string& name, std::uint64_t offset, int bit) { copy_.flip(name, offset, bit); }
    std::string name_of(std::size_t index) const { return segment_name(catalog_[index].header.segment_id); }

    // [begin, end) of every frame with records.
    struct Used {
        std::string file;
        std::uint64_t begin;
        std::uint64_t end;
        std::uint64_t first_sequence;
        std::uint32_t count;
    };
    std::vector<Used> used() {
        std::vector<Used> all;
        for (std::size_t i = 0; i < catalog_.size(); ++i) {
            const Bytes file = *disk().content(path(name_of(i)));
            std::uint64_t at = kHeaderBlock;
            while (at + sizeof(FrameHeader) <= file.size()) {
                const auto frame = parse_frame(ByteView(file).subspan(at), catalog_[i].header, file.size() - at);
                if (!frame) {
                    break;
                }
                if (frame->header.kind == FrameKind::records) {
                    all.push_back(
                        {name_of(i), at, at + frame->bytes(), frame->header.first_sequence, frame->header.count});
                }
                at += round_up(frame->bytes(), catalog_[i].header.block_bytes);
            }
        }
        return all;
    }

    RealCopy copy_;
    Catalog catalog_;
};

TEST_F(VerifyTest, EmptySegmentIsAProblemAndTheOthersAreChecked) {
    make_store();
    save("log-00000000000000aa.wal", Bytes());
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].file, "log-00000000000000aa.wal");
    EXPECT_EQ(report.records, 150U);
}

TEST_F(VerifyTest, WholeStoreHasNoProblem) {
    make_store();
    const VerifyReport report = verify();
    EXPECT_TRUE(report.problems.empty()) << report.problems.front().what;
    EXPECT_EQ(report.segments, catalog_.size());
    EXPECT_EQ(report.records, 150U);
    EXPECT_EQ(report.frames, 150U);
    EXPECT_EQ(report.oldest_sequence, 1U);
    EXPECT_EQ(report.next_sequence, 151U);
    EXPECT_EQ(report.epoch, 1U);
}

TEST_F(VerifyTest, DamagedFrameIsNamedWithWhatIsLost) {
    make_store();
    const Used victim = used()[10];
    flip(victim.file, victim.begin + 200, 3);
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].file, victim.file);
    EXPECT_EQ(report.problems[0].offset, victim.begin);
    EXPECT_EQ(report.problems[0].first_sequence, victim.first_sequence);
    EXPECT_EQ(report.problems[0].end_sequence, victim.first_sequence + victim.count);
    EXPECT_EQ(report.records, 149U);
}

TEST_F(VerifyTest, TruncatedSegmentIsNamedWithWhatIsLost) {
    make_store();
    const Used victim = used()[20];
    std::filesystem::resize_file(copy_.directory() + "/" + victim.file, victim.begin + 100);
    const VerifyReport report = verify();
    ASSERT_FALSE(report.problems.empty());
    EXPECT_EQ(report.problems[0].file, victim.file);
    EXPECT_EQ(report.problems[0].first_sequence, victim.first_sequence);
}

TEST_F(VerifyTest, MissingSegmentIsAGap) {
    make_store();
    std::filesystem::remove(copy_.directory() + "/" + name_of(1));
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].first_sequence, catalog_[1].header.first_sequence);
    EXPECT_EQ(report.problems[0].end_sequence, catalog_[2].header.first_sequence);
}

TEST_F(VerifyTest, DamagedHeaderAndIdentityAndWhatWasSetAsideAreReported) {
    make_store();
    flip(name_of(0), 30, 0);
    flip("identity", 17, 0);
    save("aside-log-00000000000000aa.wal", Bytes(10));
    const VerifyReport report = verify();
    const auto names = [&](const std::string& file) {
        return std::ranges::any_of(report.problems, [&](const VerifyProblem& problem) { return problem.file == file; });
    };
    EXPECT_TRUE(names(name_of(0)));
    EXPECT_TRUE(names("identity"));
    EXPECT_TRUE(names("aside-log-00000000000000aa.wal"));
}

TEST_F(VerifyTest, DirectoryThatIsNotThereIsAnError) {
    const Result<VerifyReport> report = verify_store(copy_.directory() + "/none");
    EXPECT_EQ(code_of(report), Errc::not_found);
}

// One bit anywhere in what the log uses, two thousand times.  The last frame is left out: damage there cannot be told
// from a write that never finished, unless the goodbye behind it survives.
TEST_F(VerifyTest, EveryFlippedBitInAFrameIsReported) {
    make_store(60);
    const std::vector<Used> frames = used();
    io::SimRandom random(5);
    for (int i = 0; i < 2000; ++i) {
        const Used& victim = frames[random.below(frames.size())];
        const std::uint64_t offset = random.between(victim.begin, victim.end - 1);
        const int bit = static_cast<int>(random.below(8));
        flip(victim.file, offset, bit);
        const VerifyReport report = verify();
        ASSERT_FALSE(report.problems.empty()) << victim.file << " at " << offset << " bit " << bit;
        EXPECT_LE(report.problems[0].first_sequence, victim.first_sequence);
        EXPECT_GE(report.problems[0].end_sequence, victim.first_sequence + victim.count);
        flip(victim.file, offset, bit);
    }
    EXPECT_TRUE(verify().problems.empty());
}

// ---- parts ----

class VerifyPartsTest : public VerifyTest {
 protected:
    // Records 1 to 150 in the log; 1 to 100 of them in three parts.
    void make_parts() {
        make_store();
        state_.store_id = writer().recovered().store_id;
        state_.sealed_end = 101;
        save_part({.class_name = "default", .sequences = numbers(1, 41)});
        std::vector<std::uint64_t> odd;
        std::vector<std::uint64_t> even;
        for (std::uint64_t n = 41; n < 101; ++n) {
            (n % 2 == 0 ? even : odd).push_back(n);
        }
        save_part({.class_name = "default", .sequences = even});
        save_part({.class_name = "odd", .sequences = odd});
        save(std::string(kSealStateName), encode_seal_state(state_));
    }
    void save_part(PartOf of) {
        of.store_id = state_.store_id;
        of.page_rows = 10;
        of.filler = 3000;
        const PartImage image = make_part(of);
        files_.push_back(part_file_name(image.name));
        save(files_.back(), image.bytes);
    }
    std::uint64_t size_of(const std::string& file) const {
        return std::filesystem::file_size(copy_.directory() + "/" + file);
    }
    void remove(const std::string& file) { std::filesystem::remove(copy_.directory() + "/" + file); }
    SealState state_;
    std::vector<std::string> files_;
};

TEST_F(VerifyPartsTest, CleanPartsAreCounted) {
    make_parts();
    const VerifyReport report = verify();
    EXPECT_TRUE(report.problems.empty()) << report.problems[0].what;
    EXPECT_EQ(report.parts, 3U);
    EXPECT_EQ(report.part_rows, 100U);
    EXPECT_EQ(report.oldest_sequence, 1U);
    EXPECT_EQ(report.next_sequence, 151U);
}

TEST_F(VerifyPartsTest, DamagedPageIsToldWithItsPlaceAndRecords) {
    make_parts();
    flip(files_[0], size_of(files_[0]) / 2, 3);
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 1U);
    const VerifyProblem& problem = report.problems[0];
    EXPECT_EQ(problem.file, files_[0]);
    EXPECT_GT(problem.offset, 0U);
    EXPECT_GT(problem.bytes, 0U);
    EXPECT_LE(problem.offset, size_of(files_[0]) / 2);
    EXPECT_GT(problem.offset + problem.bytes, size_of(files_[0]) / 2);
    EXPECT_EQ(problem.end_sequence - problem.first_sequence, 10U);
}

// No byte of a part can change unseen.
TEST_F(VerifyPartsTest, EveryFlippedBitIsFound) {
    make_parts();
    const std::uint64_t size = size_of(files_[2]);
    for (std::uint64_t at = 0; at < size; at += 97) {
        flip(files_[2], at, static_cast<int>(at % 8));
        EXPECT_FALSE(verify().problems.empty()) << at;
        flip(files_[2], at, static_cast<int>(at % 8));
    }
    EXPECT_TRUE(verify().problems.empty());
}

TEST_F(VerifyPartsTest, MissingPartIsAGapUnlessRetentionHasRemovedIt) {
    make_parts();
    remove(files_[1]);
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 30U);  // Every second record.
    EXPECT_EQ(report.problems[0].first_sequence, 42U);
    EXPECT_EQ(report.problems[0].end_sequence, 43U);
    state_.removed_of("default").end_sequence = 101;
    save(std::string(kSealStateName), encode_seal_state(state_));
    EXPECT_TRUE(verify().problems.empty());
}

TEST_F(VerifyPartsTest, WhatACrashHasLeftIsNoProblem) {
    make_parts();
    save_part({.class_name = "default", .sequences = numbers(101, 121)});  // A seal that did not come to its end.
    save_part({.class_name = "default", .sequences = numbers(2, 9)});      // An input of a merge.
    EXPECT_TRUE(verify().problems.empty());
}

TEST_F(VerifyPartsTest, GapBetweenThePartsAndTheLogIsTold) {
    make_parts();
    const std::uint64_t first = catalog_[1].header.first_sequence;
    remove(name_of(0));
    ASSERT_LT(first, 101U);
    EXPECT_TRUE(verify().problems.empty());  // It was sealed.
    for (std::size_t i = 1; i + 1 < catalog_.size(); ++i) {
        remove(name_of(i));
    }
    const VerifyReport report = verify();
    ASSERT_FALSE(report.problems.empty());
    EXPECT_EQ(report.problems[0].first_sequence, 101U);
    EXPECT_EQ(report.problems[0].end_sequence, catalog_.back().header.first_sequence);
}

TEST_F(VerifyPartsTest, PartOfAnotherStoreIsTold) {
    make_parts();
    state_.store_id[3] ^= std::byte{1};
    files_.clear();
    save_part({.class_name = "default", .sequences = numbers(1, 41)});
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].what, "belongs to another store");
}

}  // namespace
}  // namespace sluice::store::test
