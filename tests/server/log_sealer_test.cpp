// What the sealer does with records that the log has lost.
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;

// Nothing stays in memory, so that what is sealed is read from the segments.
class LogSealerTest : public ServerTest {
 protected:
    LogSealerTest() {
        options.pipeline.seal.rows_max = 20;
        options.pipeline.seal.open_bytes_max = 1;
        options.pipeline.memory_bytes_max = 1;
        options.pipeline.sync_interval = std::chrono::hours(1);
    }
    void write(int first, int last, wire::AckLevel level) {
        for (int n = first; n <= last; ++n) {
            log(*client, static_cast<std::uint64_t>(n) + 1, {{fmt::format("record {}.", n), "", wire::Severity::info}},
                level);
        }
    }
    // Where its block begins.
    std::uint64_t spoil(int n) {
        const std::string name = store::segment_name(daemon->pipeline().hub().catalog().back().header.segment_id);
        const std::string path = sim::kStorePath + "/" + name;
        const Bytes content = *world.disk().content(path);
        const std::size_t at = as_text(content).find(fmt::format("record {}.", n));
        EXPECT_NE(at, std::string_view::npos);
        world.disk().flip(path, at, std::byte{1});
        return at / 512 * 512;
    }
    void start_and_greet() {
        start();
        client = &greet();
    }
    const LogHub& hub() { return daemon->pipeline().hub(); }

    RawClient* client = nullptr;
};

TEST_F(LogSealerTest, RecordsThatTheLogHasLostAreReportedAndCounted) {
    start_and_greet();
    write(1, 15, wire::AckLevel::written);
    const std::uint64_t spoiled = spoil(7);
    spoil(8);
    write(16, 20, wire::AckLevel::durable);
    pass(milliseconds(200));
    EXPECT_EQ(hub().sealed_end(), 21U);
    EXPECT_EQ(hub().parts()->state.missing_rows, 2U);
    ASSERT_EQ(hub().parts()->size(), 1U);
    EXPECT_EQ(hub().parts()->classes[0].parts[0]->part->summary().rows, 18U);
    ASSERT_EQ(daemon->report().damage.size(), 1U);
    const store::Damage& damage = daemon->report().damage[0];
    EXPECT_EQ(damage.first_sequence, 7U);
    EXPECT_EQ(damage.end_sequence, 9U);
    EXPECT_EQ(damage.file, "log-0000000000000001.wal");
    EXPECT_EQ(damage.offset, spoiled);
    EXPECT_EQ(damage.reason(), fmt::format("{} at {}: 1024 bytes are no valid frame", damage.file, spoiled));
}

// Of the durable records; the one behind them is in memory.
TEST_F(LogSealerTest, LostEndOfWhatIsSealedIsReportedAndCountedToo) {
    options.pipeline.seal.rows_max = 1000;
    options.pipeline.seal.delay_max = std::chrono::seconds(10);
    start_and_greet();
    write(1, 1, wire::AckLevel::durable);
    write(2, 19, wire::AckLevel::written);
    write(20, 20, wire::AckLevel::durable);
    write(21, 21, wire::AckLevel::written);
    const std::uint64_t spoiled = spoil(19);
    spoil(20);
    spoil(21);
    pass(std::chrono::seconds(11));
    EXPECT_EQ(hub().sealed_end(), 21U);
    EXPECT_EQ(hub().parts()->state.missing_rows, 2U);
    ASSERT_EQ(daemon->report().damage.size(), 1U);
    EXPECT_EQ(daemon->report().damage[0].first_sequence, 19U);
    EXPECT_EQ(daemon->report().damage[0].end_sequence, 21U);
    EXPECT_EQ(daemon->report().damage[0].offset, spoiled);
    // A reader goes on behind it.
    write(22, 25, wire::AckLevel::written);
    RawClient& reader = greet();
    wire::TailRequest tail;
    tail.start = wire::TailStart::oldest;
    tail.credit = 1U << 20U;
    reader.request(2, tail);
    std::vector<std::uint64_t> shown;
    read_entries(reader, [&](const wire::TailEntry& entry) { shown.push_back(entry.sequence); });
    ASSERT_EQ(shown.size(), 23U);
    EXPECT_EQ(shown[17], 18U);
    EXPECT_EQ(shown[18], 21U);
    EXPECT_EQ(shown.back(), 25U);
}

TEST_F(LogSealerTest, RecordsThatBecomeDurableInSilenceAreSealedInTime) {
    options.pipeline.seal.rows_max = 1000;
    options.pipeline.seal.delay_max = std::chrono::seconds(10);
    options.pipeline.sync_interval = std::chrono::seconds(2);
    start_and_greet();
    write(1, 5, wire::AckLevel::written);
    pass(std::chrono::seconds(9));
    EXPECT_EQ(hub().sealed_end(), 1U);
    pass(std::chrono::seconds(2));
    EXPECT_EQ(hub().sealed_end(), 6U);
}

// A record that cannot be read just now is not lost: the seal fails, and takes it when it is tried again.
TEST_F(LogSealerTest, ErrorOfTheDiskIsNoLossOfRecords) {
    start_and_greet();
    write(1, 15, wire::AckLevel::written);
    const std::size_t rule = world.faults().add(io::fail_nth(io::OpCode::read, "*.wal", 1, EIO));
    write(16, 20, wire::AckLevel::durable);
    pass(milliseconds(50));
    EXPECT_EQ(world.faults().hits(rule), 1U);
    EXPECT_EQ(daemon->report().seals_failed, 1U);
    EXPECT_EQ(hub().sealed_end(), 1U);
    pass(milliseconds(200));
    EXPECT_EQ(daemon->report().seals_failed, 1U);
    EXPECT_EQ(hub().sealed_end(), 21U);
    EXPECT_EQ(hub().parts()->state.missing_rows, 0U);
    EXPECT_EQ(hub().parts()->classes[0].parts[0]->part->summary().rows, 20U);
    EXPECT_TRUE(daemon->report().damage.empty());
}

}  // namespace
}  // namespace sluice::server::test
