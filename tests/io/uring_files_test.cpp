#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "io/uring_fixture.h"

namespace sluice::io {
namespace {

using UringFiles = UringTest;

constexpr OpenOptions kCreate{.flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0600};
constexpr OpenOptions kFolder{.flags = O_RDONLY | O_DIRECTORY};

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(const std::string& path, std::string_view text) {
    std::ofstream(path) << text;
}

Task<Result<std::string>> write_sync_read(Kernel& kernel, std::string path, WriteSync sync) {
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, kCreate));
    const ByteView text = as_bytes("hello, disk");
    SLUICE_CO_TRY(const std::size_t written, co_await kernel.write_at(file, 4, text, sync));
    EXPECT_EQ(written, text.size());
    SLUICE_CO_CHECK(co_await kernel.sync(file, SyncKind::data));
    SLUICE_CO_CHECK(co_await kernel.sync(file, SyncKind::all));
    std::string read(64, '?');
    const std::span<std::byte> into(reinterpret_cast<std::byte*>(read.data()), read.size());
    SLUICE_CO_TRY(const std::size_t got, co_await kernel.read_at(file, 4, into));
    read.resize(got);
    SLUICE_CO_CHECK(co_await kernel.close(std::move(file)));
    co_return read;
}

TEST_F(UringFiles, WrittenBytesAreReadBackAtTheirOffset) {
    for (WriteSync sync : {WriteSync::none, WriteSync::data}) {
        const std::string path = folder_.file(sync == WriteSync::none ? "plain" : "durable");
        auto read = run(write_sync_read, path, sync);
        ASSERT_TRUE(read) << read.error();
        EXPECT_EQ(*read, "hello, disk");
        EXPECT_EQ(text_of(path), std::string(4, '\0') + "hello, disk");
    }
}

Task<Result<std::size_t>> write_read_only(Kernel& kernel, std::string path) {
    OpenOptions options;
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, options));
    co_return co_await kernel.write_at(file, 0, as_bytes("x"), WriteSync::none);
}

TEST_F(UringFiles, WriteToReadOnlyHandleFailsWithErrno) {
    write_text(folder_.file("a"), "text");
    auto written = run(write_read_only, folder_.file("a"));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().sys_errno(), EBADF);
}

Task<Result<Handle>> open_file(Kernel& kernel, int directory, std::string path, OpenOptions options) {
    co_return co_await kernel.open(directory, path, options);
}

TEST_F(UringFiles, MissingFileIsNotFoundAndNamed) {
    auto opened = run(open_file, -1, folder_.file("absent"), OpenOptions());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::not_found);
    EXPECT_NE(opened.error().text().find(folder_.file("absent")), std::string::npos) << opened.error();
}

TEST_F(UringFiles, OpenedFileIsClosedOnExec) {
    write_text(folder_.file("a"), "");
    auto opened = run(open_file, -1, folder_.file("a"), OpenOptions());
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(fcntl(opened->fd(), F_GETFD), FD_CLOEXEC);
}

TEST_F(UringFiles, ResolveBeneathRefusesToLeaveTheFolder) {
    std::filesystem::create_directory(folder_.file("root"));
    write_text(folder_.file("secret"), "s");
    write_text(folder_.file("root/public"), "p");
    auto root = run(open_file, -1, folder_.file("root"), kFolder);
    ASSERT_TRUE(root) << root.error();
    const OpenOptions beneath{.resolve = RESOLVE_BENEATH};
    auto escaped = run(open_file, root->fd(), std::string("../secret"), beneath);
    ASSERT_FALSE(escaped);
    EXPECT_EQ(escaped.error().code(), Errc::permission_denied) << escaped.error();
    EXPECT_TRUE(run(open_file, root->fd(), std::string("public"), beneath));
}

TEST_F(UringFiles, ModeOfCreatedFileIsTheOneAsked) {
    const mode_t before = umask(0);
    auto created = run(open_file, -1, folder_.file("a"), kCreate);
    umask(before);
    ASSERT_TRUE(created) << created.error();
    struct stat found{};
    ASSERT_EQ(fstat(created->fd(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0600U);
}

Task<Result<FileStat>> stat_handle(Kernel& kernel, std::string path) {
    OpenOptions options;
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, options));
    co_return co_await kernel.stat(file);
}
Task<Result<FileStat>> stat_at_path(Kernel& kernel, int directory, std::string path) {
    co_return co_await kernel.stat_at(directory, path);
}

