// Counts over time as bars of text.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"

namespace sluice::cli {

// The width of a bucket in ns, a round one, such that [first, last] needs at most `rows_max` of them.
WallNs bucket_width(WallNs first, WallNs last, std::size_t rows_max) noexcept;

struct HistogramOptions {
    std::size_t columns = 80;  // Of the terminal.
    bool colour = false;
    bool utc = false;  // Else the local time zone.
};

// One line per bucket from the first to the last in `counts`, empty ones included: its begin, a bar, its count.
// `counts`: by the begin of the bucket.
std::string draw_histogram(const std::map<WallNs, std::uint64_t>& counts, WallNs width,
                           const HistogramOptions& options);

}  // namespace sluice::cli
