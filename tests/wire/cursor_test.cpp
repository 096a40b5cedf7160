#include "wire/cursor.h"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

TEST(Cursor, TextIsReadBack) {
    const std::string_view text = "9f86d081884c7d659a2feaa0c55ad015:1:4711";
    const auto cursor = parse_cursor(text);
    ASSERT_TRUE(cursor) << cursor.error();
    EXPECT_EQ(cursor->epoch, 1U);
    EXPECT_EQ(cursor->sequence, 4711U);
    EXPECT_EQ(format_cursor(*cursor), text);
    EXPECT_EQ(*parse_cursor("9F86D081884C7D659A2FEAA0C55AD015:1:4711"), *cursor);
    EXPECT_EQ(parse_cursor("00000000000000000000000000000000:4294967295:18446744073709551615")->sequence, UINT64_MAX);
}

TEST(Cursor, OtherTextIsRefused) {
    for (const char* bad :
         {"", ":", "::", "9f86:1:2", "9f86d081884c7d659a2feaa0c55ad015", "9f86d081884c7d659a2feaa0c55ad015:1",
          "9f86d081884c7d659a2feaa0c55ad015:1:", "9f86d081884c7d659a2feaa0c55ad015::1",
          "9f86d081884c7d659a2feaa0c55ad015:-1:1", "9f86d081884c7d659a2feaa0c55ad015:4294967296:1",
          "9f86d081884c7d659a2feaa0c55ad015:1:18446744073709551616", "9f86d081884c7d659a2feaa0c55ad015:1:1 ",
          "gf86d081884c7d659a2feaa0c55ad015:1:1", "9f86d081884c7d659a2feaa0c55ad01:51:1"}) {
        const auto cursor = parse_cursor(bad);
        ASSERT_FALSE(cursor) << bad;
        EXPECT_EQ(cursor.error().code(), Errc::invalid_argument) << bad;
    }
}

}  // namespace
}  // namespace sluice::wire
