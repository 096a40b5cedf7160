#include "store/spares.h"

#include "coro/scope.h"
#include "io/shaped_kernel.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

using io::OpCode;

class SparePoolTest : public testing::Test {
 protected:
    static constexpr std::uint64_t kBytes = 300 * 1024;  // One write of 256 KiB, and one of 44.

    SparePoolTest() : world(1), kernel(world) {
        world.disk().make_directories(kDirectory);
        const auto open = [](io::Kernel& on) -> Task<Result<io::Handle>> {
            const io::OpenOptions options{.flags = O_RDONLY | O_DIRECTORY};
            co_return co_await on.open(-1, kDirectory, options);
        };
        directory = *io::block_on(kernel, "test", open, std::ref<io::Kernel>(kernel));
        pool = std::make_unique<SparePool>(kernel, directory, kBytes, events, [this] { ++told; });
        kernel.on_submit = [this](io::OpRequest& request) {
            ++asked[request.code];
            if (request.code == OpCode::write) {
                writes.emplace_back(request.offset, request.length);
                request.length = writes.size() == empty_write ? 0 : request.length;
            }
            if (request.code == OpCode::open) {
                flags = request.flags;
            }
        };
    }
    Result<std::string> take() {
        const auto run = [](SparePool& from) -> Task<Result<std::string>> { co_return co_await from.take(); };
        return io::block_on(kernel, "test", run, std::ref(*pool));
    }
    std::string taken() {
        const Result<std::string> name = take();
        return name ? *name : fmt::format("{}", name.error());
    }
    void adopt(std::uint32_t number, std::size_t bytes = kBytes) {
        disk().put_file(kDirectory + "/" + spare_name(number), Bytes(bytes));
        const auto run = [](SparePool& into, std::uint32_t of) -> Task<Result<>> { co_return co_await into.adopt(of); };
        EXPECT_TRUE(io::block_on(kernel, "test", run, std::ref(*pool), number));
    }
    void recycle(const std::string& name, std::uint64_t bytes, std::size_t ready_max = 2) {
        disk().put_file(kDirectory + "/" + name, Bytes(bytes));
        const auto run = [](SparePool& into, std::string of, std::uint64_t size, std::size_t most) -> Task<Result<>> {
            co_return co_await into.recycle(std::move(of), size, most);
        };
        EXPECT_TRUE(io::block_on(kernel, "test", run, std::ref(*pool), name, bytes, ready_max));
    }
    Result<> join(coro::Scope& scope) {
        const auto run = [](coro::Scope& of) -> Task<Result<>> {
            co_await of.join();
            co_return Result<>{};
        };
        return io::block_on(kernel, "test", run, std::ref(scope));
    }
    io::SimDisk& disk() { return world.disk(); }
    std::vector<std::string> files() { return disk().names(kDirectory); }

    io::SimWorld world;
    io::test::ShapedKernel kernel;
    io::Handle directory;
    Reported events;
    std::unique_ptr<SparePool> pool;
    std::map<OpCode, int> asked;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> writes;
    int told = 0;                 // That a file was made, or could not be.
    std::size_t empty_write = 0;  // The nth write writes nothing, and says so.
    std::uint32_t flags = 0;      // Of the last open().
};

using Strings = std::vector<std::string>;

TEST_F(SparePoolTest, TellsWhetherItMakesAFile) {
    std::vector<bool> making;
    kernel.on_submit = [&](io::OpRequest& request) {
        if (request.code == OpCode::write) {
            making.push_back(pool->is_making());
        }
    };
    EXPECT_FALSE(pool->is_making());
    ASSERT_TRUE(take());
    EXPECT_EQ(making, std::vector<bool>(2, true));
    EXPECT_FALSE(pool->is_making());
    EXPECT_EQ(told, 1);
    world.faults().add(io::fail_nth(OpCode::write, "*", 1, EIO));
    EXPECT_FALSE(take());
    EXPECT_FALSE(pool->is_making());
    EXPECT_EQ(told, 2);
    adopt(7);
    ASSERT_TRUE(take());
    EXPECT_EQ(told, 2) << "it was there";
}

