// How much the tasks of a loop may do in one turn, all together: who moves many bytes takes them from here first, and
// waits its turn where others have taken what there is.  So nobody's work holds the loop longer than a turn's share
// takes, and who asks for little comes next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "coro/waiter.h"

namespace sluice::coro {

// Threads: those of its loop.
class TurnShare final : RemoteNode {
 public:
    // Borrows `loop` until destroyed.
    TurnShare(Loop& loop, std::size_t bytes_per_turn) noexcept
        : loop_(loop), bytes_(static_cast<std::int64_t>(bytes_per_turn)), left_(bytes_), turn_(loop.turn()) {}
    TurnShare(const TurnShare&) = delete;
    TurnShare& operator=(const TurnShare&) = delete;
    ~TurnShare() {
        if (armed_) {
            loop_.withdraw(*this);
        }
    }

    class Awaiter final : public Waiter {
     public:
        Awaiter(TurnShare& share, std::size_t bytes) noexcept : share_(share), bytes_(bytes) {}
        bool await_ready() noexcept {
            if (share_.try_take(bytes_)) {
                set_released();
            }
            return released();
        }
        template <PromiseType P>
        bool await_suspend(std::coroutine_handle<P> handle) {
            if (!begin(handle)) {
                return false;
            }
            share_.waiters_.push_back(*this);
            share_.arm();
            return true;
        }
        Result<> await_resume() const { return outcome("wait for a turn"); }

     private:
        friend class TurnShare;
        TurnShare& share_;
        std::size_t bytes_;
    };
    // co_await share.take(n): at once while the turn has anything left, else in one of the next turns; first in, first
    // out.  The last taker may overdraw the share; the next turn has less for it.
    Awaiter take(std::size_t bytes) noexcept { return {*this, bytes}; }

 private:
    bool try_take(std::size_t bytes) noexcept {
        refill();
        if (!waiters_.empty() || left_ <= 0) {
            return false;
        }
        left_ -= static_cast<std::int64_t>(bytes);
        return true;
    }
    void refill() noexcept {
        constexpr std::uint64_t kTurnsMax = 1024;  // More than any debt takes.
        const auto turns = static_cast<std::int64_t>(std::min(loop_.turn() - turn_, kTurnsMax));
        turn_ = loop_.turn();
        left_ = std::min(bytes_, left_ + turns * bytes_);
    }
    void arm() noexcept {
        if (!armed_) {
            armed_ = true;
            loop_.post_next_turn(*this);
        }
    }
    void run_remote() noexcept override {
        armed_ = false;
        refill();
        while (!waiters_.empty() && left_ > 0) {
            auto& head = static_cast<Awaiter&>(waiters_.front());
            left_ -= static_cast<std::int64_t>(head.bytes_);
            head.release();
        }
        if (!waiters_.empty()) {
            arm();
        }
    }

    Loop& loop_;
    std::int64_t bytes_;
    std::int64_t left_;
    std::uint64_t turn_;
    bool armed_ = false;
    WaitList waiters_;
};

}  // namespace sluice::coro
