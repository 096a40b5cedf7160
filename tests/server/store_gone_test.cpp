// A store whose files are taken away while the daemon runs: nothing fails, and nothing is kept.
#include <nlohmann/json.hpp>

#include "server/status.h"
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class StoreGoneTest : public ServerTest {
 protected:
    StoreGoneTest() {
        options.writer.segment_bytes = 64 * 1024;
        options.pipeline.store_path = sim::kStorePath;
    }
    void start_and_greet() {
        start();
        client = &greet();
    }
    // What a LOG is answered with; empty: its level was reached.
    std::string answer(wire::AckLevel level) {
        const Bytes batch = batch_of({{std::string(1000, 'x'), "", wire::Severity::info}});
        client->request(next_request++, wire::LogRequest{.level = level, .batch = batch});
        const auto frame = client->next();
        return frame ? error_text(*frame) : "no answer";
    }
    static std::vector<std::string> files(io::SimWorld& world) { return world.disk().names(sim::kStorePath); }
    void empty_the_directory() {
        for (const std::string& name : files(world)) {
            world.disk().remove(sim::kStorePath + "/" + name);
        }
    }
    std::string status() {
        const StatusFacts facts{.version = "1", .started = {}, .now = {}, .io = "simulated", .store_mode = "direct"};
        const auto json = nlohmann::json::parse(status_json(facts, daemon->server(), daemon->pipeline(), {}));
        return json["store"]["gone"].get<std::string>();
    }
    std::string segment_path() {
        return sim::kStorePath + "/" + store::segment_name(daemon->pipeline().hub().catalog().back().header.segment_id);
    }
    void expect_gone(const std::string& why) {
        const std::string text = fmt::format(
            "the store in '/store' was removed or replaced while sluiced was running: {}; nothing is stored until the "
            "store is put back and sluiced is restarted",
            why);
        EXPECT_EQ(status(), text);
        EXPECT_EQ(daemon->report().gone, (std::vector<std::string>{"io_error: " + text}));
        for (const auto level : {wire::AckLevel::durable, wire::AckLevel::written}) {
            EXPECT_EQ(answer(level), "io_error: " + text);
        }
    }
    // It cannot have ended well.
    void expect_to_end_with_it() {
        daemon->stop();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        EXPECT_FALSE(daemon->outcome());
        daemon.reset();
    }

    RawClient* client = nullptr;
    std::uint64_t next_request = 2;
};

TEST_F(StoreGoneTest, EmptiedDirectoryIsToldWithinASecondAndNothingIsAcknowledgedAnyMore) {
    start_and_greet();
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    const std::string segment = segment_path();
    empty_the_directory();
    pass(seconds(1));
    expect_gone(fmt::format("'{}' is not there any more", segment));
    pass(seconds(10));
    EXPECT_EQ(daemon->report().gone.size(), 1U) << "once";
    EXPECT_TRUE(files(world).empty()) << "nothing is made in what may be another store";
    expect_to_end_with_it();
    EXPECT_TRUE(files(world).empty());
}

TEST_F(StoreGoneTest, BusyDaemonNoticesItAsSoon) {
    start_and_greet();
    empty_the_directory();
    const MonotonicTime since = world.clock().now();
    while (answer(wire::AckLevel::durable).empty()) {
        ASSERT_LT(world.clock().now(), since + seconds(1));
        pass(milliseconds(1));
    }
    EXPECT_EQ(daemon->report().gone.size(), 1U);
    expect_to_end_with_it();
}

// While the directory is emptied a new segment is begun in it.
TEST_F(StoreGoneTest, SegmentThatIsBegunInAnEmptiedDirectoryIsNotTheStore) {
    start_and_greet();
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    const std::string emptied = segment_path();
    empty_the_directory();
    for (unsigned i = 0; segment_path() == emptied; ++i) {
        ASSERT_LT(i, 200U);
        (void)answer(wire::AckLevel::durable);  // Refused where a spare file was ready: it is gone, too.
    }
    EXPECT_TRUE(world.disk().exists(segment_path()));
    pass(seconds(1));
    expect_gone("'/store/identity' is not there any more");
    expect_to_end_with_it();
}

