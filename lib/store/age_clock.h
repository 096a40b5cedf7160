// The time by which retention counts ages: a wall clock that is not believed at once.
//
// A clock that is set ten years ahead for a minute must not cost every record, and nothing tells at that moment whether
// it was wrong before or is now.  So ages are counted by the earliest time that the clock has shown against the
// monotonic clock within the last day: a step forward (a mistake, a machine that slept) counts once it has lasted for
// so long, one back counts at once, and a clock that steps every day still goes on.  At start, when the store was last
// written stands for what the clock showed before; the machine may have been off, or have no clock of its own.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"

namespace sluice::store {

// Threads: one.
class AgeClock {
 public:
    // How long a step forward must have lasted.
    static constexpr Duration kSpan = std::chrono::hours(24);
    // A step of more than that, forward or back, is told: no night, no zone and no correction explains it.
    static constexpr Duration kStepMax = std::chrono::hours(24);

    // `written`: when the store was last written, by the wall clock of then; nothing: not known.
    AgeClock(MonotonicTime now, WallNs wall, std::optional<WallNs> written);

    struct Reading {
        WallNs now = 0;  // Never later than the wall clock.
        Duration
            step{};  // Of the wall clock since the last reading, or since the store was written; 0: up to kStepMax.
    };
    // To be called now and then; what is between two calls is not seen.
    Reading read(MonotonicTime now, WallNs wall);

 private:
    // The earliest time within a part of the span, as its distance from the monotonic clock.
    struct Bucket {
        MonotonicTime begin;
        Duration least;
    };

    MonotonicTime start_;
    Duration written_;  // As a distance.  A clock behind it is not set yet, which is no evidence, until it has lasted.
    Duration previous_;
    std::deque<Bucket> buckets_;  // Oldest first; at most kBuckets and the one that ends.
};

// For messages: what happened, and what follows.
std::string clock_step_text(Duration step);

}  // namespace sluice::store
