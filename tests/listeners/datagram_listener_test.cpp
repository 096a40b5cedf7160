#include <gmock/gmock.h>

#include "listeners/listeners_fixture.h"

namespace sluice::listeners::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using DatagramListenerTest = ListenersTest;

ListenerOptions syslog_options() {
    ListenerOptions options;
    options.name = "syslog";
    options.protocol = Protocol::syslog;
    return options;
}

// A queue that holds two messages, and a disk that does not answer.
ingest::IngestOptions small_queue() {
    ingest::IngestOptions options;
    options.queue_bytes_max = 400;
    return options;
}

TEST_F(DatagramListenerTest, MessageBecomesARecordWithItsSender) {
    start(syslog_options());
    ASSERT_TRUE(send("<11>Nov 25 12:00:00 app[7]: hello"));
    write_all();
    EXPECT_THAT(with_trusted,
                ElementsAre("app err hello syslog_facility=1 syslog_pid=7 syslog_timestamp=Nov 25 12:00:00 _pid=1000 "
                            "_uid=1000 _gid=1000 _comm=tester _unit=tester.service _transport=syslog _sender=pid"));
    EXPECT_EQ(report().records, 1U);
    EXPECT_EQ(report().messages, 1U);
}

TEST_F(DatagramListenerTest, SenderIsReadOnceAndOneThatHasEndedIsNamedByTheKernelAlone) {
    start(syslog_options());
    processes.comms.clear();
    ASSERT_TRUE(send("<13>one"));
    ASSERT_TRUE(send("<13>two"));
    write_all();
    EXPECT_THAT(with_trusted, ElementsAre("syslog notice one syslog_facility=1 _pid=1000 _uid=1000 _gid=1000 "
                                          "_transport=syslog _sender=kernel",
                                          "syslog notice two syslog_facility=1 _pid=1000 _uid=1000 _gid=1000 "
                                          "_transport=syslog _sender=kernel"));
    EXPECT_EQ(processes.reads, 1U);
    EXPECT_EQ(report().processes.gone, 1U);
}

TEST_F(DatagramListenerTest, OrderIsKeptAcrossSendersThatAreReadFirst) {
    start(syslog_options());
    std::vector<std::string> sent;
    for (int i = 0; i < 9; ++i) {
        client().set_credentials({.pid = 2000 + i % 3, .uid = 1000, .gid = 1000});
        ASSERT_TRUE(send(fmt::format("<14>message {}", i)));
        sent.push_back(fmt::format("syslog info message {} syslog_facility=1", i));
    }
    write_all();
    EXPECT_EQ(records, sent);
}

TEST_F(DatagramListenerTest, JournalEntriesKeepTheirFields) {
    ListenerOptions options;
    options.name = "journal";
    start(options);
    ASSERT_TRUE(send("MESSAGE=hello\nPRIORITY=3\nSYSLOG_IDENTIFIER=app\nCODE_LINE=7\n_PID=1\n"));
    ASSERT_TRUE(send(""));
    write_all();
    EXPECT_THAT(records, ElementsAre("app err hello code_line=7"));
    EXPECT_EQ(report().intake.dropped_fields, 1U);
    EXPECT_EQ(report().messages, 2U);
}

TEST_F(DatagramListenerTest, StreamsAreNamedByThePattern) {
    ListenerOptions options = syslog_options();
    options.stream = *StreamPattern::parse("apps/{unit|comm}/{uid}");
    start(options);
    ASSERT_TRUE(send("<14>tag: text"));
    write_all();
    EXPECT_THAT(records, ElementsAre("apps/tester.service/1000 info text syslog_facility=1 syslog_identifier=tag"));
}

// ---- overload ----

TEST_F(DatagramListenerTest, BlockLeavesMessagesInTheSocketWhileTheQueueIsFull) {
    queue = small_queue();
    start(syslog_options());
    std::size_t sent = 0;
    while (sent < 100 && send(fmt::format("<14>{}", sent))) {
        ++sent;
        settle();
    }
    EXPECT_LT(sent, 100U) << "the sender was never told to wait";
    EXPECT_EQ(report().records_lost, 0U);
    write_all();
    EXPECT_EQ(records.size(), sent);
}

