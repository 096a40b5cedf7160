// Several units whose sequence numbers interleave, as one.
#pragma once

#include "query/unit.h"

namespace sluice::query {

// For plans whose units give rows (not partial results).  Units by their first sequence; newest first, by their last.
std::unique_ptr<Unit> merge_by_sequence(const Plan& plan, std::vector<std::unique_ptr<Unit>> units);

}  // namespace sluice::query
