#include "query/value_runs.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "sanitizer.h"

namespace sluice::query {
namespace {

// Whatever is counted and whatever is kept one by one.
TEST(ValueRuns, AreInOrderHoweverTheyWereAdded) {
    const std::vector<int> cases =
        ::sluice::test::kAddressSanitizer ? std::vector<int>{1'000'000} : std::vector<int>{7, 1000, 1'000'000};
    for (const int distinct : cases) {
        std::mt19937 random(1);
        ValueRuns<double> runs;
        ValueRuns<std::int64_t> more;
        std::vector<double> all;
        for (int i = 0; i < 700'000; ++i) {
            const int value = static_cast<int>(random() % static_cast<unsigned>(distinct));
            const std::uint64_t times = i % 1000 == 0 ? 3 : 1;
            if (i % 2 == 0) {
                runs.add(value, times);
            } else {
                more.add(value, times);
            }
            all.insert(all.end(), times, value);
        }
        runs.merge(more);
        std::ranges::sort(all);
        ASSERT_EQ(runs.count(), all.size());
        for (const std::size_t place : {std::size_t{0}, all.size() / 3, all.size() / 2, all.size() - 1}) {
            EXPECT_EQ(runs.at(place), all[place]) << distinct << " " << place;
        }
    }
}

TEST(ValueRuns, TakeLittleWhereValuesRepeat) {
    ValueRuns<std::int64_t> runs;
    constexpr int kValues = ::sluice::test::kAddressSanitizer ? 1'200'000 : 4'000'000;
    for (int i = 0; i < kValues; ++i) {
        runs.add(i % 500, 1);
    }
    EXPECT_LT(runs.bytes(), 5'000'000U);  // Of 32 MB; a third of them under a sanitizer.
}

TEST(ValueRuns, PutWhatIsNoNumberLast) {
    ValueRuns<double> runs;
    for (const double value : {3.0, std::numeric_limits<double>::quiet_NaN(), 1.0}) {
        runs.add(value, 2);
    }
    EXPECT_EQ(runs.at(0), 1.0);
    EXPECT_EQ(runs.at(3), 3.0);
    EXPECT_TRUE(std::isnan(runs.at(5)));
}

}  // namespace
}  // namespace sluice::query
