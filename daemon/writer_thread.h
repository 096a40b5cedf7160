// The thread that owns the log: a kernel of its own, and the pipeline's writer on it.
#pragma once

#include <thread>

#include "coro/pool.h"
#include "daemon/config.h"
#include "daemon/log_output.h"
#include "io/uring_kernel.h"
#include "server/log_pipeline.h"

namespace sluice::daemon {

// Ends after LogPipeline::stop(), or when the store cannot be opened; joined by the destructor.
class WriterThread {
 public:
    // Borrows all but `config` until destroyed.
    WriterThread(const Clock& clock, coro::Pool& pool, server::LogPipeline& pipeline, store::StoreEvents& events,
                 LogOutput& log, Config config);

 private:
    std::jthread thread_;
};

// Options of both loops: who is told of stalls.
io::UringOptions kernel_options(const Config& config, LogOutput& log);

}  // namespace sluice::daemon
