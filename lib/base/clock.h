// Time as the whole tree sees it.  Every clock read goes through Clock, so that the simulator can own time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice {

using Duration = std::chrono::nanoseconds;

// Monotonic time since an arbitrary origin.
struct MonotonicTime {
    Duration since_origin{};
    friend auto operator<=>(const MonotonicTime&, const MonotonicTime&) = default;
    // Saturates, so that "Duration::max() from now" is never.
    friend MonotonicTime operator+(MonotonicTime a, Duration d) {
        return {d > Duration::max() - std::max(a.since_origin, Duration::zero()) ? Duration::max()
                                                                                 : a.since_origin + d};
    }
    friend Duration operator-(MonotonicTime a, MonotonicTime b) { return a.since_origin - b.since_origin; }
};

// For messages.
constexpr std::int64_t whole_seconds(Duration duration) noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// Wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, as records carry it.
using WallNs = std::int64_t;

// Threads: any.
class Clock {
 public:
    virtual ~Clock() = default;
    virtual MonotonicTime now() const noexcept = 0;
    virtual WallNs wall_now() const noexcept = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
    MonotonicTime now() const noexcept override;
    WallNs wall_now() const noexcept override;
};

}  // namespace sluice
