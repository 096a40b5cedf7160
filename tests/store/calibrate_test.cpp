// Which way of committing is chosen, and what is measured for it.
#include "store/calibrate.h"

#include "store_fixture.h"

namespace sluice::store::test {
namespace {

class CalibrateTest : public StoreTest {
 protected:
    Result<Calibration> choose() {
        io::SimKernel kernel(*world, io::SimKernel::Options{});
        const auto run = [](io::Kernel& on) -> Task<Result<Calibration>> {
            const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
            SLUICE_CO_TRY(const io::Handle directory, co_await on.open(-1, kDirectory, open));
            co_return co_await choose_io_mode(on, directory);
        };
        return io::block_on(kernel, "test", run, std::ref<io::Kernel>(kernel));
    }
};

TEST_F(CalibrateTest, MeasuresOnceAndRemembers) {
    const auto first = choose();
    ASSERT_TRUE(first) << first.error();
    EXPECT_GT(first->direct, Duration::zero());
    EXPECT_GT(first->buffered, Duration::zero());
    const auto again = choose();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->mode, first->mode);
    EXPECT_EQ(again->buffered, Duration::zero());
    EXPECT_EQ(disk().names(kDirectory), (std::vector<std::string>{"calibration"}));
}

TEST_F(CalibrateTest, TakesBufferedOnlyWhereItIsClearlyFaster) {
    for (const auto& [slower, expected] : {std::pair{"/store/calibration-direct.tmp", IoMode::buffered},
                                           std::pair{"/store/calibration-buffered.tmp", IoMode::direct}}) {
        start(1);
        io::FaultRule rule = io::fail_from(io::OpCode::write, slower, 1, 0);
        rule.fault.delay = std::chrono::milliseconds(5);
        faults().add(rule);
        const auto found = choose();
        ASSERT_TRUE(found) << found.error();
        EXPECT_EQ(found->mode, expected) << slower;
    }
}

// As the log commits: RWF_DSYNC with O_DIRECT, a sync without.
TEST_F(CalibrateTest, EachWayIsMeasuredAsItCommits) {
    const auto beyond_making = [this](const std::string& name) {
        return std::pair(watch(io::OpCode::write, path(name)), watch(io::OpCode::sync, path(name)));
    };
    const auto [direct_writes, direct_syncs] = beyond_making("calibration-direct.tmp");
    const auto [buffered_writes, buffered_syncs] = beyond_making("calibration-buffered.tmp");
    ASSERT_TRUE(choose());
    EXPECT_EQ(faults().hits(direct_syncs), 1U) << "only when the file was made";
    EXPECT_EQ(faults().hits(direct_writes), faults().hits(buffered_writes));
    EXPECT_GT(faults().hits(buffered_syncs), 4U) << "one round is no measurement";
}

TEST_F(CalibrateTest, WithoutDirectIoChoosesBuffered) {
    disk().set_direct_io_alignment(0);
    const auto found = choose();
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(found->mode, IoMode::buffered);
    EXPECT_EQ(found->direct, Duration::zero());
    EXPECT_EQ(as_text(*disk().content(path("calibration"))), "buffered\n");
}

// ---- what exactly is measured, on a machine where nothing but what a test says takes time ----

class QuietCalibrateTest : public CalibrateTest {
 protected:
    using Rounded = std::chrono::duration<std::int64_t, std::ratio<1, 10'000>>;
    static constexpr Duration kMs = std::chrono::milliseconds(1);
    static inline const std::string kDirect = kDirectory + "/calibration-direct.tmp";
    static inline const std::string kBuffered = kDirectory + "/calibration-buffered.tmp";

