// Faults of the disk, and cancellation, on the simulated kernel.
#include "environment_sim.h"
#include "io/shaped_kernel.h"

namespace sluice::files::test {
namespace {

using io::OpCode;

class Fault : public testing::Test {
 protected:
    io::SimFaults& faults() { return environment.world().faults(); }
    void expect_no_temporaries(std::string_view directory = "") {
        for (const std::string& name : environment.names(directory)) {
            EXPECT_FALSE(is_temporary_name(name)) << name;
        }
    }
    SimEnvironment environment{1};
};

TEST_F(Fault, ShortWritesAreContinued) {
    Service service(environment);
    faults().add({.codes = {OpCode::write}, .for_ever = true, .fault = {.length_max = 3}});
    EXPECT_EQ(service.put("a", "ten bytes!"), 10U);
    EXPECT_EQ(environment.content("a"), "ten bytes!");
    const auto opened = service.open("a", {.write = true, .append = true});
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_TRUE(service.append(opened->handle, "and more", Durability::durable));
    EXPECT_TRUE(service.write(opened->handle, 0, "TEN BYTES", Durability::durable));
    EXPECT_EQ(environment.content("a"), "TEN BYTES!and more");
    EXPECT_EQ(environment.world().disk().dirty_changes(environment.absolute("a")), 0U);
}

// The simulated environment, whose operations a test may change.
class ShapedEnvironment final : public Environment {
 public:
    io::test::ShapedKernel& kernel() override { return kernel_; }
    std::string absolute(std::string_view path) const override { return inner_.absolute(path); }
    void write_file(std::string_view path, std::string_view content) override { inner_.write_file(path, content); }
    void make_directory(std::string_view path) override { inner_.make_directory(path); }
    std::optional<std::string> content(std::string_view path) const override { return inner_.content(path); }
    std::vector<std::string> names(std::string_view directory) const override { return inner_.names(directory); }

 private:
    SimEnvironment inner_{1};
    io::test::ShapedKernel kernel_{inner_.world()};
};

// Or it would be asked for ever.
TEST(ShortWrite, OfNothingIsAnError) {
    ShapedEnvironment shaped;
    shaped.write_file("a", "old");
    Service service(shaped);
    const auto opened = service.open("a", {.write = true});
    ASSERT_TRUE(opened) << opened.error();
    std::size_t writes = 0;
    shaped.kernel().on_submit = [&](io::OpRequest& request) {
        if (request.code == OpCode::write) {
            request.length = ++writes == 1 ? 2 : 0;
        }
    };
    const auto written = service.write(opened->handle, 0, "new");
    EXPECT_EQ(writes, 2U);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), Errc::io_error);
    EXPECT_EQ(written.error().text(), "write files:'a': the file system accepts no bytes");
    EXPECT_EQ(shaped.content("a"), "ned");
}

TEST_F(Fault, ShortReadsAreContinued) {
    environment.write_file("a", "ten bytes!");
    Service service(environment);
    faults().add({.codes = {OpCode::read}, .for_ever = true, .fault = {.length_max = 3}});
    EXPECT_EQ(service.get("a"), "ten bytes!");
    const auto opened = service.open("a", {.read = true});
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(service.read(opened->handle, 0, 100), "ten bytes!");
}

// Whichever operation of a put fails, with whichever error: the old file stays whole (or, where the failed operation
// was the directory's sync, the new one is in place), and no temporary is left.
TEST_F(Fault, DirectoryThatCannotBeMadeIsReportedAndCanBeMadeLater) {
    for (const OpCode code : {OpCode::open, OpCode::mkdir, OpCode::sync}) {
        for (std::uint64_t nth = 1;; ++nth) {
            const std::string path = fmt::format("{}-{}/e/a", static_cast<int>(code), nth);
            Service service(environment);
            const std::size_t rule = faults().add(io::fail_nth(code, "*", nth, EIO));
            const auto put = service.put(path, "new", {.durability = Durability::durable, .parents = true});
            const bool fired = faults().hits(rule) != 0;
            faults().clear_rules();
            EXPECT_EQ(put.has_value(), !fired) << static_cast<int>(code) << " number " << nth;
            EXPECT_TRUE(service.put(path, "newer", {.parents = true}));
            EXPECT_EQ(environment.content(path), "newer");
            if (!fired) {
                EXPECT_GT(nth, 1U);
                break;
            }
        }
    }
}

