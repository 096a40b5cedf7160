// What a test finds in the values of a message template, before any variable is read.
#pragma once

#include <cstdint>
#include <vector>

#include "part/template_match.h"
#include "query/matcher.h"

namespace sluice::query {

enum class Fit : std::uint8_t { never, always, maybe };

// Threads: any.
class TemplateFit {
 public:
    // Borrows the matcher.
    explicit TemplateFit(const Matcher& matcher);
    Fit of(const part::Template& candidate) const;

 private:
    Fit of_regex(const part::Template& candidate) const;

    const Matcher& matcher_;
    std::vector<part::TemplateMatcher> texts_;  // phrase, prefix, substring, exact: one; in(): all; regex: its atoms.
};

}  // namespace sluice::query
