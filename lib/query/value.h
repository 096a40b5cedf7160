// One value of a record or of a computed row, with its type.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "wire/record.h"

namespace sluice::query {

enum class ValueKind : std::uint8_t { missing, text, bytes, integer, floating, boolean, time, severity };

// Borrows its text.
struct ValueView {
    ValueKind kind = ValueKind::missing;
    std::int64_t integer = 0;  // integer; boolean: 0 or 1; time: ns; severity: 0 to 7.
    double floating = 0;
    std::string_view text{};  // text, bytes

    static ValueView of_text(std::string_view text) noexcept { return {ValueKind::text, 0, 0, text}; }
    static ValueView of_integer(std::int64_t value) noexcept { return {ValueKind::integer, value, 0, {}}; }
    static ValueView of_floating(double value) noexcept { return {ValueKind::floating, 0, value, {}}; }
    // Of a number that was computed: an integer if it is whole, so that equal results are one group whatever made them.
    static ValueView of_number(double value) noexcept;
    static ValueView of_time(WallNs value) noexcept { return {ValueKind::time, value, 0, {}}; }
    static ValueView of_severity(wire::Severity value) noexcept {
        return {ValueKind::severity, static_cast<std::int64_t>(value), 0, {}};
    }
    static ValueView of_field(const wire::FieldView& field) noexcept;
};

// A value that owns its text.
struct Value {
    ValueKind kind = ValueKind::missing;
    std::int64_t integer = 0;
    double floating = 0;
    std::string text{};

    Value() = default;
    explicit Value(const ValueView& view)
        : kind(view.kind), integer(view.integer), floating(view.floating), text(view.text) {}
    ValueView view() const noexcept { return {kind, integer, floating, text}; }
    std::size_t bytes() const noexcept { return sizeof(Value) + (text.size() > 15 ? text.capacity() : 0); }
};

// A number exactly as it is: an int64 does not become a double.
struct Number {
    bool is_integer = false;
    std::int64_t integer = 0;
    double floating = 0;
    bool is_duration = false;  // Of a text with a unit of time: in seconds.

    double as_double() const noexcept { return is_integer ? static_cast<double>(integer) : floating; }
};
// NaN is above all others and equal to itself, so that this is an order.
std::weak_ordering compare(const Number& a, const Number& b) noexcept;

// What a text says if it is a number (with a unit, see parse_quantity), and exactly if it is an integer.
std::optional<Number> number_of_text(std::string_view text) noexcept;
// Integers, floats, and texts that read as numbers.
std::optional<Number> number_of(const ValueView& value) noexcept;

// The order of `sort`: missing, texts by their bytes, booleans, severities by number, times, numbers (and texts that
// read as numbers) by number.  So the "-" that some write for "no number" is next to what is missing, and `max` finds
// a number where there is one.
std::weak_ordering compare(const ValueView& a, const ValueView& b) noexcept;

// The same, but only the very same value is equal: 5 comes before "5".
std::weak_ordering compare_exactly(const ValueView& a, const ValueView& b) noexcept;
// Is `a` before `b` as the result of `min`?  In the same order, but what ranks higher counts more: a number is less
// than any text.
bool is_less(const ValueView& a, const ValueView& b) noexcept;

// The value as people write it; `scratch` holds it where it is not a text already.
std::string_view text_of(const ValueView& value, std::string& scratch);

// A byte string for each value such that two are equal if and only if type and value are.
void append_key(std::string& to, const ValueView& value);
// Takes one value from the front of a key; it borrows the key's bytes.
ValueView take_key(std::string_view& key) noexcept;

// As a field of a record: a time becomes RFC 3339 text and a severity its name; nothing for a missing value.
void append_as_field(wire::RecordBuilder& to, std::string_view name, const ValueView& value);

}  // namespace sluice::query
