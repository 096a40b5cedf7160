#include "query/row_sink.h"

namespace sluice::query {

RowSink::RowSink(const Plan& plan) : plan_(plan) {
    if (const auto* window = std::get_if<WindowSpec>(&plan.breaker())) {
        left_ = window->count > UINT64_MAX - window->skip ? UINT64_MAX : window->skip + window->count;
    } else if (const auto* groups = std::get_if<GroupSpec>(&plan.breaker())) {
        partial_.groups = std::make_unique<GroupTable>(*groups, plan.budget());
    } else if (const auto* sort = std::get_if<SortSpec>(&plan.breaker())) {
        partial_.rows = std::make_unique<SortBuffer>(*sort, plan.budget());
    }
}

Result<> RowSink::add(const wire::TailEntry& entry, Step& step) {
    const RowRef row{.entry = &entry, .columns = {}};
    if (partial_.groups) {
        return partial_.groups->add(row);
    }
    if (partial_.rows) {
        return partial_.rows->add(row, entry.sequence);
    }
    if (left_ == 0) {
        return {};
    }
    --left_;
    if (plan_.emits_results()) {
        append_row(step.entries, plan_.output_schema(), row);
    } else {
        wire::append_tail_entry(step.entries, entry);
    }
    ++step.count;
    return {};
}

void RowSink::finish(Step& step) {
    step.done = true;
    if (partial_.groups || partial_.rows) {
        step.partial = std::make_unique<Partial>(std::move(partial_));
    }
}

}  // namespace sluice::query
