#include "query/value.h"

#include <charconv>
#include <cmath>

#include "query/scanner.h"
#include "wire/severity.h"
#include "wire/time_text.h"

namespace sluice::query {
namespace {

// The rank of a kind in the order of `sort`.
enum class Rank : std::uint8_t { missing, text, boolean, severity, time, number };

struct Ranked {
    Rank rank = Rank::missing;
    Number number;
};

Ranked ranked(const ValueView& value) noexcept {
    switch (value.kind) {
        case ValueKind::missing:
            return {};
        case ValueKind::text:
        case ValueKind::bytes:
            if (const auto number = number_of_text(value.text)) {
                return {Rank::number, *number};
            }
            return {value.text.empty() ? Rank::missing : Rank::text, {}};
        case ValueKind::integer:
            return {Rank::number, {true, value.integer, 0}};
        case ValueKind::floating:
            return {Rank::number, {false, 0, value.floating}};
        case ValueKind::boolean:
            return {Rank::boolean, {true, value.integer, 0}};
        case ValueKind::time:
            return {Rank::time, {true, value.integer, 0}};
        case ValueKind::severity:
            return {Rank::severity, {true, value.integer, 0}};
    }
    return {};
}

std::weak_ordering compare_doubles(double a, double b) noexcept {
    if (std::isnan(a) || std::isnan(b)) {
        return std::isnan(a) <=> std::isnan(b);
    }
    return a < b ? std::weak_ordering::less : a > b ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

// An int64 against a double, exactly.
std::weak_ordering compare_mixed(std::int64_t a, double b) noexcept {
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    if (std::isnan(b) || b >= kLimit) {
        return std::weak_ordering::less;
    }
    if (b < -kLimit) {
        return std::weak_ordering::greater;
    }
    const double whole = std::floor(b);
    const auto below = static_cast<std::int64_t>(whole);
    if (a != below) {
        return a <=> below;
    }
    return whole < b ? std::weak_ordering::less : std::weak_ordering::equivalent;
}

}  // namespace

ValueView ValueView::of_field(const wire::FieldView& field) noexcept {
    switch (field.type) {
        case wire::FieldType::string:
            return of_text(field.text());
        case wire::FieldType::bytes:
            return {ValueKind::bytes, 0, 0, field.text()};
        case wire::FieldType::int64:
            return of_integer(field.as_int64());
        case wire::FieldType::float64:
            return of_floating(field.as_float64());
        case wire::FieldType::boolean:
            return {ValueKind::boolean, field.as_boolean() ? 1 : 0, 0, {}};
    }
    return {};
}

ValueView ValueView::of_number(double value) noexcept {
    constexpr double kExactMax = 9007199254740992.0;  // 2^53
    const bool whole = value == std::floor(value) && std::abs(value) <= kExactMax;
    return whole ? of_integer(static_cast<std::int64_t>(value)) : of_floating(value);
}

std::weak_ordering compare(const Number& a, const Number& b) noexcept {
    if (a.is_integer && b.is_integer) {
        return a.integer <=> b.integer;
    }
    if (a.is_integer) {
        return compare_mixed(a.integer, b.floating);
    }
    if (b.is_integer) {
        return 0 <=> compare_mixed(b.integer, a.floating);
    }
    return compare_doubles(a.floating, b.floating);
}

std::optional<Number> number_of_text(std::string_view text) noexcept {
    if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '.')) {
        return std::nullopt;
    }
    std::int64_t integer = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, integer);
    if (error == std::errc() && rest == end) {
        return Number{true, integer, 0};
    }
    const std::optional<Quantity> quantity = parse_quantity(text);
    return quantity ? std::optional(Number{false, 0, quantity->value, quantity->is_duration}) : std::nullopt;
}

std::optional<Number> number_of(const ValueView& value) noexcept {
    switch (value.kind) {
        case ValueKind::integer:
            return Number{true, value.integer, 0};
        case ValueKind::floating:
            return Number{false, 0, value.floating};
        case ValueKind::text:
        case ValueKind::bytes:
            return number_of_text(value.text);
        default:
            return std::nullopt;
    }
}

