// sluiced from READY to the last sync: builds everything in order, wires it, serves, drains.  Destruction in reverse is
// the shutdown order.
#pragma once

#include "daemon/command_line.h"
#include "daemon/events.h"
#include "daemon/log_output.h"
#include "daemon/signals.h"
#include "daemon/systemd_notify.h"

namespace sluice::daemon {

// Runs until SIGTERM or SIGINT.  `command` is read again at SIGHUP.
ExitCode run_service(const CommandLine& command, Config config, SignalFd& signals, LogOutput& log);

}  // namespace sluice::daemon
