// Damage on the medium of a stopped store.
#pragma once

#include <set>

#include "io/sim_disk.h"
#include "io/sim_random.h"

namespace sluice::sim {

// Flips a bit in one to three parts.  Returns the sequence numbers of the records in the pages that it spoils, or in
// the whole part.
std::set<std::uint64_t> damage_parts(io::SimDisk& disk, io::SimRandom& random);

// Flips or zeroes bytes in one to three frames of records.  Returns the sequence numbers of the records in them.
std::set<std::uint64_t> damage_frames(io::SimDisk& disk, io::SimRandom& random);

}  // namespace sluice::sim
