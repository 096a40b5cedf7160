#include "ingest/sequencer.h"

namespace sluice::ingest {

const Sequencer::State* Sequencer::find(const wire::ProducerId& producer) const noexcept {
    const auto* entry = table_.find(producer);
    return entry == nullptr ? nullptr : &entry->state;
}

Sequencer::Verdict Sequencer::judge(const wire::ProducerId& producer, std::uint64_t number) const noexcept {
    const State* state = find(producer);
    if (state == nullptr || number == state->staged + 1) {
        return Verdict::next;
    }
    return number <= state->staged ? Verdict::duplicate : Verdict::skips;
}

void Sequencer::meet(const wire::ProducerId& producer, std::uint32_t uid, std::uint64_t number) {
    if (table_.find(producer) == nullptr) {
        State& state = table_.touch(producer, uid);
        state.staged = state.committed = number - 1;
    }
}

bool Sequencer::is_on_its_way_of_another(const wire::ProducerId& producer, std::uint32_t uid) const noexcept {
    const auto* entry = table_.find(producer);
    return entry != nullptr && entry->state.staged != entry->state.committed && entry->uid != uid;
}

void Sequencer::stage(const wire::ProducerId& producer, std::uint32_t uid, std::uint64_t number) {
    State& state = table_.touch(producer, uid);
    if (state.staged == 0) {
        state.committed = number - 1;
    }
    state.staged = number;
    table_.pin(producer, true);
}

void Sequencer::commit(const wire::ProducerId& producer, std::uint32_t uid, const Stored& stored) {
    State& state = table_.touch(producer, uid);
    state.committed = stored.number;
    state.staged = std::max(state.staged, stored.number);
    state.last_sequence = stored.last_sequence;
    state.epoch = stored.epoch;
    if (state.staged == state.committed) {
        table_.pin(producer, false);
    }
}

// Also a producer of whom nothing is stored stays known: else its next batch, which may be on the way already, would be
// taken for its first, and the refused ones for duplicates when they come again.
void Sequencer::unstage_all() {
    table_.for_each_pinned([](const wire::ProducerId&, State& state) { state.staged = state.committed; });
    table_.unpin_all();
}

}  // namespace sluice::ingest
