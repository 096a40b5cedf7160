#include "daemon/descriptors.h"

#include <sys/resource.h>

#include "base/format.h"
#include "listeners/options.h"

namespace sluice::daemon {

std::uint64_t raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

Result<std::string> fit_descriptors(Config& config, std::uint64_t limit) {
    std::uint64_t connections = config.limits.connections_max;
    for (const ListenerConfig& listener : config.listeners) {
        if (listener.enabled) {
            connections += listeners::uses_datagrams(listener.protocol) ? 1 : listener.connections_max;
        }
    }
    const std::uint64_t needed = kOwnDescriptors + connections;
    const std::string why = fmt::format(
        "the process may have {} descriptors (RLIMIT_NOFILE; LimitNOFILE= of the unit), connections may "
        "take {} (limits.connections_max, and that of each listener), sluiced needs {}",
        limit, connections, kOwnDescriptors);
    if (needed + kHandlesLeast > limit) {
        return fail(Errc::limit_exceeded, "{}: raise the one or lower the others", why);
    }
    if (config.limits.open_handles_max <= limit - needed) {
        return std::string();
    }
    const std::uint32_t wanted =
        std::exchange(config.limits.open_handles_max, static_cast<std::uint32_t>(limit - needed));
    return fmt::format("limits.open_handles_max is {} instead of {}: {}", config.limits.open_handles_max, wanted, why);
}

}  // namespace sluice::daemon
