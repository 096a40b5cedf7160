#include "part/token_filter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "part/words.h"

namespace sluice::part {
namespace {

RC_GTEST_PROP(TokenFilter, NeverMissesAHashThatWasAdded, (std::vector<std::uint64_t> hashes, bool with_zero)) {
    if (with_zero) {
        hashes.push_back(0);
    }
    TokenFilterBuilder builder;
    for (const std::uint64_t hash : hashes) {
        builder.add(hash);
    }
    RC_ASSERT(builder.distinct() == std::set(hashes.begin(), hashes.end()).size());
    const Bytes bytes = builder.finish();
    RC_ASSERT(TokenFilter::is_valid(bytes));
    RC_ASSERT(TokenFilter(bytes).may_contain_all(hashes));
}

TEST(TokenFilter, LetsLessThanTwoPercentOfAbsentWordsThrough) {
    for (const std::size_t words : {100U, 5'000U, 100'000U}) {
        TokenFilterBuilder builder;
        for (std::size_t i = 0; i < words; ++i) {
            builder.add(token_hash("word" + std::to_string(i)));
        }
        const Bytes bytes = builder.finish();
        EXPECT_LE(bytes.size() * 8, words * kTokenFilterBitsPerKey + kTokenFilterBlockBytes * 8);
        const TokenFilter filter(bytes);
        constexpr std::size_t kAbsent = 50'000;
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < kAbsent; ++i) {
            wrong += filter.may_contain(token_hash("absent" + std::to_string(i))) ? 1 : 0;
        }
        RecordProperty("wrong_per_million_of_" + std::to_string(words), std::to_string(wrong * 1'000'000 / kAbsent));
        EXPECT_LT(wrong, kAbsent * 2 / 100) << "with " << words << " words";
    }
}

TEST(TokenFilter, OfAColumnWithoutWordsIsEmptyAndContainsNothing) {
    const Bytes bytes = TokenFilterBuilder().finish();
    EXPECT_TRUE(bytes.empty());
    EXPECT_FALSE(TokenFilter(bytes).may_contain(token_hash("any")));
    EXPECT_TRUE(TokenFilter(bytes).may_contain_all({}));
}

TEST(TokenFilter, HoldsAWordOnceHoweverOftenItComes) {
    TokenFilterBuilder builder;
    for (int i = 0; i < 1'000'000; ++i) {
        builder.add(token_hash("same"));
    }
    EXPECT_EQ(builder.distinct(), 1U);
    EXPECT_EQ(builder.finish().size(), kTokenFilterBlockBytes);
}

TEST(TokenFilter, RefusesBytesThatAreNotWholeBlocks) {
    EXPECT_FALSE(TokenFilter::is_valid(Bytes(33)));
    EXPECT_TRUE(TokenFilter::is_valid(Bytes(64)));
}

}  // namespace
}  // namespace sluice::part
