// Gathers records of one sender after another into batches for the queue, and does with them what the listener's policy
// says where the queue is full.  Threads: those of its loop.
#pragma once

#include <sys/types.h>

#include <optional>

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
    // Borrows all until destroyed.  `payer`: whose part of the queue it takes, and in whose order what it gathers
    // stays; nobody: that of each sender.
    Feed(ingest::Ingest& ingest, Losses& losses, const ListenerOptions& options, FeedCounters& counters,
         std::optional<uid_t> payer = {});

    // False: what is gathered is of another sender, or enough; flush first.
    bool takes(const ProcessPointer& sender) const noexcept {
        return count_ == 0 || (sender == sender_ && buffer_.size() - begin_ < kEnoughBytes);
    }
    // Runs decode(Bytes& into, wire::IntakeCounts&), which appends any number of records of `sender`.  Precondition:
    // takes(sender).
    template <class Decode>
    void decode(const ProcessPointer& sender, Decode&& decode) {
        sender_ = sender;
        const std::size_t before = buffer_.size();
        wire::IntakeCounts counts;
        decode(buffer_, counts);
        added(before, counts);
    }

    // Gives what is gathered to the queue, in as many batches as its limits need.  False: the queue is full, and the
    // rest waits: await flush().
    bool try_flush();
    // An error: cancelled.  What was gathered is then lost, counted and told.
    Task<Result<>> flush();

 private:
    static constexpr std::size_t kEnoughBytes = 64 * 1024;

    struct Slice {
        std::size_t end = 0;  // In buffer_.
        std::uint32_t count = 0;
    };
    void added(std::size_t before, const wire::IntakeCounts& counts);
    std::uint32_t within_rate(std::uint32_t records);
    Slice next_slice() const noexcept;
    ByteView batch_of(const Slice& slice) noexcept;
    void keep_severe();
    void clear();

    ingest::Ingest& ingest_;
    Losses& losses_;
    const ListenerOptions& options_;
    FeedCounters& counters_;
    std::optional<uid_t> payer_;
    ProcessPointer sender_;
    Bytes buffer_;       // Records from begin_ on; in front of them room for the header of a batch.
    std::size_t begin_;  // At least sizeof(wire::BatchHeader).
    std::uint32_t count_ = 0;
};

}  // namespace sluice::listeners
