// Finds the encoding of a column from its values, and writes its streams.
#pragma once

#include "part/layout.h"

namespace sluice::part {

struct PageCount {
    std::uint32_t page = 0;
    std::uint32_t count = 0;
};

// The values of a column in order of the rows.  Numbers, booleans (0, 1) and doubles (their bits) are ints.
struct ColumnValues {
    std::span<const std::int64_t> ints{};
    std::span<const std::string_view> texts{};
    std::span<const PageCount> pages{};
};

// `column.info` says what it is; the rest of `column` is filled in.
void write_column(ColumnLayout& column, const ColumnValues& values, std::span<const PageLayout> pages,
                  BlockWriter& blocks);

}  // namespace sluice::part
