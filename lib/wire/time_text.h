// Wall-clock time as text: RFC 3339.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sluice::wire {

inline constexpr WallNs kSecond = 1'000'000'000;
inline constexpr std::int64_t kDaySeconds = 86'400;
// Whole seconds that fit an int64 of nanoseconds whatever the fraction.
inline constexpr std::int64_t kSecondsMax = INT64_MAX / kSecond - 1;

// "2023-11-21T01:02:03.123456789Z"
void append_rfc3339(std::string& to, WallNs time_ns);

// The zone at the front of a text: Z (or z), +01:00, -0530 or +01; at most 23 hours and 59 minutes.
struct ZoneText {
    std::int32_t seconds = 0;  // East of UTC.
    std::size_t bytes = 0;
};
std::optional<ZoneText> zone_at_front(std::string_view text) noexcept;

enum class Zone : bool { local, utc };
// The same in the local time zone: "2023-11-21T02:02:03.123456789+01:00", with Z where that is UTC.
void append_time(std::string& to, WallNs time_ns, Zone zone);

// When clocks in the local time zone show what those in UTC show at this second.  Of an hour that comes twice, or not
// at all, what mktime(3) makes of it.
std::int64_t utc_of_local(std::int64_t seconds) noexcept;

// "2023-11-21T01:02:03Z"; a fraction of any length (digits after the ninth are dropped), ',' for '.', a space or 't'
// for 'T', an offset such as +01:00 or -0530 instead of Z; no zone means UTC; a date alone means midnight.
std::optional<WallNs> parse_rfc3339(std::string_view text) noexcept;

}  // namespace sluice::wire
