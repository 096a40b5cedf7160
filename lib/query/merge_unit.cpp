// Each unit gives its rows in order; a row may leave when no other unit can give an earlier one (newest first: a later
// one).  What a unit can still give is bounded by the last row it gave and by its range.  Units whose range has not
// been reached are not stepped yet, so that only those that overlap hold rows.
#include "query/merge_unit.h"

#include <algorithm>
#include <deque>
#include <limits>

namespace sluice::query {
namespace {

class MergeUnit final : public Unit {
 public:
    MergeUnit(bool backwards, std::vector<std::unique_ptr<Unit>> units) : backwards_(backwards) {
        for (auto& unit : units) {
            const SequenceRange range = unit->range();
            range_.first = std::min(range_.first, range.first);
            range_.end = std::max(range_.end, range.end);
            sources_.push_back({std::move(unit), backwards ? range.end - 1 : range.first, {}, false});
        }
    }

    Result<Step> step() override;
    SequenceRange range() const noexcept override { return range_; }

 private:
    struct Row {
        std::uint64_t sequence = 0;
        Bytes entry;
    };
    struct Source {
        std::unique_ptr<Unit> unit;
        std::uint64_t bound = 0;  // Nothing before it (newest first: behind it) can come any more.
        std::deque<Row> rows;     // In the order in which they leave.
        bool done = false;
    };
    // Is a what leaves first?
    bool before(std::uint64_t a, std::uint64_t b) const noexcept { return backwards_ ? a > b : a < b; }
    Source* most_urgent() noexcept;
    Result<> pull(Source& source, Step& step);
    void release(Step& step);

    bool backwards_;
    std::vector<Source> sources_;
    SequenceRange range_{.first = UINT64_MAX, .end = 0};
};

// Whose rows have to be known before any other can leave.
MergeUnit::Source* MergeUnit::most_urgent() noexcept {
    Source* found = nullptr;
    for (Source& source : sources_) {
        if (!source.done && source.rows.empty() && (found == nullptr || before(source.bound, found->bound))) {
            found = &source;
        }
    }
    return found;
}

Result<> MergeUnit::pull(Source& source, Step& step) {
    SLUICE_TRY(Step given, source.unit->step());
    step.counters.add(given.counters);
    std::vector<Row> rows;
    const std::byte* at = given.entries.data();
    for (std::uint32_t i = 0; i < given.count; ++i) {
        const std::size_t size = wire::TailEntryCodec::size(at);
        rows.push_back({.sequence = wire::TailEntryCodec::view(at).sequence, .entry = Bytes(at, at + size)});
        at += size;
    }
    if (backwards_) {
        std::ranges::reverse(rows);
    }
    if (!rows.empty()) {
        source.bound = rows.back().sequence;
    }
    std::ranges::move(rows, std::back_inserter(source.rows));
    source.done = given.done;
    return {};
}

// Everything that no source can come before any more.
void MergeUnit::release(Step& step) {
    const Source* const waiting = most_urgent();
    std::vector<Row> leaving;
    for (;;) {  // Bounded: each turn takes a row.
        Source* first = nullptr;
        for (Source& source : sources_) {
            if (!source.rows.empty() &&
                (first == nullptr || before(source.rows.front().sequence, first->rows.front().sequence))) {
                first = &source;
            }
        }
        if (first == nullptr || (waiting != nullptr && !before(first->rows.front().sequence, waiting->bound))) {
            break;
        }
        leaving.push_back(std::move(first->rows.front()));
        first->rows.pop_front();
        if (first->rows.empty() && !first->done) {
            break;  // It may have one that comes next.
        }
    }
    if (backwards_) {
        std::ranges::reverse(leaving);  // Rows of a step ascend.
    }
    for (const Row& row : leaving) {
        append(step.entries, row.entry);
    }
    step.count = static_cast<std::uint32_t>(leaving.size());
}

Result<Step> MergeUnit::step() {
    Step step;
    if (Source* const source = most_urgent()) {
        SLUICE_CHECK(pull(*source, step));
    }
    release(step);
    step.done = std::ranges::all_of(sources_, [](const Source& source) { return source.done && source.rows.empty(); });
    return step;
}

}  // namespace

std::unique_ptr<Unit> merge_by_sequence(const Plan& plan, std::vector<std::unique_ptr<Unit>> units) {
    return std::make_unique<MergeUnit>(plan.newest_first(), std::move(units));
}

}  // namespace sluice::query
