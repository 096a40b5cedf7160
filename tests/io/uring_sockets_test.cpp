#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "coro/combine.h"
#include "io/uring_fixture.h"
#include "no_descriptors.h"

namespace sluice::io {
namespace {

using UringSockets = UringTest;

std::span<std::byte> writable(std::string& text) {
    return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

Task<Result<>> send_all(Kernel& kernel, const Handle& socket, ByteView bytes) {
    while (!bytes.empty()) {
        SLUICE_CO_TRY(const std::size_t sent, co_await kernel.send(socket, bytes));
        bytes = bytes.subspan(sent);
    }
    co_return Result<>{};
}

// ---- conversations ----

Task<Result<std::size_t>> greet(Kernel& kernel, const Handle& listener) {
    SLUICE_CO_TRY(Handle session, co_await kernel.accept(listener));
    EXPECT_EQ(fcntl(session.fd(), F_GETFD), FD_CLOEXEC);
    SLUICE_CO_TRY(const std::size_t sent, co_await kernel.send(session, as_bytes("welcome")));
    SLUICE_CO_CHECK(co_await kernel.shutdown(session));
    SLUICE_CO_CHECK(co_await kernel.close(std::move(session)));
    co_return sent;
}

Task<Result<std::size_t>> be_greeted(Kernel& kernel, int family, const sockaddr* address, socklen_t length,
                                     std::string* greeting) {
    Handle client(kernel, ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SLUICE_CO_CHECK(co_await kernel.connect(client, *address, length));
    greeting->resize(64);
    SLUICE_CO_TRY(const std::size_t got, co_await kernel.recv(client, writable(*greeting)));
    greeting->resize(got);
    std::string rest(8, '?');
    SLUICE_CO_TRY(const std::size_t end, co_await kernel.recv(client, writable(rest)));
    EXPECT_EQ(end, 0U) << "end of stream expected";
    co_return got;
}

Task<Result<std::string>> converse(Kernel& kernel, const Handle& listener, int family, const sockaddr* address,
                                   socklen_t length) {
    std::string greeting;
    auto both =
        co_await coro::when_all(greet(kernel, listener), be_greeted(kernel, family, address, length, &greeting));
    if (!both) {
        co_return std::unexpected(both.error());
    }
    co_return greeting;
}

TEST_F(UringSockets, UnixClientConnectsReceivesAndSeesTheEnd) {
    auto listener = kernel().listen_unix(folder_.file("s"), 0600);
    ASSERT_TRUE(listener) << listener.error();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder_.file("s").copy(address.sun_path, sizeof address.sun_path - 1);
    auto greeting = run(converse, std::cref(*listener), AF_UNIX, reinterpret_cast<const sockaddr*>(&address),
                        static_cast<socklen_t>(sizeof address));
    ASSERT_TRUE(greeting) << greeting.error();
    EXPECT_EQ(*greeting, "welcome");
}

TEST_F(UringSockets, TcpClientConnectsReceivesAndSeesTheEnd) {
    Handle listener(kernel(), socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ASSERT_EQ(bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), length), 0);
    ASSERT_EQ(listen(listener.fd(), 8), 0);
    ASSERT_EQ(getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    auto greeting = run(converse, std::cref(listener), AF_INET, reinterpret_cast<const sockaddr*>(&address), length);
    ASSERT_TRUE(greeting) << greeting.error();
    EXPECT_EQ(*greeting, "welcome");
}

Task<Result<>> connect_to_nobody(Kernel& kernel, std::string path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Handle client(kernel, ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    co_return co_await kernel.connect(client, reinterpret_cast<const sockaddr&>(address), sizeof address);
}

TEST_F(UringSockets, ConnectToMissingSocketIsNotFound) {
    auto connected = run(connect_to_nobody, folder_.file("absent"));
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code(), Errc::not_found) << connected.error();
}

// ---- pooled receive ----

Task<Result<std::string>> receive_pooled(Kernel& kernel, const Handle& socket) {
    std::string all;
    for (;;) {
        SLUICE_CO_TRY(PooledBuffer buffer, co_await kernel.recv_pooled(socket));
        if (buffer.bytes().empty()) {
            co_return all;
        }
        all += as_text(buffer.bytes());
    }
}

TEST_F(UringSockets, PooledReceiveDeliversEverythingThenTheEnd) {
    UringOptions options;
    options.pooled_buffers = 2;
    options.pooled_buffer_bytes = 64;
    start(options);
    SocketPair pair(kernel());
    const std::string text(1000, 'x');
    ASSERT_EQ(::send(pair.far.fd(), text.data(), text.size(), 0), 1000);
    ::shutdown(pair.far.fd(), SHUT_WR);
    auto received = run(receive_pooled, std::cref(pair.near));
    ASSERT_TRUE(received) << received.error();
    EXPECT_EQ(*received, text);
}

struct Crowd {
    std::vector<std::unique_ptr<SocketPair>> pairs;
    std::vector<std::string> got;
    std::size_t answered = 0;
    std::size_t cancelled = 0;
    explicit Crowd(Kernel& kernel, std::size_t size) : got(size) {
        for (std::size_t i = 0; i < size; ++i) {
            pairs.push_back(std::make_unique<SocketPair>(kernel));
        }
    }
};

Task<Result<>> crowd_member(Kernel& kernel, Crowd& crowd, std::size_t i) {
    auto buffer = co_await kernel.recv_pooled(crowd.pairs[i]->near);
    ++crowd.answered;
    if (!buffer) {
        EXPECT_EQ(buffer.error().code(), Errc::cancelled) << buffer.error();
        ++crowd.cancelled;
        co_return Result<>{};
    }
    // Keeps the buffer over a turn, so that the others have to wait for it.
    co_await coro::yield();
    crowd.got[i] = as_text(buffer->bytes());
    co_return Result<>{};
}

Task<Result<>> crowd_receives(coro::Scope& scope, Kernel& kernel, Crowd& crowd) {
    for (std::size_t i = 0; i < crowd.pairs.size(); ++i) {
        scope.spawn("member", crowd_member, std::ref(kernel), std::ref(crowd), i);
    }
    co_await scope.join();
    co_return Result<>{};
}

Task<Result<>> run_crowd(Kernel& kernel, Crowd& crowd) {
    co_return co_await coro::with_scope(crowd_receives, std::ref(kernel), std::ref(crowd));
}

TEST_F(UringSockets, HundredReceiversShareFourBuffers) {
    UringOptions options;
    options.pooled_buffers = 4;
    options.pooled_buffer_bytes = 128;
    start(options);
    Crowd crowd(kernel(), 100);
    for (std::size_t i = 0; i < 100; ++i) {
        const std::string text = "message " + std::to_string(i);
        ASSERT_EQ(::send(crowd.pairs[i]->far.fd(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    auto done = run(run_crowd, std::ref(crowd));
    ASSERT_TRUE(done) << done.error();
    for (std::size_t i = 0; i < 100; ++i) {
        EXPECT_EQ(crowd.got[i], "message " + std::to_string(i));
    }
}

Task<Result<>> starve_and_cancel(coro::Scope& scope, Kernel& kernel, Crowd& crowd) {
    // Holds the only buffer; everybody else has data and no buffer to put it into.
    SLUICE_CO_TRY(PooledBuffer held, co_await kernel.recv_pooled(crowd.pairs[0]->near));
    for (std::size_t i = 1; i < crowd.pairs.size(); ++i) {
        scope.spawn("member", crowd_member, std::ref(kernel), std::ref(crowd), i);
    }
    for (int turns = 0; turns < 5; ++turns) {
        co_await coro::yield();
    }
    SLUICE_CO_CHECK(co_await coro::sleep_for(std::chrono::milliseconds(2)));
    EXPECT_EQ(crowd.answered, 0U);
    scope.cancel();
    co_await scope.join();
    EXPECT_EQ(crowd.cancelled, crowd.pairs.size() - 1);
    co_return Result<>{};
}
Task<Result<>> run_starved(Kernel& kernel, Crowd& crowd) {
    co_return co_await coro::with_scope(starve_and_cancel, std::ref(kernel), std::ref(crowd));
}

TEST_F(UringSockets, ReceiverWithoutBufferIsCancelled) {
    UringOptions options;
    options.pooled_buffers = 1;
    start(options);
    Crowd crowd(kernel(), 20);
    for (auto& pair : crowd.pairs) {
        ASSERT_EQ(::send(pair->far.fd(), "x", 1, 0), 1);
    }
    auto done = run(run_starved, std::ref(crowd));
    EXPECT_TRUE(done) << done.error();
}

// ---- send and shutdown ----

Task<Result<std::size_t>> send_once(Kernel& kernel, const Handle& socket, ByteView bytes) {
    auto sent = co_await kernel.send(socket, bytes);
    ::shutdown(socket.fd(), SHUT_WR);
    co_return sent;
}
Task<Result<std::size_t>> count_received(Kernel& kernel, const Handle& socket) {
    SLUICE_CO_TRY(const std::string all, co_await receive_pooled(kernel, socket));
    co_return all.size();
}
Task<Result<std::size_t>> send_and_count(Kernel& kernel, const SocketPair& pair, ByteView bytes) {
    auto both = co_await coro::when_all(send_once(kernel, pair.near, bytes), count_received(kernel, pair.far));
    if (!both) {
        co_return std::unexpected(both.error());
    }
    EXPECT_EQ(std::get<0>(*both), bytes.size()) << "one send takes everything";
    co_return std::get<1>(*both);
}

TEST_F(UringSockets, LargeSendIsFinishedByTheKernel) {
    SocketPair pair(kernel());
    const Bytes bytes(4U << 20U);
    auto received = run(send_and_count, std::cref(pair), ByteView(bytes));
    ASSERT_TRUE(received) << received.error();
    EXPECT_EQ(*received, bytes.size());
}

Task<Result<>> send_to_closed(Kernel& kernel, const Handle& socket) {
    co_return co_await send_all(kernel, socket, as_bytes("text"));
}

TEST_F(UringSockets, SendToClosedPeerIsAnErrorAndNoSignal) {
    SocketPair pair(kernel());
    pair.far = Handle();
    auto sent = run(send_to_closed, std::cref(pair.near));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().sys_errno(), EPIPE) << sent.error();
}

Task<Result<std::size_t>> receive_once(Kernel& kernel, const Handle& socket) {
    std::string into(64, '?');
    co_return co_await kernel.recv(socket, writable(into));
}
Task<Result<std::size_t>> shut_down(Kernel& kernel, const Handle& socket) {
    co_await coro::yield();
    SLUICE_CO_CHECK(co_await kernel.shutdown(socket));
    co_return std::size_t{0};
}
Task<Result<std::size_t>> shut_down_under_receiver(Kernel& kernel, const Handle& socket) {
    auto both = co_await coro::when_all(receive_once(kernel, socket), shut_down(kernel, socket));
    if (!both) {
        co_return std::unexpected(both.error());
    }
    co_return std::get<0>(*both);
}

TEST_F(UringSockets, ShutdownEndsAReceiveInFlight) {
    SocketPair pair(kernel());
    auto got = run(shut_down_under_receiver, std::cref(pair.near));
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(*got, 0U);
}

Task<Result<>> poll_handle(Kernel& kernel, const Handle& handle) {
    co_return co_await kernel.poll_in(handle);
}

TEST_F(UringSockets, PollEndsWhenReadableAndWhenHungUp) {
    int fds[2] = {-1, -1};
    ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
    Handle reader(kernel(), fds[0]);
    Handle writer(kernel(), fds[1]);
    ASSERT_EQ(::write(writer.fd(), "x", 1), 1);
    EXPECT_TRUE(run(poll_handle, std::cref(reader)));
    char byte = 0;
    ASSERT_EQ(::read(reader.fd(), &byte, 1), 1);
    writer = Handle();
    EXPECT_TRUE(run(poll_handle, std::cref(reader)));
}

// Listeners that come from systemd are non-blocking.
TEST_F(UringSockets, NonBlockingHandlesWaitAllTheSame) {
    SocketPair pair(kernel());
    auto listener = kernel().listen_unix(folder_.file("s"), 0600);
    ASSERT_TRUE(listener) << listener.error();
    ASSERT_EQ(fcntl(listener->fd(), F_SETFL, O_NONBLOCK), 0);
    ASSERT_EQ(fcntl(pair.near.fd(), F_SETFL, O_NONBLOCK), 0);
    coro::Job<Result<std::size_t>> greeting(kernel().loop(), "greet", greet, std::ref<Kernel>(kernel()),
                                            std::cref(*listener));
    coro::Job<Result<std::size_t>> receiving(kernel().loop(), "receive", receive_once, std::ref<Kernel>(kernel()),
                                             std::cref(pair.near));
    ASSERT_TRUE(block_on(kernel(), "wait", coro::sleep_for, Duration(std::chrono::milliseconds(1))));
    ASSERT_FALSE(greeting.done());
    ASSERT_FALSE(receiving.done());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder_.file("s").copy(address.sun_path, sizeof address.sun_path - 1);
    const Handle client(kernel(), ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(pair.far.fd(), "data", 4, 0), 4);
    ASSERT_TRUE(run_until(kernel(), [&] { return greeting.done() && receiving.done(); }));
    EXPECT_TRUE(greeting.result()) << greeting.result().error();
    ASSERT_TRUE(receiving.result()) << receiving.result().error();
    EXPECT_EQ(*receiving.result(), 4U);
}

// ---- listening ----

TEST_F(UringSockets, SocketFileHasTheModeAskedWhateverTheUmask) {
    for (mode_t mask : {mode_t{0}, mode_t{0777}}) {
        const mode_t before = umask(mask);
        auto listener = kernel().listen_unix(folder_.file("s"), 0660);
        umask(before);
        ASSERT_TRUE(listener) << listener.error();
        struct stat found{};
        ASSERT_EQ(lstat(folder_.file("s").c_str(), &found), 0);
        EXPECT_EQ(found.st_mode, S_IFSOCK | 0660U);
        ASSERT_EQ(unlink(folder_.file("s").c_str()), 0);
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "a temporary name is left";
}

TEST_F(UringSockets, StaleSocketFileIsReplaced) {
    {
        ASSERT_TRUE(kernel().listen_unix(folder_.file("s"), 0600));
    }
    ASSERT_TRUE(std::filesystem::exists(folder_.file("s"))) << "the file outlives its listener";
    auto again = kernel().listen_unix(folder_.file("s"), 0600);
    EXPECT_TRUE(again) << again.error();
}

TEST_F(UringSockets, SocketInUseIsLeftAloneAndNamed) {
    auto first = kernel().listen_unix(folder_.file("s"), 0600);
    ASSERT_TRUE(first) << first.error();
    auto second = kernel().listen_unix(folder_.file("s"), 0600);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Errc::already_exists);
    EXPECT_EQ(second.error().text(),
              "socket '" + folder_.file("s") + "' is already in use: another process listens on it");
}

TEST_F(UringSockets, FileThatIsNoSocketIsLeftAlone) {
    std::ofstream(folder_.file("s")) << "precious";
    auto listener = kernel().listen_unix(folder_.file("s"), 0600);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code(), Errc::already_exists);
    EXPECT_EQ(std::filesystem::file_size(folder_.file("s")), 8U);
}

TEST_F(UringSockets, SocketPathBeyondTheLimitIsRefusedWithTheLimit) {
    auto listener = kernel().listen_unix(folder_.file(std::string(200, 'x')), 0600);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code(), Errc::invalid_argument);
    EXPECT_NE(listener.error().text().find("1 to 107"), std::string::npos) << listener.error();
}

TEST_F(UringSockets, WhatKeepsASocketFromItsNameIsToldWithTheName) {
    std::ofstream(folder_.file("file")) << "precious";
    const auto refused = [&](const std::string& name) {
        const auto made = kernel().listen_unix(folder_.file(name), 0600);
        return made ? "" : fmt::format("{}", made.error());
    };
    const auto path = [&](const std::string& name) { return "'" + folder_.file(name) + "': "; };
    EXPECT_EQ(refused("file/s"), "wrong_type: look at socket path " + path("file/s") + "Not a directory");
    EXPECT_EQ(refused("none/s"), "not_found: bind socket " + path("none/s") + "No such file or directory");
    {
        ASSERT_TRUE(kernel().listen_unix(folder_.file("stale"), 0600));
    }
    std::string fresh;
    std::string stale;
    {
        const sluice::test::NoDescriptors none;
        fresh = refused("s");
        stale = refused("stale");
    }
    EXPECT_EQ(fresh, "limit_exceeded: create a socket for " + path("s") + "Too many open files");
    EXPECT_EQ(stale, "limit_exceeded: create a socket: Too many open files");
    EXPECT_TRUE(std::filesystem::exists(folder_.file("stale"))) << "it may be somebody's";
}

TEST_F(UringSockets, WhatIsNoSocketHasNoPeerAndNoMessages) {
    std::ofstream(folder_.file("file")) << "x";
    const Handle file(kernel(), ::open(folder_.file("file").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    const auto said = [](const auto& result) { return result ? "" : fmt::format("{}", result.error()); };
    const std::string why = ": Socket operation on non-socket";
    EXPECT_TRUE(said(kernel().peer_credentials(file)).ends_with("read the credentials of a peer" + why));
    EXPECT_TRUE(said(kernel().peer_groups(file)).ends_with("read the groups of a peer" + why));
    EXPECT_TRUE(
        said(kernel().receive_senders(file, PassedFiles::refused)).ends_with("ask for the senders of messages" + why));
    std::array<Message, 1> messages;
    EXPECT_TRUE(said(kernel().receive(file, messages)).ends_with("receive messages" + why));
}

TEST_F(UringSockets, PeerCredentialsAreThoseOfThisProcess) {
    SocketPair pair(kernel());
    auto peer = kernel().peer_credentials(pair.near);
    ASSERT_TRUE(peer) << peer.error();
    EXPECT_EQ(peer->pid, getpid());
    EXPECT_EQ(peer->uid, getuid());
    EXPECT_EQ(peer->gid, getgid());
    std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
    ASSERT_EQ(getgroups(static_cast<int>(groups.size()), groups.data()), static_cast<int>(groups.size()));
    EXPECT_EQ(kernel().peer_groups(pair.near), groups);
}

TEST_F(UringSockets, GroupsOfAPeerAreAllOfThem) {
    const std::vector<gid_t> before = [] {
        std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
        groups.resize(static_cast<std::size_t>(getgroups(static_cast<int>(groups.size()), groups.data())));
        return groups;
    }();
    std::vector<gid_t> many;
    for (gid_t group = 5000; group < 5300; ++group) {
        many.push_back(group);
    }
    if (setgroups(many.size(), many.data()) != 0) {
        GTEST_SKIP() << "setgroups() needs root";
    }
    SocketPair pair(kernel());
    const auto found = kernel().peer_groups(pair.near);
    ASSERT_EQ(setgroups(before.size(), before.data()), 0);
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(*found, many);
}

}  // namespace
}  // namespace sluice::io