// A copy that was put in its place: what is written goes into the file that has no name.
TEST_F(StoreGoneTest, OtherFileUnderTheNameIsNotTheStore) {
    options.pipeline.seal.rows_max = 1000;
    start_and_greet();
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    const std::string segment = segment_path();
    const Bytes content = *world.disk().content(segment);
    world.disk().remove(segment);
    world.disk().put_file(segment, content);
    pass(seconds(1));
    expect_gone(fmt::format("'{}' is another file than the one that is open", segment));
    expect_to_end_with_it();
}

// What was only written was never promised to survive; it is not made durable in a file without a name.
TEST_F(StoreGoneTest, WhatWasWrittenDoesNotBecomeDurable) {
    options.pipeline.sync_interval = seconds(5);
    start_and_greet();
    EXPECT_EQ(answer(wire::AckLevel::written), "");
    empty_the_directory();
    pass(seconds(10));
    EXPECT_EQ(daemon->pipeline().hub().durable_sequence(), 1U);
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 2U);
    expect_to_end_with_it();
}

// What waits until there is room in the log does not wait for it any longer.
TEST_F(StoreGoneTest, FloodThatWaitsForTheSealerIsRefused) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.bytes_max = 100'000;
    options.writer.segment_bytes = 256 * 1024;
    options.writer.log_bytes_max = 16 * options.writer.segment_bytes;
    start_and_greet();
    io::FaultRule slow = io::fail_from(io::OpCode::open, "*/part-*", 1, 0);
    slow.fault.delay = std::chrono::hours(1);
    world.faults().add(slow);
    RawClient& flood = greet(2000);
    const Bytes batch = batch_of({{std::string(30'000, 'x'), "", wire::Severity::info}});
    for (std::uint64_t id = 2; id < 302; ++id) {
        flood.request(id, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    }
    pass(milliseconds(500));
    ASSERT_GT(daemon->pipeline().ingest().queued_bytes(), 0U);
    empty_the_directory();
    answer(wire::AckLevel::written);
    pass(seconds(2));
    EXPECT_EQ(daemon->report().gone.size(), 1U);
    EXPECT_EQ(daemon->pipeline().ingest().queued_bytes(), 0U);
    world.faults().clear_rules();
    expect_to_end_with_it();
}

// What was there when the last group was written is looked for once more, and then when there is another.
TEST_F(StoreGoneTest, IdleDaemonDoesNotLook) {
    start_and_greet();
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    pass(seconds(2));
    const std::uint64_t before = world.operations();
    pass(seconds(60));
    EXPECT_EQ(world.operations(), before);
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    EXPECT_GT(world.operations(), before);
}

// After an error of the disk there is no segment that is written to, until the next group.
TEST_F(StoreGoneTest, StoreThatCannotBeWrittenToIsNotGone) {
    start_and_greet();
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    world.faults().add(io::fail_from(io::OpCode::write, "/store/*", 1, EIO));
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(answer(wire::AckLevel::durable), "");
        pass(seconds(1));
    }
    world.faults().clear_rules();
    EXPECT_EQ(answer(wire::AckLevel::durable), "");
    EXPECT_TRUE(daemon->report().gone.empty());
}

TEST_F(StoreGoneTest, StoreThatIsWhereItWasIsSaidToBeNothing) {
    options.pipeline.seal.rows_max = 20;
    options.pipeline.seal.delay_max = seconds(1);
    start_and_greet();
    for (int n = 0; n < 300; ++n) {  // Through segments that are sealed and used again.
        EXPECT_EQ(answer(n % 3 == 0 ? wire::AckLevel::durable : wire::AckLevel::written), "");
        pass(milliseconds(50));
    }
    EXPECT_GE(daemon->pipeline().hub().catalog().back().header.segment_id, 4U);
    EXPECT_EQ(status(), "");
    EXPECT_TRUE(daemon->report().gone.empty());
}

}  // namespace
}  // namespace sluice::server::test
