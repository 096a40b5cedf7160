// The frames of a QUERY reply: how many rows each has, when one tells only the progress, what the end counts and
// explains.
#include <gmock/gmock.h>

#include "server_fixture.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kEnoughCredit = 64U << 20U;

class QueryReplyTest : public ServerTest {
 protected:
    static wire::QueryRequest asking(std::string_view text, std::uint32_t credit = kEnoughCredit) {
        wire::QueryRequest request;
        request.text = text;
        request.credit = credit;
        return request;
    }
    // Records "1 word", "2 word", ... in streams a and b by turns, with a field n.
    void fill(int count, std::size_t bytes = 10) {
        RawClient& client = greet();
        for (int n = 1; n <= count; ++n) {
            wire::BatchBuilder builder;
            builder.begin(wire::Severity::info, n % 2 == 1 ? "a" : "b")
                .message(fmt::format("{} word{}", n, std::string(bytes, ' ')))
                .field("n", n);
            ASSERT_TRUE(builder.finish_record());
            client.request(static_cast<std::uint64_t>(n) + 1,
                           wire::LogRequest{.level = n == count ? wire::AckLevel::durable : wire::AckLevel::written,
                                            .batch = builder.finish()});
            ASSERT_TRUE(client.next());
        }
    }
    // All frames of the reply; the last one is its end.
    std::vector<Frame> ask(const wire::QueryRequest& request) {
        RawClient& client = greet();
        client.request(2, request);
        std::vector<Frame> frames;
        for (auto frame = client.next(); frame; frame = client.next()) {
            frames.push_back(*frame);
            if (!frame->header.more()) {
                return frames;
            }
        }
        ADD_FAILURE() << "no end";
        return frames;
    }
    wire::QueryCounts counts(const std::string& text) {
        last_ = ask(asking(text));
        const auto end = last_.empty() ? std::nullopt : decode<wire::QueryEnd>(last_.back());
        return end ? end->counts : wire::QueryCounts();
    }
    // Sealed by tens as they come, nothing in memory.
    void seal_by(std::uint32_t rows) {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = rows;
        seal.merge.rows_max = 0;
        seal.page_rows = 5;
        seal.zstd_level = 1;
        seal.delay_max = hours(10);
        options.pipeline.memory_bytes_max = 1;
        options.pipeline.sync_interval = milliseconds(1);
    }
    void slow_down_reads(Duration delay) {
        io::FaultRule slow = io::fail_from(io::OpCode::read, "/store/*", 1, 0);
        slow.fault.delay = delay;
        world.faults().add(slow);
    }

 private:
    std::vector<Frame> last_;
};

// ---- rows ----

TEST_F(QueryReplyTest, FramesAreFilledToTheEntryThatPassesTheirSize) {
    start();
    fill(60, 4000);
    const std::vector<Frame> frames = ask(asking("*"));
    std::vector<std::size_t> rows;
    std::uint64_t next = 1;
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
        const auto chunk = decode<wire::QueryChunk>(frames[i]);
        ASSERT_TRUE(chunk);
        EXPECT_EQ(chunk->epoch, 1U);
        rows.push_back(chunk->entries.size());
        for (const wire::TailEntry& entry : chunk->entries) {
            EXPECT_EQ(entry.sequence, next++);
        }
    }
    EXPECT_EQ(next, 61U);
    EXPECT_EQ(rows.front(), 16U) << "the sixteenth passes 64 KiB";
}

TEST_F(QueryReplyTest, EndIsSentWithoutRowsAndWithoutCredit) {
    start();
    fill(5);
    const std::vector<Frame> frames = ask(asking("nothinglikethis", 0));
    ASSERT_EQ(frames.size(), 1U);
    const auto end = decode<wire::QueryEnd>(frames[0]);
    EXPECT_EQ(end->counts.records, 5U);
    EXPECT_EQ(end->counts.matched, 0U);
    EXPECT_EQ(end->counts.rows, 0U);
    EXPECT_EQ(end->read_through.sequence, 5U);
    EXPECT_EQ(end->read_through.epoch, 1U);
}

// ---- progress ----

TEST_F(QueryReplyTest, QuickQueryTellsNoProgress) {
    options.pipeline.memory_bytes_max = 1;
    start();
    fill(300, 4000);
    EXPECT_EQ(ask(asking("nothinglikethis")).size(), 1U);
}

