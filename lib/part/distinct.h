// The distinct values of a column in the order of their first rows, a code for each row, and how often each occurs.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sluice::part {

template <class T>
struct Distinct {
    std::vector<T> entries;
    std::vector<std::uint32_t> counts;  // Of each entry.
    std::vector<std::uint32_t> codes;   // Of each value.
};

// False: more than `entries_max`; `into` is then unfinished.
bool find_distinct(std::span<const std::string_view> values, std::size_t entries_max, Distinct<std::string_view>& into);
bool find_distinct(std::span<const std::int64_t> values, std::size_t entries_max, Distinct<std::int64_t>& into);

}  // namespace sluice::part
