// Sessions: greeting, framing, order, chains, limits and time-outs.
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SessionTest : public ServerTest {
 protected:
    static wire::TailRequest follow() {
        wire::TailRequest request;
        request.start = wire::TailStart::now;
        request.follow = true;
        request.credit = 1U << 20U;
        return request;
    }
    static wire::PutRequest put(std::string_view root, std::string_view path) {
        wire::PutRequest request;
        request.mode = 0640;
        request.root = root;
        request.path = path;
        request.data = as_bytes("content");
        return request;
    }
    void expect_pong(RawClient& client, std::uint64_t id) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->header.type, wire::PingReply::kType) << error_text(*frame);
        EXPECT_EQ(frame->header.id, id);
    }
};

// ---- HELLO ----

TEST_F(SessionTest, HelloTellsLimitsAndTheStore) {
    options.session.requests_max = 17;
    start();
    RawClient& client = connect();
    client.hello();
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    const auto reply = decode<wire::HelloReply>(*frame);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->version, 1);
    EXPECT_EQ(reply->epoch, 1U);
    EXPECT_EQ(reply->requests_in_flight_max, 17U);
    EXPECT_EQ(reply->frame_bytes_max, 64U * 1024);
    EXPECT_EQ(reply->store, daemon->pipeline().hub().store_id());
    EXPECT_NE(reply->store, wire::StoreId{});
}

TEST_F(SessionTest, FirstFrameMustBeHello) {
    start();
    RawClient& client = connect();
    client.request(5, wire::PingRequest());
    expect_error(client, 0, Errc::malformed);
    EXPECT_TRUE(client.closed_within(seconds(5)));
}

TEST_F(SessionTest, UnknownFeatureAndVersionAreRefused) {
    start();
    RawClient& client = connect();
    client.request(1, wire::HelloRequest{.features = 1U << 5U});
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_NE(error_text(*frame).find("unsupported"), std::string::npos) << error_text(*frame);
    EXPECT_TRUE(client.closed_within(seconds(5)));
    RawClient& later = connect();
    later.request(1, wire::HelloRequest{.version_min = 2, .version_max = 3});
    const auto refused = later.next();
    ASSERT_TRUE(refused);
    EXPECT_NE(error_text(*refused).find("unsupported"), std::string::npos) << error_text(*refused);
    EXPECT_TRUE(later.closed_within(seconds(5)));
}

TEST_F(SessionTest, SilentConnectionIsClosedAfterTheHelloTimeout) {
    options.session.hello_timeout = seconds(3);
    start();
    RawClient& client = connect();
    EXPECT_FALSE(client.closed_within(milliseconds(2900)));
    EXPECT_TRUE(client.closed_within(seconds(2)));
}

TEST_F(SessionTest, IdleConnectionIsClosedAndABusyOneIsNot) {
    options.session.idle_timeout = seconds(2);
    start();
    RawClient& idle = greet();
    RawClient& busy = greet();
    busy.request(2, follow());
    EXPECT_TRUE(idle.closed_within(seconds(4)));
    EXPECT_FALSE(busy.closed_within(seconds(10)));
}

// The answer comes while the next read is on its way already: the time counts from there.
TEST_F(SessionTest, ConnectionIsIdleFromItsLastAnswerOn) {
    options.session.idle_timeout = seconds(2);
    start();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 7; ++id) {
        log(client, id, {{"still here", "", wire::Severity::info}});
        pass(milliseconds(1500));
    }
    EXPECT_FALSE(client.closed_within(milliseconds(400)));
    EXPECT_TRUE(client.closed_within(milliseconds(200)));
}

TEST_F(SessionTest, ClientsThatLeaveAtAnyPointDoNoHarm) {
    start();
    connect().disconnect();
    greet().disconnect();
    RawClient& client = greet();
    client.request(2, follow());
    const Bytes batch = batch_of({{"left behind", "", wire::Severity::info}});
    client.request(3, wire::LogRequest{.level = wire::AckLevel::durable, .batch = batch});
    client.disconnect();
    pass(seconds(3));
    RawClient& next = greet();
    next.request(2, wire::PingRequest());
    expect_pong(next, 2);
}

// ---- framing ----

TEST_F(SessionTest, UnknownTypeIsUnsupportedAndTheConnectionGoesOn) {
    start();
    RawClient& client = greet();
    const auto head = wire::encode_frame_header({.length = 24, .type = static_cast<wire::MessageType>(99), .id = 7});
    client.send(Bytes(head.begin(), head.end()));
    expect_error(client, 7, Errc::unsupported);
    client.request(8, wire::PingRequest());
    expect_pong(client, 8);
}

