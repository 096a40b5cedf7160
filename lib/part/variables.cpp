#include "part/variables.h"

#include <algorithm>

#include "base/assert.h"

namespace sluice::part {
namespace {

constexpr std::uint8_t kDigit = 1;
constexpr std::uint8_t kHexLetter = 2;
constexpr std::uint8_t kLetter = 4;  // Any other, and bytes from 0x80 on.
constexpr std::uint8_t kHexDigit = kDigit | kHexLetter;

constexpr std::array<std::uint8_t, 256> kClass = [] {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t c = 0; c < table.size(); ++c) {
        const bool upper_hex = c >= 'A' && c <= 'F';
        const bool lower_hex = c >= 'a' && c <= 'f';
        if (c >= '0' && c <= '9') {
            table[c] = kDigit;
        } else if (upper_hex || lower_hex) {
            table[c] = kHexLetter;
        } else if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80) {
            table[c] = kLetter;
        }
    }
    return table;
}();

constexpr std::size_t kHexWordMin = 8;  // No word of a language is as long and all of a..f.
constexpr std::size_t kUnitMax = 3;     // ms, KiB, and a Greek letter with two bytes before s.
constexpr std::size_t kGroupMax = 4;    // Digits in a group of an IPv6 address.
constexpr std::size_t kGroupsMax = 8;
constexpr std::size_t kMacColons = 5;

class Finder {
 public:
    Finder(std::string_view text, Detail detail, Variables& into) noexcept
        : text_(text), detail_(detail), into_(into) {}

    void run() noexcept {
        std::size_t at = 0;
        while (at < text_.size() && into_.count < kSlotsMax) {
            std::uint8_t kind = kClass[static_cast<unsigned char>(text_[at])];
            if (kind == 0) {
                ++at;
                continue;
            }
            const std::size_t begin = at;
            std::uint8_t seen = 0;
            do {
                seen |= kind;
                ++at;
                kind = class_at(at);
            } while (kind != 0);
            if ((seen & kDigit) != 0 || seen == kHexLetter) {
                at = token(begin, at, seen);
            }
        }
    }

 private:
    std::uint8_t class_at(std::size_t at) const noexcept {
        return at < text_.size() ? kClass[static_cast<unsigned char>(text_[at])] : std::uint8_t{0};
    }
    bool is_at(std::size_t at, char c) const noexcept { return at < text_.size() && text_[at] == c; }
    std::size_t end_of(std::size_t at, std::uint8_t kinds) const noexcept {
        while ((class_at(at) & kinds) != 0) {
            ++at;
        }
        return at;
    }

    void add(std::size_t begin, std::size_t end) noexcept {
        if (into_.count < kSlotsMax) {
            into_.pieces[into_.count++] = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
        }
    }

    // A token with a digit or of hexadecimal letters only.  Returns where to go on.
    std::size_t token(std::size_t begin, std::size_t end, std::uint8_t seen) noexcept {
        if ((seen & kLetter) == 0) {
            if (const std::size_t whole = identifier(begin, end); whole != 0) {
                add(begin, whole);
                return whole;
            }
            if (seen == kHexLetter) {
                if (end - begin >= kHexWordMin) {
                    add(begin, end);
                }
                return end;
            }
        }
        const std::size_t dotted = past_dots(end);
        if (dotted == end && (seen & kLetter) == 0) {
            add(seen == kDigit ? with_sign(begin) : begin, end);
        } else {
            mixed(begin, dotted);
        }
        return dotted;
    }

    // UUID, MAC or IPv6 address that begins with the hexadecimal token given: its end, or 0.
    std::size_t identifier(std::size_t begin, std::size_t end) const noexcept {
        if (is_at(end, '-') && end - begin == 8) {
            return uuid(end);
        }
        return is_at(end, ':') && end - begin <= kGroupMax ? address(begin) : 0;
    }

    std::size_t uuid(std::size_t at) const noexcept {
        for (const std::size_t digits : {4U, 4U, 4U, 12U}) {
            if (!is_at(at, '-') || end_of(at + 1, kHexDigit | kLetter) != at + 1 + digits) {
                return 0;
            }
            if (end_of(at + 1, kHexDigit) != at + 1 + digits) {
                return 0;
            }
            at += 1 + digits;
        }
        return at;
    }

