// Semaphore, Mutex, Event: for the tasks of one loop.  All waits are first in, first out, and end early on
// cancellation.
#pragma once

#include <cstddef>

#include "coro/waiter.h"

namespace sluice::coro {

// Set and reset by hand.  wait() returns at once while set.
class Event {
 public:
    bool is_set() const noexcept { return set_; }
    void set() {
        set_ = true;
        while (!waiters_.empty()) {
            waiters_.front().release();
        }
    }
    void reset() noexcept { set_ = false; }

    class Awaiter final : public Waiter {
     public:
        explicit Awaiter(Event& event) noexcept : event_(event) {}
        bool await_ready() noexcept {
            if (event_.set_) {
                set_released();
            }
            return event_.set_;
        }
        template <PromiseType P>
        bool await_suspend(std::coroutine_handle<P> handle) {
            if (!begin(handle)) {
                return false;
            }
            event_.waiters_.push_back(*this);
            return true;
        }
        Result<> await_resume() const { return outcome("wait for an event"); }

     private:
        Event& event_;
    };
    Awaiter wait() noexcept { return Awaiter(*this); }

 private:
    bool set_ = false;
    WaitList waiters_;
};

// Counts units.  A waiter at the head is served before any later one, also when the later one asks for less.
class Semaphore {
 public:
    explicit Semaphore(std::size_t units) noexcept : units_(units) {}
    std::size_t available() const noexcept { return units_; }
    bool try_acquire(std::size_t units = 1) noexcept {
        if (!waiters_.empty() || units_ < units) {
            return false;
        }
        units_ -= units;
        return true;
    }
    void release(std::size_t units = 1) {
        units_ += units;
        serve();
    }

    class Awaiter final : public Waiter {
     public:
        Awaiter(Semaphore& semaphore, std::size_t units) noexcept : semaphore_(semaphore), units_(units) {}
        bool await_ready() noexcept {
            if (semaphore_.try_acquire(units_)) {
                set_released();
                return true;
            }
            return false;
        }
        template <PromiseType P>
        bool await_suspend(std::coroutine_handle<P> handle) {
            if (!begin(handle)) {
                return false;
            }
            semaphore_.waiters_.push_back(*this);
            return true;
        }
        Result<> await_resume() const { return outcome("wait for a semaphore"); }

     private:
        friend class Semaphore;
        void on_cancel() noexcept override {
            Waiter::on_cancel();
            semaphore_.serve();  // The head may have been this one, and the next one may fit.
        }
        Semaphore& semaphore_;
        std::size_t units_;
    };
    // Success: the caller holds `units` and gives them back with release().
    Awaiter acquire(std::size_t units = 1) noexcept { return Awaiter(*this, units); }

 private:
    void serve() {
        while (!waiters_.empty()) {
            auto& head = static_cast<Awaiter&>(waiters_.front());
            if (head.units_ > units_) {
                return;
            }
            units_ -= head.units_;
            head.release();
        }
    }
    std::size_t units_;
    WaitList waiters_;
};

// Holds units of a semaphore until the end of the block.
class Units {
 public:
    Units(Semaphore& semaphore, std::size_t units) noexcept : semaphore_(&semaphore), units_(units) {}
    Units(Units&& other) noexcept : semaphore_(other.semaphore_), units_(std::exchange(other.units_, 0)) {}
    Units& operator=(Units&&) = delete;
    ~Units() {
        if (units_ != 0) {
            semaphore_->release(units_);
        }
    }

 private:
    Semaphore* semaphore_;
    std::size_t units_;
};

// SLUICE_CO_TRY(auto lock, co_await mutex.lock());   unlocked at the end of the block
class Mutex {
 public:
    bool locked() const noexcept { return semaphore_.available() == 0; }
    Task<Result<Units>> lock() {
        SLUICE_CO_CHECK(co_await semaphore_.acquire());
        co_return Units(semaphore_, 1);
    }

 private:
    Semaphore semaphore_{1};
};

}  // namespace sluice::coro
