// Tails: where they start, what they show, credits, and the seam between memory and files.
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::TailStart;

struct Shown {
    std::uint64_t sequence;
    std::string message;
    friend bool operator==(const Shown&, const Shown&) = default;
};

class TailTest : public ServerTest {
 protected:
    static wire::TailRequest from(TailStart start, bool follow = false) {
        wire::TailRequest request;
        request.start = start;
        request.follow = follow;
        request.credit = 64U << 20U;
        return request;
    }
    // `count` records "1", "2", ... of some bytes, in streams "a" and "b" by turns.
    void fill(int count, std::size_t bytes = 10) {
        RawClient& client = greet();
        for (int i = 1; i <= count; ++i) {
            const std::string text = fmt::format("{}", i);
            log(client, static_cast<std::uint64_t>(i) + 1,
                {{text + std::string(bytes, ' '), i % 2 == 1 ? "a" : "b",
                  i % 10 == 0 ? wire::Severity::err : wire::Severity::info}});
        }
    }
    static void collect(const Frame& frame, std::vector<Shown>& shown) {
        const auto chunk = decode<wire::TailChunk>(frame);
        ASSERT_TRUE(chunk);
        for (const wire::TailEntry& entry : chunk->entries) {
            const std::string_view message = entry.record.message();
            shown.push_back({entry.sequence, std::string(message.substr(0, message.find(' ')))});
        }
    }
    // A tail that does not follow, to its end.
    std::vector<Shown> tail(const wire::TailRequest& request, wire::Cursor* end = nullptr) {
        RawClient& client = greet();
        client.request(2, request);
        std::vector<Shown> shown;
        for (;;) {
            const auto frame = client.next();
            if (!frame) {
                ADD_FAILURE() << "the tail does not end";
                return shown;
            }
            if (frame->header.more()) {
                collect(*frame, shown);
                continue;
            }
            const auto last = decode<wire::TailEnd>(*frame);
            if (last && end != nullptr) {
                *end = last->resume_after;
            }
            return shown;
        }
    }
    Errc refusal(const wire::TailRequest& request) {
        RawClient& client = greet();
        client.request(2, request);
        const auto frame = client.next();
        EXPECT_TRUE(frame);
        const auto error = frame ? decode<wire::ErrorReply>(*frame) : std::nullopt;
        return error ? error->code : Errc{};
    }
    wire::Cursor cursor_at(std::uint64_t sequence, std::uint32_t epoch = 1) {
        return {.store = daemon->pipeline().hub().store_id(), .epoch = epoch, .sequence = sequence};
    }
};

TEST_F(TailTest, OldestShowsEverythingInOrder) {
    start();
    fill(30);
    const auto shown = tail(from(TailStart::oldest));
    ASSERT_EQ(shown.size(), 30U);
    for (std::uint64_t i = 0; i < 30; ++i) {
        EXPECT_EQ(shown[i], (Shown{i + 1, fmt::format("{}", i + 1)}));
    }
}

TEST_F(TailTest, NowShowsNothingAndNamesThePosition) {
    start();
    fill(5);
    wire::Cursor end;
    EXPECT_TRUE(tail(from(TailStart::now), &end).empty());
    EXPECT_EQ(end, cursor_at(5));
}

TEST_F(TailTest, LastNCountsWhatMatches) {
    start();
    fill(40);
    wire::TailRequest request = from(TailStart::last_n);
    request.n = 3;
    EXPECT_EQ(tail(request), (std::vector<Shown>{{38, "38"}, {39, "39"}, {40, "40"}}));
    request.filter.streams = {"a"};
    EXPECT_EQ(tail(request), (std::vector<Shown>{{35, "35"}, {37, "37"}, {39, "39"}}));
    request.filter.streams = {};
    request.filter.severity_max = wire::Severity::err;
    EXPECT_EQ(tail(request), (std::vector<Shown>{{20, "20"}, {30, "30"}, {40, "40"}}));
    request.n = 100;
    EXPECT_EQ(tail(request).size(), 4U);
    request.n = 0;
    EXPECT_TRUE(tail(request).empty());
}

