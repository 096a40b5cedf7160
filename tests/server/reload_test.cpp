// What a reload may change takes effect while the daemon runs, and not before.
#include <gmock/gmock.h>

#include "server_fixture.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class ReloadTest : public ServerTest {
 protected:
    LogHub& hub() { return daemon->pipeline().hub(); }
    // Of 4000 bytes each.
    void fill(int records, wire::AckLevel level = wire::AckLevel::written) {
        RawClient& client = greet();
        for (int i = 0; i < records; ++i) {
            log(client, static_cast<std::uint64_t>(i) + 2, {{std::string(4000, 'x'), "", wire::Severity::info}}, level);
        }
    }
    void seal_seldom() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 1'000'000;
        seal.bytes_max = 1ULL << 40U;
        seal.delay_max = std::chrono::hours(1);
        seal.zstd_level = seal.merge_zstd_level = 1;
        options.pipeline.sync_interval = milliseconds(5);
    }
    // Another configuration of the server; the limits are of options.session.
    void reload(ServerOptions later = {}) {
        later.session = options.session;
        daemon->server().set_options(std::move(later));
    }
    void reload_connections(std::uint32_t most, std::uint32_t most_per_uid) {
        ServerOptions later;
        later.connections_max = most;
        later.connections_per_uid_max = most_per_uid;
        reload(std::move(later));
    }
    wire::HelloReply hello(RawClient& client) {
        client.hello();
        last_ = client.next();
        EXPECT_TRUE(last_);
        return last_ ? decode<wire::HelloReply>(*last_).value_or(wire::HelloReply()) : wire::HelloReply();
    }
    static wire::QueryRequest asking(std::string_view text) {
        wire::QueryRequest request;
        request.credit = 1U << 20U;
        request.text = text;
        return request;
    }

 private:
    std::optional<Frame> last_;
};

// ---- the log ----

TEST_F(ReloadTest, LogBytesMaxHoldsForALogThatIsNotSealed) {
    start();
    fill(400);
    ASSERT_EQ(hub().oldest_sequence(), 1U);
    ASSERT_GT(hub().catalog().size(), 5U);
    daemon->pipeline().set_log_bytes_max(3 * options.writer.segment_bytes);
    fill(100);
    EXPECT_GT(hub().oldest_sequence(), 1U);
    EXPECT_LE(hub().log_bytes(), 4 * options.writer.segment_bytes);
    const std::uint64_t oldest = hub().oldest_sequence();
    daemon->pipeline().set_log_bytes_max(64 * options.writer.segment_bytes);
    fill(200);
    EXPECT_EQ(hub().oldest_sequence(), oldest);
}

TEST_F(ReloadTest, LogBytesMaxSealsALogThatHasBecomeTooLong) {
    seal_seldom();
    start();
    fill(200);
    pass(seconds(1));
    ASSERT_EQ(hub().sealed_end(), 1U);
    daemon->pipeline().set_log_bytes_max(4 * options.writer.segment_bytes);
    fill(1);
    pass(seconds(1));
    EXPECT_GT(hub().sealed_end(), 1U);
}

