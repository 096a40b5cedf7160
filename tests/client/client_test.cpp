#include "client/client.h"

#include "client/fake_daemon.h"

namespace sluice::client {

TEST(Client, RepliesInAnyOrderAreMatchedById) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        std::vector<TestRequest> requests;
        while (requests.size() < 3) {
            auto request = peer.expect<wire::ReadRequest>();
            ASSERT_TRUE(request);
            requests.push_back(std::move(*request));
        }
        for (const std::size_t i : {2U, 0U, 1U}) {
            const std::string data = fmt::format("data {}", i);
            peer.reply(requests[i].header.id, wire::ReadReply{.data = as_bytes(data)});
        }
        peer.wait_for_end();
    });
    auto client = Client::connect(daemon.path());
    ASSERT_TRUE(client) << client.error();
    std::vector<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < 3; ++i) {
        const auto id = client->submit(wire::ReadRequest{.handle = 1, .length = 10, .offset = i});
        ASSERT_TRUE(id) << id.error();
        ids.push_back(*id);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        const auto reply = client->await_as<wire::ReadReply>(ids[i]);
        ASSERT_TRUE(reply) << reply.error();
        EXPECT_EQ(as_text(reply->data), fmt::format("data {}", i));
    }
}

TEST(Client, AnErrorReplyIsReturnedAndTheConnectionStaysUsable) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        auto request = peer.expect<wire::StatRequest>();
        ASSERT_TRUE(request);
        peer.refuse(request->header.id, Errc::permission_denied, "root 'files' is not for uid 7");
        request = peer.expect<wire::PingRequest>();
        ASSERT_TRUE(request);
        peer.reply(request->header.id, wire::PingReply{});
        peer.wait_for_end();
    });
    auto client = Client::connect(daemon.path());
    ASSERT_TRUE(client) << client.error();
    const auto stat = client->stat("files", "a");
    ASSERT_FALSE(stat);
    EXPECT_EQ(stat.error().code(), Errc::permission_denied);
    EXPECT_EQ(stat.error().text(), "root 'files' is not for uid 7");
    const auto pinged = client->ping();
    EXPECT_TRUE(pinged) << pinged.error();
}

TEST(Client, ARequestThatIsNeverAnsweredTimesOutAndItsLateReplyIsDropped) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        const auto late = peer.expect<wire::PingRequest>();
        ASSERT_TRUE(late);
        EXPECT_EQ(late->header.deadline_ms, 20U);
        const auto status = peer.expect<wire::StatusRequest>();
        ASSERT_TRUE(status);
        peer.reply(late->header.id, wire::PingReply{});
        peer.reply(status->header.id, wire::StatusReply{.json = "{}"});
        peer.wait_for_end();
    });
    auto client = Client::connect(daemon.path(), {.connect = {},
                                                  .request_timeout = std::chrono::milliseconds(20),
                                                  .reply_grace = std::chrono::milliseconds(20)});
    ASSERT_TRUE(client) << client.error();
    const auto pinged = client->ping();
    ASSERT_FALSE(pinged);
    EXPECT_EQ(pinged.error().code(), Errc::deadline_exceeded);
    const auto id = client->submit(wire::StatusRequest{});
    ASSERT_TRUE(id) << id.error();
    for (;;) {  // The reply to come may take longer than the timeout of this test.
        const auto status = client->await_as<wire::StatusReply>(*id);
        if (status) {
            EXPECT_EQ(status->json, "{}");
            break;
        }
        ASSERT_EQ(status.error().code(), Errc::deadline_exceeded);
    }
}

void answer_close(Peer& peer, std::uint32_t handle) {
    const auto frame = peer.expect<wire::CloseRequest>();
    ASSERT_TRUE(frame);
    const auto close = wire::CloseRequest::decode(frame->payload);
    ASSERT_TRUE(close) << close.error();
    EXPECT_EQ(close->handle, handle);
    peer.reply(frame->header.id, wire::CloseReply{});
}

// Whether the reply is there already when the client gives up, or comes later.
TEST(Client, AnOpenThatIsAnsweredTooLateIsClosed) {
    for (const bool is_there : {true, false}) {
        FakeDaemon daemon;
        daemon.run([is_there](FakeDaemon& self) {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet());
            const auto open = peer.expect<wire::OpenRequest>();
            const auto ping = peer.expect<wire::PingRequest>();
            ASSERT_TRUE(open && ping);
            if (is_there) {
                peer.reply(open->header.id, wire::OpenReply{.handle = 7});
            }
            peer.reply(ping->header.id, wire::PingReply{});
            if (is_there) {
                answer_close(peer, 7);
            }
            const auto second = peer.expect<wire::PingRequest>();
            ASSERT_TRUE(second);
            if (!is_there) {
                peer.reply(open->header.id, wire::OpenReply{.handle = 7});
            }
            peer.reply(second->header.id, wire::PingReply{});
            if (!is_there) {
                answer_close(peer, 7);
            }
            peer.wait_for_end();
        });
        auto client = Client::connect(daemon.path());
        ASSERT_TRUE(client) << client.error();
        const auto id = client->submit(wire::OpenRequest{.flags = wire::kOpenRead, .root = "files", .path = "a"});
        ASSERT_TRUE(id) << id.error();
        EXPECT_TRUE(client->ping());
        client->abandon(*id);
        EXPECT_TRUE(client->ping());
    }
}

