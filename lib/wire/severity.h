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

// What loggers call their levels: the above and, in any case,
//   trace, verbose, fine, finer, finest, T, V, D    debug       config, information, informational, I    info
//   N    notice    W    warning    E    err         fatal, severe, dpanic, C, F                          crit
//   10, 20; 30; 40; 50; 60 of pino and Bunyan       debug; info; warning; err; crit
//   DEBUG-4, INFO+2, ... of slog                    the name
std::optional<Severity> parse_level(std::string_view text) noexcept;
// 0 to 7, or 10 to 60 of pino and Bunyan.
std::optional<Severity> level_of_number(std::int64_t number) noexcept;

}  // namespace sluice::wire
