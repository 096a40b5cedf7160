// The filter of a query as a tree; parser.h makes it from text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::query {

// A value as written, and as a number where it is one.
struct Literal {
    std::string text;
    std::optional<double> number;  // What parse_number makes of it.
    friend bool operator==(const Literal&, const Literal&) = default;
};

enum class TestKind : std::uint8_t {
    phrase,     // Its words, whole and in this order, are in the value.  Lower case finds any case; else as written.
    prefix,     // Likewise, but the last word may go on.
    substring,  // The bytes are somewhere in the value.
    exact,      // The value is this text.
    regex,      // RE2, somewhere in the value.
    compare,    // <, <=, >, >=
    range,      // From low to high.
    any_of,     // The value is one of these texts.
    network,    // The value is an IPv4 address from low to high.
    exists,     // The field is there and not empty.
};

// One bound of a comparison or range.
struct Bound {
    Literal value;
    bool inclusive = false;
    friend bool operator==(const Bound&, const Bound&) = default;
};

// What a value is tested for.
struct Test {
    TestKind kind = TestKind::exists;
    std::string text;                // phrase, prefix, substring, exact, regex
    std::vector<std::string> texts;  // any_of
    std::optional<Bound> low;        // compare, range, network
    std::optional<Bound> high;
    std::string offset{};  // Of times: they are meant so much earlier (parse_offset); empty: as they stand.
    friend bool operator==(const Test&, const Test&) = default;
};

enum class FilterKind : std::uint8_t { everything, match, all_of, one_of, none_of };

struct Filter {
    FilterKind kind = FilterKind::everything;
    std::vector<Filter> parts;  // all_of, one_of: two or more; none_of: one.
    std::string field;          // match; empty: the message.
    Test test;                  // match
    friend bool operator==(const Filter&, const Filter&) = default;
};

// The text that parses to the same tree.
std::string to_text(const Filter& filter);
// A name or value as a query writes it: quoted where it must be.
std::string quoted_if_needed(std::string_view text);

}  // namespace sluice::query
