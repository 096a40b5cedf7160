// What a session does with requests at its limits, and with those that the queue or the disk refuses.
#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <utility>

#include "server_fixture.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Runs nothing until told to.
class StoppedPool final : public coro::Pool {
 public:
    void submit(coro::PoolJob& job) override {
        if (running) {
            job.work();
            job.complete();
        } else {
            jobs.push_back(&job);
        }
    }
    void run() {
        running = true;
        for (coro::PoolJob* job : std::exchange(jobs, {})) {
            job->work();
            job->complete();
        }
    }
    std::deque<coro::PoolJob*> jobs;
    bool running = false;
};

class SessionQueueTest : public ServerTest {
 protected:
    void slow_log(Duration delay) {
        io::FaultRule slow = io::fail_from(io::OpCode::write, "*.wal", 1, 0);
        slow.fault.delay = delay;
        world.faults().add(slow);
    }
    static void send_log(RawClient& client, std::uint64_t id, wire::FrameOptions frame = {}) {
        const Bytes batch = batch_of({{fmt::format("{}", id), "", wire::Severity::info}});
        client.request(id, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch}, frame);
    }
    static wire::TailRequest tail_of(wire::TailStart start, bool follow) {
        wire::TailRequest request;
        request.start = start;
        request.follow = follow;
        request.credit = 1U << 20U;
        return request;
    }
    std::uint32_t in_flight() { return daemon->server().busiest(1).at(0)->in_flight(); }
};

// The disk answers those in the queue, whatever the client does: the next one can wait where it is.
TEST_F(SessionQueueTest, PlainLogBehindOthersInTheQueueIsNotReadBeyondTheLimit) {
    options.session.requests_max = 2;
    start();
    slow_log(milliseconds(100));
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 6; ++id) {
        send_log(client, id);
    }
    pass(milliseconds(20));
    EXPECT_EQ(in_flight(), 2U);
    for (std::uint64_t id = 2; id < 6; ++id) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->header.id, id);
        EXPECT_EQ(decode<wire::LogReply>(*frame)->first_sequence, id - 1);
    }
    EXPECT_EQ(in_flight(), 0U);
}

// Else the CANCEL behind it, which may be what those in flight wait for, would not be read.  It waits in its task, and
// not for room in the queue.
TEST_F(SessionQueueTest, PlainLogBehindARequestThatMayLastIsReadBeyondTheLimit) {
    options.session.requests_max = 2;
    options.pipeline.ingest.queue_bytes_max = 10'000;
    start();
    slow_log(milliseconds(100));
    RawClient& client = greet();
    wire::TailRequest none = tail_of(wire::TailStart::now, true);
    none.filter.streams = {"none"};
    client.request(2, none);
    pass(milliseconds(10));
    for (const std::uint64_t id : {3U, 4U}) {
        const Bytes batch = batch_of({{std::string(8000, 'x'), "", wire::Severity::info}});
        client.request(id, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    }
    pass(milliseconds(10));
    EXPECT_EQ(in_flight(), 3U);
    client.request(5, wire::CancelRequest{.target = 2});
    const auto asked = client.next(milliseconds(10));
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->header.id, 5U);
    expect_error(client, 2, Errc::cancelled, milliseconds(10));
    for (const std::uint64_t id : {3U, 4U}) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->header.id, id);
        EXPECT_TRUE(decode<wire::LogReply>(*frame));
    }
}

TEST_F(SessionQueueTest, LogThatIsMalformedIsRefusedAndTheNextOneIsServed) {
    start();
    RawClient& client = greet();
    for (const std::uint32_t deadline : {0U, 1000U}) {
        wire::FrameHeader header{.type = wire::MessageType::log, .id = 2};
        header.length = static_cast<std::uint32_t>(wire::kFrameHeaderSize);
        header.deadline_ms = deadline;
        const auto head = wire::encode_frame_header(header);
        client.send(Bytes(head.begin(), head.end()));
        const auto refused = client.next();
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->header.id, 2U);
        EXPECT_EQ(error_text(*refused), "malformed: log: cut short");
        send_log(client, 3);
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        EXPECT_TRUE(decode<wire::LogReply>(*frame));
        EXPECT_EQ(in_flight(), 0U);
    }
    EXPECT_EQ(daemon->server().counters().requests_failed, 2U);
}

