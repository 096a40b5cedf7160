// Times as text: each part at its last value and one beyond, each form and what only looks like it.
#include <gmock/gmock.h>

#include "wire/text_pattern.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr WallNs kSecondNs = 1'000'000'000;
constexpr WallNs kDayNs = 86'400 * kSecondNs;

// ---- RFC 3339 ----

std::string rfc3339(WallNs time) {
    std::string text = "x";
    append_rfc3339(text, time);
    return text.substr(1);
}

TEST(Rfc3339Edges, WritesEachSecondOfTheDay) {
    EXPECT_EQ(rfc3339(kDayNs - 1), "1970-01-01T23:59:59.999999999Z");
    EXPECT_EQ(rfc3339(kDayNs), "1970-01-02T00:00:00.000000000Z");
    EXPECT_EQ(rfc3339(3'599 * kSecondNs), "1970-01-01T00:59:59.000000000Z");
    EXPECT_EQ(rfc3339(3'600 * kSecondNs), "1970-01-01T01:00:00.000000000Z");
    EXPECT_EQ(rfc3339(-kSecondNs), "1969-12-31T23:59:59.000000000Z");
    EXPECT_EQ(rfc3339(-kDayNs), "1969-12-31T00:00:00.000000000Z");
    EXPECT_EQ(rfc3339(-kDayNs - 1), "1969-12-30T23:59:59.999999999Z");
    EXPECT_EQ(rfc3339(kSecondNs + 5), "1970-01-01T00:00:01.000000005Z");
    for (WallNs time = -3 * kDayNs; time < 3 * kDayNs; time += 1'234'567'891'011) {
        EXPECT_EQ(parse_rfc3339(rfc3339(time)), time);
    }
}

TEST(Rfc3339Edges, ReadsEachPart) {
    EXPECT_EQ(parse_rfc3339("1970-01-02"), kDayNs);
    EXPECT_EQ(parse_rfc3339("1970-02-01"), 31 * kDayNs);
    EXPECT_EQ(parse_rfc3339("1971-01-01"), 365 * kDayNs);
    EXPECT_EQ(parse_rfc3339("1970-01-01T01:00"), 3'600 * kSecondNs);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:01"), 60 * kSecondNs);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:01"), kSecondNs);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.000000001"), 1);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.1"), 100'000'000);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.9999999999"), 999'999'999);
    EXPECT_EQ(parse_rfc3339("1970-01-01T23:59:60"), kDayNs);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:01Z"), 60 * kSecondNs);
    EXPECT_EQ(parse_rfc3339("1970-01-01T01:01+01"), 60 * kSecondNs);
    EXPECT_EQ(parse_rfc3339("2024-02-29"), 19'782 * kDayNs);
}

TEST(Rfc3339Edges, RefusesWhatOnlyLooksLikeATime) {
    for (const char* bad : {"1970-00-01",
                            "1970-13-01",
                            "1970-01-00",
                            "1970-01-32",
                            "2023-02-29",
                            "1970:01-01",
                            "1970-01:01",
                            "197-01-01",
                            "19700-01-01",
                            "1970-1-01",
                            "1970-01-1",
                            "1970-01-01x",
                            "1970-01-01T",
                            "1970-01-01T1",
                            "1970-01-01T01",
                            "1970-01-01T01:",
                            "1970-01-01T01:0",
                            "1970-01-01T24:00",
                            "1970-01-01T00:60",
                            "1970-01-01T00:00:",
                            "1970-01-01T00:00:0",
                            "1970-01-01T00:00:61",
                            "1970-01-01T00:00:00.",
                            "1970-01-01T00:00:00.x",
                            "1970-01-01T00:00:00Zx",
                            "1970-01-01T00:00:00x",
                            "1970-01-01T00:00:00 Z",
                            "1970-01-01x00:00:00",
                            "1970-01-01T00.00",
                            "1970/01/01",
                            "a970-01-01",
                            "1970-01-01T00:00+",
                            "1970-01-01T00:00+0",
                            "1970-01-01T00:00+00:",
                            "1970-01-01T00:00+00:0",
                            "1970-01-01T00:00+00:00x",
                            "1970-01-01T00:00:00,",
                            "1970-01-01T0:000",
                            "1970-01-01T/0:00",
                            "1970-01-01T0::00"}) {
        EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
    }
}

// ---- patterns ----

constexpr WallNs kNow = 1'700'000'000 * kSecondNs;  // 2023-11-14T22:13:20Z

std::string found(std::string_view pattern, std::string_view line, std::int32_t zone_seconds = 0, WallNs now = kNow) {
    const auto compiled = TextPattern::compile(pattern, {.zone_seconds = zone_seconds, .now = now});
    if (!compiled) {
        return fmt::format("{}", compiled.error());
    }
    const auto match = compiled->match(line);
    if (!match) {
        return "-";
    }
    std::string text = rfc3339(match->time_ns);
    text = text.substr(0, text.find(".000000000Z"));
    if (match->severity) {
        text += fmt::format(" {}", severity_name(*match->severity));
    }
    return text + "|" + std::string(line.substr(match->end));
}

TEST(PatternEdges, MonthsAndWeekdaysInAnyCase) {
    const std::string_view months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                       "jul", "aug", "sep", "oct", "nov", "dec"};
    for (std::size_t i = 0; i < 12; ++i) {
        for (const int upper : {0, 1, 3}) {
            std::string name(months[i]);
            for (int at = 0; at < upper; ++at) {
                name[static_cast<std::size_t>(at)] = static_cast<char>(name[static_cast<std::size_t>(at)] - 'a' + 'A');
            }
            EXPECT_EQ(found("%b %d %Y", name + " 02 2001 x"), fmt::format("2001-{:02}-02T00:00:00| x", i + 1));
        }
    }
    for (const char* day : {"mon", "TUE", "Wed", "thu", "FRI", "Sat", "sUN"}) {
        EXPECT_EQ(found("%a %F", fmt::format("{} 2001-02-03!", day)), "2001-02-03T00:00:00|!");
    }
    for (const char* bad : {"jax 02 2001", "ja", "", "[an 02 2001", "@an 02 2001",
                            "\x8A"
                            "an 02 2001"}) {
        EXPECT_EQ(found("%b %d %Y", bad), "-") << bad;
    }
    EXPECT_EQ(found("%a %F", "mo 2001-02-03"), "-");
}

TEST(PatternEdges, PartsEndAtTheirLastValue) {
    EXPECT_EQ(found("%F %T", "2001-12-31 23:59:59"), "2001-12-31T23:59:59|");
    EXPECT_EQ(found("%F %T", "2001-12-31 23:59:60"), "2002-01-01T00:00:00|");
    EXPECT_EQ(found("%F %T", "2001-12-31 23:59:61"), "-");
    EXPECT_EQ(found("%F %T", "2001-12-31 23:60:00"), "-");
    EXPECT_EQ(found("%F %T", "2001-12-31 24:00:00"), "-");
    EXPECT_EQ(found("%F", "2001-00-31"), "-");
    EXPECT_EQ(found("%F", "2001-13-31"), "-");
    EXPECT_EQ(found("%F", "2001-01-00"), "-");
    EXPECT_EQ(found("%F", "2001-01-32"), "-");
    EXPECT_EQ(found("%Y-%m-%d", "201-01-01"), "-");
    EXPECT_EQ(found("%Y%m-%d", "20010-01"), "-");
    EXPECT_EQ(found("%y-%m-%d", "69-01-02"), "2069-01-02T00:00:00|");
    EXPECT_EQ(found("%y-%m-%d", "70-01-02"), "1970-01-02T00:00:00|");
    EXPECT_EQ(found("%y-%m-%d", "00-01-02"), "2000-01-02T00:00:00|");
    EXPECT_EQ(found("%y-%m-%d", "99-01-02"), "1999-01-02T00:00:00|");
    EXPECT_EQ(found("%Y-%m-%d", "2262-04-11"), "2262-04-11T00:00:00|");
    EXPECT_EQ(found("%F %T", "2262-04-11 23:47:15"), "2262-04-11T23:47:15|");
    EXPECT_EQ(found("%F %T", "2262-04-11 23:47:16"), "-");
    EXPECT_EQ(found("%F %T", "1677-09-21 00:12:45"), "1677-09-21T00:12:45|");
    EXPECT_EQ(found("%F %T", "1677-09-21 00:12:44"), "-");
    EXPECT_EQ(found("%s", "9223372035"), "2262-04-11T23:47:15|");
    EXPECT_EQ(found("%s", "9223372036"), "-");
    EXPECT_EQ(found("%s", "0x"), "1970-01-01T00:00:00|x");
    EXPECT_EQ(found("%s", "x"), "-");
    EXPECT_EQ(found("%s", "0000000000015"), "1970-01-01T00:00:01|5") << "twelve digits at most";
}

TEST(PatternEdges, PartsTakeNoMoreDigitsThanTheyHave) {
    EXPECT_EQ(found("%y%m%d%H%M%S", "0102030405067"), "2001-02-03T04:05:06|7");
    EXPECT_EQ(found("%Y%m%d", "200102034"), "2001-02-03T00:00:00|4");
    EXPECT_EQ(found("%F%T", "2001-02-0304:05:067"), "2001-02-03T04:05:06|7");
    EXPECT_EQ(found("%F%z", "2001-02-03+01:000"), "2001-02-02T23:00:00|0");
    EXPECT_EQ(found("%F%z", "2001-02-03+01000"), "2001-02-02T23:00:00|0");
    EXPECT_EQ(found("%y%m%d%H%M%S", "01020304050"), "-");
}

TEST(PatternEdges, PaddedDaysAreOneDigitBehindABlank) {
    EXPECT_EQ(found("%Y %b %e!", "2001 Jan  7!"), "2001-01-07T00:00:00|");
    EXPECT_EQ(found("%Y %b:%e!", "2001 Jan: 7!"), "2001-01-07T00:00:00|");
    EXPECT_EQ(found("%Y %b:%e!", "2001 Jan:7!"), "2001-01-07T00:00:00|");
    EXPECT_EQ(found("%Y %b:%e!", "2001 Jan:17!"), "2001-01-17T00:00:00|");
    EXPECT_EQ(found("%Y %b:%e!", "2001 Jan: 17!"), "-");
    EXPECT_EQ(found("%Y %b:%e!", "2001 Jan:!"), "-");
    EXPECT_EQ(found("%Y %b:%e", "2001 Jan:171"), "2001-01-17T00:00:00|1");
}

TEST(PatternEdges, FractionsHaveTheirDigits) {
    const auto fraction = [](std::string_view item, std::string_view digits) {
        return found(fmt::format("%s.%{}", item), fmt::format("0.{}", digits));
    };
    EXPECT_EQ(fraction("3", "123"), "1970-01-01T00:00:00.123000000Z|");
    EXPECT_EQ(fraction("3", "1234"), "1970-01-01T00:00:00.123000000Z|4");
    EXPECT_EQ(fraction("3", "12"), "-");
    EXPECT_EQ(fraction("6", "123456"), "1970-01-01T00:00:00.123456000Z|");
    EXPECT_EQ(fraction("6", "12345"), "-");
    EXPECT_EQ(fraction("9", "123456789"), "1970-01-01T00:00:00.123456789Z|");
    EXPECT_EQ(fraction("9", "1234567891"), "1970-01-01T00:00:00.123456789Z|1");
    EXPECT_EQ(fraction("9", "12345678"), "-");
    EXPECT_EQ(fraction("f", "5 x"), "1970-01-01T00:00:00.500000000Z| x");
    EXPECT_EQ(fraction("f", "1234567899999"), "1970-01-01T00:00:00.123456789Z|");
    EXPECT_EQ(fraction("f", ""), "-");
    EXPECT_EQ(fraction("f", "x"), "-");
}

TEST(PatternEdges, ZonesInEachForm) {
    const auto zone = [](std::string_view text) {
        return found("%F %T%z", fmt::format("2001-01-01 12:00:00{}", text), 7'200);
    };
    EXPECT_EQ(zone("Z"), "2001-01-01T12:00:00|");
    EXPECT_EQ(zone("z"), "2001-01-01T12:00:00|");
    EXPECT_EQ(zone("+01:00"), "2001-01-01T11:00:00|");
    EXPECT_EQ(zone("-01:00"), "2001-01-01T13:00:00|");
    EXPECT_EQ(zone("+0130"), "2001-01-01T10:30:00|");
    EXPECT_EQ(zone("-0130"), "2001-01-01T13:30:00|");
    EXPECT_EQ(zone("+01"), "2001-01-01T11:00:00|");
    EXPECT_EQ(zone("+01 x"), "2001-01-01T11:00:00| x");
    EXPECT_EQ(zone("+23:59"), "2000-12-31T12:01:00|");
    for (const char* bad : {"", "+", "+1", "+01:", "+01:0", "+010", "+24:00", "+00:60", "-24", "x", "01:00"}) {
        EXPECT_EQ(zone(bad), "-") << bad;
    }
    EXPECT_EQ(TextPattern::parse_zone("+23:59"), 86'340);
    EXPECT_EQ(TextPattern::parse_zone("-23:59"), -86'340);
    EXPECT_EQ(TextPattern::parse_zone("-01"), -3'600);
    EXPECT_EQ(TextPattern::parse_zone("+24:00"), std::nullopt);
    EXPECT_EQ(TextPattern::parse_zone("+00:60"), std::nullopt);
    EXPECT_EQ(TextPattern::parse_zone(""), std::nullopt);
    EXPECT_EQ(TextPattern::parse_zone("Z "), std::nullopt);
}

TEST(PatternEdges, SpacesAreOneOrMoreBlanks) {
    EXPECT_EQ(found("%F %T", "2001-01-01\t \t00:00:01"), "2001-01-01T00:00:01|");
    EXPECT_EQ(found("%F\t%T", "2001-01-01 00:00:01"), "2001-01-01T00:00:01|");
    EXPECT_EQ(found("%F %T", "2001-01-0100:00:01"), "-");
    EXPECT_EQ(found("%F ", "2001-01-01"), "-");
    EXPECT_EQ(found("%F\n", "2001-01-01\n"), "2001-01-01T00:00:00|");
}

TEST(PatternEdges, SeveritiesByTheNamesThatLoggersUse) {
    const auto severity = [](std::string_view word) { return found("%F %l", fmt::format("2001-01-01 {}", word)); };
    for (const auto& [word, name] :
         {std::pair{"trace", "debug"}, std::pair{"VERBOSE", "debug"}, std::pair{"Fine", "debug"},
          std::pair{"FATAL", "crit"}, std::pair{"severe", "crit"}, std::pair{"INFO", "info"},
          std::pair{"warn", "warning"}, std::pair{"Error", "err"}}) {
        EXPECT_EQ(severity(word), fmt::format("2001-01-01T00:00:00 {}|", name)) << word;
        EXPECT_EQ(severity(fmt::format("{}: x", word)), fmt::format("2001-01-01T00:00:00 {}|: x", name)) << word;
    }
    for (const char* bad : {"", "traces", "fin", "[", "INFO2x", "x"}) {
        EXPECT_EQ(severity(bad), bad == std::string_view("INFO2x") ? "2001-01-01T00:00:00 info|2x" : "-") << bad;
    }
    EXPECT_EQ(severity("`info"), "-");
    EXPECT_EQ(severity("info{"), "2001-01-01T00:00:00 info|{");
    EXPECT_EQ(severity("info`"), "2001-01-01T00:00:00 info|`");
    EXPECT_EQ(severity("info["), "2001-01-01T00:00:00 info|[");
}

TEST(PatternEdges, DatesNeedAMonthAndADay) {
    const std::string no_date = "invalid_argument: no date: it needs a month (%m, %b) and a day (%d, %e), or %F, or %s";
    for (const char* bad : {"", "%Y", "%m", "%b", "%d", "%e", "%Y %b", "%Y %d", "%T", "%H %l"}) {
        EXPECT_EQ(found(bad, ""), no_date) << bad;
    }
    for (const char* good : {"%m%d", "%b%e", "%m%e", "%b%d", "%F", "%s"}) {
        EXPECT_EQ(found(good, ""), "-") << good;
    }
}

TEST(PatternEdges, FaultsAreToldWithTheirPlace) {
    const std::string known =
        "; known are %Y %y %m %d %e %b %a %H %M %S %F %T %3 %6 %9 %f %z %s %l %% and, at the beginning, %*";
    EXPECT_EQ(found("%q", ""), "invalid_argument: character 1: unknown \"%q\"" + known);
    EXPECT_EQ(found("ab%q", ""), "invalid_argument: character 3: unknown \"%q\"" + known);
    EXPECT_EQ(found("ab%", ""), "invalid_argument: character 3: unknown \"%\"" + known);
    EXPECT_EQ(found("%F%*", ""), "invalid_argument: character 3: unknown \"%*\"" + known);
    const std::string followed =
        "invalid_argument: character 3: '%*' must be followed by the character where the time begins, such as '['";
    for (const char* bad : {"%*", "%*%F", "%* %F"}) {
        EXPECT_EQ(found(bad, ""), followed) << bad;
    }
    EXPECT_EQ(found("%*[%F", "x [2001-01-01] y"), "2001-01-01T00:00:00|] y");
    EXPECT_EQ(found("%F" + std::string(59, 'x'), "2001-01-01" + std::string(59, 'x')), "2001-01-01T00:00:00|");
    EXPECT_EQ(found("%F" + std::string(60, 'x'), ""), "invalid_argument: longer than 64 elements");
}

TEST(PatternEdges, TimeIsLookedForSoFarAndSoOften) {
    const std::string pattern = "%*[%F]";
    const std::string time = "[2001-01-01]";
    EXPECT_EQ(found(pattern, std::string(63, '[') + time), "2001-01-01T00:00:00|");
    EXPECT_EQ(found(pattern, std::string(64, '[') + time), "-") << "the sixty-fifth start";
    const std::string far(4096 - time.size(), 'x');
    EXPECT_EQ(found(pattern, far + time), "2001-01-01T00:00:00|");
    EXPECT_EQ(found(pattern, far + "x" + time), "-");
    EXPECT_EQ(found(pattern, "[[x[" + time + "rest"), "2001-01-01T00:00:00|rest");
    EXPECT_EQ(found(pattern, ""), "-");
    EXPECT_TRUE(TextPattern::compile("%F", {})->anchored());
    EXPECT_FALSE(TextPattern::compile("%*[%F", {})->anchored());
    EXPECT_EQ(found("[%F", "x[2001-01-01"), "-");
}

// A year that is missing: the last one in which the time is not more than a day ahead.
TEST(PatternEdges, MissingYearsAreFoundBackwards) {
    EXPECT_EQ(found("%m-%d %T", "11-15 22:13:20"), "2023-11-15T22:13:20|");
    EXPECT_EQ(found("%m-%d %T", "11-15 22:13:21"), "2022-11-15T22:13:21|");
    EXPECT_EQ(found("%m-%d %T", "11-15 23:13:20", 3'600), "2023-11-15T22:13:20|");
    EXPECT_EQ(found("%m-%d %T", "11-15 23:13:21", 3'600), "2022-11-15T22:13:21|");
    EXPECT_EQ(found("%m-%d %T", "01-01 00:00:00"), "2023-01-01T00:00:00|");
    EXPECT_EQ(found("%m-%d", "02-30"), "-");
    // At the end of a year tomorrow is of the next one.
    constexpr WallNs kNewYearsEve = 1'704'020'400 * kSecondNs;  // 2023-12-31T11:00:00Z
    EXPECT_EQ(found("%m-%d %T", "01-01 10:00:00", 0, kNewYearsEve), "2024-01-01T10:00:00|");
    EXPECT_EQ(found("%m-%d %T", "01-01 12:00:00", 0, kNewYearsEve), "2023-01-01T12:00:00|");
    // 1900 was no leap year: from 1903 the last 29th of February is seven years back, from 1904 on none of eight.
    constexpr WallNs kIn1903 = -2'114'380'800 * kSecondNs;  // 1903-01-01
    EXPECT_EQ(found("%m-%d", "02-29", 0, kIn1903), "1896-02-29T00:00:00|");
    constexpr WallNs kInJanuary1904 = -2'082'844'800 * kSecondNs;  // 1904-01-01
    EXPECT_EQ(found("%m-%d", "02-29", 0, kInJanuary1904), "1896-02-29T00:00:00|");
}

}  // namespace
}  // namespace sluice::wire
