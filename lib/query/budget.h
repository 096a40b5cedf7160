// What one query may hold in memory: groups, rows that wait to be sorted, values of a quantile.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace sluice::query {

// Threads: any.  Shared by the units and the combiner of one query.
class Budget {
 public:
    explicit Budget(std::uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    // Errors: limit_exceeded, with what was being held.  `what`: "grouping by 'user'".
    Result<> charge(std::uint64_t bytes, std::string_view what) {
        const std::uint64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
        std::uint64_t peak = peak_.load(std::memory_order_relaxed);
        while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
        }
        return now <= bytes_max_ ? Result<>() : exceeded(what);
    }
    void release(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
    std::uint64_t peak_bytes() const noexcept { return peak_.load(std::memory_order_relaxed); }
    std::uint64_t bytes_max() const noexcept { return bytes_max_; }

 private:
    std::unexpected<Error> exceeded(std::string_view what) const;

    std::uint64_t bytes_max_;
    std::atomic<std::uint64_t> used_ = 0;
    std::atomic<std::uint64_t> peak_ = 0;
};

}  // namespace sluice::query
