// Reading and writing message payloads: a bounds-checked reader with a sticky fault, and the encoder of `str`.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/cursor.h"

namespace sluice::wire {

// Takes values from the front of a payload.  After the first fault every read yields zero or empty, and finish() fails:
// a decoder reads everything and asks once.
class Reader {
 public:
    explicit Reader(ByteView bytes) noexcept : rest_(bytes) {}

    template <std::integral T>
    T take() noexcept {
        if (rest_.size() < sizeof(T)) [[unlikely]] {
            refuse(Errc::malformed, "cut short");
            return T{};
        }
        const T value = load_int<T>(rest_.data());
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }
    std::uint8_t u8() noexcept { return take<std::uint8_t>(); }
    std::uint16_t u16() noexcept { return take<std::uint16_t>(); }
    std::uint32_t u32() noexcept { return take<std::uint32_t>(); }
    std::uint64_t u64() noexcept { return take<std::uint64_t>(); }
    std::int64_t i64() noexcept { return take<std::int64_t>(); }
    // `n` bytes that must be zero.
    void zeros(std::size_t n) noexcept;
    // 0 or 1 as a boolean; anything else: invalid_argument.
    bool flag(std::uint32_t value) noexcept;
    ByteView bytes(std::size_t n) noexcept;
    // u32 length + bytes.  Longer than `bytes_max`: too_large.
    std::string_view str(std::size_t bytes_max) noexcept;
    // A str without NUL; with one: invalid_argument.
    std::string_view path_str(std::size_t bytes_max) noexcept;
    std::array<std::byte, 16> id() noexcept;
    Cursor cursor() noexcept;
    // Everything that is left.
    ByteView rest() noexcept;
    std::size_t left() const noexcept { return rest_.size(); }

    void refuse(Errc code, std::string_view why) noexcept;
    bool failed() const noexcept { return !why_.empty(); }
    // Fails on a fault and on bytes that nobody took; `what` names the message.
    Result<void> finish(std::string_view what) const;

 private:
    ByteView rest_;
    Errc code_ = Errc::malformed;
    std::string_view why_;  // A literal; empty: no fault.
};

void append_str(Bytes& to, std::string_view text);
void append_zeros(Bytes& to, std::size_t n);
void append_cursor(Bytes& to, const Cursor& cursor);

}  // namespace sluice::wire
