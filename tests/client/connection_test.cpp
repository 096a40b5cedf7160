#include "client/connection.h"

#include "base/fd.h"
#include "client/fake_daemon.h"
#include "no_descriptors.h"
#include "wire/escape.h"

namespace sluice::client {
namespace {

ConnectOptions quick() {
    return {.client_name = "test", .connect_timeout = std::chrono::milliseconds(50)};
}

// Waits for the next reply.
Result<Reply> await_reply(Connection& connection) {
    for (;;) {
        if (auto reply = connection.take()) {
            return std::move(*reply);
        }
        SLUICE_CHECK(connection.step(std::chrono::seconds(20)));
    }
}

}  // namespace

TEST(Connection, HelloTellsTheLimitsAndTheStore) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        wire::HelloReply hello{
            .epoch = 7, .frame_bytes_max = 4096, .requests_in_flight_max = 3, .server_version = "9.9"};
        hello.store[0] = std::byte{0xAB};
        Peer peer = self.accept();
        const auto request = peer.expect<wire::HelloRequest>();
        ASSERT_TRUE(request);
        const auto sent = wire::HelloRequest::decode(request->payload);
        ASSERT_TRUE(sent) << sent.error();
        EXPECT_EQ(sent->client_name, "tester");
        peer.reply(request->header.id, hello);
        peer.wait_for_end();
    });
    const auto connection = Connection::connect(daemon.path(), {.client_name = "tester"});
    ASSERT_TRUE(connection) << connection.error();
    const ServerInfo& server = (*connection)->server();
    EXPECT_EQ(server.epoch, 7U);
    EXPECT_EQ(server.frame_bytes_max, 4096U);
    EXPECT_EQ(server.requests_in_flight_max, 3U);
    EXPECT_EQ(server.server_version, "9.9");
    EXPECT_EQ(server.store[0], std::byte{0xAB});
}

TEST(Connection, AMissingSocketIsNotFoundAndNamed) {
    const auto connection = Connection::connect("/nonexistent/s.sock", quick());
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code(), Errc::not_found);
    EXPECT_NE(connection.error().text().find("/nonexistent/s.sock"), std::string::npos);
}

TEST(Connection, ASocketWithoutListenerIsClosed) {
    FakeDaemon daemon;
    daemon.stop_listening();
    daemon.listen();
    const std::string path = daemon.path();
    const std::string kept = path + ".kept";
    std::filesystem::rename(path, kept);
    daemon.stop_listening();
    const auto connection = Connection::connect(kept, quick());
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code(), Errc::closed);
}

TEST(Connection, AFullQueueOfNewConnectionsIsALimitAfterTheWait) {
    FakeDaemon daemon;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    daemon.path().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    std::vector<Fd> waiting;
    int refused = 0;
    while (refused == 0 && waiting.size() < 1000) {  // Nobody accepts.
        waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int connected = ::connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        refused = connected == 0 ? 0 : errno;
    }
    ASSERT_EQ(refused, EAGAIN);
    for (const Connection::Backlog backlog : {Connection::Backlog::wait, Connection::Backlog::refuse}) {
        const auto connection = Connection::start(daemon.path(), quick(), backlog);
        ASSERT_FALSE(connection);
        EXPECT_EQ(connection.error().code(), Errc::limit_exceeded);
        EXPECT_EQ(connection.error().text(),
                  "connect to " + wire::quoted(daemon.path()) + ": its queue of new connections is full");
    }
}

TEST(Connection, ASocketThatCannotBeMadeIsALimit) {
    EXPECT_FALSE(Connection::connect("/nowhere", quick()));
    const auto connection = [] {
        const sluice::test::NoDescriptors none;
        return Connection::connect("/nowhere", quick());
    }();
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code(), Errc::limit_exceeded);
    EXPECT_EQ(connection.error().sys_errno(), EMFILE);
    EXPECT_TRUE(connection.error().text().starts_with("create a socket: ")) << connection.error();
}

// It closes with a request unread: the kernel tells ECONNRESET, which is of no use to a caller.
TEST(Connection, ADaemonThatDiesIsClosedWithoutAnErrno) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        EXPECT_TRUE(peer.wait_for_input());
    });
    const auto connection = Connection::connect(daemon.path());
    ASSERT_TRUE(connection) << connection.error();
    (void)(*connection)->queue(wire::PingRequest{});
    Result<void> stepped;
    while (stepped) {
        stepped = (*connection)->step(std::chrono::seconds(20));
    }
    EXPECT_EQ(stepped.error().code(), Errc::closed);
    EXPECT_EQ(stepped.error().sys_errno(), 0);
    EXPECT_EQ(stepped.error().text(), "the daemon closed the connection");
}

