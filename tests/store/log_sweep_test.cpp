// The log's writer and its recovery, with each operation failing, and power lost behind it.
#include "io/fault_sweep.h"
#include "real_copy.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

using io::CrashKind;
using io::OpCode;

class LogSweep : public StoreTest, public io::test::SweptScenario {
 protected:
    io::SimWorld& prepare(std::uint64_t seed) override {
        start(seed);
        options = WriterOptions{.segment_bytes = kSegmentBytes, .sealing = true, .random = options.random};
        model_ = LogModel();
        number_ = 0;
        sealed_end_ = 1;
        return *world;
    }

    // ---- what a caller does ----

    // Starts as a service manager does: again and again, but not for ever.
    bool start_program() {
        options.sealed_end = sealed_end_;
        options.sealed_epoch = sealed_end_ > 1 ? 1 : 0;
        for (int attempt = 0; attempt < 3 && !lost_power(); ++attempt) {
            if (try_open()) {
                model_.durable_up_to(writer().durable_sequence());
                return true;
            }
        }
        return false;
    }
    bool kill_and_start() {
        if (lost_power()) {
            return false;
        }
        world->crash(CrashKind::process);
        return start_program();
    }
    bool try_put(const std::string& message, bool durable) {
        if (lost_power()) {
            return false;
        }
        const auto committed = program->append({{.messages = {message}}}, durable);
        if (committed) {
            model_.acknowledged(committed->first_sequence, committed->epoch, message);
            model_.durable_up_to(committed->durable_sequence);
        } else if (lost_power()) {
            model_.unanswered(message);
        } else {
            model_.refused(message);
        }
        return committed.has_value();
    }
    std::string message_of(std::size_t bytes) {
        ++number_;
        return fmt::format("{:0>{}}", number_, bytes);
    }
    // What is refused comes again, behind something small.
    void put(std::size_t bytes, bool durable) {
        const std::string message = message_of(bytes);
        for (int attempt = 0; attempt < 3 && !try_put(message, durable); ++attempt) {
            try_put(message_of(20), attempt == 0);
        }
    }
    void sync() {
        if (lost_power()) {
            return;
        }
        const auto synced = program->sync();
        if (synced) {
            model_.durable_up_to(synced->durable_sequence);
        }
    }
    // Half of what is durable is in parts now.
    void release() {
        if (!lost_power()) {
            sealed_end_ = std::max(sealed_end_, writer().durable_sequence() / 2);
            (void)program->release(sealed_end_);
        }
    }

    // ---- what is there afterwards ----

    void check(const std::vector<OpCode>& hits) override {
        options.sealed_end = sealed_end_;
        options.sealed_epoch = sealed_end_ > 1 ? 1 : 0;
        open();
        if (HasFatalFailure()) {
            return;
        }
        // A refused group is cut off; where that fails too, nothing more can be done.
        const bool cut_failed =
            std::ranges::any_of(hits, [](OpCode code) { return code == OpCode::truncate || code == OpCode::sync; });
        const Log log = expect_promises(cut_failed);
        EXPECT_TRUE(events.damage.empty());
        EXPECT_TRUE(events.set_aside.empty());
        expect_known_files();
        const std::uint64_t durable = writer().durable_sequence();
        const std::uint64_t next = writer().next_sequence();
        EXPECT_EQ(write("after the crash", true), next);
        // Nor does the next power loss take anything of it.
        reopen_after(CrashKind::power);
        const Log again = read();
        for (const auto& [sequence, message] : log) {
            const auto found = again.find(sequence);
            EXPECT_TRUE(sequence >= durable || (found != again.end() && found->second == message)) << sequence;
        }
        if (++checked_ % kCasesPerCopy == 0) {
            expect_verified();
        }
    }
    void expect_verified() {
        ASSERT_TRUE(program->close());
        copy_.save_all(disk(), kDirectory);
        for (const VerifyProblem& problem : copy_.verify().problems) {
            ADD_FAILURE() << problem.file << " at " << problem.offset << ": " << problem.what;
        }
    }
    Log expect_promises(bool cut_failed) {
        Log log = read();
        model_.check({.log = log,
                      .oldest = std::max(sealed_end_, log.empty() ? 1 : log.begin()->first),
                      .next = writer().next_sequence(),
                      .epoch = writer().epoch(),
                      .refused_may_be_there = cut_failed});
        EXPECT_TRUE(log.empty() || log.begin()->first <= sealed_end_) << "begins at " << log.begin()->first;
        return log;
    }
    void expect_known_files() {
        EXPECT_TRUE(world->run_until_idle());
        for (const std::string& name : disk().names(kDirectory)) {
            const auto id = parse_segment_name(name);
            const bool current = id && std::ranges::any_of(writer().catalog(), [&](const SegmentInfo& info) {
                                     return info.header.segment_id == *id;
                                 });
            EXPECT_TRUE(current || parse_spare_name(name) || name == "identity") << name;
        }
    }

    static constexpr unsigned kCasesPerCopy = 5;  // Copying takes longer than the rest of a case.
    LogModel model_;
    RealCopy copy_;
    unsigned checked_ = 0;
    std::uint64_t number_ = 0;
    std::uint64_t sealed_end_ = 1;
};

class LogWriterSweep : public LogSweep {
 protected:
    void act() override {
        if (!start_program()) {
            return;
        }
        put(1500, false);
        put(600, false);
        put(700, true);
        for (int i = 0; i < 5; ++i) {  // More than may be un-synced.
            put(300, false);
        }
        put(26'000, true);
        put(25'000, true);
        put(200, false);
        put(3000, false);  // The next segment, behind a sync.
        put(300, false);
        sync();
        release();
        put(400, true);
        put(28'000, true);
        put(30'000, true);  // The next segment, with nothing to sync.
        release();
        put(500, false);
        put(500, true);
    }
};

TEST_F(LogWriterSweep, KeepsEveryPromiseWhateverFailsBeforePowerIsLost) {
    io::test::FaultSweep sweep(*this);
    sweep.run({.choices_max = 3, .pairs = 150});
    EXPECT_GT(sweep.operations(), 50U);
    EXPECT_GT(sweep.faults(), 400U);
}

// Starts of a killed program, which takes over what is not known to be durable.
class LogRecoverySweep : public LogSweep {
 protected:
    void act() override {
        if (!start_program()) {
            return;
        }
        put(1500, false);
        put(700, true);
        put(600, false);
        if (!kill_and_start()) {
            return;
        }
        put(600, false);
        put(500, true);
        put(400, false);
        if (kill_and_start()) {
            put(300, false);
            sync();
        }
    }
};

TEST_F(LogRecoverySweep, KeepsEveryPromiseWhateverFailsBeforePowerIsLost) {
    io::test::FaultSweep sweep(*this);
    sweep.run({.choices_max = 3, .pairs = 100});
    EXPECT_GT(sweep.operations(), 50U);
    EXPECT_GT(sweep.faults(), 400U);
}

}  // namespace
}  // namespace sluice::store::test
