// The stop of the daemon as its clients see it.
#include "server_fixture.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DrainTest : public ServerTest {
 protected:
    static wire::PutRequest put(std::string_view path) {
        wire::PutRequest request;
        request.mode = 0640;
        request.root = "files";
        request.path = path;
        request.data = as_bytes("content");
        return request;
    }
    static wire::GetRequest get(std::string_view path) {
        wire::GetRequest request;
        request.root = "files";
        request.path = path;
        return request;
    }
    static wire::TailRequest follow() {
        wire::TailRequest request;
        request.start = wire::TailStart::now;
        request.follow = true;
        request.credit = 1U << 20U;
        return request;
    }
    void slow_down(const char* where, Duration delay) {
        io::FaultRule slow = io::fail_from(io::OpCode::write, where, 1, 0);
        slow.fault.delay = delay;
        world.faults().add(slow);
    }
    void expect_stopping(RawClient& client, std::uint64_t id, Duration limit = milliseconds(100)) {
        const auto frame = client.next(limit);
        ASSERT_TRUE(frame) << "request " << id;
        EXPECT_EQ(frame->header.id, id);
        EXPECT_EQ(error_text(*frame), "shutting_down: the daemon is stopping");
    }
    void expect_clean_end() {
        const Result<> ended = world.run_until([&] { return daemon->ended(); });
        ASSERT_TRUE(ended) << ended.error();
        EXPECT_TRUE(daemon->outcome()) << daemon->outcome().error();
        EXPECT_EQ(world.bad_descriptors(), 0U);
    }
};

TEST_F(DrainTest, FileRequestInFlightIsFinished) {
    start();
    slow_down("/files/*", seconds(3));
    RawClient& client = greet();
    client.request(2, put("a"));
    pass(milliseconds(100));
    daemon->stop();
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_TRUE(decode<wire::PutReply>(*frame));
    expect_stopping(client, 0);
    EXPECT_TRUE(client.closed_within(seconds(1)));
    expect_clean_end();
    EXPECT_TRUE(world.disk().exists(sim::kRootPath + "/a"));
}

TEST_F(DrainTest, StreamIsGivenItsCreditAndEndsWhole) {
    start();
    RawClient& client = greet();
    client.request(2, put("a"));
    ASSERT_TRUE(client.next());
    client.request(3, get("a"));
    pass(milliseconds(100));
    daemon->stop();
    pass(seconds(2));
    client.request(4, wire::Credit{.target = 3, .bytes = 1000});
    const auto piece = client.next();
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->payload.size(), std::string_view("content").size());
    const auto end = client.next();
    ASSERT_TRUE(end);
    EXPECT_TRUE(decode<wire::GetReply>(*end));
    expect_clean_end();
}

