#include <map>
#include <set>

#include "io/sim_fixture.h"

namespace sluice::io {
namespace {

class SimCrashTest : public SimTest {
 protected:
    void start_seed(std::uint64_t seed) {
        SimWorld::Options options;
        options.seed = seed;
        start(std::move(options));
    }
    // What `path` holds after `prepare` ran and the power failed, over many seeds.
    template <class F, class... Args>
    std::map<std::string, int> after_power_loss(std::string_view path, F prepare, Args... args) {
        std::map<std::string, int> seen;
        for (std::uint64_t seed = 1; seed <= 200; ++seed) {
            start_seed(seed);
            disk().put_file("/tmp/old", as_bytes("old"));
            auto prepared = run(prepare, args...);
            EXPECT_TRUE(prepared) << prepared.error();
            world().crash(CrashKind::power);
            restart();
            ++seen[content(path)];
        }
        return seen;
    }
};

Task<Result<>> save_and_sync(Kernel& kernel, bool file, bool directory) {
    SLUICE_CO_CHECK(co_await save(kernel, "/tmp/new", "new"));
    if (file) {
        SLUICE_CO_CHECK(co_await sync_path(kernel, "/tmp/new"));
    }
    if (directory) {
        SLUICE_CO_CHECK(co_await sync_path(kernel, "/tmp"));
    }
    co_return Result<>{};
}

TEST_F(SimCrashTest, SyncedFileInSyncedDirectorySurvivesPowerLoss) {
    EXPECT_EQ(after_power_loss("/tmp/new", save_and_sync, true, true), (std::map<std::string, int>{{"new", 200}}));
}

TEST_F(SimCrashTest, FileWhoseDirectoryWasNotSyncedMayBeGone) {
    auto seen = after_power_loss("/tmp/new", save_and_sync, true, false);
    EXPECT_GT(seen["(no such file)"], 0);
    EXPECT_GT(seen["new"], 0);
    EXPECT_EQ(seen.size(), 2U);
}

TEST_F(SimCrashTest, UnsyncedFileMayBeEmptyZeroOrWhole) {
    auto seen = after_power_loss("/tmp/new", save_and_sync, false, true);
    EXPECT_GT(seen[""], 0);
    EXPECT_GT(seen["new"], 0);
    EXPECT_GT(seen[std::string(3, '\0')], 0);
    EXPECT_EQ(seen.size(), 3U);
}

Task<Result<>> replace(Kernel& kernel, bool sync_directory) {
    SLUICE_CO_CHECK(co_await save_and_sync(kernel, true, false));
    const std::string from = "/tmp/new";
    const std::string to = "/tmp/old";
    SLUICE_CO_CHECK(co_await kernel.rename(-1, from, -1, to, 0));
    if (sync_directory) {
        SLUICE_CO_CHECK(co_await sync_path(kernel, "/tmp"));
    }
    co_return Result<>{};
}

// A rename is atomic: whatever is kept or lost, the old name leads to the old or to the new file.
TEST_F(SimCrashTest, RenameIsAtomicAndDurableOnlyAfterDirectorySync) {
    auto seen = after_power_loss("/tmp/old", replace, false);
    EXPECT_GT(seen["old"], 0);
    EXPECT_GT(seen["new"], 0);
    EXPECT_EQ(seen.size(), 2U);
    EXPECT_EQ(after_power_loss("/tmp/old", replace, true), (std::map<std::string, int>{{"new", 200}}));
}

Task<Result<>> unlink_old(Kernel& kernel, bool sync_directory) {
    const std::string path = "/tmp/old";
    SLUICE_CO_CHECK(co_await kernel.unlink(-1, path));
    if (sync_directory) {
        SLUICE_CO_CHECK(co_await sync_path(kernel, "/tmp"));
    }
    co_return Result<>{};
}

TEST_F(SimCrashTest, UnlinkedFileMayComeBackUnlessDirectoryWasSynced) {
    auto seen = after_power_loss("/tmp/old", unlink_old, false);
    EXPECT_GT(seen["old"], 0);
    EXPECT_GT(seen["(no such file)"], 0);
    EXPECT_EQ(after_power_loss("/tmp/old", unlink_old, true), (std::map<std::string, int>{{"(no such file)", 200}}));
}

TEST_F(SimCrashTest, ProcessCrashKeepsEverythingCompleted) {
    ASSERT_TRUE(run(save, std::string("/tmp/a"), std::string("text")));
    const std::string boot = world().boot_id();
    world().crash(CrashKind::process);
    restart();
    EXPECT_EQ(content("/tmp/a"), "text");
    EXPECT_EQ(world().boot_id(), boot);
}

Task<Result<>> read_after_crash(Kernel& kernel, SimWorld* world) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/tmp/old", O_RDONLY));
    world->crash(CrashKind::process);
    Bytes bytes(1);
    co_return kernel.blocking_reader(std::move(file))->read(0, bytes);
}

// What unwinds after the crash may still ask for one.
TEST_F(SimCrashTest, BlockingReaderOfAClosedFileFails) {
    disk().put_file("/tmp/old", as_bytes("old"));
    const Result<> read = run(read_after_crash, &world());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().sys_errno(), EBADF);
}

