#include "part/literal_search.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "part/template_gen.h"
#include "part/words.h"

namespace sluice::part {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

std::vector<SearchKernel> kernels() {
    std::vector<SearchKernel> available;
    for (const SearchKernel kernel :
         {SearchKernel::best, SearchKernel::avx2, SearchKernel::sse2, SearchKernel::scalar}) {
        if (is_available(kernel)) {
            available.push_back(kernel);
        }
    }
    return available;
}

TEST(LiteralSearcher, HasAVectorKernelOnX86) {
#if defined(__x86_64__)
    EXPECT_TRUE(is_available(SearchKernel::sse2));
    if (!is_available(SearchKernel::avx2)) {
        GTEST_SKIP() << "this CPU has no AVX2: that kernel is not tested";
    }
#else
    GTEST_SKIP() << "not x86-64: only the scalar kernel is tested";
#endif
}

// The needle at every place of texts of every length around the blocks, also as the very last bytes.
TEST(LiteralSearcher, FindsTheNeedleWhereverItIs) {
    for (const SearchKernel kernel : kernels()) {
        for (const std::string_view needle : {"x", "xy", "Xyz", "x1234567890123456789012345678901234567y"}) {
            const LiteralSearcher exact(needle, false, kernel);
            const LiteralSearcher any_case(needle, true, kernel);
            for (std::size_t size = needle.size(); size < needle.size() + 100; ++size) {
                ASSERT_EQ(exact.find(std::string(size, '.')), kNone);
                for (std::size_t at = 0; at + needle.size() <= size; ++at) {
                    std::string text(size, '.');
                    text.replace(at, needle.size(), needle);
                    ASSERT_EQ(exact.find(text), at);
                    ASSERT_EQ(exact.find(text, at + 1), kNone);
                    text.replace(at, 1, 1, needle.front() == 'x' ? 'X' : 'x');
                    ASSERT_EQ(exact.find(text), kNone);
                    ASSERT_EQ(any_case.find(text), at);
                }
            }
        }
    }
}

TEST(LiteralSearcher, FoldsOnlyLettersOfAscii) {
    for (const SearchKernel kernel : kernels()) {
        EXPECT_EQ(LiteralSearcher("@[`{", true, kernel).find(std::string(40, '.') + "`{@["), kNone);
        EXPECT_EQ(LiteralSearcher("@[", true, kernel).find(std::string(40, '.') + "`{"), kNone);
        EXPECT_EQ(LiteralSearcher("\xC3\x84", true, kernel).find("\xC3\xA4"), kNone);
        EXPECT_EQ(LiteralSearcher("ERROR", true, kernel).find("an eRRoR"), 3U);
    }
}

TEST(LiteralSearcher, FindsAnEmptyNeedleEverywhere) {
    const LiteralSearcher searcher("", false);
    EXPECT_EQ(searcher.find(""), 0U);
    EXPECT_EQ(searcher.find("ab", 2), 2U);
    EXPECT_EQ(searcher.find("ab", 3), kNone);
    EXPECT_EQ(searcher.find_phrase("ab"), 0U);
}

TEST(LiteralSearcher, FindsPhrasesOfWholeWords) {
    const LiteralSearcher searcher("connection refused", true);
    EXPECT_EQ(searcher.find_phrase("disconnection refused, Connection Refused."), 23U);
    EXPECT_EQ(searcher.find_phrase("connection refused_"), kNone);
    EXPECT_EQ(searcher.find_prefix("connection refused_"), 0U);
    EXPECT_EQ(searcher.find_prefix("disconnection refused"), kNone);
    EXPECT_EQ(LiteralSearcher("=5", false).find_phrase("a=5"), 1U);
    EXPECT_EQ(LiteralSearcher("=5", false).find_phrase("a=55"), kNone);
    EXPECT_EQ(LiteralSearcher("a=", false).find_phrase("a=5"), 0U);
}

std::size_t plain_find(std::string_view text, std::string_view needle, std::size_t from, bool ignore_case) {
    return ignore_case ? lower_case(text).find(lower_case(needle), from) : text.find(needle, from);
}

std::size_t plain_words(std::string_view text, std::string_view needle, bool ignore_case, bool end_too) {
    for (std::size_t at = plain_find(text, needle, 0, ignore_case); at != kNone;
         at = plain_find(text, needle, at + 1, ignore_case)) {
        const std::size_t end = at + needle.size();
        const bool before = !needle.empty() && at > 0 && is_word_byte(needle.front()) && is_word_byte(text[at - 1]);
        const bool behind =
            !needle.empty() && end < text.size() && is_word_byte(needle.back()) && is_word_byte(text[end]);
        if (!before && !(end_too && behind)) {
            return at;
        }
    }
    return kNone;
}

RC_GTEST_PROP(LiteralSearcher, FindsWhatAPlainSearchFinds, (bool ignore_case)) {
    const std::string text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("abAB _\xC3.")));
    const std::string needle = run_of("abAB _\xC3", 3);
    const auto from = *rc::gen::inRange<std::size_t>(0, text.size() + 2);
    for (const SearchKernel kernel : kernels()) {
        const LiteralSearcher searcher(needle, ignore_case, kernel);
        RC_ASSERT(searcher.find(text, from) == plain_find(text, needle, from, ignore_case));
        RC_ASSERT(searcher.find_phrase(text) == plain_words(text, needle, ignore_case, true));
        RC_ASSERT(searcher.find_prefix(text) == plain_words(text, needle, ignore_case, false));
    }
}

}  // namespace
}  // namespace sluice::part
