#include "part/typed_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "base/bytes.h"

namespace sluice::part {
namespace {

constexpr std::size_t kIntegerDigitsMax = 18;
constexpr std::size_t kFractionMax = 9;
constexpr std::size_t kDateTimeBytes = 19;  // 2023-11-21T01:02:03
constexpr std::size_t kRestBytesMax = 8;

constexpr std::array<std::int64_t, 19> kIntegerPowers = [] {
    std::array<std::int64_t, 19> powers{1};
    for (std::size_t i = 1; i < powers.size(); ++i) {
        powers[i] = powers[i - 1] * 10;
    }
    return powers;
}();

// All of `text` as digits, at most 18; -1: not.
std::int64_t digits_of(std::string_view text) noexcept {
    if (text.empty() || text.size() > kIntegerDigitsMax) {
        return -1;
    }
    std::int64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    return value;
}

bool take_sign(std::string_view& text) noexcept {
    const bool negative = text.starts_with('-');
    text.remove_prefix(negative ? 1 : 0);
    return negative;
}

bool canonical(std::string_view digits) noexcept {
    return digits.size() == 1 || !digits.starts_with('0');
}

// --- Parsing: one value of a shape.  False: not of that shape.

bool parse_integer(std::string_view text, std::int64_t& into) noexcept {
    const bool negative = take_sign(text);
    const std::int64_t value = digits_of(text);
    into = negative ? -value : value;
    return value >= 0 && canonical(text) && !(negative && value == 0);
}

bool parse_decimal(std::string_view text, std::size_t digits, std::int64_t& into) noexcept {
    const bool negative = take_sign(text);
    if (text.size() < digits + 2 || text.size() > kIntegerDigitsMax || text[text.size() - digits - 1] != '.') {
        return false;
    }
    const std::string_view whole_text = text.substr(0, text.size() - digits - 1);
    const std::int64_t whole = digits_of(whole_text);
    const std::int64_t fraction = digits_of(text.substr(text.size() - digits));
    if (whole < 0 || fraction < 0 || !canonical(whole_text)) {
        return false;
    }
    const std::int64_t value = whole * kIntegerPowers[digits] + fraction;
    into = negative ? -value : value;
    return !(negative && value == 0);
}

bool parse_address(std::string_view text, std::int64_t& into) noexcept {
    std::int64_t value = 0;
    for (int part = 0; part < 4; ++part) {
        const std::size_t dot = part < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos || dot == 0 || dot > 3) {
            return false;
        }
        const std::int64_t octet = digits_of(text.substr(0, dot));
        if (octet < 0 || octet > 255 || !canonical(text.substr(0, dot))) {
            return false;
        }
        value = value << 8 | octet;
        text.remove_prefix(std::min(dot + 1, text.size()));
    }
    into = value;
    return true;
}

bool parse_timestamp(std::string_view text, const TextShape& shape, std::int64_t& into) noexcept {
    const std::size_t fraction_bytes = shape.digits > 0 ? shape.digits + 1U : 0U;
    if (text.size() != kDateTimeBytes + fraction_bytes + shape.rest.size() || text[4] != '-' || text[7] != '-' ||
        text[10] != shape.date_separator || text[13] != ':' || text[16] != ':' || !text.ends_with(shape.rest)) {
        return false;
    }
    const auto number = [text](std::size_t at, std::size_t n) { return digits_of(text.substr(at, n)); };
    const std::int64_t year = number(0, 4);
    const std::int64_t month = number(5, 2);
    const std::int64_t day = number(8, 2);
    const std::int64_t hour = number(11, 2);
    const std::int64_t minute = number(14, 2);
    const std::int64_t second = number(17, 2);
    const std::int64_t fraction = shape.digits > 0 ? number(kDateTimeBytes + 1, shape.digits) : 0;
    if (std::min({year, month, day, hour, minute, second, fraction}) < 0 || hour > 23 || minute > 59 || second > 59 ||
        (shape.digits > 0 && text[kDateTimeBytes] != shape.point)) {
        return false;
    }
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) {
        return false;
    }
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    // At most 2.6e11 seconds: with 9 digits more than an int64 holds, but it comes back the same modulo 2^64 or the
    // comparison of the caller fails.
    const std::int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second;
    return !__builtin_mul_overflow(seconds, kIntegerPowers[shape.digits], &into) &&
           !__builtin_add_overflow(into, fraction, &into);
}

