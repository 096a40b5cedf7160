#include "wire/severity.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::wire {
namespace {

TEST(Severity, NamesAndNumbersAreReadBack) {
    for (int i = 0; i < 8; ++i) {
        const auto severity = static_cast<Severity>(i);
        EXPECT_EQ(parse_severity(severity_name(severity)), severity);
        EXPECT_EQ(parse_severity(std::to_string(i)), severity);
    }
    EXPECT_EQ(severity_name(Severity{8}), "invalid");
}

TEST(Severity, AliasesAndCaseAreUnderstood) {
    EXPECT_EQ(parse_severity("ERROR"), Severity::err);
    EXPECT_EQ(parse_severity("Warn"), Severity::warning);
    EXPECT_EQ(parse_severity("panic"), Severity::emerg);
    EXPECT_EQ(parse_severity("emergency"), Severity::emerg);
    EXPECT_EQ(parse_severity("critical"), Severity::crit);
    for (const char* bad : {"", "8", "-1", "00", "inf", "informational", "err "}) {
        EXPECT_FALSE(parse_severity(bad)) << bad;
    }
}

}  // namespace
}  // namespace sluice::wire
