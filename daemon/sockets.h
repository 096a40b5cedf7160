// The sockets that sluiced serves: its own, and those of its listeners; made here, or passed by the service manager.
#pragma once

#include <vector>

#include "daemon/config.h"
#include "daemon/log_output.h"
#include "daemon/systemd_notify.h"
#include "io/kernel.h"
#include "listeners/options.h"

namespace sluice::daemon {

listeners::ListenerOptions listener_options(const ListenerConfig& listener, const LimitsConfig& limits);

struct ListenerSocket {
    listeners::ListenerOptions options;
    io::Handle socket;
};

struct Sockets {
    io::Handle own;
    std::vector<ListenerSocket> listeners;  // Those that are enabled.
    std::vector<StoredSocket> stored;       // Connections of an earlier run.
    // fds, of all of these, of those that were made here: whoever passed the others keeps them for the next start.
    std::vector<int> made_here;
};

// A passed socket serves the listener of its name; one that is named after a protocol (journal, syslog, syslog-stream,
// stdout, json) also without an entry in the configuration.  That named "sluice", else the first other one for
// connections, is sluiced's own; what is left over is told and closed.  Errors: a socket that cannot be made;
// wrong_type: a passed one that does not fit the listener.
Task<Result<Sockets>> open_sockets(io::Kernel& kernel, const Config& config, LogOutput& log);

}  // namespace sluice::daemon