bool parse(std::string_view text, const TextShape& shape, std::int64_t& into) noexcept {
    switch (shape.type) {
        case TextType::integers:
            return parse_integer(text, into);
        case TextType::padded:
            into = text.size() == shape.digits ? digits_of(text) : -1;
            return into >= 0;
        case TextType::decimals:
            return parse_decimal(text, shape.digits, into);
        case TextType::timestamps:
            return parse_timestamp(text, shape, into);
        case TextType::addresses:
            return parse_address(text, into);
    }
    return false;
}

// --- The shape of one value

std::optional<TextShape> timestamp_shape(std::string_view text) noexcept {
    TextShape shape{.type = TextType::timestamps};
    if (text.size() < kDateTimeBytes) {
        return std::nullopt;
    }
    shape.date_separator = text[10];
    std::string_view rest = text.substr(kDateTimeBytes);
    if (rest.size() > 1 && (rest[0] == '.' || rest[0] == ',')) {
        std::size_t end = 1;
        while (end < rest.size() && is_digit(rest[end])) {
            ++end;
        }
        shape.point = rest[0];
        shape.digits = static_cast<std::uint8_t>(std::min<std::size_t>(end - 1, kFractionMax + 1));
        rest.remove_prefix(end);
    }
    shape.rest = rest;
    std::int64_t value = 0;
    const bool known = shape.digits <= kFractionMax && rest.size() <= kRestBytesMax &&
                       (shape.date_separator == 'T' || shape.date_separator == ' ') &&
                       parse_timestamp(text, shape, value);
    return known ? std::optional(shape) : std::nullopt;
}

// The shapes that a value may have, likeliest first.
void shapes_of(std::string_view text, std::vector<TextShape>& into) {
    if (text.empty() || text.size() > kDateTimeBytes + kFractionMax + 1 + kRestBytesMax ||
        !(is_digit(text[0]) || text[0] == '-')) {
        return;
    }
    into.push_back({.type = TextType::integers});
    into.push_back({.type = TextType::padded, .digits = static_cast<std::uint8_t>(text.size())});
    if (const std::size_t point = text.find('.'); point != std::string_view::npos) {
        const std::size_t digits = text.size() - point - 1;
        if (digits > 0 && digits <= kFractionMax) {
            into.push_back({.type = TextType::decimals, .digits = static_cast<std::uint8_t>(digits)});
        }
        into.push_back({.type = TextType::addresses});
    }
    if (const auto shape = timestamp_shape(text)) {
        into.push_back(*shape);
    }
}

// --- Rendering: one number, to `to`, which has room for 48 bytes.  Returns the end, null: it has no such text.

constexpr std::array<char, 200> kPairs = [] {
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < 100; ++i) {
        pairs[2 * i] = static_cast<char>('0' + i / 10);
        pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
}();

