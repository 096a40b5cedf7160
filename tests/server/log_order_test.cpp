// LOG batches of one connection are stored in the order in which they were sent, whatever each of them waits for.
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;

class LogOrderTest : public ServerTest {
 protected:
    void send(RawClient& client, std::uint64_t id, std::size_t bytes, wire::FrameOptions frame = {}) {
        const Bytes batch = batch_of({{fmt::format("{} ", id) + std::string(bytes, 'x'), "", wire::Severity::info}});
        client.request(id, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch}, frame);
    }
    // A disk on which each write takes a while, so that a small queue is full.
    void slow_down() {
        io::FaultRule slow = io::fail_from(io::OpCode::write, "/store/*", 1, 0);
        slow.fault.delay = milliseconds(50);
        world.faults().add(slow);
    }
    // The answers to LOG come back with the place of each batch; by request id.
    std::map<std::uint64_t, std::uint64_t> places(RawClient& client, std::size_t count) {
        std::map<std::uint64_t, std::uint64_t> first;
        while (first.size() < count) {
            const auto frame = client.next();
            if (!frame) {
                ADD_FAILURE() << first.size() << " of " << count << " batches were answered";
                break;
            }
            if (frame->header.type == wire::LogReply::kType) {
                first[frame->header.id] = decode<wire::LogReply>(*frame)->first_sequence;
            } else {
                EXPECT_NE(frame->header.type, wire::MessageType::error) << error_text(*frame);
            }
        }
        return first;
    }
    static void expect_in_order(const std::map<std::uint64_t, std::uint64_t>& places) {
        std::uint64_t last = 0;
        for (const auto& [id, sequence] : places) {
            EXPECT_GT(sequence, last) << "request " << id;
            last = sequence;
        }
    }
};

TEST_F(LogOrderTest, SmallBatchDoesNotOvertakeALargeOneWithADeadline) {
    options.pipeline.ingest.queue_bytes_max = 20'000;
    start();
    slow_down();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 42; id += 2) {
        send(client, id, 15'000, {.deadline_ms = 60'000});
        send(client, id + 1, 10);
    }
    expect_in_order(places(client, 40));
}

TEST_F(LogOrderTest, LargeBatchOfAChainIsNotOvertakenEither) {
    options.pipeline.ingest.queue_bytes_max = 20'000;
    start();
    slow_down();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 41; id += 3) {
        send(client, id, 15'000, {.flags = wire::kFrameLink});
        send(client, id + 1, 15'000);
        send(client, id + 2, 10);
    }
    expect_in_order(places(client, 39));
}

// A LOG that a LINK holds back holds back the ones behind it.
TEST_F(LogOrderTest, BatchBehindASlowRequestKeepsItsPlace) {
    start();
    io::FaultRule slow = io::fail_from(io::OpCode::write, "/files/*", 1, 0);
    slow.fault.delay = milliseconds(200);
    world.faults().add(slow);
    RawClient& client = greet();
    client.request(2, put_request("a", as_bytes("content")), {.flags = wire::kFrameLink});
    send(client, 3, 10);
    send(client, 4, 10);
    send(client, 5, 10, {.deadline_ms = 10'000});
    expect_in_order(places(client, 3));
}

// One that is given up while it waits does not hold back the ones behind it.
TEST_F(LogOrderTest, BatchWhoseDeadlinePassesLeavesItsPlace) {
    start();
    RawClient& client = greet();
    wire::TailRequest follow;
    follow.start = wire::TailStart::now;
    follow.follow = true;
    client.request(2, follow, {.flags = wire::kFrameLink});
    send(client, 3, 10, {.deadline_ms = 100});
    send(client, 4, 10);
    EXPECT_FALSE(client.next(milliseconds(90)));
    expect_error(client, 3, Errc::deadline_exceeded);
    EXPECT_EQ(places(client, 1).begin()->first, 4U);
}

// Else the second would be taken for the first, and the first, sent again, for a duplicate of what was never stored.
TEST_F(LogOrderTest, FirstBatchOfAProducerThatIsGivenUpIsNotADuplicateLater) {
    start();
    RawClient& client = greet();
    wire::TailRequest follow;
    follow.start = wire::TailStart::now;
    follow.follow = true;
    client.request(2, follow, {.flags = wire::kFrameLink});
    const Bytes first = batch_of({{"first", "", wire::Severity::info}}, 7, 1);
    const Bytes second = batch_of({{"second", "", wire::Severity::info}}, 7, 2);
    client.request(3, wire::LogRequest{.level = wire::AckLevel::durable, .batch = first}, {.deadline_ms = 100});
    client.request(4, wire::LogRequest{.level = wire::AckLevel::durable, .batch = second});
    expect_error(client, 3, Errc::deadline_exceeded);
    expect_error(client, 4, Errc::out_of_order);
    client.request(5, wire::LogRequest{.level = wire::AckLevel::durable, .batch = first});
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    const auto reply = decode<wire::LogReply>(*frame);
    ASSERT_TRUE(reply);
    EXPECT_FALSE(reply->duplicate);
    EXPECT_EQ(reply->first_sequence, 1U);
}

}  // namespace
}  // namespace sluice::server::test