TEST(Client, GetHandsOutThePiecesInOrderAndReturnsCredit) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        const auto request = peer.expect<wire::GetRequest>();
        ASSERT_TRUE(request);
        const auto get = wire::GetRequest::decode(request->payload);
        ASSERT_TRUE(get) << get.error();
        EXPECT_EQ(get->credit, 100'000U);
        const std::string piece(40'000, 'x');
        for (int i = 0; i < 4; ++i) {
            peer.reply(request->header.id, wire::GetChunk{.data = as_bytes(piece)}, true);
            const auto frame = peer.expect<wire::Credit>();  // 40,024 bytes are more than a quarter.
            ASSERT_TRUE(frame);
            const auto credit = wire::Credit::decode(frame->payload);
            ASSERT_TRUE(credit) << credit.error();
            EXPECT_EQ(credit->target, request->header.id);
            EXPECT_EQ(credit->bytes, 40'000U + wire::kFrameHeaderSize);
        }
        peer.reply(request->header.id, wire::GetReply{.size = 160'000});
        peer.wait_for_end();
    });
    ClientOptions options;
    options.get_credit_bytes = 100'000;
    auto client = Client::connect(daemon.path(), options);
    ASSERT_TRUE(client) << client.error();
    std::size_t bytes = 0;
    const auto got = client->get({.root = "files", .path = "a"}, [&bytes](ByteView data) -> Result<void> {
        bytes += data.size();
        return {};
    });
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(got->size, 160'000U);
    EXPECT_EQ(bytes, 160'000U);
}

// A daemon that stops sends the rest of the file and ends the connection: the credit for it cannot be sent any more.
TEST(Client, GetIsWholeWhenTheConnectionEndsBehindIt) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        const auto request = peer.expect<wire::GetRequest>();
        ASSERT_TRUE(request);
        const std::string piece(40'000, 'x');
        peer.reply(request->header.id, wire::GetChunk{.data = as_bytes(piece)}, true);
        peer.reply(request->header.id, wire::GetChunk{.data = as_bytes(piece)}, true);
        peer.reply(request->header.id, wire::GetReply{.size = 80'000});
        peer.reply(0, wire::ErrorReply{.code = Errc::shutting_down, .text = "the daemon is stopping"});
    });
    ClientOptions options;
    options.get_credit_bytes = 100'000;
    auto client = Client::connect(daemon.path(), options);
    ASSERT_TRUE(client) << client.error();
    const auto got = client->get({.root = "files", .path = "a"}, [](ByteView) -> Result<void> { return {}; });
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(got->size, 80'000U);
}

TEST(Client, AFailingSinkCancelsTheGet) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        const auto get = peer.expect<wire::GetRequest>();
        ASSERT_TRUE(get);
        peer.reply(get->header.id, wire::GetChunk{.data = as_bytes("abc")}, true);
        const auto frame = peer.expect<wire::CancelRequest>();
        ASSERT_TRUE(frame);
        const auto cancel = wire::CancelRequest::decode(frame->payload);
        ASSERT_TRUE(cancel) << cancel.error();
        EXPECT_EQ(cancel->target, get->header.id);
        peer.reply(frame->header.id, wire::CancelReply{});
        peer.refuse(get->header.id, Errc::cancelled);
        const auto ping = peer.expect<wire::PingRequest>();
        ASSERT_TRUE(ping);
        peer.reply(ping->header.id, wire::PingReply{});
        peer.wait_for_end();
    });
    auto client = Client::connect(daemon.path());
    ASSERT_TRUE(client) << client.error();
    const auto got = client->get({.root = "files", .path = "a"},
                                 [](ByteView) -> Result<void> { return fail(Errc::no_space, "disk full here"); });
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::no_space);
    const auto pinged = client->ping();
    EXPECT_TRUE(pinged) << pinged.error();
}

TEST(Client, ADaemonThatGoesAwayIsClosed) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        EXPECT_TRUE(peer.next());
    });
    auto client = Client::connect(daemon.path());
    ASSERT_TRUE(client) << client.error();
    const auto status = client->status();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Errc::closed);
}

}  // namespace sluice::client