TEST_F(SessionTest, BrokenFramesCloseTheConnectionWithTheReason) {
    start();
    const struct {
        wire::FrameHeader header;
        Errc code;
    } cases[] = {
        {{.length = 3, .type = wire::MessageType::ping, .id = 2}, Errc::malformed},
        {{.length = 24, .type = wire::MessageType::ping, .id = 0}, Errc::malformed},
        {{.length = 24, .type = wire::MessageType::ping, .id = 2, .zero = 1}, Errc::malformed},
        {{.length = 64 * 1024 + 1, .type = wire::MessageType::ping, .id = 2}, Errc::too_large},
    };
    for (const auto& broken : cases) {
        RawClient& client = greet();
        const auto head = wire::encode_frame_header(broken.header);
        client.send(Bytes(head.begin(), head.end()));
        expect_error(client, 0, broken.code);
        EXPECT_TRUE(client.closed_within(seconds(5)));
    }
}

TEST_F(SessionTest, BadPayloadRefusesTheRequestOnly) {
    start();
    RawClient& client = greet();
    Bytes frame;
    wire::append_frame(frame, 2, wire::PingRequest());
    frame.push_back(std::byte{1});
    store_int<std::uint32_t>(frame.data(), static_cast<std::uint32_t>(frame.size()));
    frame[4] = std::byte{17};  // A TAIL of one byte.
    client.send(frame);
    expect_error(client, 2, Errc::malformed);
    client.request(3, wire::PingRequest());
    expect_pong(client, 3);
}

TEST_F(SessionTest, RequestsWithoutPayloadMustHaveNone) {
    start();
    RawClient& client = greet();
    for (const wire::MessageType type : {wire::MessageType::ping, wire::MessageType::status}) {
        const auto head = wire::encode_frame_header({.length = 25, .type = type, .id = 2});
        Bytes frame(head.begin(), head.end());
        frame.push_back(std::byte{1});
        client.send(frame);
        expect_error(client, 2, Errc::malformed);
    }
    client.request(3, wire::PingRequest());
    expect_pong(client, 3);
}

TEST_F(SessionTest, PipelinedRequestsAreAllAnswered) {
    start();
    RawClient& client = greet();
    const Bytes batch = batch_of({{"x", "", wire::Severity::info}});
    for (std::uint64_t id = 2; id < 200; ++id) {
        client.request(id, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    }
    std::vector<bool> answered(200);
    for (std::uint64_t id = 2; id < 200; ++id) {
        const auto frame = client.next();
        ASSERT_TRUE(frame) << id;
        ASSERT_EQ(frame->header.type, wire::LogReply::kType);
        EXPECT_FALSE(answered[frame->header.id]);
        answered[frame->header.id] = true;
    }
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 199U);
}

TEST_F(SessionTest, IdInFlightTwiceIsRefused) {
    start();
    RawClient& client = greet();
    client.request(2, follow());
    client.request(2, wire::PingRequest());
    const auto refused = client.next();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->header.id, 2U);
    EXPECT_EQ(error_text(*refused), "invalid_argument: request id 2 is in flight already");
    // The first one goes on, and can still be cancelled.
    log(greet(), 2, {{"seen by the first", "", wire::Severity::info}});
    const auto row = client.next();
    ASSERT_TRUE(row);
    EXPECT_EQ(row->header.id, 2U);
    EXPECT_EQ(row->header.type, wire::TailChunk::kType) << error_text(*row);
    client.request(3, wire::CancelRequest{.target = 2});
    const auto asked = client.next();
    ASSERT_TRUE(asked);
    EXPECT_EQ(decode<wire::CancelReply>(*asked).value_or(wire::CancelReply()).outcome, wire::CancelOutcome::asked);
    expect_error(client, 2, Errc::cancelled);
    client.request(2, wire::PingRequest());  // Free again.
    expect_pong(client, 2);
}

// ---- LINK, CANCEL, deadlines ----

TEST_F(SessionTest, ChainRunsInOrderWhileItSucceeds) {
    start();
    RawClient& client = greet();
    client.request(2, put("files", "a"), {.flags = wire::kFrameLink});
    client.request(3, put("files", "b"), {.flags = wire::kFrameLink});
    client.request(4, wire::PingRequest());
    for (const std::uint64_t id : {2, 3, 4}) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->header.id, id);
        EXPECT_NE(frame->header.type, wire::MessageType::error) << error_text(*frame);
    }
    EXPECT_TRUE(world.disk().exists(sim::kRootPath + "/b"));
}

