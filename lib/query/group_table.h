// Groups of rows by the values of their keys, with the results of each: stats, uniq and top.
#pragma once

#include <functional>
#include <vector>

#include "query/accumulator.h"
#include "query/budget.h"
#include "query/key_index.h"
#include "query/row.h"

namespace sluice::query {

Bucket bucket_of_width(const Literal& width, Duration offset);

// What stands for a value in a key.  An empty text is a missing value.  With a width: the begin of the value's bucket,
// or the value itself where it has none, as a text that is no number.
ValueView grouped(const ValueView& value, const Bucket& bucket) noexcept;

// Threads: one.
class GroupTable {
 public:
    // Borrows both.
    GroupTable(const GroupSpec& spec, Budget& budget);
    ~GroupTable() { budget_.release(held_bytes_); }
    GroupTable(const GroupTable&) = delete;
    GroupTable& operator=(const GroupTable&) = delete;

    // Errors of all: limit_exceeded.
    Result<> add(const RowRef& row);
    Result<> merge(GroupTable&& other);

    // ---- for scans of columns ----
    const GroupSpec& spec() const noexcept { return spec_; }
    // The group of a key as append_key makes it of the (bucketed) key values, in order.
    Result<std::uint32_t> group(std::string_view key);
    ResultColumn& column(std::size_t result) noexcept { return columns_[result]; }
    // What add() of a column returned.
    Result<> charge(std::ptrdiff_t bytes);

    // One row per group, keys first, then results, in the order of the spec.  Once.
    Result<> for_each_row(const std::function<Result<>(const RowRef&)>& use);
    std::uint32_t groups() const noexcept { return keys_.size(); }

 private:
    std::vector<std::uint32_t> in_order();

    const GroupSpec& spec_;
    Budget& budget_;
    KeyIndex keys_;
    std::vector<ResultColumn> columns_;
    std::size_t bytes_per_group_ = 0;
    std::size_t key_bytes_ = 0;
    std::uint64_t held_bytes_ = 0;
    std::string scratch_;
};

}  // namespace sluice::query
