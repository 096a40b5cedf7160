#include "store/offline_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "real_copy.h"
#include "store/mapping.h"
#include "unlistable.h"

namespace sluice::store::test {
namespace {

Bytes some_bytes(std::size_t count) {
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
    }
    return bytes;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(OfflineFile, ReadsWhatIsThereFromAnyOffset) {
    const RealCopy copy;
    const Bytes content = some_bytes(1000);
    copy.save("file", content);
    const Result<OfflineFile> file = OfflineFile::open(copy.directory() + "/file");
    ASSERT_TRUE(file) << file.error();
    EXPECT_EQ(file->size(), 1000U);
    for (const std::size_t offset : {0U, 1U, 999U, 1000U, 1001U, 5000U}) {
        Bytes into(600, std::byte{0xEE});
        const std::size_t there = offset > 1000 ? 0 : std::min<std::size_t>(1000 - offset, 600);
        EXPECT_EQ(file->read(offset, into).value_or(7777), there) << offset;
        EXPECT_TRUE(std::equal(into.begin(), into.begin() + static_cast<std::ptrdiff_t>(there),
                               content.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(offset, 1000))));
        EXPECT_TRUE(std::all_of(into.begin() + static_cast<std::ptrdiff_t>(there), into.end(),
                                [](std::byte b) { return b == std::byte{0xEE}; }));
    }
    EXPECT_EQ(file->read(0, {}).value_or(7777), 0U);
}

TEST(OfflineFile, SaysWhichFileCannotBeOpened) {
    const RealCopy copy;
    const std::string path = copy.directory() + "/none";
    const Result<OfflineFile> file = OfflineFile::open(path);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code(), Errc::not_found);
    EXPECT_EQ(file.error().sys_errno(), ENOENT);
    EXPECT_NE(file.error().text().find(fmt::format("open '{}'", path)), std::string::npos) << file.error();
}

TEST(OfflineFile, ClosesItsDescriptorOnceHoweverOftenItIsMoved) {
    const RealCopy copy;
    copy.save("file", some_bytes(10));
    const std::size_t before = open_descriptors();
    {
        Result<OfflineFile> file = OfflineFile::open(copy.directory() + "/file");
        ASSERT_TRUE(file) << file.error();
        EXPECT_EQ(open_descriptors(), before + 1);
        OfflineFile moved = *std::move(file);
        const OfflineFile again = std::move(moved);
        EXPECT_EQ(open_descriptors(), before + 1);
        EXPECT_EQ(again.size(), 10U);
        Bytes into(10);
        EXPECT_EQ(again.read(0, into).value_or(0), 10U);
        EXPECT_EQ(into, some_bytes(10));
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_FALSE(OfflineFile::open(copy.directory() + "/none"));
    EXPECT_EQ(open_descriptors(), before);
}

// The kernel gives at most a page of it at a time.
TEST(OfflineFile, ShortReadsAreContinued) {
    const std::string path = "/proc/kallsyms";
    std::ifstream stream(path, std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (whole.size() < 100'000) {
        GTEST_SKIP() << path << " is not there";
    }
    const Result<OfflineFile> file = OfflineFile::open(path);
    ASSERT_TRUE(file) << file.error();
    Bytes into(60'000);
    ASSERT_EQ(file->read(123, into).value_or(0), into.size());
    EXPECT_EQ(as_text(into), std::string_view(whole).substr(123, into.size()));
}

TEST(OfflineFile, SaysWhereAReadFailed) {
    const auto page = static_cast<std::size_t>(::getpagesize());
    void* const pages = ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    std::memset(pages, 'x', 2 * page);
    ASSERT_EQ(::munmap(static_cast<std::byte*>(pages) + page, page), 0);
    const auto address = reinterpret_cast<std::uintptr_t>(pages);
    const Result<OfflineFile> file = OfflineFile::open("/proc/self/mem");
    ASSERT_TRUE(file) << file.error();
    Bytes into(page + 16);
    const Result<std::size_t> read = file->read(address + page - 16, std::span(into).first(32));
    EXPECT_EQ(file->read(address, std::span(into).first(page)).value_or(0), page);
    ::munmap(pages, page);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Errc::io_error);
    EXPECT_NE(read.error().text().find(fmt::format("read at {}", address + page)), std::string::npos) << read.error();
}

TEST(ListFiles, NamesEverythingInOrder) {
    const RealCopy copy;
    EXPECT_EQ(list_files(copy.directory()).value_or(std::vector<std::string>{"?"}), std::vector<std::string>());
    for (const char* name : {"b", "a", "d", ".hidden", "c"}) {
        copy.save(name, {});
    }
    std::filesystem::create_directory(copy.directory() + "/ab");
    const Result<std::vector<std::string>> names = list_files(copy.directory());
    ASSERT_TRUE(names) << names.error();
    EXPECT_EQ(*names, (std::vector<std::string>{".hidden", "a", "ab", "b", "c", "d"}));
}

TEST(ListFiles, SaysWhatCannotBeListed) {
    const RealCopy copy;
    const std::string path = copy.directory() + "/none";
    Result<std::vector<std::string>> names = list_files(path);
    ASSERT_FALSE(names);
    EXPECT_EQ(names.error().code(), Errc::not_found);
    EXPECT_NE(names.error().text().find(fmt::format("list '{}'", path)), std::string::npos) << names.error();
    const Unlistable closed(copy.directory());
    names = list_files(closed.path());
    ASSERT_FALSE(names);
    EXPECT_EQ(names.error().code(), Errc::permission_denied);
}

TEST(Mapping, ShowsTheFileAndNothingOfAnEmptyOne) {
    const RealCopy copy;
    copy.save("file", some_bytes(5000));
    copy.save("empty", {});
    Result<Mapping> file = Mapping::open(copy.directory() + "/file");
    ASSERT_TRUE(file) << file.error();
    const Mapping moved = *std::move(file);
    EXPECT_TRUE(std::ranges::equal(moved.bytes(), some_bytes(5000)));
    const Result<Mapping> empty = Mapping::open(copy.directory() + "/empty");
    ASSERT_TRUE(empty) << empty.error();
    EXPECT_TRUE(empty->bytes().empty());
    const Result<Mapping> none = Mapping::open(copy.directory() + "/none");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), Errc::not_found);
    EXPECT_NE(none.error().text().find("/none'"), std::string::npos) << none.error();
}

TEST(Mapping, SaysWhatCannotBeMapped) {
    const RealCopy copy;
    std::filesystem::create_directory(copy.directory() + "/folder");
    copy.save("folder/file", {});  // Some file systems give an empty folder no size.
    const std::size_t before = open_descriptors();
    const Result<Mapping> folder = Mapping::open(copy.directory() + "/folder");
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().sys_errno(), ENODEV);
    EXPECT_NE(folder.error().text().find(fmt::format("map '{}/folder'", copy.directory())), std::string::npos)
        << folder.error();
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace sluice::store::test
