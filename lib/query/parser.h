// From text to a query.
//
//   query   = [ filter ] { "|" stage } .
//   filter  = and { "or" and } .                    and = not { [ "and" ] not } .
//   not     = ( "not" | "-" | "!" ) not | "(" filter ")" | field ":" "(" filter ")" | "*" | [ field ":" ] test .
//   test    = text | text "*" | "*" text "*" | [ "!" ] "=" text | [ "!" ] "~" text | ( "<" | "<=" | ">" | ">=" ) text
//           | "*" | ( "[" | "range" "(" ) text "," text ( "]" | ")" ) | "in" "(" text { "," text } ")"
//           | "contains_any" "(" text { "," text } ")" | "contains_all" "(" text { "," text } ")"
//           | "ipv4_range" "(" network | address [ "," address ] ")" | "exact" "(" text ")" | "re" "(" text ")" .
//           Of a time also: test "offset" duration, and a range in "(" as well as in "range(".
//   stage   = "fields" names | ( "where" | "filter" ) filter | ( "head" | "limit" | "tail" ) [ number ]
//           | ( "skip" | "offset" ) number | "sort" [ "by" ] keys [ "limit" number ]
//           | "uniq" [ "by" ] names [ [ "with" ] "hits" ] | "top" [ number ] [ "by" ] names
//           | "stats" [ "by" "(" group { "," group } ")" ] result { "," result } .
//   keys    = [ "(" ] field [ "asc" | "desc" ] { "," field [ "asc" | "desc" ] } [ ")" [ "desc" ] ] .
//   group   = field [ ":" width [ "offset" duration ] ] .
//   result  = function "(" [ arguments ] ")" [ [ "as" ] field ] .
//   text, field: bare, or quoted with \" \' or `.  Bare: what has none of ()[],|"'`=~<>!* and white space; a field has
//   no colon either.  Words such as `and` are names where a colon follows.  Inside field:( ) every test is of that
//   field.  "#", not right behind a bare word, begins a comment up to the end of the line.
//
// A strict subset of LogsQL, but for tail.
#pragma once

#include <string_view>

#include "query/pipe.h"
#include "query/scanner.h"

namespace sluice::query {

inline constexpr std::size_t kQueryBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kNestingMax = 64;  // Of parentheses and `not`.

// Errors point at the first character that does not fit.
Parsed<Query> parse_query(std::string_view text);
// A filter alone, without pipes.
Parsed<Filter> parse_filter(std::string_view text);

}  // namespace sluice::query
