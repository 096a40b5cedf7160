// What somebody meant who wrote the syntax of another language, or forgot a space: for errors.  What looks like syntax
// is never searched as text; it is refused with these words.
#pragma once

#include <string>
#include <string_view>

namespace sluice::query {

// Behind the bare word or value `word`, where `rest` begins with something that no test may touch.  `of_field`: the
// word is the value of a field, as in field:word.
std::string meant_behind_word(std::string_view word, std::string_view rest, bool of_field);
// Behind a test in quotes, with a star or in brackets.
std::string meant_behind_test(std::string_view rest);
// Where a test should begin and none does; empty: nothing better than the usual list.
std::string meant_instead_of_test(std::string_view rest);
// What to write for the word or value as it stands, without quotes; empty: it is one.  `in_parentheses`: of field:( ).
std::string meant_by_value(std::string_view value, bool of_field, bool in_parentheses);
// For the name of a field as it stands in front of ':', without quotes; empty: it may be one.
std::string meant_by_name(std::string_view name);
// For a bound without quotes that is no number, and for addresses; empty: it may be one.
std::string meant_by_bound(std::string_view bound, bool quoted);
// Where a stage should begin: `name` is the bare word there, `rest` what follows it; empty: nothing better than the
// list.
std::string meant_by_stage(std::string_view name, std::string_view rest);
// Behind a stage, where only '|' or the end can be.
std::string meant_behind_stage(std::string_view word);
// Is this a function of LogsQL, one of ours or not?  In lower case.
bool is_function(std::string_view word) noexcept;
// Does the name of a field say in what unit its numbers are: ms, latency_ms, durationNs, took.seconds?
bool names_unit_of_time(std::string_view name) noexcept;

}  // namespace sluice::query
