// What each operation says when it fails: the code, which operation, which file, and what was already done by then.
#include <gmock/gmock.h>

#include <functional>
#include <vector>

#include "environment_sim.h"

namespace sluice::files::test {
namespace {

using io::OpCode;
using testing::HasSubstr;
using testing::StartsWith;

template <class T>
std::string told(const Result<T>& result) {
    return result ? "done" : fmt::format("{}", result.error());
}

constexpr OpenFlags kAllButReplace{.read = true, .write = true, .append = true};

// What `ask` is told about d/a, open as `handle`, where the first such operation on `path` fails with EIO.
using Ask = std::function<std::string(Service&, std::uint32_t)>;
std::string told_of_failed(OpCode code, const std::string& path, const Ask& ask, OpenFlags flags = kAllButReplace) {
    SimEnvironment environment(1);
    environment.write_file("d/a", "content");
    Service service(environment);
    const auto opened = service.open("d/a", flags);
    EXPECT_TRUE(opened) << opened.error();
    io::FaultRule rule = io::fail_nth(code, path.starts_with('*') ? path : environment.absolute(path), 1, EIO);
    rule.fault.effect = code == OpCode::close ? io::FaultEffect::all : io::FaultEffect::nothing;
    const std::size_t number = environment.world().faults().add(rule);
    const std::string text = opened ? ask(service, opened->handle) : "not open";
    EXPECT_EQ(environment.world().faults().hits(number), 1U) << text;
    environment.world().faults().clear_rules();
    return text;
}

TEST(ToldByFiles, OperationOnAHandleAndItsFileAreNamed) {
    const auto read = [](Service& service, std::uint32_t handle) { return told(service.read(handle, 0, 1)); };
    const auto write = [](Service& service, std::uint32_t handle) { return told(service.write(handle, 0, "x")); };
    const auto append = [](Service& service, std::uint32_t handle) { return told(service.append(handle, "x")); };
    const auto stat = [](Service& service, std::uint32_t handle) {
        return told(service.environment.run(service.table.stat(handle)));
    };
    const auto sync = [](Service& service, std::uint32_t handle) {
        return told(service.environment.run(service.table.sync(handle, io::SyncKind::data)));
    };
    const auto commit = [](Service& service, std::uint32_t handle) {
        return told(service.environment.run(service.table.commit(handle, Durability::durable)));
    };
    const auto close = [](Service& service, std::uint32_t handle) {
        const std::string text = told(service.environment.run(service.table.close(handle)));
        EXPECT_EQ(told(service.environment.run(service.table.stat(handle))), "not_found: handle 1 is not open");
        return text;
    };
    EXPECT_EQ(told_of_failed(OpCode::read, "d/a", read), "io_error: read files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::write, "d/a", write), "io_error: write files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::write, "d/a", append), "io_error: write files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::stat, "d/a", append), "io_error: append to files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::stat, "d/a", stat), "io_error: stat files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::sync, "d/a", sync), "io_error: sync files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::sync, "d", sync),
              "io_error: sync the directory of files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::close, "d/a", close), "io_error: close files:'d/a': Input/output error");
    constexpr OpenFlags kReplace{.replace = true};
    EXPECT_EQ(told_of_failed(OpCode::sync, "*.tmp", commit, kReplace),
              "io_error: sync files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::rename, "*", commit, kReplace),
              "io_error: rename into place files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::sync, "d", commit, kReplace),
              "io_error: in place, but a power cut may undo it: sync the directory of files:'d/a': Input/output error");
}

