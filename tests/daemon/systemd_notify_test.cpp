#include "daemon/systemd_notify.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "coro/test_loop.h"
#include "daemon/patience.h"
#include "daemon/support.h"

namespace sluice::daemon {
namespace {

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

int bound_socket(const std::string& path, int type) {
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path);
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

// Plays the service manager.
class Notifications : public ::testing::Test {
 protected:
    Notifications() : fd_(bound_socket(directory_.path() + "/notify", SOCK_DGRAM)) {}
    ~Notifications() override { close(fd_); }
    std::string received() {
        char buffer[512];
        const ssize_t got = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
        return got < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(got));
    }

    testing::TemporaryDirectory directory_;
    int fd_;
    testing::ScopedVariable variable_{"NOTIFY_SOCKET", directory_.path() + "/notify"};
    ServiceManager manager_;
};

TEST_F(Notifications, AreTheStatesThatSystemdKnows) {
    EXPECT_TRUE(manager_.present());
    EXPECT_TRUE(manager_.ready("serving"));
    EXPECT_EQ(received(), "READY=1\nSTATUS=serving");
    EXPECT_TRUE(manager_.reloading(MonotonicTime{std::chrono::seconds(5)}));
    EXPECT_EQ(received(), "RELOADING=1\nMONOTONIC_USEC=5000000");
    EXPECT_TRUE(manager_.extend_timeout(std::chrono::seconds(30)));
    EXPECT_EQ(received(), "EXTEND_TIMEOUT_USEC=30000000");
    EXPECT_TRUE(manager_.watchdog());
    EXPECT_EQ(received(), "WATCHDOG=1");
    EXPECT_TRUE(manager_.stopping("draining"));
    EXPECT_EQ(received(), "STOPPING=1\nSTATUS=draining");
    EXPECT_EQ(received(), "nothing");
}

TEST_F(Notifications, TimeIsAskedForAgainAndAgainUntilItIsNotNeeded) {
    coro::TestLoop loop;
    LogOutput log(LogLevel::error, LogTarget::standard_error);
    coro::Scope scope(loop, nullptr);
    scope.spawn("ask for time", ask_for_time, std::ref(manager_), std::ref(log));
    loop.run_until_idle();
    EXPECT_EQ(received(), "EXTEND_TIMEOUT_USEC=60000000");
    EXPECT_EQ(received(), "nothing");
    for (int i = 0; i < 3; ++i) {
        loop.advance(kAskInterval);
        EXPECT_EQ(received(), "EXTEND_TIMEOUT_USEC=60000000");
        EXPECT_EQ(received(), "nothing");
    }
    scope.cancel();
    loop.advance(kAskInterval);
    EXPECT_EQ(scope.running(), 0U);
    EXPECT_EQ(received(), "nothing");
}

TEST_F(Notifications, DescriptorsAreStoredWithoutWatchingTheirOtherEnd) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    EXPECT_TRUE(manager_.store("stream-1", ends[0]));
    char buffer[512];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec part{buffer, sizeof buffer};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    ASSERT_GT(got, 0);
    EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(got)), "FDSTORE=1\nFDPOLL=0\nFDNAME=stream-1");
    const cmsghdr* const attached = CMSG_FIRSTHDR(&message);
    ASSERT_NE(attached, nullptr);
    int copy = -1;
    std::memcpy(&copy, CMSG_DATA(attached), sizeof copy);
    close(ends[0]);
    EXPECT_EQ(write(ends[1], "x", 1), 1) << "the copy is the same socket";
    close(copy);
    close(ends[1]);
    EXPECT_TRUE(manager_.remove("stream-1"));
    EXPECT_EQ(received(), "FDSTOREREMOVE=1\nFDNAME=stream-1");
}

TEST(ServiceManager, ReadsHowManyDescriptorsTheStoreHolds) {
    EXPECT_EQ(ServiceManager::store_max(), 0U);
    for (const auto& [text, count] : {std::pair("4096", 4096U), std::pair("", 0U), std::pair("-1", 0U),
                                      std::pair("12x", 0U), std::pair("99999999999999999999", 0U)}) {
        const testing::ScopedVariable variable("FDSTORE", text);
        EXPECT_EQ(ServiceManager::store_max(), count) << text;
    }
}

// A line break would start another assignment.
TEST_F(Notifications, StatusStaysOneAssignment) {
    EXPECT_TRUE(manager_.status("a\nMAINPID=1"));
    EXPECT_EQ(received(), "STATUS=a MAINPID=1");
}

TEST_F(Notifications, ManagerThatIsGoneIsAnError) {
    const testing::ScopedVariable elsewhere("NOTIFY_SOCKET", directory_.path() + "/none");
    EXPECT_FALSE(manager_.watchdog());
}

