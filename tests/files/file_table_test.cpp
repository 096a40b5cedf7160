#include "files/file_table.h"

#include "environment.h"

namespace sluice::files::test {
namespace {

class FileTableTest : public OnBothKernels {
 protected:
    // The handle of a successful open.
    static std::uint32_t handle_of(const Result<OpenedFile>& opened) {
        EXPECT_TRUE(opened) << opened.error();
        return opened ? opened->handle : 0;
    }
    static Task<Result<>> change_mode(io::Kernel& kernel, std::string path, mode_t mode) {
        io::OpenOptions options;
        SLUICE_CO_TRY(const io::Handle file, co_await kernel.open(-1, path, options));
        SLUICE_CO_TRY(io::FileStat wanted, co_await kernel.stat(file));
        wanted.mode = mode;
        co_return co_await kernel.resemble(file, wanted);
    }
    void set_mode(std::string_view path, mode_t mode) {
        const Result<> done = environment->run(change_mode(environment->kernel(), environment->absolute(path), mode));
        ASSERT_TRUE(done) << done.error();
    }
};
SLUICE_ON_BOTH_KERNELS(FileTableTest);

TEST_P(FileTableTest, WritesReadsAndStats) {
    Service service(*environment);
    const auto opened = service.open("a", {.read = true, .write = true, .create = true}, 0600);
    const std::uint32_t handle = handle_of(opened);
    EXPECT_EQ(opened->size, 0U);
    EXPECT_EQ(service.write(handle, 3, "defg"), 4U);
    EXPECT_EQ(service.write(handle, 0, "abc", Durability::durable), 3U);
    EXPECT_EQ(service.read(handle, 0, 100), "abcdefg");
    EXPECT_EQ(service.read(handle, 2, 3), "cde");
    EXPECT_EQ(service.read(handle, 7, 3), "");
    EXPECT_EQ(service.read(handle, 100, 3), "");
    const auto stat = environment->run(service.table.stat(handle));
    ASSERT_TRUE(stat) << stat.error();
    EXPECT_EQ(stat->size, 7U);
    EXPECT_TRUE(S_ISREG(stat->mode));
    EXPECT_EQ(stat->mode & 0777, 0600U);
    EXPECT_TRUE(environment->run(service.table.sync(handle, io::SyncKind::all)));
    EXPECT_TRUE(environment->run(service.table.sync(handle, io::SyncKind::data)));
    EXPECT_TRUE(environment->run(service.table.close(handle)));
    EXPECT_EQ(environment->content("a"), "abcdefg");
}

TEST_P(FileTableTest, OpenTellsTheSizeAndTruncateEmptiesTheFile) {
    environment->write_file("a", "12345");
    Service service(*environment);
    EXPECT_EQ(service.open("a", {.read = true})->size, 5U);
    const auto truncated = service.open("a", {.write = true, .truncate = true});
    ASSERT_TRUE(truncated) << truncated.error();
    EXPECT_EQ(truncated->size, 0U);
    EXPECT_EQ(environment->content("a"), "");
}

TEST_P(FileTableTest, CreateExclusiveRefusesAnExistingFile) {
    environment->write_file("a", "x");
    Service service(*environment);
    EXPECT_EQ(code_of(service.open("a", {.write = true, .create = true, .exclusive = true})), Errc::already_exists);
    EXPECT_EQ(code_of(service.open("a", {.exclusive = true, .replace = true})), Errc::already_exists);
    EXPECT_EQ(code_of(service.open("b", {.write = true})), Errc::not_found);
    EXPECT_TRUE(service.open("b", {.write = true, .create = true, .exclusive = true}));
}

TEST_P(FileTableTest, RefusesFlagsThatMakeNoSense) {
    environment->write_file("a", "x");
    Service service(*environment);
    EXPECT_EQ(code_of(service.open("a", {})), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.open("a", {.read = true, .create = true})), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.open("a", {.write = true, .exclusive = true})), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.open("a", {.truncate = true, .append = true})), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.open("n", {.write = true, .create = true}, 04755)), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.open("n", {.replace = true}, 01000)), Errc::invalid_argument);
    EXPECT_EQ(service.table.size(), 0U);
    EXPECT_EQ(service.files.ledger().total(), 0U);
    EXPECT_EQ(environment->content("a"), "x");
}

