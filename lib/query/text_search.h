// Finding bytes in texts.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::query {

// What is looked for; `text` is in lower case if `ignore_case`, which is of ASCII only.
struct Needle {
    std::string_view text;
    bool ignore_case = false;
};

// The first place from `from` on; npos: nowhere.
std::size_t find(std::string_view text, const Needle& needle, std::size_t from = 0) noexcept;

enum class PhraseEnd : bool { whole_word, may_go_on };

// Is the phrase in the text such that a word at its start or end is a whole word of the text?
bool has_phrase(std::string_view text, const Needle& phrase, PhraseEnd end) noexcept;

// Smart case: a text without upper-case letters finds any case.
bool has_upper_case(std::string_view text) noexcept;

}  // namespace sluice::query