TEST(ToldByFiles, OperationWithoutAHandleAndItsFileAreNamed) {
    const auto get = [](Service& service, std::uint32_t) { return told(service.get("d/a")); };
    const auto put = [](Service& service, std::uint32_t) {
        return told(service.put("d/a", "x", {.durability = Durability::durable}));
    };
    const auto stat = [](Service& service, std::uint32_t) {
        return told(service.environment.run(service.files.stat(identity(), "files", "d/a")));
    };
    EXPECT_EQ(told_of_failed(OpCode::open, "d/a", get), "io_error: open files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::stat, "d/a", get), "io_error: stat files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::read, "d/a", get), "io_error: read files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::open, "d/a", stat), "io_error: open files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::stat, "d/a", stat), "io_error: stat files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::open, "d", put), "io_error: open files:'d': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::stat, "*", put), "io_error: replace files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::open, "*.tmp", put),
              "io_error: make a temporary for files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::write, "*.tmp", put), "io_error: write files:'d/a': Input/output error");
    EXPECT_EQ(told_of_failed(OpCode::sync, "*.tmp", put), "io_error: sync files:'d/a': Input/output error");
}

class ToldBySession : public testing::Test {
 protected:
    io::SimFaults& faults() { return environment.world().faults(); }
    Result<> sync(Service& service, std::uint32_t handle) {
        return environment.run(service.table.sync(handle, io::SyncKind::all));
    }
    Result<> commit(Service& service, std::uint32_t handle, Durability durability = Durability::none) {
        return environment.run(service.table.commit(handle, durability));
    }
    std::uint32_t open(Service& service, std::string_view path, OpenFlags flags) {
        const auto opened = service.open(path, flags);
        EXPECT_TRUE(opened) << opened.error();
        return opened ? opened->handle : 0;
    }
    // How often a file or directory is synced while `ask` runs.
    std::uint64_t syncs(const std::string& path, const std::function<void()>& ask) {
        io::FaultRule rule = io::fail_from(OpCode::sync, path, 1, 0);
        rule.fault.delay = std::chrono::microseconds(1);
        const std::size_t number = faults().add(rule);
        ask();
        const std::uint64_t hits = faults().hits(number);
        faults().clear_rules();
        return hits;
    }
    SimEnvironment environment{1};
};

TEST_F(ToldBySession, HandleThatDoesNotServeSaysWhatWasAsked) {
    environment.write_file("a", "x");
    Service service(environment);
    const std::uint32_t reader = open(service, "a", {.read = true});
    const std::uint32_t writer = open(service, "a", {.write = true});
    const std::string not_for_that = ": the handle was not opened for that";
    EXPECT_EQ(told(service.read(writer, 0, 1)), "invalid_argument: read files:'a'" + not_for_that);
    EXPECT_EQ(told(service.write(reader, 0, "y")), "invalid_argument: write files:'a'" + not_for_that);
    EXPECT_EQ(told(service.append(reader, "y")), "invalid_argument: append to files:'a'" + not_for_that);
    EXPECT_EQ(told(sync(service, reader)), "invalid_argument: sync files:'a': the handle was opened only to read");
    EXPECT_EQ(told(commit(service, writer)),
              "invalid_argument: commit files:'a': the handle was not opened to replace");
    EXPECT_EQ(told(service.read(99, 0, 1)), "not_found: handle 99 is not open");
    const std::uint32_t replacing = open(service, "a", {.replace = true});
    ASSERT_TRUE(commit(service, replacing));
    EXPECT_EQ(told(service.write(replacing, 0, "y")), "closed: write files:'a': the handle was committed");
    EXPECT_EQ(told(service.append(replacing, "y")), "closed: append to files:'a': the handle was committed");
    EXPECT_EQ(told(commit(service, replacing)), "closed: commit files:'a': a commit was asked before");
}

TEST_F(ToldBySession, HandlesCountFromOneAndKeepTheirFlags) {
    environment.write_file("a", "12345");
    Service service(environment);
    EXPECT_EQ(open(service, "a", {.read = true}), 1U);
    EXPECT_EQ(open(service, "a", {.append = true}), 2U);
    const auto replacing = service.open("a", {.replace = true});
    ASSERT_TRUE(replacing) << replacing.error();
    EXPECT_EQ(replacing->handle, 3U);
    EXPECT_EQ(replacing->size, 0U);
    EXPECT_EQ(service.table.size(), 3U);
    // What was not asked for is not given, to append and to sync are.
    EXPECT_EQ(code_of(service.read(3, 0, 1)), Errc::invalid_argument);
    EXPECT_TRUE(service.append(3, "x"));
    EXPECT_TRUE(sync(service, 2));
    ASSERT_TRUE(environment.run(service.table.close(2)));
    EXPECT_EQ(open(service, "a", {.read = true}), 4U) << "a number is not used again";
}

