#include "query/column_test.h"

#include <algorithm>
#include <array>

#include "part/case_fold.h"
#include "part/other_fields.h"
#include "part/words.h"
#include "query/part_columns.h"

namespace sluice::query {
namespace {

using part::ColumnKind;

bool is_time(const part::ColumnInfo& info) noexcept {
    return info.kind == ColumnKind::time || info.kind == ColumnKind::receive_time;
}
bool is_integer(const part::ColumnInfo& info) noexcept {
    return info.kind == ColumnKind::sequence || (info.kind == ColumnKind::field && info.type == wire::FieldType::int64);
}

// The values that match, where they are all those from one to another.
std::optional<Matcher::IntegerSpan> span_of(const part::ColumnInfo& info, const Matcher& matcher) {
    if (is_integer(info)) {
        return matcher.integer_span();
    }
    if (!is_time(info)) {
        return std::nullopt;
    }
    const std::optional<TimeSpan> span = matcher.time_span();
    if (!span) {
        return std::nullopt;
    }
    if (span->end == INT64_MIN) {
        return Matcher::IntegerSpan{0, -1};
    }
    return Matcher::IntegerSpan{span->begin, span->end == TimeSpan::kEnd ? INT64_MAX : span->end - 1};
}

Verdict compare_ranges(const Matcher::IntegerSpan& wanted, const std::optional<part::Part::Range>& held) noexcept {
    if (wanted.first > wanted.last) {
        return Verdict::never;
    }
    if (!held) {
        return Verdict::some;
    }
    if (held->max < wanted.first || held->min > wanted.last) {
        return Verdict::never;
    }
    return held->min >= wanted.first && held->max <= wanted.last ? Verdict::always : Verdict::some;
}

// Calls use(index of the value, row) for the rows of `wanted` that have a value.
template <class Use>
void for_each_wanted(const part::PageValues& values, const PageBits& wanted, Use&& use) {
    if (values.positions.empty()) {
        if (values.size() != 0) {
            wanted.for_each([&](std::uint32_t row) { use(row, row); });
        }
        return;
    }
    for (std::uint32_t i = 0; i < values.positions.size(); ++i) {
        if (wanted.test(values.positions[i])) {
            use(i, values.positions[i]);
        }
    }
}

void add_present(const part::PageValues& values, PageBits& present) {
    if (values.positions.empty()) {
        if (values.size() != 0) {
            present.set_all();
        }
        return;
    }
    for (const std::uint16_t row : values.positions) {
        present.set(row);
    }
}

std::uint64_t bytes_of(const part::PageValues& values) noexcept {
    std::uint64_t total = values.codes.size() * sizeof(std::uint32_t) + values.ints.size() * sizeof(std::int64_t) +
                          values.floats.size() * sizeof(double);
    for (const std::string_view text : values.texts) {
        total += text.size();
    }
    return total;
}

// The words of an atom of a regular expression that are whole wherever it is found.
std::vector<std::uint64_t> inner_words(std::string_view atom) {
    std::vector<std::uint64_t> hashes;
    part::for_each_word(atom, [&](std::string_view word) {
        if (word.data() != atom.data() && word.data() + word.size() != atom.data() + atom.size()) {
            hashes.push_back(part::token_hash(word));
        }
    });
    return hashes;
}

}  // namespace

void SkipReason::count(ScanCounters& in) const {
    switch (kind) {
        case Kind::none:
            return;
        case Kind::time:
            ++in.parts_skipped_time;
            return;
        case Kind::sequence:
            ++in.parts_skipped_sequence;
            return;
        case Kind::field:
            ++in.parts_skipped_field;
            return;
        case Kind::word:
            ++in.parts_skipped_word[word];
            return;
        case Kind::dictionary:
            ++in.parts_skipped_dictionary;
            return;
        case Kind::templates:
            ++in.parts_skipped_templates;
            return;
        case Kind::range:
            ++in.parts_skipped_range;
            return;
    }
}

ColumnTest::ColumnTest(const part::Part& part, std::uint32_t column, const Matcher& matcher, std::string_view name)
    : part_(part),
      column_(column),
      info_(part.columns()[column]),
      matcher_(matcher),
      name_(name),
      span_(span_of(info_, matcher)) {
    if (is_others()) {
        using enum wire::FieldType;
        const bool numbers = std::ranges::any_of(std::array{int64, float64, boolean}, [&](wire::FieldType type) {
            return part.others_may_have(name, type);
        });
        if (!numbers) {  // Whose texts are no words of the column.
            decide_by_words();
        }
    } else if (holds_text(info_)) {
        decide_by_words();
    } else if (span_) {
        decide_by_range();
    } else if (matcher.kind() == TestKind::exists) {
        verdict_ = Verdict::always;
    }
}

void ColumnTest::never(SkipReason::Kind kind, std::string word) {
    verdict_ = Verdict::never;
    reason_ = {.kind = kind, .word = std::move(word)};
}

void ColumnTest::decide_by_words() {
    if (info_.kind == ColumnKind::stream) {
        return;  // The empty one reads as "default".
    }
    std::string absent;
    const part::TokenFold fold = part_.token_fold();
    const auto has = [&](const std::string& word) {
        if (fold == part::TokenFold::ascii && matcher_.folds() && part::has_case_beyond_ascii(word)) {
            return true;  // This filter knows it in the case of the value only.
        }
        const std::uint64_t hash = part::token_hash(word, fold);
        const bool may = part_.may_contain(column_, {&hash, 1});
        absent = may ? absent : word;
        return may;
    };
    const auto& lists = matcher_.required_words();
    if (!lists.empty() &&
        std::ranges::none_of(lists, [&](const auto& words) { return std::ranges::all_of(words, has); })) {
        never(SkipReason::Kind::word, std::move(absent));
    }
    if (const Regex* regex = matcher_.regex()) {
        std::vector<int> present;
        for (std::size_t i = 0; i < regex->atoms().size(); ++i) {
            const std::vector<std::uint64_t> hashes = inner_words(regex->atoms()[i]);
            if (!regex->is_ascii(i) || part_.may_contain(column_, hashes)) {
                present.push_back(static_cast<int>(i));
            } else {
                absent = regex->atoms()[i];
            }
        }
        if (!regex->possible(present)) {
            never(SkipReason::Kind::word, std::move(absent));
        }
    }
}

void ColumnTest::decide_by_range() {
    verdict_ = compare_ranges(*span_, part_.range(column_));
    if (verdict_ == Verdict::never) {
        never(is_time(info_)                       ? SkipReason::Kind::time
              : info_.kind == ColumnKind::sequence ? SkipReason::Kind::sequence
                                                   : SkipReason::Kind::range);
    }
}

double ColumnTest::cost() const noexcept {
    if (verdict_ != Verdict::some) {
        return 0;
    }
    if (has_dictionary(info_)) {
        return 2;
    }
    if (is_others()) {
        return 50;
    }
    if (!holds_text(info_)) {
        return span_ ? 1 : 4;
    }
    const double share = fits_.empty() ? 1 : static_cast<double>(rows_) / static_cast<double>(info_.values);
    return 3 + share * (matcher_.kind() == TestKind::regex ? 40 : 10);
}

Result<> ColumnTest::read_tables() {
    if (verdict_ != Verdict::some) {
        return {};
    }
    return has_dictionary(info_) ? read_dictionary() : has_templates() ? read_templates() : Result<>();
}

Result<> ColumnTest::read_templates() {
    SLUICE_TRY(const auto set, part_.templates(column_));
    const TemplateFit fit(matcher_);
    fits_.reserve(set->templates.size());
    std::size_t never_fits = 0;
    std::size_t always_fits = 0;
    for (std::size_t i = 0; i < set->templates.size(); ++i) {
        fits_.push_back(fit.of(set->templates[i]));
        never_fits += fits_.back() == Fit::never ? 1 : 0;
        always_fits += fits_.back() == Fit::always ? 1 : 0;
        rows_ += fits_.back() == Fit::never ? 0 : set->counts[i];
    }
    if (never_fits == fits_.size()) {
        never(SkipReason::Kind::templates);
    } else if (always_fits == fits_.size()) {
        verdict_ = Verdict::always;
    }
    counts_are_exact_ = always_fits + never_fits == fits_.size();
    return {};
}

Result<> ColumnTest::run_others(std::uint32_t page, const PageBits& wanted, PageBits& matching, PageBits* present,
                                ScanCounters& counters) const {
    if (part_.page_values(column_, page) == 0 || (verdict_ == Verdict::never && present == nullptr)) {
        return {};
    }
    SLUICE_TRY(const auto values, part_.page(column_, page));
    ++counters.pages_read;
    counters.bytes_decoded += bytes_of(*values);
    for_each_wanted(*values, wanted, [&](std::uint32_t i, std::uint32_t row) {
        part::OtherFields fields(values->texts[i]);
        for (part::OtherField field; fields.next(field);) {
            const wire::FieldView view = field.view();
            if (view.name != name_) {
                continue;
            }
            if (present != nullptr) {
                present->set(row);
            }
            ++counters.rows_tested;
            if (verdict_ != Verdict::never && matcher_.matches(ValueView::of_field(view))) {
                matching.set(row);
                return;
            }
        }
    });
    return {};
}

// The template of a value decides it, or the variables of those that may fit are read.
Result<> ColumnTest::run_templates(std::uint32_t page, const PageBits& wanted, PageBits& matching,
                                   ScanCounters& counters) const {
    SLUICE_TRY(const auto ids, part_.template_ids(column_, page));
    ++counters.pages_read;
    counters.bytes_decoded += ids->codes.size() * sizeof(std::uint32_t);
    const auto decode = std::make_unique<bool[]>(fits_.size());
    bool any = false;
    for_each_wanted(*ids, wanted, [&](std::uint32_t i, std::uint32_t row) {
        const Fit fit = fits_[ids->codes[i]];
        matching.set_if(row, fit == Fit::always);
        any = any || fit == Fit::maybe;
        decode[ids->codes[i]] = decode[ids->codes[i]] || fit == Fit::maybe;
    });
    if (!any) {
        return {};
    }
    SLUICE_TRY(const auto values, part_.page_of(column_, page, std::span<const bool>(decode.get(), fits_.size())));
    ++counters.pages_read;
    counters.bytes_decoded += bytes_of(*values);
    for_each_wanted(*ids, wanted, [&](std::uint32_t i, std::uint32_t row) {
        if (fits_[ids->codes[i]] == Fit::maybe) {
            ++counters.rows_tested;
            matching.set_if(row, matcher_.matches_text(values->texts[i]));
        }
    });
    return {};
}

Result<> ColumnTest::read_dictionary() {
    SLUICE_TRY(dictionary_, part_.dictionary(column_));
    const std::size_t entries = dictionary_->counts.size();
    fits_.resize(entries);
    counts_are_exact_ = true;
    std::size_t matching = 0;
    for (std::size_t i = 0; i < entries; ++i) {
        if (matcher_.matches(value_of_entry(info_, *dictionary_, i))) {
            fits_[i] = Fit::always;
            rows_ += dictionary_->counts[i];
            ++matching;
        }
    }
    if (matching == 0) {
        never(SkipReason::Kind::dictionary);
    } else if (matching == entries) {
        verdict_ = Verdict::always;
    }
    return {};
}

Verdict ColumnTest::verdict(std::uint32_t page) const noexcept {
    if (verdict_ == Verdict::never || part_.page_values(column_, page) == 0) {
        return Verdict::never;
    }
    return verdict_ == Verdict::some && span_ ? compare_ranges(*span_, part_.range(column_, page)) : verdict_;
}

Result<> ColumnTest::run(std::uint32_t page, const PageBits& wanted, PageBits& matching, PageBits* present,
                         ScanCounters& counters) const {
    if (is_others()) {
        return run_others(page, wanted, matching, present, counters);
    }
    const Verdict known = verdict(page);
    const std::uint32_t held = part_.page_values(column_, page);
    const bool whole_page = held == wanted.rows();
    if (present != nullptr && whole_page) {
        present->set_all();
    }
    const bool needs_positions = present != nullptr && !whole_page;
    if (held == 0 || (known == Verdict::never && !needs_positions)) {
        return {};
    }
    if (known == Verdict::always && whole_page) {
        matching |= wanted;
        return {};
    }
    if (has_templates() && known == Verdict::some && !needs_positions) {
        return run_templates(page, wanted, matching, counters);
    }
    SLUICE_TRY(const auto values, part_.page(column_, page));
    ++counters.pages_read;
    counters.bytes_decoded += bytes_of(*values);
    if (needs_positions) {
        add_present(*values, *present);
    }
    if (known == Verdict::never) {
        return {};
    }
    if (known == Verdict::always) {
        for_each_wanted(*values, wanted, [&](std::uint32_t, std::uint32_t row) { matching.set(row); });
        return {};
    }
    if (dictionary_ != nullptr) {
        for_each_wanted(*values, wanted, [&](std::uint32_t i, std::uint32_t row) {
            matching.set_if(row, fits_[values->codes[i]] == Fit::always);
        });
        return {};
    }
    if (span_) {
        for_each_wanted(*values, wanted, [&](std::uint32_t i, std::uint32_t row) {
            matching.set_if(row, values->ints[i] >= span_->first && values->ints[i] <= span_->last);
        });
        return {};
    }
    for_each_wanted(*values, wanted, [&](std::uint32_t i, std::uint32_t row) {
        ++counters.rows_tested;
        matching.set_if(row, matcher_.matches(value_at(info_, *values, i)));
    });
    return {};
}

}  // namespace sluice::query
