// A regular expression with what it needs to find in a text to match at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/budget.h"

namespace re2 {
class FilteredRE2;
class RE2;
}  // namespace re2

namespace sluice::query {

// Threads: any, concurrently.
class Regex {
 public:
    // How many instructions its program has; at most kProgramMax, and found within a few milliseconds.
    // Errors: invalid_argument, with what RE2 says, or what is allowed.
    static Result<std::size_t> check(const std::string& pattern);
    static constexpr std::size_t kProgramMax = 8192;
    static constexpr std::size_t kClassesMax = 32;  // \p and \P, which stand for hundreds of ranges.

    // Charges `memory` for what it and its automata can hold (bytes_max), of which nothing is given back.
    // Errors: as check(); limit_exceeded.
    static Result<std::unique_ptr<const Regex>> make(const std::string& pattern, Budget& memory);
    // Of a program of so many instructions, made from `pattern_bytes`.
    static std::uint64_t bytes_max(std::size_t instructions, std::size_t pattern_bytes) noexcept;
    ~Regex();

    // Somewhere in the text.
    bool matches(std::string_view text) const;
    // Texts in lower case, some of which a text that matches has (without regard to case); empty: nothing is known.
    const std::vector<std::string>& atoms() const noexcept { return atoms_; }
    // Is the atom of ASCII only?  Others are folded in ways that only RE2 knows: take them as present.
    bool is_ascii(std::size_t atom) const noexcept;
    // Could a text match that has these atoms (indexes, ascending) and no others?
    bool possible(const std::vector<int>& present) const;

 private:
    Regex();
    std::unique_ptr<re2::FilteredRE2> filtered_;
    const re2::RE2* regex_ = nullptr;  // In it.
    std::vector<std::string> atoms_;
};

}  // namespace sluice::query
