// The base of awaiters that wait in a queue of this loop (semaphores, events, queues, timers) until they are released
// or cancelled.  Lives in the awaiting coroutine's frame.
#pragma once

#include "base/result.h"
#include "coro/task.h"

namespace sluice::coro {

struct WaiterTag;

class Waiter : public ListNode<WaiterTag>, protected CancelHook {
 public:
    // Ends the wait: the coroutine is posted, and its await_resume() returns success.  Leaves the wait list.
    void release() {
        released_ = true;
        finish();
    }

 protected:
    ~Waiter() = default;

    // Enters the wait.  False: already cancelled, do not suspend.
    template <PromiseType P>
    bool begin(std::coroutine_handle<P> handle) {
        const Context& context = handle.promise().context;
        loop_ = context.loop;
        resumption_ = handle.promise().resumption(handle);
        if (context.cancel != nullptr) {
            if (context.cancel->cancelled()) {
                return false;
            }
            context.cancel->add(*this);
        }
        return true;
    }
    Loop& loop() const noexcept { return *loop_; }
    bool released() const noexcept { return released_; }
    void set_released() noexcept { released_ = true; }
    Result<> outcome(const char* what) const {
        if (released_) {
            return {};
        }
        return fail(Errc::cancelled, "{} was cancelled", what);
    }
    void on_cancel() noexcept override { finish(); }

 private:
    void finish() {
        ListNode<WaiterTag>::unlink();
        CancelHook::unlink();
        loop_->post(resumption_);
    }
    Loop* loop_ = nullptr;
    Resumption resumption_;
    bool released_ = false;
};

using WaitList = IntrusiveList<Waiter, WaiterTag>;

}  // namespace sluice::coro
