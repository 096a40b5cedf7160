// Several parts become one.
#pragma once

#include "part/builder.h"
#include "part/part.h"

namespace sluice::part {

// Parts that are neighbours, of one class, in ascending order of their sequences.  The image of one part with all their
// rows.  Errors: invalid_argument (no parts, or sequences that do not ascend), corrupt, and what the sources return.
Result<Bytes> merge(std::span<const std::shared_ptr<const Part>> parts, const BuildOptions& options);

}  // namespace sluice::part