TEST_F(ToldBySession, LimitsAndRightsAreTold) {
    environment.write_file("a", "12345678");
    RootOptions options = open_root(environment);
    options.file_bytes_max = 10;
    options.rules = {{.who = Rule::Who::user, .id = kUid, .rights = {Right::read, Right::append}}};
    Service service(environment, std::move(options), {.session_max = 2, .user_max = 3, .total_max = 4});
    const std::uint32_t handle = open(service, "a", {.append = true});
    EXPECT_EQ(told(service.append(handle, "123")),
              "no_space: write files:'a': it would have 11 bytes; root 'files' allows 10 (file_bytes_max)");
    EXPECT_EQ(told(service.open("a", {.write = true})),
              "permission_denied: uid 1000 has no 'write' right in root 'files'");
    EXPECT_EQ(told(service.put("b", "x")), "permission_denied: uid 1000 has no 'write' right in root 'files'");
    EXPECT_EQ(told(environment.run(service.files.stat(identity(7), "files", "a"))),
              "permission_denied: uid 7 has no 'read' right in root 'files'");
    open(service, "a", {.read = true});
    EXPECT_EQ(told(service.open("a", {.read = true})), "limit_exceeded: the session has 2 handles open, the maximum");
    FileTable other(service.files, identity());
    ASSERT_TRUE(environment.run(other.open("files", "a", {.read = true}, 0)));
    EXPECT_EQ(told(environment.run(other.open("files", "a", {.read = true}, 0))),
              "limit_exceeded: uid 1000 has 3 files open, the maximum");
    const auto charge = service.files.ledger().charge(7);
    ASSERT_TRUE(charge) << charge.error();
    EXPECT_EQ(told(service.files.ledger().charge(8)), "limit_exceeded: 4 files are open for all clients, the maximum");
    environment.finish(other.close_all());
}

TEST(Ledger, UsersTogetherLeaveSomeForThoseWhoHaveFew) {
    Ledger ledger({.user_max = 80, .total_max = 160});
    std::vector<Ledger::Charge> charges;
    const auto take = [&ledger, &charges](std::uint32_t uid) {
        for (;;) {
            Result<Ledger::Charge> charge = ledger.charge(uid);
            if (!charge) {
                return std::string(charge.error().text());
            }
            charges.push_back(std::move(*charge));
        }
    };
    EXPECT_EQ(take(1), "uid 1 has 80 files open, the maximum");
    EXPECT_EQ(take(2),
              "144 files are open for all clients, 64 of them for uid 2: the last 20 are for users with "
              "fewer than 64");
    EXPECT_EQ(ledger.total(), 144U);
    EXPECT_EQ(take(3), "160 files are open for all clients, the maximum");
}

// Opens that have not ended count too; those that failed do not.
TEST_F(ToldBySession, OpensInFlightCountAsHandles) {
    environment.write_file("a", "x");
    Service service(environment, HandleLimits{.session_max = 1});
    const auto open_a = [](FileTable* table) -> Task<Result<OpenedFile>> {
        const OpenFlags reading{.read = true};
        co_return co_await table->open("files", "a", reading, 0);
    };
    coro::Loop& loop = environment.kernel().loop();
    coro::Job<Result<OpenedFile>> first(loop, "first", open_a, &service.table);
    coro::Job<Result<OpenedFile>> second(loop, "second", open_a, &service.table);
    ASSERT_TRUE(environment.world().run_until([&] { return first.done() && second.done(); }));
    EXPECT_TRUE(first.result());
    EXPECT_EQ(code_of(second.result()), Errc::limit_exceeded);
    ASSERT_TRUE(environment.run(service.table.close(first.result()->handle)));
    EXPECT_EQ(code_of(service.open("missing", {.read = true})), Errc::not_found);
    EXPECT_TRUE(service.open("a", {.read = true}));
}