TEST_F(SessionTest, FailureFailsTheRestOfTheChainAndNothingBehindIt) {
    start();
    RawClient& client = greet();
    const Bytes batch = batch_of({{"must not be stored", "", wire::Severity::info}});
    client.request(2, put("no-such-root", "a"), {.flags = wire::kFrameLink});
    client.request(3, put("files", "b"), {.flags = wire::kFrameLink});
    client.request(4, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    client.request(5, wire::PingRequest());
    std::map<std::uint64_t, std::string> answers;
    for (int i = 0; i < 4; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        answers[frame->header.id] = error_text(*frame).substr(0, error_text(*frame).find(':'));
    }
    EXPECT_NE(answers[2], "");
    EXPECT_EQ(answers[3], "link_failed");
    EXPECT_EQ(answers[4], "link_failed");
    EXPECT_EQ(answers[5], "");
    EXPECT_FALSE(world.disk().exists(sim::kRootPath + "/b"));
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 1U);
}

TEST_F(SessionTest, UnknownTypeFailsItsChainToo) {
    start();
    RawClient& client = greet();
    const auto head = wire::encode_frame_header(
        {.length = 24, .type = static_cast<wire::MessageType>(99), .flags = wire::kFrameLink, .id = 2});
    client.send(Bytes(head.begin(), head.end()));
    client.request(3, wire::PingRequest());
    expect_error(client, 2, Errc::unsupported);
    expect_error(client, 3, Errc::link_failed);
}

TEST_F(SessionTest, CancelEndsATail) {
    start();
    RawClient& client = greet();
    client.request(2, follow());
    EXPECT_FALSE(client.next(milliseconds(100)));
    client.request(3, wire::CancelRequest{.target = 2});
    const auto asked = client.next();
    ASSERT_TRUE(asked);
    const auto reply = decode<wire::CancelReply>(*asked);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->outcome, wire::CancelOutcome::asked);
    expect_error(client, 2, Errc::cancelled);
    client.request(4, wire::CancelRequest{.target = 2});
    const auto late = client.next();
    ASSERT_TRUE(late);
    EXPECT_EQ(decode<wire::CancelReply>(*late)->outcome, wire::CancelOutcome::not_found);
}

TEST_F(SessionTest, DeadlineFreesTheCallerFromASlowDisk) {
    start();
    RawClient& client = greet();
    io::FaultRule slow = io::fail_from(io::OpCode::write, "/store/*", 1, 0);
    slow.fault.delay = seconds(20);
    const std::size_t rule = world.faults().add(slow);
    const Bytes batch = batch_of({{"slow", "", wire::Severity::info}});
    const MonotonicTime before = world.clock().now();
    client.request(2, wire::LogRequest{.level = wire::AckLevel::durable, .batch = batch}, {.deadline_ms = 300});
    expect_error(client, 2, Errc::deadline_exceeded);
    EXPECT_LT(world.clock().now() - before, seconds(1));
    world.faults().remove(rule);
    EXPECT_FALSE(client.next(seconds(60)));  // No second answer when the disk is done.
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 2U);
}

// ---- limits ----

TEST_F(SessionTest, BeyondTheRequestsInFlightNothingIsServed) {
    options.session.requests_max = 4;
    start();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 6; ++id) {
        client.request(id, follow(), {.deadline_ms = 1000});
    }
    client.request(9, wire::PingRequest());
    EXPECT_FALSE(client.next(milliseconds(900)));
    expect_error(client, 2, Errc::deadline_exceeded);
    bool pong = false;
    for (int i = 0; i < 4; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        pong = pong || frame->header.id == 9;
    }
    EXPECT_TRUE(pong);
}

// As many streams as requests may be in flight, each waiting for credit: the CREDIT that frees them must be read.
TEST_F(SessionTest, CreditIsReadWhenNoMoreRequestsAre) {
    options.session.requests_max = 4;
    start();
    RawClient& client = greet();
    client.request(2, put("files", "a"));
    ASSERT_TRUE(client.next());
    wire::GetRequest get;
    get.root = "files";
    get.path = "a";
    for (std::uint64_t id = 3; id < 7; ++id) {
        client.request(id, get);
    }
    client.request(9, wire::PingRequest());  // Beyond the limit; waits.
    EXPECT_FALSE(client.next(milliseconds(500)));
    for (std::uint64_t id = 3; id < 7; ++id) {
        client.request(id + 10, wire::Credit{.target = id, .bytes = 100});
    }
    std::map<std::uint64_t, int> frames;
    for (int i = 0; i < 9; ++i) {  // Of each GET a piece and the end.
        const auto frame = client.next();
        ASSERT_TRUE(frame) << i;
        EXPECT_NE(frame->header.type, wire::MessageType::error) << error_text(*frame);
        ++frames[frame->header.id];
    }
    EXPECT_EQ(frames, (std::map<std::uint64_t, int>{{3, 2}, {4, 2}, {5, 2}, {6, 2}, {9, 1}}));
}

