// What a listener could not keep is told once, by sender, to the record.
#include "listeners/losses.h"

#include <gmock/gmock.h>

#include "listeners/listeners_fixture.h"

namespace sluice::listeners::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A listener runs beside it, so that there is a queue; the losses are the test's own.
class LossesTest : public ListenersTest {
 protected:
    void start_queue() {
        ListenerOptions options;
        options.name = "other";
        start(std::move(options));
        losses.emplace(ingest(), "mine");
    }
    static ProcessPointer sender(pid_t pid) {
        auto process = std::make_shared<Process>();
        process->credentials = {.pid = pid, .uid = 7, .gid = 8};
        process->facts.comm = fmt::format("comm{}", pid);
        process->facts.unit = fmt::format("unit{}.service", pid);
        return process;
    }
    // All of it, if the queue has room.
    bool report_all() {
        coro::Job<Result<>> job(kernel().loop(), "report", &Losses::report_all, &*losses);
        write_all();
        return job.done() && job.result().has_value();
    }
    std::optional<Losses> losses;
};

TEST_F(LossesTest, RecordsOfOneSenderAndReasonAreToldTogether) {
    start_queue();
    const ProcessPointer one = sender(1);
    losses->add(one, 2, "rate limit");
    losses->add(one, 0, "queue full");
    losses->add(one, 3, "rate limit");
    losses->add(one, 1, "queue full");
    losses->add(sender(2), 4, "rate limit");
    EXPECT_EQ(losses->total(), 10U);
    EXPECT_EQ(losses->reported(), 0U);
    ASSERT_TRUE(report_all());
    EXPECT_EQ(losses->reported(), 10U);
    EXPECT_THAT(records,
                ElementsAre("sluice warning 4 records lost on listener mine: rate limit lost=4 reason=rate limit "
                            "listener=mine sender_pid=2 sender_uid=7 sender_comm=comm2 sender_unit=unit2.service",
                            "sluice warning 1 records lost on listener mine: queue full lost=1 reason=queue full "
                            "listener=mine sender_pid=1 sender_uid=7 sender_comm=comm1 sender_unit=unit1.service",
                            "sluice warning 5 records lost on listener mine: rate limit lost=5 reason=rate limit "
                            "listener=mine sender_pid=1 sender_uid=7 sender_comm=comm1 sender_unit=unit1.service"));
}

TEST_F(LossesTest, NothingIsToldTwice) {
    start_queue();
    losses->add(sender(1), 2, "rate limit");
    ASSERT_TRUE(report_all());
    records.clear();
    ASSERT_TRUE(report_all());
    EXPECT_TRUE(records.empty());
    losses->add(sender(1), 1, "rate limit");
    ASSERT_TRUE(report_all());
    EXPECT_THAT(records, ElementsAre(HasSubstr("1 records lost")));
    EXPECT_EQ(ingest().counters().records_lost, 3U);
}

TEST_F(LossesTest, SendersBeyondTheMostAreToldTogetherByReason) {
    start_queue();
    constexpr std::size_t kMore = 5;
    for (std::size_t i = 0; i < Losses::kSendersMax + kMore; ++i) {
        losses->add(sender(static_cast<pid_t>(i + 1)), 1, "rate limit");
    }
    losses->add(sender(9999), 7, "queue full");
    ASSERT_TRUE(report_all());
    ASSERT_EQ(records.size(), Losses::kSendersMax + 2);
    EXPECT_EQ(records[0],
              "sluice warning 7 records lost on listener mine: queue full lost=7 reason=queue full listener=mine");
    EXPECT_EQ(records[1],
              fmt::format("sluice warning {0} records lost on listener mine: rate limit lost={0} reason=rate limit "
                          "listener=mine",
                          kMore));
    EXPECT_THAT(records[2], HasSubstr(fmt::format("sender_pid={} ", Losses::kSendersMax)));
    EXPECT_EQ(losses->reported(), losses->total());
}

TEST_F(LossesTest, RunTellsSoonAndAgainWhereThereWasNoRoom) {
    queue.queue_bytes_max = 400;
    start_queue();
    coro::Scope scope(kernel().loop(), nullptr);
    scope.spawn("losses", &Losses::run, &*losses);
    // The daemon's own records have room of their own: 256 KiB.
    std::uint64_t lost = 0;
    while (lost < 5000) {
        for (int i = 0; i < 200; ++i, ++lost) {
            losses->add(sender(static_cast<pid_t>(lost + 1)), 1, "rate limit");
        }
        pass(std::chrono::milliseconds(300));
        if (losses->reported() < lost) {
            break;
        }
    }
    ASSERT_LT(losses->reported(), lost) << "the queue took everything";
    ASSERT_GT(losses->reported(), 0U);
    while (write_one()) {  // It tries again for ever: the world is not idle before it has told all.
        pass(std::chrono::milliseconds(300));
    }
    EXPECT_EQ(losses->reported(), lost);
    scope.cancel();
    settle();
    EXPECT_EQ(scope.running(), 0U);
}

