#include "wire/text_pattern.h"

#include <gtest/gtest.h>

#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr WallNs kPatternNow = 1'700'000'000'000'000'000;  // 2023-11-14T22:13:20Z

// The time as text and what is left of the line; "-": no match.
std::string matched(std::string_view pattern, std::string_view line, std::int32_t zone_seconds = 0) {
    const auto compiled = TextPattern::compile(pattern, {.zone_seconds = zone_seconds, .now = kPatternNow});
    if (!compiled) {
        return compiled.error().text();
    }
    const auto match = compiled->match(line);
    if (!match) {
        return "-";
    }
    std::string text;
    append_rfc3339(text, match->time_ns);
    if (match->severity) {
        text += fmt::format(" {}", severity_name(*match->severity));
    }
    return text + "|" + std::string(line.substr(match->end));
}

TEST(TextPattern, ReadsTheUsualForms) {
    EXPECT_EQ(matched("%Y-%m-%d %H:%M:%S,%3", "2016-12-19 16:00:01,042 x"), "2016-12-19T16:00:01.042000000Z| x");
    EXPECT_EQ(matched("[%F %T,%3] %l", "[2016-12-19 16:00:01,042] TRACE x"), "2016-12-19T16:00:01.042000000Z debug| x");
    EXPECT_EQ(matched("%FT%T.%3%z:", "2016-12-19T16:31:46.725+0100: 1"), "2016-12-19T15:31:46.725000000Z| 1");
    EXPECT_EQ(matched("%a, %d %b %Y %T %z", "Mon, 19 Dec 2016 16:00:01 -05:30"), "2016-12-19T21:30:01.000000000Z|");
    EXPECT_EQ(matched("%s.%f", "1700000000.5 x"), "2023-11-14T22:13:20.500000000Z| x");
    EXPECT_EQ(matched("%y%m%d %T", "161219  16:00:01"), "2016-12-19T16:00:01.000000000Z|");
    EXPECT_EQ(matched("%d.%m.%Y %H:%M", "19.12.2016\t16:00"), "2016-12-19T16:00:00.000000000Z|");
    EXPECT_EQ(matched("100%% %F", "100% 2016-12-19"), "2016-12-19T00:00:00.000000000Z|");
}

TEST(TextPattern, TimesWithoutAZoneAreInTheOneGiven) {
    EXPECT_EQ(matched("%F %T", "2016-12-19 16:00:01", 3600), "2016-12-19T15:00:01.000000000Z|");
    EXPECT_EQ(matched("%F %T%z", "2016-12-19 16:00:01Z", 3600), "2016-12-19T16:00:01.000000000Z|");
}

TEST(TextPattern, AYearThatIsMissingIsTheLastOnePossible) {
    EXPECT_EQ(matched("%b %e %T", "Nov 14 22:00:00 host"), "2023-11-14T22:00:00.000000000Z| host");
    EXPECT_EQ(matched("%b %e %T", "Nov  1 22:00:00"), "2023-11-01T22:00:00.000000000Z|");
    EXPECT_EQ(matched("%b %e %T", "Dec 31 22:00:00"), "2022-12-31T22:00:00.000000000Z|");
    EXPECT_EQ(matched("%b %e", "Feb 29"), "2020-02-29T00:00:00.000000000Z|");
}

TEST(TextPattern, FindsATimeInsideTheLine) {
    EXPECT_EQ(matched("%*[%d/%b/%Y:%T %z]", "1.2.3.4 - [x] [17/May/2015:10:05:03 +0000] \"GET\""),
              "2015-05-17T10:05:03.000000000Z| \"GET\"");
    EXPECT_EQ(matched("%*[%F", "no time"), "-");
}

TEST(TextPattern, RefusesWhatIsNoTime) {
    EXPECT_EQ(matched("%F %T", "2016-13-19 16:00:01"), "-");
    EXPECT_EQ(matched("%F %T", "2016-02-30 16:00:01"), "-");
    EXPECT_EQ(matched("%F %T", "2016-12-19 24:00:01"), "-");
    EXPECT_EQ(matched("%F %T", "2016-12-19 16:00"), "-");
    EXPECT_EQ(matched("%F", ""), "-");
    EXPECT_EQ(matched("%F %l", "2016-12-19 HELLO"), "-");
    EXPECT_EQ(matched("%s", "999999999999"), "-");
    EXPECT_EQ(matched("%Y-%m-%d", "9999-01-01"), "-");
}

TEST(TextPattern, APatternThatMakesNoSenseIsExplained) {
    EXPECT_THAT(matched("%H %Q", ""), ::testing::HasSubstr("character 4: unknown \"%Q\"; known are"));
    EXPECT_THAT(matched("%F %", ""), ::testing::HasSubstr("character 4: unknown \"%\""));
    EXPECT_THAT(matched("%T", ""), ::testing::HasSubstr("no date"));
    EXPECT_THAT(matched("%*%F", ""), ::testing::HasSubstr("must be followed"));
    EXPECT_THAT(matched(std::string(100, 'x'), ""), ::testing::HasSubstr("longer than"));
}

TEST(TextPattern, ReadsZones) {
    EXPECT_EQ(TextPattern::parse_zone("+01:00"), 3600);
    EXPECT_EQ(TextPattern::parse_zone("-0530"), -19800);
    EXPECT_EQ(TextPattern::parse_zone("Z"), 0);
    EXPECT_EQ(TextPattern::parse_zone("+1"), std::nullopt);
    EXPECT_EQ(TextPattern::parse_zone("+01:00x"), std::nullopt);
}

}  // namespace
}  // namespace sluice::wire
