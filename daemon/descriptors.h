// The descriptors that the process may have, and who gets them: clients must leave those that the log needs.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "daemon/config.h"

namespace sluice::daemon {

// For the daemon itself: segments, one for each part, pipes, sockets, files of /proc.
inline constexpr std::uint64_t kOwnDescriptors = 512;
// Open files of clients that are worth starting for.
inline constexpr std::uint32_t kHandlesLeast = 64;

// Raises the soft limit of the process to its hard limit, which has nothing against it: sluiced does not use select().
// Returns the limit.
std::uint64_t raise_descriptor_limit() noexcept;

// Lowers limits.open_handles_max to what `limit` leaves.  Returns what was done, for the log; empty: it fits.  Errors:
// limit_exceeded where connections alone leave less than kHandlesLeast.
Result<std::string> fit_descriptors(Config& config, std::uint64_t limit);

}  // namespace sluice::daemon
