// Where the variable parts of a message are: the rule that makes templates without training.
//
// A token is the longest run of letters, digits and bytes from 0x80 on.  A token with a digit is variable (the rule of
// CLP), and so is one of at least eight hexadecimal letters; all else is literal.  What that rule alone would give is
// then cut so that the values of one slot are alike, because columns of small integers are what compresses best
// (cutting letters saves 2 % of synthetic messages and 9 % of a JVM collector's log, all columns with zstd-3):
//   - punctuation is literal, so key=12, [test,4], /users/17 and 12:34:56 leave bare integers
//   - letters before the number (worker12, v1.2.3) and a unit of up to three letters after it (15ms) are literal, and
//     so is 0x before hexadecimal digits, and the T between day and hour of a timestamp
// What belongs together stays whole.  Alone that changes the size by less than 1 %, but whole addresses can be
// found, and one dictionary of them for all slots of a part takes 1.7 instead of 2.9 bytes a value:
//   - digits with dots between them (10.0.3.17, 12.345), a number with its sign after a space or one of = ( [ , : _
//   - hexadecimal tokens, UUIDs, MAC and IPv6 addresses
//   - tokens that mix letters and digits in any other way (base 36 and 62 identifiers)
// Therefore (and template matching relies on it) of every variable:
//   - it has no bytes but letters, digits, those from 0x80 on, and . : -
//   - each word in it (words.h) has a digit or is all hexadecimal letters
//   - it ends with a byte of a word and begins with one, or with a sign, which stands first in the value or behind one
//     of the bytes listed above
//   - there is a literal byte between it and the next variable
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::part {

// After so many variables the rest of a value is literal: a list of a thousand numbers is no template.
inline constexpr std::size_t kSlotsMax = 128;

enum class Detail : std::uint8_t {
    parts,   // As above.
    tokens,  // Tokens are variable with their letters: fewer templates where the letters vary (ab12, xy7).
};

struct Piece {
    std::uint32_t begin;
    std::uint32_t end;
};

struct Variables {
    std::array<Piece, kSlotsMax> pieces;
    std::size_t count = 0;
    bool cut = false;  // Detail::tokens would give other pieces.
};

// Finds the variables of `text`, in order.  Time: linear.
// Precondition: text.size() < 4 GiB.
void find_variables(std::string_view text, Detail detail, Variables& into) noexcept;

// The rule of variables, for those who rely on it.
bool is_variable_byte(char c) noexcept;
bool may_be_variable_word(std::string_view word) noexcept;
bool may_precede_sign(char c) noexcept;

}  // namespace sluice::part