TEST(ServiceManager, WithoutManagerDoesNothing) {
    ServiceManager manager;
    ASSERT_EQ(getenv("NOTIFY_SOCKET"), nullptr);
    EXPECT_FALSE(manager.present());
    EXPECT_TRUE(manager.ready("serving"));
    EXPECT_EQ(ServiceManager::watchdog_interval(), std::nullopt);
    const auto sockets = take_passed_sockets();
    ASSERT_TRUE(sockets) << sockets.error();
    EXPECT_TRUE(sockets->sockets.empty());
    EXPECT_TRUE(sockets->stored.empty());
}

TEST(ServiceManager, SaysWhatItCouldNotTell) {
    const testing::TemporaryDirectory directory;
    const testing::ScopedVariable gone("NOTIFY_SOCKET", directory.path() + "/nobody");
    ServiceManager manager;
    const auto said = [](const auto& result) { return result ? "" : fmt::format("{}", result.error()); };
    EXPECT_EQ(said(manager.ready("serving")), "not_found: notify the service manager: No such file or directory");
    EXPECT_EQ(said(manager.store("stream-1", STDERR_FILENO)),
              "not_found: put 'stream-1' into the file descriptor store: No such file or directory");
}

TEST(PassedSockets, NumberThatIsNoneIsRefused) {
    const testing::ScopedVariable count("LISTEN_FDS", "some");
    const testing::ScopedVariable pid("LISTEN_PID", std::to_string(getpid()));
    const auto sockets = take_passed_sockets();
    ASSERT_FALSE(sockets);
    EXPECT_EQ(sockets.error().code(), Errc::invalid_argument);
    EXPECT_EQ(sockets.error().text(), "take the sockets from the service manager: Invalid argument");
}

TEST(ServiceManager, ReadsTheWatchdogInterval) {
    const testing::ScopedVariable us("WATCHDOG_USEC", "30000000");
    const testing::ScopedVariable pid("WATCHDOG_PID", std::to_string(getpid()));
    EXPECT_EQ(ServiceManager::watchdog_interval(), std::optional<Duration>(std::chrono::seconds(30)));
}

// Runs in a process of its own, where fd 3 is free to be taken.  Prints what it was given and exits.
[[noreturn]] void take_socket(int type, bool listening) {
    const testing::TemporaryDirectory directory;
    const int fd = bound_socket(directory.path() + "/s", type);
    if (listening) {
        listen(fd, 1);
        fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    dup2(fd, 3);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDNAMES", "sluice", 1);
    const auto sockets = take_passed_sockets();
    if (!sockets) {
        fmt::print(stderr, "{}\n", sockets.error());
        std::exit(fcntl(3, F_GETFD) < 0 ? 1 : 9);
    }
    const auto& passed = sockets->sockets.at(0);
    fmt::print(stderr, "{} {} cloexec={} nonblock={} env={}\n", passed.name, passed.fd,
               (fcntl(passed.fd, F_GETFD) & FD_CLOEXEC) != 0, (fcntl(passed.fd, F_GETFL) & O_NONBLOCK) != 0,
               getenv("LISTEN_FDS") != nullptr);
    std::exit(0);
}

TEST(PassedSocketsDeathTest, AreTakenByName) {
    EXPECT_EXIT(take_socket(SOCK_STREAM, true), ::testing::ExitedWithCode(0),
                "sluice 3 cloexec=true nonblock=false env=false");
}

TEST(PassedSocketsDeathTest, DatagramSocketsAreTakenToo) {
    EXPECT_EXIT(take_socket(SOCK_DGRAM, false), ::testing::ExitedWithCode(0), "sluice 3 cloexec=true");
}

TEST(PassedSocketsDeathTest, OfTheWrongKindAreRefusedAndClosed) {
    EXPECT_EXIT(take_socket(SOCK_STREAM, false), ::testing::ExitedWithCode(1),
                "wrong_type: the passed fd 3 \\('sluice'\\) is no Unix socket that listens or takes datagrams");
    EXPECT_EXIT(take_socket(SOCK_SEQPACKET, true), ::testing::ExitedWithCode(1), "is no Unix socket that listens");
}

// As take_socket(), with a connection of an earlier run and something else that has such a name.
[[noreturn]] void take_stored() {
    int ends[2];
    (void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    const int socket = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
    const int file = fcntl(open("/dev/null", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
    dup2(socket, 3);
    dup2(file, 4);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDNAMES", "stream-1:stream-2", 1);
    const auto passed = take_passed_sockets();
    if (!passed) {
        fmt::print(stderr, "{}\n", passed.error());
        std::exit(1);
    }
    for (const StoredSocket& stored : passed->stored) {
        fmt::print(stderr, "{}={} ", stored.name, stored.fd.get());
    }
    fmt::print(stderr, "others={} open={}\n", passed->sockets.size(), fcntl(4, F_GETFD) >= 0);
    std::exit(0);
}

TEST(PassedSocketsDeathTest, ConnectionsOfAnEarlierRunAreToldFromListeningSockets) {
    EXPECT_EXIT(take_stored(), ::testing::ExitedWithCode(0), "stream-1=3 stream-2=-1 others=0 open=false");
}

}  // namespace
}  // namespace sluice::daemon
