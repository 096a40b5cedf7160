#include "wire/codec.h"

#include "base/assert.h"

namespace sluice::wire {

void Reader::zeros(std::size_t n) noexcept {
    for (const std::byte byte : bytes(n)) {
        if (byte != std::byte{0}) {
            refuse(Errc::malformed, "a byte that must be zero is not");
        }
    }
}

bool Reader::flag(std::uint32_t value) noexcept {
    if (value > 1) {
        refuse(Errc::invalid_argument, "a flag is neither 0 nor 1");
    }
    return value == 1;
}

ByteView Reader::bytes(std::size_t n) noexcept {
    if (rest_.size() < n) [[unlikely]] {
        refuse(Errc::malformed, "cut short");
        return {};
    }
    const ByteView taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
}

std::string_view Reader::str(std::size_t bytes_max) noexcept {
    const auto length = u32();
    if (length > bytes_max) [[unlikely]] {
        refuse(Errc::too_large, "a string is longer than its limit");
        return {};
    }
    return as_text(bytes(length));
}

std::string_view Reader::path_str(std::size_t bytes_max) noexcept {
    const std::string_view text = str(bytes_max);
    if (text.find('\0') != std::string_view::npos) {
        refuse(Errc::invalid_argument, "NUL in a name");
        return {};
    }
    return text;
}

std::array<std::byte, 16> Reader::id() noexcept {
    std::array<std::byte, 16> id{};
    const ByteView from = bytes(id.size());
    if (!from.empty()) {
        std::memcpy(id.data(), from.data(), id.size());
    }
    return id;
}

Cursor Reader::cursor() noexcept {
    Cursor cursor;
    cursor.store = id();
    cursor.epoch = u32();
    zeros(4);
    cursor.sequence = u64();
    return cursor;
}

ByteView Reader::rest() noexcept {
    const ByteView taken = rest_;
    rest_ = {};
    return taken;
}

void Reader::refuse(Errc code, std::string_view why) noexcept {
    if (why_.empty()) {
        code_ = code;
        why_ = why;
    }
    rest_ = {};
}

Result<void> Reader::finish(std::string_view what) const {
    if (failed()) {
        return fail(code_, "{}: {}", what, why_);
    }
    if (!rest_.empty()) {
        return fail(Errc::malformed, "{}: {} bytes too many", what, rest_.size());
    }
    return {};
}

void append_str(Bytes& to, std::string_view text) {
    SLUICE_ASSERT(text.size() <= UINT32_MAX, "a string of {} bytes", text.size());
    append_int(to, static_cast<std::uint32_t>(text.size()));
    sluice::append(to, as_bytes(text));
}

void append_zeros(Bytes& to, std::size_t n) {
    to.insert(to.end(), n, std::byte{0});
}

void append_cursor(Bytes& to, const Cursor& cursor) {
    sluice::append(to, cursor.store);
    append_int(to, cursor.epoch);
    append_zeros(to, 4);
    append_int(to, cursor.sequence);
}

}  // namespace sluice::wire