TEST_F(ToldBySession, WriteIsOnlyAsDurableAsAsked) {
    environment.write_file("d/a", "content");
    Service service(environment);
    const std::string path = environment.absolute("d/a");
    const std::uint32_t handle = open(service, "d/a", kAllButReplace);
    const std::uint64_t named = syncs(environment.absolute("d"), [&] {
        ASSERT_TRUE(service.write(handle, 0, "lazily"));
        EXPECT_NE(environment.world().disk().dirty_changes(path), 0U);
        ASSERT_TRUE(service.append(handle, "lazily"));
    });
    EXPECT_EQ(named, 0U);
    // The name is made durable once; the bytes each time.
    const std::uint64_t once = syncs(environment.absolute("d"), [&] {
        ASSERT_TRUE(sync(service, handle));
        EXPECT_EQ(environment.world().disk().dirty_changes(path), 0U);
        ASSERT_TRUE(service.write(handle, 0, "durable", Durability::durable));
        ASSERT_TRUE(service.append(handle, "durable", Durability::durable));
        EXPECT_EQ(environment.world().disk().dirty_changes(path), 0U);
        ASSERT_TRUE(sync(service, handle));
    });
    EXPECT_EQ(once, 1U);
    const std::uint32_t replacing = open(service, "d/a", {.replace = true});
    const std::uint64_t aside = syncs(environment.absolute("d"), [&] {
        ASSERT_TRUE(service.write(replacing, 0, "aside", Durability::durable));
        ASSERT_TRUE(sync(service, replacing));
    });
    EXPECT_EQ(aside, 0U) << "a temporary needs no durable name";
    EXPECT_EQ(syncs(environment.absolute("d"), [&] { ASSERT_TRUE(commit(service, replacing)); }), 0U);
    const std::uint32_t again = open(service, "d/a", {.replace = true});
    EXPECT_EQ(syncs(environment.absolute("d"), [&] { ASSERT_TRUE(commit(service, again, Durability::durable)); }), 1U);
}

// A write without a promise may fail, and the file is as good as before.
TEST_F(ToldBySession, OnlyWhatWasToBeDurableIsRemembered) {
    environment.write_file("a", "content");
    Service service(environment);
    const std::uint32_t handle = open(service, "a", kAllButReplace);
    faults().add(io::fail_nth(OpCode::write, "*", 1, EIO));
    EXPECT_EQ(code_of(service.write(handle, 0, "x")), Errc::io_error);
    EXPECT_TRUE(sync(service, handle));
    EXPECT_TRUE(service.write(handle, 0, "y", Durability::durable));
    faults().clear_rules();
    faults().add(io::fail_nth(OpCode::sync, environment.absolute("a"), 1, EIO));
    ASSERT_EQ(code_of(sync(service, handle)), Errc::io_error);
    const auto remembered = [](std::string_view what) {
        return testing::AllOf(StartsWith(fmt::format("io_error: {}an earlier sync failed (", what)),
                              testing::EndsWith("); close the file and write it anew"));
    };
    EXPECT_THAT(told(sync(service, handle)), remembered("sync files:'a': "));
    EXPECT_THAT(told(service.write(handle, 0, "z", Durability::durable)), remembered("write files:'a': "));
    EXPECT_THAT(told(service.append(handle, "z", Durability::durable)), remembered("append to files:'a': "));
}

TEST_F(ToldBySession, DirectoryThatFailsToSyncIsRemembered) {
    environment.write_file("d/a", "content");
    Service service(environment);
    const std::uint32_t handle = open(service, "d/a", kAllButReplace);
    faults().add(io::fail_nth(OpCode::sync, environment.absolute("d"), 1, EIO));
    EXPECT_EQ(code_of(service.write(handle, 0, "x", Durability::durable)), Errc::io_error);
    EXPECT_EQ(environment.content("d/a"), "content");
    EXPECT_THAT(told(sync(service, handle)), HasSubstr("an earlier sync failed"));
}

