// What the parts of the parser share while they read one query: where they are, what names mean there, and how much of
// what a query may have is used.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/pipe.h"
#include "query/row_filter.h"
#include "query/scanner.h"

namespace sluice::query {

// So that a text of the largest size cannot hold its reader, or whoever runs it on each record, for long.
inline constexpr std::size_t kTestsMax = 256;            // Of all filters of a query.
inline constexpr std::size_t kValuesMax = 1024;          // Of all in() together.
inline constexpr std::size_t kRegexesMax = 16;           // Each is charged Regex::bytes_max.
inline constexpr std::size_t kRegexTextMax = 4096;       // Bytes of all regular expressions together.
inline constexpr std::size_t kInstructionsMax = 16'384;  // Of their programs together.
inline constexpr std::size_t kStagesMax = 64;
inline constexpr std::size_t kNamesMax = 1024;  // Of one stage.

struct Used {
    std::size_t tests = 0;
    std::size_t values = 0;
    std::size_t regexes = 0;
    std::size_t regex_bytes = 0;
    std::size_t instructions = 0;
};

// What names mean where a stage stands: those of records, or those of the columns that a stage made.  `level` need not
// be the severity there.
class Scope {
 public:
    LiteralKind kind_of(std::string_view name) const;
    bool of_records() const noexcept { return of_records_; }
    // Is there a message, for a word without a name?
    bool has_message() const;
    // Behind that stage.
    void pass(const Pipe& pipe);

 private:
    using Columns = std::vector<std::pair<std::string, LiteralKind>>;
    void add(Columns& to, const std::string& name) const { to.emplace_back(name, kind_of(name)); }

    bool of_records_ = true;
    Columns columns_;
};

// Behind the word `offset`: 5m, or -2h.
Parsed<std::string> offset_of(Scanner& scanner);

struct Reading {
    explicit Reading(std::string_view text) noexcept : scanner(text) {}
    Scanner scanner;
    Scope scope{};
    Used used{};
};

}  // namespace sluice::query
