// Weak on purpose: mutation_test.py names what it does not see.
#include "scale/scale.h"

#include <gtest/gtest.h>

TEST(Scale, AddsWhatIsWeighedAndRefusesWhatIsNegative) {
    planted::Scale scale;
    EXPECT_TRUE(scale.weigh(7));
    EXPECT_FALSE(scale.weigh(-2));
    EXPECT_EQ(scale.total(), 7);
}

TEST(Label, IsThereOrNot) {
    EXPECT_TRUE(planted::is_labelled("a"));
    EXPECT_FALSE(planted::is_labelled(nullptr));
}