// One append fails while another waits for it: that one makes no promise either, and adds nothing.
TEST_F(ToldBySession, AppendThatWaitedForOneThatFailedIsRefused) {
    environment.write_file("a", "whole|");
    Service service(environment);
    const std::uint32_t handle = open(service, "a", {.append = true});
    io::FaultRule slow = io::fail_nth(OpCode::write, "*", 1, EIO);
    slow.fault.effect = io::FaultEffect::nothing;
    slow.fault.delay = std::chrono::milliseconds(10);
    faults().add(slow);
    const auto append = [](FileTable* table, std::uint32_t to, Durability durability) -> Task<Result<Appended>> {
        co_return co_await table->append(to, as_bytes("line|"), durability);
    };
    coro::Loop& loop = environment.kernel().loop();
    coro::Job<Result<Appended>> first(loop, "first", append, &service.table, handle, Durability::durable);
    coro::Job<Result<Appended>> durable(loop, "durable", append, &service.table, handle, Durability::durable);
    coro::Job<Result<Appended>> lazy(loop, "lazy", append, &service.table, handle, Durability::none);
    coro::Job<Result<Appended>> cancelled(loop, "cancelled", append, &service.table, handle, Durability::none);
    ASSERT_TRUE(environment.world().run_for(std::chrono::milliseconds(5)));
    cancelled.cancel();
    ASSERT_TRUE(environment.world().run_until(
        [&] { return first.done() && durable.done() && lazy.done() && cancelled.done(); }));
    EXPECT_EQ(told(first.result()), "io_error: write files:'a': Input/output error");
    EXPECT_THAT(told(durable.result()), StartsWith("io_error: an earlier sync failed ("));
    EXPECT_THAT(told(cancelled.result()), StartsWith("cancelled: append to files:'a'"));
    ASSERT_TRUE(lazy.result()) << lazy.result().error();
    EXPECT_EQ(lazy.result()->offset, 6U);
    EXPECT_EQ(environment.content("a"), "whole|line|");
}

// Nothing was added: there is nothing to cut off, and nothing can be left.  All was added: it is cut off.
TEST_F(ToldBySession, FailedAppendCutsOffWhatItAddedAndNothingElse) {
    environment.write_file("a", "whole|");
    Service service(environment);
    const std::uint32_t handle = open(service, "a", {.append = true});
    io::FaultRule rule = io::fail_nth(OpCode::write, "*", 1, EIO);
    rule.fault.effect = io::FaultEffect::nothing;
    faults().add(rule);
    const std::size_t truncated = faults().add(io::fail_nth(OpCode::truncate, "*", 1, EIO));
    EXPECT_EQ(told(service.append(handle, "line|")), "io_error: write files:'a': Input/output error");
    EXPECT_EQ(faults().hits(truncated), 0U);
    faults().clear_rules();
    rule.fault.effect = io::FaultEffect::all;
    faults().add(rule);
    EXPECT_EQ(told(service.append(handle, "line|")), "io_error: write files:'a': Input/output error");
    EXPECT_EQ(environment.content("a"), "whole|");
    faults().clear_rules();
    faults().add(rule);
    faults().add(io::fail_nth(OpCode::stat, "*", 2, EIO));  // The first tells where the end is.
    EXPECT_THAT(told(service.append(handle, "line|")),
                StartsWith("io_error: a part of the append may be left at offset 6 ("));
}

TEST_F(ToldBySession, FailedCommitServesOnlyToBeClosed) {
    for (const OpCode code : {OpCode::sync, OpCode::rename}) {
        environment.write_file("a", "old");
        Service service(environment);
        const std::uint32_t handle = open(service, "a", {.read = true, .replace = true});
        ASSERT_TRUE(service.write(handle, 0, "new"));
        faults().add(io::fail_nth(code, "*", 1, EIO));
        ASSERT_EQ(code_of(commit(service, handle)), Errc::io_error);
        faults().clear_rules();
        EXPECT_THAT(told(sync(service, handle)), HasSubstr("an earlier sync failed"));
        EXPECT_EQ(environment.names(""), std::vector<std::string>{"a"});
        EXPECT_TRUE(environment.run(service.table.close(handle)));
        EXPECT_EQ(environment.content("a"), "old");
    }
}