TEST_F(DrainTest, BatchThatWaitsForRoomIsStored) {
    options.pipeline.ingest.queue_bytes_max = 20'000;
    start();
    slow_down("/store/*", milliseconds(500));
    RawClient& client = greet();
    const Bytes batch = batch_of({{std::string(15'000, 'x'), "", wire::Severity::info}});
    for (std::uint64_t id = 2; id < 6; ++id) {
        const wire::LogRequest request{.level = wire::AckLevel::written, .batch = batch};
        client.request(id, request, {.deadline_ms = id < 5 ? 60'000U : 0U});
    }
    pass(milliseconds(100));
    daemon->stop();
    for (int i = 0; i < 4; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        EXPECT_TRUE(decode<wire::LogReply>(*frame));
    }
    expect_clean_end();
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 5U);
}

TEST_F(DrainTest, FollowingTailAndIdleConnectionAreToldAtOnce) {
    start();
    RawClient& tail = greet();
    RawClient& idle = greet();
    RawClient& silent = connect();  // Has not said HELLO.
    tail.request(2, follow());
    pass(milliseconds(100));
    daemon->stop();
    expect_stopping(tail, 2);
    expect_stopping(tail, 0);
    expect_stopping(idle, 0);
    expect_stopping(silent, 0);
    EXPECT_TRUE(tail.closed_within(milliseconds(100)));
    EXPECT_TRUE(idle.closed_within(milliseconds(100)));
    expect_clean_end();
}

// Its filter waits for a place among the queries when the daemon is told to stop.
TEST_F(DrainTest, TailThatBeginsOnlyNowIsToldThatItWillNotFollow) {
    options.session.query.queries_max = 1;
    start();
    RawClient& busy = greet();
    EXPECT_EQ(log(busy, 2, {{"a", ""}}), 1U);
    busy.request(3, wire::QueryRequest{.text = "*"});  // No credit: it keeps the only place.
    RawClient& tail = greet();
    wire::TailRequest filtered = follow();
    filtered.query = "a";
    tail.request(2, filtered);
    pass(milliseconds(100));
    daemon->stop();
    pass(milliseconds(100));
    EXPECT_FALSE(tail.next(Duration::zero()));
    busy.request(4, wire::CancelRequest{.target = 3});
    expect_stopping(tail, 2);
    expect_stopping(tail, 0);
    expect_clean_end();
}

TEST_F(DrainTest, NewRequestsAreRefusedWhileOldOnesAreFinished) {
    start();
    slow_down("/files/*", seconds(3));
    RawClient& client = greet();
    client.request(2, put("a"));
    pass(milliseconds(100));
    daemon->stop();
    pass(milliseconds(100));
    client.request(3, wire::PingRequest());
    const Bytes batch = batch_of({{"late", "", wire::Severity::info}});
    client.request(4, wire::LogRequest{.level = wire::AckLevel::durable, .batch = batch});
    expect_stopping(client, 3);
    expect_stopping(client, 4);
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_TRUE(decode<wire::PutReply>(*frame));
    expect_clean_end();
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 1U);
}

TEST_F(DrainTest, NobodyIsAcceptedWhileOldRequestsAreFinished) {
    start();
    slow_down("/files/*", seconds(3));
    RawClient& client = greet();
    client.request(2, put("a"));
    RawClient& last = connect();
    pass(milliseconds(100));
    daemon->stop();
    expect_stopping(last, 0);
    pass(milliseconds(10));
    RawClient& late = connect();
    late.hello();
    EXPECT_FALSE(late.next(seconds(1)));
    EXPECT_FALSE(late.closed_within(seconds(1)));
    EXPECT_EQ(daemon->server().counters().connections, 2U);
    ASSERT_TRUE(client.next());
    expect_clean_end();
}

TEST_F(DrainTest, WhatIsNotDoneInTimeIsRefusedAsStopping) {
    options.session.requests_max = 2;
    start();
    RawClient& client = greet();
    client.request(2, put("a"));
    ASSERT_TRUE(client.next());
    client.request(3, get("a"));  // Never gets any credit.
    client.request(4, get("a"), {.flags = wire::kFrameLink});
    client.request(5, wire::PingRequest());  // Beyond the limit.
    pass(milliseconds(100));
    daemon->stop();
    pass(seconds(9));
    EXPECT_FALSE(client.next(Duration::zero()));
    std::map<std::uint64_t, std::string> answers;
    for (int i = 0; i < 4; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame) << i;
        answers[frame->header.id] = error_text(*frame);
    }
    for (const std::uint64_t id : {0, 3, 4, 5}) {
        EXPECT_EQ(answers[id], "shutting_down: the daemon is stopping") << id;
    }
    expect_clean_end();
}

TEST_F(DrainTest, DeadlineAndCancelSayWhatTheyAre) {
    start();
    RawClient& client = greet();
    client.request(2, follow(), {.deadline_ms = 100});
    const auto late = client.next();
    ASSERT_TRUE(late);
    EXPECT_EQ(error_text(*late), "deadline_exceeded: the deadline passed");
    client.request(3, follow());
    client.request(4, wire::CancelRequest{.target = 3});
    ASSERT_TRUE(client.next());
    const auto cancelled = client.next();
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(error_text(*cancelled), "cancelled: cancelled by the client");
}

}  // namespace
}  // namespace sluice::server::test
