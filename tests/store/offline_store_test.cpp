// A store's files made by hand, read without a daemon.
#include "store/offline_store.h"

#include <filesystem>

#include "part_fixture.h"
#include "real_copy.h"
#include "segment_image.h"
#include "store/offline_file.h"

namespace sluice::store::test {
namespace {

constexpr std::size_t kCache = 1U << 20U;

class OfflineStoreTest : public testing::Test {
 protected:
    OfflineStoreTest() {
        copy.save("identity", identity_bytes(kStore));
        state.store_id = kStore;
    }
    void save_state() { copy.save(std::string(kSealStateName), encode_seal_state(state)); }
    std::string save_part(std::uint64_t first, std::uint64_t end, const std::string& class_name = "default",
                          std::uint32_t epoch = 1) {
        const PartImage image =
            make_part({.class_name = class_name, .sequences = numbers(first, end), .store_id = kStore, .epoch = epoch});
        copy.save(part_file_name(image.name), image.bytes);
        return part_file_name(image.name);
    }
    void save_log(std::uint64_t first, std::uint32_t epoch = 1) {
        SegmentImage image(1, first, kStore);
        image.header.epoch = epoch;
        image.seal_header();
        image.add({"a record"});
        copy.save(image.name(), image.bytes);
    }
    std::string path(const std::string& name) const { return copy.directory() + "/" + name; }
    void open() {
        auto opened = OfflineStore::open(copy.directory(), kCache);
        ASSERT_TRUE(opened) << opened.error();
        store = *std::move(opened);
    }
    // "first-end" of each part, after opening.
    std::vector<std::string> parts() {
        std::vector<std::string> all;
        open();
        for (const auto& part : store->parts()) {
            all.push_back(fmt::format("{}-{}", part->summary().first_sequence, part->summary().end_sequence));
        }
        return all;
    }
    RealCopy copy;
    SealState state;
    std::unique_ptr<OfflineStore> store;
};

using Strings = std::vector<std::string>;

// Notes up to where it was read last.
struct NotingSource final : part::Source {
    explicit NotingSource(Bytes content) : bytes(std::move(content)) {}
    std::uint64_t size() const noexcept override { return bytes.size(); }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override {
        last_end = offset + into.size();
        std::ranges::copy(ByteView(bytes).subspan(offset, into.size()), into.begin());
        return {};
    }
    Bytes bytes;
    mutable std::uint64_t last_end = 0;
};

TEST_F(OfflineStoreTest, EmptyStoreHasNothing) {
    EXPECT_EQ(parts(), Strings());
    EXPECT_EQ(store->sealed_end(), 1U);
    EXPECT_EQ(store->epoch(), 0U);
    EXPECT_TRUE(store->problems().empty());
    EXPECT_TRUE(store->log().places().empty());
}

TEST_F(OfflineStoreTest, WithoutAnIdentityIsRefused) {
    std::filesystem::remove(path("identity"));
    EXPECT_EQ(code_of(OfflineStore::open(copy.directory(), kCache)), Errc::not_found);
}

TEST_F(OfflineStoreTest, WithADamagedIdentityIsReadWhereTheOtherFilesAgree) {
    save_state();
    copy.flip("identity", 20, 1);
    const auto opened = OfflineStore::open(copy.directory(), kCache);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ((*opened)->log().store_id(), state.store_id);
    EXPECT_EQ((*opened)->log().problems(),
              (std::vector<std::string>{"'identity' fails its checksum; the other files tell whose they are"}));
}

TEST_F(OfflineStoreTest, PartsComeByTheirFirstSequence) {
    state.sealed_end = 31;
    save_state();
    save_part(21, 31, "a");
    save_part(1, 5, "b");
    save_part(5, 21, "a");
    save_log(31);
    EXPECT_EQ(parts(), (Strings{"1-5", "5-21", "21-31"}));
    EXPECT_EQ(store->sealed_end(), 31U);
    EXPECT_TRUE(store->problems().empty());
    EXPECT_EQ(std::as_const(*store).log().places().size(), 1U);
    EXPECT_EQ(&std::as_const(*store).log(), &store->log());
    EXPECT_EQ(store->log().begins(), 31U);
}

TEST_F(OfflineStoreTest, PartThatRetentionHasRemovedDoesNotCount) {
    save_part(1, 11);
    save_part(11, 21);
    save_part(1, 12, "other");
    state.sealed_end = 21;
    state.removed_of("default").end_sequence = 11;
    save_state();
    EXPECT_EQ(parts(), (Strings{"1-12", "11-21"}));
    state.removed_of("default").end_sequence = 10;
    save_state();
    EXPECT_EQ(parts().size(), 3U);
}

// What a seal left that did not come to its end: the log has its records.
TEST_F(OfflineStoreTest, PartThatIsNotSealedCountsOnlyWhereTheLogDoesNotHaveItsRecords) {
    save_part(1, 11);
    save_part(11, 21);
    state.sealed_end = 11;
    save_state();
    for (const std::uint64_t log : {1U, 11U}) {
        save_log(log);
        EXPECT_EQ(parts(), (Strings{"1-11"})) << log;
        EXPECT_EQ(store->sealed_end(), 11U);
    }
    save_log(12);
    EXPECT_EQ(parts(), (Strings{"1-11", "11-21"}));
    EXPECT_EQ(store->sealed_end(), 21U);
    std::filesystem::remove(path(segment_name(1)));
    EXPECT_EQ(parts(), (Strings{"1-11", "11-21"}));
    save_log(1);
    state.sealed_end = 12;
    save_state();
    EXPECT_EQ(parts(), (Strings{"1-11", "11-21"}));
    std::filesystem::remove(path("sealed"));
    EXPECT_EQ(parts(), (Strings{"1-11", "11-21"}));
    EXPECT_EQ(store->sealed_end(), 21U);
    EXPECT_TRUE(store->problems().empty());
}

TEST_F(OfflineStoreTest, OfPartsThatOverlapTheLargerCounts) {
    save_part(1, 21);
    save_part(5, 11);   // Merged into it.
    save_part(20, 25);  // Overlaps, and is smaller.
    save_part(21, 22);
    save_part(3, 8, "other");
    EXPECT_EQ(parts(), (Strings{"1-21", "3-8", "21-22"}));
    EXPECT_TRUE(store->problems().empty());
}

TEST_F(OfflineStoreTest, EpochIsTheHighestAnythingTellsOf) {
    save_log(31, 7);
    save_part(1, 11, "default", 3);
    state.sealed_end = 11;
    state.epochs = {{2, 1}, {5, 6}};
    save_state();
    open();
    EXPECT_EQ(store->epoch(), 7U);
    save_log(31, 4);
    open();
    EXPECT_EQ(store->epoch(), 5U);
    save_part(1, 11, "default", 9);
    open();
    EXPECT_EQ(store->epoch(), 9U);
}

TEST_F(OfflineStoreTest, SealedThatCannotBeReadIsToldAndThePartsCount) {
    save_part(1, 11);
    save_log(1);
    state.sealed_end = 1;
    save_state();
    copy.flip("sealed", 33, 1);
    EXPECT_EQ(parts(), (Strings{"1-11"}));
    EXPECT_EQ(store->problems(), (Strings{"sealed: 'sealed' fails its checksum"}));
    EXPECT_EQ(store->sealed_end(), 11U);

    state.store_id = StoreId{std::byte{9}};
    state.sealed_end = 500;
    save_state();
    EXPECT_EQ(parts(), (Strings{"1-11"}));
    EXPECT_EQ(store->problems(), (Strings{fmt::format("sealed: '{}' belongs to another store", path("sealed"))}));
    EXPECT_EQ(store->sealed_end(), 11U);

    std::filesystem::remove(path("sealed"));
    std::filesystem::create_directory(path("sealed"));
    open();
    ASSERT_EQ(store->problems().size(), 1U);
    EXPECT_TRUE(store->problems()[0].starts_with("sealed: ")) << store->problems()[0];
}

TEST_F(OfflineStoreTest, SealedHasUpToOneMebibyte) {
    for (std::uint32_t i = 1; i <= 65'530; ++i) {
        state.epochs.push_back({i, 1});
    }
    state.removed_of("four");
    state.sealed_end = 77;
    save_state();
    ASSERT_EQ(std::filesystem::file_size(path("sealed")), kSealStateBytesMax);
    open();
    EXPECT_TRUE(store->problems().empty());
    EXPECT_EQ(store->sealed_end(), 77U);
    EXPECT_EQ(store->epoch(), 65'530U);
    state.removed.clear();
    state.removed_of("five5");
    save_state();
    open();
    EXPECT_EQ(store->problems(), (Strings{fmt::format("sealed: '{}' has 1048577 bytes", path("sealed"))}));
    EXPECT_EQ(store->sealed_end(), 1U);
}

TEST_F(OfflineStoreTest, PartThatCannotBeReadIsToldWithItsRecords) {
    const std::string bad = save_part(1, 11);
    save_part(11, 21);
    copy.flip(bad, std::filesystem::file_size(path(bad)) - 1, 1);
    const std::string loop = part_file_name({"default", 31, 41});
    std::filesystem::create_symlink(loop, path(loop));
    EXPECT_EQ(parts(), (Strings{"11-21"}));
    EXPECT_EQ(store->sealed_end(), 41U) << "their numbers are used";
    ASSERT_EQ(store->problems().size(), 2U);
    EXPECT_TRUE(store->problems()[0].starts_with(bad + ": ")) << store->problems()[0];
    EXPECT_TRUE(store->problems()[0].ends_with(" (records 1 to 10)")) << store->problems()[0];
    EXPECT_TRUE(store->problems()[1].starts_with(loop + ": open '")) << store->problems()[1];
    EXPECT_TRUE(store->problems()[1].ends_with(" (records 31 to 40)")) << store->problems()[1];
}

TEST_F(OfflineStoreTest, ReadThatFailsIsNotTakenForACut) {
    const std::string directory = part_file_name({"default", 1, 11});
    std::filesystem::create_directory_symlink("/", path(directory));
    if (OfflineFile::open(path(directory))->size() < 1000) {
        GTEST_SKIP() << "directories have no size on this file system";
    }
    EXPECT_EQ(parts(), Strings());
    ASSERT_EQ(store->problems().size(), 1U);
    EXPECT_TRUE(store->problems()[0].contains("read at")) << store->problems()[0];
}

// A name that leads nowhere is what a part looks like that goes whenever it is listed.
TEST_F(OfflineStoreTest, PartsThatKeepGoingAreNotWaitedForForEver) {
    save_part(1, 11);
    std::filesystem::create_symlink("nowhere", path(part_file_name({"default", 11, 21})));
    const auto opened = OfflineStore::open(copy.directory(), kCache);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::limit_exceeded);
    EXPECT_EQ(opened.error().text(),
              fmt::format("the parts in '{}' change faster than they can be read", copy.directory()));
}

TEST_F(OfflineStoreTest, PartThatIsCutLaterSaysSo) {
    const PartImage image =
        make_part({.sequences = numbers(1, 101), .store_id = kStore, .page_rows = 10, .filler = 3000});
    const std::string file = part_file_name(image.name);
    copy.save(file, image.bytes);
    open();
    const auto& part = store->parts()[0];
    ASSERT_TRUE(part->page(part::Part::fixed(part::ColumnKind::message), 0));
    const auto noted = std::make_shared<NotingSource>(image.bytes);
    const auto same = part::Part::open(noted, nullptr);
    ASSERT_TRUE(same && (*same)->page(part::Part::fixed(part::ColumnKind::message), 9));
    std::filesystem::resize_file(path(file), 100);
    const auto page = part->page(part::Part::fixed(part::ColumnKind::message), 9);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code(), Errc::corrupt);
    EXPECT_NE(page.error().text().find(fmt::format("the file ends before {}", noted->last_end)), std::string::npos)
        << page.error();
}

}  // namespace
}  // namespace sluice::store::test
