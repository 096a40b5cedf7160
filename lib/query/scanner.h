// The text of a query, read from left to right.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "query/filter.h"

namespace sluice::query {

// Where a text stops being a query, and what could have stood there.
struct SyntaxError {
    std::size_t offset = 0;  // Bytes from the start.
    std::string expected;
    std::string found;  // Escaped, short.
    // "column 7: expected a value after 'level:', found the end"
    std::string text() const;
};

template <class T>
using Parsed = std::expected<T, SyntaxError>;

class Scanner {
 public:
    // Borrows `text`.
    explicit Scanner(std::string_view text) noexcept : text_(text) {}

    std::size_t offset() const noexcept { return at_; }
    void seek(std::size_t offset) noexcept { at_ = offset; }
    void skip_space() noexcept;  // And comments: from '#' to the end of the line.
    // Does a comment begin right here?  Not where '#' touches a word in front of it.
    bool at_comment() const noexcept;
    bool at_end() noexcept;
    // The next character; NUL at the end.
    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    // All that is left.
    std::string_view rest() const noexcept { return text_.substr(at_); }
    // The character in front; NUL at the start.
    char previous() const noexcept { return at_ > 0 ? text_[at_ - 1] : '\0'; }
    // Does a quoted text begin right here?
    bool at_quote() const noexcept { return peek() == '"' || peek() == '\'' || peek() == '`'; }
    // Does a bare or quoted text begin right here, without white space?
    bool at_text() const noexcept;
    // Takes exactly this, if it is next after white space.
    bool take(std::string_view symbol) noexcept;
    // Takes a bare word that equals `keyword` in any case.
    bool take_keyword(std::string_view keyword) noexcept;
    // A bare word, or nothing.  `colons`: may a colon be part of it?
    std::string_view bare(bool colons) noexcept;
    // The bare word that is next, without taking it.
    std::string_view peek_bare(bool colons) noexcept;
    // A text in '...', "..." or `...`; nothing if none begins here.  Backslash: \\ \" \' \n \r \t \xHH, not in `...`.
    Parsed<std::optional<std::string>> quoted();
    // Quoted or bare; `what` is for the error.
    Parsed<std::string> word(std::string_view what, bool colons);
    Parsed<Literal> literal(std::string_view what);
    Parsed<std::uint64_t> count(std::string_view what);
    std::unexpected<SyntaxError> expected(std::string what) const;
    std::unexpected<SyntaxError> expected_at(std::size_t offset, std::string what) const;

 private:
    Parsed<char> escaped_byte();
    std::string_view text_;
    std::size_t at_ = 0;
};

// A number with an optional unit.
struct Quantity {
    double value = 0;          // In the base of the unit: 10KB is 10000, 4KiB and 4Ki 4096, 5m and 4m60s 300 seconds.
    bool is_duration = false;  // With a unit of time.
};
std::optional<Quantity> parse_quantity(std::string_view text) noexcept;
// Its value.
std::optional<double> parse_number(std::string_view text) noexcept;

}  // namespace sluice::query
