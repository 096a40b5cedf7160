// The edges: the last byte and number that is taken, the first one that is not, and each part of what is told.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <limits>

#include "environment_sim.h"
#include "files/regular_file.h"

namespace sluice::files::test {
namespace {

using io::OpCode;

constexpr std::uint64_t kFileEnd = std::numeric_limits<std::int64_t>::max();

template <class T>
std::string told_at_edge(const Result<T>& result) {
    return result ? "taken" : fmt::format("{}", result.error());
}

TEST(CheckRange, EndsWhereFilesEnd) {
    EXPECT_TRUE(check_range(0, 0));
    EXPECT_TRUE(check_range(0, kFileEnd));
    EXPECT_TRUE(check_range(kFileEnd, 0));
    EXPECT_TRUE(check_range(kFileEnd - 1, 1));
    EXPECT_EQ(told_at_edge(check_range(kFileEnd - 1, 2)),
              "invalid_argument: offset 9223372036854775806 with 2 bytes is beyond the end of any file");
    EXPECT_FALSE(check_range(kFileEnd + 1, 0));
    EXPECT_FALSE(check_range(0, kFileEnd + 1));
    EXPECT_FALSE(check_range(1, kFileEnd));
    EXPECT_FALSE(check_range(~0ULL, ~0ULL));
}

TEST(CheckMode, TakesPermissionBitsOnly) {
    EXPECT_TRUE(check_mode(0));
    EXPECT_TRUE(check_mode(0777));
    EXPECT_EQ(told_at_edge(check_mode(01000)), "invalid_argument: mode 1000 has more than permission bits (0777)");
    EXPECT_FALSE(check_mode(02000));
    EXPECT_FALSE(check_mode(04000));
    EXPECT_FALSE(check_mode(0100644));
}

TEST(HandleNumber, IsTheNextOneThatIsFreeAndNeverZero) {
    const std::map<std::uint32_t, int> open{{1, 0}, {2, 0}, {5, 0}, {UINT32_MAX, 0}};
    EXPECT_EQ(next_handle(0, std::map<std::uint32_t, int>{}), 1U);
    EXPECT_EQ(next_handle(0, open), 3U);
    EXPECT_EQ(next_handle(3, open), 4U);
    EXPECT_EQ(next_handle(4, open), 6U);
    EXPECT_EQ(next_handle(UINT32_MAX - 1, open), 3U) << "the largest is taken, and 0 is no handle";
    EXPECT_EQ(next_handle(UINT32_MAX, std::map<std::uint32_t, int>{}), 1U);
}

// ---- paths ----

TEST(PathEdges, RefusalsSayWhatIsWrong) {
    const auto refused = [](std::string_view text) { return told_at_edge(RelativePath::parse(text)); };
    EXPECT_EQ(refused(""), "invalid_argument: the path is empty");
    EXPECT_EQ(refused(std::string_view("a\0b", 3)), "invalid_argument: the path 'a\\x00b' contains a NUL byte");
    EXPECT_EQ(refused("/a"), "permission_denied: the path '/a' is absolute; paths are relative to the root");
    EXPECT_EQ(refused("a/../b"), "permission_denied: path 'a/../b': '..' is not allowed in a path");
    EXPECT_EQ(refused("d/" + temporary_name(1, 2)),
              "permission_denied: path 'd/.sluice-0000000000000001-2.tmp': the name is reserved for temporary files");
    EXPECT_EQ(refused("a/"), "wrong_type: the path 'a/' names a directory");
    EXPECT_EQ(refused("a/."), "wrong_type: the path 'a/.' names a directory");
    EXPECT_EQ(refused("."), "wrong_type: the path '.' names a directory");
    EXPECT_EQ(refused("./"), "wrong_type: the path './' names a directory");
    EXPECT_EQ(refused("d/" + std::string(256, 'n')).substr(0, 20), "too_large: path 'd/n");
    EXPECT_EQ(refused(std::string(255, 'n') + "/b"), "taken");
}

TEST(PathEdges, PartsOfAPathAreItsOwn) {
    for (const auto& [text, clean, parent, leaf] :
         {std::tuple{"a", "a", "", "a"}, std::tuple{"./a", "a", "", "a"}, std::tuple{"a/b", "a/b", "a", "b"},
          std::tuple{".//a/.//bc/d", "a/bc/d", "a/bc", "d"}}) {
        const auto path = RelativePath::parse(text);
        ASSERT_TRUE(path) << path.error();
        EXPECT_EQ(path->text(), clean);
        EXPECT_EQ(path->parent(), parent);
        EXPECT_EQ(path->leaf(), leaf);
    }
}

TEST(PathEdges, NamesOfTemporariesNeedBothEnds) {
    EXPECT_TRUE(is_temporary_name(".sluice-.tmp"));
    EXPECT_FALSE(is_temporary_name(".sluice-x.tm"));
    EXPECT_FALSE(is_temporary_name("sluice-x.tmp"));
    EXPECT_FALSE(is_temporary_name_of(".sluice-0000000000000001-2.tm", 1));
    EXPECT_FALSE(is_temporary_name_of(".sluice-0000000000000001.tmp", 1));
    EXPECT_EQ(temporary_name(~0ULL, 255), ".sluice-ffffffffffffffff-ff.tmp");
}

TEST(PathEdges, EscapesBeginWherePrintableEnds) {
    EXPECT_EQ(escaped("\x1f \x7e\x7f"), "'\\x1f ~\\x7f'");
    EXPECT_EQ(escaped("&'(["), "'&\\x27(['");
    EXPECT_EQ(escaped(""), "''");
    EXPECT_EQ(escaped(std::string(256, 'x')), "'" + std::string(256, 'x') + "'");
    EXPECT_EQ(escaped(std::string(256, 'x') + "y"), "'" + std::string(256, 'x') + "'...");
    EXPECT_EQ(shown("r", "a\n"), "r:'a\\x0a'");
}

TEST(PathEdges, ErrorsOfTheKernelAreExplained) {
    const Error own(Errc::closed, "the reader went away");
    EXPECT_EQ(fmt::format("{}", explain(own, "read", "x")), "closed: read x: the reader went away");
    EXPECT_EQ(explain(own, "read", "x").sys_errno(), 0);
    const auto open_error = [](int number) {
        const Error error = explain_open(Error::from_errno(number, "raw"), "x");
        EXPECT_EQ(error.sys_errno(), number);
        return fmt::format("{}", error);
    };
    EXPECT_EQ(open_error(EXDEV), "permission_denied: open x: leads out of its root or to another mount");
    EXPECT_EQ(open_error(ELOOP), "permission_denied: open x: a symbolic link is in the way");
    EXPECT_EQ(open_error(ENXIO), "wrong_type: open x: not a regular file");
    EXPECT_EQ(open_error(ENODEV), "wrong_type: open x: not a regular file");
    EXPECT_EQ(open_error(EACCES), "permission_denied: open x: Permission denied");
}

// ---- roots and rules ----

TEST(RootEdges, NamesAreOfTheirAlphabet) {
    SimEnvironment environment(1);
    Roots roots(environment.kernel());
    const auto load = [&](std::string name) {
        std::vector<RootOptions> all;
        all.push_back(open_root(environment, std::move(name)));
        return environment.run(roots.load(std::move(all)));
    };
    for (const char good : std::string_view("azAZ09._-mM5")) {
        EXPECT_TRUE(load(std::string(1, good))) << good;
    }
    for (const char bad : std::string_view("`{@[/:, +\x7f")) {
        EXPECT_EQ(code_of(load(std::string(1, bad))), Errc::invalid_argument) << bad;
        EXPECT_EQ(code_of(load(std::string("a") + bad)), Errc::invalid_argument) << bad;
    }
    EXPECT_TRUE(load(std::string(64, 'n')));
    EXPECT_FALSE(load(std::string(65, 'n')));
    EXPECT_FALSE(load(""));
}

TEST(RootEdges, WhatIsOpenedBeneathFollowsTheOptions) {
    const auto resolve = [](bool follow, bool cross) {
        return Root({.name = "r", .path = "/", .rules = {}, .follow_symlinks = follow, .cross_devices = cross}, {})
            .resolve();
    };
    constexpr std::uint64_t kAlways = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    EXPECT_EQ(resolve(false, false), kAlways | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    EXPECT_EQ(resolve(true, false), kAlways | RESOLVE_NO_XDEV);
    EXPECT_EQ(resolve(false, true), kAlways | RESOLVE_NO_SYMLINKS);
    EXPECT_EQ(resolve(true, true), kAlways);
}

TEST(RootEdges, LimitOfAFileIsItsLastByte) {
    const auto check = [](std::uint64_t limit, std::uint64_t end) {
        return told_at_edge(
            Root({.name = "r", .path = "/", .rules = {}, .file_bytes_max = limit}, {}).check_end(end, "r:'a'"));
    };
    EXPECT_EQ(check(10, 10), "taken");
    EXPECT_EQ(check(10, 11), "no_space: write r:'a': it would have 11 bytes; root 'r' allows 10 (file_bytes_max)");
    EXPECT_EQ(check(0, kFileEnd), "taken");
}

TEST(RootEdges, AllAreToldByName) {
    SimEnvironment environment(1);
    Roots roots(environment.kernel());
    std::vector<RootOptions> options;
    options.push_back(open_root(environment, "b"));
    options.push_back(open_root(environment, "a"));
    ASSERT_TRUE(environment.run(roots.load(std::move(options))));
    const std::vector<RootPointer> all = roots.all();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]->name(), "a");
    EXPECT_EQ(all[1]->name(), "b");
    EXPECT_EQ(all[1]->options().path, environment.absolute(""));
}

TEST(RuleEdges, EachRightHasItsName) {
    for (const auto& [right, name] :
         {std::pair{Right::read, "read"}, std::pair{Right::write, "write"}, std::pair{Right::append, "append"},
          std::pair{Right::create, "create"}, std::pair{Right::list, "list"}}) {
        EXPECT_EQ(right_name(right), name);
        EXPECT_EQ(right_of_name(name), right);
    }
    EXPECT_EQ(right_name(Right{32}), "unknown");
    EXPECT_EQ(right_of_name("unknown"), std::nullopt);
    EXPECT_EQ(right_of_name(""), std::nullopt);
}

TEST(RuleEdges, GroupsAreThePrimaryOneAndTheOthers) {
    const Identity who{.uid = 1, .gid = 2, .groups = {3, 4}};
    for (const std::uint32_t group : {2U, 3U, 4U}) {
        EXPECT_TRUE(who.in_group(group)) << group;
    }
    EXPECT_FALSE(who.in_group(1));
    EXPECT_FALSE(who.in_group(5));
    const auto matches = [&](Rule::Who kind, std::uint32_t id) {
        return Rule{.who = kind, .id = id, .rights = {}}.matches(who);
    };
    EXPECT_TRUE(matches(Rule::Who::anyone, 99));
    EXPECT_TRUE(matches(Rule::Who::user, 1));
    EXPECT_FALSE(matches(Rule::Who::user, 2));
    EXPECT_TRUE(matches(Rule::Who::group, 2));
    EXPECT_TRUE(matches(Rule::Who::group, 4));
    EXPECT_FALSE(matches(Rule::Who::group, 1));
    EXPECT_FALSE(matches(Rule::Who{3}, 1));
}

// ---- whole files ----

class FileEdges : public testing::Test {
 protected:
    io::SimFaults& faults() { return environment.world().faults(); }
    mode_t mode_of(Service& service, std::string_view path) {
        const auto stat = environment.run(service.files.stat(identity(), "files", path));
        EXPECT_TRUE(stat) << stat.error();
        return stat ? stat->mode & 07777U : 0;
    }
    SimEnvironment environment{1};
};

TEST_F(FileEdges, ModeOfANewFileIsTheOneAskedForOrTheDefault) {
    Service service(environment);
    ASSERT_TRUE(service.open("default", {.write = true, .create = true}));
    ASSERT_TRUE(service.open("asked", {.create = true, .append = true}, 0600));
    ASSERT_TRUE(service.put("put", "x"));
    ASSERT_TRUE(service.put("put asked", "x", {.mode = 0604}));
    EXPECT_EQ(mode_of(service, "default"), 0640U);
    EXPECT_EQ(mode_of(service, "asked"), 0600U);
    EXPECT_EQ(mode_of(service, "put"), 0640U);
    EXPECT_EQ(mode_of(service, "put asked"), 0604U);
    ASSERT_TRUE(service.put("put asked", "y"));
    EXPECT_EQ(mode_of(service, "put asked"), 0604U) << "that of the target";
    const auto replacing = service.open("asked", {.replace = true}, 0444);
    ASSERT_TRUE(replacing) << replacing.error();
    ASSERT_TRUE(environment.run(service.table.commit(replacing->handle, Durability::none)));
    EXPECT_EQ(mode_of(service, "asked"), 0444U);
}

TEST_F(FileEdges, EachFlagMayStandWithWhatItNeeds) {
    environment.write_file("a", "12345");
    Service service(environment);
    for (const OpenFlags flags :
         {OpenFlags{.read = true}, OpenFlags{.append = true}, OpenFlags{.replace = true},
          OpenFlags{.write = true, .create = true}, OpenFlags{.create = true, .append = true},
          OpenFlags{.create = true, .replace = true}, OpenFlags{.truncate = true, .replace = true}}) {
        const auto opened = service.open("a", flags);
        ASSERT_TRUE(opened) << opened.error();
        EXPECT_EQ(opened->size, flags.replace ? 0U : 5U);
        ASSERT_TRUE(environment.run(service.table.close(opened->handle)));
        EXPECT_EQ(environment.content("a"), "12345");
    }
    EXPECT_TRUE(service.open("b", {.exclusive = true, .replace = true}));
    EXPECT_EQ(told_at_edge(service.open("a", {.exclusive = true, .replace = true})),
              "already_exists: replace files:'a': it exists");
    environment.make_directory("d");
    EXPECT_EQ(told_at_edge(service.open("d", {.replace = true})), "wrong_type: replace files:'d': not a regular file");
    EXPECT_EQ(told_at_edge(service.open("d", {.read = true})), "wrong_type: open files:'d': not a regular file");
}

// Exclusive is said at the open, and holds at the commit too.
TEST_F(FileEdges, ExclusiveReplacementDoesNotReplaceWhatAppeared) {
    Service service(environment);
    const auto opened = service.open("a", {.exclusive = true, .replace = true});
    ASSERT_TRUE(opened) << opened.error();
    environment.write_file("a", "theirs");
    EXPECT_EQ(told_at_edge(environment.run(service.table.commit(opened->handle, Durability::none))),
              "already_exists: rename into place files:'a': File exists");
    const auto other = service.open("b", {.replace = true});
    ASSERT_TRUE(other) << other.error();
    environment.write_file("b", "theirs");
    EXPECT_TRUE(environment.run(service.table.commit(other->handle, Durability::none)));
    EXPECT_EQ(environment.content("a"), "theirs");
    EXPECT_EQ(environment.content("b"), "");
}

TEST_F(FileEdges, PiecesOfAGetAreFullAndNeverEmpty) {
    Service service(environment);
    const auto pieces = [&](std::size_t size, GetRange range) {
        environment.write_file("a", std::string(size, 'x'));
        Collector collector;
        const auto got = environment.run(service.files.get(identity(), "files", "a", range, collector));
        EXPECT_TRUE(got) << got.error();
        std::vector<std::size_t> sizes;
        for (const std::string& piece : collector.pieces) {
            sizes.push_back(piece.size());
        }
        return sizes;
    };
    using Sizes = std::vector<std::size_t>;
    EXPECT_EQ(pieces(0, {}), Sizes{});
    EXPECT_EQ(pieces(kGetPieceBytes, {}), Sizes{kGetPieceBytes});
    EXPECT_EQ(pieces(kGetPieceBytes + 1, {}), (Sizes{kGetPieceBytes, 1}));
    EXPECT_EQ(pieces(2 * kGetPieceBytes, {.length = kGetPieceBytes}), Sizes{kGetPieceBytes});
    EXPECT_EQ(pieces(2 * kGetPieceBytes, {.length = kGetPieceBytes + 1}), (Sizes{kGetPieceBytes, 1}));
    EXPECT_EQ(pieces(10, {.offset = 9, .length = 1}), Sizes{1});
    EXPECT_EQ(pieces(10, {.offset = 10, .length = 1}), Sizes{});
    EXPECT_EQ(pieces(10, {.offset = kFileEnd - 1, .length = 1}), Sizes{});
}

TEST_F(FileEdges, RootsAreAskedBeforePaths) {
    Service service(environment);
    Collector collector;
    EXPECT_EQ(told_at_edge(environment.run(service.files.get(identity(), "none", "/a", {}, collector))),
              "not_found: there is no root 'none'");
    EXPECT_EQ(told_at_edge(environment.run(service.files.put(identity(), "none", "/a", {}, {}))),
              "not_found: there is no root 'none'");
    EXPECT_EQ(told_at_edge(environment.run(service.files.stat(identity(), "none", "/a"))),
              "not_found: there is no root 'none'");
    EXPECT_EQ(told_at_edge(environment.run(service.table.open("none", "/a", {.read = true}, 0))),
              "not_found: there is no root 'none'");
    EXPECT_EQ(code_of(environment.run(service.files.stat(identity(), "files", "/a"))), Errc::permission_denied);
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

TEST_F(FileEdges, EachOperationIsChargedWhileItRuns) {
    environment.write_file("a", "x");
    Service service(environment, HandleLimits{.total_max = 0});
    EXPECT_EQ(code_of(service.get("a")), Errc::limit_exceeded);
    EXPECT_EQ(code_of(service.put("a", "y")), Errc::limit_exceeded);
    EXPECT_EQ(code_of(environment.run(service.files.stat(identity(), "files", "a"))), Errc::limit_exceeded);
    EXPECT_EQ(code_of(service.open("a", {.read = true})), Errc::limit_exceeded);
    EXPECT_EQ(environment.content("a"), "x");
    service.files.ledger().set_limits({.total_max = 1});
    EXPECT_EQ(service.get("a"), "x");
    EXPECT_TRUE(service.put("a", "y"));
    EXPECT_TRUE(environment.run(service.files.stat(identity(), "files", "a")));
    EXPECT_TRUE(service.open("a", {.read = true}));
}

// How the kernel has opened this file for us: O_RDONLY, O_WRONLY or O_RDWR; -1: it has not.
int access_of(const std::string& path) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        if (std::filesystem::read_symlink(entry.path(), ignored) == path) {
            return ::fcntl(std::stoi(entry.path().filename()), F_GETFL) & O_ACCMODE;
        }
    }
    return -1;
}

