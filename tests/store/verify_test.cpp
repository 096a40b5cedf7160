// verify_store on real files, which the simulated store has written.
#include "store/verify.h"

#include <filesystem>
#include <fstream>

#include "store_fixture.h"

namespace sluice::store::test {
namespace {

class VerifyTest : public StoreTest {
 protected:
    VerifyTest() {
        directory_ = testing::TempDir() + fmt::format("sluice-verify-{}-{}", getpid(),
                                                      testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::create_directory(directory_);
    }
    ~VerifyTest() override {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    // A closed store of some segments, on the real disk.
    void make_store(int records = 150) {
        open();
        for (int i = 1; i <= records; ++i) {
            write(fmt::format("{:0>900}", i), i % 4 == 0);
        }
        catalog_ = writer().catalog();
        ASSERT_TRUE(program->close());
        for (const std::string& name : disk().names(kDirectory)) {
            save(name, *disk().content(path(name)));
        }
    }
    void save(const std::string& name, const Bytes& content) {
        std::ofstream file(directory_ + "/" + name, std::ios::binary);
        file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
        ASSERT_TRUE(file.good());
    }
    void flip(const std::string& name, std::uint64_t offset, int bit) {
        std::fstream file(directory_ + "/" + name, std::ios::binary | std::ios::in | std::ios::out);
        file.seekg(static_cast<std::streamoff>(offset));
        const int byte = file.get() ^ (1 << bit);
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(byte));
        ASSERT_TRUE(file.good());
    }
    VerifyReport verify() {
        Result<VerifyReport> report = verify_store(directory_);
        EXPECT_TRUE(report) << report.error();
        return report.value_or(VerifyReport{});
    }
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

    std::string directory_;
    Catalog catalog_;
};

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
    std::filesystem::resize_file(directory_ + "/" + victim.file, victim.begin + 100);
    const VerifyReport report = verify();
    ASSERT_FALSE(report.problems.empty());
    EXPECT_EQ(report.problems[0].file, victim.file);
    EXPECT_EQ(report.problems[0].first_sequence, victim.first_sequence);
}

TEST_F(VerifyTest, MissingSegmentIsAGap) {
    make_store();
    std::filesystem::remove(directory_ + "/" + name_of(1));
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
    const Result<VerifyReport> report = verify_store(directory_ + "/none");
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

}  // namespace
}  // namespace sluice::store::test
