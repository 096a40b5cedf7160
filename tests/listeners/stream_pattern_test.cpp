#include "listeners/stream_pattern.h"

#include <gtest/gtest.h>

namespace sluice::listeners {
namespace {

std::string name_of(std::string_view pattern, const StreamPattern::Facts& facts) {
    const auto parsed = StreamPattern::parse(pattern);
    EXPECT_TRUE(parsed) << parsed.error();
    std::string scratch;
    return std::string(parsed->name(facts, scratch));
}

TEST(StreamPattern, FirstAlternativeThatIsNotEmptyCounts) {
    const StreamPattern::Facts facts{.comm = "sh", .unit = "cron.service", .uid = "0", .listener = "syslog"};
    EXPECT_EQ(name_of("{identifier|comm}", facts), "sh");
    EXPECT_EQ(name_of("{unit|comm}", facts), "cron.service");
    EXPECT_EQ(name_of("a/{identifier|unit}/{uid}.b", facts), "a/cron.service/0.b");
    EXPECT_EQ(name_of("fixed", facts), "fixed");
}

TEST(StreamPattern, NameIsAlwaysOneThatAStreamCanHave) {
    EXPECT_EQ(name_of("{identifier}", {.identifier = "a b\nc"}), "a_b_c");
    EXPECT_EQ(name_of("{identifier}", {.listener = "syslog"}), "syslog");
    EXPECT_EQ(name_of("{identifier}", {.identifier = std::string(300, 'x')}), std::string(255, 'x'));
    EXPECT_EQ(name_of("x{identifier}{comm}", {.identifier = std::string(300, 'y'), .comm = "z"}).size(), 255U);
}

TEST(StreamPattern, MistakesAreNamedWithTheirColumn) {
    const auto error_of = [](std::string_view text) { return StreamPattern::parse(text).error().text(); };
    EXPECT_EQ(error_of("a/{name}"),
              "column 4: expected identifier, comm, unit, container, uid or listener, then '|' or '}'");
    EXPECT_EQ(error_of("{comm|}"),
              "column 7: expected identifier, comm, unit, container, uid or listener, then '|' or '}'");
    EXPECT_NE(error_of("{comm").find("column 2"), std::string::npos);
    EXPECT_NE(error_of("a b").find("column 2: \" \" cannot be"), std::string::npos);
    EXPECT_NE(error_of("").find("1 to 255"), std::string::npos);
}

}  // namespace
}  // namespace sluice::listeners
