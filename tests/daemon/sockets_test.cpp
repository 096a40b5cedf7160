// The sockets of sluiced on a simulated machine, where nobody passes any.
#include "daemon/sockets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/run.h"
#include "io/sim_kernel.h"

namespace sluice::daemon {
namespace {

using ::testing::HasSubstr;

class SocketsTest : public ::testing::Test {
 protected:
    static ListenerConfig listener(std::string name, listeners::Protocol protocol, std::string socket) {
        ListenerConfig config;
        config.name = std::move(name);
        config.protocol = protocol;
        config.socket = std::move(socket);
        return config;
    }
    Result<Sockets> open() {
        return io::block_on(kernel_, "open", open_sockets, std::ref<io::Kernel>(kernel_), std::cref(config_),
                            std::ref(log_));
    }

    io::SimWorld world_{1};
    io::SimKernel kernel_{world_, io::SimKernel::Options()};
    LogOutput log_{LogLevel::error, LogTarget::standard_error};
    Config config_;
};

TEST_F(SocketsTest, OwnOneAndThoseOfTheListenersThatAreEnabled) {
    config_.listen.socket = "/run/own.sock";
    config_.listeners.push_back(listener("journal", listeners::Protocol::journal, "/run/journal"));
    config_.listeners.push_back(listener("json", listeners::Protocol::json, "/run/json"));
    config_.listeners.push_back(listener("off", listeners::Protocol::syslog, "/run/off"));
    config_.listeners.back().enabled = false;
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error();
    ASSERT_EQ(opened->listeners.size(), 2U);
    EXPECT_EQ(opened->listeners[0].options.name, "journal");
    EXPECT_EQ(opened->listeners[1].options.protocol, listeners::Protocol::json);
    EXPECT_TRUE(kernel_.connect_unix("/run/own.sock"));
    EXPECT_TRUE(kernel_.connect_unix("/run/json"));
    EXPECT_TRUE(kernel_.send_datagram("/run/journal", as_bytes("MESSAGE=x\n")));
    EXPECT_FALSE(world_.disk().exists("/run/off"));
}

TEST_F(SocketsTest, ListenerThatCannotHaveItsSocketIsNamed) {
    config_.listen.socket = "/run/own.sock";
    config_.listeners.push_back(listener("app", listeners::Protocol::json, "/missing/app"));
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::not_found);
    EXPECT_THAT(opened.error().text(), HasSubstr("listener app: listen on '/missing/app'"));
}

// What is no socket of an earlier sluiced will not go away by waiting.
TEST_F(SocketsTest, FileInTheWayIsRefusedAtOnce) {
    config_.listen.socket = "/run/own.sock";
    world_.disk().put_file("/run/own.sock", as_bytes("not a socket"));
    const MonotonicTime before = world_.clock().now();
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().text(), HasSubstr("listen on '/run/own.sock'"));
    EXPECT_LT(world_.clock().now() - before, std::chrono::milliseconds(20));
    EXPECT_EQ(as_text(*world_.disk().content("/run/own.sock")), "not a socket");
}

TEST_F(SocketsTest, SocketThatCannotBeGivenToItsOwnerIsRefused) {
    config_.listen.socket = "/run/own-of-a-simulated-machine.sock";  // The real one has no such file.
    config_.listen.owner.push_back({"alice", 1000});
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::not_found);
    EXPECT_THAT(opened.error().text(), HasSubstr("give '/run/own-of-a-simulated-machine.sock' to its owner and group"));
}

}  // namespace
}  // namespace sluice::daemon
