// What a run of kill_test has collected, and the judgement of it.  Knows nothing of daemons: the self-test tampers with
// collected data and expects each change to be reported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::kill {

// A record as it was read.
struct Seen {
    std::uint64_t sequence = 0;
    std::uint32_t producer = 0;
    std::uint64_t number = 0;  // The producer's own count, from 0.
    friend bool operator==(const Seen&, const Seen&) = default;
};

// A durable acknowledgement: the records number .. number + count - 1 of a producer.
struct Ack {
    std::uint64_t number = 0;
    std::uint32_t count = 0;
    std::uint64_t first_sequence = 0;  // 0: not told, because an earlier attempt had stored them.
};

struct Evidence {
    std::vector<std::uint64_t> sent;       // By producer: how many records it handed over; all were flushed.
    std::vector<std::vector<Ack>> acks;    // By producer.
    std::vector<Seen> log;                 // Everything, oldest first, read at the end.
    std::vector<std::vector<Seen>> tails;  // By tailer, in the order it came.
};

struct Findings {
    std::vector<std::string> details;  // The first few of each kind.
    std::uint64_t holes = 0;           // Sequence numbers that are missing, or come twice.
    std::uint64_t lost = 0;            // Acknowledged, and not in the log.
    std::uint64_t duplicates = 0;      // Records that are in the log more than once.
    std::uint64_t disorder = 0;        // A producer's record behind a later one of it.
    std::uint64_t misnumbered = 0;     // Not where the acknowledgement said.
    std::uint64_t unsent = 0;          // Records that nobody sent.
    std::uint64_t unread = 0;          // Differences between the log and what a tailer saw.

    std::uint64_t total() const noexcept {
        return holes + lost + duplicates + disorder + misnumbered + unsent + unread;
    }
};

Findings judge(const Evidence& evidence);

// Tampers with invented evidence in every way that judge() must notice.  Prints a line per case; returns how many
// failed.
struct SelfTestResult {
    int passed = 0;
    int failed = 0;
};
SelfTestResult self_test();

}  // namespace sluice::kill
