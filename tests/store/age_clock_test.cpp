// By which time retention counts ages when the wall clock steps.
#include "store/age_clock.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

#include "io/sim_random.h"

namespace sluice::store {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallNs kNow = 1'700'000'000'000'000'000;
constexpr Duration kTenYears = hours(87'600);

class AgeClockTest : public testing::Test {
 protected:
    void start(std::optional<Duration> written = std::nullopt) {
        std::optional<WallNs> at;
        if (written) {
            at = wall() + written->count();
        }
        clock.emplace(now, wall(), at);
    }
    WallNs wall() const { return kNow + (now.since_origin + ahead).count(); }
    // How far behind the wall clock ages are counted.
    Duration lag() {
        const AgeClock::Reading reading = clock->read(now, wall());
        if (reading.step.count() != 0) {
            steps.push_back(reading.step);
        }
        return Duration(wall() - reading.now);
    }
    // With a look once a minute; the last lag.
    Duration pass(Duration span) {
        Duration last{};
        for (Duration passed{}; passed < span; passed += minutes(1)) {
            now = now + minutes(1);
            last = lag();
        }
        return last;
    }

    MonotonicTime now{hours(1)};
    Duration ahead{};
    std::optional<AgeClock> clock;
    std::vector<Duration> steps;
};

TEST_F(AgeClockTest, FollowsAClockThatGoesOn) {
    start(Duration());
    EXPECT_EQ(lag(), Duration());
    EXPECT_EQ(pass(hours(60)), Duration());
    EXPECT_TRUE(steps.empty());
}

TEST_F(AgeClockTest, StepForwardCountsOnceItHasLastedForADay) {
    start();
    pass(hours(30));
    ahead = kTenYears;
    EXPECT_EQ(lag(), kTenYears);
    EXPECT_EQ(pass(hours(23)), kTenYears);
    EXPECT_EQ(pass(hours(2) + minutes(1)), Duration());
    EXPECT_EQ(steps, std::vector{kTenYears});
}

TEST_F(AgeClockTest, StepThatIsTakenBackWithinADayNeverCounts) {
    start();
    pass(hours(30));
    ahead = kTenYears;
    EXPECT_EQ(pass(hours(20)), kTenYears);
    ahead = Duration();
    EXPECT_EQ(lag(), Duration());
    EXPECT_EQ(pass(hours(60)), Duration());
    EXPECT_EQ(steps, (std::vector{kTenYears, -kTenYears}));
}

// What was believed is so no more: a second step is a new one.
TEST_F(AgeClockTest, StepBackCountsAtOnceAndTheNextOneForwardWaits) {
    start();
    ahead = kTenYears;
    EXPECT_EQ(pass(hours(30)), Duration());
    ahead = Duration();
    EXPECT_EQ(pass(hours(1)), Duration());
    ahead = kTenYears;
    EXPECT_EQ(pass(hours(20)), kTenYears);
}

// A machine that sleeps for half of each day: the monotonic clock does not see it, and retention goes on all the same.
TEST_F(AgeClockTest, ClockThatStepsEveryDayIsFollowed) {
    start();
    for (int day = 0; day < 100; ++day) {
        pass(hours(12));
        ahead += hours(12);
        EXPECT_LE(lag(), hours(37));
    }
    EXPECT_TRUE(steps.empty()) << "nights";
}

TEST_F(AgeClockTest, StartFarBehindWhatTheStoreLastSawWaitsForADay) {
    start(-kTenYears);
    EXPECT_EQ(lag(), kTenYears);
    EXPECT_EQ(pass(hours(23)), kTenYears);
    EXPECT_EQ(pass(hours(3)), Duration());
    EXPECT_EQ(steps, std::vector{kTenYears});
}

TEST_F(AgeClockTest, StoreThatWasNeverWrittenHasNothingToCompareWith) {
    start();
    EXPECT_EQ(lag(), Duration());
    EXPECT_TRUE(steps.empty());
}

// It starts in 1970 at each boot, and is set a minute later: that is no step that has to last.
TEST_F(AgeClockTest, ClockThatIsSetAfterTheStartIsFollowedFromWhereTheStoreWas) {
    ahead = -50 * hours(8760);
    start(50 * hours(8760) - hours(9));  // It was off for nine hours.
    EXPECT_EQ(lag(), Duration()) << "never later than the clock";
    pass(minutes(1));
    ahead = Duration();
    EXPECT_EQ(lag(), hours(9));
    EXPECT_EQ(pass(hours(26)), Duration());
    EXPECT_EQ(steps.size(), 2U);
}

// Whatever the clock does: ages are counted by no later time than it has shown for the whole of the last day.
TEST_F(AgeClockTest, IsNeverAheadOfTheEarliestTimeOfTheLastDay) {
    io::SimRandom random(3);
    start();
    std::deque<std::pair<MonotonicTime, Duration>> shown{{now, ahead}};
    for (int i = 0; i < 20'000; ++i) {
        now = now + Duration(static_cast<std::int64_t>(random.below(std::uint64_t{7'200} * 1'000'000'000)));
        if (random.below(8) == 0) {
            ahead = hours(static_cast<std::int64_t>(random.below(500))) - hours(250);
        }
        const Duration behind = lag();
        shown.emplace_back(now, ahead);
        while (shown.front().first + AgeClock::kSpan < now) {
            shown.pop_front();
        }
        Duration least = ahead;
        for (const auto& [at, distance] : shown) {
            least = std::min(least, distance);
        }
        ASSERT_GE(behind, ahead - least) << i;
        ASSERT_GE(behind, Duration()) << i;
    }
}

TEST(ClockStep, IsToldInHours) {
    EXPECT_EQ(clock_step_text(hours(49)),
              "the clock went forward by 49 h, or the machine slept or was off: until that has lasted for 24 h, "
              "retention counts ages by the time before");
    EXPECT_EQ(clock_step_text(-hours(49)),
              "the clock went back by 49 h: what was received before is kept for so much longer");
}

}  // namespace
}  // namespace sluice::store
