#include "part/slot_words.h"

#include <algorithm>

namespace sluice::part {
namespace {

// The bytes of words at the end and at the front.
std::string_view word_end(std::string_view text) noexcept {
    std::size_t start = text.size();
    while (start > 0 && is_word_byte(text[start - 1])) {
        --start;
    }
    return text.substr(start);
}
std::string_view word_front(std::string_view text) noexcept {
    return text.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_word_byte) - text.begin()));
}

}  // namespace

SlotWords::SlotWords(const Template& from, TokenFilterBuilder& words)
    : from_(from), words_(words), alone_(from.slots(), true) {
    for (std::size_t i = 0; i <= from.slots(); ++i) {
        std::string_view inner = from.literals[i];
        if (i > 0) {
            inner.remove_prefix(word_front(inner).size());
        }
        if (i < from.slots()) {
            inner.remove_suffix(word_end(inner).size());
        }
        add_words(words_, inner);
    }
    for (std::size_t slot = 0; slot < from.slots(); ++slot) {
        const std::string_view before = from.literals[slot];
        const bool continues = slot > 0 && word_end(before).size() == before.size();
        if (continues) {
            groups_.back().last = slot;
        } else {
            groups_.push_back({slot, slot, word_end(before), {}});
        }
        groups_.back().after = word_front(from.literals[slot + 1]);
    }
    std::erase_if(groups_, [this](const Group& group) {
        const bool alone = group.first == group.last && group.before.empty() && group.after.empty();
        for (std::size_t slot = group.first; slot <= group.last; ++slot) {
            alone_[slot] = alone;
        }
        return alone;
    });
}

void SlotWords::add_group(const Group& group, std::span<const std::span<const std::string_view>> slots) {
    std::string text;
    std::string last;
    for (std::size_t row = 0; row < slots.front().size(); ++row) {
        text = group.before;
        for (std::size_t i = 0; i < slots.size(); ++i) {
            text.append(i == 0 ? std::string_view() : std::string_view(from_.literals[group.first + i]));
            text.append(slots[i][row]);
        }
        text.append(group.after);
        if (text != last) {
            add_words(words_, text);
            last = text;
        }
    }
}

}  // namespace sluice::part
