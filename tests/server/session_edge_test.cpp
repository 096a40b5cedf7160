// What a session tells to the letter: its limits, its refusals, who sent a record, and what it counts.
#include <gmock/gmock.h>

#include "server_fixture.h"
#include "wire/file_messages.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SessionEdgeTest : public ServerTest {
 protected:
    // The next frame is an error; its id, code and words.
    static std::string refusal(RawClient& client, Duration limit = seconds(5)) {
        const auto frame = client.next(limit);
        if (!frame) {
            return "no frame";
        }
        const std::string text = error_text(*frame);
        return text.empty() ? fmt::format("type {}", static_cast<unsigned>(frame->header.type))
                            : fmt::format("{}: {}", frame->header.id, text);
    }
    static void send_bare(RawClient& client, wire::MessageType type, std::uint64_t id, std::size_t payload = 0) {
        wire::FrameHeader header{.type = type, .id = id};
        header.length = static_cast<std::uint32_t>(wire::kFrameHeaderSize + payload);
        const auto head = wire::encode_frame_header(header);
        Bytes bytes(head.begin(), head.end());
        bytes.resize(bytes.size() + payload);
        client.send(std::move(bytes));
    }
    static wire::TailRequest following() {
        wire::TailRequest request;
        request.follow = true;
        request.credit = 1U << 20U;
        return request;
    }
    // The trusted fields of the newest record: "name=value ...".
    std::string trusted() {
        RawClient& client = greet();
        wire::TailRequest request;
        request.start = wire::TailStart::last_n;
        request.n = 1;
        request.credit = 1U << 20U;
        client.request(2, request);
        const auto frame = client.next();
        const auto chunk = frame ? decode<wire::TailChunk>(*frame) : std::nullopt;
        std::string text;
        if (chunk) {
            for (const wire::FieldView field : (*chunk->entries.begin()).trusted) {
                text += fmt::format("{}{}={}", text.empty() ? "" : " ", field.name, field.value_text());
            }
        }
        return text;
    }
};

TEST_F(SessionEdgeTest, HelloTellsEveryLimit) {
    options.session.requests_max = 11;
    options.session.log_records_max = 12;
    options.session.handles_max = 13;
    start();
    RawClient& client = connect();
    client.request(9, wire::HelloRequest{.client_name = "edge"});
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.id, 9U);
    const auto reply = decode<wire::HelloReply>(*frame);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->version, 1U);
    EXPECT_EQ(reply->epoch, 1U);
    EXPECT_EQ(reply->features, 0U);
    EXPECT_EQ(reply->store, daemon->pipeline().hub().store_id());
    EXPECT_EQ(reply->frame_bytes_max, 64U * 1024);
    EXPECT_EQ(reply->requests_in_flight_max, 11U);
    EXPECT_EQ(reply->log_records_max, 12U);
    EXPECT_EQ(reply->handles_max, 13U);
    EXPECT_EQ(reply->server_version, "1");
    ASSERT_EQ(daemon->server().busiest(9).size(), 1U);
    EXPECT_EQ(daemon->server().busiest(9)[0]->client_name(), "edge");
    EXPECT_TRUE(daemon->server().busiest(0).empty());
}

TEST_F(SessionEdgeTest, RecordsSayWhoSentThem) {
    start();
    log(greet(1234), 2, {{"m", "", wire::Severity::info}});
    EXPECT_EQ(trusted(), "_pid=4242 _uid=1234 _gid=1234");
    world.disk().put_file("/proc/4242/comm", as_bytes("the app\n"));
    log(greet(5), 2, {{"m", "", wire::Severity::info}});
    EXPECT_EQ(trusted(), "_pid=4242 _uid=5 _gid=5 _comm=the app");
    world.disk().put_file("/proc/4242/comm", as_bytes("\n"));
    log(greet(5), 2, {{"m", "", wire::Severity::info}});
    EXPECT_EQ(trusted(), "_pid=4242 _uid=5 _gid=5");
}

