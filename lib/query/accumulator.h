// Results of `stats`, one column of them: one state per group.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "query/stage.h"
#include "query/value.h"
#include "query/value_runs.h"

namespace sluice::query {

// Exact whatever the order of the integers; floats are added as they come.
class Sum {
 public:
    void add(const Number& number, std::uint64_t times = 1) noexcept;
    void merge(const Sum& other) noexcept;
    std::uint64_t count() const noexcept { return count_; }
    // An integer if all were and it fits.
    ValueView total() const noexcept;
    double average() const noexcept;

 private:
    __extension__ using Wide = __int128;
    std::uint64_t count_ = 0;
    Wide integers_ = 0;
    double floats_ = 0;
    bool has_float_ = false;
};

// Hashes of 64 bits, each once.
class HashSet {
 public:
    bool add(std::uint64_t hash);
    void merge(const HashSet& other);
    std::uint64_t size() const noexcept { return count_ + (has_zero_ ? 1 : 0); }
    std::size_t bytes() const noexcept { return slots_.capacity() * sizeof(std::uint64_t); }

 private:
    void grow();
    std::vector<std::uint64_t> slots_;  // 0: free.
    std::uint64_t count_ = 0;
    bool has_zero_ = false;
};

// All values, for quantiles.
class Numbers {
 public:
    void add(const Number& number, std::uint64_t times);
    void merge(const Numbers& other);
    std::size_t bytes() const noexcept { return integers_.bytes() + floats_.bytes(); }
    // Of n in order the one with the number floor(fraction * n), counted from 0, or the last: of two in the middle the
    // greater, as in LogsQL.  Reorders.
    ValueView quantile(double fraction);

 private:
    ValueRuns<std::int64_t> integers_;
    ValueRuns<double> floats_;
};

class ResultColumn {
 public:
    explicit ResultColumn(const GroupSpec::Result& spec) noexcept : spec_(spec) {}

    const GroupSpec::Result& spec() const noexcept { return spec_; }
    void resize(std::size_t groups);
    // `times`: so many rows have this value.  Returns by how many bytes the state grew; negative: shrank.
    std::ptrdiff_t add(std::uint32_t group, const ValueView& value, std::uint64_t times = 1);
    // Of count() of records.
    void count(std::uint32_t group, std::uint64_t rows) noexcept { counts_[group] += rows; }
    std::uint64_t counted(std::uint32_t group) const noexcept { return counts_[group]; }
    std::ptrdiff_t merge(std::uint32_t group, ResultColumn& other, std::uint32_t others_group);
    Value result(std::uint32_t group);
    // Bytes that each group takes from the start.
    std::size_t bytes_per_group() const noexcept;

 private:
    GroupSpec::Result spec_;
    // One of these, by function.
    std::vector<std::uint64_t> counts_;
    std::vector<Sum> sums_;
    std::vector<Value> best_;
    std::vector<HashSet> sets_;
    std::vector<Numbers> numbers_;
};

}  // namespace sluice::query
