// One test, ready to be run on values of any type.
//
// Texts: by words, bytes or RE2.  Numbers: a word, `=` and in() mean the whole number; comparisons are exact, and one
// with a unit of time compares only with such.  Times
// and severities have literals of their own, read once here.  A number compares with numbers (also with texts that read
// as numbers), a text with texts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "part/literal_search.h"
#include "query/address.h"
#include "query/budget.h"
#include "query/filter.h"
#include "query/regex.h"
#include "query/time_literal.h"
#include "query/value.h"

namespace sluice::query {

// What a name says about its literals: errors instead of tests that never match.
enum class LiteralKind : std::uint8_t { any, time, severity };

// What a text must be for a name of that kind, if it is not: for an error.
std::optional<std::string_view> wrong_literal(LiteralKind kind, std::string_view text);

class Matcher {
 public:
    // A text of phrase, prefix, exact or in(), read in each way that it can be.
    struct Form {
        std::string text;
        std::optional<Number> number;
        std::optional<TimeSpan> time;
        std::optional<std::int64_t> severity;
    };
    struct BoundForm {
        bool inclusive = false;
        bool is_number = false;  // It reads as a number.
        Form form;
    };

    // Charges `memory` for what it will hold, of which nothing is given back.
    // Errors: invalid_argument; limit_exceeded.
    static Result<std::shared_ptr<const Matcher>> make(const Test& test, LiteralKind kind, WallNs now, Budget& memory);
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    bool matches(const ValueView& value) const;
    bool matches_text(std::string_view text) const;  // As matches() of a text.
    // Of a row without a value of that name: its value is the empty text.
    bool matches_missing() const noexcept { return matches_missing_; }

    // ---- for scans of parts ----
    TestKind kind() const noexcept { return test_.kind; }
    // Of a time: only times within match, and all of them.  Nothing: it is not that simple.
    std::optional<TimeSpan> time_span() const;
    // Of an integer: likewise, from the first to the last.  Nothing: it is not that simple.
    struct IntegerSpan {
        std::int64_t first = INT64_MIN;
        std::int64_t last = INT64_MAX;
    };
    std::optional<IntegerSpan> integer_span() const;
    // Each text that matches has all the words of one of these lists, whole; empty: nothing is known.
    const std::vector<std::vector<std::string>>& required_words() const noexcept { return words_; }
    // Of phrase, prefix and substring; else nullptr.
    const part::LiteralSearcher* searcher() const noexcept { return searcher_ ? &*searcher_ : nullptr; }
    // It has to be shown texts whose case is folded (case_fold.h); its needle is.
    bool folds() const noexcept { return folds_; }
    // Of exact and in(): the texts that match.
    const std::vector<std::string>& texts() const noexcept { return test_.texts; }
    const Regex* regex() const noexcept { return regex_.get(); }

 private:
    explicit Matcher(const Test& test) : test_(test) {}
    Result<> check(LiteralKind kind) const;
    void set_searcher();
    void find_required_words();
    bool within(const ValueView& value) const;
    bool equals_any(const ValueView& value) const;

    Test test_;
    std::optional<BoundForm> low_;
    std::optional<BoundForm> high_;
    std::vector<Form> forms_;  // phrase, prefix, exact: one; any_of: all.
    Network network_;
    std::unique_ptr<const Regex> regex_;
    std::vector<std::vector<std::string>> words_;
    std::optional<part::LiteralSearcher> searcher_;
    bool folds_ = false;
    bool matches_missing_ = false;
};

}  // namespace sluice::query
