#include <array>

#include "io/sim_fixture.h"

namespace sluice::io {
namespace {

using SimDiskTest = SimTest;

Task<Result<std::string>> read_back(Kernel& kernel, std::string path) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, path, O_RDONLY));
    std::string text(100, '?');
    const std::span into = std::as_writable_bytes(std::span(text));
    SLUICE_CO_TRY(const std::size_t count, co_await kernel.read_at(file, 0, into));
    text.resize(count);
    co_return text;
}

TEST_F(SimDiskTest, WrittenFileIsReadBack) {
    auto saved = run(save, std::string("/run/a"), std::string("text"));
    ASSERT_TRUE(saved) << saved.error();
    auto text = run(read_back, std::string("/run/a"));
    ASSERT_TRUE(text) << text.error();
    EXPECT_EQ(*text, "text");
}

TEST_F(SimDiskTest, SyncMakesDataButNotTheNameDurable) {
    ASSERT_TRUE(run(save, std::string("/run/a"), std::string("text")));
    ASSERT_TRUE(run(sync_path, std::string("/run/a")));
    EXPECT_EQ(disk().dirty_changes("/run/a"), 0U);
    EXPECT_FALSE(disk().durable_name("/run/a"));
    ASSERT_TRUE(run(sync_path, std::string("/run")));
    EXPECT_TRUE(disk().durable_name("/run/a"));
    EXPECT_EQ(durable("/run/a"), "text");
}

Task<Result<>> write_one_durably(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDWR));
    SLUICE_CO_CHECK(co_await write_text(kernel, file, 0, "1"));
    SLUICE_CO_CHECK(co_await write_text(kernel, file, 1, "2", WriteSync::data));
    co_return Result<>{};
}

TEST_F(SimDiskTest, DurableWriteMakesJustItselfDurable) {
    disk().put_file("/run/a", as_bytes("---"));
    ASSERT_TRUE(run(write_one_durably));
    EXPECT_EQ(content("/run/a"), "12-");
    EXPECT_EQ(durable("/run/a"), "-2-");
}

// Not in a coroutine frame, which would not keep the alignment.
alignas(512) std::array<std::byte, 2048> aligned_buffer;

Task<Result<std::array<int, 4>>> direct_errnos(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDWR | O_CREAT | O_DIRECT));
    const std::span<std::byte> all(aligned_buffer);
    std::array<int, 4> errnos{};
    const Result<std::size_t> good = co_await kernel.write_at(file, 512, all.first(1024), WriteSync::none);
    errnos[0] = good ? 0 : good.error().sys_errno();
    const Result<std::size_t> offset = co_await kernel.write_at(file, 100, all.first(512), WriteSync::none);
    errnos[1] = offset ? 0 : offset.error().sys_errno();
    const Result<std::size_t> length = co_await kernel.read_at(file, 0, all.first(100));
    errnos[2] = length ? 0 : length.error().sys_errno();
    const Result<std::size_t> memory = co_await kernel.read_at(file, 0, all.subspan(8, 512));
    errnos[3] = memory ? 0 : memory.error().sys_errno();
    co_return errnos;
}

TEST_F(SimDiskTest, DirectIoChecksAlignment) {
    auto errnos = run(direct_errnos);
    ASSERT_TRUE(errnos) << errnos.error();
    EXPECT_EQ(*errnos, (std::array<int, 4>{0, EINVAL, EINVAL, EINVAL}));
}

Task<Result<FileStat>> stat_path(Kernel& kernel, std::string path) {
    co_return co_await kernel.stat_at(-1, path);
}

TEST_F(SimDiskTest, StatReportsSizeTypeAndDirectAlignment) {
    disk().set_direct_io_alignment(4096);
    disk().put_file("/run/a", as_bytes("12345"));
    auto file = run(stat_path, std::string("/run/a"));
    ASSERT_TRUE(file) << file.error();
    EXPECT_EQ(file->size, 5U);
    EXPECT_TRUE(S_ISREG(file->mode));
    EXPECT_EQ(file->direct_io_alignment, 4096U);
    auto directory = run(stat_path, std::string("/run"));
    ASSERT_TRUE(directory);
    EXPECT_TRUE(S_ISDIR(directory->mode));
}

TEST_F(SimDiskTest, DirectIoIsRefusedWhereUnsupported) {
    disk().set_direct_io_alignment(0);
    auto file = run(open_file, std::string("/run/a"), O_RDWR | O_CREAT | O_DIRECT);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().sys_errno(), EINVAL);
}

int errno_of(SimDisk& disk, std::string_view path, int flags, std::uint64_t resolve = 0) {
    std::shared_ptr<SimFile> directory;
    EXPECT_EQ(disk.open(nullptr, "/run", {.flags = O_RDONLY, .mode = 0, .resolve = 0, .owner = {}}, directory), 0);
    std::shared_ptr<SimFile> file;
    return -disk.open(directory.get(), path, {.flags = flags, .mode = 0644, .resolve = resolve, .owner = {}}, file);
}