TEST(Connection, APathThatNoAddressHoldsIsRefused) {
    FakeDaemon daemon;
    for (const std::string& path : {std::string(200, 'x'), std::string(), daemon.path() + '\0' + "x"}) {
        const auto connection = Connection::connect(path, quick());
        ASSERT_FALSE(connection);
        EXPECT_EQ(connection.error().code(), Errc::invalid_argument);
    }
}

TEST(Connection, ADaemonThatNeverAnswersHelloTimesOut) {
    FakeDaemon daemon;  // Its backlog accepts; nobody reads.
    const auto connection = Connection::connect(daemon.path(), quick());
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code(), Errc::deadline_exceeded);
}

TEST(Connection, ARefusedHelloReturnsTheDaemonsReason) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        const auto request = peer.next();
        ASSERT_TRUE(request);
        peer.refuse(request->header.id, Errc::unsupported, "feature bit 3 is unknown");
        peer.wait_for_end();
    });
    const auto connection = Connection::connect(daemon.path());
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code(), Errc::unsupported);
    EXPECT_NE(connection.error().text().find("feature bit 3"), std::string::npos);
}

// A stream has no message boundaries: every cut must give the same frames.
TEST(Connection, RepliesCutIntoSingleBytesArriveWhole) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        const auto request = peer.expect<wire::StatusRequest>();
        ASSERT_TRUE(request);
        Bytes frame;
        wire::append_frame(frame, request->header.id, wire::StatusReply{.json = "{\"a\":1}"});
        wire::append_frame(frame, 99, wire::PingReply{});
        for (const std::byte& byte : frame) {
            peer.send({&byte, 1});
        }
        peer.wait_for_end();
    });
    const auto connection = Connection::connect(daemon.path());
    ASSERT_TRUE(connection) << connection.error();
    (*connection)->queue(wire::StatusRequest{});
    const auto first = await_reply(**connection);
    ASSERT_TRUE(first) << first.error();
    const auto status = first->decode<wire::StatusReply>();
    ASSERT_TRUE(status) << status.error();
    EXPECT_EQ(status->json, "{\"a\":1}");
    const auto second = await_reply(**connection);
    ASSERT_TRUE(second) << second.error();
    EXPECT_EQ(second->header.id, 99U);
}

TEST(Connection, WhatArrivedBeforeTheEndIsStillTaken) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        const auto request = peer.expect<wire::PingRequest>();
        ASSERT_TRUE(request);
        peer.reply(request->header.id, wire::PingReply{});
    });
    const auto connection = Connection::connect(daemon.path());
    ASSERT_TRUE(connection) << connection.error();
    const std::uint64_t id = (*connection)->queue(wire::PingRequest{});
    Result<void> stepped;
    while (stepped) {
        stepped = (*connection)->step(std::chrono::seconds(20));
    }
    EXPECT_EQ(stepped.error().code(), Errc::closed);
    const auto reply = (*connection)->take();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->header.id, id);
    const auto again = (*connection)->process();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Errc::closed);
}

// How a connection ends that the daemon ends after its greeting, which connect() may see already.
Errc end_of_connection(const std::string& path) {
    const auto connection = Connection::connect(path);
    if (!connection) {
        return connection.error().code();
    }
    Result<void> stepped;
    while (stepped) {
        stepped = (*connection)->step(std::chrono::seconds(20));
    }
    return stepped.error().code();
}

TEST(Connection, AnErrorWithoutRequestEndsItWithTheReason) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        peer.refuse(0, Errc::limit_exceeded, "too many requests");
        peer.wait_for_end();
    });
    EXPECT_EQ(end_of_connection(daemon.path()), Errc::limit_exceeded);
}

TEST(Connection, RubbishFromTheDaemonIsMalformed) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        peer.send(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
        peer.wait_for_end();
    });
    EXPECT_EQ(end_of_connection(daemon.path()), Errc::too_large);  // "HTTP" read as a length.
}

}  // namespace sluice::client