// A process whose name cannot be had has none; its records are taken all the same.
TEST_F(SessionEdgeTest, NameOfASenderThatCannotBeReadIsLeftOut) {
    start();
    world.disk().put_file("/proc/4242/comm", as_bytes("the app\n"));
    for (const io::OpCode code : {io::OpCode::open, io::OpCode::read}) {
        const std::size_t rule = world.faults().add(io::fail_nth(code, "/proc/*", 1, EIO));
        log(greet(5), 2, {{"m", "", wire::Severity::info}});
        EXPECT_EQ(world.faults().hits(rule), 1U);
        world.faults().clear_rules();
        EXPECT_EQ(trusted(), "_pid=4242 _uid=5 _gid=5");
    }
    log(greet(5), 2, {{"m", "", wire::Severity::info}});
    EXPECT_EQ(trusted(), "_pid=4242 _uid=5 _gid=5 _comm=the app");
}

TEST_F(SessionEdgeTest, FirstFrameThatIsNoHelloIsNamed) {
    options.session.hello_timeout = seconds(3);
    start();
    RawClient& early = connect();
    early.request(5, wire::PingRequest());
    EXPECT_EQ(refusal(early), fmt::format("0: malformed: the first frame must be HELLO, this one has type {}",
                                          static_cast<unsigned>(wire::MessageType::ping)));
    EXPECT_TRUE(early.closed_within(seconds(5)));
    RawClient& silent = connect();
    EXPECT_THAT(refusal(silent), testing::StartsWith("0: deadline_exceeded: wait for HELLO: "));
    EXPECT_TRUE(silent.closed_within(seconds(5)));
    RawClient& old = connect();
    old.request(1, wire::HelloRequest{.version_min = 2, .version_max = 3});
    EXPECT_EQ(refusal(old), "0: unsupported: hello: protocol versions 2 to 3; this daemon speaks 1");
}

TEST_F(SessionEdgeTest, ControlMessagesThatAreMalformedAreRefused) {
    start();
    RawClient& client = greet();
    send_bare(client, wire::MessageType::cancel, 2);
    EXPECT_EQ(refusal(client), "2: malformed: cancel: cut short");
    send_bare(client, wire::MessageType::credit, 3, 5);
    EXPECT_EQ(refusal(client), "3: malformed: credit: cut short");
    client.request(4, wire::Credit{.target = 77, .bytes = 5});  // Of a stream that is over: nothing is answered.
    client.request(5, wire::CancelRequest{.target = 77});
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.id, 5U);
    EXPECT_EQ(decode<wire::CancelReply>(*frame)->outcome, wire::CancelOutcome::not_found);
    EXPECT_EQ(daemon->server().counters().requests_failed, 2U);
}

TEST_F(SessionEdgeTest, CancelSaysThatItWasTheClient) {
    start();
    RawClient& client = greet();
    client.request(2, following());
    client.request(3, wire::CancelRequest{.target = 2});
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.id, 3U);
    EXPECT_EQ(decode<wire::CancelReply>(*frame)->outcome, wire::CancelOutcome::asked);
    EXPECT_EQ(refusal(client), "2: cancelled: cancelled by the client");
}

TEST_F(SessionEdgeTest, RequestsThatCannotBeServedSayWhy) {
    start();
    RawClient& client = greet();
    client.hello();
    EXPECT_EQ(refusal(client), "1: unsupported: hello is not expected here");
    client.request(2, following());
    client.request(2, wire::PingRequest());
    EXPECT_EQ(refusal(client), "2: invalid_argument: request id 2 is in flight already");
    client.request(3, wire::CloseRequest{.handle = 9}, {.flags = wire::kFrameLink});
    client.request(4, wire::PingRequest(), {.flags = wire::kFrameLink});
    client.request(5, wire::PingRequest());
    EXPECT_EQ(refusal(client), "3: not_found: handle 9 is not open");
    EXPECT_EQ(refusal(client), "4: link_failed: the request it is linked to failed");
    EXPECT_EQ(refusal(client), "5: link_failed: the request it is linked to failed");
    const std::uint32_t most = 64 * 1024 - wire::kFrameHeaderSize;
    client.request(6, wire::ReadRequest{.handle = 9, .length = most + 1});
    EXPECT_EQ(refusal(client),
              fmt::format("6: too_large: a read of {} bytes; one reply carries at most {}", most + 1, most));
    client.request(7, wire::ReadRequest{.handle = 9, .length = most});
    EXPECT_EQ(refusal(client), "7: not_found: handle 9 is not open");
    send_bare(client, wire::MessageType::ping, 8, 1);
    EXPECT_EQ(refusal(client), "8: malformed: 1 bytes where none are expected");
    const auto& counters = daemon->server().counters();
    EXPECT_EQ(counters.requests_failed, 8U);
    EXPECT_EQ(counters.requests, 9U);
    EXPECT_EQ(daemon->server().busiest(1)[0]->requests(), 9U);
    EXPECT_EQ(daemon->server().busiest(1)[0]->in_flight(), 1U);
}

