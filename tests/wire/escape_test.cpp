#include "wire/escape.h"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

TEST(Escape, TextIsLeftAlone) {
    for (const char* text : {"", "plain text \\ \"quotes\" ~", "größe", "日本語", "😀", "\u00A0"}) {
        EXPECT_EQ(escaped(text), text);
    }
}

TEST(Escape, TerminalControlIsShown) {
    EXPECT_EQ(escaped("a\x1b[31mb"), "a\\x1b[31mb");
    EXPECT_EQ(escaped("\n\r\t"), "\\n\\r\\t");
    EXPECT_EQ(escaped(std::string_view("\0\x07\x7f", 3)), "\\x00\\x07\\x7f");
    EXPECT_EQ(escaped("\u0085\u009b"), "\\u0085\\u009b");
}

TEST(Escape, BidirectionalControlIsShown) {
    EXPECT_EQ(escaped("\u202a\u202e\u2066\u2069\u200f\u061c\u2028"),
              "\\u202a\\u202e\\u2066\\u2069\\u200f\\u061c\\u2028");
    EXPECT_EQ(escaped("\u202f\u2065\u206a"), "\u202f\u2065\u206a");
}

TEST(Escape, BytesThatAreNotUtf8AreShown) {
    EXPECT_EQ(escaped("a\xff"), "a\\xff");
    EXPECT_EQ(escaped("\xc3"), "\\xc3");
    EXPECT_EQ(escaped("\xc0\x80"), "\\xc0\\x80");
    EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
    EXPECT_EQ(escaped("\xe2\x82z"), "\\xe2\\x82z");
    EXPECT_EQ(escaped("\x9b[0m"), "\\x9b[0m");
}

TEST(Escape, QuotedTextEscapesItsQuotes) {
    EXPECT_EQ(quoted("a \"b\" \\ \n"), R"("a \"b\" \\ \n")");
    EXPECT_EQ(quoted(""), R"("")");
}

TEST(Escape, BlanksAreFound) {
    EXPECT_TRUE(has_blank("a b"));
    EXPECT_TRUE(
        has_blank("a\xc2\xa0"
                  "b"));                         // No-break space.
    EXPECT_TRUE(has_blank("\xe2\x80\x8b_uid"));  // Zero width space.
    EXPECT_TRUE(has_blank("\xff\xe3\x80\x80"));  // Ideographic space.
    EXPECT_TRUE(
        has_blank("\xf3\xa0\x81\x9f"
                  "uid"));  // A tag, which shows nothing.
    EXPECT_FALSE(has_blank(""));
    EXPECT_FALSE(
        has_blank("gr\xc3\xb6\xc3\x9f"
                  "e_\xff"));
}

TEST(Utf8, LengthsAndPointsAreFound) {
    EXPECT_EQ(utf8_length("a"), 1U);
    EXPECT_EQ(utf8_length("\u07ff"), 2U);
    EXPECT_EQ(utf8_length("\uffff"), 3U);
    EXPECT_EQ(utf8_length("\U0010ffff"), 4U);
    EXPECT_EQ(utf8_point("\U0010ffff"), U'\U0010ffff');
    EXPECT_EQ(utf8_point("ß"), U'ß');
    EXPECT_TRUE(valid_utf8("aß日😀"));
    EXPECT_FALSE(valid_utf8("aß\xf0\x9f\x98"));
}

}  // namespace
}  // namespace sluice::wire
