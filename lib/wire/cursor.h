// A place in a log: which store, which epoch, which record.  A tail resumed after a cursor neither skips nor repeats.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace sluice::wire {

// Made at random when a store is created.
using StoreId = std::array<std::byte, 16>;

// 32 lower-case hex digits, and back.
std::string format_id(const std::array<std::byte, 16>& id);
std::optional<std::array<std::byte, 16>> parse_id(std::string_view text) noexcept;

struct Cursor {
    StoreId store{};
    std::uint32_t epoch = 0;
    std::uint64_t sequence = 0;
    friend bool operator==(const Cursor&, const Cursor&) = default;
};
inline constexpr std::size_t kCursorSize = 32;  // store 16 | epoch 4 | zero 4 | sequence 8

// "9f86d081884c7d659a2feaa0c55ad015:1:4711"
std::string format_cursor(const Cursor& cursor);
// Errors: invalid_argument.
Result<Cursor> parse_cursor(std::string_view text);

}  // namespace sluice::wire
