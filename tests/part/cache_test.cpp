#include "part/cache.h"

#include <gtest/gtest.h>

namespace sluice::part {
namespace {

Cache::Key key(std::uint32_t index, std::uint64_t part = 1) {
    return {part, Cache::Kind::values, index, 0};
}

void put(Cache& cache, std::uint32_t index, int value, std::uint64_t part = 1) {
    cache.put(key(index, part), std::make_shared<int>(value), 1000);
}

TEST(PartCache, ForgetsWhatWasUsedLongestAgo) {
    Cache cache(3 * 1200);
    put(cache, 1, 10);
    put(cache, 2, 20);
    put(cache, 3, 30);
    ASSERT_NE(cache.get<int>(key(1)), nullptr);
    put(cache, 4, 40);
    EXPECT_EQ(*cache.get<int>(key(1)), 10);
    EXPECT_EQ(cache.get<int>(key(2)), nullptr);
    EXPECT_EQ(*cache.get<int>(key(4)), 40);
    EXPECT_LE(cache.bytes(), 3U * 1200U);
}

TEST(PartCache, KeepsNothingAboveItsBound) {
    Cache cache(500);
    put(cache, 1, 10);
    EXPECT_EQ(cache.get<int>(key(1)), nullptr);
    EXPECT_EQ(cache.bytes(), 0U);
}

TEST(PartCache, ReplacesAndDropsParts) {
    Cache cache(100'000);
    put(cache, 1, 10);
    put(cache, 1, 11);
    put(cache, 1, 12, 2);
    const std::size_t both = cache.bytes();
    EXPECT_EQ(*cache.get<int>(key(1)), 11);
    const auto held = cache.get<int>(key(1));
    cache.drop_part(1);
    EXPECT_EQ(cache.get<int>(key(1)), nullptr);
    EXPECT_EQ(*held, 11);
    EXPECT_EQ(*cache.get<int>(key(1, 2)), 12);
    EXPECT_EQ(cache.bytes(), both / 2);
}

}  // namespace
}  // namespace sluice::part
