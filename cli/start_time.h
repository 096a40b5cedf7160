// --after, --since and --received-since: where a tail or an export begins.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "args/program.h"
#include "cli/context.h"
#include "wire/tail_messages.h"

namespace sluice::cli {

struct StartOptions {
    std::optional<std::string> after;  // A cursor.
    std::optional<std::string> since;
    std::optional<std::string> received_since;
    bool utc = false;  // The times are, where they have no zone.  Declared by the command.

    // How many of them say where to begin.
    int given() const noexcept {
        return static_cast<int>(after.has_value()) + static_cast<int>(since.has_value()) +
               static_cast<int>(received_since.has_value());
    }
};

// `options` live as long as the program.
void add_start_options(args::Command& command, StartOptions& options);

// Lets `request` begin where `options` say; where they do not, it stays as it is.  Errors: invalid_argument, of a
// cursor or time that is none.
// --since: only records whose own time is that or later, from the first of them on, in the order of the log.  TAIL
// itself begins at a time of receipt: the daemon is asked for it, so that nothing before it is read; without an answer
// everything is.
Result<void> begin(wire::TailRequest& request, const StartOptions& options, const Context& context,
                   std::string_view command);

}  // namespace sluice::cli
