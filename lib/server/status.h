// The STATUS reply: one JSON object, described in docs/operations.md.
#pragma once

#include <string>
#include <vector>

#include "listeners/listeners.h"
#include "server/server.h"

namespace sluice::server {

struct StatusFacts {
    std::string version;
    MonotonicTime started;
    MonotonicTime now;
    std::string io;          // What the kernel probe found.
    std::string store_mode;  // "direct" or "buffered".
};
std::string status_json(const StatusFacts& facts, const Server& server, LogPipeline& log,
                        const std::vector<listeners::ListenerReport>& listeners);

}  // namespace sluice::server