TEST_F(SparePoolTest, MakesAFileOfZerosWhereNoneIsReady) {
    EXPECT_EQ(taken(), "spare-00000001.wal");
    EXPECT_EQ(files(), (Strings{"spare-00000001.wal"}));
    EXPECT_EQ(disk().content(kDirectory + "/spare-00000001.wal"), Bytes(kBytes));
    EXPECT_EQ(disk().dirty_changes(kDirectory + "/spare-00000001.wal"), 0U);
    EXPECT_EQ(writes, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 262'144}, {262'144, 45'056}}));
    EXPECT_EQ(asked[OpCode::allocate], 1);
    EXPECT_EQ(asked[OpCode::sync], 1);
    EXPECT_EQ(asked[OpCode::close], 1);
    EXPECT_EQ(flags & O_DIRECT, 0U);
    EXPECT_EQ(taken(), "spare-00000002.wal");
    pool->set_direct(true);
    EXPECT_EQ(taken(), "spare-00000003.wal");
    EXPECT_NE(flags & O_DIRECT, 0U);
    EXPECT_EQ(disk().content(kDirectory + "/spare-00000003.wal"), Bytes(kBytes));
}

TEST_F(SparePoolTest, ShortWritesAreContinued) {
    io::FaultRule rule = io::fail_from(OpCode::write, "*", 1, 0);
    rule.fault.length_max = 100'000;
    world.faults().add(rule);
    EXPECT_EQ(taken(), "spare-00000001.wal");
    EXPECT_EQ(disk().content(kDirectory + "/spare-00000001.wal"), Bytes(kBytes));
    EXPECT_EQ(writes, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                          {0, 262'144}, {100'000, 207'200}, {200'000, 107'200}, {300'000, 7'200}}));
}

TEST_F(SparePoolTest, GivesWhatIsReadyInItsOrderAndNumbersBehindIt) {
    adopt(9);
    adopt(4);
    EXPECT_EQ(taken(), "spare-00000009.wal");
    EXPECT_EQ(taken(), "spare-00000004.wal");
    EXPECT_TRUE(writes.empty());
    recycle("done.wal", kBytes);
    EXPECT_EQ(taken(), "spare-0000000a.wal");
    EXPECT_EQ(taken(), "spare-0000000b.wal");
}

TEST_F(SparePoolTest, WhatHasAnotherSizeOrIsOneTooManyIsRemoved) {
    adopt(3, kBytes - 1);
    adopt(4, kBytes + 1);
    recycle("short.wal", kBytes - 1);
    EXPECT_TRUE(files().empty());
    recycle("first.wal", kBytes);
    recycle("second.wal", kBytes);
    recycle("third.wal", kBytes);
    EXPECT_EQ(files(), (Strings{"spare-00000001.wal", "spare-00000002.wal"}));
    recycle("third.wal", kBytes, 3);
    EXPECT_EQ(files(), (Strings{"spare-00000001.wal", "spare-00000002.wal", "spare-00000003.wal"}));
}

TEST_F(SparePoolTest, WhatCannotBeMadeIsToldAndLeavesNothing) {
    for (const OpCode code :
         {OpCode::open, OpCode::allocate, OpCode::write, OpCode::sync, OpCode::close, OpCode::rename}) {
        const std::size_t rule = world.faults().add(io::fail_nth(code, kDirectory + "/*", 1, EIO));
        const Result<std::string> name = take();
        EXPECT_EQ(world.faults().hits(rule), 1U);
        world.faults().clear_rules();
        ASSERT_FALSE(name) << static_cast<int>(code);
        EXPECT_EQ(name.error().code(), Errc::io_error);
        EXPECT_TRUE(name.error().text().starts_with("prepare a log segment of 307200 bytes: ")) << name.error();
        EXPECT_EQ(files(), Strings()) << static_cast<int>(code);
    }
    EXPECT_TRUE(take());
}

TEST_F(SparePoolTest, WriteThatWritesNothingIsNoSpace) {
    empty_write = 2;
    const Result<std::string> name = take();
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().code(), Errc::no_space);
    EXPECT_EQ(name.error().text(),
              "prepare a log segment of 307200 bytes: a write of 45056 bytes at 262144 wrote none");
    EXPECT_EQ(files(), Strings());
}

TEST_F(SparePoolTest, OneIsKeptReadyUntilCancelled) {
    coro::Scope scope(kernel.loop(), nullptr);
    scope.spawn("keep", &SparePool::keep_ready, pool.get());
    ASSERT_TRUE(world.run_until_idle());
    EXPECT_EQ(files(), (Strings{"spare-00000001.wal"}));
    EXPECT_EQ(taken(), "spare-00000001.wal");
    ASSERT_TRUE(world.run_until_idle());
    EXPECT_EQ(files(), (Strings{"spare-00000001.wal", "spare-00000002.wal"}));
    EXPECT_EQ(taken(), "spare-00000002.wal");
    ASSERT_TRUE(world.run_until_idle());
    EXPECT_EQ(files().size(), 3U);
    EXPECT_EQ(events.spare_failures, 0U);
    scope.cancel();
    ASSERT_TRUE(join(scope));
    EXPECT_EQ(events.spare_failures, 0U);
}

TEST_F(SparePoolTest, FailureIsReportedOnceAndTriedAgainAtTheNextTake) {
    world.faults().add(io::fail_nth(OpCode::allocate, kDirectory + "/*", 1, ENOSPC));
    coro::Scope scope(kernel.loop(), nullptr);
    scope.spawn("keep", &SparePool::keep_ready, pool.get());
    ASSERT_TRUE(world.run_until_idle());
    EXPECT_EQ(events.spare_failures, 1U);
    EXPECT_EQ(files(), Strings());
    EXPECT_EQ(taken(), "spare-00000002.wal") << "made by the one who wants it";
    ASSERT_TRUE(world.run_until_idle());
    EXPECT_EQ(files(), (Strings{"spare-00000002.wal", "spare-00000003.wal"}));
    EXPECT_EQ(events.spare_failures, 1U);
    scope.cancel();
    ASSERT_TRUE(join(scope));
}

// In the middle of making one: that is no failure, and nothing is left.
TEST_F(SparePoolTest, CancellingWhileOneIsMadeReportsNothing) {
    coro::Scope scope(kernel.loop(), nullptr);
    scope.spawn("keep", &SparePool::keep_ready, pool.get());
    ASSERT_TRUE(world.run_until([&] { return writes.size() == 1; }));
    scope.cancel();
    ASSERT_TRUE(join(scope));
    EXPECT_EQ(events.spare_failures, 0U);
    EXPECT_EQ(files(), Strings());
}

TEST_F(SparePoolTest, WaitForOneThatIsBeingMadeCanBeCancelled) {
    coro::Scope scope(kernel.loop(), nullptr);
    scope.spawn("keep", &SparePool::keep_ready, pool.get());
    ASSERT_TRUE(world.run_until([&] { return writes.size() == 1; }));
    coro::Scope other(kernel.loop(), nullptr);
    Result<std::string> got;
    const auto waits = [](SparePool& from, Result<std::string>& into) -> Task<> { into = co_await from.take(); };
    other.spawn("take", waits, std::ref(*pool), std::ref(got));
    other.cancel();
    ASSERT_TRUE(join(other));
    EXPECT_EQ(code_of(got), Errc::cancelled);
    EXPECT_EQ(taken(), "spare-00000001.wal");
    EXPECT_EQ(taken(), "spare-00000002.wal") << "no number was used for it";
    scope.cancel();
    ASSERT_TRUE(join(scope));
}

// Whoever takes one while it is being made waits for it, and no second is made.
TEST_F(SparePoolTest, OneIsMadeAtATime) {
    coro::Scope scope(kernel.loop(), nullptr);
    scope.spawn("keep", &SparePool::keep_ready, pool.get());
    ASSERT_TRUE(world.run_until([&] { return writes.size() == 1; }));
    EXPECT_EQ(taken(), "spare-00000001.wal");
    ASSERT_TRUE(world.run_until_idle());
    EXPECT_EQ(files(), (Strings{"spare-00000001.wal", "spare-00000002.wal"}));
    scope.cancel();
    ASSERT_TRUE(join(scope));
}

}  // namespace
}  // namespace sluice::store::test
