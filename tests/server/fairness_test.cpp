// What one client does costs others at most their share: it cannot keep what others need, nor make the daemon hold more
// than its limits.
#include <gmock/gmock.h>

#include "server_fixture.h"
#include "wire/file_messages.h"
#include "wire/query_messages.h"
#include "wire/tail_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::uint32_t kAllCredit = 1U << 30U;
constexpr std::size_t kReplyBytes = 66'000;  // Of one frame, about.
constexpr uid_t kHostile = 1000;
constexpr uid_t kOther = 2000;

class FairnessTest : public ServerTest {
 protected:
    FairnessTest() {
        options.session.output_bytes_max = 256 * 1024;
        options.session.request_bytes_max = 256 * 1024;
        options.session.user_bytes_max = 512 * 1024;
        options.session.stall_timeout = seconds(30);
    }
    // A client that is served and never reads what comes behind HELLO.
    RawClient& deaf(uid_t uid = kHostile) {
        deaf_.push_back(std::make_unique<RawClient>(world, uid));
        EXPECT_TRUE(deaf_.back()->connect());
        deaf_.back()->hello();
        return *deaf_.back();
    }
    static wire::TailRequest everything(std::uint32_t credit = kAllCredit, bool follows = true) {
        wire::TailRequest request;
        request.start = wire::TailStart::oldest;
        request.follow = follows;
        request.credit = credit;
        return request;
    }
    void fill(int records, std::size_t bytes) {
        RawClient& writer = greet(kOther);
        for (int i = 0; i < records; ++i) {
            log(writer, static_cast<std::uint64_t>(i) + 2, {{std::string(bytes, 'x'), "", wire::Severity::info}});
        }
    }
    void put_file(std::string_view name, std::size_t bytes) {
        world.disk().put_file(fmt::format("{}/{}", sim::kRootPath, name), Bytes(bytes, std::byte{'f'}));
    }
    // What another user asks is answered soon.
    void expect_served() {
        RawClient& other = greet(kOther);
        EXPECT_NE(log(other, 2, {{"me too", "", wire::Severity::info}}, wire::AckLevel::durable), 0U);
        other.request(3, wire::PingRequest());
        const auto pong = other.next(milliseconds(100));
        EXPECT_TRUE(pong && pong->header.type == wire::PingReply::kType);
    }
    Server::HeldBytes held() { return daemon->server().held_bytes(); }

 private:
    std::deque<std::unique_ptr<RawClient>> deaf_;
};

