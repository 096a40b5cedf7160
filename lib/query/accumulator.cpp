#include "query/accumulator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/checksum.h"

namespace sluice::query {
namespace {

std::ptrdiff_t grown(std::size_t before, std::size_t now) noexcept {
    return static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(before);
}

}  // namespace

// ---- Sum ----

void Sum::add(const Number& number, std::uint64_t times) noexcept {
    count_ += times;
    if (number.is_integer) {
        integers_ += static_cast<Wide>(number.integer) * static_cast<Wide>(times);
    } else {
        floats_ += number.floating * static_cast<double>(times);
        has_float_ = true;
    }
}

void Sum::merge(const Sum& other) noexcept {
    count_ += other.count_;
    integers_ += other.integers_;
    floats_ += other.floats_;
    has_float_ = has_float_ || other.has_float_;
}

ValueView Sum::total() const noexcept {
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
    if (!has_float_ && integers_ <= kMax && integers_ >= kMin) {
        return ValueView::of_integer(static_cast<std::int64_t>(integers_));
    }
    return ValueView::of_number(static_cast<double>(integers_) + floats_);
}

// In long double: a sum of large integers that is rounded before it is divided may come out above another one, which is
// larger.
double Sum::average() const noexcept {
    return static_cast<double>((static_cast<long double>(integers_) + floats_) / static_cast<long double>(count_));
}

// ---- HashSet ----

bool HashSet::add(std::uint64_t hash) {
    if (hash == 0) {
        return !std::exchange(has_zero_, true);
    }
    if ((count_ + 1) * 4 > slots_.size() * 3) {
        grow();
    }
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {  // Bounded: a quarter is free.
        if (slots_[at] == hash) {
            return false;
        }
    }
    slots_[at] = hash;
    ++count_;
    return true;
}

void HashSet::grow() {
    std::vector<std::uint64_t> old(slots_.empty() ? 8 : slots_.size() * 2, 0);
    old.swap(slots_);
    const std::size_t mask = slots_.size() - 1;
    for (const std::uint64_t hash : old) {
        if (hash != 0) {
            std::size_t at = hash & mask;
            while (slots_[at] != 0) {
                at = (at + 1) & mask;
            }
            slots_[at] = hash;
        }
    }
}

void HashSet::merge(const HashSet& other) {
    for (const std::uint64_t hash : other.slots_) {
        if (hash != 0) {
            add(hash);
        }
    }
    has_zero_ = has_zero_ || other.has_zero_;
}

// ---- Numbers ----

void Numbers::add(const Number& number, std::uint64_t times) {
    if (number.is_integer) {
        integers_.add(number.integer, times);
    } else {
        floats_.add(number.floating, times);
    }
}

void Numbers::merge(const Numbers& other) {
    integers_.merge(other.integers_);
    floats_.merge(other.floats_);
}

ValueView Numbers::quantile(double fraction) {
    const auto at_rank = [fraction](auto& values) {
        const double rank = std::floor(fraction * static_cast<double>(values.count()));
        return values.at(std::min(static_cast<std::uint64_t>(rank), values.count() - 1));
    };
    if (floats_.count() == 0) {
        return integers_.count() == 0 ? ValueView() : ValueView::of_integer(at_rank(integers_));
    }
    floats_.merge(integers_);
    integers_.clear();
    return ValueView::of_number(at_rank(floats_));
}

// ---- ResultColumn ----

void ResultColumn::resize(std::size_t groups) {
    switch (spec_.function) {
        case Function::count:
            counts_.resize(groups);
            return;
        case Function::count_uniq:
            sets_.resize(groups);
            return;
        case Function::sum:
        case Function::avg:
            sums_.resize(groups);
            return;
        case Function::min:
        case Function::max:
            best_.resize(groups);
            return;
        case Function::median:
        case Function::quantile:
            numbers_.resize(groups);
            return;
    }
}

std::size_t ResultColumn::bytes_per_group() const noexcept {
    switch (spec_.function) {
        case Function::count:
            return sizeof(std::uint64_t);
        case Function::count_uniq:
            return sizeof(HashSet);
        case Function::sum:
        case Function::avg:
            return sizeof(Sum);
        case Function::min:
        case Function::max:
            return sizeof(Value);
        case Function::median:
        case Function::quantile:
            return sizeof(Numbers);
    }
    return 0;
}

std::ptrdiff_t ResultColumn::add(std::uint32_t group, const ValueView& value, std::uint64_t times) {
    if (value.kind == ValueKind::missing) {
        return 0;
    }
    const bool is_text = value.kind == ValueKind::text || value.kind == ValueKind::bytes;
    switch (spec_.function) {
        case Function::count:
            counts_[group] += is_text && value.text.empty() ? 0 : times;
            return 0;
        case Function::count_uniq: {
            if (is_text && value.text.empty()) {
                return 0;
            }
            std::string key;
            append_key(key, value);
            HashSet& set = sets_[group];
            const std::size_t before = set.bytes();
            set.add(checksum64(as_bytes(key)));
            return grown(before, set.bytes());
        }
        case Function::sum:
        case Function::avg:
            if (const auto number = number_of(value)) {
                sums_[group].add(*number, times);
            }
            return 0;
        case Function::min:
        case Function::max: {
            if (is_text && value.text.empty()) {
                return 0;
            }
            Value& best = best_[group];
            const bool better =
                spec_.function == Function::min ? is_less(value, best.view()) : compare_exactly(value, best.view()) > 0;
            if (best.kind == ValueKind::missing || better) {
                const std::size_t before = best.bytes();
                best = Value(value);
                return grown(before, best.bytes());
            }
            return 0;
        }
        case Function::median:
        case Function::quantile: {
            const auto number = number_of(value);
            if (!number) {
                return 0;
            }
            Numbers& all = numbers_[group];
            const std::size_t before = all.bytes();
            all.add(*number, times);
            return grown(before, all.bytes());
        }
    }
    return 0;
}

std::ptrdiff_t ResultColumn::merge(std::uint32_t group, ResultColumn& other, std::uint32_t others_group) {
    switch (spec_.function) {
        case Function::count:
            counts_[group] += other.counts_[others_group];
            return 0;
        case Function::count_uniq: {
            const std::size_t before = sets_[group].bytes();
            sets_[group].merge(other.sets_[others_group]);
            return grown(before, sets_[group].bytes());
        }
        case Function::sum:
        case Function::avg:
            sums_[group].merge(other.sums_[others_group]);
            return 0;
        case Function::min:
        case Function::max:
            return add(group, other.best_[others_group].view());
        case Function::median:
        case Function::quantile: {
            Numbers& all = numbers_[group];
            const std::size_t before = all.bytes();
            all.merge(other.numbers_[others_group]);
            return grown(before, all.bytes());
        }
    }
    return 0;
}

Value ResultColumn::result(std::uint32_t group) {
    switch (spec_.function) {
        case Function::count:
            return Value(ValueView::of_integer(static_cast<std::int64_t>(counts_[group])));
        case Function::count_uniq:
            return Value(ValueView::of_integer(static_cast<std::int64_t>(sets_[group].size())));
        case Function::sum:
            return sums_[group].count() == 0 ? Value() : Value(sums_[group].total());
        case Function::avg:
            return sums_[group].count() == 0 ? Value() : Value(ValueView::of_number(sums_[group].average()));
        case Function::min:
        case Function::max:
            return std::move(best_[group]);
        case Function::median:
        case Function::quantile:
            return Value(numbers_[group].quantile(spec_.fraction));
    }
    return {};
}

}  // namespace sluice::query
