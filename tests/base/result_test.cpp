#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace sluice {
namespace {

Result<std::unique_ptr<int>> make(int value) {
    if (value < 0) {
        return fail(Errc::invalid_argument, "{} is negative", value);
    }
    return std::make_unique<int>(value);
}
Result<> check(int value) {
    if (value == 0) {
        return fail_errno(ENOSPC, "write {} bytes", value);
    }
    return {};
}
Result<int> sum(int a, int b) {
    SLUICE_TRY(auto first, make(a));
    SLUICE_TRY(const std::unique_ptr<int> second, make(b));
    SLUICE_CHECK(check(*first));
    SLUICE_CHECK(check(*second));
    return *first + *second;
}

TEST(Result, TryGivesTheValueOrReturnsTheError) {
    EXPECT_EQ(sum(1, 2).value(), 3);
    EXPECT_EQ(sum(1, -2).error().text(), "-2 is negative");
    EXPECT_EQ(sum(-1, 0).error().code(), Errc::invalid_argument);
    const Result<int> full = sum(1, 0);
    EXPECT_EQ(full.error().code(), Errc::no_space);
    EXPECT_EQ(full.error().sys_errno(), ENOSPC);
    EXPECT_EQ(full.error().text(), "write 0 bytes: No space left on device");
}

TEST(Result, TryEvaluatesItsExpressionOnce) {
    int calls = 0;
    auto body = [&]() -> Result<int> {
        SLUICE_TRY(const int value, (++calls, Result<int>(5)));
        return value;
    };
    EXPECT_EQ(body().value(), 5);
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace sluice
