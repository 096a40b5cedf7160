// sim_scenarios: the whole daemon on the simulated machine, one scenario per seed.  docs/testing.md says how to use it.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/format.h"
#include "sim/scenario.h"

namespace sluice::sim {
namespace {

constexpr std::string_view kUsage =
    "Usage: sim_scenarios [--seeds N] [--first S] [--seed S] [--seconds-max S] [--twice] [--until-caught]\n"
    "  --seeds N     run N scenarios (default 200)\n"
    "  --first S     the first seed (default 1)\n"
    "  --seed S      run one scenario and print every event\n"
    "  --seconds-max S  begin none after S seconds, and say how many ran\n"
    "  --twice       run each scenario again and require the same run, to the byte\n"
    "  --until-caught  for planted bugs: end at the first violation; success if there is one\n";
constexpr int kShownMax = 20;  // Failures printed in full.

struct Arguments {
    std::uint64_t seeds = 200;
    std::uint64_t first = 1;
    std::chrono::seconds seconds_max = std::chrono::hours(24);
    bool trace = false;
    bool twice = false;
    bool until_caught = false;
};

bool parse(int argc, char** argv, Arguments& arguments) {
    for (int i = 1; i < argc; i += 2) {
        const std::string_view option = argv[i];
        if (option == "--twice" || option == "--until-caught") {
            (option == "--twice" ? arguments.twice : arguments.until_caught) = true;
            --i;
            continue;
        }
        if (i + 1 == argc) {
            return false;
        }
        char* end = nullptr;
        const std::uint64_t value = std::strtoull(argv[i + 1], &end, 10);
        if (*end != '\0' || end == argv[i + 1]) {
            return false;
        }
        if (option == "--seeds") {
            arguments.seeds = value;
        } else if (option == "--first") {
            arguments.first = value;
        } else if (option == "--seconds-max") {
            arguments.seconds_max = std::chrono::seconds(value);
        } else if (option == "--seed") {
            arguments.seeds = 1;
            arguments.first = value;
            arguments.trace = true;
        } else {
            return false;
        }
    }
    return true;
}

std::string program = "sim_scenarios";
char replay_line[128];
bool crash_is_a_catch = false;

// An assertion has failed, or worse: says which seed did it.
void on_crash(int signal) {
    (void)!write(STDOUT_FILENO, replay_line, std::strlen(replay_line));
    if (crash_is_a_catch) {
        _exit(0);
    }
    std::signal(signal, SIG_DFL);
    (void)std::raise(signal);
}

void note_seed(std::uint64_t seed) {
    std::snprintf(replay_line, sizeof replay_line, "REPLAY: %s --seed %llu (crashed)\n", program.c_str(),
                  static_cast<unsigned long long>(seed));
}

int run(const Arguments& arguments) {
    const SystemClock clock;
    const MonotonicTime start = clock.now();
    ScenarioResult total;
    std::uint64_t failed = 0;
    std::uint64_t violations = 0;
    std::uint64_t crashed_seeds = 0;
    std::uint64_t seeds = 0;
    for (; seeds < arguments.seeds && clock.now() - start < arguments.seconds_max; ++seeds) {
        const std::uint64_t seed = arguments.first + seeds;
        const std::string replay = fmt::format("REPLAY: {} --seed {}", program, seed);
        note_seed(seed);
        std::function<void(std::string_view)> trace;
        if (arguments.trace) {
            trace = [](std::string_view line) { fmt::print("{}\n", line); };
        }
        ScenarioResult result = run_scenario(seed, trace);
        if (arguments.twice && run_scenario(seed, trace).trace_hash != result.trace_hash) {
            result.violations.push_back("a second run of the same seed went another way");
        }
        total.power_losses += result.power_losses;
        total.kills += result.kills;
        total.lives += result.lives;
        total.faults += result.faults;
        total.acknowledged += result.acknowledged;
        total.stored += result.stored;
        total.sealed += result.sealed;
        total.merged += result.merged;
        total.removed += result.removed;
        total.steps += result.steps;
        crashed_seeds += result.kills + result.power_losses != 0 ? 1 : 0;
        if (!result.violations.empty()) {
            ++failed;
            violations += result.violations.size();
            if (failed <= kShownMax) {
                fmt::print("{}\n", replay);
                for (const std::string& violation : result.violations) {
                    fmt::print("  {}\n", violation);
                }
                std::fflush(stdout);
            }
        }
        if (arguments.until_caught && failed != 0) {
            fmt::print("caught by scenario {} of at most {}\n", seeds + 1, arguments.seeds);
            return 0;
        }
        if (arguments.trace) {
            fmt::print("seed {}: {} lives, {} steps, trace hash {:016x}\n", seed, result.lives, result.steps,
                       result.trace_hash);
        }
    }
    const double seconds = std::chrono::duration<double>(clock.now() - start).count();
    fmt::print(
        "seeds {} of {} ({} with crashes), lives {}, process kills {}, power losses {}, faults {}, "
        "records acknowledged {}, stored {}, parts sealed {}, merged {}, removed {}, {:.1f} s ({:.0f} seeds/s), "
        "violations {}\n",
        seeds, arguments.seeds, crashed_seeds, total.lives, total.kills, total.power_losses, total.faults,
        total.acknowledged, total.stored, total.sealed, total.merged, total.removed, seconds,
        static_cast<double>(seeds) / seconds, violations);
    fmt::print("{} passed, {} failed\n", seeds - failed, failed);
    return (failed == 0) != arguments.until_caught ? 0 : 1;
}

}  // namespace
}  // namespace sluice::sim

int main(int argc, char** argv) {
    sluice::sim::Arguments arguments;
    if (!sluice::sim::parse(argc, argv, arguments)) {
        std::fwrite(sluice::sim::kUsage.data(), 1, sluice::sim::kUsage.size(), stderr);
        return 2;
    }
    const std::string_view path = argv[0];
    sluice::sim::program = path.substr(path.rfind('/') + 1);
    sluice::sim::crash_is_a_catch = arguments.until_caught;
    std::signal(SIGABRT, sluice::sim::on_crash);
    std::signal(SIGSEGV, sluice::sim::on_crash);
    return sluice::sim::run(arguments);
}