TEST_F(UringFiles, StatTellsSizeModeAndOwner) {
    write_text(folder_.file("a"), "12345");
    struct stat expected{};
    ASSERT_EQ(::stat(folder_.file("a").c_str(), &expected), 0);
    auto found = run(stat_handle, folder_.file("a"));
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(found->size, 5U);
    EXPECT_EQ(found->mode, expected.st_mode);
    EXPECT_EQ(found->uid, expected.st_uid);
    EXPECT_EQ(found->modified, expected.st_mtim.tv_sec * 1'000'000'000 + expected.st_mtim.tv_nsec);
    const std::uint32_t alignment = found->direct_io_alignment;
    EXPECT_EQ(alignment & (alignment - 1), 0U) << "not a power of two: " << alignment;
}

TEST_F(UringFiles, StatAtDoesNotFollowAFinalLink) {
    write_text(folder_.file("target"), "12345");
    ASSERT_EQ(symlink("target", folder_.file("link").c_str()), 0);
    auto root = run(open_file, -1, folder_.path(), kFolder);
    ASSERT_TRUE(root) << root.error();
    auto link = run(stat_at_path, root->fd(), std::string("link"));
    ASSERT_TRUE(link) << link.error();
    EXPECT_TRUE(S_ISLNK(link->mode));
    auto target = run(stat_at_path, -1, folder_.file("target"));
    ASSERT_TRUE(target) << target.error();
    EXPECT_EQ(target->size, 5U);
}

Task<Result<>> rename_file(Kernel& kernel, std::string from, std::string to, unsigned flags) {
    co_return co_await kernel.rename(-1, from, -1, to, flags);
}

TEST_F(UringFiles, RenameReplacesUnlessToldNotTo) {
    write_text(folder_.file("a"), "new");
    write_text(folder_.file("b"), "old");
    auto refused = run(rename_file, folder_.file("a"), folder_.file("b"), RENAME_NOREPLACE);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::already_exists);
    EXPECT_EQ(text_of(folder_.file("b")), "old");
    ASSERT_TRUE(run(rename_file, folder_.file("a"), folder_.file("b"), 0U));
    EXPECT_EQ(text_of(folder_.file("b")), "new");
    EXPECT_FALSE(std::filesystem::exists(folder_.file("a")));
}

Task<Result<>> make_and_unlink(Kernel& kernel, std::string folder) {
    SLUICE_CO_CHECK(co_await kernel.mkdir(-1, folder, 0700));
    SLUICE_CO_TRY(Handle directory, co_await kernel.open(-1, folder, kFolder));
    SLUICE_CO_TRY(Handle file, co_await kernel.open(directory.fd(), "inside", kCreate));
    SLUICE_CO_CHECK(co_await kernel.close(std::move(file)));
    EXPECT_TRUE(std::filesystem::exists(folder + "/inside"));
    SLUICE_CO_CHECK(co_await kernel.unlink(directory.fd(), "inside"));
    EXPECT_FALSE(std::filesystem::exists(folder + "/inside"));
    co_return co_await kernel.mkdir(-1, folder, 0700);
}

TEST_F(UringFiles, MkdirAndUnlinkChangeTheFolder) {
    auto again = run(make_and_unlink, folder_.file("made"));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Errc::already_exists) << again.error();
    EXPECT_EQ(std::filesystem::status(folder_.file("made")).permissions(), std::filesystem::perms::owner_all);
}

