// Opens the store as the configuration says.
#pragma once

#include "daemon/config.h"
#include "daemon/log_output.h"
#include "io/kernel.h"
#include "server/log_pipeline.h"

namespace sluice::daemon {

// `directory` is the store's.  Borrows it and `events` until LogPipeline::stop().  Errors: of the calibration, and
// those of LogPipeline::open.
Task<Result<>> open_log(io::Kernel& kernel, const io::Handle& directory, server::LogPipeline& pipeline,
                        store::StoreEvents& events, LogOutput& log, const Config& config);

}  // namespace sluice::daemon
