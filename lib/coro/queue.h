// Queue<T>: a bounded first-in first-out channel between tasks of one loop.  After close() pushes fail with
// Errc::closed, pops deliver what is left and then fail with Errc::closed.
//
// Items are handed over directly: a push that finds a waiting pop gives it the item, a pop that makes room takes the
// item of the first waiting push.  So a wake-up is never without its item, nobody can overtake a waiter, and a waiter
// that was served and is then cancelled before it runs has what it waited for.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "coro/sync.h"

namespace sluice::coro {

template <class T>
class Queue {
 public:
    // `items_max` 0: a push waits for its pop.
    explicit Queue(std::size_t items_max) noexcept : items_max_(items_max) {}

    std::size_t size() const noexcept { return items_.size(); }
    bool closed() const noexcept { return closed_; }

    // False: full or closed; `item` is then untouched.
    bool try_push(T& item) {
        if (closed_) {
            return false;
        }
        if (!poppers_.empty()) {
            auto& popper = static_cast<Popper&>(poppers_.front());
            popper.slot.emplace(std::move(item));
            popper.release();
            return true;
        }
        if (items_.size() >= items_max_) {
            return false;
        }
        items_.push_back(std::move(item));
        return true;
    }
    // Waits while full.  An error: the item was not queued.
    Task<Result<>> push(T item) {
        if (closed_) {
            co_return fail(Errc::closed, "the queue is closed");
        }
        if (try_push(item)) {
            co_return Result<>{};
        }
        Pusher pusher(pushers_, item);
        SLUICE_CO_CHECK(co_await pusher);
        if (!pusher.taken) {
            co_return fail(Errc::closed, "the queue is closed");
        }
        co_return Result<>{};
    }
    std::optional<T> try_pop() {
        std::optional<T> item;
        if (!items_.empty()) {
            item.emplace(std::move(items_.front()));
            items_.pop_front();
        }
        if (!pushers_.empty()) {
            auto& pusher = static_cast<Pusher&>(pushers_.front());
            if (item) {
                items_.push_back(std::move(pusher.item));
            } else {
                item.emplace(std::move(pusher.item));
            }
            pusher.taken = true;
            pusher.release();
        }
        return item;
    }
    // Waits while empty.
    Task<Result<T>> pop() {
        std::optional<T> item = try_pop();
        if (!item && !closed_) {
            Popper popper(poppers_, item);
            SLUICE_CO_CHECK(co_await popper);
        }
        if (!item) {
            co_return fail(Errc::closed, "the queue is closed");
        }
        co_return std::move(*item);
    }
    void close() {
        closed_ = true;
        release_all(pushers_);
        release_all(poppers_);
    }

 private:
    class Wait : public Waiter {
     public:
        explicit Wait(WaitList& list) noexcept : list_(list) {}
        bool await_ready() const noexcept { return false; }
        template <PromiseType P>
        bool await_suspend(std::coroutine_handle<P> handle) {
            if (!this->begin(handle)) {
                return false;
            }
            list_.push_back(*this);
            return true;
        }
        Result<> await_resume() const { return this->outcome("wait for a queue"); }

     protected:
        ~Wait() = default;

     private:
        WaitList& list_;
    };
    struct Pusher final : Wait {
        Pusher(WaitList& list, T& i) noexcept : Wait(list), item(i) {}
        T& item;
        bool taken = false;
    };
    struct Popper final : Wait {
        Popper(WaitList& list, std::optional<T>& s) noexcept : Wait(list), slot(s) {}
        std::optional<T>& slot;  // Empty after release(): closed.
    };
    static void release_all(WaitList& list) {
        while (!list.empty()) {
            list.front().release();
        }
    }

    std::size_t items_max_;
    bool closed_ = false;
    std::deque<T> items_;
    WaitList pushers_;  // Not empty: items_ is full.
    WaitList poppers_;  // Not empty: items_ is empty.
};

}  // namespace sluice::coro
