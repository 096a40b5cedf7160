#include "wire/time_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::wire {
namespace {

std::string text_of(WallNs time) {
    std::string text;
    append_rfc3339(text, time);
    return text;
}

TEST(Rfc3339, WritesNanoseconds) {
    EXPECT_EQ(text_of(0), "1970-01-01T00:00:00.000000000Z");
    EXPECT_EQ(text_of(1700528523123456789), "2023-11-21T01:02:03.123456789Z");
    EXPECT_EQ(text_of(-1), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(text_of(std::numeric_limits<WallNs>::max()), "2262-04-11T23:47:16.854775807Z");
    EXPECT_EQ(text_of(std::numeric_limits<WallNs>::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(Rfc3339, ReadsItsVariants) {
    constexpr WallNs kTime = 1700528523000000000;
    EXPECT_EQ(parse_rfc3339("2023-11-21T01:02:03Z"), kTime);
    EXPECT_EQ(parse_rfc3339("2023-11-21 01:02:03"), kTime);
    EXPECT_EQ(parse_rfc3339("2023-11-21t01:02:03z"), kTime);
    EXPECT_EQ(parse_rfc3339("2023-11-21T02:32:03+01:30"), kTime);
    EXPECT_EQ(parse_rfc3339("2023-11-20T20:02:03-0500"), kTime);
    EXPECT_EQ(parse_rfc3339("2023-11-21T02:02:03+01"), kTime);
    EXPECT_EQ(parse_rfc3339("2023-11-21T01:02:03.123456789Z"), kTime + 123456789);
    EXPECT_EQ(parse_rfc3339("2023-11-21T01:02:03,5Z"), kTime + 500000000);
    EXPECT_EQ(parse_rfc3339("2023-11-21T01:02:03.1234567899999Z"), kTime + 123456789);
    EXPECT_EQ(parse_rfc3339("2023-11-21"), kTime - 3723LL * 1000000000);
    EXPECT_EQ(parse_rfc3339("2023-11-21T01:02"), kTime - 3LL * 1000000000);
}

TEST(Rfc3339, RefusesOtherText) {
    for (const char* bad :
         {"", "2023", "2023-13-01", "2023-02-29", "2023-11-21T", "2023-11-21T24:00:00Z", "2023-11-21T01:60:00Z",
          "2023-11-21T01:02:03.Z", "2023-11-21T01:02:03ZZ", "2023-11-21T01:02:03+1", "2023-11-21T01:02:03 CET",
          "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "21 Nov 2023", "2023-11-2a"}) {
        EXPECT_FALSE(parse_rfc3339(bad)) << bad;
    }
}

// All that read times read them with this.
TEST(ZoneText, IsReadAtTheFront) {
    const auto zone = [](std::string_view text) {
        const auto found = zone_at_front(text);
        return found ? fmt::format("{} {}", found->seconds, found->bytes) : std::string("-");
    };
    EXPECT_EQ(zone("Z"), "0 1");
    EXPECT_EQ(zone("z x"), "0 1");
    EXPECT_EQ(zone("+01:30"), "5400 6");
    EXPECT_EQ(zone("-0530 x"), "-19800 5");
    EXPECT_EQ(zone("+01"), "3600 3");
    EXPECT_EQ(zone("+01 x"), "3600 3");
    EXPECT_EQ(zone("+23:59"), "86340 6");
    for (const char* bad :
         {"", "x", "+", "+1", "+1x", "+01:", "+01:3", "+013", "+01:x0", "+24:00", "+00:60", "+99:99", "UTC"}) {
        EXPECT_EQ(zone(bad), "-") << bad;
    }
}

class AppendTime : public testing::Test {
 protected:
    void SetUp() override { set_zone("XYZ-5:30"); }
    void TearDown() override { set_zone(nullptr); }
    static void set_zone(const char* zone) {
        if (zone != nullptr) {
            ::setenv("TZ", zone, 1);
        } else {
            ::unsetenv("TZ");
        }
        ::tzset();
    }
    static std::string shown(WallNs time, Zone zone) {
        std::string text;
        append_time(text, time, zone);
        return text;
    }
};

TEST_F(AppendTime, HasTheOffsetOfTheZoneAndReadsBackEqual) {
    constexpr WallNs kTime = 1700528523123456789;
    EXPECT_EQ(shown(kTime, Zone::utc), "2023-11-21T01:02:03.123456789Z");
    EXPECT_EQ(shown(kTime, Zone::local), "2023-11-21T06:32:03.123456789+05:30");
    EXPECT_EQ(parse_rfc3339(shown(kTime, Zone::local)), kTime);
    EXPECT_EQ(shown(-1, Zone::local), "1970-01-01T05:29:59.999999999+05:30");
    set_zone("XYZ3");
    EXPECT_EQ(shown(kTime, Zone::local), "2023-11-20T22:02:03.123456789-03:00");
    EXPECT_EQ(shown(std::numeric_limits<WallNs>::min(), Zone::local), "1677-09-21T00:12:43.145224192Z");
    set_zone("UTC");
    EXPECT_EQ(shown(kTime, Zone::local), "2023-11-21T01:02:03.123456789Z");
}

}  // namespace
}  // namespace sluice::wire