// The filter text of a tail is planned in the place of a query, and knows what time it is.
TEST_F(SessionEdgeTest, FilterOfATailTakesThePlaceOfAQuery) {
    options.session.query.queries_max = 0;
    options.session.query.wait_max = {};
    start();
    RawClient& client = greet();
    log(client, 2, {{"m", "", wire::Severity::info}});
    wire::TailRequest tail;
    tail.start = wire::TailStart::oldest;
    tail.credit = 1U << 20U;
    tail.query = "receive_time:<now";
    client.request(3, tail);
    EXPECT_EQ(refusal(client),
              "3: limit_exceeded: 0 queries are running, limits.queries_max; ask again when one has ended");
    EXPECT_EQ(daemon->server().counters().tails, 0U);
    ServerOptions later = options.server;
    later.session = options.session;
    later.session.query.queries_max = 1;
    daemon->server().set_options(std::move(later));
    client.request(4, tail);
    const auto chunk = client.next();
    ASSERT_TRUE(chunk && chunk->header.more()) << error_text(*chunk);
    EXPECT_EQ(decode<wire::TailChunk>(*chunk)->entries.size(), 1U);
    const auto end = client.next();
    ASSERT_TRUE(end && decode<wire::TailEnd>(*end));
    tail.query = "receive_time:>now";
    client.request(5, tail);
    const auto none = client.next();
    ASSERT_TRUE(none);
    EXPECT_TRUE(decode<wire::TailEnd>(*none));
    EXPECT_EQ(daemon->server().queries_running(), 0U);
    EXPECT_EQ(daemon->server().counters().tails, 2U);
    tail.query = "* | sort by (time)";
    client.request(6, tail);
    EXPECT_EQ(
        refusal(client),
        "6: invalid_argument: 'sort' needs the whole result, and a tail has no end: only 'where' and 'fields' can "
        "follow its filter");
}

TEST_F(SessionEdgeTest, StatusThatIsMalformedIsRefused) {
    start();
    RawClient& client = greet();
    send_bare(client, wire::MessageType::status, 2, 1);
    EXPECT_EQ(refusal(client), "2: malformed: 1 bytes where none are expected");
}

TEST_F(SessionEdgeTest, StatusWithoutASourceIsEmpty) {
    start();
    RawClient& client = greet();
    client.request(2, wire::StatusRequest());
    const auto empty = client.next();
    ASSERT_TRUE(empty);
    EXPECT_EQ(decode<wire::StatusReply>(*empty)->json, "{}");
    daemon->server().set_status([] { return std::string(R"({"a":1})"); });
    client.request(3, wire::StatusRequest());
    const auto told = client.next();
    ASSERT_TRUE(told);
    EXPECT_EQ(decode<wire::StatusReply>(*told)->json, R"({"a":1})");
}