// Behind what is in memory, and over several segments.
TEST_F(TailTest, LastNReachesIntoTheFiles) {
    options.pipeline.memory_bytes_max = 16 * 1024;
    start();
    fill(300, 4000);
    ASSERT_GT(daemon->pipeline().hub().catalog().size(), 3U);
    wire::TailRequest request = from(TailStart::last_n);
    request.n = 25;
    request.filter.severity_max = wire::Severity::err;
    const auto shown = tail(request);
    ASSERT_EQ(shown.size(), 25U);
    EXPECT_EQ(shown.front(), (Shown{60, "60"}));
    EXPECT_EQ(shown.back(), (Shown{300, "300"}));
    request.filter = {};
    request.n = 7;
    EXPECT_EQ(tail(request).front(), (Shown{294, "294"}));
}

TEST_F(TailTest, SinceShowsWhatWasReceivedFromThenOn) {
    start();
    RawClient& client = greet();
    log(client, 2, {{"early", "", wire::Severity::info}});
    pass(seconds(10));
    const WallNs then = world.clock().wall_now();
    log(client, 3, {{"late", "", wire::Severity::info}, {"later", "", wire::Severity::info}});
    wire::TailRequest request = from(TailStart::since);
    request.since_ns = then;
    EXPECT_EQ(tail(request), (std::vector<Shown>{{2, "late"}, {3, "later"}}));
    request.since_ns = world.clock().wall_now() + 1'000'000'000;
    EXPECT_TRUE(tail(request).empty());
    request.since_ns = 0;
    EXPECT_EQ(tail(request).size(), 3U);
}

// To the nanosecond.
TEST_F(TailTest, SinceIsATimeAndNotTheOneBehindIt) {
    start();
    fill(5);
    std::vector<WallNs> times;
    RawClient& client = greet();
    client.request(2, from(TailStart::oldest));
    read_entries(client, [&](const wire::TailEntry& entry) { times.push_back(entry.receive_time_ns); });
    ASSERT_EQ(times.size(), 5U);
    wire::TailRequest request = from(TailStart::since);
    for (std::size_t i = 0; i < times.size(); ++i) {
        ASSERT_TRUE(i == 0 || times[i] > times[i - 1]);
        request.since_ns = times[i];
        EXPECT_EQ(tail(request).size(), 5 - i);
        request.since_ns = times[i] + 1;
        EXPECT_EQ(tail(request).size(), 4 - i);
        request.start = TailStart::oldest;
        EXPECT_EQ(tail(request).size(), 5U) << "only with since";
        request.start = TailStart::since;
    }
}

TEST_F(TailTest, LastNInMemoryReadsNoFile) {
    start();
    fill(300, 4000);  // More than one job of the pool looks at.
    ASSERT_EQ(daemon->pipeline().hub().recent().front().first_sequence, 1U);
    io::FaultRule rule = io::fail_from(io::OpCode::open, "/store/*", 1, 0);
    rule.fault.delay = std::chrono::nanoseconds(1);
    const std::size_t opens = world.faults().add(rule);
    wire::TailRequest request = from(TailStart::last_n);
    for (const std::uint64_t n : {1U, 17U, 64U, 65U, 66U, 299U}) {
        request.n = n;
        EXPECT_EQ(tail(request).size(), n);
    }
    request.filter.severity_max = wire::Severity::err;
    request.n = 12;
    const auto shown = tail(request);
    ASSERT_EQ(shown.size(), 12U);
    EXPECT_EQ(shown.front(), (Shown{190, "190"}));
    EXPECT_EQ(world.faults().hits(opens), 0U);
}

