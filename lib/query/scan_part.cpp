// One sealed part, page by page.
#include <algorithm>
#include <numeric>

#include "query/part_emitter.h"
#include "query/part_grouper.h"
#include "query/unit.h"

namespace sluice::query {
namespace {

class PartUnit final : public Unit {
 public:
    PartUnit(std::shared_ptr<const Plan> plan, std::shared_ptr<const part::Part> part)
        : plan_(std::move(plan)), part_(std::move(part)), emitter_(*plan_, *part_) {
        if (const auto* window = std::get_if<WindowSpec>(&plan_->breaker())) {
            left_ = window->count > UINT64_MAX - window->skip ? UINT64_MAX : window->skip + window->count;
        } else if (const auto* newest = std::get_if<NewestSpec>(&plan_->breaker())) {
            left_ = newest->count;
        } else if (const auto* groups = std::get_if<GroupSpec>(&plan_->breaker())) {
            grouper_ = std::make_unique<PartGrouper>(*part_, *groups, plan_->budget());
        } else if (const auto* sort = std::get_if<SortSpec>(&plan_->breaker())) {
            sorted_ = std::make_unique<SortBuffer>(*sort, plan_->budget());
            for (const SortSpec::Key& key : sort->keys) {
                sort_keys_.push_back(std::make_unique<ValueReader>(*part_, key.name));
            }
        }
    }

    Result<Step> step() override;
    SequenceRange range() const noexcept override {
        return {part_->summary().first_sequence, part_->summary().end_sequence};
    }

