// What queries and tails may hold in memory: compiled filters, groups, rows that wait to be sorted, values of a
// quantile.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace sluice::query {

// Of all users; each has a UserBudget.  Threads: any.
class CommonBudget {
 public:
    explicit CommonBudget(std::uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}
    CommonBudget(const CommonBudget&) = delete;
    CommonBudget& operator=(const CommonBudget&) = delete;
    std::uint64_t used_bytes() const noexcept { return used_.load(std::memory_order_relaxed); }
    // From the next charge on.
    void set_bytes_max(std::uint64_t bytes_max) noexcept { bytes_max_.store(bytes_max, std::memory_order_relaxed); }

 private:
    friend class UserBudget;
    std::atomic<std::uint64_t> bytes_max_;
    std::atomic<std::uint64_t> used_ = 0;
};

// Of all queries and tails of a user, who may hold as much as is left free for others (fair_share.h).  Threads: any.
class UserBudget {
 public:
    // Borrows `common` until destroyed.
    UserBudget(std::uint32_t uid, CommonBudget& common) noexcept : uid_(uid), common_(common) {}
    UserBudget(const UserBudget&) = delete;
    UserBudget& operator=(const UserBudget&) = delete;
    std::uint64_t used_bytes() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
    friend class Budget;
    Result<> charge(std::uint64_t bytes, std::string_view what);
    void release(std::uint64_t bytes) noexcept {
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        common_.used_.fetch_sub(bytes, std::memory_order_relaxed);
    }
    std::uint32_t uid_;
    CommonBudget& common_;
    std::atomic<std::uint64_t> used_ = 0;
};

// Of one query, shared by its units and its combiner, or of one tail.  What it holds it gives back when it is
// destroyed.  Threads: any.
class Budget {
 public:
    // Borrows `user`, of whose this is a part, until destroyed; null: of nobody's.
    explicit Budget(std::uint64_t bytes_max, UserBudget* user = nullptr) noexcept
        : bytes_max_(bytes_max), user_(user) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;
    ~Budget() {
        if (user_ != nullptr) {
            user_->release(used_.load(std::memory_order_relaxed));
        }
    }

    // Errors: limit_exceeded, with what was being held; it counts all the same.  `what`: "grouping by 'user'".
    Result<> charge(std::uint64_t bytes, std::string_view what);
    void release(std::uint64_t bytes) noexcept {
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        if (user_ != nullptr) {
            user_->release(bytes);
        }
    }
    std::uint64_t used_bytes() const noexcept { return used_.load(std::memory_order_relaxed); }
    std::uint64_t peak_bytes() const noexcept { return peak_.load(std::memory_order_relaxed); }
    std::uint64_t bytes_max() const noexcept { return bytes_max_; }

 private:
    const std::uint64_t bytes_max_;
    UserBudget* user_;
    std::atomic<std::uint64_t> used_ = 0;
    std::atomic<std::uint64_t> peak_ = 0;
};

}  // namespace sluice::query
