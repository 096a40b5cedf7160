// What a query means, row by row and as plainly as possible: what the executor is compared with.  Shares nothing with
// it but the parse tree.
#pragma once

#include <string>
#include <vector>

#include "query/pipe.h"
#include "wire/tail_messages.h"

namespace sluice::query::reference {

// The result as lines that can be compared: see show_results() for those of the executor.
// `entries` ascending in sequence; `now` is what durations count from.
std::vector<std::string> run(const Query& query, const std::vector<wire::TailEntry>& entries, WallNs now);

// Encoded TAIL entries as such lines.
std::vector<std::string> show_results(ByteView entries);

}  // namespace sluice::query::reference
