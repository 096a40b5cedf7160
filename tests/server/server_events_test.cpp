// What the server tells its owner of each connection: that it came, that it was refused, and how it ended.
#include <gmock/gmock.h>

#include "server_fixture.h"
#include "wire/file_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class ServerEventsTest : public ServerTest {
 protected:
    const sim::ServerReport& told() { return daemon->served(); }
    // A client that never reads what comes behind HELLO, and asks for far more than a socket holds.
    std::unique_ptr<RawClient> deaf() {
        world.disk().put_file(sim::kRootPath + "/large", Bytes(1U << 20U, std::byte{'x'}));
        auto client = std::make_unique<RawClient>(world);
        EXPECT_TRUE(client->connect());
        client->hello();
        wire::GetRequest get;
        get.root = "files";
        get.path = "large";
        get.credit = 1U << 30U;
        client->request(2, get);
        return client;
    }
    static Bytes large_frame_begun(std::uint32_t length, std::size_t bytes) {
        const auto head = wire::encode_frame_header({.length = length, .type = wire::MessageType::put, .id = 2});
        Bytes begun(head.begin(), head.end());
        begun.resize(bytes);
        return begun;
    }
};

TEST_F(ServerEventsTest, ConnectionsComeWithANumberAndEndInGoodOrder) {
    start();
    RawClient& first = greet(1000);
    RawClient& second = greet(1001);
    EXPECT_THAT(told().connected, ElementsAre("1 of 1000", "2 of 1001"));
    EXPECT_THAT(told().disconnected, IsEmpty());
    second.disconnect();
    pass(milliseconds(10));
    EXPECT_THAT(told().disconnected, ElementsAre("2 of 1001: in good order"));
    using Users = std::vector<std::pair<uid_t, std::uint32_t>>;
    EXPECT_EQ(daemon->server().connections_by_uid(9), (Users{{1000, 1}})) << "who has none is no user";
    first.disconnect();
    pass(milliseconds(10));
    EXPECT_TRUE(daemon->server().connections_by_uid(9).empty());
    greet(1000);
    EXPECT_THAT(told().connected, ElementsAre("1 of 1000", "2 of 1001", "3 of 1000"));
    EXPECT_THAT(told().disconnected, ElementsAre("2 of 1001: in good order", "1 of 1000: in good order"));
    EXPECT_THAT(told().refused, IsEmpty());
    EXPECT_THAT(told().accept_failed, IsEmpty());
}

TEST_F(ServerEventsTest, RefusalNamesThePeerAndTheReason) {
    options.server.connections_per_uid_max = 1;
    options.server.admits = [](const Peer& peer) { return peer.credentials.uid != 7; };
    start();
    greet(1000);
    EXPECT_TRUE(connect(1000).closed_within(milliseconds(10)));
    EXPECT_TRUE(connect(7).closed_within(milliseconds(10)));
    EXPECT_THAT(
        told().refused,
        ElementsAre("2 of 1000: limit_exceeded: uid 1000 has 1 connections open, limits.connections_per_uid_max",
                    "3 of 7: permission_denied: uid 7 may not connect; see listen.allowed_users and "
                    "listen.allowed_groups"));
    EXPECT_THAT(told().connected, ElementsAre("1 of 1000"));
    EXPECT_THAT(told().disconnected, IsEmpty());
}

TEST_F(ServerEventsTest, LastConnectionsAreForUsersWithFewOfThem) {
    options.server.connections_max = 16;
    start();
    for (int i = 0; i < 14; ++i) {
        greet(i < 8 ? 1 : 2);
    }
    EXPECT_TRUE(connect(1).closed_within(milliseconds(10))) << "two are left, and it has eight";
    greet(2);
    greet(2);
    ASSERT_EQ(daemon->server().connections_by_uid(9), (std::vector<std::pair<uid_t, std::uint32_t>>{{1, 8}, {2, 8}}));
    EXPECT_TRUE(connect(2).closed_within(milliseconds(10)));
    EXPECT_TRUE(connect(3).closed_within(milliseconds(10)));
    EXPECT_THAT(told().refused,
                ElementsAre("15 of 1: limit_exceeded: 14 connections are open, 8 of them of uid 1: the last 2 of "
                            "limits.connections_max are for users with fewer than 8",
                            "18 of 2: limit_exceeded: 16 connections are open, limits.connections_max",
                            "19 of 3: limit_exceeded: 16 connections are open, limits.connections_max"));
}

