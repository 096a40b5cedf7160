// What the pipeline tells about a group that the disk refuses.
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using wire::AckLevel;

// One record, "x", is written and not durable.  The write of the group behind it fails; the retry moves "x" to a new
// segment, where that becomes durable, and fails there.  Nothing un-synced is left then, so nothing but the failed
// commit can tell how far the log is durable.
class LogPipelineTest : public ServerTest {
 protected:
    void write_x() {
        options.pipeline.sync_interval = std::chrono::hours(1);
        start();
        writer = &greet();
        request(2, AckLevel::written, "x", 1);
        const auto frame = writer->next();
        ASSERT_TRUE(frame);
        ASSERT_TRUE(decode<wire::LogReply>(*frame));
        ASSERT_EQ(daemon->pipeline().hub().durable_sequence(), 1U);
    }
    void refuse_next_group() {
        // Of the writes to segments: the group; the head of the new segment, "x", the group again.
        first_ = world.faults().add(io::fail_nth(io::OpCode::write, "*.wal", 1, EIO));
        again_ = world.faults().add(io::fail_nth(io::OpCode::write, "*.wal", 4, EIO));
    }
    void expect_refused_twice() {
        EXPECT_EQ(world.faults().hits(first_), 1U);
        EXPECT_EQ(world.faults().hits(again_), 1U);
        EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 2U);
    }
    void request(std::uint64_t id, AckLevel level, const std::string& text, std::uint64_t number) {
        const Bytes batch = batch_of({{text, "", wire::Severity::info}}, 1, number);
        writer->request(id, wire::LogRequest{.level = level, .batch = batch});
    }

    RawClient* writer = nullptr;

 private:
    std::size_t first_ = 0;
    std::size_t again_ = 0;
};

TEST_F(LogPipelineTest, DurableTailHearsOfWhatAFailedGroupMadeDurable) {
    write_x();
    RawClient& reader = greet();
    wire::TailRequest tail;
    tail.start = wire::TailStart::oldest;
    tail.follow = true;
    tail.durable_only = true;
    tail.credit = 1U << 20U;
    reader.request(2, tail);
    refuse_next_group();
    request(3, AckLevel::written, "y", 2);
    expect_error(*writer, 3, Errc::io_error);
    expect_refused_twice();
    const auto frame = reader.next();
    ASSERT_TRUE(frame) << "the tail does not hear of it";
    const auto chunk = decode<wire::TailChunk>(*frame);
    ASSERT_TRUE(chunk);
    EXPECT_EQ((*chunk->entries.begin()).record.message(), "x");
}

TEST_F(LogPipelineTest, DuplicateThatAFailedGroupMadeDurableIsNotRefusedWithIt) {
    write_x();
    refuse_next_group();
    request(3, AckLevel::written, "y", 2);
    request(4, AckLevel::durable, "x", 1);
    const auto frame = writer->next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->header.id, 4U);
    const auto reply = decode<wire::LogReply>(*frame);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->level, AckLevel::durable);
    EXPECT_TRUE(reply->duplicate);
    expect_error(*writer, 3, Errc::io_error);
    expect_refused_twice();
}

// A write that takes a while, so that what arrives meanwhile is in groups behind it.
class LogPipelineOrderTest : public ServerTest {
 protected:
    LogPipelineOrderTest() { options.pipeline.sync_interval = std::chrono::hours(1); }
    void slow(std::uint64_t nth, int error) {
        io::FaultRule rule = io::fail_nth(io::OpCode::write, "*.wal", nth, error);
        rule.fault.delay = std::chrono::milliseconds(50);
        world.faults().add(rule);
    }
    static void request(RawClient& client, std::uint64_t id, AckLevel level, const std::string& text,
                        std::uint64_t number) {
        const Bytes batch = batch_of({{text, "", wire::Severity::info}}, 1, number);
        client.request(id, wire::LogRequest{.level = level, .batch = batch});
    }
    std::uint64_t stored_at(RawClient& client, std::uint64_t id) {
        const auto frame = client.next();
        EXPECT_TRUE(frame && frame->header.id == id);
        const auto reply = frame ? decode<wire::LogReply>(*frame) : std::nullopt;
        return reply ? reply->first_sequence : 0;
    }
};

// A later batch of a producer is not stored where its earlier one was refused.
TEST_F(LogPipelineOrderTest, GroupBehindARefusedOneIsRefusedWithIt) {
    start();
    RawClient& client = greet();
    // Of the writes to segments: the group; the head of the new segment, the group again.
    slow(1, EIO);
    slow(3, EIO);
    request(client, 2, AckLevel::written, "first", 1);
    pass(std::chrono::milliseconds(5));
    request(client, 3, AckLevel::written, "second", 2);
    pass(std::chrono::milliseconds(5));
    expect_error(client, 2, Errc::io_error);
    expect_error(client, 3, Errc::io_error);
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 1U);
    request(client, 4, AckLevel::written, "first", 1);
    request(client, 5, AckLevel::written, "second", 2);
    EXPECT_EQ(stored_at(client, 4), 1U);
    EXPECT_EQ(stored_at(client, 5), 2U);
}

TEST_F(LogPipelineOrderTest, GroupIsDurableIfAnyOfItsBatchesIsToBe) {
    start();
    RawClient& client = greet();
    slow(1, 0);
    request(client, 2, AckLevel::written, "first", 1);
    pass(std::chrono::milliseconds(5));
    request(client, 3, AckLevel::durable, "durable", 2);
    request(client, 4, AckLevel::written, "written", 3);
    EXPECT_EQ(stored_at(client, 2), 1U);
    EXPECT_EQ(daemon->pipeline().hub().durable_sequence(), 1U);
    EXPECT_EQ(stored_at(client, 3), 2U);
    EXPECT_EQ(daemon->pipeline().hub().durable_sequence(), 4U) << "of one group";
    EXPECT_EQ(stored_at(client, 4), 3U);
}

}  // namespace
}  // namespace sluice::server::test
