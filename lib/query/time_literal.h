// Times as a query writes them: a span, because "2026-03-01" is a whole day.
#pragma once

#include <limits>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace sluice::query {

// From `begin` to before `end`.
struct TimeSpan {
    WallNs begin = std::numeric_limits<WallNs>::min();
    WallNs end = std::numeric_limits<WallNs>::max();
    bool contains(WallNs time) const noexcept { return begin <= time && (time < end || end == kEnd); }
    static constexpr WallNs kEnd = std::numeric_limits<WallNs>::max();
    friend bool operator==(const TimeSpan&, const TimeSpan&) = default;
};

// 2026, 2026-03, 2026-03-01, 2026-03-01T12, ...T12:30, ...T12:30:05, ...T12:30:05.25: as long as what is left out;
// behind it a zone (Z, +01:00), without one UTC; a space may stand for T.  now.  A duration, 5m or 1h30m: that long
// before now.
std::optional<TimeSpan> parse_time_literal(std::string_view text, WallNs now);
// 5m, 1h30m, 250ms, 1m30.5s, 360.541us (also with the micro sign, as Go prints it): with units of time, not negative.
std::optional<double> parse_nanoseconds(std::string_view text) noexcept;
// Likewise, up to some 292 years.
std::optional<Duration> parse_duration(std::string_view text) noexcept;
// 2h or -2h: how far back a time or the begin of buckets is shifted; forward if it is negative.
std::optional<Duration> parse_offset(std::string_view text) noexcept;

}  // namespace sluice::query
