// What a tail says in place of records that are lost to damage: an entry that was never stored.
#pragma once

#include "base/bytes.h"
#include "base/clock.h"
#include "store/damage.h"

namespace sluice::server {

struct GapPlace {
    std::uint64_t request_id = 0;
    std::uint32_t epoch = 0;
    std::uint64_t sequence = 0;  // Who goes on after the entry goes on after this record.
    WallNs now = 0;
};

// One frame of TAIL with MORE, with the entry about `lost`.
Bytes make_gap_frame(const GapPlace& place, const store::Damage& lost);

}  // namespace sluice::server