    QuietCalibrateTest() { restart({}); }
    void restart(Duration sync) {
        io::SimWorld::Options quiet;
        quiet.latency = {.socket = {}, .file = {}, .sync = sync, .resume = {}};
        quiet.on_trace = [this](std::string_view line) { trace_.emplace_back(line); };
        world = std::make_unique<io::SimWorld>(std::move(quiet));
        world->disk().make_directories(kDirectory);
        trace_.clear();
    }
    // Each write of the file takes that long, but for the one that makes it.
    void slow(const std::string& path, Duration delay, std::uint64_t rounds = 1000) {
        for (std::uint64_t round = 0; round < std::min<std::uint64_t>(rounds, 30); ++round) {
            io::FaultRule rule = io::fail_nth(io::OpCode::write, path, round + 2, 0);
            rule.fault.delay = delay;
            faults().add(rule);
        }
    }
    Calibration chosen() {
        const Result<Calibration> found = choose();
        EXPECT_TRUE(found) << found.error();
        Calibration rounded = found.value_or(Calibration{});
        rounded.direct = std::chrono::floor<Rounded>(rounded.direct);  // The loop itself takes some nanoseconds.
        rounded.buffered = std::chrono::floor<Rounded>(rounded.buffered);
        return rounded;
    }
    // "offset N length N" of each write that was asked for.
    std::vector<std::string> writes_of(const std::string& path) const {
        std::vector<std::string> all;
        for (const std::string& line : trace_) {
            const std::size_t at = line.find("write '" + path + "'");
            if (line.contains("submit") && at != std::string::npos) {
                all.push_back(line.substr(line.find("offset")));
            }
        }
        return all;
    }

