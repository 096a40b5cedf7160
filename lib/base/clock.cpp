#include "base/clock.h"

#include <ctime>

namespace sluice {
namespace {

std::int64_t read_ns(clockid_t clock) noexcept {
    timespec time{};
    clock_gettime(clock, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

MonotonicTime SystemClock::now() const noexcept {
    return {Duration(read_ns(CLOCK_MONOTONIC))};
}

WallNs SystemClock::wall_now() const noexcept {
    return read_ns(CLOCK_REALTIME);
}

}  // namespace sluice