TEST_F(SessionTest, CancelIsReadWhenNoMoreRequestsAre) {
    options.session.requests_max = 4;
    start();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 6; ++id) {
        client.request(id, follow());
    }
    client.request(6, wire::PingRequest());
    client.request(7, wire::CancelRequest{.target = 6});  // The one that waits.
    client.request(8, wire::CancelRequest{.target = 3});
    std::map<std::uint64_t, wire::MessageType> answers;
    for (int i = 0; i < 4; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame) << i;
        answers[frame->header.id] = frame->header.type;
    }
    EXPECT_EQ(answers[3], wire::MessageType::error);
    EXPECT_EQ(answers[6], wire::MessageType::error);
    EXPECT_EQ(answers[7], wire::CancelReply::kType);
    EXPECT_EQ(answers[8], wire::CancelReply::kType);
    client.request(9, wire::PingRequest());
    expect_pong(client, 9);
}

TEST_F(SessionTest, DeadlineOfARequestThatWaitsCountsFromItsReceipt) {
    options.session.requests_max = 2;
    start();
    RawClient& client = greet();
    client.request(2, follow());
    client.request(3, follow());
    client.request(4, wire::PingRequest(), {.deadline_ms = 100});
    EXPECT_FALSE(client.next(milliseconds(90)));
    expect_error(client, 4, Errc::deadline_exceeded, milliseconds(20));
}

TEST_F(SessionTest, OneRequestBeyondTheLimitIsReadAndNoMore) {
    options.session.requests_max = 2;
    start();
    RawClient& client = greet();
    client.request(2, follow());
    client.request(3, follow());
    client.request(4, wire::PingRequest());
    client.request(5, wire::PingRequest());
    client.request(6, wire::CancelRequest{.target = 2});  // Behind the second one: not read.
    EXPECT_FALSE(client.next(seconds(10)));
}

TEST_F(SessionTest, PolicyDecidesWhoMayConnect) {
    options.server.admits = [](const Peer& peer) { return peer.credentials.uid != 666; };
    start();
    RawClient& stranger = connect(666);
    expect_error(stranger, 0, Errc::permission_denied);
    EXPECT_TRUE(stranger.closed_within(seconds(1)));
    greet(1000);
}

TEST_F(SessionTest, AccessThatIsWithdrawnEndsTheConnectionsItHad) {
    start();
    RawClient& stays = greet(1000);
    RawClient& goes = greet(666);
    stays.request(2, follow());
    goes.request(2, follow());
    pass(milliseconds(100));
    ServerOptions later = options.server;
    later.session = options.session;
    later.admits = [](const Peer& peer) { return peer.credentials.uid != 666; };
    daemon->server().set_options(std::move(later));
    expect_error(goes, 2, Errc::permission_denied);
    expect_error(goes, 0, Errc::permission_denied);
    EXPECT_TRUE(goes.closed_within(seconds(1)));
    EXPECT_FALSE(stays.closed_within(seconds(1)));
    EXPECT_EQ(daemon->server().connections(), 1U);
    stays.request(3, wire::PingRequest());
    expect_pong(stays, 3);
}

TEST_F(SessionTest, ConnectionsAreCountedAltogetherAndPerUser) {
    options.server.connections_max = 3;
    options.server.connections_per_uid_max = 2;
    start();
    RawClient& first = greet(1);
    greet(1);
    expect_error(connect(1), 0, Errc::limit_exceeded);
    greet(2);
    expect_error(connect(2), 0, Errc::limit_exceeded);
    first.disconnect();
    pass(seconds(2));
    greet(2);
}

TEST_F(SessionTest, ClientThatNeverReadsCostsBoundedMemoryAndIsClosed) {
    options.session.output_bytes_max = 256 * 1024;
    options.session.stall_timeout = seconds(5);
    start();
    RawClient& writer = greet();
    for (std::uint64_t id = 2; id < 62; ++id) {
        log(writer, id, {{std::string(50'000, 'x'), "", wire::Severity::info}});
    }
    RawClient lazy(world);
    ASSERT_TRUE(lazy.connect());
    lazy.hello();
    wire::TailRequest all = follow();
    all.start = wire::TailStart::oldest;
    all.credit = 1U << 30U;
    lazy.request(2, all);
    pass(seconds(20));
    lazy.read();
    EXPECT_TRUE(lazy.closed_within(seconds(5)));
    EXPECT_LT(lazy.received_bytes(), 1'000'000U);  // Of 3 MB.
    EXPECT_GT(lazy.received_bytes(), 0U);
}

}  // namespace
}  // namespace sluice::server::test
