// The words of all values of a template, from its literals and the variables of its slots: a word may begin in a
// literal and end in a variable (worker12, 15ms).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "part/template_split.h"
#include "part/token_filter.h"
#include "part/words.h"

namespace sluice::part {

inline void add_words(TokenFilterBuilder& words, std::string_view text) {
    for_each_word(text, [&words](std::string_view word) { words.add(token_hash(word)); });
}

class SlotWords {
 public:
    // Adds the words that lie within literals.
    SlotWords(const Template& from, TokenFilterBuilder& words);

    // For each distinct variable of each slot.  Adds nothing for slots whose words go beyond them.
    void add_alone(std::size_t slot, std::string_view value) {
        if (alone_[slot]) {
            add_words(words_, value);
        }
    }

    // For the other slots.  `variables(slot)`: its values in the order of the rows.
    template <class Variables>
    void add_joined(const Variables& variables) {
        for (const Group& group : groups_) {
            std::vector<std::span<const std::string_view>> slots;
            for (std::size_t slot = group.first; slot <= group.last; ++slot) {
                slots.push_back(variables(slot));
            }
            add_group(group, slots);
        }
    }

 private:
    // Slots that have only bytes of words between them, with those before and after.
    struct Group {
        std::size_t first = 0;
        std::size_t last = 0;
        std::string_view before;
        std::string_view after;
    };

    void add_group(const Group& group, std::span<const std::span<const std::string_view>> slots);

    const Template& from_;
    TokenFilterBuilder& words_;
    std::vector<bool> alone_;
    std::vector<Group> groups_;
};

}  // namespace sluice::part