TEST_F(ServerEventsTest, BusiestConnectionsAndUsersComeFirst) {
    start();
    for (const auto& [uid, requests] :
         {std::pair<uid_t, std::uint64_t>{1, 2}, {2, 5}, {3, 1}, {2, 3}, {1, 4}, {2, 0}}) {
        RawClient& client = greet(uid);
        for (std::uint64_t id = 2; id < 2 + requests; ++id) {
            client.request(id, wire::PingRequest());
            ASSERT_TRUE(client.next());
        }
    }
    const auto busiest = [&](std::size_t most) {
        std::string text;
        for (const Session* session : daemon->server().busiest(most)) {
            text += fmt::format("{}:{} ", session->peer().session, session->requests());
        }
        return text;
    };
    EXPECT_EQ(busiest(3), "2:5 5:4 4:3 ");
    EXPECT_EQ(busiest(6), "2:5 5:4 4:3 1:2 3:1 6:0 ");
    EXPECT_EQ(busiest(99), busiest(6));
    EXPECT_EQ(busiest(0), "");
    using Users = std::vector<std::pair<uid_t, std::uint32_t>>;
    EXPECT_EQ(daemon->server().connections_by_uid(2), (Users{{2, 3}, {1, 2}}));
    EXPECT_EQ(daemon->server().connections_by_uid(99), (Users{{2, 3}, {1, 2}, {3, 1}}));
    EXPECT_TRUE(daemon->server().connections_by_uid(0).empty());
}

TEST_F(ServerEventsTest, AcceptThatFailsIsToldEachTimeAndTriedTenTimesASecond) {
    const std::size_t rule = world.faults().add(io::fail_from(io::OpCode::accept, "*", 1, EMFILE));
    start();
    pass(milliseconds(1));
    EXPECT_EQ(told().accept_failed.size(), 1U);
    EXPECT_THAT(told().accept_failed[0], testing::HasSubstr("Too many open files"));
    pass(milliseconds(95));
    EXPECT_EQ(told().accept_failed.size(), 1U);
    pass(milliseconds(10));
    EXPECT_EQ(told().accept_failed.size(), 2U);
    pass(seconds(1));
    EXPECT_EQ(told().accept_failed.size(), 12U);
    world.faults().remove(rule);
    greet();
    EXPECT_EQ(told().accept_failed.size(), 12U);
}

// ---- how a connection ends ----

TEST_F(ServerEventsTest, ConnectionThatSaysNothingIsToldAsSuch) {
    options.session.hello_timeout = seconds(3);
    start();
    RawClient& silent = connect();
    EXPECT_TRUE(silent.closed_within(seconds(4)));
    connect().disconnect();
    pass(milliseconds(10));
    EXPECT_THAT(told().disconnected, ElementsAre("1 of 1000: deadline_exceeded: wait for HELLO: the deadline passed",
                                                 "2 of 1000: closed: the connection ended before HELLO"));
}

TEST_F(ServerEventsTest, IdleConnectionIsToldWithItsTime) {
    options.session.idle_timeout = seconds(2);
    start();
    RawClient& client = greet();
    EXPECT_TRUE(client.closed_within(seconds(3)));
    EXPECT_FALSE(client.next(milliseconds(1))) << "that is no error of the client";
    pass(milliseconds(1));
    EXPECT_THAT(told().disconnected, ElementsAre("1 of 1000: closed: the connection was idle for 2 s"));
}

TEST_F(ServerEventsTest, ClientThatReadsNothingIsToldWithWhatWaits) {
    options.session.stall_timeout = seconds(5);
    start();
    const auto client = deaf();
    pass(milliseconds(4900));
    EXPECT_THAT(told().disconnected, IsEmpty());
    pass(milliseconds(200));
    ASSERT_EQ(told().disconnected.size(), 1U);
    EXPECT_THAT(told().disconnected[0],
                testing::MatchesRegex("1 of 1000: closed: the client has read nothing for 5 s while [0-9]+ bytes wait "
                                      "for it"));
    EXPECT_EQ(daemon->server().connections(), 0U);
    EXPECT_EQ(daemon->server().held_bytes().replies, 0U);
    EXPECT_EQ(daemon->files().ledger().total(), 0U);
}

