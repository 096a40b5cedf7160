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
    void spoil(int n) {
        const std::string name = store::segment_name(daemon->pipeline().hub().catalog().back().header.segment_id);
        const std::string path = sim::kStorePath + "/" + name;
        const Bytes content = *world.disk().content(path);
        const std::size_t at = as_text(content).find(fmt::format("record {}.", n));
        ASSERT_NE(at, std::string_view::npos);
        world.disk().flip(path, at, std::byte{1});
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
    spoil(7);
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
    EXPECT_EQ(damage.what, "records were missing when the log was sealed");
}

TEST_F(LogSealerTest, LostEndOfWhatIsSealedIsReportedAndCountedToo) {
    start_and_greet();
    write(1, 20, wire::AckLevel::written);
    spoil(19);
    spoil(20);
    write(21, 21, wire::AckLevel::durable);
    spoil(21);
    pass(milliseconds(200));
    EXPECT_EQ(hub().sealed_end(), 22U);
    EXPECT_EQ(hub().parts()->state.missing_rows, 3U);
    ASSERT_EQ(daemon->report().damage.size(), 1U);
    EXPECT_EQ(daemon->report().damage[0].first_sequence, 19U);
    EXPECT_EQ(daemon->report().damage[0].end_sequence, 22U);
    // A reader goes on behind it.
    write(22, 25, wire::AckLevel::written);
    RawClient& reader = greet();
    wire::TailRequest tail;
    tail.start = wire::TailStart::oldest;
    tail.credit = 1U << 20U;
    reader.request(2, tail);
    std::vector<std::uint64_t> shown;
    for (auto frame = reader.next(); frame && frame->header.more(); frame = reader.next()) {
        const auto chunk = decode<wire::TailChunk>(*frame);
        for (const wire::TailEntry& entry : chunk->entries) {
            shown.push_back(entry.sequence);
        }
    }
    ASSERT_EQ(shown.size(), 22U);
    EXPECT_EQ(shown[17], 18U);
    EXPECT_EQ(shown[18], 22U);
    EXPECT_EQ(shown.back(), 25U);
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
