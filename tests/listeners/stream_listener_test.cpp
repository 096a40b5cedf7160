#include <gmock/gmock.h>

#include "listeners/listeners_fixture.h"

namespace sluice::listeners::test {
namespace {

using testing::ElementsAre;

class StreamListenerTest : public ListenersTest {
 protected:
    void start_with(std::string name, Protocol protocol) {
        ListenerOptions options;
        options.name = std::move(name);
        options.protocol = protocol;
        options.connections_max = 2;
        start(std::move(options));
    }
    io::Handle connect() {
        auto socket = client().connect_unix(path());
        EXPECT_TRUE(socket) << socket.error();
        settle();
        return std::move(*socket);
    }
    void write(const io::Handle& socket, std::string text) {
        coro::Job<Result<>> job(client().loop(), "send", &StreamListenerTest::send_all, &client(), &socket, &text);
        (void)world().run_until([&] { return job.done(); });
        ASSERT_TRUE(job.result()) << job.result().error();
        settle();
    }

 private:
    static Task<Result<>> send_all(io::Kernel* kernel, const io::Handle* socket, const std::string* text) {
        ByteView rest = as_bytes(*text);
        while (!rest.empty()) {
            SLUICE_CO_TRY(const std::size_t sent, co_await kernel->send(*socket, rest));
            rest = rest.subspan(sent);
        }
        co_return Result<>{};
    }
};

TEST_F(StreamListenerTest, JsonLinesBecomeRecords) {
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    write(socket, "{\"msg\":\"a\",\"level\":\"warn\",\"n\":1,\"stream\":\"web\"}\nno js");
    write(socket, "on\n");
    write_all();
    EXPECT_THAT(records, ElementsAre("web warning a n=1", testing::HasSubstr("tester info no json parse_error=")));
    EXPECT_EQ(report().intake.malformed, 1U);
    EXPECT_EQ(report().connections_open, 1U);
}

TEST_F(StreamListenerTest, SyslogFramesOfAllKinds) {
    start_with("syslog-stream", Protocol::syslog_stream);
    const io::Handle socket = connect();
    write(socket, "<14>a: one\n9 <14>b: 22<14>c: end");
    write_all();
    EXPECT_THAT(records, ElementsAre("a info one syslog_facility=1", "b info 22 syslog_facility=1"));
}

TEST_F(StreamListenerTest, WhatHasNoEndEndsWithTheConnection) {
    start_with("stdout", Protocol::stdout_stream);
    {
        const io::Handle socket = connect();
        write(socket, "app\n\n6\n1\n0\n0\n0\nfirst\n<3>second");
    }
    write_all();
    EXPECT_THAT(records, ElementsAre("app info first", "app err second line_break=eof"));
    EXPECT_EQ(report().connections_open, 0U);
}

// A short client sends, closes, and takes it for done.
TEST_F(StreamListenerTest, ConnectionsAboveTheLimitWait) {
    start_with("json", Protocol::json);
    io::Handle first = connect();
    const io::Handle second = connect();
    for (int i = 0; i < 5; ++i) {
        const io::Handle beyond = connect();
        write(beyond, fmt::format("{{\"msg\":\"{}\"}}\n", i));
    }
    write_all();
    EXPECT_THAT(records, ElementsAre());
    EXPECT_EQ(report().connections_open, 2U);
    EXPECT_EQ(report().connections_waiting, 0U);  // In the backlog.
    EXPECT_THAT(told.waiting, ElementsAre(2U));
    first = io::Handle();
    write_all();
    EXPECT_THAT(records,
                ElementsAre("tester info 0", "tester info 1", "tester info 2", "tester info 3", "tester info 4"));
    EXPECT_EQ(report().connections_refused, 0U);
    EXPECT_EQ(report().records_lost, 0U);
    EXPECT_THAT(told.waiting, ElementsAre(2U));
    pass(std::chrono::minutes(1));
    const io::Handle again = connect();
    const io::Handle above = connect();
    EXPECT_THAT(told.waiting, ElementsAre(2U, 2U));
}

// They leave room for others.
TEST_F(StreamListenerTest, ConnectionsOfAUserAboveTheLimitWaitUnread) {
    ListenerOptions options;
    options.name = "json";
    options.protocol = Protocol::json;
    options.connections_per_uid_max = 1;
    start(std::move(options));
    io::Handle first = connect();
    for (int i = 0; i < 5; ++i) {
        const io::Handle beyond = connect();
        write(beyond, fmt::format("{{\"msg\":\"{}\"}}\n", i));
    }
    write_all();
    EXPECT_THAT(records, ElementsAre());
    EXPECT_EQ(report().connections_open, 1U);
    EXPECT_EQ(report().connections_waiting, 5U);
    first = io::Handle();
    write_all();
    EXPECT_THAT(records,
                ElementsAre("tester info 0", "tester info 1", "tester info 2", "tester info 3", "tester info 4"));
    EXPECT_EQ(report().connections_waiting, 0U);
    EXPECT_EQ(report().records_lost, 0U);
}

TEST_F(StreamListenerTest, UsersTogetherLeaveConnectionsForOthers) {
    for (const Overflow overflow : {Overflow::block, Overflow::drop}) {
        ListenerOptions options;
        options.name = "json";
        options.protocol = Protocol::json;
        options.connections_max = 40;
        options.connections_per_uid_max = 20;
        options.overflow = overflow;
        start(std::move(options));
        std::vector<io::Handle> open;
        for (int i = 0; i < 20; ++i) {
            for (const uid_t uid : {1001U, 1002U}) {
                client().set_credentials({.pid = 1000, .uid = uid, .gid = uid});
                open.push_back(connect());
            }
        }
        EXPECT_EQ(report().connections_open, 35U);
        for (unsigned i = 0; i < 5; ++i) {
            client().set_credentials({.pid = 1000, .uid = 1003, .gid = 1003});
            open.push_back(connect());
            EXPECT_EQ(report().connections_open, 36U + i);
        }
        open.clear();
        settle();
        client().set_credentials({.pid = 1000, .uid = 1000, .gid = 1000});
        end();
    }
}

TEST_F(StreamListenerTest, DrainTakesWhatConnectionsAboveTheLimitsHaveSent) {
    for (const std::uint32_t per_uid : {64U, 1U}) {
        for (const Overflow overflow : {Overflow::block, Overflow::drop}) {
            records.clear();
            ListenerOptions options;
            options.name = "json";
            options.protocol = Protocol::json;
            options.connections_max = 2;
            options.connections_per_uid_max = per_uid;
            options.overflow = Overflow::block;
            start(options);
            const io::Handle first = connect();
            const io::Handle second = connect();
            for (int i = 0; i < 5; ++i) {
                const io::Handle beyond = connect();
                write(beyond, "{\"msg\":\"a\"}\n");
            }
            options.overflow = overflow;
            coro::Job<Result<>> drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
            for (int turn = 0; turn < 500 && !drained.done(); ++turn) {
                write_all();
                pass(std::chrono::milliseconds(10));
            }
            ASSERT_TRUE(drained.done());
            EXPECT_EQ(records.size(), 5U);
            EXPECT_EQ(report().records_lost, 0U);
            end();
        }
    }
}

TEST_F(StreamListenerTest, ConnectionsAboveTheLimitAreALossWhereNobodyWaits) {
    ListenerOptions options;
    options.name = "json";
    options.protocol = Protocol::json;
    options.connections_max = 2;
    options.overflow = Overflow::drop;
    start(std::move(options));
    const io::Handle first = connect();
    const io::Handle second = connect();
    const io::Handle third = connect();
    const io::Handle fourth = connect();
    EXPECT_EQ(report().connections_open, 2U);
    EXPECT_EQ(report().connections_refused, 2U);
    EXPECT_EQ(report().records_lost, 2U);
    pass(std::chrono::seconds(1));
    write_all();
    EXPECT_EQ(records.size(), 2U);
    EXPECT_THAT(records, testing::Each(testing::HasSubstr(
                             "1 records lost on listener json: a connection above the limit lost=1 reason=a connection "
                             "above the limit listener=json sender_pid=1000")));
    EXPECT_EQ(report().losses_reported, 2U);
}

TEST_F(StreamListenerTest, DrainTakesWhatHasArrived) {
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    write(socket, "{\"msg\":\"a\"}\n{\"msg\":\"b\"}");
    coro::Job<Result<>> drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
    write_all();
    EXPECT_TRUE(drained.done());
    EXPECT_THAT(records, ElementsAre("tester info a", "tester info b"));
}

// A service and what it starts, as other users, write to one; users overtake each other in the queue.
TEST_F(StreamListenerTest, ConnectionThatSeveralUsersWriteToKeepsItsOrder) {
    queue.group_bytes_max = 1;
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    int line = 0;
    for (const uid_t uid : {1000U, 1001U, 1001U, 1001U, 1002U, 1001U, 1000U}) {
        scripted().write_as({.pid = 1000, .uid = uid, .gid = uid});
        write(socket, fmt::format("{{\"msg\":\"{}\"}}\n", line++));
    }
    write_all();
    EXPECT_THAT(records, ElementsAre("tester info 0", "tester info 1", "tester info 2", "tester info 3",
                                     "tester info 4", "tester info 5", "tester info 6"));
    for (std::size_t i = 0; i < records.size(); ++i) {
        const uid_t uid = i == 4 ? 1002 : i == 0 || i == 6 ? 1000 : 1001;
        EXPECT_THAT(with_trusted[i], testing::HasSubstr(fmt::format("_uid={}", uid)));
    }
}

// One read of many short lines is more than one batch of the queue may have.
TEST_F(StreamListenerTest, ManyShortLinesAreManyBatches) {
    queue.records_max = 100;
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    std::string lines;
    for (int i = 0; i < 20'000; ++i) {
        lines += "x\n";
    }
    write(socket, lines);
    write_all();
    EXPECT_EQ(records.size(), 20'000U);
    EXPECT_EQ(report().records_lost, 0U);
}

// A connection that waits for the queue loses nothing that was sent before.
TEST_F(StreamListenerTest, DrainTakesWhatBlockedConnectionsHaveSent) {
    queue.queue_bytes_max = 400;
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    for (int i = 0; i < 200; ++i) {
        write(socket, fmt::format("{{\"msg\":\"{}\"}}\n", i));
    }
    coro::Job<Result<>> drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
    for (int turn = 0; turn < 500 && !drained.done(); ++turn) {
        write_all();
    }
    EXPECT_TRUE(drained.done());
    EXPECT_EQ(records.size(), 200U);
}

TEST_F(StreamListenerTest, RateLimitTakesWhatIsWithinIt) {
    ListenerOptions options;
    options.name = "json";
    options.protocol = Protocol::json;
    options.rate_burst = 2;
    start(std::move(options));
    const io::Handle socket = connect();
    write(socket, "{\"msg\":\"1\"}\n{\"msg\":\"2\"}\n{\"msg\":\"3\"}\n{\"msg\":\"4\"}\n");
    write_all();
    EXPECT_EQ(report().records_lost, 2U);
    ASSERT_GE(records.size(), 2U);
    EXPECT_EQ(records[1], "tester info 2");
}

// A stalled disk stops a connection only when the queue is full.
TEST_F(StreamListenerTest, StalledDiskDoesNotStallTheSocketWhileTheQueueHasRoom) {
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    for (int i = 0; i < 1000; ++i) {
        write(socket, fmt::format("{{\"msg\":\"{}\"}}\n", i));
    }
    EXPECT_EQ(report().records, 1000U);
    EXPECT_TRUE(records.empty());
    write_all();
    EXPECT_EQ(records.size(), 1000U);
}

}  // namespace
}  // namespace sluice::listeners::test
