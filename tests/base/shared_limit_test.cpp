#include "base/shared_limit.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice {
namespace {

TEST(SharedLimit, LastEighthIsForWhoHasFew) {
    constexpr SharedLimit limit{.total = 80, .few = 5};
    EXPECT_EQ(limit.reserved(), 10U);
    EXPECT_TRUE(limit.admits(/*held=*/69, /*mine=*/69));
    EXPECT_FALSE(limit.admits(70, 69));
    EXPECT_TRUE(limit.admits(70, 4));
    EXPECT_FALSE(limit.admits(70, 5));
    EXPECT_TRUE(limit.admits(79, 0));
    EXPECT_FALSE(limit.admits(80, 0));
}

TEST(SharedLimit, WhatIsNewCountsAsHad) {
    constexpr SharedLimit limit{.total = 80, .few = 5};
    EXPECT_TRUE(limit.admits(/*held=*/75, /*mine=*/0, /*more=*/5));
    EXPECT_FALSE(limit.admits(75, 1, 5));
    EXPECT_FALSE(limit.admits(64, 0, 7));
    EXPECT_TRUE(limit.admits(63, 0, 7));
    EXPECT_FALSE(limit.admits(76, 0, 5));
}

TEST(SharedLimit, SmallTotalKeepsNothingBack) {
    constexpr SharedLimit limit{.total = 7, .few = 0};
    EXPECT_TRUE(limit.admits(6, 6));
    EXPECT_FALSE(limit.admits(7, 7));
}

TEST(SharedLimit, NothingOverflows) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    constexpr SharedLimit limit{.total = kMost, .few = kMost};
    EXPECT_TRUE(limit.admits(0, 0, kMost));
    EXPECT_FALSE(limit.admits(1, 0, kMost));
    EXPECT_FALSE(limit.admits(kMost, kMost, 1));
    EXPECT_FALSE((SharedLimit{.total = 8, .few = 8}).admits(9, 0, 0));  // A limit that was lowered since.
}

}  // namespace
}  // namespace sluice
