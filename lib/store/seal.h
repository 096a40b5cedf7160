// From groups of the log to parts: one for each class of streams.  Pure work, for the pool.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "part/builder.h"
#include "store/part_store.h"
#include "store/retention.h"

namespace sluice::store {

// Batches of one written group.
struct SealGroup {
    std::shared_ptr<const void> owner{};
    ByteView payload{};
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint32_t count = 0;
};

// The parts of all records of `groups`, which ascend; each group is let go once it is copied.  `classes` says which
// class a stream belongs to.
Result<std::vector<PartImage>> build_parts(std::vector<SealGroup> groups, const RetentionOptions& classes,
                                           const part::BuildOptions& options);

// One part of all of `parts`, neighbours of one class.
Result<PartImage> merge_parts(const std::vector<PartPointer>& parts, const part::BuildOptions& options);

}  // namespace sluice::store
