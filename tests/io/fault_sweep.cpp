#include "io/fault_sweep.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <span>

namespace sluice::io::test {

std::string SweepCase::text() const {
    std::string text = fmt::format("seed {}", seed);
    for (const PlannedFault& fault : faults) {
        text += fmt::format(", fault {} of operation {}{}", fault.choice, fault.operation,
                            fault.for_ever ? " for ever" : "");
    }
    return text + (power_after == 0 ? std::string(", power lost at the end")
                                    : fmt::format(", power lost {} operations later", power_after));
}

bool FaultSweep::run_case(const SweepCase& one) {
    SCOPED_TRACE(one.text());
    bool& lost = scenario_.lost_power_;
    lost = false;
    SimWorld& world = scenario_.prepare(one.seed);
    const auto lose_power = [&world, &lost] {
        lost = true;
        world.crash(CrashKind::power);
    };
    bool armed = one.power_after == 0;
    world.faults().plan(one.faults, [&] {
        if (!armed) {
            armed = true;
            world.at_operation(world.operations() + one.power_after, lose_power);
        }
    });
    scenario_.act();
    const std::vector<OpCode> hits = world.faults().planned_hits();
    if (one.faults.empty()) {
        operations_ = world.faults().counted();
    }
    world.faults().plan({});
    world.at_operation(0, nullptr);
    if (!lost) {
        lose_power();
    }
    scenario_.check(hits);
    faults_ += hits.empty() ? 0 : 1;
    return !hits.empty();
}

void FaultSweep::singles(const SweepOptions& options, bool for_ever) {
    // What fails for ever goes on failing whenever power is lost.
    const std::span<const std::uint64_t> moments(options.power_after.data(), for_ever ? 1 : options.power_after.size());
    // An operation that waits for none of the others may come a little later with another seed.
    for (std::uint64_t operation = 1; operation <= operations_ + 2; ++operation) {
        for (std::size_t choice = 0; choice < options.choices_max; ++choice) {
            for (const std::uint64_t power_after : moments) {
                const std::uint64_t seed = operation * 64 + choice * 8 + power_after + 1;
                const bool hit = run_case({seed, {{operation, choice, for_ever}}, power_after});
                if (testing::Test::HasFailure()) {
                    return;
                }
                if (!hit) {
                    choice = options.choices_max;  // It has no further ways to fail.
                    break;
                }
            }
        }
    }
}

void FaultSweep::pairs(const SweepOptions& options) {
    constexpr std::uint64_t kChoices = 6;
    SimRandom random(1);
    for (std::uint64_t i = 0; i < options.pairs && !testing::Test::HasFailure(); ++i) {
        const std::uint64_t first = random.between(1, operations_);
        const std::uint64_t second = first + random.between(1, 12);  // The reaction to the first, mostly.
        const PlannedFault one{.operation = first, .choice = random.below(kChoices)};
        const PlannedFault two{.operation = second, .choice = random.below(kChoices)};
        (void)run_case({random.next(), {one, two}, options.power_after[random.below(options.power_after.size())]});
    }
}

void FaultSweep::run(const SweepOptions& options) {
    (void)run_case({});
    for (const bool for_ever : {false, true}) {
        if (!testing::Test::HasFailure()) {
            singles(options, for_ever);
        }
    }
    pairs(options);
}

}  // namespace sluice::io::test
