// What all listeners of a daemon share.
#pragma once

#include "coro/aside.h"
#include "coro/pool.h"
#include "ingest/ingest.h"
#include "io/kernel.h"
#include "listeners/events.h"
#include "listeners/process_source.h"

namespace sluice::listeners {

struct ListenerContext {
    io::Kernel& kernel;
    coro::Pool& pool;            // Reads names of processes.
    coro::Aside& command_lines;  // Reads their command lines.
    coro::Aside& files;          // Reads and closes files that clients pass.
    ProcessSource& processes;
    ingest::Ingest& ingest;
    ListenerEvents& events;
};

}  // namespace sluice::listeners
