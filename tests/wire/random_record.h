// Records drawn from a seed, mostly nasty: every type, names that clash with the journal's and with each other, bytes
// of every kind, times at the ends of their range.
#pragma once

#include <cstdint>

#include "wire/record.h"

namespace sluice::wire::test {

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
    std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
    bool once_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
    std::uint64_t state_;
};

// What a record of the log may hold; `json`: and JSON can carry as it is.
enum class Carrier : std::uint8_t { any, json };

void append_random_record(Random& random, Carrier carrier, Bytes& into);

}  // namespace sluice::wire::test
