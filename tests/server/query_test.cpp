// QUERY: rows and counts, refusals, credit, cancel and deadline, and the bounds on memory and number; TAIL with a
// filter.
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kMuchCredit = 64U << 20U;

struct Answer {
    std::vector<std::string> rows;  // Messages; of computed rows, "name=value ...".
    std::vector<std::uint64_t> sequences;
    std::optional<wire::QueryCounts> counts;  // None: refused.
    std::string explain;
    wire::Cursor read_through;
    std::uint32_t epoch = 0;
    std::optional<Error> error;
};

std::string text_of(const wire::TailEntry& entry) {
    if ((entry.flags & wire::kBatchComputed) == 0) {
        const std::string_view message = entry.record.message();
        return std::string(message.substr(0, message.find(' ')));
    }
    std::string text;
    for (const wire::FieldView field : entry.record.fields()) {
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", field.name, field.value_text());
    }
    return text;
}

class QueryTest : public ServerTest {
 protected:
    // `count` records "1", "2", ... of some bytes, in streams "a" and "b" by turns; each tenth is an error.
    void fill(int count, std::size_t bytes = 10, int first = 1) {
        RawClient& client = greet();
        for (int i = first; i <= count; ++i) {
            log(client, static_cast<std::uint64_t>(i) + 1,
                {{fmt::format("{}", i) + std::string(bytes, ' '), i % 2 == 1 ? "a" : "b",
                  i % 10 == 0 ? wire::Severity::err : wire::Severity::info}});
        }
    }
    static wire::QueryRequest asking(std::string_view text) {
        wire::QueryRequest request;
        request.text = text;
        request.credit = kMuchCredit;
        return request;
    }
    // Takes one frame into `answer`; true: it was the last.
    static bool take(const Frame& frame, Answer& answer) {
        if (frame.header.type == wire::MessageType::error) {
            answer.error = wire::ErrorReply::decode(frame.payload)->to_error();
            return true;
        }
        if (!frame.header.more()) {
            const auto end = decode<wire::QueryEnd>(frame);
            answer.counts = end->counts;
            answer.explain = end->explain;
            answer.read_through = end->read_through;
            return true;
        }
        const auto chunk = decode<wire::QueryChunk>(frame);
        answer.epoch = chunk->epoch;
        for (const wire::TailEntry& entry : chunk->entries) {
            answer.rows.push_back(text_of(entry));
            answer.sequences.push_back(entry.sequence);
        }
        return false;
    }
    Answer query(const wire::QueryRequest& request) {
        RawClient& client = greet();
        client.request(2, request);
        return finish(client);
    }
    Answer query(std::string_view text) { return query(asking(text)); }
    static Answer finish(RawClient& client) {
        Answer answer;
        for (;;) {
            const auto frame = client.next();
            if (!frame) {
                ADD_FAILURE() << "the query does not end";
                return answer;
            }
            if (take(*frame, answer)) {
                return answer;
            }
        }
    }
    // A query that has sent its first frame and waits for credit.
    RawClient& paused(std::string_view text, wire::FrameOptions how = {}) {
        RawClient& client = greet();
        wire::QueryRequest request = asking(text);
        request.credit = 1;
        client.request(2, request, how);
        const auto frame = client.next();
        EXPECT_TRUE(frame && frame->header.more());
        return client;
    }
};

std::vector<std::string> numbers(int first, int last, int step = 1) {
    std::vector<std::string> texts;
    for (int i = first; i <= last; i += step) {
        texts.push_back(fmt::format("{}", i));
    }
    return texts;
}

TEST_F(QueryTest, RowsComeInOrderWithCountsAndACursor) {
    start();
    fill(100);
    const Answer answer = query("severity:err");
    EXPECT_EQ(answer.rows, numbers(10, 100, 10));
    EXPECT_EQ(answer.sequences.front(), 10U);
    ASSERT_TRUE(answer.counts);
    EXPECT_EQ(answer.counts->records, 100U);
    EXPECT_EQ(answer.counts->matched, 10U);
    EXPECT_EQ(answer.counts->rows, 10U);
    EXPECT_EQ(answer.epoch, 1U);
    EXPECT_EQ(answer.read_through.sequence, 100U);
    EXPECT_EQ(answer.read_through.store, daemon->pipeline().hub().store_id());
    EXPECT_EQ(query("*").rows.size(), 100U);
    EXPECT_TRUE(query("nothinglikethis").rows.empty());
}

TEST_F(QueryTest, AnEmptyLogHasNoRows) {
    start();
    const Answer answer = query("*");
    EXPECT_TRUE(answer.rows.empty());
    ASSERT_TRUE(answer.counts);
    EXPECT_EQ(answer.counts->records, 0U);
    EXPECT_EQ(query("* | stats count() as n").rows, (std::vector<std::string>{"n=0"}));
}

