// Which fields get columns of their own where there are more than a part may have: the most frequent ones.
//
// A name may occur in one row only, so the names are counted as hashes and in bounded memory: when there are too many,
// those are forgotten that were seen at most as often as the median of all.  What is common is soon back, with a count
// that is too low by what it had then (after Manku and Motwani, "Approximate Frequency Counts over Data Streams").
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "wire/record.h"

namespace sluice::part {

struct Field {
    bool trusted = false;
    wire::FieldType type = wire::FieldType::string;
    std::string_view name{};

    // Of the `occurrence`th of its kind in a row, from 0.
    std::uint64_t hash(std::size_t occurrence) const noexcept;
};

using FieldSet = std::unordered_set<std::uint64_t>;  // Of Field::hash().

// Threads: one.  Memory: some MiB.
class FrequentFields {
 public:
    void begin_row();
    void add(const Field& field);
    // The `count` most frequent ones, of equally frequent ones those that came first.
    FieldSet choose(std::size_t count) const;

 private:
    struct Seen {
        std::uint64_t count = 0;
        std::uint64_t since = 0;        // Order of arrival.
        std::uint64_t row = 0;          // The last one that had it,
        std::uint32_t occurrences = 0;  // so many times so far.
    };
    void forget_rare();
    Seen& of(std::uint64_t hash);

    std::unordered_map<std::uint64_t, Seen> seen_;
    std::uint64_t row_ = 0;
    std::uint64_t next_ = 0;
};

}  // namespace sluice::part
