// The part of a query that scans: one unit for one sealed part or for a run of open rows.
#pragma once

#include <memory>
#include <vector>

#include "part/part.h"
#include "query/partial.h"
#include "query/plan.h"
#include "query/scan_counters.h"

namespace sluice::query {

// What one step of a unit gives to the combiner.
struct Step {
    Bytes entries;                     // Encoded TAIL entries, ascending in sequence.
    std::uint32_t count = 0;           // Of them.
    std::unique_ptr<Partial> partial;  // Groups or sorted rows instead; with the last step.
    bool done = false;                 // No more steps.
    ScanCounters counters;             // Of this step.
};

// Which sequence numbers a unit can give.
struct SequenceRange {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
};

// Threads: any, one at a time.  What it reads is held by it: parts may be replaced and groups sealed meanwhile.
class Unit {
 public:
    virtual ~Unit() = default;
    // At most about 10 ms: one page, or some thousand open rows.  Precondition: the last step was not `done`.
    // Errors: of the part (corrupt, io_error); limit_exceeded.
    virtual Result<Step> step() = 0;
    virtual SequenceRange range() const noexcept = 0;
};

// A group as the log has it: batches back to back, records numbered from first_sequence.
struct GroupRows {
    std::shared_ptr<const void> owner;  // Keeps `payload`.
    ByteView payload{};                 // Valid batches: as import_batch wrote them, or checked with parse_batch.
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint32_t count = 0;
    std::uint32_t limit = UINT32_MAX;  // Only the first so many records (what is written, or durable).
    std::uint32_t skip = 0;            // Not the first so many (what is sealed already).
};

std::unique_ptr<Unit> scan_part(std::shared_ptr<const Plan> plan, std::shared_ptr<const part::Part> part);
// Groups ascending in sequence.
std::unique_ptr<Unit> scan_groups(std::shared_ptr<const Plan> plan, std::vector<GroupRows> groups);

// All units of a query, in the order to run them.  Parts in any order; those of several retention classes may
// interleave: where the order of rows matters, they become one unit that merges by sequence.
std::vector<std::unique_ptr<Unit>> make_units(const std::shared_ptr<const Plan>& plan,
                                              std::vector<std::shared_ptr<const part::Part>> parts,
                                              std::vector<GroupRows> open_rows);

}  // namespace sluice::query