TEST_F(QueryTest, ComputedRowsAreMarkedAndHaveNoSequence) {
    start();
    fill(20);
    const Answer answer = query("* | stats by (stream) count() as n | sort by (stream)");
    EXPECT_EQ(answer.rows, (std::vector<std::string>{"stream=a n=10", "stream=b n=10"}));
    EXPECT_EQ(answer.sequences, (std::vector<std::uint64_t>{0, 0}));
}

TEST_F(QueryTest, NewestGivesTheLastRowsInOrder) {
    start();
    fill(50);
    wire::QueryRequest request = asking("stream:a");
    request.newest = 3;
    EXPECT_EQ(query(request).rows, (std::vector<std::string>{"45", "47", "49"}));
    request.newest = 0;
    EXPECT_TRUE(query(request).rows.empty());
}

TEST_F(QueryTest, TimeIsBounded) {
    start();
    RawClient& client = greet();
    log(client, 2, {{"early", "", wire::Severity::info}});
    pass(seconds(10));
    const WallNs then = world.clock().wall_now();
    log(client, 3, {{"late", "", wire::Severity::info}});
    wire::QueryRequest request = asking("*");
    request.since_ns = then;
    EXPECT_EQ(query(request).rows, (std::vector<std::string>{"late"}));
    request.since_ns = wire::kNoSince;
    request.until_ns = then;
    EXPECT_EQ(query(request).rows, (std::vector<std::string>{"early"}));
}

// Far more than is kept in memory, in several segments, whole frames of it at the seams.
TEST_F(QueryTest, FilesAndMemoryGiveEachRecordOnce) {
    options.pipeline.memory_bytes_max = 16 * 1024;
    start();
    fill(300, 4000);
    ASSERT_GT(daemon->pipeline().hub().catalog().size(), 3U);
    EXPECT_EQ(query("*").rows, numbers(1, 300));
    EXPECT_EQ(query("* | stats count() as n").rows, (std::vector<std::string>{"n=300"}));
    wire::QueryRequest request = asking("severity:err");
    request.newest = 25;
    EXPECT_EQ(query(request).rows, numbers(60, 300, 10));
    EXPECT_EQ(query("* | head 2").rows, numbers(1, 2));
}

// Sealed parts, and what is behind them in memory.
TEST_F(QueryTest, PartsAndMemoryGiveEachRecordOnce) {
    options.pipeline.seal.rows_max = 50;
    options.pipeline.seal.page_rows = 16;
    start();
    for (int end = 50; end <= 200; end += 50) {
        fill(end, 10, end - 49);
        pass(seconds(10));  // It becomes durable, and is sealed.
    }
    fill(220, 10, 201);
    const LogHub& hub = daemon->pipeline().hub();
    ASSERT_GE(hub.parts()->size(), 1U);
    ASSERT_EQ(hub.sealed_end(), 201U);
    EXPECT_EQ(query("*").rows, numbers(1, 220));
    EXPECT_EQ(query("severity:err").rows, numbers(10, 220, 10));
    EXPECT_EQ(query("* | stats count() as n").rows, (std::vector<std::string>{"n=220"}));
    EXPECT_EQ(query("* | head 60 | skip 55").rows, numbers(56, 60));
    EXPECT_EQ(query("* | sort by (sequence desc) limit 2").rows, (std::vector<std::string>{"220", "219"}));
    wire::QueryRequest request = asking("severity:err");
    request.newest = 20;
    EXPECT_EQ(query(request).rows, numbers(30, 220, 10));
    const Answer absent = query("absent");
    EXPECT_TRUE(absent.rows.empty());
    EXPECT_EQ(absent.counts->records, 220U);
    EXPECT_GT(absent.counts->parts_skipped, 0U);
}

TEST_F(QueryTest, ATextThatIsNoQueryIsRefusedAtItsColumn) {
    start();
    const Answer answer = query("level:");
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->code(), Errc::invalid_argument);
    EXPECT_TRUE(answer.error->text().starts_with("column 7: expected ")) << answer.error->text();
    ASSERT_TRUE(query("* | frobnicate").error);
}

TEST_F(QueryTest, ExplainIsSentWhenAskedFor) {
    start();
    fill(10);
    wire::QueryRequest request = asking("*");
    EXPECT_EQ(query(request).explain, "");
    request.explain = true;
    EXPECT_NE(query(request).explain, "");
}

