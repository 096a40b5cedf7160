// From the configuration to the options of the libraries.
#pragma once

#include <vector>

#include "daemon/config.h"
#include "files/roots.h"
#include "server/log_pipeline.h"
#include "server/server.h"
#include "store/log_writer.h"

namespace sluice::daemon {

server::LogPipeline::Options pipeline_options(const Config& config);
store::RetentionOptions retention_options(const Config& config);
// `mode`: where the configuration says `auto`, what was measured.
store::WriterOptions writer_options(const Config& config, store::IoMode mode);
server::ServerOptions server_options(const Config& config, uid_t own_uid);
std::vector<files::RootOptions> root_options(const Config& config);
files::HandleLimits handle_limits(const Config& config);

}  // namespace sluice::daemon
