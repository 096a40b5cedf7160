#include "query/time_literal.h"

#include <gtest/gtest.h>

#include "wire/time_text.h"

namespace sluice::query {
namespace {

std::string shown(std::string_view text) {
    const auto span = parse_time_literal(text, *wire::parse_rfc3339("2026-03-01T12:00:00Z"));
    if (!span) {
        return "none";
    }
    std::string begin;
    std::string end;
    wire::append_rfc3339(begin, span->begin);
    wire::append_rfc3339(end, span->end);
    return begin + " " + end;
}

TEST(TimeLiteral, IsAsLongAsWhatIsLeftOut) {
    EXPECT_EQ(shown("2026"), "2026-01-01T00:00:00.000000000Z 2027-01-01T00:00:00.000000000Z");
    EXPECT_EQ(shown("2026-12"), "2026-12-01T00:00:00.000000000Z 2027-01-01T00:00:00.000000000Z");
    EXPECT_EQ(shown("2024-02"), "2024-02-01T00:00:00.000000000Z 2024-03-01T00:00:00.000000000Z");
    EXPECT_EQ(shown("2026-03-01"), "2026-03-01T00:00:00.000000000Z 2026-03-02T00:00:00.000000000Z");
    EXPECT_EQ(shown("2026-03-01T12"), "2026-03-01T12:00:00.000000000Z 2026-03-01T13:00:00.000000000Z");
    EXPECT_EQ(shown("2026-03-01 12:30"), "2026-03-01T12:30:00.000000000Z 2026-03-01T12:31:00.000000000Z");
    EXPECT_EQ(shown("2026-03-01T12:30:05"), "2026-03-01T12:30:05.000000000Z 2026-03-01T12:30:06.000000000Z");
    EXPECT_EQ(shown("2026-03-01T12:30:05.25Z"), "2026-03-01T12:30:05.250000000Z 2026-03-01T12:30:05.260000000Z");
}

TEST(TimeLiteral, HasAZone) {
    EXPECT_EQ(shown("2026-03-01T13:00+01:00"), "2026-03-01T12:00:00.000000000Z 2026-03-01T12:01:00.000000000Z");
    EXPECT_EQ(shown("2026-03-01-05:00"), "2026-03-01T05:00:00.000000000Z 2026-03-02T05:00:00.000000000Z");
    EXPECT_EQ(shown("2026-02+14:00"), "2026-01-31T10:00:00.000000000Z 2026-02-28T10:00:00.000000000Z");
}

TEST(TimeLiteral, MayCountFromNow) {
    EXPECT_EQ(shown("now"), "2026-03-01T12:00:00.000000000Z 2026-03-01T12:00:00.000000001Z");
    EXPECT_EQ(shown("1h30m"), "2026-03-01T10:30:00.000000000Z 2026-03-01T10:30:00.000000001Z");
    EXPECT_EQ(shown("1.5d"), "2026-02-28T00:00:00.000000000Z 2026-02-28T00:00:00.000000001Z");
}

TEST(TimeLiteral, RefusesWhatIsNone) {
    for (const std::string_view text : {"", "5", "-5m", "5 m", "yesterday", "2026-13", "2026-02-30", "2026-03-01T25",
                                        "20260301", "2026-03-01T12:00:00.Z", "5m5", "1e3s", "99999999999999y"}) {
        EXPECT_EQ(shown(text), "none") << text;
    }
}

}  // namespace
}  // namespace sluice::query
