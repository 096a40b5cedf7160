#include "io/sim_socket.h"

#include <sys/un.h>

#include <algorithm>
#include <numeric>

#include "coro/combine.h"
#include "io/sim_fixture.h"

namespace sluice::io {
namespace {

class SimSocketTest : public SimTest {
 protected:
    struct Pair {
        Handle near;
        Handle far;
    };
    Pair connect() {
        auto listener = kernel().listen_unix("/run/s", 0600);
        EXPECT_TRUE(listener);
        auto near = kernel().connect_unix("/run/s");
        EXPECT_TRUE(near);
        auto far =
            run([](Kernel& k, Handle* l) -> Task<Result<Handle>> { co_return co_await k.accept(*l); }, &*listener);
        EXPECT_TRUE(far);
        return {std::move(*near), std::move(*far)};
    }
};

Task<Result<>> send_all(Kernel& kernel, const Handle& socket, ByteView bytes, std::size_t* sends) {
    while (!bytes.empty()) {
        SLUICE_CO_TRY(const std::size_t count, co_await kernel.send(socket, bytes));
        bytes = bytes.subspan(count);
        ++*sends;
    }
    co_return co_await kernel.shutdown(socket);
}

Task<Result<>> recv_all(Kernel& kernel, const Handle& socket, Bytes* into) {
    for (;;) {
        SLUICE_CO_TRY(const PooledBuffer buffer, co_await kernel.recv_pooled(socket));
        if (buffer.bytes().empty()) {
            co_return Result<>{};
        }
        append(*into, buffer.bytes());
    }
}

Task<Result<>> transfer(Kernel& kernel, const Handle* near, const Handle* far, const Bytes* sent, Bytes* received,
                        std::size_t* sends) {
    const ByteView bytes(*sent);
    auto results =
        co_await coro::when_all_results(send_all(kernel, *near, bytes, sends), recv_all(kernel, *far, received));
    SLUICE_CO_CHECK(std::get<0>(results));
    co_return std::get<1>(results);
}

// More than the socket buffer holds, in pieces of any size: no byte is lost or reordered, and the end is seen.
TEST_F(SimSocketTest, StreamArrivesWholeAndInOrder) {
    Pair pair = connect();
    Bytes sent(3 * SimSocket::kBufferBytes);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        sent[i] = static_cast<std::byte>(i * 2654435761U >> 24U);
    }
    Bytes received;
    std::size_t sends = 0;
    auto moved = run(transfer, &pair.near, &pair.far, &sent, &received, &sends);
    ASSERT_TRUE(moved) << moved.error();
    EXPECT_GT(sends, 3U);
    EXPECT_TRUE(received == sent);
}

Task<Result<std::size_t>> send_text(Kernel& kernel, const Handle* socket, std::string text) {
    const ByteView bytes = as_bytes(text);
    co_return co_await kernel.send(*socket, bytes);
}

Task<Result<std::string>> recv_text(Kernel& kernel, const Handle* socket) {
    std::string text(64, '?');
    const std::span into = std::as_writable_bytes(std::span(text));
    SLUICE_CO_TRY(const std::size_t count, co_await kernel.recv(*socket, into));
    text.resize(count);
    co_return text;
}

TEST_F(SimSocketTest, ClosedPeerGivesItsBytesThenTheEndThenEpipe) {
    world().faults().enabled = false;  // No short sends.
    Pair pair = connect();
    ASSERT_TRUE(run(send_text, &pair.near, std::string("last words")));
    pair.near = Handle();
    auto text = run(recv_text, &pair.far);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "last words");
    text = run(recv_text, &pair.far);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "");
    auto sent = run(send_text, &pair.far, std::string("x"));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().sys_errno(), EPIPE);
}

TEST_F(SimSocketTest, UnreadBytesMakeAReset) {
    Pair pair = connect();
    ASSERT_TRUE(run(send_text, &pair.near, std::string("ignored")));
    pair.far = Handle();
    auto text = run(recv_text, &pair.near);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().sys_errno(), ECONNRESET);
    text = run(recv_text, &pair.near);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "");
}

