// The modes of `sluice bench`.  Each runs `runs` times and adds its figures.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/bench_figures.h"
#include "wire/messages.h"

namespace sluice::cli {

struct BenchOptions {
    std::string socket_path;
    std::string mode = "log-batched";
    wire::AckLevel level = wire::AckLevel::written;
    std::uint32_t record_bytes = 200;  // Whole record: 20 bytes of header, the stream's name, the message.
    std::uint32_t batch = 256;         // Records per request.
    std::uint32_t connections = 1;
    std::uint32_t in_flight = 32;  // Requests per connection.
    double seconds = 2;            // Of one run, after the warm-up.
    double warmup_seconds = 0.3;
    std::uint32_t runs = 5;
    std::uint32_t rate = 100'000;  // tail: records per second.
    bool numbered = false;         // log: each connection is a producer that numbers its batches.
};

// log-batched, log-single, latency: the same engine with other defaults.
Result<void> bench_log(const BenchOptions& options, Figures& figures);
// Writes with time stamps and measures when a following tail has each record.
Result<void> bench_tail(const BenchOptions& options, Figures& figures);
// Opens connections and does nothing with them, for `seconds` or until a signal.
Result<void> bench_idle(const BenchOptions& options, Figures& figures);

}  // namespace sluice::cli
