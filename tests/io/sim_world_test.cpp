#include <set>

#include "coro/combine.h"
#include "coro/pool.h"
#include "io/sim_fixture.h"

namespace sluice::io {
namespace {

using SimWorldTest = SimTest;

Task<Result<>> busy(Kernel& kernel, std::string path) {
    for (int i = 0; i < 20; ++i) {
        const Result<> saved = co_await save(kernel, path, std::string(100, static_cast<char>('a' + i)));
        if (saved) {
            static_cast<void>(co_await sync_path(kernel, path));
        }
    }
    co_return Result<>{};
}

struct Outcome {
    std::uint64_t hash = 0;
    std::string trace;
    std::string content;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Two loops, every kind of fault, a power cut, and another start.
Outcome run_scenario(std::uint64_t seed) {
    Outcome outcome;
    SimWorld::Options options;
    options.seed = seed;
    options.faults.write_error = options.faults.sync_error = options.faults.short_write = 0.1;
    options.faults.interrupted = options.faults.slow = 0.1;
    options.on_trace = [&](std::string_view line) { outcome.trace.append(line).append("\n"); };
    SimWorld world(std::move(options));
    for (int boot = 0; boot < 2; ++boot) {
        SimKernel one(world, SimKernel::Options());
        SimKernel two(world, SimKernel::Options());
        coro::Job<Result<>> first(one.loop(), "one", busy, std::ref<Kernel>(one), std::string("/run/a"));
        coro::Job<Result<>> second(two.loop(), "two", busy, std::ref<Kernel>(two), std::string("/run/b"));
        world.at_operation(world.operations() + 60, [&] { world.crash(CrashKind::power); });
        EXPECT_TRUE(world.run_until([&] { return first.done() && second.done(); }));
    }
    outcome.hash = world.trace_hash();
    outcome.content = text_of(world.disk().content("/run/a")) + text_of(world.disk().content("/run/b"));
    return outcome;
}

TEST_F(SimWorldTest, SameSeedGivesTheSameRunToTheByte) {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Outcome outcome = run_scenario(seed);
        EXPECT_TRUE(outcome == run_scenario(seed)) << "seed " << seed;
        EXPECT_NE(outcome.trace.find("POWER LOSS"), std::string::npos);
        hashes.insert(outcome.hash);
    }
    EXPECT_EQ(hashes.size(), 20U);
}

TEST_F(SimWorldTest, SleepTakesVirtualTimeOnly) {
    const MonotonicTime before = world().clock().now();
    const WallNs wall_before = world().clock().wall_now();
    ASSERT_TRUE(run([](Kernel&) -> Task<Result<>> { co_return co_await coro::sleep_for(std::chrono::hours(24)); }));
    const Duration slept = world().clock().now() - before;
    EXPECT_GE(slept, std::chrono::hours(24));
    EXPECT_LT(slept, std::chrono::hours(24) + std::chrono::seconds(1));
    EXPECT_EQ(world().clock().wall_now() - wall_before, slept.count());
    EXPECT_LT(world().steps(), 100U);
}

TEST_F(SimWorldTest, WallClockCanBeSet) {
    const WallNs before = world().clock().wall_now();
    const MonotonicTime now = world().clock().now();
    world().clock().step_wall(-std::chrono::hours(1));
    EXPECT_EQ(world().clock().wall_now(), before - 3'600'000'000'000);
    EXPECT_EQ(world().clock().now(), now);
}

TEST_F(SimWorldTest, IdleWorldSaysWhatWaits) {
    auto listener = kernel().listen_unix("/run/s", 0600);
    ASSERT_TRUE(listener);
    auto accept = [](Kernel* k, Handle* l) -> Task<Result<Handle>> { co_return co_await k->accept(*l); };
    coro::Job<Result<Handle>> job(kernel().loop(), "accept", accept, static_cast<Kernel*>(&kernel()), &*listener);
    auto hung = world().run_until([&] { return job.done(); });
    ASSERT_FALSE(hung);
    EXPECT_EQ(hung.error().code(), Errc::internal);
    EXPECT_NE(hung.error().text().find("accept '/run/s' waits"), std::string::npos) << hung.error();
    EXPECT_NE(hung.error().text().find("seed 1"), std::string::npos);
    EXPECT_FALSE(world().step());
    job.cancel();
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
    EXPECT_EQ(job.result().error().code(), Errc::cancelled);
    EXPECT_EQ(world().pending(), 0U);
}

TEST_F(SimWorldTest, EndlessWorkIsReportedAfterTheStepLimit) {
    auto tick = [](Kernel*) -> Task<Result<>> {
        for (;;) {
            SLUICE_CO_CHECK(co_await coro::sleep_for(std::chrono::seconds(1)));
        }
    };
    coro::Job<Result<>> job(kernel().loop(), "tick", tick, static_cast<Kernel*>(&kernel()));
    EXPECT_FALSE(world().run_until_idle(1000));
    job.cancel();
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
}

TEST_F(SimWorldTest, RunForStopsAtItsTime) {
    int ticks = 0;
    auto tick = [](int* count) -> Task<Result<>> {
        for (;;) {
            SLUICE_CO_CHECK(co_await coro::sleep_for(std::chrono::seconds(1)));
            ++*count;
        }
    };
    coro::Job<Result<>> job(kernel().loop(), "tick", tick, &ticks);
    const MonotonicTime before = world().clock().now();
    ASSERT_TRUE(world().run_for(std::chrono::milliseconds(10'500)));
    EXPECT_EQ(ticks, 10);
    EXPECT_EQ(world().clock().now() - before, std::chrono::milliseconds(10'500));
    job.cancel();
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
}

// A coroutine that only yields must not keep time from passing for the others.
TEST_F(SimWorldTest, TimePassesForABusyLoop) {
    bool stop = false;
    auto spin = [](bool* flag) -> Task<Result<>> {
        while (!*flag) {
            co_await coro::yield();
        }
        co_return Result<>{};
    };
    coro::Job<Result<>> job(kernel().loop(), "spin", spin, &stop);
    ASSERT_TRUE(run(save, std::string("/run/a"), std::string("x")));
    stop = true;
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
}

TEST_F(SimWorldTest, DeadlineCancelsAnOperationThatWaits) {
    auto listener = kernel().listen_unix("/run/s", 0600);
    ASSERT_TRUE(listener);
    auto accept = [](Kernel& k, Handle* l) -> Task<Result<Handle>> { co_return co_await k.accept(*l); };
    auto wait = [](Kernel& k, Handle* l, decltype(accept) a) -> Task<Result<Handle>> {
        co_return co_await coro::with_timeout(std::chrono::seconds(5), a(k, l));
    };
    auto result = run(wait, &*listener, accept);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::deadline_exceeded);
    EXPECT_EQ(world().pending(), 0U);
}

// A cancelled file operation is either done, with its result, or has had no effect.
TEST_F(SimWorldTest, CancelledOperationIsDoneOrHasNoEffect) {
    int done = 0;
    int cancelled = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SimWorld::Options options;
        options.seed = seed;
        start(std::move(options));
        auto make = [](Kernel* k) -> Task<Result<>> {
            const std::string path = "/run/d";
            co_return co_await k->mkdir(-1, path, 0755);
        };
        coro::Job<Result<>> job(kernel().loop(), "mkdir", make, static_cast<Kernel*>(&kernel()));
        job.cancel();
        ASSERT_TRUE(world().run_until([&] { return job.done(); }));
        EXPECT_EQ(job.result().has_value(), disk().exists("/run/d"));
        ++(job.result() ? done : cancelled);
    }
    EXPECT_GT(done, 0);
    EXPECT_GT(cancelled, 0);
}

struct Letter final : coro::RemoteNode {
    int* counter = nullptr;
    coro::Loop* reply_to = nullptr;
    Letter* reply = nullptr;
    void run_remote() noexcept override {
        ++*counter;
        if (reply != nullptr) {
            reply_to->post_remote(*reply);
        }
    }
};

TEST_F(SimWorldTest, LoopsExchangeRemotePosts) {
    SimKernel other(world(), SimKernel::Options());
    int there = 0;
    int back = 0;
    Letter reply;
    reply.counter = &back;
    Letter message;
    message.counter = &there;
    message.reply_to = &kernel().loop();
    message.reply = &reply;
    other.loop().post_remote(message);
    ASSERT_TRUE(world().run_until_idle());
    EXPECT_EQ(there, 1);
    EXPECT_EQ(back, 1);
}

TEST_F(SimWorldTest, OffloadRunsInline) {
    coro::InlinePool pool;
    coro::Offload offload(pool, kernel().loop(), 2);
    auto work = [](coro::Offload* o) -> Task<Result<int>> {
        auto fn = [] { return 42; };
        co_return co_await o->run(fn);
    };
    auto result = block_on(kernel(), "offload", work, &offload);
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, 42);
}

TEST_F(SimWorldTest, ClosedDescriptorIsReportedAndCounted) {
    auto closed = run([](Kernel& k) -> Task<Result<>> {
        SLUICE_CO_TRY(Handle file, co_await open_file(k, "/run", O_RDONLY));
        const Handle stale(k, file.fd());
        SLUICE_CO_CHECK(co_await k.close(std::move(file)));
        co_return co_await k.sync(stale, SyncKind::all);
    });
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().sys_errno(), EBADF);
    EXPECT_EQ(world().bad_descriptors(), 2U);  // The sync, and the second close.
}

TEST_F(SimWorldTest, OperationHookFiresForOneThatWaits) {
    auto listener = kernel().listen_unix("/run/s", 0600);
    ASSERT_TRUE(listener);
    bool fired = false;
    world().at_operation(1, [&] { fired = true; });
    auto accept = [](Kernel* k, Handle* l) -> Task<Result<Handle>> { co_return co_await k->accept(*l); };
    coro::Job<Result<Handle>> job(kernel().loop(), "accept", accept, static_cast<Kernel*>(&kernel()), &*listener);
    ASSERT_TRUE(world().run_until_idle());
    EXPECT_TRUE(fired);
    job.cancel();
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
}

}  // namespace
}  // namespace sluice::io
