// What the generator draws from: integers only, so that the same seed gives the same bytes on every machine.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace sluice::bench {

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }
    // 0 to bound - 1; the bias is below 2^-28 for the bounds used here.
    std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
    bool chance(std::uint64_t in, std::uint64_t of) noexcept { return below(of) < in; }
    // Mean about 1024: gaps between arrivals at random.
    std::uint64_t exponential() noexcept;

 private:
    std::uint64_t state_;
};

// -1024 ln((i + 1/2) / 256), by a series in IEEE arithmetic that the compiler evaluates.
constexpr std::array<std::uint32_t, 256> exponential_table() noexcept {
    std::array<std::uint32_t, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        // ln(m * 2^e) = ln m + e ln 2 with m in [1, 2); ln m = 2 atanh((m - 1) / (m + 1)).
        double mantissa = (static_cast<double>(i) + 0.5) / 256;
        double logarithm = 0;
        while (mantissa < 1) {
            mantissa *= 2;
            logarithm -= 0.693147180559945309417;
        }
        const double z = (mantissa - 1) / (mantissa + 1);
        double power = z;
        for (int term = 1; term < 40; term += 2) {
            logarithm += 2 * power / term;
            power *= z * z;
        }
        table[i] = static_cast<std::uint32_t>(-1024 * logarithm + 0.5);
    }
    return table;
}

inline std::uint64_t Random::exponential() noexcept {
    static constexpr auto kTable = exponential_table();
    // Evenly between two entries, so that the gaps are not 256 different ones.
    const std::uint64_t drawn = next();
    const std::size_t index = drawn & 255U;
    const std::uint64_t low = index + 1 < kTable.size() ? kTable[index + 1] : 0;
    return low + (((kTable[index] - low) * ((drawn >> 8U) & 0xFFFFU)) >> 16U);
}

// Ranks 0 to n - 1, rank k with weight 1 / (k + 1).
class Zipf {
 public:
    explicit Zipf(std::size_t n) {
        std::uint64_t sum = 0;
        for (std::size_t k = 0; k < n; ++k) {
            sum += (std::uint64_t{1} << 32U) / (k + 1);
            sums_.push_back(sum);
        }
    }
    std::size_t draw(Random& random) const noexcept {
        const auto at = std::upper_bound(sums_.begin(), sums_.end(), random.below(sums_.back()));
        return static_cast<std::size_t>(at - sums_.begin());
    }

 private:
    std::vector<std::uint64_t> sums_;
};

}  // namespace sluice::bench