TEST_F(QueryReplyTest, SlowQueryTellsItsProgressFiveTimesASecond) {
    options.pipeline.memory_bytes_max = 1;
    start();
    fill(1500, 8000);
    slow_down_reads(milliseconds(90));
    RawClient& client = greet();
    client.request(2, asking("nothinglikethis"));
    std::vector<wire::QueryProgress> told;
    MonotonicTime last = world.clock().now();
    for (;;) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        if (!frame->header.more()) {
            break;
        }
        const auto chunk = decode<wire::QueryChunk>(*frame);
        ASSERT_TRUE(chunk);
        EXPECT_EQ(chunk->entries.size(), 0U);
        EXPECT_EQ(chunk->epoch, 1U);
        EXPECT_EQ(chunk->progress.records_total, 1500U);
        const MonotonicTime now = world.clock().now();
        EXPECT_GE(now - last, milliseconds(199));
        last = now;
        told.push_back(chunk->progress);
    }
    ASSERT_GE(told.size(), 3U);
    for (std::size_t i = 1; i < told.size(); ++i) {
        EXPECT_GE(told[i].records, told[i - 1].records);
    }
    EXPECT_GT(told.back().records, 0U);
    EXPECT_LT(told.back().records, 1500U);
}

// Progress never waits: without credit there is none.
TEST_F(QueryReplyTest, SlowQueryWithoutCreditTellsNothing) {
    options.pipeline.memory_bytes_max = 1;
    start();
    fill(600, 8000);
    slow_down_reads(milliseconds(90));
    EXPECT_EQ(ask(asking("nothinglikethis", 0)).size(), 1U);
}

// ---- what the end counts ----

TEST_F(QueryReplyTest, SkippedPartsAreCountedWhateverTheReason) {
    seal_by(10);
    start();
    fill(40);
    pass(seconds(1));
    const std::size_t parts = daemon->pipeline().hub().parts()->size();
    ASSERT_GE(parts, 4U);
    ASSERT_EQ(daemon->pipeline().hub().sealed_end(), 41U);
    const wire::QueryCounts all = counts("*");
    EXPECT_EQ(all.parts, parts);
    EXPECT_EQ(all.parts_skipped, 0U);
    EXPECT_EQ(all.matched, 40U);
    EXPECT_EQ(all.rows, 40U);
    EXPECT_GT(all.elapsed_us, 0U);
    for (const char* text : {"absentword", "stream:zzz", "nofield:1", "n:>1000", "sequence:>1000"}) {
        const wire::QueryCounts none = counts(text);
        EXPECT_EQ(none.parts, 0U) << text;
        EXPECT_EQ(none.parts_skipped, parts) << text;
        EXPECT_EQ(none.records, 40U) << text;
        EXPECT_EQ(none.matched, 0U) << text;
    }
    const wire::QueryCounts some = counts("n:>35");
    EXPECT_EQ(some.matched, 5U);
    EXPECT_EQ(some.parts + some.parts_skipped, parts);
    EXPECT_GE(some.parts, 1U);
    EXPECT_LT(some.parts, parts);
    EXPECT_EQ(counts("* | stats count() as c").rows, 1U);
    EXPECT_GT(counts("message:*5*").bytes_read, 0U);
    EXPECT_EQ(counts("receive_time:<now").matched, 40U);
    EXPECT_EQ(counts("receive_time:>now").matched, 0U);
}

TEST_F(QueryReplyTest, ExplanationIsCutToHalfAFrame) {
    seal_by(10);
    options.session.frame_bytes_max = 4096;
    start();
    fill(20);
    pass(seconds(1));
    wire::QueryRequest request = asking("word n:>1");
    EXPECT_EQ(decode<wire::QueryEnd>(ask(request).back())->explain, "");
    request.explain = true;
    const std::vector<Frame> whole = ask(request);
    const std::string text(decode<wire::QueryEnd>(whole.back())->explain);
    EXPECT_THAT(text, testing::StartsWith("parts: 2\n"));
    EXPECT_THAT(text, testing::HasSubstr("rows that match: 19\n"));
    ServerOptions later = options.server;
    later.session = options.session;
    later.session.frame_bytes_max = 100;
    daemon->server().set_options(std::move(later));
    const std::vector<Frame> cut = ask(request);
    EXPECT_EQ(decode<wire::QueryEnd>(cut.back())->explain, text.substr(0, 50));
}

// What a query may hold is charged to its user until it has ended.
TEST_F(QueryReplyTest, MemoryOfAQueryIsGivenBack) {
    start();
    fill(100, 4000);
    RawClient& client = greet();
    client.request(2, asking("* | sort by (message)", 1));
    ASSERT_TRUE(client.next());
    EXPECT_GT(daemon->server().held_bytes().queries, 100'000U);
    client.request(3, wire::Credit{.target = 2, .bytes = kEnoughCredit});
    for (auto frame = client.next(); frame && frame->header.more(); frame = client.next()) {
    }
    pass(milliseconds(1));
    EXPECT_EQ(daemon->server().held_bytes().queries, 0U);
    EXPECT_EQ(daemon->server().held_bytes().replies, 0U);
}

}  // namespace
}  // namespace sluice::server::test
