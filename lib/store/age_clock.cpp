#include "store/age_clock.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace sluice::store {
namespace {

constexpr int kBuckets = 24;
constexpr Duration kBucket = AgeClock::kSpan / kBuckets;

Duration distance(MonotonicTime now, WallNs wall) noexcept {
    return Duration(wall) - now.since_origin;
}

}  // namespace

AgeClock::AgeClock(MonotonicTime now, WallNs wall, std::optional<WallNs> written)
    : start_(now), written_(distance(now, written.value_or(wall))), previous_(written_) {
    buckets_.push_back({.begin = now, .least = written_});
}

AgeClock::Reading AgeClock::read(MonotonicTime now, WallNs wall) {
    const Duration shown = distance(now, wall);
    const Duration counted = now < start_ + kSpan ? std::max(shown, written_) : shown;
    if (now < buckets_.back().begin + kBucket) {
        buckets_.back().least = std::min(buckets_.back().least, counted);
    } else {
        buckets_.push_back({.begin = now, .least = counted});
    }
    // A bucket ends where the next one begins.
    while (buckets_.size() > 1 && buckets_[1].begin + kSpan <= now) {
        buckets_.pop_front();
    }
    const Duration least = std::ranges::min_element(buckets_, {}, &Bucket::least)->least;
    const Duration step = shown - std::exchange(previous_, shown);
    return {.now = std::min(wall, (least + now.since_origin).count()),
            .step = step > kStepMax || step < -kStepMax ? step : Duration()};
}

std::string clock_step_text(Duration step) {
    const auto hours = [](Duration span) { return std::chrono::duration_cast<std::chrono::hours>(span).count(); };
    if (step < Duration()) {
        return fmt::format("the clock went back by {} h: what was received before is kept for so much longer",
                           hours(-step));
    }
    return fmt::format(
        "the clock went forward by {} h, or the machine slept or was off: until that has lasted for {} h, retention "
        "counts ages by the time before",
        hours(step), hours(AgeClock::kSpan));
}

}  // namespace sluice::store
