// Random rows, and random queries about what such rows have.
#pragma once

#include <random>

#include "query/store_fixture.h"

namespace sluice::query::test {

class Random {
 public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    // From 0 to below `end`.
    std::uint64_t below(std::uint64_t end) { return engine_() % end; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <class T, std::size_t N>
    const T& pick(const T (&from)[N]) {
        return from[below(N)];
    }

 private:
    std::mt19937_64 engine_;
};

RowDraft random_row(Random& random, std::size_t index);
Query random_query(Random& random);

}  // namespace sluice::query::test
