// One stage behind "|".  The two halves of the parser call each other: a stage may hold a filter.
#pragma once

#include "query/pipe.h"
#include "query/scanner.h"

namespace sluice::query {

// Whose names a filter uses: behind a stage that makes columns, `level` need not be the severity.
enum class Names : bool { of_records, of_columns };

Parsed<Pipe> parse_pipe(Scanner& scanner, Names names);
// Up to the end, "|" or ")".
Parsed<Filter> parse_filter(Scanner& scanner, Names names);

}  // namespace sluice::query
