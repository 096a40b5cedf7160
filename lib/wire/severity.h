// The eight severities of syslog (RFC 5424) and their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::wire {

enum class Severity : std::uint8_t { emerg, alert, crit, err, warning, notice, info, debug };

// "emerg" ... "debug".  "invalid" for a number above 7.
std::string_view severity_name(Severity severity) noexcept;

// Any case.  Also error, warn, emergency, panic, critical, and the numbers 0 to 7.
std::optional<Severity> parse_severity(std::string_view text) noexcept;

}  // namespace sluice::wire
