// The run queue and the timers of one thread.  A Loop does no I/O: an io::Kernel drives it, resuming what is ready,
// waiting for completions until the next timer, and delivering what other threads post.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace sluice::coro {

// A suspended coroutine and the name of the task it belongs to (a string literal), for the stall detector.
struct Resumption {
    std::coroutine_handle<> handle;
    const char* name = "";
};

// One armed timer.  Lives in its owner; leaves the heap when it fires, when disarmed, or when destroyed.
class Timer {
 public:
    Timer() noexcept = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    bool armed() const noexcept { return position_ != kIdle; }
    MonotonicTime deadline() const noexcept { return deadline_; }

 protected:
    ~Timer();                               // Disarms.
    virtual void on_expire() noexcept = 0;  // Already disarmed.  Posts; does not resume directly.

 private:
    friend class Loop;
    static constexpr std::size_t kIdle = static_cast<std::size_t>(-1);
    class Loop* loop_ = nullptr;
    MonotonicTime deadline_;
    std::size_t position_ = kIdle;  // Index in the loop's heap.
};

// Work handed to a loop by another thread.  Lives in its owner until run_remote() is called, once, on the loop's
// thread.
class RemoteNode {
 public:
    virtual void run_remote() noexcept = 0;

 protected:
    ~RemoteNode() = default;

 private:
    friend class Loop;
    RemoteNode* next_ = nullptr;
};

// Interrupts the wait of a sleeping loop.  Threads: any.
class Waker {
 public:
    virtual void wake() noexcept = 0;

 protected:
    ~Waker() = default;
};

// Threads: one thread owns the loop and calls everything except post_remote().
class Loop {
 public:
    struct Stall {
        const char* name;   // Of the task that had most of the time.
        Duration duration;  // For which the loop was held.
    };
    struct Options {
        Duration stall_threshold = std::chrono::milliseconds(25);  // Seastar's blocked-reactor default.
        std::function<void(const Stall&)> on_stall;                // Empty: no clock reads per resume.
    };

    // Borrows `clock` until destroyed.
    explicit Loop(const Clock& clock) : Loop(clock, Options()) {}
    Loop(const Clock& clock, Options options);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    const Clock& clock() const noexcept { return clock_; }

    // Appends to the run queue: first posted, first resumed.
    void post(Resumption resumption) { ready_.push_back(resumption); }
    // Runs `next` as soon as the coroutine being resumed suspends.  For a finished task and the one that awaits it.
    void post_next(Resumption next) noexcept { next_ = next; }

    // Runs `node` at the beginning of the next turn of the kernel: when what is submitted by then is under way, and
    // what has completed has been taken.
    void post_next_turn(RemoteNode& node) noexcept;
    // Takes that back.
    void withdraw(RemoteNode& node) noexcept;
    // Grows with each turn.
    std::uint64_t turn() const noexcept { return turn_; }

    // For the stall detector: is it on?
    bool watches_stalls() const noexcept { return static_cast<bool>(options_.on_stall); }
    // `name`, which is no task, has held the loop for so long.
    void report_held(const char* name, Duration duration) const {
        if (watches_stalls() && duration > options_.stall_threshold) {
            options_.on_stall({name, duration});
        }
    }
    // From now on task `name` runs.  Returns the one before, to switch back to.
    const char* switch_to(const char* name) noexcept;

    void arm(Timer& timer, MonotonicTime deadline);
    void disarm(Timer& timer) noexcept;
    std::optional<MonotonicTime> next_deadline() const noexcept;

    // Threads: any.  Wakes the loop if it sleeps.
    void post_remote(RemoteNode& node) noexcept;

    // For the kernel that drives this loop:
    void set_waker(Waker* waker) noexcept { waker_ = waker; }
    // One turn: delivers remote work, expires timers, and resumes what is ready, in rounds until nothing is or
    // `rounds_max` is reached.  Returns true if work is left.
    bool run_ready(std::size_t rounds_max = 16);
    // Is there something to run without waiting?
    bool has_work() const noexcept { return !ready_.empty() || next_turn_ != nullptr; }
    // Announces a wait.  False: remote work has arrived, do not wait.  After the wait call end_sleep().
    bool begin_sleep() noexcept;
    void end_sleep() noexcept { sleeping_.store(false, std::memory_order_relaxed); }

 private:
    void resume(Resumption resumption);
    void drain_remote() noexcept;
    static void run_all(RemoteNode* newest_first) noexcept;
    void expire_timers() noexcept;
    void sift_up(std::size_t position) noexcept;
    void sift_down(std::size_t position) noexcept;
    void place(std::size_t position, Timer* timer) noexcept;

    const Clock& clock_;
    Options options_;
    std::vector<Resumption> ready_;
    std::vector<Resumption> running_;
    Resumption next_;
    const char* running_name_ = "";
    MonotonicTime running_since_;  // Of running_name_; with the next two only where stalls are reported.
    Stall longest_{};              // Of the parts of this resumption.
    std::vector<Timer*> heap_;
    RemoteNode* next_turn_ = nullptr;  // The newest first.
    std::uint64_t turn_ = 0;
    std::atomic<RemoteNode*> remote_{nullptr};
    std::atomic<bool> sleeping_{false};
    std::atomic<std::uint32_t> posters_{0};  // Threads within post_remote(); the destructor waits for them.
    Waker* waker_ = nullptr;
};

}  // namespace sluice::coro
