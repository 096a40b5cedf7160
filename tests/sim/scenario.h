// One scenario: a daemon, its clients, its crashes and its faults on a simulated machine, all from one seed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace sluice::sim {

struct ScenarioResult {
    std::vector<std::string> violations;
    std::uint64_t power_losses = 0;
    std::uint64_t kills = 0;  // Of the process alone.
    std::uint64_t lives = 0;
    std::uint64_t faults = 0;        // Injected.
    std::uint64_t acknowledged = 0;  // Records.
    std::uint64_t stored = 0;        // Records in the log at the end.
    std::uint64_t sealed = 0;        // Parts, and those that came of merges, and those removed.
    std::uint64_t merged = 0;
    std::uint64_t removed = 0;
    std::uint64_t steps = 0;
    std::uint64_t trace_hash = 0;  // The same for every run of a seed.
};

// `trace`: gets every event of the simulation as a line; may be empty.
ScenarioResult run_scenario(std::uint64_t seed, const std::function<void(std::string_view)>& trace);

}  // namespace sluice::sim
