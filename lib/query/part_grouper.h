// Groups the rows of one part by columns: dictionary codes and numbers, never whole records.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "query/group_table.h"
#include "query/pair_index.h"
#include "query/part_filter.h"
#include "query/value_reader.h"

namespace sluice::query {

// Threads: one.
class PartGrouper {
 public:
    // Borrows all.
    PartGrouper(const part::Part& part, const GroupSpec& spec, Budget& budget);

    // Answers from row counts, if the filter and the columns allow it.  False: pages are needed.
    Result<bool> add_counts(const PartFilter& filter);
    Result<> add_page(std::uint32_t page, const PageBits& selected, ScanCounters& counters);
    std::unique_ptr<GroupTable> take() { return std::move(table_); }

 private:
    struct Source {  // Of the values of a result; none for count() of records.
        std::unique_ptr<ValueReader> reader;
    };
    bool needs_only_counts() const noexcept;
    Result<> add_total(std::uint64_t rows);
    Result<bool> add_dictionary(const ColumnTest* filter);
    Result<bool> add_source_counts();
    Result<std::uint32_t> group_of_row(std::uint32_t row);
    Result<> charge_ids();

    const part::Part& part_;
    const GroupSpec& spec_;
    std::unique_ptr<GroupTable> table_;
    std::deque<ValueReader> keys_;
    std::vector<std::unique_ptr<ValueReader::Ids>> ids_;
    std::vector<Source> sources_;
    std::vector<std::uint32_t> group_of_id_;  // Of the id of the key, or of all keys combined.
    std::vector<PairIndex> combinations_;     // Several keys: of what is combined so far and the next key's id.
    std::size_t charged_ = 0;
};

}  // namespace sluice::query
