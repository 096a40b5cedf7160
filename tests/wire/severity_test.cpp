#include "wire/severity.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(Severity, LevelsOfLoggersHaveOneTable) {
    const std::pair<Severity, std::string_view> levels[] = {
        {Severity::emerg, "emerg Emergency PANIC 0"},
        {Severity::alert, "alert 1"},
        {Severity::crit, "crit critical Fatal SEVERE dpanic C F 2 60"},
        {Severity::err, "err Error E 3 50 ERROR+4"},
        {Severity::warning, "warning Warn W w 4 40 WARN+1"},
        {Severity::notice, "notice N 5"},
        {Severity::info, "info Information informational CONFIG I 6 30 INFO+2"},
        {Severity::debug, "debug TRACE Verbose fine finer finest D T V 7 10 20 DEBUG-4"},
    };
    for (auto [severity, names] : levels) {
        while (!names.empty()) {
            const std::string_view name = names.substr(0, names.find(' '));
            names.remove_prefix(std::min(names.size(), name.size() + 1));
            EXPECT_EQ(parse_level(name), severity) << name;
        }
    }
    for (const char* none : {"", "8", "9", "00", "07", "35", "70", "-1", "030", "x", "inf", "INFO+", "INFO+x", "+1",
                             "crit+1", "INFO+0123456789", "errors"}) {
        EXPECT_FALSE(parse_level(none)) << none;
    }
    EXPECT_FALSE(level_of_number(-1));
    EXPECT_FALSE(level_of_number(8));
    EXPECT_FALSE(level_of_number(INT64_MAX));
}

}  // namespace
}  // namespace sluice::wire
