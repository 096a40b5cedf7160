#include "part/case_fold.h"

#include <gtest/gtest.h>

#include "part/words.h"

namespace sluice::part {
namespace {

TEST(CaseFold, FoldsLettersOfAnyLanguageAndKeepsTheRest) {
    EXPECT_EQ(fold_case("GET /Caf\u00C9?"), "get /caf\u00E9?");
    EXPECT_EQ(fold_case("\u041E\u0428\u0418\u0411\u041A\u0410"), "\u043E\u0448\u0438\u0431\u043A\u0430");
    EXPECT_EQ(fold_case("\u0100\u0101\u0102"), "\u0101\u0101\u0103");  // Every second one is a capital.
    EXPECT_EQ(fold_case("\u03C2\u03A3"), "\u03C3\u03C3");              // The final sigma.
    EXPECT_EQ(fold_case("\u1E9E\u2126\u023A"), "\u00DF\u03C9\u2C65");  // Shorter, shorter, longer.
    EXPECT_EQ(fold_case("\U00010400"), "\U00010428");
    EXPECT_EQ(fold_case("\u4E2D\u6587 \U0001F600"), "\u4E2D\u6587 \U0001F600");
    EXPECT_EQ(fold_case("\u212A\u017F"), "\u212A\u017F");  // Not "ks".
}

TEST(CaseFold, KeepsBytesThatAreNoText) {
    for (const std::string_view text :
         {"\xC3", "\xC3(", "\xE0\x83\x80", "\xC0\x80", "\xF8\x80\x80\x80\x80", "\xFF", "\xE2\x84", "\xF0\x90\x90"}) {
        EXPECT_EQ(fold_case(text), text);
        EXPECT_FALSE(has_case_beyond_ascii(text));
    }
    EXPECT_EQ(fold_case("\xC3\xC3\x89"), "\xC3\xC3\xA9");
}

TEST(CaseFold, IsTheSameForAsciiAsThatOfWords) {
    std::string all;
    for (int c = 1; c < 0x80; ++c) {
        all += static_cast<char>(c);
    }
    EXPECT_EQ(fold_case(all), lower_case(all));
    EXPECT_FALSE(has_case_beyond_ascii(all));
}

TEST(CaseFold, KnowsCapitals) {
    for (const std::string_view text : {"A", "xZ", "\u00C9", "\u0416", "\u01C4", "\u01C5"}) {
        EXPECT_TRUE(has_capital(text)) << text;
    }
    for (const std::string_view text : {"", "a_1", "\u00E9", "\u00DF", "\u03C2", "\u00B5", "\u4E2D", "\xC3"}) {
        EXPECT_FALSE(has_capital(text)) << text;
    }
}

TEST(CaseFold, KnowsLettersThatHaveCases) {
    for (const std::string_view text : {"\u00C9", "a\u00E9", "\u03C2", "\u03C3", "\u00B5", "\u0448", "\U00010428"}) {
        EXPECT_TRUE(has_case_beyond_ascii(text)) << text;
    }
    for (const std::string_view text : {"", "Az", "\u4E2D", "\u00AA", "\u2013", "\u0138"}) {
        EXPECT_FALSE(has_case_beyond_ascii(text)) << text;
    }
}

}  // namespace
}  // namespace sluice::part
