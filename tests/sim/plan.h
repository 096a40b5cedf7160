// Everything a scenario decides before it starts, drawn from its seed.
#pragma once

#include <string>
#include <vector>

#include "sim/producer.h"
#include "sim/tailer.h"
#include "sim/test_daemon.h"

namespace sluice::sim {

enum class Kind : std::uint8_t {
    general,
    retention,   // The log is short: old segments go while it is written and read.
    tiny_queue,  // Back-pressure all the time.
    damage,      // Bytes of closed segments and parts are damaged before the last start.
    expiry,      // Sealed records are removed while the log is written and read, by class of stream.
};

// How a life of the daemon ends.
struct Fate {
    enum class End : std::uint8_t { kill, power, stop };
    End end = End::stop;
    std::uint64_t after = 0;            // Operations of the daemon.
    bool crash_while_stopping = false;  // stop: and is killed, or loses power, on the way.
};

struct Plan {
    Kind kind = Kind::general;
    DaemonOptions daemon;
    io::SimDisk::Options disk;
    std::vector<ProducerOptions> producers;
    std::vector<TailerOptions> tailers;
    std::uint32_t puts = 0;  // Of a client that replaces files; 0: there is none.
    std::vector<Fate> fates;
    bool faults = false;
    std::uint32_t filler_max = 2000;
};

Plan make_plan(io::SimRandom& random);
// What goes wrong for a while.
io::FaultRates make_rates(io::SimRandom& random);
std::string describe(const Plan& plan);

}  // namespace sluice::sim
