// The stages behind a query's filter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "query/filter.h"

namespace sluice::query {

struct Fields {
    std::vector<std::string> names;  // Only these, in this order.
    friend bool operator==(const Fields&, const Fields&) = default;
};

struct Where {
    Filter filter;
    friend bool operator==(const Where&, const Where&) = default;
};

struct SortKey {
    std::string name;
    bool descending = false;
    friend bool operator==(const SortKey&, const SortKey&) = default;
};
struct Sort {
    std::vector<SortKey> keys;
    std::optional<std::uint64_t> limit;
    friend bool operator==(const Sort&, const Sort&) = default;
};

struct Head {
    std::uint64_t count = 10;
    friend bool operator==(const Head&, const Head&) = default;
};
struct Tail {
    std::uint64_t count = 10;
    friend bool operator==(const Tail&, const Tail&) = default;
};
struct Skip {
    std::uint64_t count = 0;
    friend bool operator==(const Skip&, const Skip&) = default;
};

// Each combination of values once.
struct Uniq {
    std::vector<std::string> names;
    bool hits = false;  // With a column `hits`: how often it occurs.
    friend bool operator==(const Uniq&, const Uniq&) = default;
};
// The most frequent combinations, with `hits`.
struct Top {
    std::uint64_t count = 10;
    std::vector<std::string> names;
    friend bool operator==(const Top&, const Top&) = default;
};

enum class Function : std::uint8_t { count, count_uniq, sum, min, max, avg, median, quantile };
struct Aggregate {
    Function function = Function::count;
    std::string field;      // Empty: count() of records.
    double fraction = 0.5;  // quantile: 0 to 1.
    std::string name;       // Of the result.
    friend bool operator==(const Aggregate&, const Aggregate&) = default;
};
struct GroupBy {
    std::string name;
    std::optional<Literal> bucket;  // Width: a duration for times, a number else.
    std::string offset{};           // Of buckets of times (parse_offset): they begin so much earlier.
    friend bool operator==(const GroupBy&, const GroupBy&) = default;
};
struct Stats {
    std::vector<GroupBy> by;
    std::vector<Aggregate> aggregates;
    friend bool operator==(const Stats&, const Stats&) = default;
};

using Pipe = std::variant<Fields, Where, Sort, Head, Tail, Skip, Uniq, Top, Stats>;

struct Query {
    Filter filter;
    std::vector<Pipe> pipes;
    friend bool operator==(const Query&, const Query&) = default;
};

// The text that parses to the same query.
std::string to_text(const Query& query);

}  // namespace sluice::query
