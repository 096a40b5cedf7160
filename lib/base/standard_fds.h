// Descriptors 0, 1 and 2 of a program that was started without some of them.
#pragma once

#include "base/result.h"

namespace sluice {

// The first call of main().  A program started with one of them closed would get it for the next file or socket it
// opens, and then write its messages there: into its own log, or as a request to a daemon.  Each that is closed
// becomes /dev/null, opened so that using it still fails as with a closed one (EBADF): no input is taken for an empty
// file, and no output is lost in silence.  Errors: as open(2) of /dev/null; the program then ends at once.
Result<> open_missing_standard_fds();

}  // namespace sluice