// ---- what the disk has refused after it was taken ----

class DiskLossesTest : public ListenersTest {
 protected:
    void start_syslog() {
        ListenerOptions options;
        options.name = "syslog";
        options.protocol = Protocol::syslog;
        start(std::move(options));
    }
    void send_and_lose(int count) {
        for (int i = 0; i < count; ++i) {
            ASSERT_TRUE(send("<14>app: lost"));
        }
        receive(report().messages + static_cast<std::uint64_t>(count));
        ASSERT_TRUE(world().run_until([&] { return !disk.groups.empty(); }));
        refuse_all();
    }
    // The disk works again.  The queue looks after its losses until they are written: the world is not idle before.
    void write_what_comes() {
        pass(std::chrono::seconds(1));
        while (write_one()) {
            pass(std::chrono::seconds(1));
        }
    }
    static constexpr const char* kTold =
        "sluice warning 3 records lost on listener syslog: the disk is full lost=3 reason=the disk is full "
        "listener=syslog sender_pid=1000 sender_uid=1000 sender_comm=tester sender_unit=tester.service";
};

TEST_F(DiskLossesTest, AreCountedAndToldByListenerAndSender) {
    start_syslog();
    send_and_lose(3);
    EXPECT_EQ(report().records_lost, 3U);
    EXPECT_EQ(ingest().counters().records_lost, 3U);
    write_what_comes();
    EXPECT_THAT(records, ElementsAre(kTold));
    EXPECT_EQ(report().losses_reported, 3U);
    EXPECT_EQ(ingest().counters().records_lost, 3U);
    EXPECT_EQ(ingest().counters().losses_reported, 3U);
    EXPECT_EQ(ingest().counters().records_received, 4U);
    EXPECT_EQ(ingest().counters().records_stored, 1U);
}

TEST_F(DiskLossesTest, AreToldOnceTheDiskTakesThemWhoseTheyWere) {
    start_syslog();
    send_and_lose(3);
    for (int i = 0; i < 5; ++i) {
        pass(std::chrono::seconds(1));
        refuse_all();
        EXPECT_EQ(report().records_lost, 3U);
        EXPECT_EQ(report().losses_reported, 0U);
        EXPECT_EQ(ingest().counters().records_lost, 3U);
        EXPECT_EQ(ingest().counters().losses_reported, 0U);
    }
    write_what_comes();
    EXPECT_THAT(records, ElementsAre(kTold));
    EXPECT_EQ(report().losses_reported, 3U);
    EXPECT_EQ(ingest().counters().losses_reported, 3U);
    EXPECT_EQ(ingest().counters().records_received, 4U);
}

// Also a loss of another kind, whose record the disk has refused.
TEST_F(DiskLossesTest, KeepTheReasonThatTheyHad) {
    start_syslog();
    std::string cut(1'500'000, 'x');
    scripted().pass(cut, {}, {.pid = 1000, .uid = 1000, .gid = 1000});
    ASSERT_TRUE(send(""));
    ASSERT_TRUE(world().run_until([&] { return !disk.groups.empty(); }));
    refuse_all();
    write_what_comes();
    EXPECT_THAT(records, ElementsAre(HasSubstr("1 records lost on listener syslog: a datagram longer than 1.25 MiB")));
    EXPECT_EQ(report().losses_reported, 1U);
    EXPECT_EQ(ingest().counters().losses_reported, 1U);
}

// The listener has ended; the queue has the last word.
TEST_F(DiskLossesTest, OfTheEndAreToldByTheQueue) {
    start_syslog();
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(send("<14>app: lost"));
    }
    coro::Job<Result<>> listeners_drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
    ASSERT_TRUE(world().run_until([&] { return listeners_drained.done() && !disk.groups.empty(); }));
    coro::Job<Result<>> drained(kernel().loop(), "drain the queue", &ingest::Ingest::drain, &ingest());
    refuse_all();
    write_what_comes();
    ASSERT_TRUE(drained.done());
    EXPECT_TRUE(drained.result());
    EXPECT_THAT(records, ElementsAre(kTold));
    EXPECT_EQ(report().records_lost, 3U);
    EXPECT_EQ(report().losses_reported, 3U);
}

}  // namespace
}  // namespace sluice::listeners::test
