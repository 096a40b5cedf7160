#include "io/sim_fixture.h"

namespace sluice::io {
namespace {

using SimFaultsTest = SimTest;

Task<Result<std::vector<int>>> write_and_sync(Kernel& kernel, std::string path, int rounds) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, path, O_RDWR | O_CREAT));
    std::vector<int> errnos;
    for (int i = 0; i < rounds; ++i) {
        const Result<std::size_t> written = co_await write_text(kernel, file, 0, "new");
        errnos.push_back(written ? 0 : written.error().sys_errno());
        const Result<> synced = co_await kernel.sync(file, SyncKind::data);
        errnos.push_back(synced ? 0 : synced.error().sys_errno());
    }
    co_return errnos;
}

TEST_F(SimFaultsTest, RuleHitsTheNthOperationOnItsPathOnce) {
    const std::size_t rule = world().faults().add(fail_nth(OpCode::write, "/run/*", 2, ENOSPC));
    auto other = run(write_and_sync, std::string("/tmp/b"), 3);
    auto errnos = run(write_and_sync, std::string("/run/a"), 3);
    ASSERT_TRUE(errnos && other);
    EXPECT_EQ(*other, (std::vector<int>{0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(*errnos, (std::vector<int>{0, 0, ENOSPC, 0, 0, 0}));
    EXPECT_EQ(world().faults().hits(rule), 1U);
    EXPECT_EQ(world().faults().injected(), 1U);
}

TEST_F(SimFaultsTest, RuleForEverHitsAllLaterOperations) {
    const std::size_t rule = world().faults().add(fail_from(OpCode::write, "*", 2, EIO));
    auto errnos = run(write_and_sync, std::string("/run/a"), 3);
    ASSERT_TRUE(errnos);
    EXPECT_EQ(*errnos, (std::vector<int>{0, 0, EIO, 0, EIO, 0}));
    world().faults().remove(rule);
    errnos = run(write_and_sync, std::string("/run/a"), 1);
    ASSERT_TRUE(errnos);
    EXPECT_EQ(*errnos, (std::vector<int>{0, 0}));
}

TEST_F(SimFaultsTest, RulesAndRatesAreSilentWhenSwitchedOff) {
    world().faults().add(fail_from(OpCode::write, "*", 1, EIO));
    world().faults().rates.sync_error = 1;
    world().faults().enabled = false;
    auto errnos = run(write_and_sync, std::string("/run/a"), 2);
    ASSERT_TRUE(errnos);
    EXPECT_EQ(*errnos, (std::vector<int>{0, 0, 0, 0}));
    EXPECT_EQ(world().faults().injected(), 0U);
}

// What ext4, xfs and btrfs do: the error is told once, the second sync has nothing left to do and succeeds, readers
// see the new bytes until the machine stops, and then the old ones are back.
TEST_F(SimFaultsTest, FailedSyncIsToldOnceAndTheWritesAreForgotten) {
    disk().put_file("/run/a", as_bytes("old"));
    world().faults().add(fail_nth(OpCode::sync, "/run/a", 1, EIO));
    auto errnos = run([](Kernel& kernel) -> Task<Result<std::vector<int>>> {
        SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", O_RDWR));
        SLUICE_CO_CHECK(co_await write_text(kernel, file, 0, "new"));
        std::vector<int> told;
        for (int i = 0; i < 2; ++i) {
            const Result<> synced = co_await kernel.sync(file, SyncKind::all);
            told.push_back(synced ? 0 : synced.error().sys_errno());
        }
        co_return told;
    });
    ASSERT_TRUE(errnos) << errnos.error();
    EXPECT_EQ(*errnos, (std::vector<int>{EIO, 0}));
    EXPECT_EQ(content("/run/a"), "new");
    world().crash(CrashKind::power);
    EXPECT_EQ(content("/run/a"), "old");
}

TEST_F(SimFaultsTest, FailedWriteLeavesNothingAPartOrAll) {
    std::map<std::string, int> seen;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        SimWorld::Options options;
        options.seed = seed;
        options.faults.write_error = 1;
        start(std::move(options));
        const std::string big(2 * kSimSector, 'n');
        auto saved = run(save, std::string("/run/a"), big);
        ASSERT_FALSE(saved);
        EXPECT_EQ(saved.error().sys_errno(), EIO);
        ++seen[std::to_string(content("/run/a").size())];
    }
    EXPECT_GT(seen["0"], 0);
    EXPECT_GT(seen["512"], 0);
    EXPECT_GT(seen["1024"], 0);
}

TEST_F(SimFaultsTest, EffectAllDoesTheWorkAndReportsTheError) {
    FaultRule rule = fail_nth(OpCode::rename, "*", 1, EINTR);
    rule.fault.effect = FaultEffect::all;
    world().faults().add(rule);
    disk().put_file("/run/a", as_bytes("a"));
    auto renamed = run([](Kernel& kernel) -> Task<Result<>> {
        const std::string from = "/run/a";
        const std::string to = "/run/b";
        co_return co_await kernel.rename(-1, from, -1, to, 0);
    });
    ASSERT_FALSE(renamed);
    EXPECT_EQ(renamed.error().sys_errno(), EINTR);
    EXPECT_TRUE(disk().exists("/run/b"));
}

// Not in a coroutine frame, which would not keep the alignment.
alignas(512) std::array<std::byte, 8192> written_buffer;

Task<Result<std::size_t>> write_once(Kernel& kernel, int flags, std::size_t length) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, "/run/a", flags));
    const std::span<std::byte> all(written_buffer);
    co_return co_await kernel.write_at(file, 0, all.first(length), WriteSync::none);
}

