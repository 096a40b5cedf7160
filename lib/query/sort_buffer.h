// Rows in an order, all of them or the first so many.
#pragma once

#include <functional>
#include <vector>

#include "query/budget.h"
#include "query/row.h"

namespace sluice::query {

// Threads: one.  Rows that the keys do not tell apart stay in the order of arrival.
class SortBuffer {
 public:
    // Borrows both.
    SortBuffer(const SortSpec& spec, Budget& budget) : spec_(spec), budget_(budget) {}
    ~SortBuffer() { budget_.release(held_bytes_); }
    SortBuffer(const SortBuffer&) = delete;
    SortBuffer& operator=(const SortBuffer&) = delete;

    // `arrival` is unique and tells the order among equals.  Errors: limit_exceeded.
    Result<> add(const RowRef& row, std::uint64_t arrival);
    Result<> merge(SortBuffer&& other);
    // Could a row with these keys be among the first?  Keys in the order of the spec.
    bool wants(const std::vector<Value>& keys, std::uint64_t arrival) const noexcept;
    // With a full buffer the keys that a row has to be better than; else nullptr.
    const std::vector<Value>* worst() const noexcept { return bounded_ ? &worst_.keys : nullptr; }
    // In order.  Once: rows are released on the way.
    Result<> for_each_row(const std::function<Result<>(const RowRef&)>& use);

 private:
    struct Item {
        std::vector<Value> keys;
        std::uint64_t arrival = 0;
        Row row;
    };
    bool before(const Item& a, const Item& b) const noexcept;
    bool before(const std::vector<Value>& a, std::uint64_t a_arrival, const std::vector<Value>& b,
                std::uint64_t b_arrival) const noexcept;
    static std::size_t bytes(const Item& item) noexcept;
    Result<> keep(Item item);
    void trim();

    const SortSpec& spec_;
    Budget& budget_;
    std::vector<Item> items_;
    std::uint64_t held_bytes_ = 0;
    bool bounded_ = false;  // The best `count` are known: worst_ is the last of them.
    Item worst_;            // Without its row.
};

}  // namespace sluice::query
