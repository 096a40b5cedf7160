#include "part/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::part {
namespace {

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    for_each_word(text, [&](std::string_view word) { words.emplace_back(word); });
    return words;
}

TEST(Words, AreRunsOfLettersDigitsUnderscoresAndBytesAbove0x7f) {
    using testing::ElementsAre;
    EXPECT_THAT(words_of("GET /a_b/c-1?x=Ünï HTTP/1.1"),
                ElementsAre("GET", "a_b", "c", "1", "x", "Ünï", "HTTP", "1", "1"));
    EXPECT_THAT(words_of(" ..,"), ElementsAre());
    EXPECT_THAT(words_of(""), ElementsAre());
    EXPECT_THAT(words_of("end"), ElementsAre("end"));
}

TEST(Words, HashTheSameInAnyCaseAndDifferentlyOtherwise) {
    const std::string long_word(100, 'A');
    EXPECT_EQ(token_hash("Error"), token_hash("eRROR"));
    EXPECT_EQ(token_hash(long_word), token_hash(lower_case(long_word)));
    EXPECT_NE(token_hash("error"), token_hash("errors"));
    EXPECT_EQ(token_hash("\u00C9CLAIR"), token_hash("\u00E9clair"));
    EXPECT_NE(token_hash("\u00C9CLAIR", TokenFold::ascii), token_hash("\u00E9clair", TokenFold::ascii));
    EXPECT_EQ(token_hash("\u00C9CLAIR", TokenFold::ascii), token_hash("\u00C9clair", TokenFold::ascii));
}

}  // namespace
}  // namespace sluice::part
