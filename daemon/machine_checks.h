// Whether a configuration suits the machine as it is now.  Blocks on the file system.
#pragma once

#include "daemon/config.h"

namespace sluice::daemon {

// A root and the store must not lie within each other: a client could read the whole log there, and destroy it.  Links
// and mounts are followed.  At each start and reload; `file` of a problem is left empty.
ConfigProblems check_places(const Config& config);

// What a start would find, for --check-config: roots that are not there, sockets that another program listens on.
// What cannot be found out, for lack of rights, is no problem.
ConfigProblems check_machine(const Config& config);

}  // namespace sluice::daemon