// A batch that waits for room when its connection is ended is refused with the reason; one in the queue is answered.
TEST_F(SessionEdgeTest, BatchThatWaitsForRoomIsToldWhyItEnds) {
    options.pipeline.ingest.queue_bytes_max = 10'000;
    start();
    RawClient& client = greet(7);
    io::FaultRule slow = io::fail_nth(io::OpCode::write, "*.wal", 1, 0);
    slow.fault.delay = seconds(1);
    world.faults().add(slow);
    const Bytes batch = batch_of({{std::string(8000, 'x'), "", wire::Severity::info}});
    client.request(2, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    client.request(3, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    pass(milliseconds(100));
    EXPECT_EQ(daemon->pipeline().ingest().counters().waits, 1U);
    ServerOptions later;
    later.session = options.session;
    later.admits = [](const Peer&) { return false; };
    daemon->server().set_options(std::move(later));
    const std::string why =
        "permission_denied: uid 7 may not connect; see listen.allowed_users and listen.allowed_groups";
    EXPECT_EQ(refusal(client), "3: " + why);
    const auto stored = client.next();
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->header.id, 2U);
    EXPECT_EQ(decode<wire::LogReply>(*stored)->first_sequence, 1U);
    EXPECT_EQ(refusal(client), "0: " + why);
    EXPECT_TRUE(client.closed_within(seconds(5)));
    pass(milliseconds(10));
    EXPECT_EQ(daemon->server().connections(), 0U);
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 2U);
}

// So is a request that is not read yet because of those in flight; what is behind it was never read.
TEST_F(SessionEdgeTest, RequestThatWaitsForItsPlaceIsToldWhyItEnds) {
    options.session.requests_max = 1;
    start();
    RawClient& client = greet(7);
    client.request(2, following());
    for (std::uint64_t id = 3; id < 6; ++id) {
        client.request(id, wire::PingRequest());
    }
    pass(milliseconds(100));
    EXPECT_EQ(daemon->server().busiest(1)[0]->in_flight(), 2U);
    EXPECT_EQ(daemon->server().counters().requests, 3U);
    ServerOptions later;
    later.session = options.session;
    later.admits = [](const Peer&) { return false; };
    daemon->server().set_options(std::move(later));
    const std::string why =
        "permission_denied: uid 7 may not connect; see listen.allowed_users and listen.allowed_groups";
    std::set<std::string> refusals;
    for (int i = 0; i < 4; ++i) {
        refusals.insert(refusal(client));
    }
    EXPECT_THAT(refusals, testing::ElementsAre("0: " + why, "2: " + why, "3: " + why, "4: " + why));
    EXPECT_TRUE(client.closed_within(seconds(5)));
    EXPECT_EQ(daemon->server().counters().requests_failed, 4U);
}

TEST_F(SessionEdgeTest, LimitsOfConnectionsAreTold) {
    options.server.connections_max = 3;
    options.server.connections_per_uid_max = 2;
    options.server.admits = [](const Peer& who) { return who.credentials.uid != 7; };
    start();
    greet(1000);
    RawClient& second = greet(1000);
    EXPECT_EQ(refusal(connect(1000)),
              "0: limit_exceeded: uid 1000 has 2 connections open, limits.connections_per_uid_max");
    EXPECT_EQ(refusal(connect(7)),
              "0: permission_denied: uid 7 may not connect; see listen.allowed_users and listen.allowed_groups");
    greet(1001);
    EXPECT_EQ(refusal(connect(1002)), "0: limit_exceeded: 3 connections are open, limits.connections_max");
    EXPECT_EQ(daemon->server().counters().connections, 3U);
    EXPECT_EQ(daemon->server().counters().connections_refused, 3U);
    EXPECT_EQ(daemon->server().connections(), 3U);
    second.disconnect();
    pass(seconds(1));
    EXPECT_EQ(daemon->server().connections(), 2U);
    EXPECT_EQ(daemon->server().connections_by_uid(9),
              (std::vector<std::pair<uid_t, std::uint32_t>>{{1000, 1}, {1001, 1}}));
    greet(1000);
    EXPECT_EQ(daemon->server().connections_by_uid(1), (std::vector<std::pair<uid_t, std::uint32_t>>{{1000, 2}}));
}

TEST_F(SessionEdgeTest, AcceptThatFailsIsTriedAgain) {
    const std::size_t rule = world.faults().add(io::fail_nth(io::OpCode::accept, "*", 1, EMFILE));
    start();
    RawClient& client = greet();
    client.request(2, wire::PingRequest());
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.type, wire::PingReply::kType);
    EXPECT_EQ(world.faults().hits(rule), 1U);
}

