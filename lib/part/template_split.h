// Message templates: values of one column as few templates and short, typed columns of what varies between them.
//
//   "user 17 logged in from 10.0.3.4"      template 0: literals "user ", " logged in from ", ""
//   "user 4 logged in from 10.0.3.17"      variables:  17  10.0.3.4  4  10.0.3.17
//
// What is variable is a rule on tokens (variables.h), so nothing is trained and equal values always give equal
// templates.  Over the whole column two things are then put right:
//   - where cutting the letters off numbers gives many templates with few rows each (ab12, xy7), the tokens stay whole
//   - a slot with the same bytes in every row of its template becomes part of the literals
// A template with one row is therefore its text.  Lossless for any bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::part {

struct Template {
    std::vector<std::string> literals;  // One more than slots; never empty.

    std::size_t slots() const noexcept { return literals.size() - 1; }
    bool operator==(const Template&) const = default;
};

struct TemplateSplit {
    std::vector<Template> templates;          // In the order in which they first occur.
    std::vector<std::uint32_t> ids;           // Of each value.
    std::vector<std::string_view> variables;  // Of value 0, then of value 1, ...: slots() each.  Views into the values.
};

// Empty (no templates, no ids) if there were more than values.size() / 2 templates: then this is text.
// Deterministic.  Time: linear in the bytes.  Precondition: each value is smaller than 4 GiB.
TemplateSplit split(std::span<const std::string_view> values);

// Appends the value.  Precondition: variables.size() == slots().
void join(const Template& from, std::span<const std::string_view> variables, std::string& to);

}  // namespace sluice::part