// Two digits at a time: half the divisions, and rendering is most of what reading a page of messages costs.
template <class Word>
char* put_word(char* to, Word value, std::size_t digits) noexcept {
    char* at = to + digits;
    for (; digits >= 2; digits -= 2) {
        at -= 2;
        std::memcpy(at, kPairs.data() + value % 100 * 2, 2);
        value /= 100;
    }
    if (digits == 1) {
        *--at = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return value == 0 ? at : nullptr;
}

char* put_digits(char* to, std::uint64_t value, std::size_t digits) noexcept {
    const char* const start =
        value <= UINT32_MAX ? put_word(to, static_cast<std::uint32_t>(value), digits) : put_word(to, value, digits);
    return start != nullptr ? to + digits : nullptr;
}

char* put_integer(char* to, std::uint64_t value) noexcept {
    std::size_t digits = 1;
    while (digits < kIntegerPowers.size() && value >= static_cast<std::uint64_t>(kIntegerPowers[digits])) {
        ++digits;
    }
    return put_digits(to, value, digits);
}

std::uint64_t put_sign(char*& to, std::int64_t value) noexcept {
    if (value < 0) {
        *to++ = '-';
        return ~static_cast<std::uint64_t>(value) + 1;
    }
    return static_cast<std::uint64_t>(value);
}

char* put_decimal(char* to, std::int64_t value, std::size_t digits) noexcept {
    const std::uint64_t magnitude = put_sign(to, value);
    const auto power = static_cast<std::uint64_t>(kIntegerPowers[digits]);
    to = put_integer(to, magnitude / power);
    if (to == nullptr) {
        return nullptr;
    }
    *to++ = '.';
    return put_digits(to, magnitude % power, digits);
}

char* put_address(char* to, std::int64_t value) noexcept {
    if (value < 0 || value > UINT32_MAX) {
        return nullptr;
    }
    for (int shift = 24; shift >= 0; shift -= 8) {
        to = put_integer(to, static_cast<std::uint64_t>(value >> shift) & 255U);
        *to++ = '.';
    }
    return to - 1;
}

char* put_timestamp(char* to, std::int64_t value, const TextShape& shape) noexcept {
    constexpr std::int64_t kFirstDay = -719'528;  // 0000-01-01
    constexpr std::int64_t kLastDay = 2'932'896;  // 9999-12-31
    const std::int64_t power = kIntegerPowers[shape.digits];
    const std::int64_t seconds = value >= 0 ? value / power : -((-(value + 1)) / power) - 1;
    const std::int64_t days = seconds >= 0 ? seconds / 86'400 : -((-(seconds + 1)) / 86'400) - 1;
    if (days < kFirstDay || days > kLastDay) {
        return nullptr;
    }
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    const auto in_day = static_cast<std::uint64_t>(seconds - days * 86'400);
    to = put_digits(to, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
    *to++ = '-';
    to = put_digits(to, static_cast<unsigned>(date.month()), 2);
    *to++ = '-';
    to = put_digits(to, static_cast<unsigned>(date.day()), 2);
    *to++ = shape.date_separator;
    to = put_digits(to, in_day / 3600, 2);
    *to++ = ':';
    to = put_digits(to, in_day / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, in_day % 60, 2);
    if (shape.digits > 0) {
        *to++ = shape.point;
        const std::int64_t rest = value % power;
        to = put_digits(to, static_cast<std::uint64_t>(rest < 0 ? rest + power : rest), shape.digits);
    }
    std::copy(shape.rest.begin(), shape.rest.end(), to);
    return to + shape.rest.size();
}

char* put(char* to, std::int64_t value, const TextShape& shape) noexcept {
    switch (shape.type) {
        case TextType::integers: {
            const std::uint64_t magnitude = put_sign(to, value);
            return put_integer(to, magnitude);
        }
        case TextType::padded:
            return value < 0 ? nullptr : put_digits(to, static_cast<std::uint64_t>(value), shape.digits);
        case TextType::decimals:
            return put_decimal(to, value, shape.digits);
        case TextType::timestamps:
            return put_timestamp(to, value, shape);
        case TextType::addresses:
            return put_address(to, value);
    }
    return nullptr;
}

constexpr std::size_t kRoom = 48;

}  // namespace

std::optional<TextShape> find_shape(std::span<const std::string_view> values, std::vector<std::int64_t>& numbers) {
    std::vector<TextShape> shapes;
    shapes_of(values.front(), shapes);
    numbers.resize(values.size());
    for (const TextShape& shape : shapes) {
        std::size_t i = 0;
        while (i < values.size() && parse(values[i], shape, numbers[i])) {
            ++i;
        }
        if (i == values.size()) {
            return shape;
        }
    }
    return std::nullopt;
}

bool render(const TextShape& shape, std::span<const std::int64_t> numbers, std::span<std::string_view> into,
            TextArena& arena) {
    const bool holds = shape.digits <= (shape.type == TextType::padded ? kIntegerDigitsMax : kFractionMax) &&
                       shape.rest.size() <= kRestBytesMax;
    if (!holds) {
        return false;
    }
    const std::size_t room = shape.type == TextType::padded ? shape.digits : kRoom;
    const std::size_t bytes = numbers.size() * room;
    char* const start = arena.allocate(bytes);
    char* at = start;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        char* const end = put(at, numbers[i], shape);
        if (end == nullptr) {
            return false;
        }
        into[i] = {at, static_cast<std::size_t>(end - at)};
        at = end;
    }
    arena.give_back(bytes - static_cast<std::size_t>(at - start));
    return true;
}

}  // namespace sluice::part
