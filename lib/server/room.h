// Memory that is held for a client: charged before it is allocated, given back when it is freed.  Bounded for a
// session, for all sessions of a user together, and for all users together; who finds no room waits, first in, first
// out, where it is the room of all users behind others of the same user only. Threads: the service loop's.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/fair_share.h"
#include "coro/sync.h"

namespace sluice::server {

// Bytes of which all users have a part, shared by the rule of fair_share.h.  Who holds nothing is granted what he asks
// for in any case.
class CommonRoom {
 public:
    explicit CommonRoom(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
    void set_bytes_max(std::size_t bytes_max) {
        bytes_max_ = bytes_max;
        changed_.set();
    }
    std::size_t held_bytes() const noexcept { return held_; }

 private:
    friend class UserRoom;
    bool fits(std::size_t mine, std::size_t bytes) const noexcept {
        return mine == 0 || fits_share(bytes_max_, held_, mine, bytes);
    }
    std::size_t bytes_max_;
    std::size_t held_ = 0;
    coro::Event changed_;  // There may be room for somebody who waits.
};

// Bytes of which all sessions of a user have a part.
class UserRoom {
 public:
    // Borrows `common` until destroyed; null: bounded by `bytes_max` alone.
    explicit UserRoom(std::size_t bytes_max, CommonRoom* common = nullptr) noexcept
        : bytes_max_(bytes_max), free_(bytes_max), common_(common) {}
    std::size_t bytes_max() const noexcept { return bytes_max_; }
    std::size_t held_bytes() const noexcept { return bytes_max_ - free_.available(); }

 private:
    friend class Room;
    friend class Charge;
    bool try_acquire(std::size_t bytes) noexcept {
        if (common_ != nullptr && (turn_.locked() || !common_->fits(taken_, bytes))) {
            return false;
        }
        if (!free_.try_acquire(bytes)) {
            return false;
        }
        take(bytes);
        return true;
    }
    Task<Result<>> acquire(std::size_t bytes) {
        SLUICE_CO_CHECK(co_await free_.acquire(bytes));
        Result<> granted = co_await acquire_common(bytes);
        if (!granted) {
            free_.release(bytes);
        }
        co_return granted;
    }
    Task<Result<>> acquire_common(std::size_t bytes) {
        SLUICE_CO_TRY(const coro::Units turn, co_await turn_.lock());
        while (common_ != nullptr && !common_->fits(taken_, bytes)) {  // Bounded: each turn waits for a change.
            common_->changed_.reset();
            SLUICE_CO_CHECK(co_await common_->changed_.wait());
        }
        take(bytes);
        co_return Result<>{};
    }
    void take(std::size_t bytes) noexcept {
        taken_ += bytes;
        if (common_ != nullptr) {
            common_->held_ += bytes;
        }
    }
    void release(std::size_t bytes) {
        taken_ -= bytes;
        if (common_ != nullptr) {
            common_->held_ -= bytes;
            common_->changed_.set();
        }
        free_.release(bytes);
    }
    std::size_t bytes_max_;
    coro::Semaphore free_;
    CommonRoom* common_;
    std::size_t taken_ = 0;  // Of common_; what waits for it is not in it yet.
    coro::Mutex turn_;       // Held by the first of those who wait for common_.
};

class Room;

// Bytes that somebody holds.  Empty: none.
class Charge {
 public:
    Charge() noexcept = default;
    Charge(Charge&& other) noexcept
        : room_(other.room_), session_(std::exchange(other.session_, 0)), user_(std::exchange(other.user_, 0)) {}
    Charge& operator=(Charge&& other) noexcept {
        if (this != &other) {
            release();
            room_ = other.room_;
            session_ = std::exchange(other.session_, 0);
            user_ = std::exchange(other.user_, 0);
        }
        return *this;
    }
    ~Charge() { release(); }
    // Takes over what `other` holds, of the same room.
    void merge(Charge other) noexcept {
        room_ = other.room_ != nullptr ? other.room_ : room_;
        session_ += std::exchange(other.session_, 0);
        user_ += std::exchange(other.user_, 0);
    }
    bool empty() const noexcept { return session_ == 0; }
    // Gives back what is beyond `bytes`.
    void shrink(std::size_t bytes) noexcept;
    void release() noexcept;

 private:
    friend class Room;
    Charge(Room& room, std::size_t session, std::size_t user) noexcept : room_(&room), session_(session), user_(user) {}
    Room* room_ = nullptr;
    std::size_t session_ = 0;
    std::size_t user_ = 0;
};

// One session's.
class Room {
 public:
    // Borrows `user` until destroyed.
    Room(std::size_t bytes_max, UserRoom& user) noexcept : bytes_max_(bytes_max), free_(bytes_max), user_(user) {}
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room() {
        SLUICE_ASSERT(free_.available() == bytes_max_, "{} of {} bytes are free", free_.available(), bytes_max_);
    }

    // More than there is at all is granted when nothing else is held.
    Task<Result<Charge>> acquire(std::size_t bytes) {
        const std::size_t session = std::min(bytes, bytes_max_);
        const std::size_t user = std::min(bytes, user_.bytes_max_);
        SLUICE_CO_CHECK(co_await free_.acquire(session));
        Result<> granted = co_await user_.acquire(user);
        if (!granted) {
            free_.release(session);
            co_return std::unexpected(std::move(granted).error());
        }
        co_return Charge(*this, session, user);
    }
    // Nothing: it would have to wait.
    std::optional<Charge> try_acquire(std::size_t bytes) noexcept {
        const std::size_t session = std::min(bytes, bytes_max_);
        const std::size_t user = std::min(bytes, user_.bytes_max_);
        if (!free_.try_acquire(session)) {
            return std::nullopt;
        }
        if (!user_.try_acquire(user)) {
            free_.release(session);
            return std::nullopt;
        }
        return Charge(*this, session, user);
    }
    std::size_t held_bytes() const noexcept { return bytes_max_ - free_.available(); }
    const UserRoom& user() const noexcept { return user_; }

 private:
    friend class Charge;
    std::size_t bytes_max_;
    coro::Semaphore free_;
    UserRoom& user_;
};

// Room for a request, awaited for at most `timeout`.  Errors: limit_exceeded, with the rule, where none becomes free
// for so long; cancelled.
Task<Result<Charge>> room_for_request(Room& room, std::size_t bytes, Duration timeout);

inline void Charge::shrink(std::size_t bytes) noexcept {
    if (session_ > bytes) {
        room_->free_.release(session_ - bytes);
        session_ = bytes;
    }
    if (user_ > bytes) {
        room_->user_.release(user_ - bytes);
        user_ = bytes;
    }
}

inline void Charge::release() noexcept {
    if (session_ != 0 || user_ != 0) {
        room_->free_.release(std::exchange(session_, 0));
        room_->user_.release(std::exchange(user_, 0));
    }
}

}  // namespace sluice::server
