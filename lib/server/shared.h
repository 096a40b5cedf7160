// What all sessions of a server share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "coro/pool.h"
#include "files/file_table.h"
#include "io/kernel.h"
#include "server/events.h"
#include "server/log_pipeline.h"
#include "wire/limits.h"

namespace sluice::server {

struct SessionLimits {
    std::uint32_t frame_bytes_max = wire::kFrameBytesMax;     // Larger: error frame, connection closed.
    std::uint32_t requests_max = wire::kRequestsInFlightMax;  // In flight; beyond it the connection is not read.
    std::uint32_t log_records_max = wire::kLogRecordsMax;
    std::uint32_t handles_max = wire::kHandlesMax;
    std::size_t output_bytes_max = 4U << 20U;           // Of replies waiting for the client.
    Duration hello_timeout = std::chrono::seconds(10);  // No complete HELLO for so long: closed.
    Duration idle_timeout{};                            // No request for so long: closed.  0: never.
    Duration stall_timeout = std::chrono::seconds(30);  // Reads nothing for so long: closed.
    // Of all sessions:
    std::uint32_t queries_max = 8;                        // At a time; one more: limit_exceeded.
    std::uint64_t query_memory_bytes_max = 64ULL << 20U;  // Of one query; above: limit_exceeded.
};

// Numbers for `status`; each only grows.
struct ServerCounters {
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t requests = 0;
    std::uint64_t requests_failed = 0;
    std::uint64_t tails = 0;
    std::uint64_t queries = 0;
};

struct Shared {
    io::Kernel& kernel;
    LogPipeline& log;
    files::Files& files;
    int store_directory;    // fd, for tails that read files.
    coro::Offload workers;  // Where queries compute: two jobs at a time.
    SessionLimits limits;
    ServerCounters counters;
    std::uint32_t queries_running = 0;
    std::string version;
    std::function<std::string()> status;  // The STATUS reply, JSON; empty: {}.
};

}  // namespace sluice::server
