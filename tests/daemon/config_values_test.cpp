#include "daemon/config_values.h"

#include <gtest/gtest.h>

namespace sluice::daemon {
namespace {

TEST(ParseSize, ReadsBinaryUnitsWithAndWithoutSpace) {
    EXPECT_EQ(parse_size("64 MiB").value(), 64ULL << 20U);
    EXPECT_EQ(parse_size("64MiB").value(), 64ULL << 20U);
    EXPECT_EQ(parse_size("1 KiB").value(), 1024U);
    EXPECT_EQ(parse_size("3 GiB").value(), 3ULL << 30U);
    EXPECT_EQ(parse_size("4096").value(), 4096U);
    EXPECT_EQ(parse_size("0").value(), 0U);
}

TEST(ParseSize, PointsAtTheUnitItDoesNotKnow) {
    const auto result = parse_size("1 MBit");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().offset, 2U);
    EXPECT_EQ(result.error().text, "unknown unit 'MBit'; use KiB, MiB, GiB or TiB");
}

TEST(ParseSize, RefusesWhatIsNotAWholeNumberOrDoesNotFit) {
    for (const auto* text : {"", "x", "-1", "1.5 GiB", "18446744073709551616", "17179869184 GiB", " 1 KiB", "1 KiB "}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
    EXPECT_EQ(parse_size("1.5 GiB").error().offset, 1U);
}

TEST(ParseDuration, ReadsUnitsAndDemandsOne) {
    EXPECT_EQ(parse_duration("25 ms").value(), Milliseconds(25));
    EXPECT_EQ(parse_duration("10s").value(), Milliseconds(10'000));
    EXPECT_EQ(parse_duration("5 min").value(), Milliseconds(300'000));
    EXPECT_EQ(parse_duration("2 h").value(), Milliseconds(7'200'000));
    EXPECT_EQ(parse_duration("0").value(), Milliseconds(0));
    EXPECT_EQ(parse_duration("10").error().text, "a unit is missing; use ms, s, min, h, d or w");
    EXPECT_EQ(parse_duration("10 sec").error().text, "unknown unit 'sec'; use ms, s, min, h, d or w");
    EXPECT_FALSE(parse_duration("18446744073709551615 h"));
}

TEST(ParseSize, ReadsTheUnitsOfTheQueryLanguageAndSingleLetters) {
    EXPECT_EQ(parse_size("7 B").value(), 7U);
    EXPECT_EQ(parse_size("1 KB").value(), 1000U);
    EXPECT_EQ(parse_size("2MB").value(), 2'000'000U);
    EXPECT_EQ(parse_size("3 GB").value(), 3'000'000'000U);
    EXPECT_EQ(parse_size("4 TB").value(), 4'000'000'000'000U);
    EXPECT_EQ(parse_size("5 TiB").value(), 5ULL << 40U);
    EXPECT_EQ(parse_size("6K").value(), 6ULL << 10U);
    EXPECT_EQ(parse_size("6M").value(), 6ULL << 20U);
    EXPECT_EQ(parse_size("6G").value(), 6ULL << 30U);
    EXPECT_EQ(parse_size("6T").value(), 6ULL << 40U);
    EXPECT_FALSE(parse_size("1 kb"));
    EXPECT_FALSE(parse_size("16777216 T"));
}

TEST(ParseDuration, ReadsTheUnitsOfTheQueryLanguage) {
    constexpr std::uint64_t kDay = 86'400'000;
    EXPECT_EQ(parse_duration("5m").value(), Milliseconds(300'000));
    EXPECT_EQ(parse_duration("30 d").value(), Milliseconds(30 * kDay));
    EXPECT_EQ(parse_duration("2w").value(), Milliseconds(14 * kDay));
    EXPECT_EQ(parse_duration("1 y").value(), Milliseconds(365 * kDay));
    EXPECT_FALSE(parse_duration("11 y"));
}

TEST(ParseMode, NeedsTheLeadingZeroAndOctalDigits) {
    EXPECT_EQ(parse_mode("0660").value(), 0660U);
    EXPECT_EQ(parse_mode("00600").value(), 0600U);
    for (const auto* text : {"", "660", "0680", "0o660", "006600", "0660 "}) {
        EXPECT_FALSE(parse_mode(text)) << text;
    }
}

TEST(FormatSize, IsReadBackExactly) {
    for (const std::uint64_t bytes :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1023}, std::uint64_t{1024}, std::uint64_t{1088} << 10U,
          std::uint64_t{64} << 20U, std::uint64_t{5} << 30U, (std::uint64_t{5} << 30U) + 1}) {
        EXPECT_EQ(parse_size(format_size(bytes)).value(), bytes) << format_size(bytes);
    }
    EXPECT_EQ(format_size(1088ULL << 10U), "1088 KiB");
    EXPECT_EQ(format_size(4ULL << 30U), "4 GiB");
}

TEST(FormatDuration, IsReadBackExactly) {
    for (const int ms : {0, 1, 25, 1000, 1500, 60'000, 90'000, 3'600'000}) {
        EXPECT_EQ(parse_duration(format_duration(Milliseconds(ms))).value(), Milliseconds(ms));
    }
    EXPECT_EQ(format_duration(Milliseconds(60'000)), "1 min");
    EXPECT_EQ(format_duration(Milliseconds(1500)), "1500 ms");
}

// A configuration file is not always written by whom it is shown to.
TEST(Quote, LeavesNothingThatATerminalWouldObey) {
    EXPECT_EQ(quote("MB"), "'MB'");
    EXPECT_EQ(quote("a\x1b[31m\n\\"), "'a\\x1b[31m\\x0a\\x5c'");
    EXPECT_EQ(quote(std::string(100, 'a')), "'" + std::string(64, 'a') + "...'");
}

TEST(NearestWord, FindsTyposButNotStrangers) {
    const auto nearest = [](std::string_view word) {
        NearestWord search(word);
        for (const auto* candidate : {"directory", "segment_bytes", "log_bytes_max", "io"}) {
            search.offer(candidate);
        }
        return search.answer();
    };
    EXPECT_EQ(nearest("segment_byte"), "segment_bytes");
    EXPECT_EQ(nearest("segmetn_bytes"), "segment_bytes");
    EXPECT_EQ(nearest("log_byte_max"), "log_bytes_max");
    EXPECT_EQ(nearest("dirctory"), "directory");
    EXPECT_EQ(nearest("colour"), "");
    EXPECT_EQ(nearest(std::string(100'000, 'a')), "");
}

}  // namespace
}  // namespace sluice::daemon
