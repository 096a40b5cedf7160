#include "query/part_filter.h"

#include <algorithm>

#include "query/part_columns.h"

namespace sluice::query {

// First everything that costs little reading, for the whole tree: a part that a word rules out is not read for the sake
// of another test's dictionary.
PartFilter PartFilter::sketch(const part::Part& part, const FilterNode& filter) {
    PartFilter made(part, filter.kind);
    for (const FilterNode& each : filter.parts) {
        made.parts_.push_back(sketch(part, each));
    }
    if (filter.kind == FilterKind::match) {
        made.matches_missing_ = filter.matcher->matches_missing();
        for (const std::uint32_t column : columns_of(part, filter.name)) {
            made.columns_.emplace_back(part, column, *filter.matcher, filter.name.field);
        }
        if (may_be_in_others(part, filter.name)) {
            made.columns_.emplace_back(part, *part.others(), *filter.matcher, filter.name.field);
        }
    }
    made.decide();
    return made;
}

Result<PartFilter> PartFilter::make(const part::Part& part, const FilterNode& filter) {
    PartFilter made = sketch(part, filter);
    if (made.verdict_ == Verdict::some) {
        SLUICE_CHECK(made.read_tables());
    }
    return made;
}

Result<> PartFilter::read_tables() {
    std::ranges::sort(parts_, {}, &PartFilter::cost);
    for (PartFilter& part : parts_) {
        if (part.verdict_ != Verdict::some) {
            continue;
        }
        SLUICE_CHECK(part.read_tables());
        const bool settled = (kind_ == FilterKind::all_of && part.verdict_ == Verdict::never) ||
                             (kind_ == FilterKind::one_of && part.verdict_ == Verdict::always);
        if (settled) {
            break;
        }
    }
    for (ColumnTest& column : columns_) {
        SLUICE_CHECK(column.read_tables());
    }
    decide();
    std::ranges::sort(parts_, {}, &PartFilter::cost);
    return {};
}

void PartFilter::decide_match() {
    bool never = true;
    bool always = matches_missing_;  // Then rows without the field match too.
    for (const ColumnTest& column : columns_) {
        never = never && column.verdict() == Verdict::never;
        always = matches_missing_ ? always && column.verdict() == Verdict::always
                                  : always || (column.verdict() == Verdict::always && column.is_dense());
        if (column.verdict() == Verdict::never) {
            reason_ = column.reason();
        }
    }
    if (columns_.empty()) {
        reason_.kind = SkipReason::Kind::field;
    }
    verdict_ = never && !matches_missing_ ? Verdict::never : always ? Verdict::always : Verdict::some;
}

void PartFilter::decide() {
    const auto any = [this](Verdict verdict) {
        return std::ranges::find(parts_, verdict, [](const PartFilter& part) { return part.verdict_; });
    };
    switch (kind_) {
        case FilterKind::everything:
            verdict_ = Verdict::always;
            return;
        case FilterKind::match:
            decide_match();
            return;
        case FilterKind::all_of: {
            const auto never = any(Verdict::never);
            if (never != parts_.end()) {
                verdict_ = Verdict::never;
                reason_ = never->reason_;
                return;
            }
            std::erase_if(parts_, [](const PartFilter& part) { return part.verdict_ == Verdict::always; });
            verdict_ = parts_.empty() ? Verdict::always : Verdict::some;
            return;
        }
        case FilterKind::one_of:
            if (any(Verdict::always) != parts_.end()) {
                verdict_ = Verdict::always;
                return;
            }
            reason_ = parts_.empty() ? reason_ : parts_.front().reason_;
            std::erase_if(parts_, [](const PartFilter& part) { return part.verdict_ == Verdict::never; });
            verdict_ = parts_.empty() ? Verdict::never : Verdict::some;
            return;
        case FilterKind::none_of:
            verdict_ = parts_.front().verdict_ == Verdict::never    ? Verdict::always
                       : parts_.front().verdict_ == Verdict::always ? Verdict::never
                                                                    : Verdict::some;
            reason_.kind = SkipReason::Kind::dictionary;
            return;
    }
}

double PartFilter::cost() const noexcept {
    double total = 0;
    for (const PartFilter& part : parts_) {
        total += part.cost();
    }
    for (const ColumnTest& column : columns_) {
        total += column.cost();
    }
    return verdict_ == Verdict::some ? total : 0;
}

Verdict PartFilter::verdict(std::uint32_t page) const noexcept {
    if (verdict_ != Verdict::some) {
        return verdict_;
    }
    bool all_never = true;
    bool all_always = true;
    for (const PartFilter& part : parts_) {
        const Verdict each = part.verdict(page);
        all_never = all_never && each == Verdict::never;
        all_always = all_always && each == Verdict::always;
        if (kind_ == FilterKind::all_of && each == Verdict::never) {
            return Verdict::never;
        }
        if (kind_ == FilterKind::one_of && each == Verdict::always) {
            return Verdict::always;
        }
        if (kind_ == FilterKind::none_of) {
            return each == Verdict::never ? Verdict::always : each == Verdict::always ? Verdict::never : Verdict::some;
        }
    }
    if (kind_ != FilterKind::match) {
        return all_never ? Verdict::never : all_always ? Verdict::always : Verdict::some;
    }
    if (matches_missing_) {
        return Verdict::some;
    }
    for (const ColumnTest& column : columns_) {
        const Verdict each = column.verdict(page);
        all_never = all_never && each == Verdict::never;
        if (each == Verdict::always && part_->page_values(column.column(), page) == part_->page_rows(page)) {
            return Verdict::always;
        }
    }
    return all_never ? Verdict::never : Verdict::some;
}

Result<PageBits> PartFilter::run_match(std::uint32_t page, const PageBits& wanted, ScanCounters& counters) const {
    PageBits matching(wanted.rows());
    PageBits present(wanted.rows());
    for (const ColumnTest& column : columns_) {
        SLUICE_CHECK(column.run(page, wanted, matching, matches_missing_ ? &present : nullptr, counters));
    }
    if (matches_missing_) {
        PageBits missing = wanted;
        missing.remove(present);
        matching |= missing;
    }
    return matching;
}

Result<PageBits> PartFilter::run(std::uint32_t page, const PageBits& wanted, ScanCounters& counters) const {
    const Verdict known = verdict(page);
    if (known == Verdict::never || wanted.none()) {
        return PageBits(wanted.rows());
    }
    if (known == Verdict::always) {
        return wanted;
    }
    switch (kind_) {
        case FilterKind::match:
            return run_match(page, wanted, counters);
        case FilterKind::all_of: {
            PageBits left = wanted;
            for (const PartFilter& part : parts_) {
                SLUICE_TRY(left, part.run(page, left, counters));
            }
            return left;
        }
        case FilterKind::one_of: {
            PageBits matching(wanted.rows());
            PageBits left = wanted;
            for (const PartFilter& part : parts_) {
                SLUICE_TRY(const PageBits more, part.run(page, left, counters));
                matching |= more;
                left.remove(more);
            }
            return matching;
        }
        case FilterKind::none_of: {
            SLUICE_TRY(const PageBits matching, parts_.front().run(page, wanted, counters));
            PageBits left = wanted;
            left.remove(matching);
            return left;
        }
        case FilterKind::everything:
            break;
    }
    return wanted;
}

const ColumnTest* PartFilter::counted_column() const noexcept {
    if (kind_ == FilterKind::all_of && parts_.size() == 1) {
        return parts_.front().counted_column();
    }
    if (kind_ != FilterKind::match || matches_missing_) {
        return nullptr;
    }
    const ColumnTest* found = nullptr;
    for (const ColumnTest& column : columns_) {
        if (column.verdict() == Verdict::never) {
            continue;
        }
        if (found != nullptr || !column.knows_rows()) {
            return nullptr;
        }
        found = &column;
    }
    return found;
}

}  // namespace sluice::query
