// The store of parts, with each operation failing, and power lost behind it.
#include "io/fault_sweep.h"
#include "part_store_fixture.h"
#include "real_copy.h"

namespace sluice::store::test {
namespace {

using io::CrashKind;
using io::OpCode;

class PartStoreSweep : public PartStoreTest, public io::test::SweptScenario {
 protected:
    io::SimWorld& prepare(std::uint64_t seed) override {
        make_log(seed);
        open_parts();
        sealed_end_ = 1;
        removed_end_ = 0;
        asked_to_remove_ = 0;
        insists_ = seed / 8 % 2 == 0;
        return *world;
    }

    // ---- what a caller does: each thing again and again, but not for ever ----

    template <class Try>
    bool repeat(Try&& attempt) {
        for (int i = 0; i < 3 && !lost_power(); ++i) {
            if (attempt()) {
                return true;
            }
        }
        return false;
    }
    // A seal that failed is divided otherwise the next time: more has become durable.
    bool seal_up_to(std::uint64_t end) {
        return repeat([&] {
            const std::uint64_t first = parts->set().state.sealed_end;
            const bool sealed = seal(first, end).has_value();
            sealed_end_ = sealed ? end : sealed_end_;
            end -= sealed || end - first < 6 ? 0 : 2;
            return sealed;
        });
    }
    // One that failed is followed by one of other inputs, which overlaps it.
    bool merge() {
        std::size_t first = 0;
        return repeat([&] {
            const std::vector<PartPointer>& of_class = parts->set().classes[0].parts;
            const std::vector<PartPointer> inputs(of_class.begin() + static_cast<std::ptrdiff_t>(first),
                                                  of_class.begin() + static_cast<std::ptrdiff_t>(first + 2));
            first = 1 - first;
            return parts->replace(inputs).has_value();
        });
    }
    // One that failed is not always tried again: the clock may be set back, or the setting changed.
    bool remove_oldest_odd() {
        bool removed = false;
        for (int i = 0; i < (insists_ ? 3 : 1) && !removed && !lost_power(); ++i) {
            const PartPointer oldest = parts->set().classes[1].parts[0];
            asked_to_remove_ = oldest->name.end_sequence;
            removed = parts->remove({oldest}).has_value();
            if (removed) {
                removed_end_ = asked_to_remove_;
            } else if (!lost_power()) {
                asked_to_remove_ = removed_end_;
            }
        }
        return removed;
    }
    bool kill_and_start() {
        if (!lost_power()) {
            world->crash(CrashKind::process);
        }
        return repeat([&] { return try_open_parts().has_value(); });
    }

    // ---- what is there afterwards ----

    void check(const std::vector<OpCode>& hits) override {
        if (hits.size() > 1) {
            asked_to_remove_ = kNoLimit;  // What was to say that it is not removed has failed too.
        }
        open_parts();
        if (HasFatalFailure()) {
            return;
        }
        expect_whole();
        // Another division than that of any seal which failed, and once more what is beyond it.
        const std::uint64_t end = parts->set().state.sealed_end;
        ASSERT_TRUE(seal(end, end + 3));
        ASSERT_TRUE(seal(end + 3, end + 8));
        sealed_end_ = end + 8;
        world->crash(CrashKind::power);
        open_parts();
        if (!HasFatalFailure()) {
            expect_whole();
        }
        if (++checked_ % kCasesPerCopy == 0) {
            copy_.save_all(disk(), kDirectory);
            for (const VerifyProblem& problem : copy_.verify().problems) {
                ADD_FAILURE() << problem.file << " at " << problem.offset << ": " << problem.what;
            }
        }
    }
    void expect_whole() {
        SealState state = parts->set().state;
        EXPECT_GE(state.sealed_end, sealed_end_);
        EXPECT_TRUE(reported.set_aside.empty() && reported.damage.empty());
        expect_files_are_those_of_the_set();
        for (const std::string& name : disk().names(kDirectory)) {
            EXPECT_FALSE(name.ends_with(".tmp") && parse_part_file_name(name)) << name;
        }
        const std::uint64_t odd_from = state.removed_of("odd").end_sequence;
        EXPECT_GE(odd_from, removed_end_);
        EXPECT_LE(odd_from, asked_to_remove_) << "a removal that was refused";
        const Log log = read_parts();
        for (std::uint64_t n = 1; n < state.sealed_end; ++n) {
            const bool gone = n % 2 == 1 && n < odd_from;
            EXPECT_EQ(log.contains(n), !gone) << n;
        }
        EXPECT_TRUE(log.empty() || log.rbegin()->first < state.sealed_end);
    }

    static constexpr unsigned kCasesPerCopy = 20;  // Copying takes longer than the rest of a case.
    RealCopy copy_;
    unsigned checked_ = 0;
    std::uint64_t sealed_end_ = 1;
    std::uint64_t removed_end_ = 0;
    bool insists_ = false;
    std::uint64_t asked_to_remove_ = 0;  // Beyond removed_end_: power was lost before the answer.
};

class SealSweep : public PartStoreSweep {
 protected:
    void act() override {
        if (seal_up_to(11)) {
            seal_up_to(21);
        }
    }
};

TEST_F(SealSweep, KeepsEveryPromiseWhateverFailsBeforePowerIsLost) {
    io::test::FaultSweep sweep(*this);
    sweep.run({.power_after = {0, 2}, .pairs = 80});
    EXPECT_GT(sweep.operations(), 30U);
    EXPECT_GT(sweep.faults(), 150U);
}

class MergeSweep : public PartStoreSweep {
 protected:
    io::SimWorld& prepare(std::uint64_t seed) override {
        PartStoreSweep::prepare(seed);
        seal_up_to(7);
        seal_up_to(13);
        seal_up_to(19);
        return *world;
    }
    void act() override {
        if (merge()) {
            seal_up_to(23);
        }
    }
};

TEST_F(MergeSweep, KeepsEveryPromiseWhateverFailsBeforePowerIsLost) {
    io::test::FaultSweep sweep(*this);
    sweep.run({.power_after = {0, 5}, .pairs = 60});
    EXPECT_GT(sweep.operations(), 20U);
    EXPECT_GT(sweep.faults(), 100U);
}

// A removal, and a start that deletes what it left.
class RetentionSweep : public PartStoreSweep {
 protected:
    io::SimWorld& prepare(std::uint64_t seed) override {
        PartStoreSweep::prepare(seed);
        seal_up_to(11);
        seal_up_to(19);
        return *world;
    }
    void act() override {
        if (remove_oldest_odd() && kill_and_start()) {
            remove_oldest_odd();
        }
    }
};

TEST_F(RetentionSweep, KeepsEveryPromiseWhateverFailsBeforePowerIsLost) {
    io::test::FaultSweep sweep(*this);
    sweep.run({.power_after = {0, 2}, .pairs = 60});
    EXPECT_GT(sweep.operations(), 20U);
    EXPECT_GT(sweep.faults(), 100U);
}

}  // namespace
}  // namespace sluice::store::test
