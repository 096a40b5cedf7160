// A tail or an export that begins at a time.
#pragma once

#include <string>

#include "cli/context.h"
#include "wire/tail_messages.h"

namespace sluice::cli {

// Lets `request` deliver only records whose own time is `since` or later, from the first of them on, in the order in
// which the daemon received them.  TAIL itself begins at a place of that order: the daemon is asked for the place, so
// that nothing before it is read; without an answer everything is.
void begin_at(wire::TailRequest& request, WallNs since, const Context& context, std::string_view command);

}  // namespace sluice::cli
