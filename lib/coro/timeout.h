// Time and cancellation: sleep, deadlines, shield.
#pragma once

#include "coro/scope.h"
#include "coro/sync.h"
#include "coro/waiter.h"

namespace sluice::coro {

// co_await sleep_until(t): success at t, Errc::cancelled if cancelled first.
class SleepAwaiter final : public Waiter, private Timer {
 public:
    explicit SleepAwaiter(MonotonicTime deadline) noexcept : deadline_(deadline) {}
    bool await_ready() const noexcept { return false; }
    template <PromiseType P>
    bool await_suspend(std::coroutine_handle<P> handle) {
        if (!begin(handle)) {
            return false;
        }
        loop().arm(*this, deadline_);
        return true;
    }
    Result<> await_resume() const { return outcome("sleep"); }

 private:
    void on_expire() noexcept override { release(); }
    void on_cancel() noexcept override {
        loop().disarm(*this);
        Waiter::on_cancel();
    }
    MonotonicTime deadline_;
};

inline SleepAwaiter sleep_until(MonotonicTime deadline) noexcept {
    return SleepAwaiter(deadline);
}
inline Task<Result<>> sleep_for(Duration duration) {
    Context& context = co_await this_context();
    co_return co_await sleep_until(context.loop->clock().now() + duration);
}

// co_await yield(): to the back of the run queue, so that others get their turn.
struct YieldAwaiter {
    bool await_ready() const noexcept { return false; }
    template <PromiseType P>
    void await_suspend(std::coroutine_handle<P> handle) const {
        handle.promise().context.loop->post(handle.promise().resumption(handle));
    }
    void await_resume() const noexcept {}
};
inline YieldAwaiter yield() noexcept {
    return {};
}

// Cancels `node` when it expires.  Arm it with Loop::arm.
class CancelTimer final : public Timer {
 public:
    explicit CancelTimer(CancelNode& node) noexcept : node_(node) {}
    // True: this deadline, and not a cancellation from outside that came before it, is why the task was cancelled.
    bool expired() const noexcept { return expired_; }

 private:
    void on_expire() noexcept override {
        expired_ = !node_.cancelled();
        node_.cancel();
    }
    CancelNode& node_;
    bool expired_ = false;
};

// Awaits `task`; at `deadline` cancels it, awaits its end, and returns Errc::deadline_exceeded -- unless it had
// succeeded all the same: a result that exists is never thrown away.
template <class T>
Task<Result<T>> with_deadline(MonotonicTime deadline, Task<Result<T>>&& task) {
    Context& context = co_await this_context();
    CancelNode node(context.cancel);
    CancelTimer timer(node);
    context.cancel = &node;
    context.loop->arm(timer, deadline);
    Result<T> result = co_await task;
    if (!result && result.error().code() == Errc::cancelled && timer.expired()) {
        co_return fail(Errc::deadline_exceeded, "the deadline passed");
    }
    co_return std::move(result);
}

// An event as a task, for the two.
inline Task<Result<>> wait_for(Event& event) {
    co_return co_await event.wait();
}

template <class T>
Task<Result<T>> with_timeout(Duration timeout, Task<Result<T>>&& task) {
    Context& context = co_await this_context();
    const MonotonicTime deadline = context.loop->clock().now() + timeout;
    co_return co_await with_deadline(deadline, std::move(task));
}

// Awaits `task` and lets no cancellation reach it: for what must be finished once begun (closing, renaming into place).
template <class T>
Task<T> shield(Task<T>&& task) {
    Context& context = co_await this_context();
    context.cancel = nullptr;
    co_return co_await task;
}

}  // namespace sluice::coro
