// One stage behind "|".  The two halves of the parser call each other: a stage may hold a filter.
#pragma once

#include "query/pipe.h"
#include "query/scanner.h"

namespace sluice::query {

Parsed<Pipe> parse_pipe(Scanner& scanner);
// Up to the end, "|" or ")".
Parsed<Filter> parse_filter(Scanner& scanner);

}  // namespace sluice::query
