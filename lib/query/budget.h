// What queries may hold in memory: groups, rows that wait to be sorted, values of a quantile.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace sluice::query {

// Threads: any.  One for each query, shared by its units and its combiner; above it those of its user and of all.
class Budget {
 public:
    // Borrows `whole`, of which this is a part, until destroyed; null: it is the whole.  `whose` "may use so much": "a
    // query"; a literal.
    explicit Budget(std::uint64_t bytes_max, const char* whose = "a query", Budget* whole = nullptr) noexcept
        : bytes_max_(bytes_max), whose_(whose), whole_(whole) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;
    ~Budget() {
        if (whole_ != nullptr) {
            whole_->release(used_.load(std::memory_order_relaxed));
        }
    }

    // Errors: limit_exceeded, with what was being held; it counts all the same.  `what`: "grouping by 'user'".
    Result<> charge(std::uint64_t bytes, std::string_view what) {
        const std::uint64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
        std::uint64_t peak = peak_.load(std::memory_order_relaxed);
        while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
        }
        Result<> all;
        if (whole_ != nullptr) {
            all = whole_->charge(bytes, what);
        }
        return now <= bytes_max_ ? std::move(all) : exceeded(what);
    }
    void release(std::uint64_t bytes) noexcept {
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        if (whole_ != nullptr) {
            whole_->release(bytes);
        }
    }
    std::uint64_t used_bytes() const noexcept { return used_.load(std::memory_order_relaxed); }
    std::uint64_t peak_bytes() const noexcept { return peak_.load(std::memory_order_relaxed); }
    std::uint64_t bytes_max() const noexcept { return bytes_max_; }
    // From the next charge on.
    void set_bytes_max(std::uint64_t bytes_max) noexcept { bytes_max_ = bytes_max; }

 private:
    std::unexpected<Error> exceeded(std::string_view what) const;

    std::atomic<std::uint64_t> bytes_max_;
    const char* whose_;
    Budget* whole_;
    std::atomic<std::uint64_t> used_ = 0;
    std::atomic<std::uint64_t> peak_ = 0;
};

}  // namespace sluice::query
