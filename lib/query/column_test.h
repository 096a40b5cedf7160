// One test on one column of one part: decided once for each dictionary entry or template, and by minimum and maximum,
// before a row is looked at.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "part/part.h"
#include "query/matcher.h"
#include "query/page_bits.h"
#include "query/scan_counters.h"
#include "query/template_fit.h"

namespace sluice::query {

// What is known of a test without looking at rows.
enum class Verdict : std::uint8_t { never, always, some };

// Why a part has no row for a filter.
struct SkipReason {
    enum class Kind : std::uint8_t { none, time, sequence, field, word, dictionary, templates, range };
    Kind kind = Kind::none;
    std::string word{};  // word
    void count(ScanCounters& in) const;
};

class ColumnTest {
 public:
    // Decides what the token filter and the resident tables decide: words, minimum and maximum.  Borrows all.
    // `name`: of the field, which part.others() has among others.
    ColumnTest(const part::Part& part, std::uint32_t column, const Matcher& matcher, std::string_view name);

    // Decides what dictionary and templates decide.  Errors: of the part.
    Result<> read_tables();

    // Of the rows that have the column; of part.others() never `always`, because not each of them has the field.
    Verdict verdict() const noexcept { return verdict_; }
    Verdict verdict(std::uint32_t page) const noexcept;
    bool is_dense() const noexcept { return info_.dense; }
    const SkipReason& reason() const noexcept { return reason_; }
    std::uint32_t column() const noexcept { return column_; }
    // About how dear a row is; for the order of tests.
    double cost() const noexcept;
    // Is it known how many rows match, without looking at them?
    bool knows_rows() const noexcept { return verdict_ != Verdict::some || counts_are_exact_; }
    std::uint64_t rows() const noexcept {
        return verdict_ == Verdict::never ? 0 : verdict_ == Verdict::always ? info_.values : rows_;
    }
    // Of a column with a dictionary, when knows_rows().
    bool entry_matches(std::size_t entry) const noexcept {
        return verdict_ == Verdict::some ? fits_[entry] == Fit::always : verdict_ == Verdict::always;
    }

    // Sets the rows of `wanted` that match.  `present` (may be null): all rows of the page that have the column.
    Result<> run(std::uint32_t page, const PageBits& wanted, PageBits& matching, PageBits* present,
                 ScanCounters& counters) const;

 private:
    void decide_by_words();
    void decide_by_range();
    void never(SkipReason::Kind kind, std::string word = {});
    Result<> read_dictionary();
    Result<> read_templates();
    Result<> run_others(std::uint32_t page, const PageBits& wanted, PageBits& matching, PageBits* present,
                        ScanCounters& counters) const;
    Result<> run_templates(std::uint32_t page, const PageBits& wanted, PageBits& matching,
                           ScanCounters& counters) const;
    bool is_others() const noexcept { return info_.kind == part::ColumnKind::others; }
    bool has_templates() const noexcept { return info_.encoding == part::Encoding::templates; }

    const part::Part& part_;
    std::uint32_t column_;
    const part::ColumnInfo& info_;
    const Matcher& matcher_;
    std::string_view name_;
    Verdict verdict_ = Verdict::some;
    SkipReason reason_;
    std::optional<Matcher::IntegerSpan> span_;  // Of integers and times: exactly these match.
    std::shared_ptr<const part::Dictionary> dictionary_;
    std::vector<Fit> fits_;          // Of each dictionary entry or template.
    std::uint64_t rows_ = 0;         // That match; of templates, that may.
    bool counts_are_exact_ = false;  // rows_ is.
};

}  // namespace sluice::query