TEST_F(SimSocketTest, ShutdownEndsAReceiveInFlight) {
    Pair pair = connect();
    coro::Job<Result<std::string>> job(kernel().loop(), "recv", recv_text, std::ref<Kernel>(kernel()), &pair.near);
    ASSERT_TRUE(world().run_until_idle());
    EXPECT_FALSE(job.done());
    ASSERT_TRUE(run([](Kernel& k, Handle* s) -> Task<Result<>> { co_return co_await k.shutdown(*s); }, &pair.near));
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
    EXPECT_EQ(*job.result(), "");
}

Task<Result<>> send_for_ever(Kernel& kernel, const Handle* socket, std::size_t* sent) {
    const Bytes block(10000);
    const ByteView bytes(block);
    for (;;) {
        SLUICE_CO_TRY(const std::size_t count, co_await kernel.send(*socket, bytes));
        *sent += count;
    }
}

TEST_F(SimSocketTest, SenderWaitsWhenTheReceiverDoesNotRead) {
    Pair pair = connect();
    std::size_t sent = 0;
    coro::Job<Result<>> job(kernel().loop(), "send", send_for_ever, std::ref<Kernel>(kernel()), &pair.near, &sent);
    ASSERT_TRUE(world().run_until_idle());
    EXPECT_EQ(sent, SimSocket::kBufferBytes);
    EXPECT_FALSE(job.done());
    pair.far = Handle();
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
    EXPECT_EQ(job.result().error().sys_errno(), EPIPE);
}

TEST_F(SimSocketTest, CredentialsAreThoseOfTheConnectingKernel) {
    SimKernel::Options options;
    options.credentials = {.pid = 77, .uid = 42, .gid = 43};
    options.groups = {44, 45};
    SimKernel client(world(), options);
    auto listener = kernel().listen_unix("/run/s", 0600);
    ASSERT_TRUE(listener);
    auto near = client.connect_unix("/run/s");
    ASSERT_TRUE(near);
    auto far = run([](Kernel& k, Handle* l) -> Task<Result<Handle>> { co_return co_await k.accept(*l); }, &*listener);
    ASSERT_TRUE(far);
    auto peer = kernel().peer_credentials(*far);
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->pid, 77);
    EXPECT_EQ(peer->uid, 42U);
    EXPECT_EQ(peer->gid, 43U);
    EXPECT_EQ(client.peer_credentials(*near)->uid, 1000U);
    EXPECT_EQ(kernel().peer_groups(*far), (std::vector<gid_t>{44, 45}));
    EXPECT_EQ(client.peer_groups(*near), std::vector<gid_t>());
}

TEST_F(SimSocketTest, ConnectIsRefusedWhereNobodyListens) {
    EXPECT_EQ(kernel().connect_unix("/run/none").error().sys_errno(), ENOENT);
    {
        auto listener = kernel().listen_unix("/run/s", 0600);
        ASSERT_TRUE(listener);
    }
    EXPECT_EQ(kernel().connect_unix("/run/s").error().sys_errno(), ECONNREFUSED);  // A stale socket file.
    EXPECT_TRUE(kernel().listen_unix("/run/s", 0600));
    EXPECT_EQ(kernel().listen_unix("/nowhere/s", 0600).error().sys_errno(), ENOENT);
}

Task<Result<>> connect_by_address(Kernel& kernel, const Handle* socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(std::string_view("/run/s"), address.sun_path);
    const auto& generic = reinterpret_cast<const sockaddr&>(address);
    co_return co_await kernel.connect(*socket, generic, sizeof address);
}

TEST_F(SimSocketTest, ConnectOperationTakesAnAddress) {
    auto socket = kernel().make_socket();
    ASSERT_TRUE(socket);
    EXPECT_EQ(run(connect_by_address, &*socket).error().sys_errno(), ENOENT);
    auto listener = kernel().listen_unix("/run/s", 0600);
    ASSERT_TRUE(run(connect_by_address, &*socket));
}

