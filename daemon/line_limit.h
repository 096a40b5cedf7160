// Lets a few lines a second through and counts the rest, so that nobody who makes the daemon complain floods its log.
// Threads: one.
#pragma once

#include <cstdint>
#include <utility>

#include "base/clock.h"

namespace sluice::daemon {

class LineLimit {
 public:
    static constexpr unsigned kLinesMax = 5;                        // In one interval.
    static constexpr Duration kInterval = std::chrono::seconds(1);  // Begins with the first line after the last one.

    // May one more be written at `now`?  Else it is counted as withheld.
    bool allow(MonotonicTime now) noexcept {
        if (lines_ == 0 || now - since_ >= kInterval) {
            since_ = now;
            lines_ = 0;
        }
        if (lines_ == kLinesMax) {
            ++withheld_;
            return false;
        }
        ++lines_;
        return true;
    }
    // Since the last call.
    std::uint64_t take_withheld() noexcept { return std::exchange(withheld_, 0); }

 private:
    MonotonicTime since_;
    unsigned lines_ = 0;
    std::uint64_t withheld_ = 0;
};

}  // namespace sluice::daemon
