// PartReader and PartSet on parts in memory.
#include "store/part_reader.h"

#include "part_fixture.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

// Bytes in memory that can be made unreadable.
struct FailingSource final : part::Source {
    explicit FailingSource(Bytes content) : bytes(std::move(content)) {}
    std::uint64_t size() const noexcept override { return bytes.size(); }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override {
        if (fails) {
            return fail(Errc::io_error, "the disk does not answer");
        }
        std::ranges::copy(ByteView(bytes).subspan(offset, into.size()), into.begin());
        return {};
    }
    Bytes bytes;
    bool fails = false;
};

PartPointer stored_part(const PartImage& image, std::shared_ptr<FailingSource> source) {
    auto stored = std::make_shared<StoredPart>();
    stored->name = image.name;
    stored->file = part_file_name(image.name);
    stored->bytes = source->bytes.size();
    auto opened = part::Part::open(std::move(source), nullptr);
    EXPECT_TRUE(opened) << opened.error();
    stored->part = *opened;
    return stored;
}

class PartReaderTest : public testing::Test {
 protected:
    void add(const PartOf& of) { set->add(open_part(of)); }
    // "epoch [first, end) sequences" of the next run.
    std::string read(std::uint64_t from, std::uint64_t limit) {
        if (!reader) {
            reader = std::make_unique<PartReader>(set);
        }
        Result<PartRun> got = reader->read(from, limit);
        if (!got) {
            return fmt::format("{}", got.error());
        }
        run = *std::move(got);
        std::string text = fmt::format("{} [{}, {})", run.epoch, run.first_sequence, run.end_sequence);
        for (const wire::TailEntry entry : wire::TailEntryRange(run.entries, run.count)) {
            text += fmt::format(" {}", entry.sequence);
        }
        return text;
    }
    std::shared_ptr<PartSet> set = std::make_shared<PartSet>();
    std::unique_ptr<PartReader> reader;
    PartRun run;
};

TEST_F(PartReaderTest, NothingIsReadToTheLimit) {
    EXPECT_EQ(read(3, 77), "0 [77, 77)");
    EXPECT_EQ(run.count, 0U);
    EXPECT_TRUE(run.entries.empty());
    EXPECT_EQ(reader->parts(), set);
}

TEST_F(PartReaderTest, OneClassIsReadPageByPage) {
    add({.sequences = {2, 4, 6, 8, 9}, .epoch = 7});
    EXPECT_EQ(read(1, 100), "7 [2, 5) 2 4");
    EXPECT_EQ(run.count, 2U);
    EXPECT_EQ(read(5, 100), "7 [6, 9) 6 8");
    EXPECT_EQ(read(8, 100), "7 [8, 9) 8");
    EXPECT_EQ(read(9, 100), "7 [9, 10) 9");
    EXPECT_EQ(read(10, 100), "0 [100, 100)");
    EXPECT_EQ(read(4, 100), "7 [4, 5) 4");
    EXPECT_EQ(read(3, 4), "0 [4, 4)");
    EXPECT_EQ(read(1, 4), "7 [2, 4) 2");
    EXPECT_EQ(read(1, 5), "7 [2, 5) 2 4");
    EXPECT_EQ(read(1, 3), "7 [2, 3) 2");
    EXPECT_EQ(read(1, 2), "0 [2, 2)");
}

TEST_F(PartReaderTest, RecordsComeBackAsTheyWere) {
    add({.sequences = {2, 4}, .received = 5000, .epoch = 7});
    add({.class_name = "odd", .sequences = {3}, .received = 6000, .epoch = 7});
    ASSERT_EQ(read(1, 100), "7 [2, 4) 2 3");
    std::vector<std::string> all;
    for (const wire::TailEntry entry : wire::TailEntryRange(run.entries, run.count)) {
        all.push_back(fmt::format("{} {}", entry.receive_time_ns, entry.record.message()));
    }
    EXPECT_EQ(all, (std::vector<std::string>{"5000 record 2", "6000 record 3"}));
}

// Up to the end of the page that ends first: behind it, that class may have something.
TEST_F(PartReaderTest, ClassesAreReadInOneOrder) {
    add({.sequences = {1, 3, 10, 11}});
    add({.class_name = "a", .sequences = {2, 4, 5, 20}});
    add({.class_name = "b", .sequences = {6, 7}});
    EXPECT_EQ(read(1, 100), "1 [1, 4) 1 2 3");
    EXPECT_EQ(read(4, 100), "1 [4, 5) 4");
    EXPECT_EQ(read(5, 100), "1 [5, 8) 5 6 7");
    EXPECT_EQ(read(8, 100), "1 [10, 12) 10 11");
    EXPECT_EQ(read(12, 100), "1 [20, 21) 20");
    EXPECT_EQ(read(2, 4), "1 [2, 4) 2 3");
}