 private:
    std::vector<std::string> trace_;
};

TEST_F(QuietCalibrateTest, BufferedIsTakenBelowThreeQuartersOfDirect) {
    for (const auto& [buffered, mode] : {std::pair{5900, IoMode::buffered}, std::pair{6100, IoMode::direct}}) {
        restart({});
        slow(kDirect, 8 * kMs);
        slow(kBuffered, std::chrono::microseconds(buffered));
        const Calibration found = chosen();
        EXPECT_EQ(found.direct, 8 * kMs);
        EXPECT_EQ(found.buffered, Duration(std::chrono::microseconds(buffered)));
        EXPECT_EQ(found.mode, mode) << buffered;
        EXPECT_EQ(as_text(*disk().content(path("calibration"))), mode == IoMode::direct ? "direct\n" : "buffered\n");
    }
}

TEST_F(QuietCalibrateTest, MedianIsTheThirteenthOf24) {
    for (const std::uint64_t slow_rounds : {11U, 12U}) {
        restart({});
        slow(kDirect, 8 * kMs, slow_rounds);
        slow(kBuffered, 9 * kMs, 23 - slow_rounds);
        const Calibration found = chosen();
        EXPECT_EQ(found.direct, slow_rounds == 12 ? 8 * kMs : Duration{});
        EXPECT_EQ(found.buffered, slow_rounds == 11 ? 9 * kMs : Duration{});
    }
}

TEST_F(QuietCalibrateTest, EachRoundOverwritesItsOwnBlockOfZeros) {
    (void)chosen();
    for (const std::string& file : {kDirect, kBuffered}) {
        const std::vector<std::string> writes = writes_of(file);
        ASSERT_EQ(writes.size(), 25U) << file;
        EXPECT_EQ(writes[0], "offset 0 length 98304");
        for (std::size_t round = 0; round < 24; ++round) {
            EXPECT_EQ(writes[round + 1], fmt::format("offset {} length 4096", round * 4096)) << file;
        }
    }
}

TEST_F(QuietCalibrateTest, SlowDiskIsJudgedByFewerRounds) {
    slow(kDirect, 45 * kMs);
    slow(kBuffered, 45 * kMs);
    const Calibration found = chosen();
    EXPECT_EQ(found.direct, 45 * kMs);
    EXPECT_EQ(writes_of(kDirect).size(), 1U + 4);
    EXPECT_EQ(writes_of(kBuffered).size(), 1U + 4);
}

// A direct commit is durable by itself; a buffered one by its sync, and by that alone.
TEST_F(QuietCalibrateTest, WhatMakesACommitDurableIsMeasuredOnce) {
    restart(8 * kMs);  // From half of it to one and a half.
    const Calibration found = chosen();
    EXPECT_GE(found.direct, 4 * kMs);
    EXPECT_LE(found.direct, 12 * kMs);
    EXPECT_GE(found.buffered, 4 * kMs);
    EXPECT_LE(found.buffered, 12 * kMs);
}

TEST_F(QuietCalibrateTest, OnlyTheWordBufferedIsRemembered) {
    for (const auto& [text, mode] : {std::pair{"buffered\n", IoMode::buffered}, std::pair{"direct\n", IoMode::direct},
                                     std::pair{"buffered", IoMode::direct}, std::pair{"", IoMode::direct},
                                     std::pair{"sixteen bytes...", IoMode::direct}}) {
        disk().put_file(path("calibration"), as_bytes(std::string_view(text)));
        const Calibration found = chosen();
        EXPECT_EQ(found.mode, mode) << text;
        EXPECT_TRUE(writes_of(kDirect).empty() && writes_of(kBuffered).empty()) << text;
    }
    disk().put_file(path("calibration"), as_bytes(std::string_view("seventeen bytes..")));
    (void)chosen();
    EXPECT_FALSE(writes_of(kDirect).empty());
    EXPECT_LT(disk().content(path("calibration"))->size(), 10U);
}

TEST_F(QuietCalibrateTest, WhatFailsIsToldUnlessOnlyDirectIsRefused) {
    struct Case {
        io::OpCode code;
        std::string path;
        std::uint64_t nth;
        bool refused;
    };
    using io::OpCode;
    const std::string remembered = kDirectory + "/calibration.tmp";
    for (const Case& one : {Case{OpCode::open, kBuffered, 1, true}, Case{OpCode::write, kBuffered, 1, true},
                            Case{OpCode::sync, kBuffered, 1, true}, Case{OpCode::write, kBuffered, 2, true},
                            Case{OpCode::sync, kBuffered, 2, true}, Case{OpCode::close, kBuffered, 1, true},
                            Case{OpCode::unlink, kBuffered, 1, true}, Case{OpCode::open, kDirect, 1, false},
                            Case{OpCode::write, kDirect, 1, false}, Case{OpCode::sync, kDirect, 1, false},
                            Case{OpCode::write, kDirect, 2, true}, Case{OpCode::close, kDirect, 1, true},
                            Case{OpCode::unlink, kDirect, 1, true}, Case{OpCode::open, remembered, 1, true},
                            Case{OpCode::write, remembered, 1, true}, Case{OpCode::rename, remembered, 1, true}}) {
        restart({});
        const std::size_t rule = faults().add(io::fail_nth(one.code, one.path, one.nth, EIO));
        const Result<Calibration> found = choose();
        const std::string what = fmt::format("operation {} of {}", static_cast<int>(one.code), one.path);
        EXPECT_EQ(faults().hits(rule), 1U) << what;
        EXPECT_EQ(code_of(found), one.refused ? Errc::io_error : Errc{}) << what;
        if (found) {
            EXPECT_EQ(found->mode, IoMode::buffered) << what;
            EXPECT_EQ(found->direct, Duration{});
            EXPECT_EQ(found->buffered, Duration{});
            EXPECT_TRUE(disk().exists(path("calibration")));
            EXPECT_FALSE(disk().exists(kBuffered));
        } else {
            EXPECT_FALSE(disk().exists(path("calibration"))) << what;
        }
    }
}

TEST_F(QuietCalibrateTest, FilesThatAreMeasuredAreZeros) {
    for (const std::string& file : {kDirect, kBuffered}) {
        restart({});
        slow(kDirect, 200 * kMs);  // So that most blocks stay as they were made.
        faults().add(io::fail_nth(io::OpCode::unlink, file, 1, EIO));
        EXPECT_FALSE(choose());
        EXPECT_EQ(disk().content(file), Bytes(24 * 4096)) << file;
    }
}

}  // namespace
}  // namespace sluice::store::test
