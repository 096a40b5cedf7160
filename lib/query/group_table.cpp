#include "query/group_table.h"

#include <algorithm>
#include <cmath>

namespace sluice::query {
namespace {

// The last multiple of `width`, less `offset`, that is not behind the value.
std::int64_t floor_to(std::int64_t value, std::int64_t width, std::int64_t offset = 0) noexcept {
    const std::int64_t rest = ((value % width + offset % width) % width + width) % width;
    std::int64_t begin = 0;
    return __builtin_sub_overflow(value, rest, &begin) ? INT64_MIN : begin;
}

}  // namespace

ValueView bucket_of(const ValueView& value, const Bucket& bucket) noexcept {
    constexpr double kNanoseconds = 1e9;
    constexpr double kWidthMax = 4e18;
    const double width = bucket.width;
    if (value.kind == ValueKind::time) {
        const double wide = std::clamp(std::round(width * kNanoseconds), 1.0, kWidthMax);
        return ValueView::of_time(floor_to(value.integer, static_cast<std::int64_t>(wide), bucket.offset.count()));
    }
    const std::optional<Number> number = number_of(value);
    if (!number) {
        return {};
    }
    if (number->is_integer && width == std::floor(width) && width <= kWidthMax) {
        return ValueView::of_integer(floor_to(number->integer, static_cast<std::int64_t>(width)));
    }
    return ValueView::of_floating(std::floor(number->as_double() / width) * width);
}

GroupTable::GroupTable(const GroupSpec& spec, Budget& budget) : spec_(spec), budget_(budget) {
    for (const GroupSpec::Result& result : spec.results) {
        columns_.emplace_back(result);
        bytes_per_group_ += columns_.back().bytes_per_group();
    }
}

Result<> GroupTable::charge(std::ptrdiff_t bytes) {
    held_bytes_ += static_cast<std::uint64_t>(bytes);
    if (bytes <= 0) {
        budget_.release(static_cast<std::uint64_t>(-bytes));
        return {};
    }
    return budget_.charge(static_cast<std::uint64_t>(bytes), spec_.what);
}

Result<std::uint32_t> GroupTable::group(std::string_view key) {
    const std::uint32_t before = keys_.size();
    const std::uint32_t number = keys_.add(key);
    if (keys_.size() != before) {
        for (ResultColumn& column : columns_) {
            column.resize(keys_.size());
        }
        const std::size_t bytes = keys_.bytes();
        const std::size_t grown = bytes - std::exchange(key_bytes_, bytes);
        SLUICE_CHECK(charge(static_cast<std::ptrdiff_t>(grown + bytes_per_group_)));
    }
    return number;
}

Result<> GroupTable::add(const RowRef& row) {
    scratch_.clear();
    for (const GroupSpec::Key& key : spec_.keys) {
        const ValueView value = row.first(key.name);
        append_key(scratch_, key.bucket.width > 0 ? bucket_of(value, key.bucket) : value);
    }
    SLUICE_TRY(const std::uint32_t number, group(scratch_));
    std::ptrdiff_t grown = 0;
    for (ResultColumn& column : columns_) {
        const GroupSpec::Result& result = column.spec();
        if (result.counts_rows) {
            column.count(number, 1);
        } else {
            grown += column.add(number, row.first(result.source));
        }
    }
    return charge(grown);
}

Result<> GroupTable::merge(GroupTable&& other) {
    for (std::uint32_t number = 0; number < other.groups(); ++number) {
        SLUICE_TRY(const std::uint32_t mine, group(other.keys_.key(number)));
        std::ptrdiff_t grown = 0;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            grown += columns_[i].merge(mine, other.columns_[i], number);
        }
        SLUICE_CHECK(charge(grown));
    }
    return {};
}

std::vector<std::uint32_t> GroupTable::in_order() {
    std::vector<std::uint32_t> order(groups());
    for (std::uint32_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    const auto by_keys = [this](std::uint32_t a, std::uint32_t b) {
        std::string_view x = keys_.key(a);
        std::string_view y = keys_.key(b);
        while (!x.empty() && !y.empty()) {
            if (const auto c = compare_exactly(take_key(x), take_key(y)); c != 0) {
                return c < 0;
            }
        }
        return false;
    };
    const auto by_hits = [&](std::uint32_t a, std::uint32_t b) {
        const std::uint64_t x = columns_.front().counted(a);
        const std::uint64_t y = columns_.front().counted(b);
        return x != y ? x > y : by_keys(a, b);
    };
    const std::size_t count = std::min<std::uint64_t>(spec_.count, order.size());
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
    if (spec_.by_hits) {
        std::partial_sort(order.begin(), middle, order.end(), by_hits);
    } else {
        std::partial_sort(order.begin(), middle, order.end(), by_keys);
    }
    order.resize(count);
    return order;
}

Result<> GroupTable::for_each_row(const std::function<Result<>(const RowRef&)>& use) {
    if (spec_.keys.empty()) {
        SLUICE_TRY([[maybe_unused]] const std::uint32_t only, group({}));  // Of no rows, too.
    }
    std::vector<Value> row;
    for (const std::uint32_t number : in_order()) {
        row.clear();
        std::string_view key = keys_.key(number);
        while (!key.empty()) {
            row.emplace_back(take_key(key));
        }
        for (ResultColumn& column : columns_) {
            row.push_back(column.result(number));
        }
        SLUICE_CHECK(use(RowRef{.entry = nullptr, .columns = row}));
    }
    return {};
}

}  // namespace sluice::query
