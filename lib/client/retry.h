// What is worth trying again, and how long to wait before it.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/clock.h"
#include "base/error.h"

namespace sluice::client {

// True for errors that pass by themselves: a daemon that restarts, is full or out of space.
bool passes_by_itself(Errc code) noexcept;

struct RetryOptions {
    Duration delay_min = std::chrono::milliseconds(20);  // Before the second attempt; doubled by each failure.
    Duration delay_max = std::chrono::seconds(1);
    Duration give_up_after = Duration::max();  // Time without any progress; then the last error is final.
};

// Told while waiting for a daemon that does not answer or refuses for the moment.
struct Waiting {
    const Error& reason;
    Duration since;         // Since the last progress.
    Duration next_attempt;  // From now.
};
using WaitingCallback = std::function<void(const Waiting&)>;

class Backoff {
 public:
    explicit Backoff(const RetryOptions& options) noexcept : options_(options) {}

    // Progress was made.
    void reset() noexcept {
        delay_ = Duration::zero();
        troubled_ = false;
    }
    // An attempt failed at `now`; the next one is due after the returned time.
    Duration failed(MonotonicTime now) noexcept;
    bool troubled() const noexcept { return troubled_; }
    // Precondition of both: troubled().
    MonotonicTime since() const noexcept { return since_; }
    bool exhausted(MonotonicTime now) const noexcept { return now - since_ >= options_.give_up_after; }

 private:
    RetryOptions options_;
    Duration delay_{};
    MonotonicTime since_;
    bool troubled_ = false;
};

}  // namespace sluice::client
