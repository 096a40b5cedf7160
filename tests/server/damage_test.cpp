// Damage of the log that is not sealed: whoever skips it says so, and says nothing where nothing is lost.
#include <set>

#include "server_fixture.h"
#include "store/segment_format.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Numbers = std::set<std::uint64_t>;

// A frame in a segment's file.
struct Place {
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    store::FrameHeader header;
};

class DamageTest : public ServerTest {
 protected:
    struct Seen {
        Numbers records;
        Numbers told;  // To be lost.
        std::vector<std::string> messages;
        wire::Cursor end;
    };
    DamageTest() {
        options.writer.segment_bytes = 64 * 1024;
        options.pipeline.memory_bytes_max = 1;
        options.pipeline.sync_interval = hours(1);
    }
    void start_and_greet() {
        start();
        client = &greet();
        next_request = 2;
    }
    void restart() {
        daemon->stop();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        start_and_greet();
    }
    void write(int groups, wire::AckLevel level = wire::AckLevel::written) {
        for (int n = 0; n < groups; ++n) {
            const std::string text(700, 'x');
            (void)log(*client, next_request++, {{text, "a"}, {text, "b"}}, level);
        }
    }
    static std::string path_of(const store::SegmentInfo& segment) {
        return sim::kStorePath + "/" + store::segment_name(segment.header.segment_id);
    }
    std::vector<Place> frames_of(const store::SegmentInfo& segment) {
        const Bytes content = *world.disk().content(path_of(segment));
        std::vector<Place> frames;
        for (std::uint64_t at = store::kHeaderBlock; at < content.size();) {
            const auto frame = store::parse_frame(ByteView(content).subspan(at), segment.header, content.size() - at);
            if (!frame) {
                break;
            }
            frames.push_back({at, frame->bytes(), frame->header});
            at += round_up(frame->bytes(), segment.header.block_bytes);
        }
        return frames;
    }
    Seen tail(wire::TailRequest request = {.start = wire::TailStart::oldest}) {
        request.credit = 64U << 20U;
        client->request(next_request++, request);
        Seen seen;
        for (auto frame = client->next(); frame; frame = client->next()) {
            if (!frame->header.more()) {
                const auto end = decode<wire::TailEnd>(*frame);
                seen.end = end ? end->resume_after : wire::Cursor();
                return seen;
            }
            const auto chunk = decode<wire::TailChunk>(*frame);
            for (const wire::TailEntry& entry : chunk->entries) {
                take(entry, seen);
            }
        }
        ADD_FAILURE() << "the tail does not end";
        return seen;
    }
    static void take(const wire::TailEntry& entry, Seen& seen) {
        if ((entry.flags & wire::kBatchGap) == 0) {
            seen.records.insert(entry.sequence);
            return;
        }
        EXPECT_TRUE((entry.flags & wire::kBatchByDaemon) != 0);
        const auto first = entry.record.fields().find("first_sequence");
        const auto last = entry.record.fields().find("last_sequence");
        ASSERT_TRUE(first && last);
        EXPECT_EQ(entry.sequence, static_cast<std::uint64_t>(last->as_int64()));
        for (std::int64_t n = first->as_int64(); n <= last->as_int64(); ++n) {
            EXPECT_TRUE(seen.told.insert(static_cast<std::uint64_t>(n)).second) << n << " is told twice";
        }
        seen.messages.emplace_back(entry.record.message());
    }
    wire::QueryCounts query(std::uint64_t newest = wire::kAllRecords) {
        client->request(next_request++, wire::QueryRequest{.credit = 1U << 30U, .newest = newest, .text = "*"});
        for (auto frame = client->next(); frame; frame = client->next()) {
            if (!frame->header.more()) {
                const auto end = decode<wire::QueryEnd>(*frame);
                return end ? end->counts : wire::QueryCounts();
            }
        }
        ADD_FAILURE() << "the query does not end";
        return {};
    }
    // The bit is flipped, everything is read, and the bit is flipped back: what is lost is told, and nothing else.
    void expect_told(const store::SegmentInfo& segment, const Place& frame, std::uint64_t at, bool lost) {
        SCOPED_TRACE(fmt::format("frame at {}, byte {}", frame.offset, at));
        const std::uint64_t first = frame.header.first_sequence;
        Numbers gone;
        for (std::uint64_t n = first; lost && n < first + frame.header.count; ++n) {
            gone.insert(n);
        }
        const std::byte bit{static_cast<unsigned char>(1U << at % 8)};
        world.disk().flip(path_of(segment), at, bit);
        const Seen seen = tail();
        Numbers missing;
        for (std::uint64_t n = 1; n < hub().end_sequence(); ++n) {
            if (!seen.records.contains(n)) {
                missing.insert(n);
            }
        }
        EXPECT_EQ(missing, gone);
        EXPECT_EQ(seen.told, gone);
        for (const std::uint64_t newest : {wire::kAllRecords, hub().end_sequence() - 3}) {
            const wire::QueryCounts counts = query(newest);
            EXPECT_EQ(counts.parts_damaged, gone.empty() ? 0U : 1U) << newest;
            EXPECT_EQ(counts.rows, std::min(newest, hub().end_sequence() - 1 - gone.size()));
        }
        const auto told = std::ranges::count_if(daemon->report().damage, [&](const store::Damage& one) {
            return sim::kStorePath + "/" + one.file == path_of(segment) && one.offset == frame.offset &&
                   one.first_sequence == first && one.end_sequence == first + frame.header.count;
        });
        if (!gone.empty()) {
            places.insert(frame.offset);
        }
        EXPECT_EQ(told, places.contains(frame.offset) ? 1 : 0) << "once a place, whoever meets it";
        EXPECT_EQ(daemon->report().damage.size(), places.size());
        world.disk().flip(path_of(segment), at, bit);
    }
    const LogHub& hub() { return daemon->pipeline().hub(); }

