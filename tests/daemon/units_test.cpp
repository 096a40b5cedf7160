// The unit files, by systemd's own tools; nothing is installed and no service manager has to run.
#include <gtest/gtest.h>

#include <regex>

#include "daemon/support.h"
#include "listeners/options.h"

namespace sluice::daemon {
namespace {

constexpr double kExposureMax = 0.6;  // systemd-analyze shows tenths; rsyslog's unit has 9.6, journald's 4.3.

class Units : public ::testing::Test {
 protected:
    void SetUp() override {
        if (!testing::have("systemd-analyze")) {
            GTEST_SKIP() << "systemd-analyze is not installed";
        }
        // verify wants the programs to exist, which are not installed here.
        service_ = directory_.file(
            "sluiced.service", std::regex_replace(testing::read_file(SLUICE_SOURCE_DIR "/systemd/sluiced.service.in"),
                                                  std::regex("@SLUICED@"), "/bin/true"));
        socket_ = directory_.file("sluiced.socket", testing::read_file(SLUICE_SOURCE_DIR "/systemd/sluiced.socket"));
    }

    double exposure(const std::string& path) {
        const auto result = testing::shell("systemd-analyze security --no-pager --offline=yes " + path);
        std::smatch match;
        if (!std::regex_search(result.output, match, std::regex(R"(Overall exposure level[^:]*: ([0-9.]+))"))) {
            ADD_FAILURE() << result.output;
            return 10;
        }
        return std::stod(match[1]);
    }

    testing::TemporaryDirectory directory_;
    std::string service_;
    std::string socket_;
};

TEST_F(Units, AreUnderstoodBySystemd) {
    std::string sockets = socket_;
    for (const auto& [word, protocol] : listeners::kProtocolNames) {
        std::string name(word);
        std::ranges::replace(name, '_', '-');
        const std::string file = fmt::format("sluiced-{}.socket", name);
        const std::string unit = testing::read_file(fmt::format("{}/systemd/{}", SLUICE_SOURCE_DIR, file));
        EXPECT_NE(unit.find(fmt::format("FileDescriptorName={}\n", name)), std::string::npos) << file;
        sockets += " " + directory_.file(file, unit);
    }
    const auto result = testing::shell("systemd-analyze verify --man=no " + service_ + " " + sockets);
    std::istringstream lines(result.output);
    for (std::string line; std::getline(lines, line);) {
        // Complaints about other units of this machine are not ours.
        EXPECT_EQ(line.find("sluice"), std::string::npos) << line;
    }
}

TEST_F(Units, ServiceIsHardened) {
    const double score = exposure(service_);
    std::printf("sluiced.service: exposure %.1f (at most %.1f)\n", score, kExposureMax);
    RecordProperty("exposure", std::to_string(score));
    EXPECT_LE(score, kExposureMax);
}

// The gate must be able to fail.
TEST_F(Units, RemovedProtectionIsNoticed) {
    const std::string weaker = directory_.file(
        "weaker.service", std::regex_replace(testing::read_file(service_), std::regex("PrivateNetwork=yes\n"), ""));
    EXPECT_GT(exposure(weaker), kExposureMax);
}

// It would turn the uid of every client into 65534.
TEST_F(Units, DoNotHideTheUsersOfClients) {
    EXPECT_EQ(testing::read_file(service_).find("\nPrivateUsers="), std::string::npos);
}

TEST(Sysusers, CreatesTheUserOfTheService) {
    if (!testing::have("systemd-sysusers")) {
        GTEST_SKIP() << "systemd-sysusers is not installed";
    }
    const testing::TemporaryDirectory root;
    std::filesystem::create_directory(root.path() + "/etc");
    const auto result = testing::shell("systemd-sysusers --root=" + root.path() +
                                       " " SLUICE_SOURCE_DIR "/systemd/sluice.sysusers.conf");
    if (geteuid() != 0 && result.status != 0) {
        GTEST_SKIP() << "systemd-sysusers needs root here: " << result.output;
    }
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_NE(testing::read_file(root.path() + "/etc/passwd").find("sluice:x:"), std::string::npos);
}

}  // namespace
}  // namespace sluice::daemon