TEST_F(SimDiskTest, OpenFollowsTheRulesOfItsFlags) {
    disk().put_file("/run/file", as_bytes("x"));
    disk().make_directories("/run/dir");
    disk().make_symlink("/run/link");
    EXPECT_EQ(errno_of(disk(), "file", O_RDONLY), 0);
    EXPECT_EQ(errno_of(disk(), "none", O_RDONLY), ENOENT);
    EXPECT_EQ(errno_of(disk(), "dir/none/x", O_RDWR | O_CREAT), ENOENT);
    EXPECT_EQ(errno_of(disk(), "file", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    EXPECT_EQ(errno_of(disk(), "dir", O_RDWR), EISDIR);
    EXPECT_EQ(errno_of(disk(), "file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    EXPECT_EQ(errno_of(disk(), "file/x", O_RDONLY), ENOTDIR);
    EXPECT_EQ(errno_of(disk(), "file/", O_RDONLY), ENOTDIR);
    EXPECT_EQ(errno_of(disk(), "link", O_RDONLY), ELOOP);
    EXPECT_EQ(errno_of(disk(), "link/x", O_RDONLY), ELOOP);
    EXPECT_EQ(errno_of(disk(), std::string(256, 'n'), O_RDWR | O_CREAT), ENAMETOOLONG);
    EXPECT_EQ(errno_of(disk(), "../tmp", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    EXPECT_EQ(errno_of(disk(), "/run/file", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    EXPECT_EQ(errno_of(disk(), "dir/./new", O_RDWR | O_CREAT, RESOLVE_BENEATH), 0);
    EXPECT_TRUE(disk().exists("/run/dir/new"));
    EXPECT_EQ(errno_of(disk(), "file", O_RDWR | O_TRUNC), 0);
    EXPECT_EQ(content("/run/file"), "");
}

Task<Result<>> append_twice(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_WRONLY | O_APPEND));
    SLUICE_CO_CHECK(co_await write_text(kernel, file, 0, "one"));
    SLUICE_CO_CHECK(co_await write_text(kernel, file, 0, "two"));
    co_return Result<>{};
}

TEST_F(SimDiskTest, AppendIgnoresTheOffset) {
    disk().put_file("/run/a", as_bytes("zero"));
    ASSERT_TRUE(run(append_twice));
    EXPECT_EQ(content("/run/a"), "zeroonetwo");
}

Task<Result<>> rename_path(Kernel& kernel, std::string from, std::string to, unsigned flags) {
    co_return co_await kernel.rename(-1, from, -1, to, flags);
}
Task<Result<>> unlink_path(Kernel& kernel, std::string path) {
    co_return co_await kernel.unlink(-1, path);
}
Task<Result<>> make_directory(Kernel& kernel, std::string path) {
    co_return co_await kernel.mkdir(-1, path, 0755);
}

TEST_F(SimDiskTest, RenameReplacesUnlessToldNotTo) {
    disk().put_file("/run/a", as_bytes("a"));
    disk().put_file("/run/b", as_bytes("b"));
    const unsigned no_replace = 1;
    auto refused = run(rename_path, std::string("/run/a"), std::string("/run/b"), no_replace);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sys_errno(), EEXIST);
    ASSERT_TRUE(run(rename_path, std::string("/run/a"), std::string("/run/b"), 0U));
    EXPECT_EQ(content("/run/b"), "a");
    EXPECT_FALSE(disk().exists("/run/a"));
    EXPECT_EQ(durable("/run/b"), "(no such file)");  // The rename is not durable: the name leads elsewhere.
}

TEST_F(SimDiskTest, UnlinkAndMkdirChangeTheListing) {
    disk().put_file("/tmp/a", as_bytes("a"));
    ASSERT_TRUE(run(make_directory, std::string("/tmp/d")));
    EXPECT_EQ(disk().names("/tmp"), (std::vector<std::string>{"a", "d"}));
    ASSERT_TRUE(run(unlink_path, std::string("/tmp/a")));
    EXPECT_EQ(disk().names("/tmp"), (std::vector<std::string>{"d"}));
    auto again = run(make_directory, std::string("/tmp/d"));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Errc::already_exists);
}

Task<Result<std::vector<DirEntry>>> list_path(Kernel& kernel, std::string path) {
    SLUICE_CO_TRY(Handle directory, co_await open_file(kernel, path, O_RDONLY | O_DIRECTORY));
    co_return co_await kernel.list(directory);
}

TEST_F(SimDiskTest, ListTellsNamesAndDirectories) {
    disk().put_file("/tmp/a", as_bytes("a"));
    disk().make_directories("/tmp/d");
    auto entries = run(list_path, std::string("/tmp"));
    ASSERT_TRUE(entries) << entries.error();
    std::map<std::string, bool> found;
    for (const DirEntry& entry : *entries) {
        found[entry.name] = entry.is_directory;
    }
    EXPECT_EQ(found, (std::map<std::string, bool>{{"a", false}, {"d", true}}));
}

Task<Result<std::pair<std::size_t, int>>> fill(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDWR | O_CREAT));
    const std::string big(4 * kSimPage, 'x');
    SLUICE_CO_TRY(const std::size_t first, co_await write_text(kernel, file, 0, big));
    const Result<std::size_t> second = co_await write_text(kernel, file, first, big);
    co_return std::pair(first, second ? 0 : second.error().sys_errno());
}

TEST_F(SimDiskTest, FullDiskCutsAWriteShortAndThenRefuses) {
    disk().set_capacity(disk().used_bytes() + 3 * kSimPage);
    auto result = run(fill);
    ASSERT_TRUE(result) << result.error();
    EXPECT_EQ(result->first, 3 * kSimPage);
    EXPECT_EQ(result->second, ENOSPC);
    const std::uint64_t full = disk().used_bytes();
    ASSERT_TRUE(run(unlink_path, std::string("/run/a")));
    EXPECT_EQ(disk().used_bytes(), full - 3 * kSimPage);
}

Task<Result<>> allocate_pages(Kernel& kernel, std::uint64_t pages) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDWR | O_CREAT));
    co_return co_await kernel.allocate(file, 0, pages * kSimPage);
}

