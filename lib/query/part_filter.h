// A filter on one part: what can be decided for the whole part is, and the rest is run page by page, cheap tests first.
#pragma once

#include <vector>

#include "query/column_test.h"
#include "query/row_filter.h"

namespace sluice::query {

class PartFilter {
 public:
    // Errors: of the part.  Borrows both.
    static Result<PartFilter> make(const part::Part& part, const FilterNode& filter);

    Verdict verdict() const noexcept { return verdict_; }
    // With `never`: why.
    const SkipReason& reason() const noexcept { return reason_; }
    // From what is resident.
    Verdict verdict(std::uint32_t page) const noexcept;
    // Rows of `wanted` that match.
    Result<PageBits> run(std::uint32_t page, const PageBits& wanted, ScanCounters& counters) const;
    // The one test on one column that decides, if there is one and it is known how many rows match; else nullptr.
    const ColumnTest* counted_column() const noexcept;

 private:
    PartFilter(const part::Part& part, FilterKind kind) noexcept : part_(&part), kind_(kind) {}

    static PartFilter sketch(const part::Part& part, const FilterNode& filter);
    Result<> read_tables();
    void decide();
    void decide_match();
    double cost() const noexcept;
    Result<PageBits> run_match(std::uint32_t page, const PageBits& wanted, ScanCounters& counters) const;

    const part::Part* part_;
    FilterKind kind_;
    Verdict verdict_ = Verdict::some;
    SkipReason reason_;
    std::vector<PartFilter> parts_;
    std::vector<ColumnTest> columns_;  // match
    bool matches_missing_ = false;     // match
};

}  // namespace sluice::query
