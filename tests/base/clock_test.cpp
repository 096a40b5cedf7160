#include "base/clock.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, MonotonicTimeDoesNotGoBack) {
    const SystemClock clock;
    MonotonicTime last = clock.now();
    for (int i = 0; i < 1000; ++i) {
        const MonotonicTime now = clock.now();
        EXPECT_GE(now, last);
        last = now;
    }
}

TEST(SystemClock, WallTimeIsAfterThisWasWritten) {
    EXPECT_GT(SystemClock().wall_now(), std::int64_t{1'700'000'000} * 1'000'000'000);
}

TEST(MonotonicTime, AdditionSaturates) {
    const MonotonicTime now{5s};
    EXPECT_EQ(now + 2s, MonotonicTime{7s});
    EXPECT_EQ(now + -2s, MonotonicTime{3s});
    EXPECT_EQ((now + 2s) - now, Duration(2s));
    EXPECT_EQ(now + Duration::max(), MonotonicTime{Duration::max()});
    EXPECT_EQ(MonotonicTime{-5s} + Duration::max(), MonotonicTime{Duration::max() - 5s});
    EXPECT_EQ(MonotonicTime{Duration::max()} + 1ns, MonotonicTime{Duration::max()});
}

}  // namespace
}  // namespace sluice
