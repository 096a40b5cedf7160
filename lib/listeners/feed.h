// Gathers records of one sender after another into batches for the queue, and does with them what the listener's policy
// says where the queue is full.  Threads: those of its loop.
#pragma once

#include "ingest/ingest.h"
#include "listeners/losses.h"
#include "listeners/options.h"
#include "wire/batch.h"
#include "wire/intake.h"

namespace sluice::listeners {

struct FeedCounters {
    std::uint64_t batches = 0;
    std::uint64_t records = 0;  // Taken by the queue.
    wire::IntakeCounts intake;
};

class Feed {
 public:
    // Borrows all until destroyed.
    Feed(ingest::Ingest& ingest, Losses& losses, const ListenerOptions& options, FeedCounters& counters);

    // False: what is gathered is of another sender, or enough; flush first.
    bool takes(const ProcessPointer& sender) const noexcept {
        return count_ == 0 || (sender == sender_ && batch_.size_bytes() < kBatchBytes);
    }
    // Runs decode(Bytes& into, wire::IntakeCounts&), which appends records of `sender`.  Precondition: takes(sender).
    template <class Decode>
    void decode(const ProcessPointer& sender, Decode&& decode) {
        sender_ = sender;
        wire::IntakeCounts counts;
        decode(batch_.encoded(), counts);
        added(counts);
    }
    // Appends encoded records, with flushes between.  `counts`: of all of them.
    Task<Result<>> append(ProcessPointer sender, ByteView records, wire::IntakeCounts counts);

    // False: the queue is full and the records wait: await flush().
    bool try_flush();
    // An error: cancelled.  What was gathered is then lost, counted and told.
    Task<Result<>> flush();

 private:
    static constexpr std::size_t kBatchBytes = 64 * 1024;

    void added(const wire::IntakeCounts& counts);
    void keep_severe();
    void clear();
    std::uint32_t within_rate(std::uint32_t records);

    ingest::Ingest& ingest_;
    Losses& losses_;
    const ListenerOptions& options_;
    FeedCounters& counters_;
    wire::BatchBuilder batch_;
    ProcessPointer sender_;
    std::uint32_t count_ = 0;
};

}  // namespace sluice::listeners