Task<Result<>> allocate_then_truncate(Kernel& kernel, std::string path) {
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, kCreate));
    SLUICE_CO_CHECK(co_await kernel.allocate(file, 0, 100'000));
    EXPECT_EQ(std::filesystem::file_size(path), 100'000U);
    SLUICE_CO_CHECK(co_await kernel.truncate(file, 10));
    EXPECT_EQ(std::filesystem::file_size(path), 10U);
    SLUICE_CO_CHECK(co_await kernel.truncate(file, 5'000'000'000));
    EXPECT_EQ(std::filesystem::file_size(path), 5'000'000'000U);
    co_return Result<>{};
}

TEST_F(UringFiles, AllocateAndTruncateSetTheSize) {
    auto done = run(allocate_then_truncate, folder_.file("a"));
    EXPECT_TRUE(done) << done.error();
}

Task<Result<std::vector<DirEntry>>> list_folder(Kernel& kernel, std::string path) {
    OpenOptions options;
    SLUICE_CO_TRY(Handle directory, co_await kernel.open(-1, path, options));
    SLUICE_CO_TRY(auto first, co_await kernel.list(directory));
    SLUICE_CO_TRY(auto second, co_await kernel.list(directory));
    EXPECT_EQ(first.size(), second.size()) << "the position of the handle moved";
    co_return std::move(second);
}

TEST_F(UringFiles, ListNamesEveryEntryOnce) {
    for (int i = 0; i < 700; ++i) {
        write_text(folder_.file("file-" + std::to_string(i)), "");
    }
    std::filesystem::create_directory(folder_.file("folder"));
    auto entries = run(list_folder, folder_.path());
    ASSERT_TRUE(entries) << entries.error();
    ASSERT_EQ(entries->size(), 701U);
    const auto folders =
        std::count_if(entries->begin(), entries->end(), [](const DirEntry& e) { return e.is_directory; });
    EXPECT_EQ(folders, 1);
    std::sort(entries->begin(), entries->end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    const auto twice = std::adjacent_find(entries->begin(), entries->end(),
                                          [](const DirEntry& a, const DirEntry& b) { return a.name == b.name; });
    EXPECT_EQ(twice, entries->end());
}

TEST_F(UringFiles, ListOfAFileIsRefused) {
    write_text(folder_.file("a"), "");
    auto entries = run(list_folder, folder_.file("a"));
    ASSERT_FALSE(entries);
    EXPECT_EQ(entries.error().code(), Errc::wrong_type) << entries.error();
}

TEST_F(UringFiles, DroppedHandleClosesItsFile) {
    write_text(folder_.file("a"), "");
    int fd = -1;
    {
        auto opened = run(open_file, -1, folder_.file("a"), OpenOptions());
        ASSERT_TRUE(opened) << opened.error();
        fd = opened->fd();
        EXPECT_NE(fcntl(fd, F_GETFD), -1);
    }
    EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

Task<Result<std::string>> read_on_a_thread(Kernel& kernel, std::string path) {
    const OpenOptions options;
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, options));
    const std::shared_ptr<const FileReader> reader = kernel.blocking_reader(std::move(file));
    std::string text(2, '?');
    Result<> beyond = reader->read(2, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(!beyond && beyond.error().code() == Errc::corrupt);
    EXPECT_EQ(beyond ? "" : beyond.error().text(), "the file ends at 3: there are no 2 bytes at 2");
    beyond = reader->read(5, std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(beyond ? "" : beyond.error().text(), "the file ends at 3: there are no 2 bytes at 5");
    std::thread other([&] { beyond = reader->read(1, std::as_writable_bytes(std::span(text))); });
    other.join();
    SLUICE_CO_CHECK(std::move(beyond));
    co_return text;
}

TEST_F(UringFiles, BlockingReaderReadsAllOrFailsOnAnyThread) {
    write_text(folder_.file("a"), "abc");
    auto text = run(read_on_a_thread, folder_.file("a"));
    ASSERT_TRUE(text) << text.error();
    EXPECT_EQ(*text, "bc");
}

Task<Result<>> read_a_folder(Kernel& kernel, std::string path) {
    SLUICE_CO_TRY(Handle folder, co_await kernel.open(-1, path, kFolder));
    std::array<std::byte, 4> into{};
    co_return kernel.blocking_reader(std::move(folder))->read(0, into);
}

TEST_F(UringFiles, BlockingReaderSaysWhyItCannotRead) {
    const Result<> read = run(read_a_folder, folder_.path());
    ASSERT_FALSE(read);
    EXPECT_EQ(fmt::format("{}", read.error()), "wrong_type: read: Is a directory");
}

Task<Result<FileSystem>> file_system_of(Kernel& kernel, std::string path) {
    SLUICE_CO_TRY(Handle folder, co_await kernel.open(-1, path, kFolder));
    co_return co_await kernel.file_system(folder);
}

TEST_F(UringFiles, FreeSpaceAndTypeOfTheFileSystemAreTold) {
    auto found = run(file_system_of, folder_.path());
    ASSERT_TRUE(found) << found.error();
    EXPECT_GT(found->free_bytes, 0U);
    const auto proc = run(file_system_of, std::string("/proc"));
    ASSERT_TRUE(proc) << proc.error();
    EXPECT_EQ(proc->type, 0x9FA0U);  // PROC_SUPER_MAGIC
    EXPECT_EQ(proc->free_bytes, 0U);
    EXPECT_FALSE(proc->waits_in_submission());
}

Task<Result<std::size_t>> write_by_worker(Kernel& kernel, std::string path) {
    const OpenOptions create{.flags = O_RDWR | O_CREAT};
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, create));
    co_return co_await kernel.write_at(file, 3, as_bytes("abc"), WriteSync::data, WriteBy::worker);
}

TEST_F(UringFiles, AWorkerWritesTheSame) {
    const auto written = run(write_by_worker, folder_.path() + "/worker");
    ASSERT_TRUE(written) << written.error();
    EXPECT_EQ(*written, 3U);
    std::ifstream file(folder_.path() + "/worker", std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(content, std::string("\0\0\0abc", 6));
}

// A submission that waits for a disk holds the loop; what a worker does, does not.
TEST_F(UringFiles, TimeWithinASubmissionIsSeen) {
    int seen = 0;
    UringOptions options;
    options.loop.stall_threshold = Duration::zero();
    options.loop.on_stall = [&seen](const coro::Loop::Stall& stall) {
        seen += std::string_view(stall.name) == "submission" ? 1 : 0;
    };
    start(std::move(options));
    ASSERT_TRUE(run(file_system_of, folder_.path()));  // The open, once.
    EXPECT_EQ(seen, 1);
    const std::string path = folder_.file("worker");
    ASSERT_TRUE(run(write_by_worker, path));
    EXPECT_EQ(seen, 2);  // Again only the open.
}

}  // namespace
}  // namespace sluice::io
