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

// Each value takes its bytes and those of the entry.
TEST(PartCache, IsFilledToTheLastByte) {
    const std::size_t entry = [] {
        Cache cache(10'000);
        cache.put(key(1), std::make_shared<int>(1), 0);
        return cache.bytes();
    }();
    EXPECT_GT(entry, 0U);
    Cache exact(1000 + entry);
    put(exact, 1, 10);
    EXPECT_EQ(exact.bytes(), 1000 + entry);
    EXPECT_NE(exact.get<int>(key(1)), nullptr);
    put(exact, 2, 20);
    EXPECT_EQ(exact.get<int>(key(1)), nullptr);
    EXPECT_NE(exact.get<int>(key(2)), nullptr);
    EXPECT_EQ(exact.bytes(), 1000 + entry);
    Cache smaller(1000 + entry - 1);
    put(smaller, 1, 10);
    EXPECT_EQ(smaller.get<int>(key(1)), nullptr);
    Cache two(2 * (1000 + entry));
    put(two, 1, 10);
    put(two, 2, 20);
    EXPECT_NE(two.get<int>(key(1)), nullptr);
    EXPECT_NE(two.get<int>(key(2)), nullptr);
    put(two, 3, 30);
    EXPECT_EQ(two.get<int>(key(1)), nullptr) << "used longest ago";
    EXPECT_NE(two.get<int>(key(2)), nullptr);
}

TEST(PartCache, ReplacingMakesRoomOfWhatIsReplaced) {
    Cache cache(5000);
    put(cache, 1, 10);
    const std::size_t one = cache.bytes();
    put(cache, 1, 11);
    EXPECT_EQ(cache.bytes(), one);
    cache.put(key(1), std::make_shared<int>(12), 100);
    EXPECT_EQ(cache.bytes(), one - 900);
    cache.drop_part(2);
    EXPECT_EQ(cache.bytes(), one - 900);
    cache.drop_part(1);
    EXPECT_EQ(cache.bytes(), 0U);
}

TEST(PartCache, EveryPartOfAKeyTellsValuesApart) {
    Cache cache(100'000);
    const Cache::Key base{1, Cache::Kind::values, 2, 3};
    Cache::Key part = base;
    part.part = 2;
    Cache::Key kind = base;
    kind.kind = Cache::Kind::slots;
    Cache::Key index = base;
    index.index = 3;
    Cache::Key page = base;
    page.page = 2;
    int value = 0;
    for (const Cache::Key& one : {base, part, kind, index, page}) {
        cache.put(one, std::make_shared<int>(value++), 1);
    }
    value = 0;
    for (const Cache::Key& one : {base, part, kind, index, page}) {
        ASSERT_NE(cache.get<int>(one), nullptr);
        EXPECT_EQ(*cache.get<int>(one), value++);
    }
}

TEST(PartCache, IdentitiesAreNeverGivenTwice) {
    Cache cache(0);
    const std::uint64_t first = cache.next_part();
    EXPECT_NE(cache.next_part(), first);
    EXPECT_NE(first, 0U);
}

}  // namespace
}  // namespace sluice::part
