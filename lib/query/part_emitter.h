// Rows of one part as the results of a query: whole records, or only the columns that `fields` left.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "query/plan.h"
#include "query/row.h"
#include "query/value_reader.h"

namespace sluice::query {

// Threads: one.
class PartEmitter {
 public:
    // Borrows both.
    PartEmitter(const Plan& plan, const part::Part& part);
    // Rows ascending, of that page.  Errors: of the part.
    Result<> emit(std::uint32_t page, std::span<const std::uint16_t> rows, Bytes& to, ScanCounters& counters);

 private:
    const Plan& plan_;
    const part::Part& part_;
    std::vector<std::unique_ptr<ValueReader>> columns_;  // Of the result; none: whole records.
    // Of the head of each row.
    std::unique_ptr<ValueReader> sequence_;
    std::unique_ptr<ValueReader> receive_time_;
    std::unique_ptr<ValueReader> time_;
    std::unique_ptr<ValueReader> severity_;
};

}  // namespace sluice::query