TEST_F(SessionEdgeTest, QueriesThatRunAreCountedAndBounded) {
    options.session.query.queries_max = 1;
    options.session.query.wait_max = {};
    start();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 30; ++id) {
        log(client, id, {{std::string(4000, 'x'), "", wire::Severity::info}});
    }
    wire::QueryRequest query;
    query.text = "*";
    query.credit = 1;
    RawClient& paused = greet();
    paused.request(2, query);
    const auto first = paused.next();
    ASSERT_TRUE(first && first->header.more());
    EXPECT_EQ(daemon->server().queries_running(), 1U);
    EXPECT_LE(first->header.length, 64U * 1024 + 4200) << "a chunk, and the entry that fills it";
    EXPECT_GT(first->header.length, 64U * 1024);
    RawClient& other = greet();
    other.request(2, query);
    EXPECT_EQ(refusal(other),
              "2: limit_exceeded: 1 queries are running, limits.queries_max; ask again when one has ended");
    paused.request(3, wire::Credit{.target = 2, .bytes = 1U << 20U});
    auto frame = paused.next();
    std::uint64_t rows = decode<wire::QueryChunk>(*first)->entries.size();
    for (; frame && frame->header.more(); frame = paused.next()) {
        rows += decode<wire::QueryChunk>(*frame)->entries.size();
    }
    ASSERT_TRUE(frame);
    const auto end = decode<wire::QueryEnd>(*frame);
    ASSERT_TRUE(end);
    EXPECT_EQ(rows, 28U);
    EXPECT_EQ(end->epoch, 1U);
    EXPECT_EQ(end->counts.records, 28U);
    EXPECT_EQ(end->counts.matched, 28U);
    EXPECT_EQ(end->counts.rows, 28U);
    EXPECT_EQ(end->counts.parts, 0U);
    EXPECT_EQ(end->counts.parts_skipped, 0U);
    EXPECT_EQ(end->counts.parts_damaged, 0U);
    EXPECT_EQ(end->read_through.sequence, 28U);
    EXPECT_EQ(daemon->server().queries_running(), 0U);
    EXPECT_EQ(daemon->server().counters().queries, 1U);
}

TEST_F(SessionEdgeTest, TailEndsWithTheCursorOfItsLastRecord) {
    start();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 12; ++id) {
        log(client, id, {{fmt::format("{}", id), id % 2 == 0 ? "a" : "b", wire::Severity::info}});
    }
    const auto ask = [&](wire::TailRequest request) {
        request.credit = 1U << 20U;
        RawClient& reader = greet();
        reader.request(2, request);
        std::string shown;
        for (auto frame = reader.next(); frame; frame = reader.next()) {
            if (!frame->header.more()) {
                const auto end = decode<wire::TailEnd>(*frame);
                EXPECT_EQ(end->epoch, 1U);
                EXPECT_EQ(end->resume_after.epoch, 1U);
                EXPECT_EQ(end->resume_after.store, daemon->pipeline().hub().store_id());
                return shown + fmt::format("-> {}", end->resume_after.sequence);
            }
            const auto chunk = decode<wire::TailChunk>(*frame);
            EXPECT_EQ(chunk->epoch, 1U);
            for (const wire::TailEntry& entry : chunk->entries) {
                shown += fmt::format("{} ", entry.sequence);
            }
        }
        return shown + "no end";
    };
    EXPECT_EQ(ask({.start = wire::TailStart::oldest}), "1 2 3 4 5 6 7 8 9 10 -> 10");
    EXPECT_EQ(ask({.start = wire::TailStart::now}), "-> 10");
    EXPECT_EQ(ask({.start = wire::TailStart::last_n, .n = 3}), "8 9 10 -> 10");
    EXPECT_EQ(ask({.start = wire::TailStart::last_n, .n = 0}), "-> 10");
    EXPECT_EQ(ask({.start = wire::TailStart::last_n, .n = 10}), "1 2 3 4 5 6 7 8 9 10 -> 10");
    wire::TailRequest b{.start = wire::TailStart::last_n, .n = 2};
    b.filter.streams = {"b"};
    EXPECT_EQ(ask(b), "8 10 -> 10");
    EXPECT_EQ(daemon->server().counters().tails, 6U);
}

}  // namespace
}  // namespace sluice::server::test