TEST_F(Fault, PutThatFailsAnywhereLeavesOldOrNewFile) {
    for (const int error : {ENOSPC, EIO, EDQUOT}) {
        for (const OpCode code :
             {OpCode::open, OpCode::stat, OpCode::write, OpCode::sync, OpCode::rename, OpCode::resemble}) {
            for (std::uint64_t nth = 1;; ++nth) {
                environment.write_file("d/a", "old");
                Service service(environment);
                const std::size_t rule = faults().add(io::fail_nth(code, "*", nth, error));
                const auto put = service.put("d/a", "new", {.durability = Durability::durable});
                const bool fired = faults().hits(rule) != 0;
                faults().clear_rules();
                EXPECT_EQ(put.has_value(), !fired);
                const std::string content = environment.content("d/a").value_or("none");
                const bool placed = code == OpCode::sync && nth == 2;
                EXPECT_EQ(content, fired && !placed ? "old" : "new")
                    << static_cast<int>(code) << " number " << nth << " errno " << error;
                expect_no_temporaries("d");
                EXPECT_EQ(service.files.ledger().total(), 0U);
                if (!fired) {
                    EXPECT_GT(nth, 1U);
                    break;
                }
            }
        }
    }
}

TEST_F(Fault, FullDiskLeavesTheOldFile) {
    environment.write_file("a", "old");
    Service service(environment);
    io::SimDisk& disk = environment.world().disk();
    disk.set_capacity(disk.used_bytes() + 8192);
    const auto put = service.put("a", std::string(100'000, 'x'));
    EXPECT_EQ(code_of(put), Errc::no_space);
    EXPECT_NE(put.error().text().find("files:'a'"), std::string::npos) << put.error();
    EXPECT_EQ(environment.content("a"), "old");
    expect_no_temporaries();
    disk.set_inodes_max(disk.used_inodes());
    EXPECT_EQ(code_of(service.put("a", "x")), Errc::no_space);
    disk.set_inodes_max(1000);
    EXPECT_TRUE(service.put("a", "new"));  // The space of the failed ones was given back.
}

TEST_F(Fault, FailedAppendIsCutOff) {
    environment.write_file("a", "whole|");
    Service service(environment);
    const auto opened = service.open("a", {.append = true});
    ASSERT_TRUE(opened) << opened.error();
    faults().add({.codes = {OpCode::write}, .nth = 1, .fault = {.length_max = 3}});
    faults().add({.codes = {OpCode::write}, .nth = 2, .fault = {.error = ENOSPC}});
    EXPECT_EQ(code_of(service.append(opened->handle, "a long line|")), Errc::no_space);
    EXPECT_EQ(environment.content("a"), "whole|");
    const auto next = service.append(opened->handle, "next|");
    ASSERT_TRUE(next) << next.error();
    EXPECT_EQ(next->offset, 6U);
    EXPECT_EQ(environment.content("a"), "whole|next|");
}

TEST_F(Fault, AppendThatCannotBeCutOffSaysSo) {
    environment.write_file("a", "whole|");
    Service service(environment);
    const auto opened = service.open("a", {.append = true});
    ASSERT_TRUE(opened) << opened.error();
    faults().add({.codes = {OpCode::write}, .nth = 1, .fault = {.length_max = 3}});
    faults().add(io::fail_nth(OpCode::write, "*", 2, EIO));
    faults().add(io::fail_nth(OpCode::truncate, "*", 1, EIO));
    const auto appended = service.append(opened->handle, "a long line|");
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code(), Errc::io_error);
    EXPECT_NE(appended.error().text().find("may be left at offset 6"), std::string::npos) << appended.error();
}

// The kernel tells a failed sync once; a client that asks again must not hear that all is well.
TEST_F(Fault, FailedSyncIsRememberedUntilTheFileIsClosedByAll) {
    Service service(environment);
    FileTable other(service.files, identity());
    const OpenFlags flags{.write = true, .create = true, .append = true};
    const auto mine = service.open("a", flags);
    const auto theirs = environment.run(other.open("files", "a", flags, 0));
    ASSERT_TRUE(mine && theirs);
    ASSERT_TRUE(service.write(mine->handle, 0, "content"));
    faults().add(io::fail_nth(OpCode::sync, environment.absolute("a"), 1, EIO));
    EXPECT_EQ(code_of(environment.run(service.table.sync(mine->handle, io::SyncKind::data))), Errc::io_error);

    const auto again = environment.run(service.table.sync(mine->handle, io::SyncKind::data));
    EXPECT_EQ(code_of(again), Errc::io_error);
    EXPECT_NE(again.error().text().find("an earlier sync failed"), std::string::npos) << again.error();
    EXPECT_EQ(code_of(environment.run(other.sync(theirs->handle, io::SyncKind::all))), Errc::io_error);
    EXPECT_EQ(code_of(service.append(mine->handle, "x", Durability::durable)), Errc::io_error);
    EXPECT_EQ(code_of(environment.run(other.write(theirs->handle, 0, as_bytes("x"), Durability::durable))),
              Errc::io_error);
    EXPECT_TRUE(service.write(mine->handle, 0, "y"));  // No promise, no refusal.

    EXPECT_TRUE(environment.run(service.table.close(mine->handle)));
    EXPECT_EQ(code_of(environment.run(other.sync(theirs->handle, io::SyncKind::all))), Errc::io_error);
    EXPECT_TRUE(environment.run(other.close(theirs->handle)));
    const auto anew = service.open("a", {.write = true, .truncate = true});
    ASSERT_TRUE(anew) << anew.error();
    EXPECT_TRUE(service.write(anew->handle, 0, "anew", Durability::durable));
}

TEST_F(Fault, FailedDurableWriteIsRemembered) {
    environment.write_file("a", "0123456789");
    Service service(environment);
    const auto opened = service.open("a", {.write = true});
    ASSERT_TRUE(opened) << opened.error();
    faults().add(io::fail_nth(OpCode::write, "*", 1, EIO));
    EXPECT_EQ(code_of(service.write(opened->handle, 0, "x", Durability::durable)), Errc::io_error);
    EXPECT_EQ(code_of(service.write(opened->handle, 0, "x", Durability::durable)), Errc::io_error);
    EXPECT_EQ(code_of(environment.run(service.table.sync(opened->handle, io::SyncKind::data))), Errc::io_error);
}

// A full disk is found before anything is synced: once there is room, work goes on.
TEST_F(Fault, FullDiskDoesNotPoisonTheFile) {
    environment.write_file("a", "");
    Service service(environment);
    const auto opened = service.open("a", {.append = true});
    ASSERT_TRUE(opened) << opened.error();
    faults().add(io::fail_nth(OpCode::write, "*", 1, ENOSPC));
    EXPECT_EQ(code_of(service.append(opened->handle, "x", Durability::durable)), Errc::no_space);
    EXPECT_TRUE(service.append(opened->handle, "y", Durability::durable));
    EXPECT_EQ(environment.content("a"), "y");
}

TEST_F(Fault, FailedCommitLeavesTheOldFileAndNoTemporary) {
    for (const OpCode code : {OpCode::sync, OpCode::rename}) {
        environment.write_file("a", "old");
        Service service(environment);
        const auto opened = service.open("a", {.replace = true});
        ASSERT_TRUE(opened) << opened.error();
        ASSERT_TRUE(service.write(opened->handle, 0, "new"));
        faults().add(io::fail_nth(code, "*", 1, EIO));
        EXPECT_EQ(code_of(environment.run(service.table.commit(opened->handle, Durability::durable))), Errc::io_error);
        faults().clear_rules();
        expect_no_temporaries();
        EXPECT_EQ(environment.content("a"), "old");
        EXPECT_EQ(code_of(environment.run(service.table.commit(opened->handle, Durability::durable))), Errc::closed);
        EXPECT_EQ(code_of(service.write(opened->handle, 0, "x")), Errc::closed);
        EXPECT_TRUE(environment.run(service.table.close(opened->handle)));
    }
}

// One put, cancelled after `steps` steps of the world.
struct CancelledPut {
    std::uint64_t steps;
    bool finished_before = false;
    Result<std::uint64_t> result = fail(Errc::internal, "not run");
};

void run_cancelled(SimEnvironment& environment, Service& service, CancelledPut& put) {
    const std::string bytes(3000, 'n');
    const auto body = [](Files* files, const std::string* content) -> Task<Result<std::uint64_t>> {
        const Identity who = identity();
        PutOptions options;
        options.durability = Durability::durable;
        co_return co_await files->put(who, "files", "d/a", as_bytes(*content), options);
    };
    coro::Job<Result<std::uint64_t>> job(environment.kernel().loop(), "put", body, &service.files, &bytes);
    for (std::uint64_t i = 0; i < put.steps && !job.done(); ++i) {
        environment.world().step();
    }
    put.finished_before = job.done();
    job.cancel();
    const Result<> ended = environment.world().run_until([&] { return job.done(); });
    ASSERT_TRUE(ended) << ended.error();
    put.result = std::move(job.result());
}

TEST(Cancellation, PutCancelledAnywhereLeaksNoTemporaryAndTellsTheTruth) {
    std::size_t cancelled = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        for (std::uint64_t steps = 0;; ++steps) {
            SimEnvironment environment(seed);
            environment.write_file("d/a", "old");
            Service service(environment);
            CancelledPut put{.steps = steps};
            run_cancelled(environment, service, put);
            EXPECT_EQ(environment.names("d"), std::vector<std::string>{"a"}) << "seed " << seed << " step " << steps;
            EXPECT_EQ(environment.content("d/a"), put.result ? std::string(3000, 'n') : "old")
                << "seed " << seed << " step " << steps;
            EXPECT_EQ(service.files.ledger().total(), 0U);
            EXPECT_EQ(environment.world().open_descriptors(environment.kernel()), 1U);  // The root.
            if (!put.result) {
                EXPECT_EQ(put.result.error().code(), Errc::cancelled) << put.result.error();
                ++cancelled;
            }
            if (put.finished_before) {
                break;
            }
        }
    }
    EXPECT_GT(cancelled, 100U);
}

