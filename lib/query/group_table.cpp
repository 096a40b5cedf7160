#include "query/group_table.h"

#include <algorithm>
#include <cmath>

#include "query/scanner.h"
#include "wire/time_text.h"

namespace sluice::query {
namespace {

// The last multiple of `width`, less `offset`, that is not behind the value.
std::int64_t floor_to(std::int64_t value, std::int64_t width, std::int64_t offset = 0) noexcept {
    const std::int64_t rest = ((value % width + offset % width) % width + width) % width;
    std::int64_t begin = 0;
    return __builtin_sub_overflow(value, rest, &begin) ? INT64_MIN : begin;
}

constexpr double kWidthMax = 4e18;

ValueView bucket_of_time(WallNs time, const Bucket& bucket) noexcept {
    constexpr double kNanoseconds = 1e9;
    const double wide = std::clamp(std::round(bucket.width * kNanoseconds), 1.0, kWidthMax);
    return ValueView::of_time(floor_to(time, static_cast<std::int64_t>(wide), bucket.offset.count()));
}

ValueView bucket_of_number(const Number& number, const Bucket& bucket) noexcept {
    const bool whole = bucket.width == std::floor(bucket.width) && bucket.width <= kWidthMax;
    if (number.is_integer && whole) {
        return ValueView::of_integer(floor_to(number.integer, static_cast<std::int64_t>(bucket.width)));
    }
    const double value = number.as_double();
    const auto begin_of = [&](double index) { return index * bucket.steps / bucket.scale; };
    double index = std::floor(value / bucket.width);  // May be one off, for the quotient is rounded.
    if (begin_of(index + 1) <= value) {
        index += 1;
    } else if (begin_of(index) > value) {
        index -= 1;
    }
    return ValueView::of_number(begin_of(index));  // 12 and 12.5 begin the same bucket.
}

}  // namespace

Bucket bucket_of_width(const Literal& width, Duration offset) {
    constexpr double kExactMax = 9007199254740992.0;  // 2^53
    constexpr double kScaleMax = 1e15;
    Bucket bucket{.width = width.number.value_or(0), .offset = offset, .steps = width.number.value_or(0)};
    const std::optional<Quantity> quantity = parse_quantity(width.text);
    bucket.is_duration = quantity && quantity->is_duration;
    for (double scale = 1; scale <= kScaleMax; scale *= 10) {
        const double steps = std::round(bucket.width * scale);
        if (steps >= 1 && steps <= kExactMax && steps / scale == bucket.width) {
            bucket.steps = steps;
            bucket.scale = scale;
            break;
        }
    }
    return bucket;
}

ValueView grouped(const ValueView& value, const Bucket& bucket) noexcept {
    const bool is_text = value.kind == ValueKind::text || value.kind == ValueKind::bytes;
    if (is_text && value.text.empty()) {
        return {};
    }
    if (bucket.width == 0) {
        return value;
    }
    if (value.kind == ValueKind::time) {
        return bucket.is_duration ? bucket_of_time(value.integer, bucket) : value;
    }
    if (const std::optional<Number> number = number_of(value)) {
        return number->is_duration == bucket.is_duration ? bucket_of_number(*number, bucket) : value;
    }
    if (bucket.is_duration && is_text) {
        if (const std::optional<WallNs> time = wire::parse_rfc3339(value.text)) {
            return bucket_of_time(*time, bucket);
        }
    }
    return value;
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
        append_key(scratch_, grouped(value, key.bucket));
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