TEST_F(DatagramListenerTest, DropReadsOnAndTellsWhoLostHowManyWithinASecond) {
    queue = small_queue();
    ListenerOptions options = syslog_options();
    options.overflow = Overflow::drop;
    start(options);
    for (unsigned i = 0; i < 50; ++i) {
        ASSERT_TRUE(send(fmt::format("<14>{}", i)));
        receive(i + 1);
    }
    const std::uint64_t lost = report().records_lost;
    EXPECT_GT(lost, 0U);
    pass(std::chrono::seconds(1));  // The sender stays silent, and the disk does not write.
    EXPECT_EQ(report().losses_reported, lost);
    write_all();
    EXPECT_EQ(records.size(), 50 - lost + 1);
    EXPECT_THAT(records,
                testing::Contains(fmt::format(
                    "sluice warning {0} records lost on listener syslog: queue full lost={0} reason=queue full "
                    "listener=syslog sender_pid=1000 sender_uid=1000 sender_comm=tester "
                    "sender_unit=tester.service",
                    lost)));
    const ingest::IngestCounters& counters = ingest().counters();
    EXPECT_EQ(counters.records_received, 51U);
    EXPECT_EQ(counters.records_stored + counters.records_lost, 51U);
    EXPECT_EQ(counters.losses_reported, lost);
}

TEST_F(DatagramListenerTest, DropBySeverityLosesTheLessSevereOnly) {
    queue = small_queue();
    ListenerOptions options = syslog_options();
    options.overflow = Overflow::drop_by_severity;
    start(options);
    for (unsigned i = 0; i < 10; ++i) {
        ASSERT_TRUE(send(fmt::format("<14>info {}", i)));
        receive(i + 1);
    }
    ASSERT_TRUE(send("<10>severe"));
    receive(11);
    ASSERT_GT(report().records_lost, 0U);
    EXPECT_LT(report().records_lost, 10U);
    write_all();
    EXPECT_THAT(records, testing::Contains("tester crit severe syslog_facility=1"));
}

TEST_F(DatagramListenerTest, RateLimitCountsPerProcessAndBeginsAgain) {
    ListenerOptions options = syslog_options();
    options.rate_burst = 3;
    options.rate_interval = std::chrono::seconds(10);
    start(options);
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(send(fmt::format("<14>{}", i)));
    }
    client().set_credentials({.pid = 2000, .uid = 1000, .gid = 1000});
    ASSERT_TRUE(send("<14>other"));
    pass(std::chrono::seconds(11));
    client().set_credentials({.pid = 1000, .uid = 1000, .gid = 1000});
    ASSERT_TRUE(send("<14>again"));
    write_all();
    EXPECT_EQ(report().records_lost, 2U);
    EXPECT_THAT(records, ElementsAre(HasSubstr("info 0"), HasSubstr("info 1"), HasSubstr("info 2"), HasSubstr("other"),
                                     HasSubstr("2 records lost on listener syslog: rate limit"), HasSubstr("again")));
}

// ---- the end ----

TEST_F(DatagramListenerTest, DrainTakesWhatIsInTheSocketAndTellsLosses) {
    queue = small_queue();
    ListenerOptions options = syslog_options();
    options.overflow = Overflow::drop;
    start(options);
    for (unsigned i = 0; i < 20; ++i) {
        ASSERT_TRUE(send(fmt::format("<14>{}", i)));
        if (i % 8 == 0) {
            receive(i + 1);
        }
    }
    coro::Job<Result<>> drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
    for (int turn = 0; turn < 10 && !drained.done(); ++turn) {
        write_all();
    }
    EXPECT_TRUE(drained.done());
    EXPECT_EQ(report().messages, 20U);
    EXPECT_EQ(report().losses_reported, report().records_lost);
    EXPECT_EQ(send("<14>late").error().sys_errno(), ECONNREFUSED);
}

// Whatever happens, each message is a record, or a loss that is counted.
TEST_F(DatagramListenerTest, WhatACancelledListenerHadIsCounted) {
    queue = small_queue();
    start(syslog_options());
    std::uint64_t sent = 0;
    for (; sent < 40 && send(fmt::format("<14>{}", sent)); ++sent) {
        (void)world().run_until([&] { return report().messages > sent; }, 200);
    }
    end();
    const ListenerReport last = report();
    EXPECT_GT(last.records_lost, 0U);
    EXPECT_EQ(last.messages, last.records + last.records_lost);
}

TEST_F(DatagramListenerTest, EntriesOfOneDatagramCanBeMoreThanABatch) {
    queue.records_max = 50;
    ListenerOptions options;
    options.name = "journal";
    start(options);
    std::string entries;
    for (int i = 0; i < 1000; ++i) {
        entries += "A=\n\n";
    }
    ASSERT_TRUE(send(entries));
    write_all();
    EXPECT_EQ(records.size(), 1000U);
    EXPECT_EQ(report().records_lost, 0U);
}

}  // namespace
}  // namespace sluice::listeners::test
