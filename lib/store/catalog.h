// The segments of a store, oldest first, and the events a store reports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/damage.h"
#include "store/segment_format.h"

namespace sluice::store {

struct SegmentInfo {
    SegmentHeader header;
    std::uint64_t file_bytes = 0;
};

// Sorted by segment id; first sequences do not decrease.  Records of segment i are those below the first sequence of
// segment i + 1: what a segment holds beyond that was never acknowledged there, and was written again in the next one.
using Catalog = std::vector<SegmentInfo>;

inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

// The first sequence that catalog[index] does not own.
inline std::uint64_t sequence_limit(const Catalog& catalog, std::size_t index) noexcept {
    return index + 1 < catalog.size() ? catalog[index + 1].header.first_sequence : kNoLimit;
}

// What a store tells its owner.  Called on the loop of its writer; must not call back into the store.
class StoreEvents {
 public:
    virtual ~StoreEvents() = default;
    virtual void on_damage(const Damage&) {}
    virtual void on_set_aside(const std::string& /*file*/, const Error& /*why*/) {}  // Renamed, never deleted.
    // It was damaged or gone, and so many other files say who the store is.
    virtual void on_identity_made_again(const StoreId&, std::size_t /*files*/, const Error& /*why*/) {}
    virtual void on_segment_failed(const std::string& /*file*/, const Error& /*why*/) {}
    // The store is not where it was opened any more: nothing is stored from now on.  Once.
    virtual void on_store_gone(const Error& /*why*/) {}
    virtual void on_segment_opened(const SegmentInfo&) {}
    virtual void on_segment_removed(const SegmentInfo&) {}
    virtual void on_spare_failed(const Error& /*why*/) {}
    virtual void on_segment_sealed(const SegmentInfo&) {}  // Its records are in parts; its file is used again.
    virtual void on_part_sealed(const std::string& /*file*/, std::uint64_t /*rows*/, std::uint64_t /*bytes*/) {}
    virtual void on_parts_merged(const std::string& /*file*/, std::size_t /*inputs*/, std::uint64_t /*rows*/,
                                 std::uint64_t /*bytes*/) {}
    virtual void on_part_removed(const std::string& /*file*/, std::uint64_t /*rows*/, std::uint64_t /*bytes*/) {}
    virtual void on_clock_step(Duration /*step*/) {}      // Of the wall clock, where parts go for their age.
    virtual void on_seal_failed(const Error& /*why*/) {}  // Or a merge, or a removal.  It is tried again.
};

}  // namespace sluice::store