    RawClient* client = nullptr;
    std::uint64_t next_request = 2;
    std::set<std::uint64_t> places;  // Told so far.
};

TEST_F(DamageTest, EveryFlippedBitOfAClosedSegmentIsToldWhereItLosesRecordsAndNowhereElse) {
    start_and_greet();
    write(60);
    ASSERT_GE(hub().catalog().size(), 2U);
    const store::SegmentInfo segment = hub().catalog()[0];
    const std::vector<Place> frames = frames_of(segment);
    ASSERT_GE(frames.size(), 20U);
    ASSERT_EQ(frames[0].header.kind, store::FrameKind::producers);
    for (std::uint64_t at = 0; at < frames[0].bytes; at += 3) {  // It holds no record.
        expect_told(segment, frames[0], frames[0].offset + at, false);
    }
    for (const std::size_t n : {std::size_t{1}, frames.size() / 2, frames.size() - 1}) {
        const Place& frame = frames[n];
        for (std::uint64_t at = 0; at < sizeof(store::FrameHeader); ++at) {
            expect_told(segment, frame, frame.offset + at, true);
        }
        for (std::uint64_t at = sizeof(store::FrameHeader); at < frame.bytes; at += 211) {
            expect_told(segment, frame, frame.offset + at, true);
        }
        if (frame.bytes % segment.header.block_bytes != 0) {
            expect_told(segment, frame, frame.offset + frame.bytes, false);  // Behind its end.
        }
    }
}

