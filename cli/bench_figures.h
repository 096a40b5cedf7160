// Figures of a benchmark: a latency histogram, and medians over runs.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// Counts durations in nanoseconds with an error below 1 %: 64 buckets per power of two.
class Histogram {
 public:
    void add(std::uint64_t ns, std::uint64_t times = 1) noexcept {
        counts_[bucket_of(ns)] += times;
        total_ += times;
    }
    std::uint64_t total() const noexcept { return total_; }
    // The smallest duration that `fraction` of all do not exceed, in nanoseconds; 0 when empty.
    double quantile(double fraction) const noexcept;

 private:
    static constexpr unsigned kSubBits = 6;
    static std::size_t bucket_of(std::uint64_t ns) noexcept;
    static double middle_of(std::size_t bucket) noexcept;
    std::array<std::uint64_t, (64 - kSubBits + 1) << kSubBits> counts_{};
    std::uint64_t total_ = 0;
};

// Named values, one per run; printed as "name: median unit (median of K, min..max)".
class Figures {
 public:
    void add(std::string_view name, std::string_view unit, double value);
    std::string text() const;
    std::string json(std::string_view mode) const;

 private:
    struct Figure {
        std::string name;
        std::string unit;
        std::vector<double> values;
    };
    std::vector<Figure> figures_;
};

}  // namespace sluice::cli
