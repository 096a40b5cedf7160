#include "query/sort_buffer.h"

#include <algorithm>

namespace sluice::query {

bool SortBuffer::before(const std::vector<Value>& a, std::uint64_t a_arrival, const std::vector<Value>& b,
                        std::uint64_t b_arrival) const noexcept {
    for (std::size_t i = 0; i < spec_.keys.size(); ++i) {
        const std::weak_ordering order = compare(a[i].view(), b[i].view());
        if (order != 0) {
            return (order < 0) != spec_.keys[i].descending;
        }
    }
    return a_arrival < b_arrival;
}

bool SortBuffer::before(const Item& a, const Item& b) const noexcept {
    return before(a.keys, a.arrival, b.keys, b.arrival);
}

std::size_t SortBuffer::bytes(const Item& item) noexcept {
    std::size_t total = sizeof(Item) + item.row.bytes();
    for (const Value& key : item.keys) {
        total += key.bytes();
    }
    return total;
}

bool SortBuffer::wants(const std::vector<Value>& keys, std::uint64_t arrival) const noexcept {
    return spec_.count > 0 && (!bounded_ || before(keys, arrival, worst_.keys, worst_.arrival));
}

Result<> SortBuffer::add(const RowRef& row, std::uint64_t arrival) {
    std::vector<Value> keys;
    keys.reserve(spec_.keys.size());
    for (const SortSpec::Key& key : spec_.keys) {
        keys.emplace_back(row.first(key.name));
    }
    if (!wants(keys, arrival)) {
        return {};
    }
    return keep({.keys = std::move(keys), .arrival = arrival, .row = Row::copy_of(row)});
}

Result<> SortBuffer::keep(Item item) {
    const std::size_t size = bytes(item);
    items_.push_back(std::move(item));
    held_bytes_ += size;
    SLUICE_CHECK(budget_.charge(size, "sorting"));
    if (items_.size() / 2 >= spec_.count) {
        trim();
    }
    return {};
}

// Down to the first `count`.
void SortBuffer::trim() {
    if (items_.size() <= spec_.count || spec_.count == 0) {
        return;
    }
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(spec_.count);
    std::nth_element(items_.begin(), end - 1, items_.end(),
                     [this](const Item& a, const Item& b) { return before(a, b); });
    worst_.keys = (end - 1)->keys;
    worst_.arrival = (end - 1)->arrival;
    bounded_ = true;
    std::size_t freed = 0;
    std::for_each(end, items_.end(), [&](const Item& item) { freed += bytes(item); });
    items_.erase(end, items_.end());
    held_bytes_ -= freed;
    budget_.release(freed);
}

Result<> SortBuffer::merge(SortBuffer&& other) {
    for (Item& item : other.items_) {
        if (wants(item.keys, item.arrival)) {
            SLUICE_CHECK(keep(std::move(item)));
        }
    }
    other.items_.clear();
    other.budget_.release(other.held_bytes_);
    other.held_bytes_ = 0;
    return {};
}

Result<> SortBuffer::for_each_row(const std::function<Result<>(const RowRef&)>& use) {
    trim();
    std::ranges::sort(items_, [this](const Item& a, const Item& b) { return before(a, b); });
    if (items_.size() > spec_.count) {
        items_.resize(spec_.count);
    }
    for (Item& item : items_) {
        SLUICE_CHECK(item.row.with_ref(use));
        item.row = {};
    }
    items_.clear();
    return {};
}

}  // namespace sluice::query
