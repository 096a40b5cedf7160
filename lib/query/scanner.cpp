#include "query/scanner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/format.h"
#include "query/time_literal.h"

namespace sluice::query {
namespace {

constexpr std::size_t kFoundBytesMax = 24;

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// What words are made of; the other printable characters of ASCII mean something.
bool is_bare(char c, bool colons) noexcept {
    constexpr std::string_view kMeaning = "()[]{},|\"'`=~<>!*#";
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F && !kMeaning.contains(c) && (colons || c != ':');
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equal_any_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out;
}

std::optional<unsigned> hex_digit(char c) noexcept {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::size_t value = kDigits.find(lower(c));
    return value == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(value));
}

struct NumberUnit {
    std::string_view name;
    double factor;
};
constexpr std::array kNumberUnits{NumberUnit{"B", 1},
                                  NumberUnit{"K", 1e3},
                                  NumberUnit{"KB", 1e3},
                                  NumberUnit{"M", 1e6},
                                  NumberUnit{"MB", 1e6},
                                  NumberUnit{"G", 1e9},
                                  NumberUnit{"GB", 1e9},
                                  NumberUnit{"T", 1e12},
                                  NumberUnit{"TB", 1e12},
                                  NumberUnit{"Ki", 1024.0},
                                  NumberUnit{"KiB", 1024.0},
                                  NumberUnit{"Mi", 1048576.0},
                                  NumberUnit{"MiB", 1048576.0},
                                  NumberUnit{"Gi", 1073741824.0},
                                  NumberUnit{"GiB", 1073741824.0},
                                  NumberUnit{"Ti", 1099511627776.0},
                                  NumberUnit{"TiB", 1099511627776.0}};

}  // namespace

std::optional<Quantity> parse_quantity(std::string_view text) noexcept {
    constexpr double kNanosecondsPerSecond = 1e9;
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || !std::isfinite(value)) {
        return std::nullopt;
    }
    if (rest == end) {
        return Quantity{.value = value};
    }
    const auto* unit = std::ranges::find(kNumberUnits, std::string_view(rest, end), &NumberUnit::name);
    if (unit != kNumberUnits.end()) {
        value *= unit->factor;
        return std::isfinite(value) ? std::optional(Quantity{.value = value}) : std::nullopt;
    }
    const bool negative = text.starts_with('-');
    const auto nanoseconds = parse_nanoseconds(negative ? text.substr(1) : text);
    if (!nanoseconds) {
        return std::nullopt;
    }
    const double seconds = *nanoseconds / kNanosecondsPerSecond;
    return Quantity{.value = negative ? -seconds : seconds, .is_duration = true};
}

std::optional<double> parse_number(std::string_view text) noexcept {
    const std::optional<Quantity> quantity = parse_quantity(text);
    return quantity ? std::optional(quantity->value) : std::nullopt;
}

std::string SyntaxError::text() const {
    return fmt::format("column {}: expected {}, found {}", offset + 1, expected, found);
}

std::unexpected<SyntaxError> Scanner::expected(std::string what) const {
    return expected_at(at_, std::move(what));
}

std::unexpected<SyntaxError> Scanner::expected_at(std::size_t offset, std::string what) const {
    std::string_view rest = text_.substr(std::min(offset, text_.size()));
    std::string found = "the end";
    if (!rest.empty()) {
        const std::size_t space = rest.find_first_of(" \t\r\n", 1);
        rest = rest.substr(0, std::min(space, kFoundBytesMax));
        found = fmt::format("'{}'", escaped(rest));
    }
    return std::unexpected(SyntaxError{.offset = offset, .expected = std::move(what), .found = std::move(found)});
}

bool Scanner::at_comment() const noexcept {
    return peek() == '#' && (at_ == 0 || !is_bare(text_[at_ - 1], /*colons=*/true));
}

void Scanner::skip_space() noexcept {
    while (at_ < text_.size() && (is_space(text_[at_]) || at_comment())) {
        at_ = text_[at_] == '#' ? std::min(text_.find('\n', at_), text_.size()) : at_ + 1;
    }
}

bool Scanner::at_end() noexcept {
    skip_space();
    return at_ == text_.size();
}

bool Scanner::at_text() const noexcept {
    const char c = peek();
    return c == '"' || c == '\'' || c == '`' || is_bare(c, /*colons=*/true);
}

bool Scanner::take(std::string_view symbol) noexcept {
    skip_space();
    if (!text_.substr(at_).starts_with(symbol)) {
        return false;
    }
    at_ += symbol.size();
    return true;
}

std::string_view Scanner::peek_bare(bool colons) noexcept {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() && is_bare(text_[end], colons)) {
        ++end;
    }
    return text_.substr(at_, end - at_);
}

std::string_view Scanner::bare(bool colons) noexcept {
    const std::string_view word = peek_bare(colons);
    at_ += word.size();
    return word;
}

bool Scanner::take_keyword(std::string_view keyword) noexcept {
    const std::size_t before = at_;
    if (equal_any_case(peek_bare(/*colons=*/false), keyword)) {
        at_ += keyword.size();
        if (peek() != ':') {  // Else it is the name of a field.
            return true;
        }
    }
    at_ = before;
    return false;
}

Parsed<char> Scanner::escaped_byte() {
    const char c = peek();
    const std::size_t at = at_;
    ++at_;
    switch (c) {
        case '\\':
        case '"':
        case '\'':
            return c;
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'x':
            if (at_ + 2 <= text_.size()) {
                const auto high = hex_digit(text_[at_]);
                const auto low = hex_digit(text_[at_ + 1]);
                if (high && low) {
                    at_ += 2;
                    return static_cast<char>(*high * 16 + *low);
                }
            }
            [[fallthrough]];
        default:
            return expected_at(at, R"(one of \\ \" \' \n \r \t \xHH after the backslash)");
    }
}

Parsed<std::optional<std::string>> Scanner::quoted() {
    skip_space();
    const char quote = peek();
    if (quote != '"' && quote != '\'' && quote != '`') {
        return std::nullopt;
    }
    const std::size_t start = at_;
    ++at_;
    std::string text;
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c == quote) {
            return text;
        }
        if (c != '\\' || quote == '`') {
            text += c;
            continue;
        }
        const Parsed<char> byte = escaped_byte();
        if (!byte) {
            return std::unexpected(byte.error());
        }
        text += *byte;
    }
    return expected_at(text_.size(), fmt::format("{} to end the text that begins in column {}", quote, start + 1));
}

Parsed<std::string> Scanner::word(std::string_view what, bool colons) {
    Parsed<std::optional<std::string>> text = quoted();
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    if (*text) {
        return std::move(**text);
    }
    const std::string_view plain = bare(colons);
    if (plain.empty()) {
        return expected(std::string(what));
    }
    return std::string(plain);
}

Parsed<Literal> Scanner::literal(std::string_view what) {
    skip_space();
    Parsed<std::string> text = word(what, /*colons=*/true);
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    Literal literal{.text = std::move(*text), .number = std::nullopt};
    literal.number = parse_number(literal.text);
    return literal;
}

Parsed<std::uint64_t> Scanner::count(std::string_view what) {
    const std::string_view digits = peek_bare(/*colons=*/false);
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || rest != digits.data() + digits.size()) {
        return expected(std::string(what));
    }
    at_ += digits.size();
    return value;
}

}  // namespace sluice::query
