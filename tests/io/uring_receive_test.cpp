#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "io/uring_fixture.h"

namespace sluice::io {
namespace {

// A datagram socket that receives, and room for messages.
class UringReceive : public UringTest {
 protected:
    void SetUp() override {
        UringTest::SetUp();
        auto made = kernel().listen_unix(path(), 0600, SocketKind::datagram);
        ASSERT_TRUE(made) << made.error();
        socket_ = std::move(*made);
        ASSERT_TRUE(kernel().receive_senders(socket_, PassedFiles::accepted));
        for (std::size_t i = 0; i < messages_.size(); ++i) {
            messages_[i].room = std::span(memory_).subspan(i * kRoom, kRoom);
        }
    }
    std::string path() const { return folder_.file("s"); }
    std::size_t receive() {
        auto count = kernel().receive(socket_, messages_);
        EXPECT_TRUE(count) << count.error();
        return count.value_or(0);
    }
    std::string text(std::size_t i) const { return std::string(as_text(messages_[i].content())); }

    static constexpr std::size_t kRoom = 64;
    Handle socket_;
    std::array<Message, 8> messages_;

 private:
    Bytes memory_{8 * kRoom};
};

// What a client does.  The files are passed on.
void send_to(const std::string& path, std::string_view text, std::span<const int> files = {}) {
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    iovec vector{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(253 * sizeof(int))> control{};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = sizeof address;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (!files.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(files.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(files.size_bytes());
        std::memcpy(CMSG_DATA(rights), files.data(), files.size_bytes());
    }
    ASSERT_EQ(sendmsg(socket.get(), &header, 0), static_cast<ssize_t>(text.size())) << strerror(errno);
}

Task<Result<>> wait_readable(Kernel& kernel, const Handle* socket) {
    co_return co_await kernel.poll_in(*socket);
}

TEST_F(UringReceive, NothingThereIsNoMessage) {
    EXPECT_EQ(receive(), 0U);
}

TEST_F(UringReceive, ManyMessagesComeInOrderWithSenderAndTime) {
    const WallNs before = SystemClock().wall_now();
    for (int i = 0; i < 5; ++i) {
        send_to(path(), std::to_string(i));
    }
    ASSERT_TRUE(run(wait_readable, &socket_));
    ASSERT_EQ(receive(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(text(i), std::to_string(i));
        EXPECT_EQ(messages_[i].sender, (PeerCredentials{.pid = getpid(), .uid = getuid(), .gid = getgid()}));
        EXPECT_GE(messages_[i].time_ns, before);
        EXPECT_FALSE(messages_[i].pidfd);
    }
    EXPECT_EQ(receive(), 0U);
}

TEST_F(UringReceive, MessageLongerThanItsRoomSaysHowLongItWas) {
    send_to(path(), std::string(kRoom + 7, 'x'));
    ASSERT_EQ(receive(), 1U);
    EXPECT_EQ(messages_[0].bytes, kRoom);
    EXPECT_EQ(messages_[0].whole_bytes, kRoom + 7);
}

TEST_F(UringReceive, FilesArriveAllOfThem) {
    const Fd file(memfd_create("f", MFD_CLOEXEC));
    const std::vector<int> files(253, file.get());
    send_to(path(), "one", std::span(files).first(1));
    send_to(path(), "", std::span(files).first(2));
    send_to(path(), "many", files);
    ASSERT_EQ(receive(), 3U);
    ASSERT_EQ(messages_[0].files.size(), 1U);
    EXPECT_EQ(fcntl(messages_[0].files[0].get(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(messages_[1].files.size(), 2U);
    EXPECT_EQ(messages_[1].bytes, 0U);
    EXPECT_EQ(messages_[2].files.size(), 253U);
}

// Nothing but a flag tells that they were there.
TEST_F(UringReceive, FilesThatFindNoDescriptorAreCutAndTold) {
    const Fd file(memfd_create("f", MFD_CLOEXEC));
    const std::array files{file.get(), file.get()};
    send_to(path(), "", files);
    send_to(path(), "", files);
    send_to(path(), "text");
    const Fd next(dup(file.get()));
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit one_left = before;
    one_left.rlim_cur = static_cast<rlim_t>(next.get()) + 2;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &one_left), 0);
    const std::size_t count = receive();
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_EQ(count, 3U);
    EXPECT_EQ(messages_[0].files.size(), 1U);
    EXPECT_TRUE(messages_[0].files_cut);
    EXPECT_EQ(messages_[1].files.size(), 0U);
    EXPECT_TRUE(messages_[1].files_cut);
    EXPECT_EQ(text(2), "text");
    EXPECT_FALSE(messages_[2].files_cut);
    send_to(path(), "", files);
    ASSERT_EQ(receive(), 1U);
    EXPECT_EQ(messages_[0].files.size(), 2U);
    EXPECT_FALSE(messages_[0].files_cut);
}

// Also of a process that has ended and was waited for: nobody else can get its pid from that pidfd.
TEST_F(UringReceive, PidfdIsThatOfTheSender) {
    if (!kernel().receive_pidfds(socket_, true)) {
        GTEST_SKIP() << "the kernel has no SO_PASSPIDFD (Linux 6.5)";
    }
    const pid_t child = fork();
    if (child == 0) {
        send_to(path(), "from a child");
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(receive(), 1U);
    EXPECT_EQ(messages_[0].sender.pid, child);
    EXPECT_TRUE(messages_[0].pidfd);
    ASSERT_TRUE(kernel().receive_pidfds(socket_, false));
    send_to(path(), "again");
    ASSERT_EQ(receive(), 1U);
    EXPECT_FALSE(messages_[0].pidfd);
}

TEST_F(UringReceive, StreamTellsWhoWroteAndWhenItEnds) {
    SocketPair pair(kernel());
    ASSERT_TRUE(kernel().receive_senders(pair.near, PassedFiles::refused));
    ASSERT_EQ(::send(pair.far.fd(), "line", 4, 0), 4);
    auto count = kernel().receive(pair.near, std::span(messages_).first(1));
    ASSERT_TRUE(count) << count.error();
    ASSERT_EQ(*count, 1U);
    EXPECT_EQ(text(0), "line");
    EXPECT_EQ(messages_[0].sender.pid, getpid());
    pair.far = Handle();
    count = kernel().receive(pair.near, std::span(messages_).first(1));
    ASSERT_TRUE(count) << count.error();
    EXPECT_EQ(*count, 1U);
    EXPECT_EQ(messages_[0].bytes, 0U);
}

TEST_F(UringReceive, StaleDatagramSocketIsReplacedAndOneInUseIsLeftAlone) {
    auto again = kernel().listen_unix(path(), 0600, SocketKind::datagram);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Errc::already_exists);
    socket_ = Handle();
    again = kernel().listen_unix(path(), 0600, SocketKind::datagram);
    EXPECT_TRUE(again) << again.error();
}

}  // namespace
}  // namespace sluice::io