TEST_F(PartReaderTest, RunIsOfOneEpoch) {
    add({.sequences = {1, 3}, .epoch = 1, .page_rows = 10});
    add({.class_name = "a", .sequences = {2, 4}, .epoch = 2, .page_rows = 10});
    EXPECT_EQ(read(1, 100), "1 [1, 2) 1");
    EXPECT_EQ(read(2, 100), "2 [2, 3) 2");
    EXPECT_EQ(read(3, 100), "1 [3, 4) 3");
    EXPECT_EQ(read(4, 100), "2 [4, 5) 4");
}

TEST_F(PartReaderTest, RunHasAtMost1024Rows) {
    add({.sequences = numbers(1, 1026), .page_rows = 5000});
    (void)read(1, 5000);
    EXPECT_EQ(run.count, 1024U);
    EXPECT_EQ(run.end_sequence, 1025U);
    EXPECT_EQ(read(1025, 5000), "1 [1025, 1026) 1025");
}

TEST_F(PartReaderTest, NextPartFollows) {
    add({.sequences = {1, 2}});
    add({.sequences = {5, 6}});
    add({.sequences = {7}});
    EXPECT_EQ(read(1, 100), "1 [1, 3) 1 2");
    EXPECT_EQ(read(3, 100), "1 [5, 7) 5 6");
    EXPECT_EQ(read(6, 100), "1 [6, 7) 6");
    EXPECT_EQ(read(7, 100), "1 [7, 8) 7");
}

TEST_F(PartReaderTest, PageBeforeIsTheLargestBoundaryBelow) {
    add({.sequences = {10, 11, 20, 21, 30, 31}});
    add({.sequences = {50, 51}});
    add({.class_name = "a", .sequences = {25, 60}});
    const PartReader at(set);
    for (const auto& [limit, boundary] : std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{{1, 3},
                                                                                                        {10, 3},
                                                                                                        {11, 10},
                                                                                                        {20, 10},
                                                                                                        {21, 20},
                                                                                                        {25, 20},
                                                                                                        {26, 25},
                                                                                                        {30, 25},
                                                                                                        {31, 30},
                                                                                                        {50, 30},
                                                                                                        {51, 50},
                                                                                                        {1000, 50}}) {
        EXPECT_EQ(at.page_before(limit, 3), boundary) << limit;
    }
    EXPECT_EQ(at.page_before(21, 20), 20U);
    EXPECT_EQ(at.page_before(21, 15), 20U);
    EXPECT_EQ(at.page_before(21, 40), 40U);
}

// ---- damage ----

class DamagedPartTest : public PartReaderTest {
 protected:
    // Records 1 to 100 in pages of ten, one byte of which is not what it was.
    void add_damaged(std::size_t numerator, std::size_t denominator) {
        const PartImage image = make_part({.sequences = numbers(1, 101), .page_rows = 10, .filler = 3000});
        source = std::make_shared<FailingSource>(image.bytes);
        source->bytes[source->bytes.size() * numerator / denominator] ^= std::byte{1};
        set->add(stored_part(image, source));
    }
    // All runs to the end; what they hold, and the damage that was told.
    std::size_t read_all(std::uint64_t from, std::uint64_t limit) {
        std::size_t rows = 0;
        damage.clear();
        while (from < limit) {
            const std::string text = read(from, limit);
            EXPECT_GT(run.end_sequence, from) << text;
            if (run.end_sequence <= from) {
                break;
            }
            rows += run.count;
            std::ranges::move(run.damage, std::back_inserter(damage));
            from = run.end_sequence;
        }
        return rows;
    }
    std::shared_ptr<FailingSource> source;
    std::vector<Damage> damage;
};

TEST_F(DamagedPartTest, PageIsPassedOverAndToldOnce) {
    add_damaged(1, 2);
    EXPECT_EQ(read_all(1, 200), 90U);
    ASSERT_EQ(damage.size(), 1U);
    EXPECT_EQ(damage[0].file, set->classes[0].parts[0]->file);
    EXPECT_EQ(damage[0].first_sequence % 10, 1U);
    EXPECT_EQ(damage[0].end_sequence, damage[0].first_sequence + 10);
    EXPECT_EQ(damage[0].offset, 0U);
    EXPECT_EQ(damage[0].bytes, 0U);
    EXPECT_FALSE(damage[0].what.empty());
    const std::uint64_t first = damage[0].first_sequence;
    EXPECT_EQ(read_all(first, 200), 100U - (first + 10 - 1)) << "known to be bad";
    EXPECT_TRUE(damage.empty());
}

TEST_F(DamagedPartTest, OnlyWhatWasToBeReadIsTold) {
    add_damaged(1, 2);
    read_all(1, 200);
    ASSERT_EQ(damage.size(), 1U);
    const std::uint64_t inside = damage[0].first_sequence + 4;
    reader.reset();
    read_all(inside, 200);
    ASSERT_EQ(damage.size(), 1U);
    EXPECT_EQ(damage[0].first_sequence, inside);
    EXPECT_EQ(damage[0].end_sequence, inside + 6);
    reader.reset();
    read_all(inside + 6, 200);
    EXPECT_TRUE(damage.empty());
}

