#include "wire/escape.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "base/format.h"

namespace sluice::wire {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) noexcept {
    return static_cast<unsigned char>(text[i]);
}

bool is_plain(char c) noexcept {
    return c >= 0x20 && c < 0x7F;
}

// Eight bytes at a time: nearly every text is ASCII, and field values are checked as they come in.
bool is_ascii(std::string_view text) noexcept {
    const std::byte* at = as_bytes(text).data();
    const std::byte* end = at + text.size();
    std::uint64_t all = 0;
    for (; end - at >= 8; at += 8) {
        all |= load_int<std::uint64_t>(at);
    }
    if (end - at >= 4) {
        all |= load_int<std::uint32_t>(at);
        at += 4;
    }
    for (; at != end; ++at) {
        all |= std::to_integer<std::uint64_t>(*at);
    }
    return (all & 0x8080'8080'8080'8080U) == 0;
}

// Handles the character at the front of `text`, which is not plain ASCII; returns the bytes used.
std::size_t escape_one(std::string& to, std::string_view text) {
    switch (text[0]) {
        case '\n':
            to += "\\n";
            return 1;
        case '\r':
            to += "\\r";
            return 1;
        case '\t':
            to += "\\t";
            return 1;
        default:
            break;
    }
    const std::size_t length = utf8_length(text);
    if (length <= 1) {  // Not UTF-8, a C0 control, or DEL.
        fmt::format_to(std::back_inserter(to), "\\x{:02x}", byte_at(text, 0));
        return 1;
    }
    if (const char32_t point = utf8_point(text.substr(0, length)); is_control(point)) {
        fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<std::uint32_t>(point));
    } else {
        to += text.substr(0, length);
    }
    return length;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
    const unsigned first = byte_at(text, 0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (length == 0 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xC0U) != 0x80) {
            return 0;
        }
    }
    const unsigned second = byte_at(text, 1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second >= 0xA0;
    const bool beyond = first == 0xF4 && second >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

char32_t utf8_point(std::string_view sequence) noexcept {
    constexpr unsigned kFirstMask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t point = byte_at(sequence, 0) & kFirstMask[sequence.size()];
    for (std::size_t i = 1; i < sequence.size(); ++i) {
        point = point << 6U | (byte_at(sequence, i) & 0x3FU);
    }
    return point;
}

bool is_control(char32_t point) noexcept {
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C || point == 0x200E || point == 0x200F ||
           (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

bool is_blank(char32_t point) noexcept {
    return point == ' ' || point == 0xA0 || point == 0xAD || point == 0x034F || point == 0x115F || point == 0x1160 ||
           point == 0x1680 || point == 0x17B4 || point == 0x17B5 || (point >= 0x180B && point <= 0x180F) ||
           (point >= 0x2000 && point <= 0x200F) || (point >= 0x2028 && point <= 0x202F) ||
           (point >= 0x205F && point <= 0x206F) || point == 0x2800 || point == 0x3000 || point == 0x3164 ||
           (point >= 0xFE00 && point <= 0xFE0F) || point == 0xFEFF || point == 0xFFA0 ||
           (point >= 0xE0000 && point <= 0xE0FFF);
}

bool has_blank(std::string_view text) noexcept {
    if (is_ascii(text)) {
        return text.find(' ') != std::string_view::npos;
    }
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length != 0 && is_blank(utf8_point(text.substr(0, length)))) {
            return true;
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return false;
}

bool valid_utf8(std::string_view text) noexcept {
    if (is_ascii(text)) {
        return true;
    }
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

void append_escaped(std::string& to, std::string_view text) {
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain])) {
            ++plain;
        }
        to += text.substr(0, plain);
        text.remove_prefix(plain);
        if (!text.empty()) {
            text.remove_prefix(escape_one(to, text));
        }
    }
}

std::string escaped(std::string_view text) {
    std::string to;
    append_escaped(to, text);
    return to;
}

void append_quoted(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        const std::size_t special = std::min(text.find_first_of("\"\\"), text.size());
        append_escaped(to, text.substr(0, special));
        text.remove_prefix(special);
        if (!text.empty()) {
            to += '\\';
            to += text.front();
            text.remove_prefix(1);
        }
    }
    to += '"';
}

std::string quoted(std::string_view text) {
    std::string to;
    append_quoted(to, text);
    return to;
}

}  // namespace sluice::wire
