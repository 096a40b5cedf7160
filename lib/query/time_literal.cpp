#include "query/time_literal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/format.h"
#include "wire/time_text.h"

namespace sluice::query {
namespace {

using namespace std::chrono_literals;

struct TimeUnit {
    std::string_view name;
    Duration length;
};
// Longer names in front of their beginnings.
constexpr std::array kTimeUnits{TimeUnit{"ns", 1ns},        TimeUnit{"us", 1us},    TimeUnit{"ms", 1ms},
                                TimeUnit{"s", 1s},          TimeUnit{"m", 1min},    TimeUnit{"h", 1h},
                                TimeUnit{"d", 24h},         TimeUnit{"w", 7 * 24h}, TimeUnit{"y", 365 * 24h},
                                TimeUnit{"\xC2\xB5s", 1us},   // The micro sign, as Go prints it,
                                TimeUnit{"\xCE\xBCs", 1us}};  // and the Greek letter.

// 2026-03-01T12:30 without zone and fraction: how much of it is there?
struct Shape {
    std::string_view pattern;  // 0: a digit.
    std::string_view rest;     // What makes it a whole time.
};
constexpr std::array kShapes{Shape{"0000-00-00T00:00:00", ""}, Shape{"0000-00-00T00:00", ":00"},
                             Shape{"0000-00-00T00", ":00:00"}, Shape{"0000-00-00", "T00:00:00"},
                             Shape{"0000-00", "-01T00:00:00"}, Shape{"0000", "-01-01T00:00:00"}};

bool has_shape(std::string_view text, std::string_view pattern) noexcept {
    if (text.size() < pattern.size()) {
        return false;
    }
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = text[i];
        const bool fits = pattern[i] == '0'   ? c >= '0' && c <= '9'
                          : pattern[i] == 'T' ? c == 'T' || c == 't' || c == ' '
                                              : c == pattern[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

WallNs saturated_add(WallNs a, WallNs b) noexcept {
    WallNs sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? TimeSpan::kEnd : sum;
}

// What is behind `text`, a year or a month with this zone, begins then.
WallNs begin_of_next(std::string_view text, std::string_view zone) {
    constexpr std::size_t kYear = 4;
    const auto digits = [&](std::size_t at, std::size_t count) {
        int value = 0;
        std::from_chars(text.data() + at, text.data() + at + count, value);
        return value;
    };
    int year = digits(0, kYear);
    int month = text.size() == kYear ? 12 : digits(kYear + 1, 2);
    year += month == 12 ? 1 : 0;
    month = month % 12 + 1;
    const auto next = wire::parse_rfc3339(fmt::format("{:04}-{:02}-01T00:00:00{}", year, month, zone));
    return next.value_or(TimeSpan::kEnd);
}

// How long a time of this many characters is.
Duration length_of(std::size_t characters) noexcept {
    return characters == 10 ? 24h : characters == 13 ? 1h : characters == 16 ? 1min : Duration(1s);
}

}  // namespace

std::optional<double> parse_nanoseconds(std::string_view text) noexcept {
    if (text.empty()) {
        return std::nullopt;
    }
    double total = 0;
    while (!text.empty()) {  // Bounded: each turn takes a number and a unit.
        double value = 0;
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
        if (error != std::errc() || !(value >= 0)) {
            return std::nullopt;
        }
        text = std::string_view(rest, end);
        const auto* const unit =
            std::ranges::find_if(kTimeUnits, [&](const TimeUnit& each) { return text.starts_with(each.name); });
        if (unit == kTimeUnits.end()) {
            return std::nullopt;
        }
        text.remove_prefix(unit->name.size());
        total += value * static_cast<double>(unit->length.count());
    }
    return std::isfinite(total) ? std::optional(total) : std::nullopt;
}

std::optional<Duration> parse_duration(std::string_view text) noexcept {
    const std::optional<double> total = parse_nanoseconds(text);
    return total && *total < 9e18 ? std::optional(Duration(static_cast<std::int64_t>(*total))) : std::nullopt;
}

std::optional<Duration> parse_offset(std::string_view text) noexcept {
    const bool forward = text.starts_with('-');
    const std::optional<Duration> length = parse_duration(forward ? text.substr(1) : text);
    return length && forward ? std::optional(-*length) : length;
}

std::optional<TimeSpan> parse_time_literal(std::string_view text, WallNs now) {
    constexpr std::size_t kMonthCharacters = 7;
    if (text == "now") {
        return TimeSpan{now, saturated_add(now, 1)};
    }
    for (const Shape& shape : kShapes) {
        if (!has_shape(text, shape.pattern)) {
            continue;
        }
        std::string_view behind = text.substr(shape.pattern.size());
        std::string whole(text.substr(0, shape.pattern.size()));
        whole += shape.rest;
        WallNs length = 0;
        if (shape.rest.empty() && !behind.empty() && (behind.front() == '.' || behind.front() == ',')) {
            const std::size_t end = std::min(behind.find_first_not_of("0123456789", 1), behind.size());
            whole += behind.substr(0, end);
            length = 1'000'000'000;
            for (std::size_t i = 1; i < end && length > 1; ++i) {
                length /= 10;
            }
            behind.remove_prefix(end);
        }
        whole += behind;  // The zone.
        const std::optional<WallNs> begin = wire::parse_rfc3339(whole);
        if (!begin) {
            break;
        }
        if (shape.pattern.size() <= kMonthCharacters) {
            return TimeSpan{*begin, begin_of_next(text.substr(0, shape.pattern.size()), behind)};
        }
        return TimeSpan{*begin, saturated_add(*begin, length != 0 ? length : length_of(shape.pattern.size()).count())};
    }
    const std::optional<Duration> ago = parse_duration(text);
    WallNs begin = 0;
    if (!ago || __builtin_sub_overflow(now, ago->count(), &begin)) {
        return std::nullopt;
    }
    return TimeSpan{begin, saturated_add(begin, 1)};
}

}  // namespace sluice::query