TEST_F(DamagedPartTest, OtherClassesAreReadAllTheSame) {
    add_damaged(1, 2);
    add({.class_name = "other", .sequences = numbers(101, 111), .page_rows = 10});
    EXPECT_EQ(read_all(1, 200), 100U);
    EXPECT_EQ(damage.size(), 1U);
}

TEST_F(DamagedPartTest, ClassesThatShareTheNumbersAreReadAllTheSame) {
    add_damaged(1, 2);
    std::vector<std::uint64_t> others;
    for (std::uint64_t n = 1; n < 40; ++n) {
        others.push_back(n * 200 / 7 + 500);
    }
    add({.class_name = "other", .sequences = others, .page_rows = 4});
    EXPECT_EQ(read_all(1, 5000), 90U + others.size());
    EXPECT_EQ(damage.size(), 1U);
}

// It is told when its records would come, not before.
TEST_F(DamagedPartTest, PageOfWhichNothingIsChosenIsNotRead) {
    add({.class_name = "a", .sequences = {110, 111}});
    std::vector<std::uint64_t> sequences = numbers(100, 110);
    std::ranges::copy(numbers(112, 202), std::back_inserter(sequences));
    const PartImage image = make_part({.sequences = sequences, .page_rows = 10, .filler = 3000});
    source = std::make_shared<FailingSource>(image.bytes);
    source->bytes[source->bytes.size() * 3 / 20] ^= std::byte{1};  // In the second page.
    set->add(stored_part(image, source));
    EXPECT_EQ(read(110, 300), "1 [110, 112) 110 111");
    EXPECT_TRUE(run.damage.empty());
    (void)read(112, 300);
    ASSERT_EQ(run.damage.size(), 1U);
    EXPECT_EQ(run.damage[0].first_sequence, 112U);
}

TEST_F(DamagedPartTest, DiskThatFailsIsAnErrorAndNoDamage) {
    add_damaged(1, 2);
    source->fails = true;
    const std::string file = set->classes[0].parts[0]->file;
    EXPECT_EQ(read(1, 200).substr(0, 10 + 2 + file.size()), fmt::format("io_error: '{}'", file));
    source->fails = false;
    EXPECT_EQ(read_all(1, 200), 90U) << "it was not taken for bad";
}

// Where its records are found and not their values.
TEST_F(DamagedPartTest, DiskThatFailsLaterIsAnErrorToo) {
    const PartImage image = make_part({.sequences = numbers(1, 101), .page_rows = 10, .filler = 3000});
    source = std::make_shared<FailingSource>(image.bytes);
    set->add(stored_part(image, source));
    ASSERT_EQ(read_all(1, 11), 10U);
    source->fails = true;
    EXPECT_TRUE(read(81, 200).starts_with("io_error: '")) << "of another block";
    source->fails = false;
    EXPECT_EQ(read_all(81, 200), 20U);
    EXPECT_TRUE(damage.empty());
}

// ---- the set ----

TEST(PartSet, KeepsClassesByNameAndPartsByNumber) {
    PartSet set;
    EXPECT_TRUE(set.empty());
    EXPECT_EQ(set.size(), 0U);
    set.state.sealed_end = 99;
    EXPECT_EQ(set.oldest_sequence(), 99U);
    EXPECT_EQ(set.removed_end(), 0U);
    const PartPointer b2 = open_part({.class_name = "b", .sequences = {20, 29}});
    const PartPointer b1 = open_part({.class_name = "b", .sequences = {10, 19}});
    const PartPointer b3 = open_part({.class_name = "b", .sequences = {30}});
    const PartPointer a = open_part({.class_name = "a", .sequences = {15, 40}});
    for (const PartPointer& part : {b2, b3, b1, a}) {
        set.add(part);
    }
    EXPECT_FALSE(set.empty());
    EXPECT_EQ(set.size(), 4U);
    ASSERT_EQ(set.classes.size(), 2U);
    EXPECT_EQ(set.classes[0].name, "a");
    EXPECT_EQ(set.classes[1].name, "b");
    EXPECT_EQ(set.classes[1].parts, (std::vector<PartPointer>{b1, b2, b3}));
    EXPECT_EQ(set.by_sequence(), (std::vector<PartPointer>{b1, a, b2, b3}));
    EXPECT_EQ(set.oldest_sequence(), 10U);
    set.remove(*b1);
    EXPECT_EQ(set.oldest_sequence(), 15U);
    set.remove(*a);
    ASSERT_EQ(set.classes.size(), 1U);
    EXPECT_EQ(set.classes[0].parts, (std::vector<PartPointer>{b2, b3}));
    set.remove(*b3);
    set.remove(*b2);
    EXPECT_TRUE(set.empty());
    set.state.removed_of("a").end_sequence = 7;
    set.state.removed_of("b").end_sequence = 9;
    set.state.removed_of("c").end_sequence = 8;
    EXPECT_EQ(set.removed_end(), 9U);
}

}  // namespace
}  // namespace sluice::store::test
