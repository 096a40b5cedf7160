// What a template says about all values it can have: whether they contain a text, before any variable is decoded.
//
// `always` and `never` are proofs.  `always`: one literal contains the text.  `never`: no way to lay the text over
// literals and variables exists, given what variables can contain (variables.h): a text with a space must have it in a
// literal, and a word without a digit is in no variable unless it is all of a..f.  So for most words and phrases the
// templates alone answer, and only the variables of templates that say `maybe` need decoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "part/literal_search.h"
#include "part/template_split.h"

namespace sluice::part {

enum class Match : std::uint8_t { never, maybe, always };

enum class Edges : std::uint8_t {
    any,    // Anywhere: LiteralSearcher::find.
    begin,  // find_prefix
    words,  // find_phrase
};

// One text for many templates.  Immutable.  Threads: any.  Time of match(): linear in the literals, and about
// slots * min(text size, kProbeBytes).
class TemplateMatcher {
 public:
    // Of a longer text only so much is laid over the variables; what that cannot refuse is `maybe`.
    static constexpr std::size_t kProbeBytes = 256;

    TemplateMatcher(std::string_view text, Edges edges, bool ignore_case);
    Match match(const Template& candidate) const;

 private:
    class Walk;

    bool begins_at(const Template& candidate, std::size_t literal, std::size_t at) const noexcept;
    Match ends_at(const Template& candidate, std::size_t literal, std::size_t at) const noexcept;

    LiteralSearcher whole_;
    LiteralSearcher probe_;
    bool word_begins_;  // The text begins with a byte of a word, and that must be the first of its word.
    bool word_ends_;
    bool is_cut_;  // The probe is shorter than the text.
};

// The same for one template: the rules of LiteralSearcher::find, find_phrase and find_prefix.
Match match_substring(const Template& candidate, std::string_view text, bool ignore_case);
Match match_phrase(const Template& candidate, std::string_view text, bool ignore_case);
Match match_prefix(const Template& candidate, std::string_view text, bool ignore_case);

}  // namespace sluice::part
