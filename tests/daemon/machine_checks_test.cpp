#include "daemon/machine_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "daemon/support.h"

namespace sluice::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MachineChecks : public ::testing::Test {
 protected:
    MachineChecks() {
        config_.store.directory = at("store");
        config_.listen.socket = at("sluice.sock");
        std::filesystem::create_directory(at("store"));
    }
    std::string at(const std::string& name) const { return directory_.path() + "/" + name; }
    void add_root(const std::string& path) {
        config_.roots.emplace_back();
        config_.roots.back().path = path;
    }
    static std::vector<std::string> texts(const ConfigProblems& problems) {
        std::vector<std::string> texts;
        for (const ConfigProblem& problem : problems) {
            texts.push_back(problem.to_string());
        }
        return texts;
    }
    Fd listen_on(const std::string& path, int type) {
        Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_TRUE(type != SOCK_STREAM || listen(socket.get(), 1) == 0);
        return socket;
    }

    testing::TemporaryDirectory directory_;
    Config config_;
};

TEST_F(MachineChecks, ARootAndTheStoreMustBeApart) {
    std::filesystem::create_directories(at("store/inner"));
    std::filesystem::create_directories(at("files"));
    std::filesystem::create_directory_symlink(directory_.path(), at("link"));
    add_root(at("files"));
    EXPECT_THAT(check_places(config_), IsEmpty());
    for (const std::string& root : {directory_.path(), at("store"), at("store/inner"), at("store/not/there"),
                                    at("link"), at("link/store/inner"), at("files/../store"), std::string("/")}) {
        config_.roots[0].path = root;
        EXPECT_THAT(texts(check_places(config_)), ElementsAre(HasSubstr("roots[0].path"))) << root;
    }
    config_.roots[0].path = at("store-of-somebody-else");
    EXPECT_THAT(check_places(config_), IsEmpty());
}

TEST_F(MachineChecks, ARootMustBeThere) {
    add_root(directory_.path());
    EXPECT_THAT(check_machine(config_), IsEmpty());
    add_root(at("missing"));
    add_root(directory_.file("file", ""));
    EXPECT_THAT(texts(check_machine(config_)),
                ElementsAre(HasSubstr("roots[1].path: '" + at("missing") + "' is not there"),
                            HasSubstr("roots[2].path: '" + at("file") + "' is not a directory")));
}

TEST_F(MachineChecks, SocketsOfOtherProgramsAreRefused) {
    const Fd stream = listen_on(at("stream"), SOCK_STREAM);
    const Fd datagrams = listen_on(at("datagrams"), SOCK_DGRAM);
    {
        const Fd gone = listen_on(at("stale"), SOCK_STREAM);
    }
    config_.listeners.resize(4);
    config_.listeners[0].socket = at("stream");
    config_.listeners[1].socket = at("datagrams");
    config_.listeners[2].socket = at("stale");
    config_.listeners[3].socket = directory_.file("file", "");
    EXPECT_THAT(texts(check_machine(config_)),
                ElementsAre(HasSubstr("listeners[0].socket: another program listens on"),
                            HasSubstr("listeners[1].socket: another program listens on"),
                            HasSubstr("listeners[3].socket: '" + at("file") + "' is there and is not a socket")));
    config_.listeners[0].enabled = config_.listeners[1].enabled = config_.listeners[3].enabled = false;
    EXPECT_THAT(check_machine(config_), IsEmpty());
}

// This process has the store, and the sockets.
TEST_F(MachineChecks, SocketsOfTheDaemonThatHasTheStoreAreItsOwn) {
    const Fd own = listen_on(at("sluice.sock"), SOCK_STREAM);
    EXPECT_THAT(texts(check_machine(config_)), ElementsAre(HasSubstr("listen.socket: another program listens on")));
    std::ofstream(at("store/lock")) << getpid() << "\n";
    const Fd lock(open(at("store/lock").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
    EXPECT_THAT(check_machine(config_), IsEmpty());
    // Another process than the one that has the store.
    std::ofstream(at("store/lock")) << 1 << "\n";
    if (geteuid() == 0) {
        EXPECT_THAT(texts(check_machine(config_)), ElementsAre(HasSubstr("another program listens on")));
    }
}

}  // namespace
}  // namespace sluice::daemon
