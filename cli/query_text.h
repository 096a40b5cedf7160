// The text of a query on the command line: checks before anything is asked, and errors with a caret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "query/pipe.h"

namespace sluice::cli {

// Prints the error; where it is one of syntax ("column N: ..."), with the query and a caret under the character.
// Returns kExitUsage for that, else as report().
int report_query(std::string_view command, std::string_view text, const Error& error);

enum class PipeUse : std::uint8_t {
    any,
    tail,     // `where` and `fields` only.
    filters,  // `where` only: a histogram.
};
// The columns of the rows of a query, one that parse_query_text() takes, that are times.
std::vector<std::string> time_columns(const query::Query& query);
// Which buckets of times do not begin where those of clocks `east` of UTC do, unless the query says so with an offset,
// and what to write; empty: none.
std::string buckets_note(const query::Query& query, Duration east);
// Errors: "column N: ..." for a text that is no query; invalid_argument for a pipe that cannot be there.
Result<query::Query> parse_query_text(std::string_view text, PipeUse use);

}  // namespace sluice::cli
