#include "query/sort_buffer.h"

#include <algorithm>

namespace sluice::query {

int SortBuffer::order(std::span<const ValueView> a, std::span<const ValueView> b) const noexcept {
    for (std::size_t i = 0; i < spec_.keys.size(); ++i) {
        const std::weak_ordering order = compare(a[i], b[i]);
        if (order != 0) {
            return (order < 0) != spec_.keys[i].descending ? -1 : 1;
        }
    }
    return 0;
}

std::vector<ValueView> SortBuffer::views(const std::vector<Value>& keys) {
    std::vector<ValueView> all;
    all.reserve(keys.size());
    for (const Value& key : keys) {
        all.push_back(key.view());
    }
    return all;
}

bool SortBuffer::before(const Item& a, const Item& b) const noexcept {
    for (std::size_t i = 0; i < spec_.keys.size(); ++i) {
        const std::weak_ordering order = compare(a.keys[i].view(), b.keys[i].view());
        if (order != 0) {
            return (order < 0) != spec_.keys[i].descending;
        }
    }
    return a.arrival < b.arrival;
}

std::size_t SortBuffer::bytes(const Item& item) noexcept {
    std::size_t total = sizeof(Item) + item.row.bytes();
    for (const Value& key : item.keys) {
        total += key.bytes();
    }
    return total;
}

bool SortBuffer::wants(const Item& item) const noexcept {
    return spec_.count > 0 && (!bounded_ || before(item, worst_));
}

Result<> SortBuffer::add(const RowRef& row, std::uint64_t arrival) {
    Item item;
    item.arrival = arrival;
    item.keys.reserve(spec_.keys.size());
    for (const SortSpec::Key& key : spec_.keys) {
        item.keys.emplace_back(row.first(key.name));
    }
    if (!wants(item)) {
        return {};
    }
    item.row = Row::copy_of(row);
    return keep(std::move(item));
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
    worst_views_ = views(worst_.keys);
    bounded_ = true;
    std::size_t freed = 0;
    std::for_each(end, items_.end(), [&](const Item& item) { freed += bytes(item); });
    items_.erase(end, items_.end());
    held_bytes_ -= freed;
    budget_.release(freed);
}

Result<> SortBuffer::merge(SortBuffer&& other) {
    for (Item& item : other.items_) {
        if (wants(item)) {
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
