// The seeded generator behind every choice of a simulation.  The same numbers on every compiler and library.
#pragma once

#include <cstdint>

namespace sluice::io {

// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, passes BigCrush, one multiply-xor chain per number.
class SimRandom {
 public:
    explicit SimRandom(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    // In [0, bound); 0 if bound is 0.  The bias of the remainder is below 2^-32 for the bounds used here.
    std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
    // In [low, high].
    std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept { return low + below(high - low + 1); }
    bool coin() noexcept { return (next() >> 63U) != 0; }
    // True with probability `p`.  Draws nothing for p <= 0, so that a fault that is off does not change a trace.
    bool chance(double p) noexcept { return p > 0 && static_cast<double>(next() >> 11U) * 0x1p-53 < p; }

 private:
    std::uint64_t state_;
};

}  // namespace sluice::io