    std::size_t address(std::size_t begin) const noexcept {
        std::size_t at = begin;
        std::size_t colons = 0;
        bool gap = false;
        bool digit = false;
        for (std::size_t group = 0; group < kGroupsMax; ++group) {
            const std::size_t start = at;
            while (at - start <= kGroupMax && (class_at(at) & kHexDigit) != 0) {
                digit = digit || class_at(at) == kDigit;
                ++at;
            }
            if (at - start > kGroupMax || class_at(at) != 0) {
                return 0;
            }
            const bool double_colon = is_at(at, ':') && is_at(at + 1, ':');
            if (double_colon ? gap : (!is_at(at, ':') || (class_at(at + 1) & kHexDigit) == 0)) {
                break;
            }
            gap = gap || double_colon;
            colons += double_colon ? 2 : 1;
            at += double_colon ? 2 : 1;
        }
        if (class_at(at) != 0) {
            return 0;
        }
        if (at - begin > 2 && text_[at - 1] == ':') {  // fe80:: ends before its gap, which is then none.
            at -= 2;
            colons -= 2;
            gap = false;
        }
        return digit && (gap || colons >= kMacColons) ? at : 0;
    }

    // Over dots that stand between two digits, with the tokens after them.
    std::size_t past_dots(std::size_t end) const noexcept {
        while (is_at(end, '.') && class_at(end - 1) == kDigit && class_at(end + 1) == kDigit) {
            end = end_of(end + 1, kHexDigit | kLetter);
        }
        return end;
    }

    std::size_t past_number(std::size_t at) const noexcept {
        at = end_of(at, kDigit);
        while (is_at(at, '.') && class_at(at + 1) == kDigit) {  // The byte before a dot in a token is a digit.
            at = end_of(at + 1, kDigit);
        }
        return at;
    }

    std::size_t with_sign(std::size_t begin) const noexcept {
        if (begin == 0 || text_[begin - 1] != '-') {
            return begin;
        }
        return begin == 1 || may_precede_sign(text_[begin - 2]) ? begin - 1 : begin;
    }

    // A token of letters and digits, perhaps with dots between digits.
    void mixed(std::size_t begin, std::size_t end) noexcept {
        const std::size_t number = end_of(begin, kHexLetter | kLetter);
        const std::size_t unit = past_number(number);
        const std::size_t unit_end = end_of(unit, kHexLetter | kLetter);
        if (number == begin && unit == end) {
            add(with_sign(begin), end);
            return;
        }
        if (hexadecimal(begin, end) || day_and_hour(begin, end)) {
            return;
        }
        const bool after_letters = unit == end;
        const bool before_unit = number == begin && unit_end == end && end - unit <= kUnitMax;
        if (detail_ == Detail::parts && (after_letters || before_unit)) {
            add(before_unit ? with_sign(begin) : number, unit);
            into_.cut = true;
            return;
        }
        add(begin, end);
    }

    bool hexadecimal(std::size_t begin, std::size_t end) noexcept {
        const bool has_prefix = text_[begin] == '0' && (text_[begin + 1] == 'x' || text_[begin + 1] == 'X');
        if (!has_prefix || end - begin == 2 || end_of(begin + 2, kHexDigit) != end) {
            return false;
        }
        add(begin + 2, end);
        return true;
    }

    // 01T12, from 2024-03-01T12:00:00; the fraction and the zone are tokens of their own.
    bool day_and_hour(std::size_t begin, std::size_t end) noexcept {
        if (end - begin != 5 || text_[begin + 2] != 'T' || end_of(begin, kDigit) != begin + 2 ||
            end_of(begin + 3, kDigit) != end) {
            return false;
        }
        add(begin, begin + 2);
        add(begin + 3, end);
        return true;
    }

    std::string_view text_;
    Detail detail_;
    Variables& into_;
};

}  // namespace

void find_variables(std::string_view text, Detail detail, Variables& into) noexcept {
    SLUICE_ASSERT(text.size() <= UINT32_MAX, "{} bytes", text.size());
    into.count = 0;
    into.cut = false;
    Finder(text, detail, into).run();
}

bool may_precede_sign(char c) noexcept {
    return std::string_view(" =([,:_").contains(c);
}

bool is_variable_byte(char c) noexcept {
    return kClass[static_cast<unsigned char>(c)] != 0 || c == '.' || c == ':' || c == '-';
}

bool may_be_variable_word(std::string_view word) noexcept {
    const auto kind = [](char c) { return kClass[static_cast<unsigned char>(c)]; };
    const bool bytes = std::ranges::all_of(word, [&](char c) { return kind(c) != 0; });
    return bytes && (std::ranges::any_of(word, [&](char c) { return kind(c) == kDigit; }) ||
                     std::ranges::all_of(word, [&](char c) { return kind(c) == kHexLetter; }));
}

}  // namespace sluice::part
