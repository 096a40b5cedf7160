#include <gtest/gtest.h>

#include "daemon/support.h"

namespace sluice::daemon {
namespace {

class ManPages : public ::testing::TestWithParam<const char*> {
 protected:
    std::string path() const { return std::string(SLUICE_SOURCE_DIR "/docs/man/") + GetParam(); }
};

TEST_P(ManPages, AreFormattedByManWithoutWarnings) {
    if (!testing::have("man")) {
        GTEST_SKIP() << "man is not installed";
    }
    const auto result = testing::shell("LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z " +
                                       path() + " > /dev/null");
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output, "");
}

TEST_P(ManPages, PassMandocLint) {
    if (!testing::have("mandoc")) {
        GTEST_SKIP() << "mandoc is not installed";
    }
    const auto result = testing::shell("mandoc -T lint -W warning " + path());
    EXPECT_EQ(result.output, "");
}

INSTANTIATE_TEST_SUITE_P(Pages, ManPages, ::testing::Values("sluiced.8", "sluiced.yaml.5", "sluice-protocol.7"),
                         [](const auto& page) {
                             std::string name = page.param;
                             std::ranges::replace_if(name, [](char c) { return c == '.' || c == '-'; }, '_');
                             return name;
                         });

}  // namespace
}  // namespace sluice::daemon