// A daemon that is not root could not open a file for more than its mode allows.
TEST(HostEdges, FilesAreOpenedForNothingBeyondWhatIsAsked) {
    const auto real = make_real();
    if (!real) {
        GTEST_SKIP() << real.error();
    }
    Environment& environment = **real;
    environment.write_file("a", "x");
    Service service(environment);
    const std::string path = std::filesystem::canonical(environment.absolute("a"));
    for (const auto& [flags, access] :
         {std::pair{OpenFlags{.read = true}, O_RDONLY}, std::pair{OpenFlags{.write = true}, O_WRONLY},
          std::pair{OpenFlags{.append = true}, O_WRONLY}, std::pair{OpenFlags{.read = true, .write = true}, O_RDWR},
          std::pair{OpenFlags{.read = true, .append = true}, O_RDWR}}) {
        const auto opened = service.open("a", flags);
        ASSERT_TRUE(opened) << opened.error();
        EXPECT_EQ(access_of(path), access) << flags.read << flags.write << flags.append;
        ASSERT_TRUE(environment.run(service.table.close(opened->handle)));
        EXPECT_EQ(access_of(path), -1);
    }
}

// ---- the sweep ----

TEST_F(FileEdges, SweepEndsAtItsLimitAndWhereItIsCancelled) {
    environment.make_directory("a/b");
    environment.write_file("a/b/" + temporary_name(1, 1), "left");
    Service service(environment);
    const RootPointer root = *service.roots.find("files");
    const auto swept = [&](std::size_t directories_max) {
        const auto result = environment.run(
            sweep(environment.kernel(), root, {.instance = kInstance, .directories_max = directories_max}));
        EXPECT_TRUE(result) << result.error();
        return result.value_or(SweepResult{});
    };
    EXPECT_FALSE(swept(2).complete);
    EXPECT_EQ(swept(2).removed, 0U);
    const SweepResult whole = swept(3);
    EXPECT_TRUE(whole.complete) << "the limit itself is allowed";
    EXPECT_EQ(whole.directories, 3U);
    EXPECT_EQ(whole.removed, 1U);

    const auto body = [](io::Kernel* kernel, RootPointer in) -> Task<Result<SweepResult>> {
        SweepOptions options;
        options.instance = kInstance;
        co_return co_await sweep(*kernel, std::move(in), options);
    };
    io::FaultRule slow = io::fail_nth(OpCode::open, "*/b", 1, 0);
    slow.fault.delay = std::chrono::seconds(1);
    faults().add(slow);
    coro::Job<Result<SweepResult>> job(environment.kernel().loop(), "sweep", body, &environment.kernel(), root);
    ASSERT_TRUE(environment.world().run_for(std::chrono::milliseconds(500)));
    job.cancel();
    ASSERT_TRUE(environment.world().run_until([&] { return job.done(); }));
    EXPECT_EQ(code_of(job.result()), Errc::cancelled);
}

// A path too long to be opened is not followed: what it holds no client can have made.
TEST_F(FileEdges, SweepLeavesDirectoriesThatNoPathReaches) {
    std::string path = std::string(255, 'd');
    for (int i = 0; i < 14; ++i) {
        path += "/" + std::string(255, 'd');
    }
    path += "/" + std::string(kPathBytesMax - path.size() - 1, 'e');
    ASSERT_EQ(path.size(), kPathBytesMax);
    environment.make_directory(path + "/f");
    environment.make_directory(path + "g");
    Service service(environment);
    const RootPointer root = *service.roots.find("files");
    const auto swept = environment.run(sweep(environment.kernel(), root, {.instance = kInstance}));
    ASSERT_TRUE(swept) << swept.error();
    EXPECT_TRUE(swept->complete);
    EXPECT_EQ(swept->directories, 17U);
    EXPECT_EQ(swept->failed, 0U);
}

}  // namespace
}  // namespace sluice::files::test