TEST_F(SimDiskTest, AllocationIsChargedAndRefusedWhenTooLarge) {
    disk().set_capacity(disk().used_bytes() + 10 * kSimPage);
    auto refused = run(allocate_pages, std::uint64_t{11});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::no_space);
    ASSERT_TRUE(run(allocate_pages, std::uint64_t{10}));
    EXPECT_EQ(disk().content("/run/a")->size(), 10 * kSimPage);
    EXPECT_EQ(disk().used_bytes(), disk().options().capacity_bytes);
}

TEST_F(SimDiskTest, InodeLimitRefusesNewFiles) {
    disk().set_inodes_max(disk().used_inodes() + 1);
    ASSERT_TRUE(run(open_file, std::string("/run/a"), O_RDWR | O_CREAT));
    auto refused = run(open_file, std::string("/run/b"), O_RDWR | O_CREAT);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::no_space);
    ASSERT_TRUE(run(unlink_path, std::string("/run/a")));
    EXPECT_TRUE(run(open_file, std::string("/run/b"), O_RDWR | O_CREAT));
}

Task<Result<std::string>> read_after_unlink(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDONLY));
    SLUICE_CO_CHECK(co_await unlink_path(kernel, "/run/a"));
    std::string text(3, '?');
    const std::span into = std::as_writable_bytes(std::span(text));
    SLUICE_CO_CHECK(co_await kernel.read_at(file, 0, into));
    co_return text;
}

TEST_F(SimDiskTest, OpenFileOutlivesItsName) {
    disk().put_file("/run/a", as_bytes("abc"));
    const std::uint64_t inodes = disk().used_inodes();
    auto text = run(read_after_unlink);
    ASSERT_TRUE(text) << text.error();
    EXPECT_EQ(*text, "abc");
    EXPECT_EQ(disk().used_inodes(), inodes - 1);
}

Task<Result<>> cut_file(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDWR));
    co_return co_await kernel.truncate(file, 2);
}

TEST_F(SimDiskTest, TruncateCutsTheFile) {
    disk().put_file("/run/a", as_bytes("abc"));
    ASSERT_TRUE(run(cut_file));
    EXPECT_EQ(content("/run/a"), "ab");
    EXPECT_EQ(durable("/run/a"), "abc");
}

Task<Result<std::string>> read_blocking(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDONLY));
    const std::shared_ptr<const FileReader> reader = kernel.blocking_reader(std::move(file));
    SLUICE_CO_CHECK(co_await kernel.unlink(-1, "/run/a"));
    std::string text(2, '?');
    const Result<> beyond = reader->read(2, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(!beyond && beyond.error().code() == Errc::corrupt);
    EXPECT_EQ(beyond ? "" : beyond.error().text(), "the file ends at 3: there are no 2 bytes at 2");
    const Result<> far = reader->read(5, std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(far ? "" : far.error().text(), "the file ends at 3: there are no 2 bytes at 5");
    SLUICE_CO_CHECK(reader->read(1, std::as_writable_bytes(std::span(text))));
    co_return text;
}

TEST_F(SimDiskTest, BlockingReaderReadsAllOrFailsAndOutlivesTheName) {
    disk().put_file("/run/a", as_bytes("abc"));
    auto text = run(read_blocking);
    ASSERT_TRUE(text) << text.error();
    EXPECT_EQ(*text, "bc");
}

Task<Result<FileSystem>> ask_free(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDONLY));
    co_return co_await kernel.file_system(file);
}

TEST_F(SimDiskTest, FreeSpaceIsWhatTheCapacityLeaves) {
    disk().put_file("/run/a", as_bytes("abc"));
    auto found = run(ask_free);
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(found->free_bytes, disk().options().capacity_bytes - disk().used_bytes());
}

}  // namespace
}  // namespace sluice::io
