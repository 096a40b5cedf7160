// Rows in an order, all of them or the first so many.
#pragma once

#include <functional>
#include <span>
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
    // Is a row with keys `a` (in the order of the spec) in front of one with keys `b`?  0: they are equal.
    int order(std::span<const ValueView> a, std::span<const ValueView> b) const noexcept;
    // Could a row with these keys be among the first?  False: certainly not.
    bool may_want(std::span<const ValueView> keys) const noexcept {
        return spec_.count > 0 && (!bounded_ || order(keys, worst_views_) <= 0);
    }
    // The first key that a row must not be behind; nullptr while there is room.
    const ValueView* worst_key() const noexcept { return bounded_ ? worst_views_.data() : nullptr; }
    std::uint64_t count() const noexcept { return spec_.count; }
    // In order.  Once: rows are released on the way.
    Result<> for_each_row(const std::function<Result<>(const RowRef&)>& use);

 private:
    struct Item {
        std::vector<Value> keys;
        std::uint64_t arrival = 0;
        Row row;
    };
    static std::vector<ValueView> views(const std::vector<Value>& keys);
    bool before(const Item& a, const Item& b) const noexcept;
    bool wants(const Item& item) const noexcept;
    static std::size_t bytes(const Item& item) noexcept;
    Result<> keep(Item item);
    void trim();

    const SortSpec& spec_;
    Budget& budget_;
    std::vector<Item> items_;
    std::uint64_t held_bytes_ = 0;
    bool bounded_ = false;  // The best `count` are known: worst_ is the last of them.
    Item worst_;            // Without its row.
    std::vector<ValueView> worst_views_;
};

}  // namespace sluice::query