TEST_F(SimFaultsTest, ShortWritesMakeProgressInWholeDirectBlocks) {
    world().faults().rates.short_write = 1;
    for (int i = 0; i < 50; ++i) {
        auto buffered = run(write_once, O_RDWR | O_CREAT, std::size_t{1000});
        ASSERT_TRUE(buffered);
        EXPECT_GE(*buffered, 1U);
        EXPECT_LT(*buffered, 1000U);
        auto direct = run(write_once, O_RDWR | O_CREAT | O_DIRECT, std::size_t{4096});
        ASSERT_TRUE(direct);
        EXPECT_EQ(*direct % 512, 0U);
        EXPECT_GE(*direct, 512U);
        EXPECT_LT(*direct, 4096U);
        auto least = run(write_once, O_RDWR | O_DIRECT, std::size_t{512});
        ASSERT_TRUE(least);
        EXPECT_EQ(*least, 512U);
    }
}

TEST_F(SimFaultsTest, LengthLimitOfARuleIsKept) {
    FaultRule rule;
    rule.codes.push_back(OpCode::write);
    rule.for_ever = true;
    rule.fault.length_max = 3;
    world().faults().add(rule);
    auto written = run(write_once, O_RDWR | O_CREAT, std::size_t{10});
    ASSERT_TRUE(written);
    EXPECT_EQ(*written, 3U);
    EXPECT_EQ(content("/run/a").size(), 3U);
}

TEST_F(SimFaultsTest, SlowOperationTakesItsDelay) {
    FaultRule rule;
    rule.codes.push_back(OpCode::sync);
    rule.fault.delay = std::chrono::seconds(3);
    world().faults().add(rule);
    const MonotonicTime before = world().clock().now();
    ASSERT_TRUE(run(sync_path, std::string("/run")));
    EXPECT_GE(world().clock().now() - before, std::chrono::seconds(3));
}

TEST_F(SimFaultsTest, EveryRateFiresItsErrno) {
    const std::vector<std::pair<double FaultRates::*, int>> cases{{&FaultRates::write_error, EIO},
                                                                  {&FaultRates::no_space, ENOSPC},
                                                                  {&FaultRates::interrupted, EINTR},
                                                                  {&FaultRates::again, EAGAIN}};
    for (const auto& [rate, expected] : cases) {
        disk().put_file("/run/a", {});
        world().faults().rates = {};
        world().faults().rates.*rate = 1;
        auto written = run(write_once, O_RDWR, std::size_t{10});
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().sys_errno(), expected);
    }
}

// Everything that can be done to names and files, each once; the errnos, in the order of the operations.
Task<Result<std::vector<int>>> do_everything(Kernel& kernel) {
    std::vector<int> errnos;
    const auto note = [&errnos](const auto& result) { errnos.push_back(result ? 0 : result.error().sys_errno()); };
    const std::string a = "/run/a";
    const std::string b = "/run/b";
    const std::string made = "/run/made";
    const OpenOptions create = open_flags(O_RDWR | O_CREAT);
    Result<Handle> file = co_await kernel.open(-1, a, create);
    note(file);
    if (!file) {
        co_return errnos;
    }
    note(co_await kernel.allocate(*file, 0, 8192));
    note(co_await write_text(kernel, *file, 0, std::string(8192, 'x')));
    std::array<std::byte, 16> buffer{};
    const std::span<std::byte> into(buffer);
    note(co_await kernel.read_at(*file, 0, into));
    note(co_await kernel.truncate(*file, 4096));
    note(co_await kernel.sync(*file, SyncKind::all));
    note(co_await kernel.stat(*file));
    note(co_await kernel.rename(-1, a, -1, b, 0));
    note(co_await kernel.unlink(-1, b));
    note(co_await kernel.mkdir(-1, made, 0755));
    note(co_await kernel.close(std::move(*file)));
    co_return errnos;
}

