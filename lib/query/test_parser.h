// One test of a value: everything that may stand behind "name:".
#pragma once

#include <string>

#include "query/reading.h"

namespace sluice::query {

enum class Place : std::uint8_t { alone, behind_name, in_parentheses };

// Reads one test, of the field of that name (empty: the message), up to something that no test can go on with: white
// space, a parenthesis, a comma, "]", "|" or the end.
Parsed<Test> parse_test(Reading& reading, const std::string& field, Place place);

}  // namespace sluice::query