// Of a large group frames are cut where the next record would not fit; one that fits in none has a frame of its own.
TEST_F(TailTest, FramesAreCutBetweenRecords) {
    options.session.frame_bytes_max = 1U << 20U;
    options.pipeline.ingest.batch_bytes_max = 1U << 20U;
    options.pipeline.ingest.group_bytes_max = 1U << 20U;
    options.writer.segment_bytes = 4U << 20U;
    start();
    RawClient& client = greet();
    std::vector<Message> messages;
    for (int i = 1; i <= 400; ++i) {
        messages.push_back({fmt::format("{} {}", i, std::string(i % 100 == 0 ? 100'000 : 1000, 'x')), "", {}});
    }
    ASSERT_EQ(log(client, 2, messages), 1U);
    ASSERT_EQ(daemon->pipeline().hub().recent().size(), 1U);
    RawClient& reader = greet();
    reader.request(2, from(TailStart::oldest));
    std::vector<Shown> shown;
    std::size_t alone = 0;
    for (auto frame = reader.next(); frame && frame->header.more(); frame = reader.next()) {
        const std::size_t before = shown.size();
        collect(*frame, shown);
        ASSERT_GT(shown.size(), before);
        if (frame->header.length > 64U * 1024) {
            EXPECT_EQ(shown.size(), before + 1);
            EXPECT_EQ(shown.back().sequence % 100, 0U);
            ++alone;
        } else if (shown.back().sequence % 100 != 99) {
            EXPECT_GT(frame->header.length, 62'000U) << "it is filled";
        }
    }
    EXPECT_EQ(alone, 4U);
    ASSERT_EQ(shown.size(), 400U);
    for (std::uint64_t i = 0; i < 400; ++i) {
        EXPECT_EQ(shown[i], (Shown{i + 1, fmt::format("{}", i + 1)}));
    }
}

// What only a bug writes: it is told, and not looked for again and again.
TEST_F(TailTest, GroupWithFewerRecordsThanItSaysIsCorrupt) {
    start();
    fill(1);
    LogHub& hub = daemon->pipeline().hub();
    StoredGroup group = hub.recent().back();
    group.first_sequence = 2;
    group.count = 2;
    hub.publish(std::move(group));
    RawClient& client = greet();
    client.request(2, from(TailStart::oldest));
    std::vector<Shown> shown;
    auto frame = client.next();
    for (; frame && frame->header.more(); frame = client.next()) {
        collect(*frame, shown);
    }
    EXPECT_EQ(shown.size(), 2U);
    ASSERT_TRUE(frame);
    EXPECT_EQ(error_text(*frame), "corrupt: the group of record 3 holds fewer records than its header says");
}

TEST_F(TailTest, CursorResumesExactly) {
    start();
    fill(10);
    wire::TailRequest request = from(TailStart::after_cursor);
    request.after = cursor_at(7);
    wire::Cursor end;
    EXPECT_EQ(tail(request, &end), (std::vector<Shown>{{8, "8"}, {9, "9"}, {10, "10"}}));
    EXPECT_EQ(end, cursor_at(10));
    request.after = end;
    EXPECT_TRUE(tail(request).empty());
}

TEST_F(TailTest, CursorThatNamesNothingHereIsRefused) {
    start();
    fill(10);
    wire::TailRequest request = from(TailStart::after_cursor);
    request.after = cursor_at(7);
    request.after.store[3] ^= std::byte{1};
    EXPECT_EQ(refusal(request), Errc::cursor_lost);
    request.after = cursor_at(11);
    EXPECT_EQ(refusal(request), Errc::invalid_argument);
    request.after = cursor_at(7, 2);
    EXPECT_EQ(refusal(request), Errc::invalid_argument);
    request.after = cursor_at(~std::uint64_t{0});
    EXPECT_EQ(refusal(request), Errc::invalid_argument);
}

TEST_F(TailTest, CursorBeforeWhatRetentionHasRemovedIsLost) {
    options.writer.log_bytes_max = 3 * options.writer.segment_bytes;
    start();
    fill(400, 4000);
    const std::uint64_t oldest = daemon->pipeline().hub().oldest_sequence();
    ASSERT_GT(oldest, 2U);
    wire::TailRequest request = from(TailStart::after_cursor);
    request.after = cursor_at(1);
    EXPECT_EQ(refusal(request), Errc::cursor_lost);
    request.after = cursor_at(oldest - 1);
    EXPECT_EQ(tail(request).size(), 400 - oldest + 1);
}

// Retention may be ahead of what the tail knows.
TEST_F(TailTest, SegmentThatVanishesUnderATailIsALostCursor) {
    options.pipeline.memory_bytes_max = 16 * 1024;
    start();
    fill(200, 4000);
    const store::Catalog& catalog = daemon->pipeline().hub().catalog();
    ASSERT_GT(catalog.size(), 2U);
    world.disk().remove(sim::kStorePath + "/" + store::segment_name(catalog[1].header.segment_id));
    wire::TailRequest request = from(TailStart::after_cursor);
    request.after = cursor_at(catalog[1].header.first_sequence);
    EXPECT_EQ(refusal(request), Errc::cursor_lost);
}

TEST_F(TailTest, DamageInAFileIsCrossedAndTheNumbersShowIt) {
    options.pipeline.memory_bytes_max = 16 * 1024;
    start();
    fill(200, 4000);
    const std::string path =
        sim::kStorePath + "/" + store::segment_name(daemon->pipeline().hub().catalog()[1].header.segment_id);
    world.disk().flip(path, 60'000, std::byte{1});
    const auto shown = tail(from(TailStart::oldest));
    ASSERT_EQ(shown.size(), 200U);
    EXPECT_EQ(std::ranges::count(shown, "records", &Shown::message), 1) << "are lost: one entry says so in their place";
    EXPECT_EQ(shown.front().sequence, 1U);
    EXPECT_EQ(shown.back().sequence, 200U);
}

// The last record of a segment is lost: the next segment is read all the same.
TEST_F(TailTest, DamageAtTheEndOfAFileIsCrossedToo) {
    options.pipeline.memory_bytes_max = 16 * 1024;
    start();
    fill(200, 4000);
    const store::Catalog& catalog = daemon->pipeline().hub().catalog();
    ASSERT_GT(catalog.size(), 3U);
    const std::uint64_t lost = catalog[2].header.first_sequence - 1;
    const std::string path = sim::kStorePath + "/" + store::segment_name(catalog[1].header.segment_id);
    const Bytes content = *world.disk().content(path);
    const std::size_t at = as_text(content).rfind(fmt::format("{}   ", lost));
    ASSERT_NE(at, std::string_view::npos);
    world.disk().flip(path, at, std::byte{1});
    const auto shown = tail(from(TailStart::oldest));
    ASSERT_EQ(shown.size(), 200U);
    EXPECT_EQ(shown[lost - 2].sequence, lost - 1);
    EXPECT_EQ(shown[lost - 1], (Shown{lost, "records"}));  // The first word of what is told in place of the record.
    EXPECT_EQ(shown[lost].sequence, lost + 1);
    EXPECT_EQ(shown.back().sequence, 200U);
}

TEST_F(TailTest, FiltersChooseByStreamSeverityAndText) {
    start();
    fill(20);
    wire::TailRequest request = from(TailStart::oldest);
    request.filter.streams = {"b"};
    EXPECT_EQ(tail(request).size(), 10U);
    request.filter.greps = {"1"};
    EXPECT_EQ(tail(request), (std::vector<Shown>{{10, "10"}, {12, "12"}, {14, "14"}, {16, "16"}, {18, "18"}}));
    request.filter = {};
    request.filter.fields = {{"_uid", "1000"}};
    EXPECT_EQ(tail(request).size(), 20U);
    request.filter.fields = {{"_uid", "1001"}};
    EXPECT_TRUE(tail(request).empty());
}

TEST_F(TailTest, DurableTailWaitsForTheDisk) {
    options.pipeline.sync_interval = seconds(2);
    start();
    wire::TailRequest request = from(TailStart::oldest, /*follow=*/true);
    RawClient& any = greet();
    any.request(2, request);
    request.durable_only = true;
    RawClient& durable = greet();
    durable.request(2, request);
    RawClient& writer = greet();
    log(writer, 2, {{"x", "", wire::Severity::info}});
    EXPECT_TRUE(any.next(milliseconds(500)));
    EXPECT_FALSE(durable.next(milliseconds(500)));
    EXPECT_TRUE(durable.next(seconds(3)));
}

// ---- credits ----

TEST_F(TailTest, StopsWithoutCreditAndGoesOnWithIt) {
    start();
    fill(100, 3000);
    wire::TailRequest request = from(TailStart::oldest);
    request.credit = 1;
    RawClient& client = greet();
    client.request(2, request);
    std::vector<Shown> shown;
    const auto first = client.next();
    ASSERT_TRUE(first);
    collect(*first, shown);
    EXPECT_LT(shown.size(), 40U);
    EXPECT_FALSE(client.next(seconds(10)));
    client.request(3, wire::Credit{.target = 2, .bytes = 1});
    EXPECT_FALSE(client.next(seconds(10)));  // What the first frame overdrew comes first.
    client.request(4, wire::Credit{.target = 2, .bytes = first->header.length});
    const auto second = client.next();
    ASSERT_TRUE(second);
    collect(*second, shown);
    EXPECT_FALSE(client.next(seconds(10)));
    client.request(5, wire::Credit{.target = 2, .bytes = 1U << 30U});
    for (auto frame = client.next(); frame && frame->header.more(); frame = client.next()) {
        collect(*frame, shown);
    }
    ASSERT_EQ(shown.size(), 100U);
    for (std::uint64_t i = 0; i < 100; ++i) {
        EXPECT_EQ(shown[i].sequence, i + 1);
    }
}

// ---- the seam ----

TEST_F(TailTest, FollowerBehindReadsFilesAndThenMemoryWithoutGapOrRepetition) {
    options.pipeline.memory_bytes_max = 24 * 1024;
    start();
    fill(150, 3000);
    RawClient& reader = greet();
    wire::TailRequest request = from(TailStart::oldest, /*follow=*/true);
    request.credit = 100'000;
    reader.request(2, request);
    RawClient& writer = greet();
    std::vector<Shown> shown;
    std::uint64_t id = 3;
    for (int i = 151; i <= 400; ++i) {
        log(writer, static_cast<std::uint64_t>(i),
            {{fmt::format("{} {}", i, std::string(2000, 'x')), "", wire::Severity::info}});
        if (i % 7 == 0) {
            while (const auto frame = reader.next(milliseconds(1))) {
                collect(*frame, shown);
                reader.request(id++, wire::Credit{.target = 2, .bytes = frame->header.length});
            }
        }
    }
    while (const auto frame = reader.next(seconds(2))) {
        collect(*frame, shown);
        reader.request(id++, wire::Credit{.target = 2, .bytes = frame->header.length});
    }
    ASSERT_EQ(shown.size(), 400U);
    for (std::uint64_t i = 0; i < 400; ++i) {
        ASSERT_EQ(shown[i], (Shown{i + 1, fmt::format("{}", i + 1)}));
    }
}

// ---- what is sealed ----

// Parts of ten records or so, merged and in classes; nothing of it may be seen.
class SealedTailTest : public TailTest {
 protected:
    SealedTailTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 10;
        seal.page_rows = 4;
        seal.zstd_level = seal.merge_zstd_level = 1;
        seal.merge = {.parts_min = 2, .parts_max = 4, .rows_max = 20};
        seal.retention.classes.push_back({.name = "b", .streams = {"b"}});
        options.pipeline.memory_bytes_max = 1;
        options.pipeline.sync_interval = milliseconds(5);
    }
    LogHub& hub() { return daemon->pipeline().hub(); }
    std::vector<Shown> expected(std::uint64_t first, std::uint64_t last) {
        std::vector<Shown> all;
        for (std::uint64_t n = first; n <= last; ++n) {
            all.push_back({n, fmt::format("{}", n)});
        }
        return all;
    }
};

TEST_F(SealedTailTest, EveryStartShowsWhatItShowsWithoutSealing) {
    start();
    fill(60);
    const WallNs middle = world.clock().wall_now();
    RawClient& client = greet();
    for (std::uint64_t n = 61; n <= 95; ++n) {
        log(client, n, {{fmt::format("{}", n), "a", wire::Severity::info}});
    }
    pass(milliseconds(200));
    ASSERT_GE(hub().sealed_end(), 86U);
    ASSERT_GE(hub().parts()->classes.size(), 2U);
    ASSERT_LT(hub().parts()->size(), 16U);  // Some were merged.
    EXPECT_EQ(tail(from(TailStart::oldest)), expected(1, 95));
    wire::TailRequest request = from(TailStart::last_n);
    for (const std::uint64_t n : {1U, 4U, 12U, 50U, 95U, 200U}) {
        request.n = n;
        EXPECT_EQ(tail(request), expected(n < 95 ? 96 - n : 1, 95)) << n;
    }
    request.filter.severity_max = wire::Severity::err;  // Every tenth up to 60.
    request.n = 3;
    EXPECT_EQ(tail(request), (std::vector<Shown>{{40, "40"}, {50, "50"}, {60, "60"}}));
    request = from(TailStart::since);
    request.since_ns = middle;
    EXPECT_EQ(tail(request), expected(61, 95));
    request = from(TailStart::after_cursor);
    for (const std::uint64_t n : {1U, 33U, 90U, 95U}) {
        request.after = cursor_at(n);
        EXPECT_EQ(tail(request), expected(n + 1, 95)) << n;
    }
}

TEST_F(SealedTailTest, LastNCountsWhatIsInMemoryAndInPartsOnce) {
    options.pipeline.memory_bytes_max = 6000;
    start();
    fill(95);
    pass(milliseconds(200));
    const std::uint64_t memory_from = hub().recent().front().first_sequence;
    ASSERT_GT(memory_from, 20U);                      // The parts have what is not in memory any more,
    ASSERT_LT(memory_from + 20, hub().sealed_end());  // and much of what is.
    wire::TailRequest request = from(TailStart::last_n);
    for (std::uint64_t n = 1; n <= 95; ++n) {
        request.n = n;
        EXPECT_EQ(tail(request), expected(96 - n, 95)) << n;
    }
}

TEST_F(SealedTailTest, RemovalIsToldByARecordAndMakesCursorsLost) {
    options.pipeline.seal.retention.bytes_max = 1;  // Every part goes.
    start();
    fill(30);
    pass(seconds(2));
    ASSERT_GE(hub().parts()->removed_end(), 20U);
    wire::TailRequest request = from(TailStart::after_cursor);
    request.after = cursor_at(5);
    EXPECT_EQ(refusal(request), Errc::cursor_lost);
    const store::SealState& state = hub().parts()->state;
    ASSERT_EQ(state.removed.size(), 2U);
    EXPECT_EQ(state.removed[0].rows + state.removed[1].rows, state.sealed_end - 1);
    std::map<std::string, std::uint64_t> told;  // Records, by class.
    RawClient& client = greet();
    client.request(2, from(TailStart::oldest));
    read_entries(client, [&](const wire::TailEntry& entry) {
        if (const auto removed = entry.record.fields().find("removed")) {
            told[std::string(entry.record.fields().find("class")->value_text())] +=
                static_cast<std::uint64_t>(removed->as_int64());
        }
    });
    for (const store::RemovedOfClass& one : state.removed) {
        EXPECT_EQ(told[one.class_name], one.rows) << one.class_name;
    }
    EXPECT_EQ(told.size(), 2U);
}

TEST_F(SealedTailTest, OpenRowsAreInMemoryAgainAfterARestart) {
    options.pipeline.seal.rows_max = 1000;
    start();
    fill(30);
    world.crash(io::CrashKind::process);
    daemon->killed();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    daemon.reset();
    start();
    const LogHub::Snapshot snapshot = hub().snapshot();
    ASSERT_FALSE(snapshot.open.empty());
    EXPECT_EQ(snapshot.open_from, 1U);
    EXPECT_EQ(snapshot.open.back().end_sequence(), 31U);
    EXPECT_GT(hub().open_bytes(), 0U);
    EXPECT_EQ(tail(from(TailStart::oldest)), expected(1, 30));
}

}  // namespace
}  // namespace sluice::server::test