TEST_F(DamageTest, TailSaysWhatIsLostAndWhereWhateverItsFilter) {
    start_and_greet();
    write(60);
    const store::SegmentInfo segment = hub().catalog()[0];
    const Place frame = frames_of(segment)[5];
    world.disk().flip(path_of(segment), frame.offset + 100, std::byte{1});
    wire::TailRequest request{.start = wire::TailStart::oldest};
    request.filter.streams = {"b"};
    request.filter.severity_max = wire::Severity::info;
    const Seen seen = tail(request);
    EXPECT_EQ(seen.records.size(), 59U);
    EXPECT_EQ(seen.messages,
              (std::vector<std::string>{
                  fmt::format("records 9 to 10 are lost: log-0000000000000001.wal at {}: {} bytes are no valid frame",
                              frame.offset, round_up(frame.bytes, segment.header.block_bytes))}));
    EXPECT_EQ(seen.end.sequence, 120U);
    request.start = wire::TailStart::after_cursor;
    request.after = seen.end;
    request.after.sequence = 9;  // In the gap.
    EXPECT_EQ(tail(request).told, (Numbers{10}));
    request.after.sequence = 10;
    EXPECT_TRUE(tail(request).told.empty()) << "it does not want what lies behind it";
    EXPECT_EQ(daemon->report().damage.size(), 1U);
}

TEST_F(DamageTest, TailThatFollowsSaysItAtItsPlace) {
    start_and_greet();
    write(60);
    const store::SegmentInfo segment = hub().catalog()[0];
    const std::vector<Place> frames = frames_of(segment);
    for (const std::size_t n : {std::size_t{3}, std::size_t{4}, std::size_t{8}}) {  // Two of them are one place.
        world.disk().flip(path_of(segment), frames[n].offset, std::byte{1});
    }
    client->request(99, wire::TailRequest{.start = wire::TailStart::oldest, .follow = true, .credit = 64U << 20U});
    Seen seen;
    std::uint64_t last = 0;
    while (last < 120) {
        const auto frame = client->next();
        ASSERT_TRUE(frame);
        const auto chunk = decode<wire::TailChunk>(*frame);
        for (const wire::TailEntry& entry : chunk->entries) {
            EXPECT_GT(entry.sequence, last);
            last = entry.sequence;
            take(entry, seen);
        }
    }
    EXPECT_EQ(seen.told, (Numbers{5, 6, 7, 8, 15, 16}));
    EXPECT_EQ(seen.records.size(), 114U);
    EXPECT_EQ(seen.messages.size(), 2U);
    EXPECT_EQ(daemon->report().damage.size(), 2U);
    EXPECT_EQ(query().parts_damaged, 2U);
}

TEST_F(DamageTest, LostEndOfASegmentIsToldWithItsPlace) {
    start_and_greet();
    write(60);
    const store::SegmentInfo segment = hub().catalog()[0];
    const std::vector<Place> frames = frames_of(segment);
    for (std::size_t n = frames.size() - 2; n < frames.size(); ++n) {
        world.disk().flip(path_of(segment), frames[n].offset + 8, std::byte{1});
    }
    const std::uint64_t first = frames[frames.size() - 2].header.first_sequence;
    const Seen seen = tail();
    EXPECT_EQ(seen.told, (Numbers{first, first + 1, first + 2, first + 3}));
    ASSERT_EQ(seen.messages.size(), 1U);
    EXPECT_EQ(seen.messages[0],
              fmt::format("records {} to {} are lost: log-0000000000000001.wal at {}: no valid frame from there to the "
                          "end of the segment",
                          first, first + 3, frames[frames.size() - 2].offset));
    ASSERT_EQ(daemon->report().damage.size(), 1U);
    EXPECT_EQ(query().parts_damaged, 1U);
}

// A frame of the newest segment, which more frames follow.
TEST_F(DamageTest, DamageOfTheSegmentThatIsWrittenIsTold) {
    start_and_greet();
    write(10);
    const store::SegmentInfo segment = hub().catalog()[0];
    const std::vector<Place> frames = frames_of(segment);
    world.disk().flip(path_of(segment), frames[9].offset, std::byte{1});
    EXPECT_EQ(tail().told, (Numbers{17, 18}));
    world.disk().flip(path_of(segment), frames[8].offset, std::byte{1});
    EXPECT_EQ(tail().told, (Numbers{15, 16, 17, 18}));
    write(2);
    EXPECT_EQ(tail().told, (Numbers{15, 16, 17, 18}));
    ASSERT_EQ(daemon->report().damage.size(), 2U) << "the second is another place";
}