TEST_F(SessionQueueTest, QuestionsThatAreMalformedAreRefusedAsSuch) {
    start();
    RawClient& client = greet();
    for (const auto& [type, name] : {std::pair{wire::MessageType::tail, "tail"}, {wire::MessageType::query, "query"}}) {
        wire::FrameHeader header{.type = type, .id = 2};
        header.length = static_cast<std::uint32_t>(wire::kFrameHeaderSize);
        const auto head = wire::encode_frame_header(header);
        client.send(Bytes(head.begin(), head.end()));
        const auto refused = client.next();
        ASSERT_TRUE(refused);
        EXPECT_EQ(error_text(*refused), fmt::format("malformed: {}: cut short", name));
    }
    EXPECT_EQ(daemon->server().counters().tails, 0U);
    EXPECT_EQ(daemon->server().counters().queries, 0U);
}

// The pool is busy with others: whoever is cancelled meanwhile has not begun.
TEST_F(SessionQueueTest, QueryThatWaitsForThePoolCanBeCancelled) {
    StoppedPool pool;
    options.pool = &pool;
    options.session.query.queries_max = 8;
    start();
    RawClient& client = greet();
    const wire::QueryRequest query{.credit = 1U << 20U, .text = "*"};
    for (std::uint64_t id = 2; id < 5; ++id) {
        client.request(id, query);
    }
    pass(milliseconds(10));
    ASSERT_EQ(pool.jobs.size(), 2U) << "so many at a time";
    client.request(5, wire::CancelRequest{.target = 4});
    ASSERT_TRUE(client.next());
    expect_error(client, 4, Errc::cancelled);
    pool.run();
    for (int i = 0; i < 2; ++i) {
        const auto end = client.next();
        ASSERT_TRUE(end);
        EXPECT_TRUE(decode<wire::QueryEnd>(*end));
    }
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    daemon.reset();
}

TEST_F(SessionQueueTest, TailThatCountsBackwardsCanBeCancelledWhileItWaitsForThePool) {
    for (const std::size_t memory : {1U << 20U, 1U}) {
        StoppedPool pool;
        options.pool = &pool;
        options.session.query.queries_max = 8;
        options.pipeline.memory_bytes_max = memory;
        start();
        RawClient& client = greet();
        for (std::uint64_t id = 2; id < 12; ++id) {
            log(client, id, {{"m", "", wire::Severity::info}});
        }
        const wire::QueryRequest query{.credit = 1U << 20U, .text = "*"};
        client.request(20, query);
        client.request(21, query);
        wire::TailRequest last = tail_of(wire::TailStart::last_n, false);
        last.n = 5;
        client.request(22, last);
        pass(milliseconds(10));
        client.request(23, wire::CancelRequest{.target = 22});
        ASSERT_TRUE(client.next());
        expect_error(client, 22, Errc::cancelled);
        pool.run();
        daemon->stop();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        daemon.reset();
    }
}

// One that is larger than the buffers that connections share, alone and in pieces, and with others around it.
TEST_F(SessionQueueTest, LargeLogIsStoredWhole) {
    options.session.frame_bytes_max = 1U << 20U;
    options.pipeline.ingest.batch_bytes_max = 1U << 20U;
    options.pipeline.ingest.group_bytes_max = 2U << 20U;
    options.writer.segment_bytes = 8U << 20U;
    options.writer.log_bytes_max = 64U << 20U;
    start();
    RawClient& client = greet();
    std::uint64_t id = 2;
    for (const std::size_t bytes : {65'000U, 65'536U, 300'000U, 20U, 70'000U}) {
        const Bytes batch = batch_of({{fmt::format("{} ", id) + std::string(bytes, 'x'), "", wire::Severity::info}});
        client.request(id++, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    }
    std::map<std::uint64_t, std::uint64_t> places;
    while (places.size() < 5) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        places[frame->header.id] = decode<wire::LogReply>(*frame)->first_sequence;
    }
    for (const auto& [request, sequence] : places) {
        EXPECT_EQ(sequence, request - 1) << "in the order of sending";
    }
    client.request(id, tail_of(wire::TailStart::oldest, false));
    std::string shown;
    read_entries(client, [&](const wire::TailEntry& entry) {
        const std::string_view text = entry.record.message();
        EXPECT_EQ(text.find_first_not_of('x', 2), std::string_view::npos);
        shown += fmt::format("{}: {} ", text[0], text.size() - 2);
    });
    EXPECT_EQ(shown, "2: 65000 3: 65536 4: 300000 5: 20 6: 70000 ");
}