 private:
    Result<> begin(Step& step);
    bool is_too_old(std::uint32_t page) const;
    Result<> scan(std::uint32_t page, const PageBits& selected, Step& step);
    Result<> emit(std::uint32_t page, const PageBits& selected, Step& step);
    Result<> sort(std::uint32_t page, const PageBits& selected, Step& step);
    void keep_first(std::vector<std::uint16_t>& rows, std::span<const ValueView> keys) const;
    void finish(Step& step);

    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<const part::Part> part_;
    PartEmitter emitter_;
    std::optional<PartFilter> filter_;
    std::unique_ptr<PartGrouper> grouper_;
    std::unique_ptr<SortBuffer> sorted_;
    std::vector<std::unique_ptr<ValueReader>> sort_keys_;
    std::uint32_t next_ = 0;           // Pages done.
    std::uint64_t left_ = UINT64_MAX;  // Rows still of use.
};

// Decides what can be decided for the whole part.
Result<> PartUnit::begin(Step& step) {
    SLUICE_TRY(filter_, PartFilter::make(*part_, plan_->filter().root()));
    ++step.counters.parts;
    if (filter_->verdict() == Verdict::never) {
        filter_->reason().count(step.counters);
        next_ = part_->pages();
        return {};
    }
    if (grouper_ != nullptr) {
        SLUICE_TRY(const bool answered, grouper_->add_counts(*filter_));
        if (answered) {
            ++step.counters.parts_from_counts;
            next_ = part_->pages();
        }
    }
    return {};
}

Result<Step> PartUnit::step() {
    Step step;
    if (!filter_) {
        SLUICE_CHECK(begin(step));
    }
    // Pages that need no reading cost nothing: on to the first that does.
    while (next_ < part_->pages() && left_ > 0) {
        const std::uint32_t page = plan_->newest_first() ? part_->pages() - 1 - next_ : next_;
        ++next_;
        ++step.counters.pages;
        if (filter_->verdict(page) == Verdict::never || is_too_old(page)) {
            ++step.counters.pages_skipped;
            continue;
        }
        SLUICE_TRY(const PageBits selected, filter_->run(page, PageBits::all(part_->page_rows(page)), step.counters));
        if (!selected.none()) {
            step.counters.rows_matched += selected.count();
            SLUICE_CHECK(scan(page, selected, step));
        }
        break;
    }
    if (next_ == part_->pages() || left_ == 0) {
        step.counters.pages += part_->pages() - next_;
        step.counters.pages_skipped += part_->pages() - next_;
        finish(step);
    }
    return step;
}

// Sorted by age, newest first: are there enough rows already that are newer than all of this page?
bool PartUnit::is_too_old(std::uint32_t page) const {
    if (sorted_ == nullptr || !plan_->newest_first()) {
        return false;
    }
    const auto range =
        part_->range(columns_of(*part_, std::get<SortSpec>(plan_->breaker()).keys.front().name).front(), page);
    return range && range->max < plan_->oldest_wanted();
}

Result<> PartUnit::scan(std::uint32_t page, const PageBits& selected, Step& step) {
    if (grouper_ != nullptr) {
        return grouper_->add_page(page, selected, step.counters);
    }
    return sorted_ != nullptr ? sort(page, selected, step) : emit(page, selected, step);
}

// Of more rows than are of use the first ones, or the last ones.
Result<> PartUnit::emit(std::uint32_t page, const PageBits& selected, Step& step) {
    const std::vector<std::uint16_t> all = selected.selected();
    const std::size_t count = std::min<std::uint64_t>(left_, all.size());
    const std::span rows = plan_->newest_first() ? std::span(all).last(count) : std::span(all).first(count);
    left_ -= left_ == UINT64_MAX ? 0 : count;
    step.count = static_cast<std::uint32_t>(count);
    return emitter_.emit(page, rows, step.entries, step.counters);
}

// Keys first: only the rows of the page that can be among the first are made whole.
Result<> PartUnit::sort(std::uint32_t page, const PageBits& selected, Step& step) {
    for (const auto& reader : sort_keys_) {
        SLUICE_CHECK(reader->load(page, step.counters));
    }
    const std::size_t width = sort_keys_.size();
    std::vector<std::uint16_t> rows;
    std::vector<ValueView> keys;  // `width` for each row.
    selected.for_each([&](std::uint32_t row) {
        for (const auto& reader : sort_keys_) {
            keys.push_back(reader->at(row));
        }
        if (sorted_->may_want(std::span(keys).last(width))) {
            rows.push_back(static_cast<std::uint16_t>(row));
        } else {
            keys.resize(keys.size() - width);
        }
    });
    keep_first(rows, keys);
    Bytes whole;
    SLUICE_CHECK(part_->append_entries(page, rows, whole));
    for (const wire::TailEntry entry : wire::TailEntryRange(whole, static_cast<std::uint32_t>(rows.size()))) {
        SLUICE_CHECK(sorted_->add(RowRef{.entry = &entry, .columns = {}}, entry.sequence));
    }
    plan_->raise_oldest_wanted(*sorted_);
    return {};
}

// Of the rows of one page only so many as the whole result can have; in order of the page again.
void PartUnit::keep_first(std::vector<std::uint16_t>& rows, std::span<const ValueView> keys) const {
    if (rows.size() <= sorted_->count()) {
        return;
    }
    const std::size_t width = sort_keys_.size();
    std::vector<std::uint32_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(sorted_->count());
    std::nth_element(order.begin(), end, order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const int c = sorted_->order(keys.subspan(a * width, width), keys.subspan(b * width, width));
        return c != 0 ? c < 0 : a < b;
    });
    order.erase(end, order.end());
    std::ranges::sort(order);
    std::vector<std::uint16_t> kept;
    for (const std::uint32_t index : order) {
        kept.push_back(rows[index]);
    }
    rows = std::move(kept);
}

void PartUnit::finish(Step& step) {
    step.done = true;
    if (grouper_ != nullptr || sorted_ != nullptr) {
        step.partial = std::make_unique<Partial>();
        step.partial->groups = grouper_ == nullptr ? nullptr : grouper_->take();
        step.partial->rows = std::move(sorted_);
    }
}

}  // namespace

std::unique_ptr<Unit> scan_part(std::shared_ptr<const Plan> plan, std::shared_ptr<const part::Part> part) {
    return std::make_unique<PartUnit>(std::move(plan), std::move(part));
}

}  // namespace sluice::query