// Bytes that a failed sync has lost are not put in place.
TEST_F(ToldBySession, CommitAfterAFailedSyncLeavesTheOldFile) {
    environment.write_file("a", "old");
    Service service(environment);
    const std::uint32_t handle = open(service, "a", {.replace = true});
    ASSERT_TRUE(service.write(handle, 0, "new"));
    faults().add(io::fail_nth(OpCode::sync, "*", 1, EIO));
    ASSERT_EQ(code_of(sync(service, handle)), Errc::io_error);
    faults().clear_rules();
    const std::uint64_t more = syncs(
        "*", [&] { EXPECT_THAT(told(commit(service, handle)), StartsWith("io_error: an earlier sync failed (")); });
    EXPECT_EQ(more, 0U);
    EXPECT_EQ(environment.content("a"), "old");
    EXPECT_EQ(environment.names(""), std::vector<std::string>{"a"});
}

TEST_F(ToldBySession, CommitThatIsCancelledWhileItWaitsLeavesTheOldFile) {
    environment.write_file("a", "old");
    Service service(environment);
    const std::uint32_t handle = open(service, "a", {.replace = true});
    ASSERT_TRUE(service.write(handle, 0, "before"));
    io::FaultRule slow = io::fail_nth(OpCode::write, "*", 1, 0);
    slow.fault.delay = std::chrono::seconds(1);
    faults().add(slow);
    const auto write = [](FileTable* table, std::uint32_t to) -> Task<Result<std::uint64_t>> {
        co_return co_await table->write(to, 0, as_bytes("new"), Durability::none);
    };
    const auto commit_it = [](FileTable* table, std::uint32_t to) -> Task<Result<>> {
        co_return co_await table->commit(to, Durability::none);
    };
    coro::Loop& loop = environment.kernel().loop();
    coro::Job<Result<std::uint64_t>> writing(loop, "write", write, &service.table, handle);
    coro::Job<Result<>> committing(loop, "commit", commit_it, &service.table, handle);
    ASSERT_TRUE(environment.world().run_for(std::chrono::milliseconds(500)));
    committing.cancel();
    ASSERT_TRUE(environment.world().run_until([&] { return committing.done(); }));
    EXPECT_FALSE(writing.done());
    EXPECT_EQ(code_of(committing.result()), Errc::cancelled);
    EXPECT_EQ(environment.names(""), std::vector<std::string>{"a"}) << "the temporary is gone already";
    ASSERT_TRUE(environment.world().run_until([&] { return writing.done(); }));
    EXPECT_EQ(environment.content("a"), "old");
    EXPECT_EQ(code_of(service.write(handle, 0, "x")), Errc::closed);
}

// The number of an inode may be used again as soon as its file is closed: nothing of it is remembered by then.
TEST_F(ToldBySession, FileThatIsBeingClosedIsForgotten) {
    environment.write_file("a", "x");
    Service service(environment);
    const std::uint32_t handle = open(service, "a", {.read = true});
    io::FaultRule slow = io::fail_nth(OpCode::close, "*", 1, 0);
    slow.fault.delay = std::chrono::seconds(1);
    faults().add(slow);
    const auto close = [](FileTable* table, std::uint32_t which) -> Task<Result<>> {
        co_return co_await table->close(which);
    };
    coro::Job<Result<>> closing(environment.kernel().loop(), "close", close, &service.table, handle);
    ASSERT_TRUE(environment.world().run_for(std::chrono::milliseconds(500)));
    ASSERT_FALSE(closing.done());
    EXPECT_EQ(service.files.inodes().size(), 0U);
    EXPECT_EQ(service.files.ledger().total(), 1U) << "it is open still";
    ASSERT_TRUE(environment.world().run_until([&] { return closing.done(); }));
    EXPECT_TRUE(closing.result());
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

}  // namespace
}  // namespace sluice::files::test