// The log may not throw away what is not sealed, and refuses what comes, with the reason.
TEST_F(ReloadTest, LogBytesMaxIsTheBoundOfALogThatCannotBeSealed) {
    seal_seldom();
    start();
    fill(200);
    daemon->pipeline().set_log_bytes_max(3 * options.writer.segment_bytes);
    const std::size_t full = world.faults().add(io::fail_from(io::OpCode::write, "/store/*part-*", 1, ENOSPC));
    RawClient& client = greet();
    const Bytes batch = batch_of({{"one too many", "", wire::Severity::info}});
    client.request(2, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    const auto refused = client.next(seconds(60));
    ASSERT_TRUE(refused);
    EXPECT_THAT(error_text(*refused), HasSubstr("no_space"));
    EXPECT_THAT(error_text(*refused), HasSubstr("the log has reached 786432 bytes and cannot be sealed"));
    EXPECT_GT(world.faults().hits(full), 0U);
    daemon->pipeline().set_log_bytes_max(64 * options.writer.segment_bytes);
    EXPECT_EQ(log(client, 3, {{"there is room again", "", wire::Severity::info}}), 201U);
}

TEST_F(ReloadTest, SyncIntervalHoldsFromTheNextSyncOn) {
    options.pipeline.sync_interval = std::chrono::hours(1);
    start();
    daemon->pipeline().set_sync_interval(seconds(2));
    fill(1);
    pass(milliseconds(1900));
    EXPECT_EQ(hub().durable_sequence(), 1U);
    pass(milliseconds(200));
    EXPECT_EQ(hub().durable_sequence(), 2U);
    daemon->pipeline().set_sync_interval(seconds(20));
    fill(1);
    pass(seconds(19));
    EXPECT_EQ(hub().durable_sequence(), 2U);
    pass(seconds(2));
    EXPECT_EQ(hub().durable_sequence(), 3U);
}

TEST_F(ReloadTest, RetentionHoldsForPartsThatAreThereAndForTheNextSeal) {
    seal_seldom();
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.merge.rows_max = 0;
    options.pipeline.seal.check_interval = seconds(30);
    start();
    fill(50, wire::AckLevel::durable);
    pass(seconds(1));
    ASSERT_GE(hub().sealed_end(), 41U);
    ASSERT_EQ(hub().parts()->removed_end(), 0U);
    ASSERT_EQ(hub().parts()->classes.size(), 1U);
    store::RetentionOptions retention;
    retention.classes.push_back({.name = "plain", .streams = {"default"}});
    retention.age_max = seconds(10);
    daemon->pipeline().set_retention(retention);
    pass(seconds(31));
    EXPECT_GE(hub().parts()->removed_end(), 41U);
    fill(20, wire::AckLevel::durable);
    pass(seconds(1));
    ASSERT_FALSE(hub().parts()->classes.empty());
    const auto& classes = hub().parts()->classes;
    EXPECT_TRUE(std::ranges::any_of(classes, [](const auto& one) { return one.name == "plain"; }));
}

// ---- the server ----

TEST_F(ReloadTest, LimitsOfConnectionsHoldForTheNextOne) {
    start();
    greet(1);
    greet(1);
    reload_connections(2, 256);
    expect_error(connect(2), 0, Errc::limit_exceeded);
    reload_connections(10, 2);
    expect_error(connect(1), 0, Errc::limit_exceeded);
    greet(2);
    reload_connections(10, 3);
    greet(1);
}

TEST_F(ReloadTest, HelloTellsTheNewLimits) {
    start();
    options.session.frame_bytes_max = 32 * 1024;
    options.session.requests_max = 9;
    options.session.log_records_max = 99;
    options.session.handles_max = 7;
    reload();
    const wire::HelloReply reply = hello(connect());
    EXPECT_EQ(reply.frame_bytes_max, 32U * 1024);
    EXPECT_EQ(reply.requests_in_flight_max, 9U);
    EXPECT_EQ(reply.log_records_max, 99U);
    EXPECT_EQ(reply.handles_max, 7U);
}

TEST_F(ReloadTest, FrameLimitHoldsForTheNextConnection) {
    start();
    RawClient& before = greet();
    options.session.frame_bytes_max = 32 * 1024;
    reload();
    EXPECT_EQ(log(before, 2, {{std::string(40'000, 'x'), "", wire::Severity::info}}), 1U);
    RawClient& after = greet();
    const Bytes batch = batch_of({{std::string(40'000, 'x'), "", wire::Severity::info}});
    after.request(2, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    expect_error(after, 0, Errc::too_large);
}

TEST_F(ReloadTest, RequestsInFlightHoldForConnectionsThatAreThere) {
    start();
    RawClient& client = greet();
    options.session.requests_max = 1;
    reload();
    wire::TailRequest follow;
    follow.start = wire::TailStart::now;
    follow.follow = true;
    follow.credit = 1U << 20U;
    client.request(2, follow);
    client.request(3, wire::PingRequest());
    EXPECT_FALSE(client.next(seconds(1)));
    options.session.requests_max = 2;
    reload();
    client.request(4, wire::CancelRequest{.target = 2});  // Whoever waits looks again when a request has ended.
    std::set<std::uint64_t> answered;
    for (int i = 0; i < 3; ++i) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        answered.insert(frame->header.id);
    }
    EXPECT_EQ(answered, (std::set<std::uint64_t>{2, 3, 4}));
    client.request(5, follow);
    client.request(6, wire::PingRequest());
    const auto pong = client.next();
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->header.id, 6U);
}

TEST_F(ReloadTest, RoomForWhatAllClientsSendHoldsFromTheNextFrameOn) {
    options.session.stall_timeout = seconds(5);
    start();
    const auto begin_frame = [&](uid_t uid) {
        RawClient& client = greet(uid);
        const auto head = wire::encode_frame_header({.length = 60'000, .type = wire::MessageType::put, .id = 2});
        Bytes begun(head.begin(), head.end());
        begun.resize(10'000);
        client.send(std::move(begun));
        pass(milliseconds(10));
    };
    begin_frame(1);
    begin_frame(2);
    EXPECT_EQ(daemon->server().held_bytes().requests, 120'000U);
    options.session.clients_bytes_max = 150'000;
    reload();
    begin_frame(1);
    EXPECT_EQ(daemon->server().held_bytes().requests, 120'000U) << "one more of a user who holds some";
    options.session.clients_bytes_max = 64U << 20U;
    reload();
    pass(milliseconds(10));
    EXPECT_EQ(daemon->server().held_bytes().requests, 180'000U);
}

TEST_F(ReloadTest, RoomForWhatAllClientsAreSentHoldsFromTheNextReplyOn) {
    options.session.output_bytes_max = 256 * 1024;
    start();
    fill(600);
    options.session.clients_bytes_max = 300'000;
    reload();
    std::deque<std::unique_ptr<RawClient>> deaf;
    for (uid_t uid = 1; uid < 7; ++uid) {
        deaf.push_back(std::make_unique<RawClient>(world, uid));
        ASSERT_TRUE(deaf.back()->connect());
        deaf.back()->hello();
        wire::TailRequest request;
        request.start = wire::TailStart::oldest;
        request.credit = 1U << 30U;
        deaf.back()->request(2, request);
    }
    pass(seconds(1));
    constexpr std::uint64_t kReply = 70'000;  // Of one frame, which anyone may have.
    EXPECT_LE(daemon->server().held_bytes().replies, options.session.clients_bytes_max + 6 * kReply);
    EXPECT_GT(daemon->server().held_bytes().replies, options.session.clients_bytes_max / 2);
}

TEST_F(ReloadTest, IdleTimeoutHoldsFromTheNextAnswerOn) {
    start();
    RawClient& client = greet();
    options.session.idle_timeout = seconds(3);
    reload();
    EXPECT_FALSE(client.closed_within(seconds(10)));
    client.request(2, wire::PingRequest());
    ASSERT_TRUE(client.next());
    EXPECT_FALSE(client.closed_within(milliseconds(2900)));
    EXPECT_TRUE(client.closed_within(milliseconds(200)));
}

TEST_F(ReloadTest, LimitsOfQueriesHoldForTheNextOne) {
    start();
    fill(20);
    RawClient& client = greet();
    options.session.query.queries_max = 0;
    reload();
    client.request(2, asking("*"));
    const auto refused = client.next();
    ASSERT_TRUE(refused);
    EXPECT_THAT(error_text(*refused), HasSubstr("limit_exceeded: 0 queries are running, limits.queries_max"));
    options.session.query.queries_max = 1;
    options.session.query.memory_bytes_max = 1024;
    reload();
    client.request(3, asking("* | sort message"));
    const auto poor = client.next();
    ASSERT_TRUE(poor);
    EXPECT_THAT(error_text(*poor), HasSubstr("limit_exceeded"));
    EXPECT_THAT(error_text(*poor), HasSubstr("a query may use"));
    options.session.query.memory_bytes_max = 64ULL << 20U;
    reload();
    client.request(4, asking("* | sort message"));
    const auto rows = client.next();
    ASSERT_TRUE(rows);
    EXPECT_EQ(error_text(*rows), "");
}

}  // namespace
}  // namespace sluice::server::test
