// Puts the results of the units together, in one thread.
#pragma once

#include <memory>
#include <string>

#include "query/stages.h"
#include "query/unit.h"

namespace sluice::query {

class Combiner {
 public:
    explicit Combiner(std::shared_ptr<const Plan> plan);
    ~Combiner();
    Combiner(const Combiner&) = delete;
    Combiner& operator=(const Combiner&) = delete;

    // Steps in the order of the units, and of a unit's steps.  Appends what can be given out already to `entries_out`:
    // encoded TAIL entries, computed rows with kBatchComputed among their flags.
    // Errors: limit_exceeded.
    Result<> take(Step&& step, Bytes& entries_out);
    // No further step changes the result: stop scanning and finish.
    bool satisfied() const noexcept;
    // Appends the rest.  Once.
    Result<> finish(Bytes& entries_out);

    const ScanCounters& counters() const noexcept { return counters_; }
    std::uint64_t rows_out() const noexcept { return output_.rows(); }
    // What was scanned and what was skipped and why, for people; one line each.
    std::string explain() const;

 private:
    struct Chunk {  // Of `tail`: entries ascending; chunks from the newest to the oldest.
        Bytes entries;
        std::uint64_t dropped = 0;  // At its front.
        std::uint64_t count = 0;    // Behind them.
    };
    Result<> take_partial(Partial&& partial);
    Result<> take_entries(ByteView entries, std::uint64_t count, Bytes& entries_out);
    Result<> keep_newest(Step&& step);
    Result<> release_newest(Bytes& entries_out);

    std::shared_ptr<const Plan> plan_;
    Output output_;
    Chain chain_;  // Behind the breaker.
    Partial partial_;
    std::vector<Chunk> newest_;
    std::uint64_t held_bytes_ = 0;     // Of newest_.
    std::uint64_t left_ = UINT64_MAX;  // Rows that may still pass: `head`, `tail`.
    std::uint64_t skip_ = 0;           // Rows still to drop.
    ScanCounters counters_;
};

}  // namespace sluice::query