// What comes back into memory at a start has a gap there; the place is told once, by whoever met it first.
TEST_F(DamageTest, AfterARestartItIsToldAtOnceAndCounted) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.delay_max = hours(10);
    options.pipeline.seal.open_bytes_max = 1U << 20U;
    options.pipeline.memory_bytes_max = 1U << 20U;
    start_and_greet();
    write(60, wire::AckLevel::durable);
    const store::SegmentInfo closed = hub().catalog()[0];
    const store::SegmentInfo last = hub().catalog().back();
    ASSERT_NE(closed.header.segment_id, last.header.segment_id);
    const Place old = frames_of(closed)[5];
    const Place recent = frames_of(last)[2];
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    world.disk().flip(path_of(closed), old.offset, std::byte{1});
    world.disk().flip(path_of(last), recent.offset, std::byte{1});
    start_and_greet();
    ASSERT_EQ(daemon->report().damage.size(), 2U);
    Numbers places_of_it;
    for (const store::Damage& damage : daemon->report().damage) {
        places_of_it.insert(damage.offset);
    }
    EXPECT_EQ(places_of_it, (Numbers{old.offset, recent.offset}));
    EXPECT_EQ(tail().told, (Numbers{9, 10, recent.header.first_sequence, recent.header.first_sequence + 1}));
    EXPECT_EQ(query().parts_damaged, 2U);
    EXPECT_EQ(query(5).parts_damaged, 2U);
    EXPECT_EQ(daemon->report().damage.size(), 2U);
}

// The open rows come back into memory with a gap; what is before it is found in the file.
TEST_F(DamageTest, LastOnesAreFoundOverAGapInMemory) {
    options.pipeline.seal.rows_max = 1'000'000;
    options.pipeline.seal.delay_max = hours(10);
    options.pipeline.seal.open_bytes_max = 1U << 20U;
    start_and_greet();
    write(10);
    for (const Place& frame : frames_of(hub().catalog().back())) {
        if (frame.header.first_sequence == 9 && frame.header.count != 0) {
            world.disk().flip(path_of(hub().catalog().back()), frame.offset + 100, std::byte{1});
        }
    }
    restart();
    ASSERT_EQ(hub().recent().size(), 9U);
    ASSERT_EQ(hub().end_sequence(), 21U);
    for (const std::uint64_t n : {2U, 10U, 11U, 13U, 18U, 30U}) {
        const Seen seen = tail({.start = wire::TailStart::last_n, .n = n});
        Numbers last;
        for (std::uint64_t record = 20; record > 0 && last.size() < n; --record) {
            if (record != 9 && record != 10) {
                last.insert(record);
            }
        }
        EXPECT_EQ(seen.records, last) << n;
        EXPECT_EQ(seen.told, n > 10 ? (Numbers{9, 10}) : Numbers()) << n;
    }
}

// A group that is in memory is not lost, whatever its file says.
TEST_F(DamageTest, RecordsInMemoryAreReadFromThere) {
    options.pipeline.memory_bytes_max = 20'000;
    start_and_greet();
    write(60);
    const std::uint64_t kept = hub().recent().front().first_sequence;
    for (const store::SegmentInfo& segment : hub().catalog()) {
        for (const Place& frame : frames_of(segment)) {
            if (frame.header.count != 0 && frame.header.first_sequence + 2 >= kept) {
                world.disk().flip(path_of(segment), frame.offset, std::byte{1});
            }
        }
    }
    const Seen seen = tail();
    EXPECT_EQ(seen.told, (Numbers{kept - 2, kept - 1}));
    EXPECT_EQ(seen.records.size(), 118U);
    EXPECT_EQ(query().parts_damaged, 1U);
    ASSERT_EQ(daemon->report().damage.size(), 1U);
    EXPECT_EQ(daemon->report().damage[0].first_sequence, kept - 2);
    EXPECT_EQ(daemon->report().damage[0].end_sequence, kept);
}

}  // namespace
}  // namespace sluice::server::test