// Whichever way a LOG goes to the queue, it is told that the disk refused it.
TEST_F(SessionQueueTest, LogWithADeadlineIsToldThatTheDiskRefusesIt) {
    start();
    RawClient& client = greet();
    world.faults().add(io::fail_from(io::OpCode::write, "*.wal", 1, EIO));
    send_log(client, 2, {.deadline_ms = 60'000});
    expect_error(client, 2, Errc::io_error);
    send_log(client, 3);
    expect_error(client, 3, Errc::io_error);
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 1U);
}

// It had not begun to follow when the daemon was stopped, and nobody would end it.
TEST_F(SessionQueueTest, TailWhoseFilterIsMadeDuringTheStopDoesNotBeginToFollow) {
    options.session.query.queries_max = 1;
    options.session.query.wait_max = seconds(60);
    start();
    RawClient& client = greet();
    for (std::uint64_t id = 2; id < 42; ++id) {
        log(client, id, {{std::string(4000, 'x'), "", wire::Severity::info}});
    }
    RawClient& slow = greet(1);
    slow.request(2, wire::QueryRequest{.credit = 1, .text = "*"});
    ASSERT_TRUE(slow.next());
    wire::TailRequest tail = tail_of(wire::TailStart::now, true);
    tail.query = "severity:info";
    client.request(50, tail);
    pass(milliseconds(10));
    daemon->stop();
    EXPECT_FALSE(client.next(milliseconds(200))) << "it waits for the place of the query";
    slow.request(3, wire::Credit{.target = 2, .bytes = 1U << 30U});
    const auto refused = client.next(seconds(1));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->header.id, 50U);
    EXPECT_EQ(error_text(*refused), "shutting_down: the daemon is stopping");
    EXPECT_TRUE(client.closed_within(seconds(1)));
}

// A client chooses how long a filter takes.
TEST_F(SessionQueueTest, FiltersOfTailsRunOnThePoolAndNothingElseOfThem) {
    CountingPool pool;
    options.pool = &pool;
    start();
    RawClient& client = greet();
    log(client, 2, {{"one", "", wire::Severity::info}, {"two", "", wire::Severity::info}});
    const auto jobs_of = [&](const wire::TailRequest& request) {
        const std::size_t before = pool.jobs;
        client.request(3, request);
        auto frame = client.next();
        while (frame && frame->header.more()) {
            frame = client.next();
        }
        EXPECT_TRUE(frame && decode<wire::TailEnd>(*frame));
        return pool.jobs - before;
    };
    wire::TailRequest tail = tail_of(wire::TailStart::oldest, false);
    tail.filter.streams = {""};
    EXPECT_EQ(jobs_of(tail), 0U);
    tail.filter.greps = {"two"};
    EXPECT_EQ(jobs_of(tail), 1U);
    tail.filter = {};
    tail.query = "two";
    EXPECT_EQ(jobs_of(tail), 2U) << "the plan, and the records";
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    daemon.reset();
}

TEST_F(SessionQueueTest, FilterThatNeedsMoreMemoryThanAQueryMayUseIsRefused) {
    options.session.query.memory_bytes_max = 100;
    start();
    RawClient& client = greet();
    wire::TailRequest tail = tail_of(wire::TailStart::oldest, false);
    tail.query = "two";
    client.request(2, tail);
    expect_error(client, 2, Errc::limit_exceeded);
}

TEST_F(SessionQueueTest, LogWhoseDeadlinePassesBeforeThereIsRoomIsNotStored) {
    options.pipeline.ingest.queue_bytes_max = 10'000;
    start();
    slow_log(seconds(1));
    RawClient& client = greet();
    const Bytes batch = batch_of({{std::string(8000, 'x'), "", wire::Severity::info}});
    client.request(2, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    client.request(3, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch}, {.deadline_ms = 100});
    EXPECT_FALSE(client.next(milliseconds(90)));
    expect_error(client, 3, Errc::deadline_exceeded, milliseconds(20));
    const auto stored = client.next();
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->header.id, 2U);
    pass(seconds(5));
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), 2U);
}

// The time counts from the last answer, whenever the timer was set.
TEST_F(SessionQueueTest, ConnectionThatWasBusyIsClosedWhenItHasBeenIdleForLong) {
    options.session.idle_timeout = seconds(2);
    start();
    RawClient& client = greet();
    pass(milliseconds(1500));
    client.request(2, wire::PingRequest());
    ASSERT_TRUE(client.next());
    EXPECT_FALSE(client.closed_within(milliseconds(1900)));
    EXPECT_TRUE(client.closed_within(milliseconds(200)));
}

TEST_F(SessionQueueTest, ConnectionThatIsAcceptedAsTheDaemonStopsIsToldSo) {
    start();
    RawClient& last = connect();
    daemon->stop();
    const auto told = last.next(milliseconds(100));
    ASSERT_TRUE(told);
    EXPECT_EQ(error_text(*told), "shutting_down: the daemon is stopping");
    EXPECT_TRUE(last.closed_within(milliseconds(100)));
}

}  // namespace
}  // namespace sluice::server::test
