// Rules that join two settings.
#include <algorithm>

#include "base/format.h"
#include "daemon/config_values.h"
#include "daemon/settings.h"
#include "daemon/yaml_reader.h"

namespace sluice::daemon {
namespace {
constexpr std::uint64_t kGapRecordBytes = 4096;  // Room for the daemon's own record in a group.
constexpr std::uint64_t kProducerBytes = 40;     // Of one producer at the head of a segment.
}  // namespace

ConfigProblems check_together(const Config& config) {
    ConfigProblems problems;
    const auto value = [&](std::string_view key) { return value_text(*find_setting(key), config); };
    const auto require = [&](bool holds, std::string_view key, std::string_view relation, std::uint64_t bound,
                             std::string_view other) {
        if (!holds) {
            problems.push_back({.key = std::string(key),
                                .text = fmt::format("{} is not {} {}, because {} is {}", value(key), relation,
                                                    format_size(bound), other, value(other))});
        }
    };
    const StoreConfig& store = config.store;
    const LimitsConfig& limits = config.limits;
    require(store.log_bytes_max >= 3 * store.segment_bytes, "store.log_bytes_max", "at least", 3 * store.segment_bytes,
            "store.segment_bytes");
    require(store.commit_bytes_max <= store.segment_bytes / 4, "store.commit_bytes_max", "at most",
            store.segment_bytes / 4, "store.segment_bytes");
    // The log takes at most half a segment at once: what waits for a commit, and the batch that comes on top of it.
    const std::uint64_t waiting = std::min(store.commit_bytes_max, store.segment_bytes / 4) + kGapRecordBytes;
    require(limits.frame_bytes_max <= store.segment_bytes / 2 - waiting, "limits.frame_bytes_max", "at most",
            store.segment_bytes / 2 - waiting, "store.segment_bytes");
    // Every segment begins with what is known of the producers: a sixth of it at most, beside the half above.
    if (const std::uint64_t most = store.segment_bytes / 6 / kProducerBytes; config.producers.remembered_max > most) {
        problems.push_back({.key = "producers.remembered_max",
                            .text = fmt::format("{} is more than {}, because store.segment_bytes is {}",
                                                config.producers.remembered_max, most, value("store.segment_bytes"))});
    }
    require(config.queue.bytes_max >= 2 * limits.frame_bytes_max, "queue.bytes_max", "at least",
            2 * limits.frame_bytes_max, "limits.frame_bytes_max");
    require(limits.message_bytes_max < limits.frame_bytes_max, "limits.message_bytes_max", "less than",
            limits.frame_bytes_max, "limits.frame_bytes_max");
    require(limits.session_output_bytes_max >= 2 * limits.frame_bytes_max, "limits.session_output_bytes_max",
            "at least", 2 * limits.frame_bytes_max, "limits.frame_bytes_max");
    require(limits.user_memory_bytes_max >= 4 * limits.frame_bytes_max, "limits.user_memory_bytes_max", "at least",
            4 * limits.frame_bytes_max, "limits.frame_bytes_max");
    if (limits.connections_per_uid_max > limits.connections_max) {
        problems.push_back({.key = "limits.connections_per_uid_max",
                            .text = fmt::format("{} is more than limits.connections_max, which is {}",
                                                limits.connections_per_uid_max, limits.connections_max)});
    }
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
        if (config.listeners[i].enabled && config.listeners[i].socket == config.listen.socket) {
            problems.push_back({.key = fmt::format("listeners[{}].socket", i),
                                .text = fmt::format("{} is listen.socket, too", quote(config.listen.socket))});
        }
    }
    if (config.listen.socket.size() > find_setting("listen.socket")->most) {
        problems.push_back({.key = "listen.socket",
                            .text = fmt::format("{} has {} bytes; the kernel takes at most {} for a socket",
                                                quote(config.listen.socket), config.listen.socket.size(),
                                                find_setting("listen.socket")->most)});
    }
    return problems;
}

}  // namespace sluice::daemon
