#include "client/query.h"

#include "client/fake_daemon.h"

namespace sluice::client {
namespace {

// One frame of `count` records, with some padding.
wire::QueryProgress send_rows(Peer& peer, std::uint64_t id, std::uint64_t first, std::uint32_t count,
                              std::size_t padding = 0) {
    Bytes entries;
    for (std::uint64_t sequence = first; sequence < first + count; ++sequence) {
        Bytes bytes;
        wire::RecordBuilder record(bytes);
        record.begin(wire::Severity::info, "s").message(fmt::format("m{}", sequence) + std::string(padding, ' '));
        EXPECT_TRUE(record.finish());
        wire::append_tail_entry(entries, {.sequence = sequence,
                                          .receive_time_ns = 1,
                                          .flags = 0,
                                          .trusted = {},
                                          .record = wire::RecordView::unchecked(bytes.data())});
    }
    const wire::QueryProgress progress{.records = first, .records_total = 1000};
    peer.reply(id, wire::QueryChunk{.progress = progress, .epoch = 4, .entries = wire::TailEntryRange(entries, count)},
               /*more=*/true);
    return progress;
}

QueryOptions query_options(const FakeDaemon& daemon) {
    QueryOptions options;
    options.socket_path = daemon.path();
    options.text = "level:error";
    return options;
}

// The request, once greeted.
std::optional<TestRequest> expect_query(Peer& peer) {
    return peer.greet() ? peer.expect<wire::QueryRequest>() : std::nullopt;
}

TEST(QueryReader, AsksAsToldAndReadsRowsProgressAndEnd) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        Peer peer = fake.accept();
        const auto request = expect_query(peer);
        ASSERT_TRUE(request);
        EXPECT_EQ(request->header.deadline_ms, 1500U);
        const auto query = wire::QueryRequest::decode(request->payload);
        ASSERT_TRUE(query);
        EXPECT_EQ(query->text, "level:error");
        EXPECT_TRUE(query->explain);
        EXPECT_EQ(query->newest, 7U);
        EXPECT_EQ(query->since_ns, 10);
        EXPECT_EQ(query->until_ns, 20);
        EXPECT_GE(query->credit, 2 * wire::kFrameBytesMax);
        send_rows(peer, request->header.id, 5, 2);
        send_rows(peer, request->header.id, 9, 0);
        const wire::QueryCounts counts{.records = 1000, .rows = 2};
        peer.reply(request->header.id,
                   wire::QueryEnd{.epoch = 4, .read_through = {}, .counts = counts, .explain = "why"});
        peer.wait_for_end();
    });
    QueryOptions options = query_options(daemon);
    options.explain = true;
    options.newest = 7;
    options.since = 10;
    options.until = 20;
    options.timeout = std::chrono::milliseconds(1500);
    auto reader = QueryReader::open(options);
    ASSERT_TRUE(reader) << reader.error();
    auto step = (*reader)->next(kPatience);
    ASSERT_TRUE(step) << step.error();
    ASSERT_EQ(step->state, QueryState::rows);
    EXPECT_EQ(step->progress, (wire::QueryProgress{5, 1000}));
    std::vector<std::uint64_t> sequences;
    for (const wire::TailEntry& entry : step->rows) {
        sequences.push_back((*reader)->cursor_of(entry).sequence);
    }
    EXPECT_EQ(sequences, (std::vector<std::uint64_t>{5, 6}));
    step = (*reader)->next(kPatience);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->state, QueryState::progress);
    EXPECT_EQ(step->progress.records, 9U);
    for (int i = 0; i < 2; ++i) {  // The end stays.
        step = (*reader)->next(kPatience);
        ASSERT_TRUE(step);
        EXPECT_EQ(step->state, QueryState::end);
        EXPECT_EQ((*reader)->end().counts.records, 1000U);
        EXPECT_EQ((*reader)->end().explain, "why");
    }
    reader->reset();
}

TEST(QueryReader, RefusalsOfTheDaemonAreFinal) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        Peer peer = fake.accept();
        if (const auto request = expect_query(peer)) {
            peer.refuse(request->header.id, Errc::invalid_argument, "column 3: expected a value");
            peer.wait_for_end();
        }
    });
    auto reader = QueryReader::open(query_options(daemon));
    ASSERT_TRUE(reader);
    for (int i = 0; i < 2; ++i) {
        const auto step = (*reader)->next(kPatience);
        ASSERT_FALSE(step);
        EXPECT_EQ(step.error().code(), Errc::invalid_argument);
        EXPECT_EQ(step.error().text(), "column 3: expected a value");
    }
    reader->reset();
}

