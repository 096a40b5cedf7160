// What a word is: the one definition for token filters and for the query language.
//
// A word is the longest run of letters and digits of ASCII, '_', and bytes from 0x80 on (so that text in any UTF-8
// language has words).  For their case: case_fold.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::part {

inline constexpr std::array<bool, 256> kWordByte = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0; c < table.size(); ++c) {
        table[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80;
    }
    return table;
}();
constexpr bool is_word_byte(char c) noexcept {
    return kWordByte[static_cast<unsigned char>(c)];
}
constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Calls visit(word) for each word of `text`, in order.
template <class Visit>
void for_each_word(std::string_view text, Visit&& visit) {
    std::size_t at = 0;
    while (at < text.size()) {
        while (at < text.size() && !is_word_byte(text[at])) {
            ++at;
        }
        const std::size_t start = at;
        while (at < text.size() && is_word_byte(text[at])) {
            ++at;
        }
        if (at > start) {
            visit(text.substr(start, at - start));
        }
    }
}

std::string lower_case(std::string_view text);

// Whose case does not count in a hash.
enum class TokenFold : std::uint8_t { ascii, unicode };

// Of a word whatever its case: what token filters hold, those of parts of version 1 with TokenFold::ascii.
std::uint64_t token_hash(std::string_view word, TokenFold fold = TokenFold::unicode);

}  // namespace sluice::part
