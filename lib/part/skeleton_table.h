// Skeletons: the literals of a value in one string, numbered in the order in which they first occur.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "part/template_split.h"
#include "part/variables.h"

namespace sluice::part {

// Threads: one.  Memory: that of the distinct skeletons.
class SkeletonTable {
 public:
    // The number of the skeleton that `text` has without `variables`; a new one if it was not seen before.
    std::uint32_t number_of(std::string_view text, const Variables& variables);

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
    std::uint32_t slots(std::uint32_t number) const noexcept { return entries_[number].slots; }
    Template to_template(std::uint32_t number) const;

 private:
    struct Entry {
        std::uint64_t hash;
        std::size_t offset;  // In texts_.
        std::size_t bytes;
        std::uint32_t slots;
    };

    std::string_view text_of(const Entry& entry) const noexcept { return {texts_.data() + entry.offset, entry.bytes}; }
    std::string_view write(std::string_view text, const Variables& variables);
    void grow();

    std::vector<char> scratch_;
    std::vector<char> texts_;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> places_;  // Entry + 1, 0: free.  A power of two, at most half full.
};

}  // namespace sluice::part
