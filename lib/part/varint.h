// Integers of 1 to 10 bytes, seven bits a byte, low bits first; and reading them from bytes that may be anything.
#pragma once

#include "base/bytes.h"

namespace sluice::part {

inline void append_varint(Bytes& to, std::uint64_t value) {
    while (value >= 0x80) {
        to.push_back(static_cast<std::byte>(value | 0x80U));
        value >>= 7U;
    }
    to.push_back(static_cast<std::byte>(value));
}

// Small magnitudes of both signs become small.
constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
    return static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(value >> 1U ^ (~(value & 1U) + 1U));
}
inline void append_zigzag(Bytes& to, std::int64_t value) {
    append_varint(to, zigzag(value));
}
inline void append_text(Bytes& to, std::string_view text) {
    append_varint(to, text.size());
    append(to, as_bytes(text));
}

// Takes values from the front.  After the first fault every read yields zero or empty: read everything and ask once.
class Input {
 public:
    explicit Input(ByteView bytes) noexcept : rest_(bytes) {}

    std::uint8_t byte() noexcept {
        if (rest_.empty()) [[unlikely]] {
            failed_ = true;
            return 0;
        }
        const auto value = std::to_integer<std::uint8_t>(rest_.front());
        rest_ = rest_.subspan(1);
        return value;
    }
    std::uint64_t varint() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t next = byte();
            value |= std::uint64_t{next & 0x7FU} << shift;
            if ((next & 0x80U) == 0) {
                return value;
            }
        }
        failed_ = true;
        return 0;
    }
    std::int64_t signed_varint() noexcept { return unzigzag(varint()); }
    // A varint of at most `max`.
    std::uint64_t varint_max(std::uint64_t max) noexcept {
        const std::uint64_t value = varint();
        if (value > max) [[unlikely]] {
            failed_ = true;
            return 0;
        }
        return value;
    }
    // A number of elements, each of which takes at least one of the bytes that are left: safe to reserve for.
    std::size_t count() noexcept { return static_cast<std::size_t>(varint_max(rest_.size())); }
    ByteView bytes(std::uint64_t n) noexcept {
        if (n > rest_.size()) [[unlikely]] {
            failed_ = true;
            rest_ = {};
            return {};
        }
        const ByteView taken = rest_.first(static_cast<std::size_t>(n));
        rest_ = rest_.subspan(static_cast<std::size_t>(n));
        return taken;
    }
    std::string_view text() noexcept { return as_text(bytes(varint())); }
    std::size_t left() const noexcept { return rest_.size(); }
    void fail() noexcept { failed_ = true; }
    bool failed() const noexcept { return failed_; }
    // Nothing failed and nothing is left.
    bool done() const noexcept { return !failed_ && rest_.empty(); }

 private:
    ByteView rest_;
    bool failed_ = false;
};

}  // namespace sluice::part