// With one buffer, the second receive waits until the first buffer comes back, and then gets its bytes.
TEST_F(SimSocketTest, ReceiveWaitsForAFreeBuffer) {
    SimKernel::Options options;
    options.buffers = 1;
    SimKernel small(world(), options);
    auto listener = small.listen_unix("/run/s", 0600);
    auto near = small.connect_unix("/run/s");
    ASSERT_TRUE(listener && near);
    auto accept = [](Kernel* k, Handle* l) -> Task<Result<Handle>> { co_return co_await k->accept(*l); };
    auto far = block_on(small, "accept", accept, static_cast<Kernel*>(&small), &*listener);
    ASSERT_TRUE(far);
    world().faults().rates.short_recv = 0;
    auto receive = [](Kernel* k, Handle* s) -> Task<Result<PooledBuffer>> { co_return co_await k->recv_pooled(*s); };
    ASSERT_TRUE(run(send_text, &*near, std::string("one")));
    auto first = block_on(small, "recv", receive, static_cast<Kernel*>(&small), &*far);
    ASSERT_TRUE(first);
    ASSERT_TRUE(run(send_text, &*near, std::string("two")));
    {
        coro::Job<Result<PooledBuffer>> second(small.loop(), "recv", receive, static_cast<Kernel*>(&small), &*far);
        ASSERT_TRUE(world().run_until_idle());
        EXPECT_FALSE(second.done());
        first->reset();
        ASSERT_TRUE(world().run_until([&] { return second.done(); }));
        EXPECT_FALSE(second.result()->bytes().empty());
    }
}

TEST_F(SimSocketTest, AcceptEndsWhenItsListenerIsShutDown) {
    auto listener = kernel().listen_unix("/run/s", 0600);
    ASSERT_TRUE(listener);
    auto accept = [](Kernel* k, Handle* l) -> Task<Result<Handle>> { co_return co_await k->accept(*l); };
    coro::Job<Result<Handle>> job(kernel().loop(), "accept", accept, static_cast<Kernel*>(&kernel()), &*listener);
    ASSERT_TRUE(world().run_until_idle());
    EXPECT_FALSE(job.done());
    ASSERT_TRUE(run([](Kernel& k, Handle* s) -> Task<Result<>> { co_return co_await k.shutdown(*s); }, &*listener));
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
    EXPECT_FALSE(job.result());
}

TEST_F(SimSocketTest, PollCompletesWhenBytesArrive) {
    Pair pair = connect();
    auto poll = [](Kernel* k, Handle* s) -> Task<Result<>> { co_return co_await k->poll_in(*s); };
    coro::Job<Result<>> job(kernel().loop(), "poll", poll, static_cast<Kernel*>(&kernel()), &pair.far);
    ASSERT_TRUE(world().run_until_idle());
    EXPECT_FALSE(job.done());
    ASSERT_TRUE(run(send_text, &pair.near, std::string("x")));
    ASSERT_TRUE(world().run_until([&] { return job.done(); }));
    EXPECT_TRUE(job.result());
}

Task<Result<>> wait_for(Kernel& kernel, const Handle* socket) {
    co_return co_await kernel.poll_in(*socket);
}

TEST_F(SimSocketTest, DatagramsArriveWholeWithTheirSenderUntilTheQueueIsFull) {
    auto socket = kernel().listen_unix("/run/d", 0600, SocketKind::datagram);
    ASSERT_TRUE(socket) << socket.error();
    EXPECT_EQ(kernel().connect_unix("/run/d").error().sys_errno(), EPROTOTYPE);
    for (std::size_t i = 0; i < SimSocket::kDatagramsMax; ++i) {
        ASSERT_TRUE(kernel().send_datagram("/run/d", as_bytes("datagram")));
    }
    EXPECT_EQ(kernel().send_datagram("/run/d", as_bytes("x")).error().sys_errno(), EAGAIN);
    ASSERT_TRUE(run(wait_for, &*socket));
    Bytes memory(SimSocket::kDatagramsMax * 5);
    std::array<Message, SimSocket::kDatagramsMax> messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        messages[i].room = std::span(memory).subspan(i * 5, 5);
    }
    ASSERT_EQ(*kernel().receive(*socket, messages), messages.size());
    EXPECT_EQ(as_text(messages.back().content()), "datag");
    EXPECT_EQ(messages.back().whole_bytes, 8U);
    EXPECT_EQ(messages.back().sender.uid, 1000U);
    EXPECT_EQ(*kernel().receive(*socket, messages), 0U);
    *socket = Handle();
    EXPECT_EQ(kernel().send_datagram("/run/d", as_bytes("x")).error().sys_errno(), ECONNREFUSED);
}

}  // namespace
}  // namespace sluice::io
