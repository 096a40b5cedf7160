// Where a scan puts the rows that match, by what the plan wants of them: entries for the combiner, groups, sorted rows.
#pragma once

#include "query/unit.h"

namespace sluice::query {

// Threads: one.  For scans row by row, oldest row first.
class RowSink {
 public:
    explicit RowSink(const Plan& plan);

    // Errors: limit_exceeded.
    Result<> add(const wire::TailEntry& entry, Step& step);
    // The unit has given as many rows as can be of use.
    bool satisfied() const noexcept { return left_ == 0; }
    // Gives what was collected, with the last step.
    void finish(Step& step);

 private:
    const Plan& plan_;
    Partial partial_;
    std::uint64_t left_ = UINT64_MAX;
};

}  // namespace sluice::query
