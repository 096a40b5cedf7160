// Sweeps over second-order failures: each operation of a scenario fails once in each way in which it may fail, or from
// then on for ever, or two of them do; then power is lost, at once, after a few further operations, or at the end. What
// is left must keep the promises.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/sim_world.h"

namespace sluice::io::test {

// One run of a scenario.
struct SweepCase {
    std::uint64_t seed = 1;
    std::vector<PlannedFault> faults{};
    std::uint64_t power_after = 0;  // Operations behind the first fault; 0: when the scenario has ended.

    std::string text() const;
    bool for_ever() const noexcept { return !faults.empty() && faults.front().for_ever; }
};

// A scenario, and what it has promised.
class SweptScenario {
 public:
    virtual ~SweptScenario() = default;
    // A new machine; what is done here does not fail.
    virtual SimWorld& prepare(std::uint64_t seed) = 0;
    // Reacts to failures as a caller would, and leaves soon after the machine has stopped (lost_power()).  Its programs
    // may be there still: nothing that they do has an effect any more.
    virtual void act() = 0;
    // Power was lost, nothing fails any more: starts again on what is left, and asserts.  `hits`: the kinds of
    // operations that failed.
    virtual void check(const std::vector<OpCode>& hits) = 0;

    bool lost_power() const noexcept { return lost_power_; }

 private:
    friend class FaultSweep;
    bool lost_power_ = false;
};

struct SweepOptions {
    std::vector<std::uint64_t> power_after{0, 1, 4};
    // Of the ways in which an operation may fail: those with different effects come first.  Pairs are of all ways.
    std::size_t choices_max = 2;
    std::uint64_t pairs = 0;  // So many pairs of failures, drawn from a fixed seed.
};

class FaultSweep {
 public:
    // Borrows the scenario until destroyed.
    explicit FaultSweep(SweptScenario& scenario) : scenario_(scenario) {}

    // Ends at the first case that fails; GoogleTest then has its text.
    void run(const SweepOptions& options);

    // What was done: nothing is shown where these are small.
    std::uint64_t operations() const noexcept { return operations_; }  // Of the scenario where nothing fails.
    std::uint64_t faults() const noexcept { return faults_; }          // Cases in which something failed.

 private:
    void singles(const SweepOptions& options, bool for_ever);
    void pairs(const SweepOptions& options);
    // Whether one of the faults was hit.
    bool run_case(const SweepCase& one);

    SweptScenario& scenario_;
    std::uint64_t operations_ = 0;
    std::uint64_t faults_ = 0;
};

}  // namespace sluice::io::test
