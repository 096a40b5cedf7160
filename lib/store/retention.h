// Which class a record belongs to, which parts have had their time, and which neighbours are worth merging.  Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/part_set.h"

namespace sluice::store {

struct RetentionClass {
    std::string name{};                  // valid_class_name, not `default`; unique.
    std::vector<std::string> streams{};  // Exact, or a prefix ending in '*'; "default": records without a stream.
    Duration age_max{};                  // 0: as for all.
    std::uint64_t bytes_max = 0;         // Of this class's parts.  0: no limit of its own.
    friend bool operator==(const RetentionClass&, const RetentionClass&) = default;
};

struct RetentionOptions {
    Duration age_max{};                     // A part whose newest record is older is removed.  0: no limit.
    std::uint64_t bytes_max = 0;            // Of all parts.  0: no limit.
    std::uint64_t keep_free = 0;            // Bytes that the file system keeps free.  0: no limit.
    std::vector<RetentionClass> classes{};  // The first that wants a stream has it.

    bool limited() const noexcept;
    bool by_age() const noexcept;  // Some part may go for its age.
    const RetentionClass* find(std::string_view class_name) const noexcept;
    // Of a record with that stream, as wire::RecordView::stream_or_default has it.
    std::string_view class_of(std::string_view stream) const noexcept;
};

// Each part that is too old, whatever those before it are; of the others the oldest, where they take too much space.
// `now`: of AgeClock.  `free_bytes`: of the file system, now.
std::vector<PartPointer> choose_expired(const PartSet& parts, const RetentionOptions& options, WallNs now,
                                        std::uint64_t free_bytes);

struct MergeOptions {
    std::uint32_t parts_min = 4;      // Fewer are not worth it.
    std::uint32_t parts_max = 32;     // At once.
    std::uint64_t rows_max = 262144;  // Of the result.  0: nothing is merged.
    // Of the rows of the result as TAIL entries: a merge holds a column of all of them in memory.
    std::uint64_t bytes_max = std::uint64_t{64} << 20U;
};

// Neighbours to be merged into one part; empty: none.  No part is written again unless at least as many rows join it,
// so that each row is written a logarithmic number of times.  `spared`: files that stay as they are.
std::vector<PartPointer> choose_merge(const PartSet& parts, const RetentionOptions& retention,
                                      const MergeOptions& options, const std::set<std::string>& spared);

}  // namespace sluice::store