TEST_F(SimCrashTest, PowerLossChangesTheBootId) {
    const std::string boot = world().boot_id();
    world().crash(CrashKind::power);
    EXPECT_NE(world().boot_id(), boot);
    EXPECT_EQ(boot.size(), 36U);
}

Task<Result<>> write_block(Kernel& kernel) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/tmp/old", O_RDWR));
    const std::string block(8 * kSimSector, 'n');
    SLUICE_CO_CHECK(co_await write_text(kernel, file, 0, block, WriteSync::data));
    co_return Result<>{};
}

// A crash while a durable write is in flight: nothing, all, a prefix (process), or any sectors (power).
TEST_F(SimCrashTest, WriteInFlightIsLostKeptOrTorn) {
    for (const CrashKind kind : {CrashKind::process, CrashKind::power}) {
        std::set<std::string> seen;
        for (std::uint64_t seed = 1; seed <= 300; ++seed) {
            start_seed(seed);
            disk().put_file("/tmp/old", as_bytes(std::string(8 * kSimSector, 'o')));
            const std::uint64_t write = world().operations() + 2;
            world().at_operation(write, [&] { world().crash(kind); });
            auto written = run(write_block);
            ASSERT_FALSE(written);
            EXPECT_EQ(written.error().code(), Errc::cancelled);
            restart();
            std::string sectors;
            const std::string text = content("/tmp/old");
            for (std::size_t i = 0; i < text.size(); i += kSimSector) {
                sectors += text[i];
            }
            seen.insert(sectors);
            if (kind == CrashKind::process) {
                EXPECT_EQ(sectors.find("on"), std::string::npos) << sectors;
            }
        }
        EXPECT_TRUE(seen.contains("oooooooo"));
        EXPECT_TRUE(seen.contains("nnnnnnnn"));
        EXPECT_GE(seen.size(), kind == CrashKind::process ? 5U : 20U);
    }
}

Task<Result<>> count_until_stopped(Kernel& kernel, int* turns) {
    for (;;) {
        SLUICE_CO_CHECK(co_await save(kernel, "/tmp/a", std::to_string(*turns)));
        ++*turns;
    }
}

TEST_F(SimCrashTest, CrashedKernelUnwindsAndChangesNothing) {
    int turns = 0;
    coro::Job<Result<>> job(kernel().loop(), "counter", count_until_stopped, std::ref<Kernel>(kernel()), &turns);
    ASSERT_TRUE(world().run_until([&] { return turns == 5; }));
    world().crash(CrashKind::process);
    const std::string survived = content("/tmp/a");
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
    EXPECT_EQ(job.result().error().code(), Errc::cancelled);
    auto late = run(save, std::string("/tmp/late"), std::string("x"));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Errc::cancelled);
    EXPECT_FALSE(disk().exists("/tmp/late"));
    EXPECT_EQ(content("/tmp/a"), survived);
    EXPECT_EQ(world().open_descriptors(kernel()), 0U);
}

// The method of the crash sweeps: crash at operation 1, 2, ... until the program gets to its end.
TEST_F(SimCrashTest, SweepReachesEveryOperation) {
    std::uint64_t crashes = 0;
    for (std::uint64_t number = 1;; ++number) {
        start_seed(number);
        bool crashed = false;
        world().at_operation(number, [&] {
            crashed = true;
            world().crash(CrashKind::power);
        });
        auto saved = run(save_and_sync, true, true);
        EXPECT_EQ(saved.has_value(), !crashed);
        if (!crashed) {
            EXPECT_EQ(world().operations(), number - 1);
            break;
        }
        ++crashes;
    }
    EXPECT_EQ(crashes, 6U);  // Open, write; open, sync; open, sync.  Handles close without an operation.
}

TEST_F(SimCrashTest, SocketsOfTheDeadAreCutAndClientsLiveOn) {
    SimKernel::Options options;
    options.crashes = false;
    SimKernel client(world(), options);
    {
        auto listener = kernel().listen_unix("/run/s", 0600);
        ASSERT_TRUE(listener) << listener.error();
        auto socket = client.connect_unix("/run/s");
        ASSERT_TRUE(socket) << socket.error();
        world().crash(CrashKind::process);
        auto refused = client.connect_unix("/run/s");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().sys_errno(), ECONNREFUSED);
        static std::array<std::byte, 4> buffer;
        auto ended = block_on(
            client, "recv",
            [](Kernel* k, Handle* s) -> Task<Result<std::size_t>> { co_return co_await k->recv(*s, buffer); },
            static_cast<Kernel*>(&client), &*socket);
        ASSERT_FALSE(ended);
        EXPECT_EQ(ended.error().sys_errno(), ECONNRESET);  // It was never accepted.
    }
    restart();
    EXPECT_TRUE(kernel().listen_unix("/run/s", 0600));
}

}  // namespace
}  // namespace sluice::io
