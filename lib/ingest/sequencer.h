// Recognises numbered batches that come again.  A producer's numbers go up by one; what was stored or is on its way is
// a duplicate, what skips a number is refused. Threads: one.
#pragma once

#include "wire/producers.h"

namespace sluice::ingest {

class Sequencer {
 public:
    struct State {
        std::uint64_t staged = 0;         // Last number taken into the queue.
        std::uint64_t committed = 0;      // Last number written.
        std::uint64_t last_sequence = 0;  // Of the last record of `committed`, which is of
        std::uint32_t epoch = 0;          // this one.
    };
    enum class Verdict : std::uint8_t { next, duplicate, skips };

    // Remembers at most `producers_max` of those with nothing in the queue, see wire::Producers.
    explicit Sequencer(std::size_t producers_max) : table_(producers_max) {}

    // A producer that is not remembered may start with any number: that of the first batch that was met, whatever
    // becomes of it.  Otherwise the second would be taken for the first, and the first for a duplicate when it comes
    // again.
    void meet(const wire::ProducerId& producer, std::uint32_t uid, std::uint64_t number);
    Verdict judge(const wire::ProducerId& producer, std::uint64_t number) const noexcept;
    // Whether something is staged and not committed that a user other than `uid` has brought.
    bool is_on_its_way_of_another(const wire::ProducerId& producer, std::uint32_t uid) const noexcept;
    void stage(const wire::ProducerId& producer, std::uint32_t uid, std::uint64_t number);
    // Where a batch is stored.
    struct Stored {
        std::uint64_t number = 0;
        std::uint64_t last_sequence = 0;
        std::uint32_t epoch = 0;
    };
    void commit(const wire::ProducerId& producer, std::uint32_t uid, const Stored& stored);
    // Whatever was staged and not committed is refused: it may come again.
    void unstage_all();
    const State* find(const wire::ProducerId& producer) const noexcept;
    std::size_t size() const noexcept { return table_.size(); }

 private:
    wire::Producers<State> table_;
};

}  // namespace sluice::ingest
