// A filter as it is run on one row: the tree of filter.h with names resolved, regular expressions compiled, and times
// counted from "now".  docs/query.md says what each test means.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "query/filter.h"
#include "query/matcher.h"
#include "query/names.h"

namespace sluice::query {

// What literals of tests on that name have to be.
LiteralKind literal_kind(const Name& name) noexcept;

// One node; parts are as in Filter.
struct FilterNode {
    FilterKind kind = FilterKind::everything;
    std::vector<FilterNode> parts;
    Name name;                               // match
    std::shared_ptr<const Matcher> matcher;  // match

    // `for_each(name, use)` calls use(ValueView) for the values of a name in the row, until that returns false.
    template <class ForEach>
    bool matches(const ForEach& for_each) const {
        switch (kind) {
            case FilterKind::everything:
                return true;
            case FilterKind::match: {
                bool found = false;
                bool any = false;
                for_each(name, [&](const ValueView& value) {
                    any = any || value.kind != ValueKind::missing;
                    found = matcher->matches(value);
                    return !found;
                });
                return found || (!any && matcher->matches_missing());
            }
            case FilterKind::all_of:
                return std::ranges::all_of(parts, [&](const FilterNode& part) { return part.matches(for_each); });
            case FilterKind::one_of:
                return std::ranges::any_of(parts, [&](const FilterNode& part) { return part.matches(for_each); });
            case FilterKind::none_of:
                return !parts.front().matches(for_each);
        }
        return false;
    }
};

// `resolve` gives each name its meaning.  Charges `memory` for what the filter holds, before it does; nothing is given
// back.  Errors: invalid_argument (a regular expression that RE2 refuses, a time or a severity that is none; the parser
// has pointed at these already); limit_exceeded.
Result<FilterNode> compile(const Filter& filter, WallNs now, const std::function<Name(std::string_view)>& resolve,
                           Budget& memory);

// Threads: any, concurrently.
class RowFilter {
 public:
    // Errors: as compile().
    static Result<RowFilter> make(const Filter& filter, WallNs now, Budget& memory);
    explicit RowFilter(FilterNode root) : root_(std::move(root)) {}

    bool matches(const wire::TailEntry& entry) const;
    bool matches_all() const noexcept { return root_.kind == FilterKind::everything; }
    const FilterNode& root() const noexcept { return root_; }

 private:
    FilterNode root_;
};

}  // namespace sluice::query