TEST_F(QueryTest, FramesKeepToTheCredit) {
    start();
    fill(100, 4000);
    RawClient& client = paused("*");
    pass(seconds(1));
    EXPECT_FALSE(client.next(milliseconds(10)));
    client.request(3, wire::Credit{.target = 2, .bytes = 1});
    EXPECT_FALSE(client.next(milliseconds(10)));  // Still overdrawn.
    client.request(4, wire::Credit{.target = 2, .bytes = kMuchCredit});
    const Answer answer = finish(client);
    EXPECT_EQ(answer.rows.back(), "100");
    EXPECT_EQ(answer.counts->rows, 100U);
}

TEST_F(QueryTest, CancelEndsItAndFreesItsPlace) {
    options.session.query.queries_max = 1;
    options.session.query.wait_max = {};
    start();
    fill(100, 4000);
    RawClient& client = paused("*");
    EXPECT_EQ(query("*").error->code(), Errc::limit_exceeded);
    client.request(3, wire::CancelRequest{.target = 2});
    bool cancelled = false;
    for (int i = 0; i < 2; ++i) {  // Its own reply, and that of the query, in any order.
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        if (frame->header.type == wire::MessageType::error) {
            EXPECT_EQ(frame->header.id, 2U);
            EXPECT_EQ(wire::ErrorReply::decode(frame->payload)->code, Errc::cancelled);
            cancelled = true;
        }
    }
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(query("*").rows.size(), 100U);
}

TEST_F(QueryTest, DeadlineEndsIt) {
    start();
    fill(100, 4000);
    RawClient& client = paused("*", {.deadline_ms = 200});
    expect_error(client, 2, Errc::deadline_exceeded);
}

TEST_F(QueryTest, DisconnectEndsIt) {
    options.session.query.queries_max = 1;
    options.session.query.wait_max = {};
    start();
    fill(100, 4000);
    RawClient& client = paused("*");
    client.disconnect();
    pass(seconds(1));
    EXPECT_EQ(query("*").rows.size(), 100U);
}

TEST_F(QueryTest, MemoryIsBounded) {
    options.session.query.memory_bytes_max = 64 * 1024;
    start();
    fill(2000);
    const Answer answer = query("* | stats by (message) count() as n");
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->code(), Errc::limit_exceeded) << answer.error->text();
    EXPECT_EQ(query("* | stats by (stream) count() as n").rows.size(), 2U);
}

// The log is sealed while a query reads it: the rest comes from the parts, each record once.
class SealedMeanwhileTest : public QueryTest {
 protected:
    static constexpr int kRecords = 400;
    SealedMeanwhileTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 1'000'000;
        seal.bytes_max = 1ULL << 40U;
        seal.delay_max = std::chrono::hours(1);
        seal.open_bytes_max = 1;
        seal.merge.rows_max = 0;
        seal.zstd_level = 1;
        seal.check_interval = std::chrono::hours(1);
        options.pipeline.memory_bytes_max = 1;
        options.writer.log_bytes_max = 1000 * options.writer.segment_bytes;
    }
    Answer sealed_while_asked(std::string_view text) {
        start();
        fill(kRecords, 40'000);
        RawClient& client = paused(text);
        EXPECT_EQ(daemon->pipeline().hub().sealed_end(), 1U);
        daemon->pipeline().set_log_bytes_max(3 * options.writer.segment_bytes);
        log(greet(), 2, {{"the last straw", "a", wire::Severity::info}});
        pass(seconds(30));
        EXPECT_GT(daemon->pipeline().hub().sealed_end(), static_cast<std::uint64_t>(kRecords / 2));
        client.request(3, wire::Credit{.target = 2, .bytes = kMuchCredit});
        return finish(client);
    }
};

// Record, stream and trusted fields: nothing of it is seen.
TEST_F(SealedMeanwhileTest, TheRestIsWhatItWas) {
    const Answer answer = sealed_while_asked("* | fields sequence, stream, severity, _uid, _pid");
    EXPECT_FALSE(answer.error) << answer.error->text();
    ASSERT_GT(answer.rows.size(), static_cast<std::size_t>(kRecords / 2));
    int n = kRecords - static_cast<int>(answer.rows.size());
    for (const std::string& row : answer.rows) {
        ++n;
        EXPECT_EQ(row, fmt::format("sequence={} stream={} severity={} _uid=1000 _pid=4242", n, n % 2 == 1 ? "a" : "b",
                                   n % 10 == 0 ? "err" : "info"));
    }
}

// What cannot be read just now is no end of the log.
TEST_F(QueryTest, ErrorOfTheDiskIsTheAnswer) {
    options.pipeline.memory_bytes_max = 1;
    start();
    fill(200, 4000);
    for (const std::uint64_t nth : {1U, 2U, 3U}) {
        for (const char* text : {"*", "* | tail 150"}) {
            const std::size_t rule = world.faults().add(io::fail_nth(io::OpCode::read, "*.wal", nth, EIO));
            const Answer answer = query(text);
            ASSERT_EQ(world.faults().hits(rule), 1U);
            ASSERT_TRUE(answer.error) << text << " " << nth;
            EXPECT_EQ(answer.error->code(), Errc::io_error) << answer.error->text();
            world.faults().clear_rules();
        }
    }
    EXPECT_EQ(query("*").rows.size(), 200U);
}

