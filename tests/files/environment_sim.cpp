#include "environment_sim.h"

namespace sluice::files::test {

std::unique_ptr<Environment> make_simulated(std::uint64_t seed) {
    return std::make_unique<SimEnvironment>(seed);
}

}  // namespace sluice::files::test