TEST_P(FileTableTest, HandleServesOnlyWhatItWasOpenedFor) {
    environment->write_file("a", "x");
    Service service(*environment);
    const std::uint32_t reader = handle_of(service.open("a", {.read = true}));
    const std::uint32_t writer = handle_of(service.open("a", {.write = true}));
    const std::uint32_t appender = handle_of(service.open("a", {.append = true}));
    EXPECT_EQ(code_of(service.write(reader, 0, "y")), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.append(reader, "y")), Errc::invalid_argument);
    EXPECT_EQ(code_of(environment->run(service.table.sync(reader, io::SyncKind::all))), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.read(writer, 0, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.append(writer, "y")), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.read(appender, 0, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.write(appender, 0, "y")), Errc::invalid_argument);
    EXPECT_EQ(code_of(environment->run(service.table.commit(writer, Durability::none))), Errc::invalid_argument);
    EXPECT_EQ(environment->content("a"), "x");
}

TEST_P(FileTableTest, UnknownAndClosedHandlesAreNotFound) {
    environment->write_file("a", "x");
    Service service(*environment);
    const std::uint32_t handle = handle_of(service.open("a", {.read = true, .write = true}));
    ASSERT_TRUE(environment->run(service.table.close(handle)));
    for (const std::uint32_t none : {0U, handle, 99U}) {
        EXPECT_EQ(code_of(service.read(none, 0, 1)), Errc::not_found);
        EXPECT_EQ(code_of(service.write(none, 0, "y")), Errc::not_found);
        EXPECT_EQ(code_of(service.append(none, "y")), Errc::not_found);
        EXPECT_EQ(code_of(environment->run(service.table.sync(none, io::SyncKind::all))), Errc::not_found);
        EXPECT_EQ(code_of(environment->run(service.table.stat(none))), Errc::not_found);
        EXPECT_EQ(code_of(environment->run(service.table.commit(none, Durability::none))), Errc::not_found);
        EXPECT_EQ(code_of(environment->run(service.table.close(none))), Errc::not_found);
    }
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

TEST_P(FileTableTest, HandlesOfASessionDoNotServeAnother) {
    environment->write_file("a", "x");
    Service service(*environment);
    FileTable other(service.files, identity());
    const std::uint32_t handle = handle_of(service.open("a", {.read = true}));
    EXPECT_EQ(code_of(environment->run(other.stat(handle))), Errc::not_found);
}

TEST_P(FileTableTest, BoundsHandlesPerSessionUserAndInTotal) {
    environment->write_file("a", "x");
    Service service(*environment, HandleLimits{.session_max = 2, .user_max = 3, .total_max = 4});
    FileTable second(service.files, identity());
    FileTable stranger(service.files, identity(kUid + 1));
    const OpenFlags read{.read = true};
    const std::uint32_t first = handle_of(service.open("a", read));
    handle_of(service.open("a", read));
    EXPECT_EQ(code_of(service.open("a", read)), Errc::limit_exceeded);
    EXPECT_EQ(code_of(service.open("a", {.replace = true})), Errc::limit_exceeded);
    EXPECT_TRUE(environment->run(second.open("files", "a", read, 0)));
    EXPECT_EQ(code_of(environment->run(second.open("files", "a", read, 0))), Errc::limit_exceeded);
    EXPECT_EQ(code_of(service.put("b", "x")), Errc::limit_exceeded);
    EXPECT_EQ(code_of(service.get("a")), Errc::limit_exceeded);
    EXPECT_TRUE(environment->run(stranger.open("files", "a", read, 0)));
    EXPECT_EQ(code_of(environment->run(stranger.open("files", "a", read, 0))), Errc::limit_exceeded);
    EXPECT_TRUE(environment->run(service.table.close(first)));
    EXPECT_TRUE(service.open("a", read));
    EXPECT_EQ(environment->names(""), std::vector<std::string>{"a"});
    environment->finish(second.close_all());
    environment->finish(stranger.close_all());
    environment->finish(service.table.close_all());
    EXPECT_EQ(service.files.ledger().total(), 0U);
    EXPECT_EQ(service.files.inodes().size(), 0U);
}

TEST_P(FileTableTest, FailedOpenIsNotCharged) {
    Service service(*environment, HandleLimits{.session_max = 1});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(code_of(service.open("missing", {.read = true})), Errc::not_found);
    }
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

TEST_P(FileTableTest, BoundsLengthsAndOffsets) {
    environment->write_file("a", "x");
    Service service(*environment);
    const std::uint32_t handle = handle_of(service.open("a", {.read = true, .write = true}));
    EXPECT_EQ(code_of(service.read(handle, 0, kReadBytesMax + 1)), Errc::too_large);
    EXPECT_EQ(service.read(handle, 0, kReadBytesMax), "x");
    constexpr std::uint64_t kEnd = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(code_of(service.read(handle, kEnd, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.read(handle, ~0ULL, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.write(handle, kEnd, "y")), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.write(handle, ~0ULL, "y")), Errc::invalid_argument);
    EXPECT_EQ(code_of(service.get("a", {.offset = ~0ULL})), Errc::invalid_argument);
}

TEST_P(FileTableTest, AppendAddsAtTheEndAndTellsWhere) {
    environment->write_file("a", "old|");
    Service service(*environment);
    const std::uint32_t handle = handle_of(service.open("a", {.append = true}));
    const auto first = service.append(handle, "one|", Durability::durable);
    ASSERT_TRUE(first) << first.error();
    EXPECT_EQ(first->offset, 4U);
    EXPECT_EQ(first->length, 4U);
    EXPECT_EQ(service.append(handle, "two|")->offset, 8U);
    EXPECT_EQ(service.append(handle, "")->length, 0U);
    EXPECT_EQ(environment->content("a"), "old|one|two|");
}

// Pieces of 300 KiB from two sessions, all in flight at once: none is cut by another.
TEST_P(FileTableTest, AppendsOfTwoSessionsDoNotInterleave) {
    Service service(*environment);
    FileTable other(service.files, identity(kUid + 1));
    const OpenFlags flags{.create = true, .append = true};
    const std::uint32_t mine = handle_of(service.open("a", flags));
    const std::uint32_t theirs = handle_of(environment->run(other.open("files", "a", flags, 0)));

    constexpr std::size_t kPiece = 300 * 1024;
    std::vector<std::string> pieces;
    for (int i = 0; i < 8; ++i) {
        pieces.emplace_back(kPiece, static_cast<char>('a' + i));
    }
    coro::Scope scope(environment->kernel().loop(), nullptr);
    const auto append = [](FileTable* table, std::uint32_t handle, const std::string* piece) -> Task<Result<>> {
        Result<Appended> done = co_await table->append(handle, as_bytes(*piece), Durability::none);
        if (!done) {
            co_return std::unexpected(std::move(done).error());
        }
        co_return Result<>{};
    };
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        scope.spawn("append", append, i % 2 == 0 ? &service.table : &other, i % 2 == 0 ? mine : theirs, &pieces[i]);
    }
    ASSERT_TRUE(io::run_until(environment->kernel(), [&] { return scope.running() == 0; }));
    EXPECT_FALSE(scope.error()) << *scope.error();

    const std::string content = environment->content("a").value();
    ASSERT_EQ(content.size(), pieces.size() * kPiece);
    std::string order;
    for (std::size_t at = 0; at < content.size(); at += kPiece) {
        EXPECT_EQ(content.find_first_not_of(content[at], at),
                  at + kPiece == content.size() ? content.npos : at + kPiece);
        order += content[at];
    }
    std::ranges::sort(order);
    EXPECT_EQ(order, "abcdefgh");
    environment->finish(other.close_all());
}

TEST_P(FileTableTest, ReplaceIsInvisibleUntilCommit) {
    environment->write_file("d/a", "old");
    Service service(*environment);
    const std::uint32_t handle = handle_of(service.open("d/a", {.read = true, .replace = true}));
    ASSERT_TRUE(service.write(handle, 0, "new "));
    ASSERT_TRUE(service.append(handle, "content"));
    EXPECT_EQ(service.read(handle, 0, 100), "new content");
    EXPECT_EQ(environment->content("d/a"), "old");
    const auto committed = environment->run(service.table.commit(handle, Durability::durable));
    ASSERT_TRUE(committed) << committed.error();
    EXPECT_EQ(environment->content("d/a"), "new content");
    EXPECT_EQ(environment->names("d"), std::vector<std::string>{"a"});

    EXPECT_EQ(service.read(handle, 0, 3), "new");
    EXPECT_EQ(code_of(service.write(handle, 0, "x")), Errc::closed);
    EXPECT_EQ(code_of(service.append(handle, "x")), Errc::closed);
    EXPECT_EQ(code_of(environment->run(service.table.commit(handle, Durability::none))), Errc::closed);
    EXPECT_TRUE(environment->run(service.table.close(handle)));
    EXPECT_EQ(environment->content("d/a"), "new content");
}

TEST_P(FileTableTest, ReplaceKeepsTheModeUnlessOneIsGiven) {
    Service service(*environment);
    ASSERT_TRUE(service.put("a", "1", {.mode = 0600}));
    ASSERT_TRUE(service.put("a", "2"));
    EXPECT_EQ(environment->run(service.files.stat(identity(), "files", "a"))->mode & 0777, 0600U);
    ASSERT_TRUE(service.put("a", "3", {.mode = 0640}));
    EXPECT_EQ(environment->run(service.files.stat(identity(), "files", "a"))->mode & 0777, 0640U);
}

TEST_P(FileTableTest, WhatReplacesAFileHasJustItsMode) {
    Service service(*environment);
    for (const mode_t mode : {mode_t{0600}, mode_t{0666}, mode_t{0444}}) {  // Whatever the umask says.
        ASSERT_TRUE(service.put("a", "1"));
        set_mode("a", mode);
        ASSERT_TRUE(service.put("a", "2"));
        EXPECT_EQ(environment->run(service.files.stat(identity(), "files", "a"))->mode & 0777, mode);
        ASSERT_TRUE(service.put("a", "3", {.mode = 0640}));
    }
}

TEST_P(FileTableTest, AbandonedReplacementLeavesNothing) {
    environment->write_file("a", "old");
    Service service(*environment);
    const std::uint32_t closed = handle_of(service.open("a", {.replace = true}));
    handle_of(service.open("new", {.replace = true}));
    ASSERT_TRUE(service.write(closed, 0, "new"));
    EXPECT_EQ(environment->names("").size(), 3U);
    EXPECT_TRUE(environment->run(service.table.close(closed)));
    EXPECT_EQ(environment->names("").size(), 2U);
    environment->finish(service.table.close_all());  // The session ends.
    EXPECT_EQ(environment->names(""), std::vector<std::string>{"a"});
    EXPECT_EQ(environment->content("a"), "old");
}

TEST_P(FileTableTest, CommitWaitsForWritesInFlight) {
    Service service(*environment);
    const std::uint32_t handle = handle_of(service.open("a", {.replace = true}));
    const std::string bytes(700 * 1024, 'x');
    coro::Scope scope(environment->kernel().loop(), nullptr);
    const auto write = [](FileTable* table, std::uint32_t to, const std::string* text) -> Task<Result<>> {
        auto done = co_await table->write(to, 0, as_bytes(*text), Durability::none);
        EXPECT_TRUE(done) << done.error();
        co_return Result<>{};
    };
    const auto commit = [](FileTable* table, std::uint32_t to) -> Task<Result<>> {
        co_return co_await table->commit(to, Durability::none);
    };
    scope.spawn("write", write, &service.table, handle, &bytes);
    scope.spawn("commit", commit, &service.table, handle);
    EXPECT_EQ(code_of(service.write(handle, 0, "late")), Errc::closed);
    ASSERT_TRUE(io::run_until(environment->kernel(), [&] { return scope.running() == 0; }));
    EXPECT_FALSE(scope.error()) << *scope.error();
    EXPECT_EQ(environment->content("a"), bytes);
}

// A close that overtakes operations in flight lets them end; the file is closed and given back with the last.
TEST_P(FileTableTest, CloseLetsOperationsInFlightEnd) {
    environment->write_file("a", std::string(900 * 1024, 'x'));
    Service service(*environment);
    const std::uint32_t handle = handle_of(service.open("a", {.read = true}));
    std::string into(900 * 1024, '\0');
    coro::Scope scope(environment->kernel().loop(), nullptr);
    const auto read = [](FileTable* table, std::uint32_t from, std::string* to) -> Task<Result<>> {
        auto count = co_await table->read(from, 0, std::as_writable_bytes(std::span(*to)));
        EXPECT_TRUE(count) << count.error();
        co_return Result<>{};
    };
    scope.spawn("read", read, &service.table, handle, &into);
    EXPECT_TRUE(environment->run(service.table.close(handle)));
    ASSERT_TRUE(io::run_until(environment->kernel(), [&] { return scope.running() == 0; }));
    EXPECT_EQ(into, std::string(900 * 1024, 'x'));
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

}  // namespace
}  // namespace sluice::files::test