TEST_F(SealedMeanwhileTest, TheRestComesFromTheParts) {
    const Answer answer = sealed_while_asked("*");
    EXPECT_FALSE(answer.error) << answer.error->text();
    const std::vector<std::string> all = numbers(1, kRecords);
    ASSERT_GT(answer.rows.size(), 10U);
    EXPECT_EQ(answer.rows,
              std::vector<std::string>(all.end() - static_cast<std::ptrdiff_t>(answer.rows.size()), all.end()));
    EXPECT_GT(answer.rows.size(), all.size() - 4);  // The first frame was taken before.
}

// What is logged while a query runs is not part of it, and the query does not hold the log up.
TEST_F(QueryTest, LogGoesOnWhileItRuns) {
    start();
    fill(100, 4000);
    RawClient& client = paused("*");
    RawClient& writer = greet();
    log(writer, 2, {{"101", "", wire::Severity::info}});
    client.request(3, wire::Credit{.target = 2, .bytes = kMuchCredit});
    const Answer answer = finish(client);
    EXPECT_EQ(answer.rows.back(), "100");
    EXPECT_EQ(answer.read_through.sequence, 100U);
}

// ---- TAIL with a filter ----

class FilteredTailTest : public QueryTest {
 protected:
    static wire::TailRequest tail(std::string query, wire::TailStart from = wire::TailStart::oldest) {
        wire::TailRequest request;
        request.start = from;
        request.credit = kMuchCredit;
        request.query = std::move(query);
        return request;
    }
    Answer read(const wire::TailRequest& request) {
        RawClient& client = greet();
        client.request(2, request);
        Answer answer;
        for (;;) {
            const auto frame = client.next();
            if (!frame || !frame->header.more()) {
                EXPECT_TRUE(frame);
                if (frame && frame->header.type == wire::MessageType::error) {
                    answer.error = wire::ErrorReply::decode(frame->payload)->to_error();
                }
                return answer;
            }
            const auto chunk = decode<wire::TailChunk>(*frame);
            for (const wire::TailEntry& entry : chunk->entries) {
                answer.rows.push_back(text_of(entry));
                answer.sequences.push_back(entry.sequence);
            }
        }
    }
};

TEST_F(FilteredTailTest, ShowsWhatPassesTheFilterToo) {
    start();
    fill(40);
    EXPECT_EQ(read(tail("severity:err")).rows, numbers(10, 40, 10));
    wire::TailRequest request = tail("not severity:err");
    request.filter.streams = {"b"};
    EXPECT_EQ(read(request).rows.size(), 16U);
    request = tail("stream:a | where message:*7*", wire::TailStart::last_n);
    request.n = 2;
    EXPECT_EQ(read(request).rows, (std::vector<std::string>{"27", "37"}));
}

TEST_F(FilteredTailTest, FieldsKeepTheSequenceOfTheirRecord) {
    start();
    fill(20);
    const Answer answer = read(tail("severity:err | fields stream, severity"));
    EXPECT_EQ(answer.rows, (std::vector<std::string>{"stream=b severity=err", "stream=b severity=err"}));
    EXPECT_EQ(answer.sequences, (std::vector<std::uint64_t>{10, 20}));
}

TEST_F(FilteredTailTest, FollowsWithIt) {
    start();
    RawClient& client = greet();
    wire::TailRequest request = tail("severity:err");
    request.follow = true;
    client.request(2, request);
    RawClient& writer = greet();
    log(writer, 2, {{"quiet", "", wire::Severity::info}, {"loud", "", wire::Severity::err}});
    const auto frame = client.next();
    ASSERT_TRUE(frame);
    const auto chunk = decode<wire::TailChunk>(*frame);
    ASSERT_EQ(chunk->entries.size(), 1U);
    EXPECT_EQ((*chunk->entries.begin()).record.message(), "loud");
}

TEST_F(FilteredTailTest, OtherPipesAndBadTextAreRefused) {
    start();
    const Answer sorted = read(tail("* | sort by (time)"));
    ASSERT_TRUE(sorted.error);
    EXPECT_EQ(sorted.error->code(), Errc::invalid_argument);
    EXPECT_NE(sorted.error->text().find("'sort'"), std::string::npos) << sorted.error->text();
    const Answer bad = read(tail("a or"));
    ASSERT_TRUE(bad.error);
    EXPECT_TRUE(bad.error->text().starts_with("column 5: ")) << bad.error->text();
}

}  // namespace
}  // namespace sluice::server::test
