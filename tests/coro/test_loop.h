// A loop with a clock that only moves when told to: tests poll "done" or "not done" and never sleep.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>

#include "coro/loop.h"
#include "coro/scope.h"
#include "coro/timeout.h"

namespace sluice::coro {

class ManualClock final : public Clock {
 public:
    MonotonicTime now() const noexcept override { return now_; }
    WallNs wall_now() const noexcept override { return now_.since_origin.count(); }
    void advance(Duration duration) noexcept { now_ = now_ + duration; }
    void advance_to(MonotonicTime time) noexcept { now_ = std::max(now_, time); }

 private:
    MonotonicTime now_;
};

class TestLoop {
 public:
    TestLoop() : loop_(clock_) {}
    explicit TestLoop(Loop::Options options) : loop_(clock_, std::move(options)) {}

    ManualClock& clock() noexcept { return clock_; }
    Loop& loop() noexcept { return loop_; }
    operator Loop&() noexcept { return loop_; }

    // Until nothing is ready at the present time.
    void run_until_idle() {
        for (;;) {
            while (loop_.run_ready()) {
            }
            if (loop_.begin_sleep()) {
                loop_.end_sleep();
                return;
            }
        }
    }
    // Moves the clock to the next timer and runs.  False: no timer is armed.
    bool run_to_next_timer() {
        const std::optional<MonotonicTime> next = loop_.next_deadline();
        if (!next) {
            return false;
        }
        clock_.advance_to(*next);
        run_until_idle();
        return true;
    }
    void advance(Duration duration) {
        clock_.advance(duration);
        run_until_idle();
    }
    // Until nothing is ready and no timer is armed, as fast as the clock can be turned.
    void run_through() {
        run_until_idle();
        while (run_to_next_timer()) {
        }
    }

 private:
    ManualClock clock_;
    Loop loop_;
};

// Runs fn(args...) to its end, turning the clock as needed, and returns its result.
template <class F, class... Args>
auto run(TestLoop& loop, F fn, Args... args) {
    using T = typename std::invoke_result_t<F, Args...>::value_type;
    Job<T> job(loop.loop(), "test", std::move(fn), std::move(args)...);
    loop.run_through();
    if (!job.done()) {
        ADD_FAILURE() << "the task waits for something that never happens; cancelling it";
        job.cancel();
        loop.run_through();
    }
    SLUICE_ASSERT(job.done());
    return std::move(job.result());
}

inline MonotonicTime at(Duration since_origin) noexcept {
    return {since_origin};
}

// The code of an error, or nothing: readable in EXPECT_EQ.
template <class T>
std::optional<Errc> code_of(const Result<T>& result) {
    return result ? std::nullopt : std::optional(result.error().code());
}

}  // namespace sluice::coro