TEST_F(SimFaultsTest, PlannedFaultHitsEachOperationInEachPlausibleWay) {
    const std::vector<OpCode> codes{OpCode::open,     OpCode::allocate, OpCode::write, OpCode::read,
                                    OpCode::truncate, OpCode::sync,     OpCode::stat,  OpCode::rename,
                                    OpCode::unlink,   OpCode::mkdir,    OpCode::close};
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const std::vector<SimFault> faults = plausible_faults(codes[i], O_RDWR | O_CREAT);
        ASSERT_FALSE(faults.empty()) << i;
        for (std::size_t choice = 0; choice < faults.size(); ++choice) {
            SCOPED_TRACE(fmt::format("operation {}, choice {}", i, choice));
            start(SimWorld::Options());
            unsigned told = 0;
            world().faults().plan({{.operation = i + 1, .choice = choice}}, [&told] { ++told; });
            const auto errnos = run(do_everything);
            ASSERT_TRUE(errnos) << errnos.error();
            std::vector<int> expected(i == 0 ? 1 : codes.size());
            expected[i] = faults[choice].error;
            if (codes[i] == OpCode::rename && faults[choice].effect == FaultEffect::nothing) {
                expected[i + 1] = ENOENT;  // Nothing has the new name.
            }
            EXPECT_EQ(*errnos, expected);
            EXPECT_EQ(world().faults().counted(), expected.size());
            EXPECT_EQ(world().faults().planned_hits(), std::vector{codes[i]});
            EXPECT_EQ(told, 1U);
            EXPECT_EQ(world().open_descriptors(kernel()), 0U);
        }
    }
}

TEST_F(SimFaultsTest, FailedChangeOfNamesIsDoneOrNotAsItsEffectSays) {
    for (const OpCode code : {OpCode::open, OpCode::rename, OpCode::unlink, OpCode::truncate, OpCode::mkdir}) {
        const std::vector<SimFault> faults = plausible_faults(code, O_RDWR | O_CREAT);
        EXPECT_EQ(std::ranges::count(faults, FaultEffect::all, &SimFault::effect), 1);
        for (const SimFault& fault : faults) {
            start(SimWorld::Options());
            FaultRule rule = fail_nth(code, "*", 1, fault.error);
            rule.fault = fault;
            world().faults().add(rule);
            ASSERT_TRUE(run(do_everything));
            const bool done = fault.effect == FaultEffect::all;
            if (code == OpCode::open) {
                EXPECT_EQ(disk().exists("/run/a"), done);
            } else if (code == OpCode::mkdir) {
                EXPECT_EQ(disk().exists("/run/made"), done);
            } else if (code == OpCode::unlink) {
                EXPECT_EQ(disk().exists("/run/b"), !done);
            } else if (code == OpCode::rename) {
                EXPECT_EQ(disk().exists("/run/a"), !done);
            }
        }
    }
}

TEST_F(SimFaultsTest, PlannedFaultForEverHitsLaterOperationsOfItsKindOnly) {
    world().faults().plan({{.operation = 2, .choice = 3, .for_ever = true}});
    auto errnos = run(write_and_sync, std::string("/run/a"), 3);
    ASSERT_TRUE(errnos);
    EXPECT_EQ(*errnos, (std::vector<int>{ENOSPC, 0, ENOSPC, 0, ENOSPC, 0}));
    EXPECT_EQ(world().faults().planned_hits(), std::vector(3, OpCode::write));
}

TEST_F(SimFaultsTest, RateOfNameErrorsHitsEveryOperationOnNames) {
    const auto fails = [](OpCode code) {
        SimFaults faults;
        faults.rates.name_error = 1;
        SimRandom random(1);
        return faults.decide({.code = code}, "", random).error == EIO;
    };
    for (const OpCode code :
         {OpCode::open, OpCode::stat, OpCode::list, OpCode::mkdir, OpCode::rename, OpCode::unlink, OpCode::truncate}) {
        EXPECT_TRUE(fails(code)) << static_cast<int>(code);
    }
    for (const OpCode code : {OpCode::read, OpCode::write, OpCode::sync, OpCode::close, OpCode::send}) {
        EXPECT_FALSE(fails(code)) << static_cast<int>(code);
    }
}

}  // namespace
}  // namespace sluice::io