std::weak_ordering compare(const ValueView& a, const ValueView& b) noexcept {
    const Ranked x = ranked(a);
    const Ranked y = ranked(b);
    if (x.rank != y.rank) {
        return x.rank <=> y.rank;
    }
    if (x.rank == Rank::text) {
        return a.text <=> b.text;
    }
    return x.rank == Rank::missing ? std::weak_ordering::equivalent : compare(x.number, y.number);
}

std::weak_ordering compare_exactly(const ValueView& a, const ValueView& b) noexcept {
    const std::weak_ordering order = compare(a, b);
    if (order != 0) {
        return order;
    }
    return a.kind != b.kind ? std::weak_ordering(a.kind <=> b.kind) : std::weak_ordering(a.text <=> b.text);
}

bool is_less(const ValueView& a, const ValueView& b) noexcept {
    const Rank x = ranked(a).rank;
    const Rank y = ranked(b).rank;
    return x != y ? x > y : compare_exactly(a, b) < 0;
}

std::string_view text_of(const ValueView& value, std::string& scratch) {
    switch (value.kind) {
        case ValueKind::missing:
            return {};
        case ValueKind::text:
        case ValueKind::bytes:
            return value.text;
        case ValueKind::integer:
            scratch = fmt::to_string(value.integer);
            return scratch;
        case ValueKind::floating:
            scratch = fmt::to_string(value.floating);
            return scratch;
        case ValueKind::boolean:
            return value.integer != 0 ? "true" : "false";
        case ValueKind::time:
            scratch.clear();
            wire::append_rfc3339(scratch, value.integer);
            return scratch;
        case ValueKind::severity:
            return wire::severity_name(static_cast<wire::Severity>(value.integer));
    }
    return {};
}

void append_key(std::string& to, const ValueView& value) {
    const auto append_number = [&](auto number) { to.append(reinterpret_cast<const char*>(&number), sizeof number); };
    to += static_cast<char>(value.kind);
    switch (value.kind) {
        case ValueKind::missing:
            return;
        case ValueKind::text:
        case ValueKind::bytes:
            append_number(static_cast<std::uint32_t>(value.text.size()));
            to += value.text;
            return;
        case ValueKind::floating:
            append_number(std::isnan(value.floating) ? std::numeric_limits<double>::quiet_NaN()
                                                     : value.floating + 0.0);  // -0 is 0.
            return;
        default:
            append_number(value.integer);
    }
}

ValueView take_key(std::string_view& key) noexcept {
    const auto take_number = [&](auto number) {
        std::memcpy(&number, key.data(), sizeof number);
        key.remove_prefix(sizeof number);
        return number;
    };
    ValueView value{.kind = static_cast<ValueKind>(key.front())};
    key.remove_prefix(1);
    switch (value.kind) {
        case ValueKind::missing:
            break;
        case ValueKind::text:
        case ValueKind::bytes: {
            const std::uint32_t size = take_number(std::uint32_t{0});
            value.text = key.substr(0, size);
            key.remove_prefix(size);
            break;
        }
        case ValueKind::floating:
            value.floating = take_number(double{0});
            break;
        default:
            value.integer = take_number(std::int64_t{0});
    }
    return value;
}

void append_as_field(wire::RecordBuilder& to, std::string_view name, const ValueView& value) {
    switch (value.kind) {
        case ValueKind::missing:
            return;
        case ValueKind::bytes:
            to.bytes_field(name, as_bytes(value.text));
            return;
        case ValueKind::integer:
            to.int_field(name, value.integer);
            return;
        case ValueKind::floating:
            to.float_field(name, value.floating);
            return;
        case ValueKind::boolean:
            to.bool_field(name, value.integer != 0);
            return;
        case ValueKind::text:
        case ValueKind::time:
        case ValueKind::severity: {
            std::string scratch;
            to.string_field(name, text_of(value, scratch));
            return;
        }
    }
}

}  // namespace sluice::query
