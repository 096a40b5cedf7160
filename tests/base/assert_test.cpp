#include "base/assert.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(AssertDeathTest, PrintsExpressionAndValues) {
    const int got = 3;
    EXPECT_DEATH(SLUICE_ASSERT(got == 4, "got {}", got), "assert_test.cpp:[0-9]+: assertion failed: got == 4: got 3");
    EXPECT_DEATH(SLUICE_ASSERT(got == 4), "assertion failed: got == 4\n");
}

TEST(Assert, EvaluatesItsConditionOnceAndItsValuesNever) {
    int conditions = 0;
    int values = 0;
    SLUICE_ASSERT(++conditions == 1, "{}", ++values);
    EXPECT_EQ(conditions, 1);
    EXPECT_EQ(values, 0);
}

}  // namespace
}  // namespace sluice
