// Texts that are numbers: each way of writing them that is taken back to the same bytes.
//
//   integers    -17, 0, 4711              canonical decimal, at most 18 digits
//   padded      0042                      digits only, all of the same length, at most 18
//   decimals    -0.50, 12.25              canonical, all with the same number of digits after the point, at most 9
//   timestamps  2023-11-21T01:02:03.123Z  all with the same separators, fraction and rest
//   addresses   10.0.0.1                  IPv4
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "part/text_arena.h"
#include "part/varint.h"

namespace sluice::part {

enum class TextType : std::uint8_t { integers = 2, padded = 3, decimals = 4, timestamps = 5, addresses = 6 };

// How the texts of one stream are written; what is not used by a type is zero.
struct TextShape {
    TextType type = TextType::integers;
    std::uint8_t digits = 0;  // padded: all; decimals and timestamps: after the point.
    char date_separator = 0;  // timestamps: between date and time.
    char point = 0;           // timestamps with a fraction.
    std::string_view rest{};  // timestamps: what follows, such as Z or +01:00.
};

// The shape and the numbers of all values, or nothing.  What it says is a guess: the caller renders and compares.
std::optional<TextShape> find_shape(std::span<const std::string_view> values, std::vector<std::int64_t>& numbers);

// Renders each number; false: one that has no such text.
bool render(const TextShape& shape, std::span<const std::int64_t> numbers, std::span<std::string_view> into,
            TextArena& arena);

}  // namespace sluice::part