// A cancelled append is either there, and then successful, or not at all.
TEST(Cancellation, AppendIsWholeOrAbsent) {
    std::size_t cancelled = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        for (std::uint64_t steps = 0;; ++steps) {
            SimEnvironment environment(seed);
            environment.write_file("a", "old|");
            Service service(environment);
            const auto opened = service.open("a", {.append = true});
            ASSERT_TRUE(opened) << opened.error();
            environment.world().faults().add(
                {.codes = {OpCode::write}, .for_ever = true, .fault = {.length_max = 1000}});
            const std::string bytes(3000, 'n');
            const auto body = [](FileTable* table, std::uint32_t to,
                                 const std::string* content) -> Task<Result<Appended>> {
                co_return co_await table->append(to, as_bytes(*content), Durability::none);
            };
            coro::Job<Result<Appended>> job(environment.kernel().loop(), "append", body, &service.table, opened->handle,
                                            &bytes);
            for (std::uint64_t i = 0; i < steps && !job.done(); ++i) {
                environment.world().step();
            }
            const bool finished = job.done();
            job.cancel();
            const Result<> ended = environment.world().run_until([&] { return job.done(); });
            ASSERT_TRUE(ended) << ended.error();
            EXPECT_EQ(environment.content("a"), job.result() ? "old|" + bytes : "old|")
                << "seed " << seed << " step " << steps;
            cancelled += job.result() ? 0 : 1;
            if (finished) {
                break;
            }
        }
    }
    EXPECT_GT(cancelled, 50U);
}

}  // namespace
}  // namespace sluice::files::test