// The kernel of the test has 16 buffers for what is received.
TEST_F(FairnessTest, WhoWaitsForItsClientHoldsNoSharedBuffer) {
    start();
    fill(60, 40'000);
    for (int i = 0; i < 20; ++i) {
        RawClient& client = deaf();
        Bytes both;  // In one piece: the second is in the buffer of the first.
        wire::append_frame(both, 2, everything(), {});
        wire::append_frame(both, 3, wire::PingRequest(), {});
        wire::append_frame(both, 4, wire::PingRequest(), {});
        client.send(std::move(both));
    }
    pass(seconds(2));
    expect_served();
}

// Likewise: who is read no further because of the requests it has in flight.
TEST_F(FairnessTest, WhoWaitsForAPlaceHoldsNoSharedBuffer) {
    options.session.requests_max = 1;
    start();
    for (int i = 0; i < 20; ++i) {
        RawClient& client = greet(kHostile);
        Bytes all;  // Served, waiting in its task, waiting to be one, not looked at.
        wire::append_frame(all, 2, everything(kAllCredit, true), {});
        for (std::uint64_t id = 3; id < 6; ++id) {
            wire::append_frame(all, id, wire::PingRequest(), {});
        }
        client.send(std::move(all));
    }
    pass(seconds(2));
    expect_served();
}

// Likewise: whose request finds no room.
TEST_F(FairnessTest, WhoWaitsForRoomHoldsNoSharedBuffer) {
    options.session.user_bytes_max = 64 * 1024;
    start();
    std::vector<RawClient*> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(&greet(kHostile));
    }
    const auto head = wire::encode_frame_header({.length = 60'000, .type = wire::MessageType::put, .id = 2});
    Bytes begun(head.begin(), head.end());
    begun.resize(10'000);
    greet(kHostile).send(std::move(begun));
    pass(milliseconds(10));
    ASSERT_EQ(held().requests, 60'000U);
    const Bytes data(8000, std::byte{'p'});
    for (RawClient* client : clients) {
        client->request(2, put_request("f", data));
    }
    pass(seconds(2));
    EXPECT_EQ(held().requests, 60'000U);
    expect_served();
}

// What waits and what is behind it are still whole when their turn comes.
TEST_F(FairnessTest, RequestsBehindOneThatWaitsAreServedWholeAndInOrder) {
    options.session.requests_max = 1;
    start();
    RawClient& client = greet(kHostile);
    Bytes all;
    wire::append_frame(all, 2, everything(kAllCredit, true), {});
    for (std::uint64_t id = 3; id < 20; ++id) {
        const std::string path = fmt::format("file{}", id);
        const Bytes data(100 + id, static_cast<std::byte>(id));
        wire::append_frame(all, id, put_request(path, data), {});
    }
    client.send(std::move(all));
    EXPECT_FALSE(client.next(seconds(1)));
    ServerOptions later = options.server;
    later.session = options.session;
    later.session.requests_max = 2;
    daemon->server().set_options(std::move(later));
    client.request(20, wire::PingRequest());
    EXPECT_FALSE(client.next(seconds(1))) << "it is looked at again when a request has ended";
    RawClient& other = greet(kOther);
    log(other, 2, {{"shown by the tail", "", wire::Severity::info}});
    const auto shown = client.next();
    ASSERT_TRUE(shown && shown->header.id == 2);
    client.disconnect();
    EXPECT_TRUE(client.closed_within(seconds(1)));
}

TEST_F(FairnessTest, LargeRequestIsChargedOnce) {
    options.session.request_bytes_max = 60'000;
    start();
    RawClient& client = greet(kHostile);
    const Bytes data(40'000, std::byte{'p'});
    client.request(2, put_request("f", data));
    const auto reply = client.next(seconds(1));
    ASSERT_TRUE(reply);
    EXPECT_EQ(error_text(*reply), "");
    EXPECT_EQ(held().requests, 0U);
}

TEST_F(FairnessTest, ReadsThatNobodyTakesAreMadeAsRoomAllows) {
    put_file("f", 60'000);
    start();
    RawClient& client = deaf();
    client.request(2, wire::OpenRequest{.flags = wire::kOpenRead, .root = "files", .path = "f"});
    pass(milliseconds(100));
    for (std::uint64_t id = 3; id < 60; ++id) {
        client.request(id, wire::ReadRequest{.handle = 1, .length = 60'000});
    }
    pass(seconds(2));
    EXPECT_LE(held().replies, options.session.output_bytes_max);
    EXPECT_GT(held().replies, options.session.output_bytes_max / 2);
    client.read();
    for (int i = 0; i < 59; ++i) {  // HELLO, OPEN, and all reads, whole.
        const auto frame = client.next();
        ASSERT_TRUE(frame) << i;
        ASSERT_EQ(error_text(*frame), "");
        if (frame->header.type == wire::ReadReply::kType) {
            EXPECT_EQ(decode<wire::ReadReply>(*frame)->data.size(), 60'000U);
        }
    }
    EXPECT_EQ(held().replies, 0U);
}

// Each is made when there is room for it, and so is as new as it can be.
// A large batch is served where it was received; nothing of it is held for a connection that then asks for nothing.
TEST_F(FairnessTest, IdleConnectionHoldsNothing) {
    options.pipeline.ingest.group_bytes_max = 64 * 1024;
    start();
    RawClient& client = greet(kHostile);
    EXPECT_EQ(log(client, 2, {{std::string(50'000, 'x'), "", wire::Severity::info}}), 1U);
    pass(milliseconds(10));
    EXPECT_EQ(held().requests, 0U);
    EXPECT_EQ(held().replies, 0U);
    wire::TailRequest all = everything(kAllCredit, false);
    client.request(3, all);
    for (auto frame = client.next(); frame && frame->header.more(); frame = client.next()) {
    }
    pass(milliseconds(10));
    EXPECT_EQ(held().replies, 0U);
}

TEST_F(FairnessTest, StatusesThatNobodyTakesAreMadeAsRoomAllows) {
    start();
    std::size_t made = 0;
    daemon->server().set_status([&made] {
        ++made;
        return std::string(32'000, 's');
    });
    RawClient& client = deaf();
    for (std::uint64_t id = 2; id < 60; ++id) {
        client.request(id, wire::StatusRequest());
    }
    pass(seconds(2));
    EXPECT_LE(held().replies, options.session.output_bytes_max);
    EXPECT_LT(made, 20U);
    EXPECT_GT(made, 6U);
    client.read();
    for (int i = 0; i < 59; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame) << i;
        ASSERT_EQ(error_text(*frame), "");
    }
    EXPECT_EQ(made, 58U);
    EXPECT_EQ(held().replies, 0U);
}

TEST_F(FairnessTest, RepliesOfAUserAreBoundedTogether) {
    start();
    fill(60, 40'000);
    for (int i = 0; i < 5; ++i) {
        deaf().request(2, everything());
    }
    pass(seconds(2));
    EXPECT_LE(held().replies, options.session.user_bytes_max);
    EXPECT_GT(held().replies, options.session.output_bytes_max);
    expect_served();
}

TEST_F(FairnessTest, RepliesOfAllUsersAreBoundedTogetherAndLeaveRoomForOneMore) {
    options.session.clients_bytes_max = 600 * 1024;
    start();
    fill(60, 40'000);
    for (uid_t uid = kHostile; uid < kHostile + 4; ++uid) {
        deaf(uid).request(2, everything());
        deaf(uid).request(2, everything());
    }
    pass(seconds(2));
    EXPECT_LE(held().replies, options.session.clients_bytes_max + 4 * kReplyBytes);
    EXPECT_GT(held().replies, options.session.clients_bytes_max / 2);
    expect_served();
    RawClient& other = greet(kOther);
    other.request(2, everything(kAllCredit, false));
    std::size_t rows = 0;
    for (auto frame = other.next(); frame && (frame->header.flags & wire::kFrameMore) != 0; frame = other.next()) {
        rows += decode<wire::TailChunk>(*frame)->entries.size();
    }
    EXPECT_EQ(rows, 61U);
}

TEST_F(FairnessTest, UsersTogetherLeaveConnectionsForOthers) {
    options.server.connections_max = 40;
    options.server.connections_per_uid_max = 20;
    start();
    for (int i = 0; i < 20; ++i) {
        deaf(kHostile);
        deaf(kHostile + 1);
    }
    pass(seconds(1));
    EXPECT_EQ(daemon->server().connections(), 35U);
    expect_served();
}

TEST_F(FairnessTest, LargeFramesAreChargedBeforeTheirBytesCome) {
    start();
    for (int i = 0; i < 20; ++i) {
        const wire::FrameHeader header{.length = 60'000, .type = wire::MessageType::put, .flags = 0, .id = 2};
        const auto bytes = wire::encode_frame_header(header);
        Bytes begun(bytes.begin(), bytes.end());
        begun.resize(begun.size() + 10);
        deaf().send(std::move(begun));
    }
    pass(seconds(2));
    EXPECT_LE(held().requests, options.session.user_bytes_max);
    EXPECT_GE(held().requests, options.session.user_bytes_max - 60'000);
    expect_served();
    pass(seconds(65));  // What does not go on ends, and so does what found no room.
    EXPECT_EQ(held().requests, 0U);
}

TEST_F(FairnessTest, ALargeFrameThatGoesOnIsServed) {
    start();
    RawClient& client = greet(kHostile);
    const Bytes data(50'000, std::byte{'p'});
    Bytes frame;
    wire::append_frame(frame, 2, put_request("f", data), {});
    for (std::size_t at = 0; at < frame.size(); at += 10'000) {
        const auto first = frame.begin() + static_cast<std::ptrdiff_t>(at);
        client.send(
            Bytes(first, first + static_cast<std::ptrdiff_t>(std::min<std::size_t>(10'000, frame.size() - at))));
        pass(seconds(25));  // Longer than stall_timeout altogether.
    }
    const auto reply = client.next();
    ASSERT_TRUE(reply);
    EXPECT_EQ(error_text(*reply), "");
    EXPECT_EQ(held().requests, 0U);
}

TEST_F(FairnessTest, RequestsThatWaitForALinkAreBounded) {
    start();
    RawClient& client = greet(kHostile);
    client.request(2, everything(), {.flags = wire::kFrameLink});
    const Bytes data(60'000, std::byte{'p'});
    for (std::uint64_t id = 3; id < 23; ++id) {
        client.request(id, put_request("f", data), {.flags = wire::kFrameLink});
    }
    pass(seconds(5));
    EXPECT_LE(held().requests, options.session.request_bytes_max);
    EXPECT_GT(held().requests, options.session.request_bytes_max / 2);
    expect_served();
    client.disconnect();
    pass(options.session.stall_timeout);
    EXPECT_EQ(held().requests, 0U);
}

TEST_F(FairnessTest, SmallRequestsThatWaitAreRefusedWhenNoneEnds) {
    options.session.request_bytes_max = 2000;
    start();
    RawClient& client = greet(kHostile);
    const Bytes data(900, std::byte{'p'});
    const wire::PutRequest put = put_request("f", data);
    client.request(2, everything(), {.flags = wire::kFrameLink});
    client.request(3, put, {.flags = wire::kFrameLink});
    client.request(4, put, {.flags = wire::kFrameLink});
    client.request(5, put, {.flags = wire::kFrameLink});
    client.request(6, wire::PingRequest());
    pass(seconds(29));
    EXPECT_FALSE(client.next(milliseconds(1)));
    expect_error(client, 5, Errc::limit_exceeded);
    expect_error(client, 6, Errc::link_failed);
}

TEST_F(FairnessTest, AQueryThatNobodyReadsGivesItsPlaceToAnotherUser) {
    options.session.query.queries_max = 2;
    start();
    fill(60, 4000);
    RawClient& hostile = greet(kHostile);
    RawClient& accomplice = greet(kHostile + 1);
    for (RawClient* client : {&hostile, &accomplice}) {
        client->request(2, wire::QueryRequest{.credit = 1, .text = "*"});
        ASSERT_TRUE(client->next());
    }
    pass(seconds(2));
    RawClient& other = greet(kOther);
    other.request(2, wire::QueryRequest{.credit = kAllCredit, .text = "*"});
    const auto rows = other.next();
    ASSERT_TRUE(rows);
    EXPECT_EQ(error_text(*rows), "");
    const auto ended = hostile.next(milliseconds(1));
    ASSERT_TRUE(ended);
    EXPECT_THAT(error_text(*ended), HasSubstr("its place was needed for another user's query"));
    EXPECT_FALSE(accomplice.next(milliseconds(1)));
}

TEST_F(FairnessTest, AQueryThatNobodyReadsEnds) {
    options.session.query.idle_max = seconds(7);
    start();
    fill(60, 4000);
    RawClient& client = greet(kHostile);
    client.request(2, wire::QueryRequest{.credit = 1, .text = "*"});
    ASSERT_TRUE(client.next());
    EXPECT_FALSE(client.next(milliseconds(6'900)));
    EXPECT_EQ(daemon->server().queries_running(), 1U);
    const auto ended = client.next(milliseconds(200));
    ASSERT_TRUE(ended);
    EXPECT_THAT(error_text(*ended),
                HasSubstr("deadline_exceeded: no row was taken for 7 s, limits.query_idle_timeout"));
    EXPECT_EQ(daemon->server().queries_running(), 0U);
}

TEST_F(FairnessTest, AUserWhoseQueriesHoldAllTheyMayKeepsNobodyElseOut) {
    options.session.query = {.queries_max = 16, .memory_bytes_max = 1'400'000, .memory_bytes_total = 1'400'000};
    start();
    fill(60, 4000);
    const auto sorts = [this](uid_t uid) {  // Takes 500 KB, and holds half of that, because the client takes no more.
        RawClient& client = greet(uid);
        client.request(2, wire::QueryRequest{.credit = 1, .text = "* | sort by (message)"});
        const auto frame = client.next();
        EXPECT_TRUE(frame);
        return frame ? error_text(*frame) : "nothing";
    };
    EXPECT_EQ(sorts(kHostile), "");
    EXPECT_GT(held().queries, 200'000U);
    std::string refused;
    for (int i = 0; i < 6 && refused.empty(); ++i) {
        refused = sorts(kHostile);
    }
    EXPECT_THAT(refused, HasSubstr("limit_exceeded: sorting needs "));
    EXPECT_THAT(refused, HasSubstr("that queries and tails of uid 1000 hold"));
    EXPECT_EQ(sorts(kOther), "");
    EXPECT_THAT(sorts(kOther), HasSubstr("that queries and tails of uid 2000 hold"));
    EXPECT_LT(held().queries, 600'000U);
}

TEST_F(FairnessTest, ATailIsChargedAsLongAsItFollows) {
    options.session.query.memory_bytes_total = 40 * 1024;
    start();
    RawClient& client = greet(kHostile);
    for (std::uint64_t id = 2; id < 6; ++id) {
        client.request(id, everything());
    }
    EXPECT_FALSE(client.next(milliseconds(100)));
    EXPECT_GT(held().queries, 16U * 1024);
    EXPECT_LE(held().queries, options.session.query.memory_bytes_total / 2);
    client.request(6, everything());
    const auto refused = client.next();
    ASSERT_TRUE(refused);
    EXPECT_THAT(error_text(*refused), HasSubstr("limit_exceeded: a tail needs "));
    RawClient& other = greet(kOther);
    other.request(2, everything());
    EXPECT_FALSE(other.next(milliseconds(100)));
    other.disconnect();
    client.disconnect();
    pass(milliseconds(100));
    EXPECT_EQ(held().queries, 0U);
}

constexpr std::string_view kCostlyFilter = "~`(.{30}){30}x`";

TEST_F(FairnessTest, TheFilterOfATailIsChargedAsLongAsItFollows) {
    start();
    RawClient& client = greet(kHostile);
    wire::TailRequest wanted = everything();
    wanted.query = kCostlyFilter;
    client.request(2, wanted);
    pass(milliseconds(100));
    const std::uint64_t one = held().queries;
    EXPECT_GT(one, 2'000'000U);
    client.request(3, wanted);
    pass(milliseconds(100));
    EXPECT_EQ(held().queries, 2 * one);
    client.request(4, wire::CancelRequest{.target = 2});
    pass(milliseconds(100));
    EXPECT_EQ(held().queries, one);
    client.disconnect();
    pass(milliseconds(100));
    EXPECT_EQ(held().queries, 0U);
}

TEST_F(FairnessTest, TailsThatHoldAllTheyMayKeepNobodyElseOut) {
    options.session.query.memory_bytes_total = 12'000'000;
    start();
    RawClient& client = greet(kHostile);
    wire::TailRequest wanted = everything();
    wanted.query = kCostlyFilter;
    std::uint64_t refused = 0;
    for (std::uint64_t id = 2; id < 10; ++id) {
        client.request(id, wanted);
        if (const auto frame = client.next(milliseconds(100))) {
            ++refused;
            EXPECT_THAT(error_text(*frame), HasSubstr("limit_exceeded: "));
            EXPECT_THAT(error_text(*frame), HasSubstr("that queries and tails of uid 1000 hold"));
        }
    }
    EXPECT_GT(refused, 2U);
    EXPECT_LE(held().queries, options.session.query.memory_bytes_total * 2 / 3);
    RawClient& other = greet(kOther);
    other.request(2, wanted);
    EXPECT_FALSE(other.next(milliseconds(100)));  // It follows.
    other.request(3, wire::QueryRequest{.credit = kAllCredit, .text = "*"});
    const auto answer = other.next();
    ASSERT_TRUE(answer);
    EXPECT_EQ(error_text(*answer), "");
}

// A tail that reads files holds what it has read; a client that takes nothing makes it let go.
TEST_F(FairnessTest, TailsThatNobodyReadsLeaveTheirPlaceToOthers) {
    options.pipeline.memory_bytes_max = 1;
    options.pipeline.seal.open_bytes_max = 1;
    start();
    fill(20, 40'000);
    RawClient& client = greet(kHostile);
    for (std::uint64_t id = 2; id < 2 + 2 * User::kFileTailsMax; ++id) {
        client.request(id, everything(1));
    }
    std::set<std::uint64_t> seen;
    for (std::size_t i = 0; i < 2 * User::kFileTailsMax; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame) << i;
        seen.insert(frame->header.id);
    }
    EXPECT_EQ(seen.size(), 2 * User::kFileTailsMax);
    client.request(100, wire::Credit{.target = 2, .bytes = kAllCredit});
    std::uint64_t rows = 1;
    while (rows < 20) {
        const auto frame = client.next();
        ASSERT_TRUE(frame) << rows;
        const auto chunk = decode<wire::TailChunk>(*frame);
        for (const wire::TailEntry& entry : chunk->entries) {
            EXPECT_EQ(entry.sequence, ++rows);
        }
    }
}

// One that reads from memory needs no place, however many wait for their client.
TEST_F(FairnessTest, TailsOfWhatIsInMemoryNeedNoPlace) {
    start();
    fill(20, 40'000);
    RawClient& slow = greet(kHostile);
    for (std::uint64_t id = 2; id < 2 + User::kFileTailsMax; ++id) {
        slow.request(id, everything(1));
        ASSERT_TRUE(slow.next());
    }
    RawClient& client = greet(kHostile);
    client.request(2, everything());
    for (std::uint64_t rows = 0; rows < 20;) {
        const auto frame = client.next(milliseconds(10));
        ASSERT_TRUE(frame) << rows;
        rows += decode<wire::TailChunk>(*frame)->entries.size();
    }
}

// ---- producers ----

class ProducersTest : public FairnessTest {
 protected:
    ProducersTest() {
        options.writer.producers_max = 8;
        options.pipeline.ingest.producers_max = 8;
    }
    std::optional<wire::LogReply> log_batch(RawClient& client, std::uint64_t id, std::uint8_t producer,
                                            std::uint64_t number) {
        const Bytes batch =
            batch_of({{"a", "", wire::Severity::info}, {"b", "", wire::Severity::info}}, producer, number);
        client.request(id, wire::LogRequest{.level = wire::AckLevel::durable, .batch = batch});
        const auto frame = client.next();
        return frame ? decode<wire::LogReply>(*frame) : std::nullopt;
    }
    // One user after the other makes up producers.
    void flood(std::uint8_t from) {
        RawClient& client = greet(kHostile);
        for (std::uint8_t i = 0; i < 20; ++i) {
            const auto reply = log_batch(client, i + 2U, static_cast<std::uint8_t>(from + i), 1);
            ASSERT_TRUE(reply && !reply->duplicate);
        }
    }
    void crash(io::CrashKind kind) {
        world.crash(kind);
        daemon->killed();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        daemon.reset();
        start();
    }
};

TEST_F(ProducersTest, NobodyMakesTheDaemonForgetThoseOfOthersAlsoAcrossRestarts) {
    options.writer.segment_bytes = 256 * 1024;
    start();
    const auto first = log_batch(greet(kOther), 2, 1, 1);
    ASSERT_TRUE(first);
    flood(100);
    crash(io::CrashKind::process);  // From the frames,
    flood(130);
    crash(io::CrashKind::process);  // from the head of a segment, and from frames.
    flood(160);
    const auto again = log_batch(greet(kOther), 2, 1, 1);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->first_sequence, first->first_sequence);
}

TEST_F(ProducersTest, ADuplicateIsAnsweredWithTheEpochOfTheStoredRecords) {
    start();
    const auto first = log_batch(greet(kOther), 2, 1, 1);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->epoch, 1U);
    RawClient& client = greet(kOther);
    (void)log(client, 2, {{"not durable", "", wire::Severity::info}});
    crash(io::CrashKind::power);
    ASSERT_EQ(daemon->pipeline().hub().epoch(), 2U);
    const auto again = log_batch(greet(kOther), 2, 1, 1);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->epoch, 1U);
    EXPECT_EQ(again->first_sequence, first->first_sequence);
    const auto next = log_batch(greet(kOther), 2, 1, 2);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->epoch, 2U);
    const auto next_again = log_batch(greet(kOther), 2, 1, 2);
    ASSERT_TRUE(next_again);
    EXPECT_EQ(next_again->epoch, 2U);
}

}  // namespace
}  // namespace sluice::server::test
