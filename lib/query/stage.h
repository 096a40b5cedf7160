// The stages of a query as they are run: names resolved for the form that rows have where the stage stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "query/names.h"
#include "query/pipe.h"
#include "query/row_filter.h"

namespace sluice::query {

// What can be named where a stage stands.
struct Schema {
    struct Column {
        std::string name;
        Name source;
    };
    bool whole_records = true;  // All of a record; else only `columns`.
    std::vector<Column> columns;

    Name resolve(std::string_view name) const;
};

struct FilterSpec {
    FilterNode filter;
};
// skip, then at most `count`.
struct WindowSpec {
    std::uint64_t skip = 0;
    std::uint64_t count = UINT64_MAX;
};
struct NewestSpec {
    std::uint64_t count = 0;
};
struct SortSpec {
    struct Key {
        Name name;
        bool descending = false;
    };
    std::vector<Key> keys;
    std::uint64_t count = UINT64_MAX;  // Only the first so many are of use.
};
// Which values are one group.
struct Bucket {
    double width = 0;          // In the unit of Literal::number; 0: each value is its own.
    bool is_duration = false;  // Of times and durations, else of numbers without a unit of time.
    Duration offset{};         // Of times: buckets begin so much before the multiples of the width.
    // The width is steps / scale, the scale a power of ten: so that the bucket of 0.3 in steps of 0.1 begins at 0.3,
    // and not at three times the binary fraction next to 0.1.
    double steps = 0;
    double scale = 1;
};
struct GroupSpec {
    struct Key {
        Name name;
        Bucket bucket{};
    };
    struct Result {
        Function function = Function::count;
        Name source;
        double fraction = 0;
        bool counts_rows = false;  // count() of records: no source.
    };
    std::vector<Key> keys;
    std::vector<Result> results;
    bool by_hits = false;              // Most hits first, for `top`; else ordered by the keys.
    std::uint64_t count = UINT64_MAX;  // Only the first so many.
    std::string what;                  // For errors: "grouping by 'user'".

    bool counts_only() const noexcept { return results.size() == 1 && results.front().counts_rows; }
};
using StageSpec = std::variant<FilterSpec, WindowSpec, NewestSpec, SortSpec, GroupSpec>;
// How rows leave the scan: as they are, or by the first stage that looks at more than one row.
using Breaker = std::variant<std::monostate, WindowSpec, NewestSpec, SortSpec, GroupSpec>;

}  // namespace sluice::query
