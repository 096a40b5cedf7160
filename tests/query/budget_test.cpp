// What queries and tails hold is charged, to whom it belongs, and shared among users.
#include "query/budget.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include "base/fair_share.h"
#include "query/regex.h"
#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

using testing::HasSubstr;

TEST(FairShare, IsAsMuchAsIsLeftFree) {
    EXPECT_TRUE(fits_share(100, 0, 0, 100));
    EXPECT_FALSE(fits_share(100, 0, 0, 101));
    EXPECT_TRUE(fits_share(100, 40, 40, 20));
    EXPECT_FALSE(fits_share(100, 40, 40, 21));
    EXPECT_TRUE(fits_share(100, 60, 10, 30));
    EXPECT_FALSE(fits_share(100, 60, 10, 31));
    EXPECT_FALSE(fits_share(100, 100, 0, 1));
    EXPECT_FALSE(fits_share(100, 120, 0, 1));
    EXPECT_FALSE(fits_share(100, 50, 50, 1));
}

TEST(UserBudget, OneWhoTakesAllHeMayLeavesAsMuchToOthers) {
    CommonBudget all(100U << 20U);
    UserBudget one(1, all);
    UserBudget other(2, all);
    Budget first(UINT64_MAX, &one);
    Result<> taken;
    for (int i = 0; i < 100 && taken; ++i) {
        taken = first.charge(1U << 20U, "sorting");
    }
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), Errc::limit_exceeded);
    EXPECT_EQ(
        taken.error().text(),
        "sorting needs 1.0 MiB beside the 50.0 MiB that queries and tails of uid 1 hold; of the "
        "100.0 MiB of limits.queries_memory_bytes_max 50.0 MiB are free, and one user may hold as much as is left "
        "free; end some of them or ask again later, narrow the time, filter more, or ask for fewer groups or a "
        "limit");
    first.release(1U << 20U);  // What was refused.
    Budget second(UINT64_MAX, &other);
    EXPECT_TRUE(second.charge(25U << 20U, "sorting"));
    EXPECT_EQ(all.used_bytes(), 75U << 20U);
}

TEST(UserBudget, HasBackWhatABudgetHeldWhenThatEnds) {
    CommonBudget all(1000);
    UserBudget user(1, all);
    {
        Budget of_query(500, &user);
        EXPECT_TRUE(of_query.charge(300, "sorting"));
        of_query.release(100);
        EXPECT_EQ(user.used_bytes(), 200U);
        EXPECT_FALSE(of_query.charge(301, "sorting"));
        EXPECT_EQ(of_query.peak_bytes(), 501U);
    }
    EXPECT_EQ(user.used_bytes(), 0U);
    EXPECT_EQ(all.used_bytes(), 0U);
}

TEST(UserBudget, OfAllIsWhatTheLastReloadSays) {
    CommonBudget all(1000);
    UserBudget user(1, all);
    Budget of_query(UINT64_MAX, &user);
    all.set_bytes_max(100);
    EXPECT_FALSE(of_query.charge(101, "sorting"));
    all.set_bytes_max(1000);
    EXPECT_TRUE(of_query.charge(1, "sorting"));
}

TEST(Regex, IsChargedBeforeItIsCompiled) {
    const std::string pattern = "(.{30}){30}x";
    const std::uint64_t bytes = Regex::bytes_max(*Regex::check(pattern), pattern.size());
    Budget too_small(bytes - 1);
    const auto refused = Regex::make(pattern, too_small);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::limit_exceeded);
    EXPECT_THAT(refused.error().text(), HasSubstr("a regular expression needs more than the"));
    Budget enough(bytes);
    EXPECT_TRUE(Regex::make(pattern, enough));
    EXPECT_EQ(enough.used_bytes(), bytes);
}

TEST(Regex, OfAFewBytesCostsAFewHundredKilobytesAndTheLargestAFewMegabytes) {
    EXPECT_LT(Regex::bytes_max(*Regex::check("quota \\w+ for tenant-\\d{4}"), 26), 256U << 10U);
    EXPECT_LT(Regex::bytes_max(Regex::kProgramMax, 4096), 4U << 20U);
}

struct Text {
    std::string query;
    friend void PrintTo(const Text& text, std::ostream* to) { *to << text.query.substr(0, 60); }
};

// The plan, and what its automata have grown to after they have seen rows.
class PlanMemory : public testing::TestWithParam<Text> {};

TEST_P(PlanMemory, IsCharged) {
    Store store;
    const std::string letters = "abcdefghijklmnopqrstuvwxyz 0123456789\xd0\xb6";
    std::uint32_t random = 1;
    for (int row = 0; row < 60; ++row) {
        std::string message;
        for (int i = 0; i < 1000; ++i) {
            random = random * 1'664'525 + 1'013'904'223;
            message += letters[(random >> 16U) % letters.size()];
        }
        store.add(RowDraft(message));
    }
    const std::vector<wire::TailEntry> rows = store.entries();
    const Parsed<Query> query = parse_query(GetParam().query);
    ASSERT_TRUE(query) << query.error().text();
    Bytes out;
    out.reserve(1U << 20U);
    malloc_trim(0);
    const struct mallinfo2 before = mallinfo2();
    const auto plan = Plan::make(*query, Store::options());
    ASSERT_TRUE(plan) << plan.error().text();
    for (const wire::TailEntry& row : rows) {
        out.clear();
        (void)(*plan)->select(row, out);
    }
    const struct mallinfo2 after = mallinfo2();
    EXPECT_LE(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + (*plan)->budget().used_bytes());
}

std::string numbered(std::string_view front, int count, std::string_view behind) {
    std::string all;
    for (int i = 0; i < count; ++i) {
        all += fmt::format("{}{}{}", front, i, behind);
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, PlanMemory,
    testing::Values(
        Text{"a"}, Text{"*"}, Text{"user:ada -level:debug \"a b\""}, Text{"~`a`"},
        Text{"~`quota \\w+ for tenant-\\d{4}`"}, Text{"~`.*(a|b).{60}`"}, Text{"~`(.{30}){30}x`"},
        Text{"~`[^x]{1000}`"}, Text{"~`\\pL{6}`"}, Text{"~`b[^a]{1,100}\\d$`"},
        Text{"~`(?i)" + repeated("abcdefghijklmnopqrstuvwxyz", 150) + "`"}, Text{"~`" + repeated("(a|bc)", 400) + "`"},
        Text{"~`" + repeated("(", 900) + "a" + repeated(")", 900) + "`"}, Text{numbered("~`x", 16, "[^a]{1,60}` ")},
        Text{numbered("field", 256, ":!=\"" + repeated("v", 200) + "\" ")}, Text{numbered("*a", 256, "zz* ")},
        Text{"message:in(" + numbered("v", 1023, ", ") + "v)"}, Text{"\"" + repeated("a ", 30'000) + "\""},
        Text{repeated("x", 65'000)}, Text{"* " + repeated("| where a ", 63)}, Text{"time:5m size:>10 n:[1, 3)"},
        Text{"* | fields " + numbered("f", 1023, ", ") + "f"}, Text{"* | fields a, b | fields a"}),
    [](const auto& one) { return fmt::format("Number{}", one.index); });

}  // namespace
}  // namespace sluice::query::test
