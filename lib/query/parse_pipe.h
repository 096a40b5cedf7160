// One stage behind "|".  The two halves of the parser call each other: a stage may hold a filter.
#pragma once

#include "query/pipe.h"
#include "query/reading.h"

namespace sluice::query {

Parsed<Pipe> parse_pipe(Reading& reading);
// Up to the end, "|" or ")".  Nothing at all is every record where `may_be_empty`.
enum class Emptiness : bool { refused, everything };
Parsed<Filter> parse_filter(Reading& reading, Emptiness emptiness);
// Is that the name of a stage?
bool is_stage(std::string_view word) noexcept;
// Or of a function of stats, or "by"?
bool belongs_to_stages(std::string_view word) noexcept;

}  // namespace sluice::query
