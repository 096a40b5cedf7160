// The end of a command that sends records.
#pragma once

#include "cli/console.h"
#include "cli/context.h"
#include "client/log_writer.h"

namespace sluice::cli {

// Waits until every record is acknowledged or rejected.  After a stop signal only for a moment, and not at all while
// the daemon is gone or its disk is full, which may be so for ever; what is left is then for the caller to tell.
void drain(client::LogWriter& writer, const StopSignals& stop, const WaitingNotice& notice);

// For poll(): -1 for very long.
int poll_milliseconds(Duration wait) noexcept;

}  // namespace sluice::cli
