#include "wire/cursor.h"

#include <charconv>

namespace sluice::wire {
namespace {

std::optional<unsigned> hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A') + 10;
    }
    return std::nullopt;
}

template <class T>
bool parse_decimal(std::string_view text, T& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string format_id(const std::array<std::byte, 16>& id) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * id.size());
    for (const std::byte byte : id) {
        text += kDigits[std::to_integer<unsigned>(byte) >> 4U];
        text += kDigits[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
}

std::optional<std::array<std::byte, 16>> parse_id(std::string_view text) noexcept {
    std::array<std::byte, 16> id{};
    if (text.size() != 2 * id.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < id.size(); ++i) {
        const auto high = hex_digit(text[2 * i]);
        const auto low = hex_digit(text[2 * i + 1]);
        if (!high || !low) {
            return std::nullopt;
        }
        id[i] = static_cast<std::byte>(*high << 4U | *low);
    }
    return id;
}

std::string format_cursor(const Cursor& cursor) {
    return fmt::format("{}:{}:{}", format_id(cursor.store), cursor.epoch, cursor.sequence);
}

Result<Cursor> parse_cursor(std::string_view text) {
    const std::size_t first = text.find(':');
    const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
    Cursor cursor;
    if (second != std::string_view::npos) {
        const auto id = parse_id(text.substr(0, first));
        if (id && parse_decimal(text.substr(first + 1, second - first - 1), cursor.epoch) &&
            parse_decimal(text.substr(second + 1), cursor.sequence)) {
            cursor.store = *id;
            return cursor;
        }
    }
    return fail(Errc::invalid_argument, "not a cursor: expected 32 hex digits, ':', epoch, ':', sequence");
}

}  // namespace sluice::wire
