// Untrusted text made safe to show.  For display only: it cannot be read back (JSON output can).
#pragma once

#include <string>
#include <string_view>

namespace sluice::wire {

// Appends `text` so that a terminal cannot be steered by it.  \n, \r and \t by those names; other C0 controls (ESC
// among them), DEL and each byte that is not UTF-8 as \xNN; C1 controls, U+2028, U+2029 and the bidirectional controls
// (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) as \uNNNN.  Everything else as it is.
void append_escaped(std::string& to, std::string_view text);
std::string escaped(std::string_view text);

// The same between double quotes, with '"' and '\' escaped by a backslash.
void append_quoted(std::string& to, std::string_view text);
std::string quoted(std::string_view text);

// Length in bytes (1 to 4) of the UTF-8 sequence at the front of `text`, which is not empty; 0 when it is not UTF-8
// (also overlong forms, surrogates, above U+10FFFF).
std::size_t utf8_length(std::string_view text) noexcept;
bool valid_utf8(std::string_view text) noexcept;
// The code point of one valid sequence, exactly `sequence`.
char32_t utf8_point(std::string_view sequence) noexcept;
// A code point that append_escaped does not let through.
bool is_control(char32_t point) noexcept;
// A code point that looks like a space or like nothing: what stands behind it looks like the beginning of a word.
bool is_blank(char32_t point) noexcept;
bool has_blank(std::string_view text) noexcept;

}  // namespace sluice::wire
