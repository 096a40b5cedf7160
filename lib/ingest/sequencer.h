// Recognises numbered batches that come again.  A producer's numbers go up by one; what was stored or is on its way is
// a duplicate, what skips a number is refused. Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>

#include "wire/batch.h"

namespace sluice::ingest {

class Sequencer {
 public:
    struct State {
        std::uint64_t staged = 0;         // Last number taken into the queue.
        std::uint64_t committed = 0;      // Last number written.
        std::uint64_t last_sequence = 0;  // Of the last record of `committed`.
    };
    enum class Verdict : std::uint8_t { next, duplicate, skips };

    // Remembers at most `producers_max`, and forgets the one silent longest of those with nothing in the queue.
    explicit Sequencer(std::size_t producers_max) : producers_max_(producers_max) {}

    // A producer that is not remembered may start with any number: that of the first batch that was met, whatever
    // becomes of it.  Otherwise the second would be taken for the first, and the first for a duplicate when it comes
    // again.
    void meet(const wire::ProducerId& producer, std::uint64_t number);
    Verdict judge(const wire::ProducerId& producer, std::uint64_t number) const noexcept;
    void stage(const wire::ProducerId& producer, std::uint64_t number);
    void commit(const wire::ProducerId& producer, std::uint64_t number, std::uint64_t last_sequence);
    // Whatever was staged and not committed is refused: it may come again.
    void unstage_all() noexcept;
    const State* find(const wire::ProducerId& producer) const noexcept;
    std::size_t size() const noexcept { return order_.size(); }

 private:
    struct Entry {
        wire::ProducerId producer;
        State state;
    };
    struct Hash {
        std::size_t operator()(const wire::ProducerId& id) const noexcept { return load_int<std::uint64_t>(id.data()); }
    };
    State& touch(const wire::ProducerId& producer);

    std::size_t producers_max_;
    std::list<Entry> order_;  // Longest silent first.
    std::unordered_map<wire::ProducerId, std::list<Entry>::iterator, Hash> by_id_;
};

}  // namespace sluice::ingest