TEST(QueryReader, CancelIsAskedOnceAndAnswered) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        Peer peer = fake.accept();
        const auto request = expect_query(peer);
        ASSERT_TRUE(request);
        const auto cancel = peer.expect<wire::CancelRequest>();
        ASSERT_TRUE(cancel);
        EXPECT_EQ(wire::CancelRequest::decode(cancel->payload)->target, request->header.id);
        peer.reply(cancel->header.id, wire::CancelReply{});
        send_rows(peer, request->header.id, 1, 1);  // Was on its way.
        peer.refuse(request->header.id, Errc::cancelled);
        EXPECT_FALSE(peer.next());
    });
    auto reader = QueryReader::open(query_options(daemon));
    ASSERT_TRUE(reader);
    (*reader)->cancel();
    (*reader)->cancel();
    const auto rows = (*reader)->next(kPatience);
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->state, QueryState::rows);
    const auto step = (*reader)->next(kPatience);
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().code(), Errc::cancelled);
    reader->reset();
}

TEST(QueryReader, CreditIsReturnedAsRowsAreConsumed) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        Peer peer = fake.accept();
        const auto request = expect_query(peer);
        ASSERT_TRUE(request);
        std::int64_t credit = wire::QueryRequest::decode(request->payload)->credit;
        for (std::uint64_t i = 0; i < 20; ++i) {
            while (credit <= 0) {
                const auto more = peer.expect<wire::Credit>();
                ASSERT_TRUE(more);
                credit += wire::Credit::decode(more->payload)->bytes;
            }
            send_rows(peer, request->header.id, i + 1, 1, 1'000'000);
            credit -= 1'000'000;
        }
        peer.reply(request->header.id, wire::QueryEnd{});
        peer.wait_for_end();
    });
    auto reader = QueryReader::open(query_options(daemon));
    ASSERT_TRUE(reader);
    int rows = 0;
    for (;;) {
        const auto step = (*reader)->next(kPatience);
        ASSERT_TRUE(step) << step.error();
        if (step->state == QueryState::end) {
            break;
        }
        ASSERT_EQ(step->state, QueryState::rows);
        ++rows;
    }
    EXPECT_EQ(rows, 20);
    reader->reset();
}

TEST(QueryReader, LostConnectionAndBadFramesAreErrors) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        {
            Peer peer = fake.accept();
            (void)expect_query(peer);
        }
        Peer peer = fake.accept();
        if (const auto request = expect_query(peer)) {
            peer.reply(request->header.id, wire::GetChunk{.data = as_bytes("xyz")}, true);
            peer.wait_for_end();
        }
    });
    for (const Errc code : {Errc::closed, Errc::malformed}) {
        auto reader = QueryReader::open(query_options(daemon));
        ASSERT_TRUE(reader);
        const auto step = (*reader)->next(kPatience);
        ASSERT_FALSE(step);
        EXPECT_EQ(step.error().code(), code) << step.error();
    }
}

// Progress that is none, after some that is.
TEST(QueryReader, ADaemonThatTellsTheSameForEverIsMalformed) {
    constexpr int kRepeatedMax = 1 << 16;
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        Peer peer = fake.accept();
        const auto request = expect_query(peer);
        ASSERT_TRUE(request);
        Bytes frames;
        const auto add = [&](std::uint64_t records, int times) {
            for (int i = 0; i < times; ++i) {
                const wire::QueryProgress progress{.records = records, .records_total = 1000};
                wire::append_frame(frames, request->header.id, wire::QueryChunk{.progress = progress, .epoch = 4},
                                   {.flags = wire::kFrameMore});
            }
        };
        add(1, 10);
        add(2, kRepeatedMax + 2);
        peer.send(frames);
        peer.wait_for_end();
    });
    auto reader = QueryReader::open(query_options(daemon));
    ASSERT_TRUE(reader);
    for (int i = 0; i < 10 + kRepeatedMax + 1; ++i) {
        const auto step = (*reader)->next(kPatience);
        ASSERT_TRUE(step) << "step " << i << ": " << step.error();
    }
    const auto step = (*reader)->next(kPatience);
    reader->reset();
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().code(), Errc::malformed);
    EXPECT_EQ(step.error().text(), "the daemon tells again and again that the query is where it was");
}

TEST(QueryReader, WaitIsBounded) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& fake) {
        Peer peer = fake.accept();
        (void)expect_query(peer);
        peer.wait_for_end();
    });
    auto reader = QueryReader::open(query_options(daemon));
    ASSERT_TRUE(reader);
    const auto step = (*reader)->next(std::chrono::milliseconds(1));
    ASSERT_TRUE(step);
    EXPECT_EQ(step->state, QueryState::idle);
    reader->reset();
}

}  // namespace
}  // namespace sluice::client
