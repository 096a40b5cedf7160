#include "ingest/sequencer.h"

namespace sluice::ingest {

const Sequencer::State* Sequencer::find(const wire::ProducerId& producer) const noexcept {
    const auto found = by_id_.find(producer);
    return found == by_id_.end() ? nullptr : &found->second->state;
}

Sequencer::Verdict Sequencer::judge(const wire::ProducerId& producer, std::uint64_t number) const noexcept {
    const State* state = find(producer);
    if (state == nullptr || number == state->staged + 1) {
        return Verdict::next;
    }
    return number <= state->staged ? Verdict::duplicate : Verdict::skips;
}

Sequencer::State& Sequencer::touch(const wire::ProducerId& producer) {
    if (const auto found = by_id_.find(producer); found != by_id_.end()) {
        order_.splice(order_.end(), order_, found->second);
        return found->second->state;
    }
    if (order_.size() >= producers_max_) {
        for (auto entry = order_.begin(); entry != order_.end(); ++entry) {
            if (entry->state.staged == entry->state.committed) {
                by_id_.erase(entry->producer);
                order_.erase(entry);
                break;
            }
        }
    }
    order_.push_back({producer, {}});
    by_id_.emplace(producer, std::prev(order_.end()));
    return order_.back().state;
}

void Sequencer::meet(const wire::ProducerId& producer, std::uint64_t number) {
    if (!by_id_.contains(producer)) {
        State& state = touch(producer);
        state.staged = state.committed = number - 1;
    }
}

void Sequencer::stage(const wire::ProducerId& producer, std::uint64_t number) {
    State& state = touch(producer);
    if (state.staged == 0) {
        state.committed = number - 1;
    }
    state.staged = number;
}

void Sequencer::commit(const wire::ProducerId& producer, std::uint64_t number, std::uint64_t last_sequence) {
    State& state = touch(producer);
    state.committed = number;
    state.staged = std::max(state.staged, number);
    state.last_sequence = last_sequence;
}

// Also a producer of whom nothing is stored stays known: else its next batch, which may be on the way already, would be
// taken for its first, and the refused ones for duplicates when they come again.
void Sequencer::unstage_all() noexcept {
    for (Entry& entry : order_) {
        entry.state.staged = entry.state.committed;
    }
}

}  // namespace sluice::ingest
