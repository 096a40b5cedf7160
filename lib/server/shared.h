// What all sessions of a server share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "coro/pool.h"
#include "coro/turn_share.h"
#include "files/file_table.h"
#include "io/kernel.h"
#include "query/budget.h"
#include "server/events.h"
#include "server/log_pipeline.h"
#include "server/query_slots.h"
#include "server/room.h"
#include "wire/limits.h"

namespace sluice::server {

struct SessionLimits {
    std::uint32_t frame_bytes_max = wire::kFrameBytesMax;     // Larger: error frame, connection closed.
    std::uint32_t requests_max = wire::kRequestsInFlightMax;  // In flight; beyond it the connection is not read.
    std::uint32_t log_records_max = wire::kLogRecordsMax;
    std::uint32_t handles_max = wire::kHandlesMax;
    std::size_t output_bytes_max = 4U << 20U;  // Of large replies being made or waiting for the client; then they wait.
    std::size_t request_bytes_max = 4U << 20U;  // Of requests that wait or are served; then the connection is not read.
    Duration hello_timeout = std::chrono::seconds(10);  // No complete HELLO for so long: closed.
    Duration idle_timeout{};                            // No request for so long: closed.  0: never.
    Duration stall_timeout = std::chrono::seconds(30);  // Reads nothing for so long: closed.
    // Of all sessions of a user, for requests and for replies each; beyond it they wait for each other.
    std::size_t user_bytes_max = 16U << 20U;
    std::size_t clients_bytes_max = 32U << 20U;  // Of all users together, likewise; see CommonRoom.
    QueryLimits query;
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

// What the sessions of one user have together.
struct User {
    // Borrows what is of all users until destroyed.
    User(const SessionLimits& limits, uid_t uid, CommonRoom& requests, CommonRoom& replies,
         query::CommonBudget& queries_memory) noexcept
        : request_room(limits.user_bytes_max, &requests),
          reply_room(limits.user_bytes_max, &replies),
          query_memory(uid, queries_memory) {}
    UserRoom request_room;
    UserRoom reply_room;
    query::UserBudget query_memory;
    coro::Semaphore file_tails{kFileTailsMax};
    std::uint32_t connections = 0;

    // Tails that read files at a time: each holds what it has read until it is sent.
    static constexpr std::size_t kFileTailsMax = 8;
};

struct Shared {
    // What all sessions together move in one turn of the loop: some 100 us of copying.
    static constexpr std::size_t kTurnBytes = std::size_t{512} * 1024;

    io::Kernel& kernel;
    LogPipeline& log;
    files::Files& files;
    int store_directory;    // fd, for tails that read files.
    coro::Offload workers;  // Where queries compute: two jobs at a time.
    SessionLimits limits;
    ServerCounters counters;
    coro::TurnShare turns;
    CommonRoom request_room;
    CommonRoom reply_room;
    QuerySlots query_slots;
    query::CommonBudget query_memory;
    std::string version;
    std::function<std::string()> status;  // The STATUS reply, JSON; empty: {}.
};

}  // namespace sluice::server
