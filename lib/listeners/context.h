// What all listeners of a daemon share.
#pragma once

#include <utility>
#include <vector>

#include "base/fd.h"
#include "coro/aside.h"
#include "coro/pool.h"
#include "ingest/ingest.h"
#include "io/kernel.h"
#include "listeners/events.h"
#include "listeners/keeper.h"
#include "listeners/process_source.h"

namespace sluice::listeners {

// How long a listener leaves a socket alone that has failed.
inline constexpr Duration kRetryDelay = std::chrono::milliseconds(100);

struct ListenerContext {
    io::Kernel& kernel;
    coro::Pool& pool;            // Reads names of processes.
    coro::Aside& command_lines;  // Reads their command lines.
    coro::Aside& files;          // Reads and closes files that clients pass.
    ProcessSource& processes;
    ingest::Ingest& ingest;
    ListenerEvents& events;
    ConnectionKeeper* keeper = nullptr;  // Null: connections end with this run of the daemon.

    // Closes files of a stranger, which can block.  Where too much hangs already, the loop does it.
    void close_files(std::vector<Fd> passed) const {
        auto close_all = [passed = std::move(passed)]() mutable { passed.clear(); };
        (void)files.start(close_all);
    }
};

}  // namespace sluice::listeners
