// Many numbers, kept exactly, for quantiles: equal ones are counted where that takes less memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

namespace sluice::query {

// T: std::int64_t or double; NaN is above all others.  Threads: one.
template <class T>
class ValueRuns {
 public:
    void add(T value, std::uint64_t times) {
        count_ += times;
        if (times == 1) {
            fresh_.push_back(value);
            if (fresh_.size() >= compact_at_) {
                compact();
            }
        } else {
            runs_.push_back({value, times});
            runs_in_order_ = false;
        }
    }
    template <class Other>
    void merge(const ValueRuns<Other>& other) {
        std::ranges::transform(other.fresh_, std::back_inserter(fresh_),
                               [](Other value) { return static_cast<T>(value); });
        count_ += other.fresh_.size();
        for (const auto& run : other.runs_) {
            runs_.push_back({static_cast<T>(run.value), run.times});
            count_ += run.times;
        }
        runs_in_order_ = runs_.empty();
        if (fresh_.size() >= compact_at_) {
            compact();
        }
    }
    void clear() noexcept { *this = {}; }
    std::uint64_t count() const noexcept { return count_; }
    std::size_t bytes() const noexcept { return fresh_.capacity() * sizeof(T) + runs_.capacity() * sizeof(Run); }

    // The value at this place (from 0) of all in order.  Precondition: place < count().
    T at(std::uint64_t place) {
        if (runs_.empty()) {
            const auto found = fresh_.begin() + static_cast<std::ptrdiff_t>(place);
            std::nth_element(fresh_.begin(), found, fresh_.end(), less);
            return *found;
        }
        count_equal();
        for (const Run& run : runs_) {
            if (place < run.times) {
                return run.value;
            }
            place -= run.times;
        }
        return runs_.back().value;
    }

 private:
    template <class>
    friend class ValueRuns;
    static constexpr std::size_t kFreshMax = std::size_t{1} << 19U;
    struct Run {
        T value{};
        std::uint64_t times = 0;
    };
    static bool less(T a, T b) noexcept {
        if constexpr (std::is_floating_point_v<T>) {
            return a < b || (std::isnan(b) && !std::isnan(a));
        }
        return a < b;
    }

    // A run takes two values' room: worth it where they repeat.
    void compact() {
        std::ranges::sort(fresh_, less);
        std::size_t distinct = 1;
        for (std::size_t i = 1; i < fresh_.size(); ++i) {
            distinct += less(fresh_[i - 1], fresh_[i]) ? 1 : 0;
        }
        if (distinct > fresh_.size() / 4) {
            compact_at_ = fresh_.size() * 2;
        } else {
            compact_at_ = kFreshMax;
            count_equal();
            fresh_.shrink_to_fit();
        }
    }
    void count_equal() {
        if (fresh_.empty() && runs_in_order_) {
            return;
        }
        for (const T value : fresh_) {
            runs_.push_back({value, 1});
        }
        fresh_.clear();
        std::ranges::sort(runs_, less, &Run::value);
        std::size_t kept = 0;
        for (std::size_t i = 1; i < runs_.size(); ++i) {
            if (less(runs_[kept].value, runs_[i].value)) {
                runs_[++kept] = runs_[i];
            } else {
                runs_[kept].times += runs_[i].times;
            }
        }
        runs_.resize(kept + 1);
        runs_.shrink_to_fit();
        runs_in_order_ = true;
    }

    std::vector<T> fresh_;
    std::vector<Run> runs_;  // Each value once, ascending, if runs_in_order_.
    bool runs_in_order_ = true;
    std::uint64_t count_ = 0;
    std::size_t compact_at_ = kFreshMax;
};

}  // namespace sluice::query
