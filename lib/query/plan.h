// A query made ready to be run: names resolved, filter compiled, stages divided among those that scan and the one that
// puts their results together.
//
// Running a query:
//     plan = Plan::make(query, options)
//     for each unit of make_units(plan, parts, open rows), in that order:      (unit.h)
//         until step.done:  step = unit.step();  combiner.take(step, entries)  (combiner.h)
//         stop when combiner.satisfied()
//     combiner.finish(entries)
// Units may be stepped by several threads at once, each unit by one at a time; steps are taken in the order of the
// units. A plan is for one run: the memory of that run is charged to it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/budget.h"
#include "query/pipe.h"
#include "query/row_filter.h"
#include "query/stage.h"
#include "query/time_literal.h"

namespace sluice::query {

class SortBuffer;

struct PlanOptions {
    WallNs now = 0;  // What _time:5m counts from.
    // Of the whole query, its compiled filter and its columns as long as the plan lives; above: limit_exceeded.
    std::uint64_t memory_bytes_max = std::uint64_t{64} << 20U;
    UserBudget* memory = nullptr;             // Of which that is a part; borrowed.  Null: of none.
    bool explain = false;                     // Combiner::explain() then has the details.
    std::optional<std::uint64_t> newest;      // Only so many rows, the last ones: | tail N.
    TimeSpan time{};                          // --since and --until, of the record's own time.
    std::uint64_t sequence_min = 0;           // First sequence wanted.
    std::uint64_t sequence_end = UINT64_MAX;  // One past the last.
};

class Plan {
 public:
    // Errors: invalid_argument (a literal that does not fit its field, a column named twice, a name that no field may
    // have).  The parser has pointed at most of these already.
    static Result<std::shared_ptr<const Plan>> make(const Query& query, const PlanOptions& options);

    // Units and their pages come newest first; the result is in the right order all the same.
    bool newest_first() const noexcept { return newest_first_; }
    // Each row is decided by itself (where, fields): `tail -f` can run it with select().
    bool follows_ok() const noexcept { return follows_ok_; }
    // The first stage that does not, for the error: "sort".
    std::string_view why_not_follow() const noexcept { return why_not_follow_; }
    // Results are computed rows (kBatchComputed); else whole records.
    bool computed() const noexcept { return !output_.whole_records; }
    // Names of the columns of the results, in order; empty for whole records.
    std::vector<std::string> columns() const;

    // If the record passes, appends what the stages make of it to `to`.  Precondition: follows_ok().
    bool select(const wire::TailEntry& entry, Bytes& to) const;

    // ---- for units and combiner ----
    const PlanOptions& options() const noexcept { return options_; }
    const RowFilter& filter() const noexcept { return filter_; }  // With the bounds and `where`s in front.
    // How rows leave a unit.
    const Breaker& breaker() const noexcept { return breaker_; }
    const std::vector<StageSpec>& rest() const noexcept { return rest_; }  // Behind the breaker, in the combiner.
    const Schema& scan_schema() const noexcept { return scan_schema_; }    // Of rows that reach the breaker.
    const Schema& output_schema() const noexcept { return output_; }
    // Rows that leave a unit one by one are results already, to be written by the output schema; else whole records.
    bool emits_results() const noexcept { return rest_.empty(); }
    Budget& budget() const noexcept { return budget_; }
    // Sorted by age, newest first: rows older than this (time or sequence) are not among the first any more.
    std::int64_t oldest_wanted() const noexcept { return oldest_wanted_.load(std::memory_order_relaxed); }
    void raise_oldest_wanted(const SortBuffer& rows) const noexcept;

 private:
    friend class PlanBuilder;
    explicit Plan(const PlanOptions& options) : options_(options), budget_(options.memory_bytes_max, options.memory) {}

    PlanOptions options_;
    mutable Budget budget_;
    mutable std::atomic<std::int64_t> oldest_wanted_ = INT64_MIN;
    RowFilter filter_{FilterNode{}};
    Schema scan_schema_;
    Schema output_;
    Breaker breaker_;
    std::vector<StageSpec> rest_;
    bool newest_first_ = false;
    bool follows_ok_ = true;
    std::string why_not_follow_;
};

}  // namespace sluice::query