// The time counts from the last byte that went on.
TEST_F(ServerEventsTest, FrameThatDoesNotGoOnIsToldWithWhatIsMissing) {
    options.session.stall_timeout = seconds(5);
    start();
    RawClient& client = greet();
    client.send(large_frame_begun(60'000, 10'000));
    pass(seconds(4));
    client.send(Bytes(5'000));
    pass(milliseconds(4900));
    EXPECT_THAT(told().disconnected, IsEmpty());
    EXPECT_GT(daemon->server().held_bytes().requests, 0U);
    pass(milliseconds(200));
    EXPECT_THAT(
        told().disconnected,
        ElementsAre("1 of 1000: closed: a frame is incomplete: 45000 bytes are missing, and none came for 5 s"));
    EXPECT_EQ(daemon->server().held_bytes().requests, 0U);
}

TEST_F(ServerEventsTest, FrameThatFindsNoRoomIsToldToTheClientToo) {
    options.session.stall_timeout = seconds(5);
    options.session.user_bytes_max = 100'000;
    start();
    RawClient& first = greet();
    first.send(large_frame_begun(60'000, 10'000));
    pass(seconds(3));
    RawClient& second = greet();
    second.send(large_frame_begun(50'000, 30));
    pass(milliseconds(1900));
    first.send(Bytes(10));
    pass(seconds(3));
    EXPECT_THAT(told().disconnected, IsEmpty());
    pass(milliseconds(200));
    const std::string why =
        "limit_exceeded: a request of 50000 bytes found no room for 5 s: the requests of its user hold 60000 bytes, "
        "see limits.user_memory_bytes_max";
    EXPECT_THAT(told().disconnected, ElementsAre("2 of 1000: " + why));
    const auto frame = second.next(milliseconds(1));
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.id, 0U);
    EXPECT_EQ(error_text(*frame), why);
    EXPECT_TRUE(second.closed_within(milliseconds(1)));
    EXPECT_FALSE(first.closed_within(milliseconds(1)));
}

TEST_F(ServerEventsTest, FrameThatWaitsForRoomIsServedWhenThereIsSome) {
    options.session.stall_timeout = seconds(5);
    options.session.user_bytes_max = 100'000;
    start();
    RawClient& first = greet();
    first.send(large_frame_begun(60'000, 10'000));
    pass(seconds(1));
    RawClient& second = greet();
    const Bytes data(50'000, std::byte{'p'});
    second.request(2, put_request("f", data));
    EXPECT_FALSE(second.next(seconds(3)));
    first.disconnect();
    const auto reply = second.next();
    ASSERT_TRUE(reply);
    EXPECT_EQ(error_text(*reply), "");
    EXPECT_EQ(world.disk().content(sim::kRootPath + "/f"), data);
    EXPECT_EQ(daemon->server().held_bytes().requests, 0U);
}

// While it waits for room a connection is ended like any other.
TEST_F(ServerEventsTest, FrameThatWaitsForRoomDoesNotHoldUpTheStop) {
    options.session.user_bytes_max = 100'000;
    start();
    RawClient& first = greet();
    first.send(large_frame_begun(60'000, 10'000));
    pass(seconds(1));
    RawClient& second = greet();
    second.send(large_frame_begun(50'000, 30));
    pass(seconds(1));
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    EXPECT_THAT(told().disconnected, testing::UnorderedElementsAre("1 of 1000: shutting_down: the daemon is stopping",
                                                                   "2 of 1000: shutting_down: the daemon is stopping"));
}

TEST_F(ServerEventsTest, BrokenFrameIsTold) {
    start();
    RawClient& client = greet();
    const auto head = wire::encode_frame_header({.length = 3, .type = wire::MessageType::ping, .id = 2});
    client.send(Bytes(head.begin(), head.end()));
    EXPECT_TRUE(client.closed_within(seconds(1)));
    pass(milliseconds(10));
    ASSERT_EQ(told().disconnected.size(), 1U);
    EXPECT_THAT(told().disconnected[0], StartsWith("1 of 1000: malformed: "));
}

// A connection that cannot be written to is not read from either, and what it asked for is given up.
TEST_F(ServerEventsTest, ConnectionThatCannotBeWrittenToEndsWithTheError) {
    start();
    RawClient& client = greet();
    wire::TailRequest follow;
    follow.follow = true;
    follow.credit = 1U << 20U;
    client.request(2, follow);
    io::FaultRule slow = io::fail_from(io::OpCode::write, "/files/*", 1, 0);
    slow.fault.delay = seconds(1);
    world.faults().add(slow);
    client.request(3, put_request("f", as_bytes("slow")));
    pass(milliseconds(100));
    world.faults().add(io::fail_nth(io::OpCode::send, "*", 1, EPIPE));  // Its answer.
    EXPECT_TRUE(client.closed_within(seconds(5)));
    pass(milliseconds(10));
    ASSERT_EQ(told().disconnected.size(), 1U);
    EXPECT_THAT(told().disconnected[0], testing::HasSubstr("Broken pipe"));
    EXPECT_EQ(daemon->server().connections(), 0U);
}

// What is in the queue is stored although nobody hears of it.
TEST_F(ServerEventsTest, BatchOfAConnectionThatIsLostIsStored) {
    start();
    RawClient& client = greet();
    world.faults().add(io::fail_nth(io::OpCode::send, "*", 3, EPIPE));
    client.request(2, wire::PingRequest());
    const Bytes batch = batch_of({{"kept", "", wire::Severity::info}});
    client.request(3, wire::LogRequest{.level = wire::AckLevel::durable, .batch = batch});
    EXPECT_TRUE(client.closed_within(milliseconds(50)));
    pass(milliseconds(1));
    ASSERT_EQ(told().disconnected.size(), 1U);
    EXPECT_THAT(told().disconnected[0], testing::HasSubstr("Broken pipe"));
    EXPECT_EQ(daemon->pipeline().hub().durable_sequence(), 2U);
}

TEST_F(ServerEventsTest, StopIsToldForEachConnection) {
    start();
    greet(1);
    connect(2);
    pass(milliseconds(10));
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    EXPECT_THAT(told().disconnected, testing::UnorderedElementsAre("1 of 1: shutting_down: the daemon is stopping",
                                                                   "2 of 2: shutting_down: the daemon is stopping"));
    EXPECT_THAT(told().accept_failed, IsEmpty());
}

// The last replies have a second to be taken; then they are dropped.
TEST_F(ServerEventsTest, ClientThatDoesNotTakeItsLastRepliesIsNotWaitedForLong) {
    options.session.idle_timeout = {};
    start();
    const auto client = deaf();
    pass(seconds(1));
    ServerOptions later = options.server;
    later.session = options.session;
    later.admits = [](const Peer&) { return false; };
    daemon->server().set_options(std::move(later));
    pass(milliseconds(900));
    EXPECT_EQ(daemon->server().connections(), 1U);
    pass(milliseconds(200));
    EXPECT_EQ(daemon->server().connections(), 0U);
    EXPECT_EQ(daemon->server().held_bytes().replies, 0U);
    ASSERT_EQ(told().disconnected.size(), 1U);
    EXPECT_THAT(told().disconnected[0], StartsWith("1 of 1000: permission_denied: uid 1000 may not connect"));
}

// Whoever is connected is served on.
TEST_F(ServerEventsTest, NobodyIsAcceptedOnceThatIsStoppedHoweverOftenItIsAsked) {
    start();
    RawClient& client = greet();
    for (int i = 0; i < 2; ++i) {
        daemon->server().stop_accepting();
        pass(milliseconds(10));
        RawClient& late = connect();
        late.hello();
        EXPECT_FALSE(late.next(milliseconds(100)));
        client.request(2, wire::PingRequest());
        EXPECT_TRUE(client.next());
    }
    EXPECT_THAT(told().connected, ElementsAre("1 of 1000"));
}

// All at once, also a client that takes nothing and one whose batch the disk does not take.
TEST_F(ServerEventsTest, HangUpEndsAllConnectionsAtOnce) {
    start();
    RawClient& idle = greet(1);
    RawClient& silent = connect(2);
    RawClient& follows = greet(3);
    wire::TailRequest follow;
    follow.follow = true;
    follow.credit = 1U << 20U;
    follows.request(2, follow);
    const auto client = deaf();
    pass(milliseconds(100));
    ASSERT_EQ(daemon->server().connections(), 4U);
    const auto hang_up = [](Server* server) -> Task<Result<>> {
        co_await server->hang_up();
        co_return Result<>{};
    };
    coro::Job<Result<>> job(daemon->kernel().loop(), "hang up", hang_up, &daemon->server());
    for (RawClient* one : {&idle, &silent, &follows}) {
        EXPECT_TRUE(one->closed_within(milliseconds(10)));
    }
    pass(milliseconds(10));
    EXPECT_TRUE(job.done());
    EXPECT_EQ(daemon->server().connections(), 0U);
    EXPECT_EQ(told().disconnected.size(), 4U);
}

}  // namespace
}  // namespace sluice::server::test
