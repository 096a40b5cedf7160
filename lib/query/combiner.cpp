#include "query/combiner.h"

#include <algorithm>

namespace sluice::query {

Combiner::Combiner(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)), output_(plan_->output_schema()), chain_(plan_->rest(), plan_->budget(), output_) {
    if (const auto* window = std::get_if<WindowSpec>(&plan_->breaker())) {
        skip_ = window->skip;
        left_ = window->count;
    } else if (const auto* newest = std::get_if<NewestSpec>(&plan_->breaker())) {
        left_ = newest->count;
    }
}

Combiner::~Combiner() {
    plan_->budget().release(held_bytes_);
}

bool Combiner::satisfied() const noexcept {
    return left_ == 0 || chain_.front().satisfied();
}

Result<> Combiner::take(Step&& step, Bytes& entries_out) {
    counters_.add(step.counters);
    output_.set_target(entries_out);
    if (step.partial) {
        return take_partial(std::move(*step.partial));
    }
    if (std::holds_alternative<NewestSpec>(plan_->breaker())) {
        return keep_newest(std::move(step));
    }
    return take_entries(step.entries, step.count, entries_out);
}

Result<> Combiner::take_partial(Partial&& partial) {
    if (partial.groups) {
        if (!partial_.groups) {
            partial_.groups = std::move(partial.groups);
            return {};
        }
        return partial_.groups->merge(std::move(*partial.groups));
    }
    if (!partial_.rows) {
        partial_.rows = std::move(partial.rows);
        return {};
    }
    SLUICE_CHECK(partial_.rows->merge(std::move(*partial.rows)));
    plan_->raise_oldest_wanted(*partial_.rows);
    return {};
}

// Drops what `skip` drops and what is beyond `head`; the others go on.
Result<> Combiner::take_entries(ByteView entries, std::uint64_t count, Bytes& entries_out) {
    const std::byte* at = entries.data();
    const std::uint64_t dropped = std::min(skip_, count);
    for (std::uint64_t i = 0; i < dropped; ++i) {
        at += wire::TailEntryCodec::size(at);
    }
    skip_ -= dropped;
    const std::uint64_t passed = std::min(left_, count - dropped);
    left_ -= left_ == UINT64_MAX ? 0 : passed;
    const std::byte* end = entries.data() + entries.size();
    if (!plan_->emits_results() || passed != count - dropped) {
        end = at;
        for (std::uint64_t i = 0; i < passed; ++i) {
            const std::byte* const next = end + wire::TailEntryCodec::size(end);
            if (!plan_->emits_results()) {
                const wire::TailEntry entry = wire::TailEntryCodec::view(end);
                SLUICE_CHECK(chain_.front().push(RowRef{.entry = &entry, .columns = {}}));
            }
            end = next;
        }
    }
    if (plan_->emits_results()) {
        append(entries_out, {at, end});
        output_.add_rows(passed);
    }
    return {};
}

Result<> Combiner::keep_newest(Step&& step) {
    const std::uint64_t kept = std::min<std::uint64_t>(left_, step.count);
    if (kept == 0) {
        return {};
    }
    left_ -= kept;
    held_bytes_ += step.entries.size();
    newest_.push_back({.entries = std::move(step.entries), .dropped = step.count - kept, .count = kept});
    return plan_->budget().charge(newest_.back().entries.size(), "the last rows that `tail` keeps");
}

Result<> Combiner::release_newest(Bytes& entries_out) {
    left_ = UINT64_MAX;
    while (!newest_.empty()) {
        const Chunk chunk = std::move(newest_.back());
        newest_.pop_back();
        skip_ = chunk.dropped;
        SLUICE_CHECK(take_entries(chunk.entries, chunk.dropped + chunk.count, entries_out));
    }
    return {};
}

Result<> Combiner::finish(Bytes& entries_out) {
    output_.set_target(entries_out);
    if (std::holds_alternative<NewestSpec>(plan_->breaker())) {
        SLUICE_CHECK(release_newest(entries_out));
    }
    if (const auto* groups = std::get_if<GroupSpec>(&plan_->breaker())) {
        if (!partial_.groups) {
            partial_.groups = std::make_unique<GroupTable>(*groups, plan_->budget());
        }
        SLUICE_CHECK(push_all(*partial_.groups, chain_.front()));
        partial_.groups.reset();
    }
    if (partial_.rows) {
        SLUICE_CHECK(push_all(*partial_.rows, chain_.front()));
        partial_.rows.reset();
    }
    return chain_.front().finish();
}

}  // namespace sluice::query
