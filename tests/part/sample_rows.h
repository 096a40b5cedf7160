// Rows with every encoding a part has: for tests that damage files, and for the corpus of the fuzzer.
#pragma once

#include "part/part_fixture.h"

namespace sluice::part {

// `rows` of them; deterministic.
Rows sample_rows(std::size_t rows, std::uint64_t seed = 1);

}  // namespace sluice::part
