#include "client/log_writer.h"

#include "client/fake_daemon.h"

namespace sluice::client {
namespace {

LogWriterOptions options_for(const FakeDaemon& daemon) {
    LogWriterOptions options;
    options.socket_path = daemon.path();
    options.linger = Duration::zero();  // A batch per record, so that batches can be counted.
    options.retry.delay_min = std::chrono::milliseconds(1);
    options.retry.delay_max = std::chrono::milliseconds(5);
    return options;
}

std::vector<std::string> numbered(int count) {
    std::vector<std::string> messages;
    for (int i = 0; i < count; ++i) {
        messages.push_back(fmt::format("record {}", i));
    }
    return messages;
}

void add(LogWriter& writer, const std::string& message) {
    writer.begin(wire::Severity::info, "test").message(message);
    const auto added = writer.finish_record();
    ASSERT_TRUE(added) << added.error();
}

void add_numbered(LogWriter& writer, int count) {
    for (const std::string& message : numbered(count)) {
        add(writer, message);
    }
}

std::uint64_t number_of(const TestRequest& request) {
    const auto log = wire::LogRequest::decode(request.payload);
    const auto header = log ? wire::parse_batch_header(log->batch) : fail(Errc::malformed, "no batch");
    EXPECT_TRUE(header);
    return header ? header->number : 0;
}

}  // namespace

TEST(LogWriter, LimitsOfZeroAreRefused) {
    for (const auto member : {&LogWriterOptions::batch_records_max, &LogWriterOptions::in_flight_max}) {
        LogWriterOptions options;
        options.wait_for_daemon = true;
        options.*member = 0;
        const auto writer = LogWriter::open(options);
        ASSERT_FALSE(writer);
        EXPECT_EQ(writer.error().code(), Errc::invalid_argument);
        EXPECT_EQ(writer.error().text(), "batch_records_max, in_flight_max and memory_bytes_max must not be 0");
    }
    LogWriterOptions options;
    options.wait_for_daemon = true;
    EXPECT_TRUE(LogWriter::open(options));
    options.memory_bytes_max = 0;
    EXPECT_FALSE(LogWriter::open(options));
}

// However long they wait.
TEST(LogWriter, RecordsHaveTheTimeAtWhichTheyWereBegun) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&log](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    const SystemClock clock;
    const WallNs before = clock.wall_now();
    WallNs after = 0;
    {
        LogWriterOptions options = options_for(daemon);
        options.linger = kPatience;
        auto writer = LogWriter::open(options);
        ASSERT_TRUE(writer) << writer.error();
        add(**writer, "now");
        after = clock.wall_now();
        (*writer)->begin(wire::Severity::info, "test", 1'700'000'000).message("then");
        ASSERT_TRUE((*writer)->finish_record());
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_TRUE(flushed) << flushed.error();
    }
    daemon.join();
    ASSERT_EQ(log.records().size(), 2U);
    EXPECT_GE(log.records()[0].time, before);
    EXPECT_LE(log.records()[0].time, after);
    EXPECT_EQ(log.records()[1].time, 1'700'000'000);
}

TEST(LogWriter, RecordsArriveInOrderAndAreAcknowledgedWithTheirSequence) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&log](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    LogWriterOptions options = options_for(daemon);
    options.linger = kPatience;
    options.batch_records_max = 3;
    options.level = wire::AckLevel::durable;
    std::vector<Acknowledged> acknowledged;
    {
        auto writer = LogWriter::open(options);
        ASSERT_TRUE(writer) << writer.error();
        (*writer)->on_acknowledged = [&](const Acknowledged& ack) { acknowledged.push_back(ack); };
        add_numbered(**writer, 10);
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_TRUE(flushed) << flushed.error();
        EXPECT_EQ((*writer)->counters().acknowledged_records, 10U);
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(10));
    ASSERT_EQ(acknowledged.size(), 4U);
    EXPECT_EQ(acknowledged[3].first_record, 9U);
    EXPECT_EQ(acknowledged[3].count, 1U);
    EXPECT_EQ(acknowledged[3].first_sequence, 10U);
    EXPECT_EQ(acknowledged[3].level, wire::AckLevel::durable);
}

// The daemon stores a batch and dies before the reply: the number tells it apart from a new one.
TEST(LogWriter, ALostReplyLeadsToADuplicateAndNotToASecondRecord) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&log](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet());
            for (int i = 0; i < 3; ++i) {
                auto request = peer.next();
                ASSERT_TRUE(request);
                Peer nobody(-1);
                log.serve(nobody, *request);
            }
        }
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        int waits = 0;
        (*writer)->on_waiting = [&waits](const Waiting& waiting) {
            EXPECT_EQ(waiting.reason.code(), Errc::closed);
            ++waits;
        };
        add_numbered(**writer, 5);
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_TRUE(flushed) << flushed.error();
        EXPECT_EQ((*writer)->counters().duplicate_batches, 3U);
        EXPECT_EQ((*writer)->counters().connects, 2U);
        EXPECT_GE(waits, 1);
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(5));
    EXPECT_EQ(log.producers(), 1U);
}

TEST(LogWriter, ADaemonThatIsAwayForAWhileIsWaitedFor) {
    FakeLog log;
    std::atomic<bool> away{false};
    std::atomic<bool> may_return{false};
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet());
            self.stop_listening();
        }
        away = true;
        away.notify_all();
        may_return.wait(false);
        self.listen();
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        int waits = 0;
        (*writer)->on_waiting = [&](const Waiting&) {
            if (++waits == 3) {  // It has tried while nobody listened.
                may_return = true;
                may_return.notify_all();
            }
        };
        away.wait(false);
        add_numbered(**writer, 4);
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_TRUE(flushed) << flushed.error();
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(4));
}

TEST(LogWriter, AfterAPassingRefusalEverythingIsSentAgainInOrder) {
    FakeLog log;
    std::vector<std::uint64_t> numbers;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        bool refused = false;
        while (auto request = peer.next()) {
            numbers.push_back(number_of(*request));
            if (numbers.back() == 2 && !refused) {
                refused = true;
                peer.refuse(request->header.id, Errc::limit_exceeded, "the queue is full");
            } else {
                log.serve(peer, *request);
            }
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        add_numbered(**writer, 4);
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_TRUE(flushed) << flushed.error();
        EXPECT_EQ((*writer)->counters().producer_restarts, 0U);
        EXPECT_EQ((*writer)->counters().rejected_records, 0U);
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(4));
    EXPECT_EQ(log.producers(), 1U);
    EXPECT_EQ(numbers.front(), 1U);
}

TEST(LogWriter, APermanentRefusalLosesThatBatchAloneAndIsReported) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        bool refused = false;
        while (auto request = peer.next()) {
            if (number_of(*request) == 2 && !refused) {
                refused = true;
                peer.refuse(request->header.id, Errc::permission_denied, "not this stream");
            } else {
                log.serve(peer, *request);
            }
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        std::vector<std::uint64_t> rejected;
        (*writer)->on_rejected = [&rejected](const Rejected& batch) {
            EXPECT_EQ(batch.count, 1U);
            EXPECT_EQ(batch.error.code(), Errc::permission_denied);
            EXPECT_FALSE(batch.may_be_stored);
            rejected.push_back(batch.first_record);
        };
        add_numbered(**writer, 5);
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_FALSE(flushed);
        EXPECT_EQ(flushed.error().code(), Errc::permission_denied);
        EXPECT_EQ(rejected, std::vector<std::uint64_t>{1});
        EXPECT_FALSE((*writer)->failed());
        add(**writer, "one more");
        const auto again = (*writer)->flush(kPatience);
        EXPECT_TRUE(again) << again.error();
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), (std::vector<std::string>{"record 0", "record 2", "record 3", "record 4", "one more"}));
}

// With `accepted`, a daemon that was killed may have forgotten numbers it had acknowledged.
TEST(LogWriter, ADaemonThatForgotTheProducerGetsTheRestUnderANewOne) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet());
            for (int i = 0; i < 2; ++i) {
                auto request = peer.next();
                ASSERT_TRUE(request);
                log.serve(peer, *request);
            }
        }
        log.forget_producers();
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        add_numbered(**writer, 2);
        ASSERT_TRUE((*writer)->flush(kPatience));
        add(**writer, "record 2");
        add(**writer, "record 3");
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_TRUE(flushed) << flushed.error();
        EXPECT_EQ((*writer)->counters().producer_restarts, 1U);
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(4));
}

TEST(LogWriter, NoMoreRequestsAreInFlightThanTheDaemonAllows) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet({.requests_in_flight_max = 2}));
        std::vector<TestRequest> held;
        std::size_t served = 0;
        while (served < 6) {
            auto request = peer.next();
            ASSERT_TRUE(request);
            held.push_back(std::move(*request));
            if (held.size() == 2) {
                EXPECT_FALSE(peer.has_input()) << "a third request before the first was answered";
                for (const TestRequest& one : held) {
                    log.serve(peer, one);
                    ++served;
                }
                held.clear();
            }
        }
        peer.wait_for_end();
    });
    auto writer = LogWriter::open(options_for(daemon));
    ASSERT_TRUE(writer) << writer.error();
    add_numbered(**writer, 6);
    const auto flushed = (*writer)->flush(kPatience);
    EXPECT_TRUE(flushed) << flushed.error();
    EXPECT_EQ((*writer)->counters().sends, 6U);
    writer->reset();
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(6));
}

TEST(LogWriter, ASilentDaemonIsTakenAsGone) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer silent = self.accept();
        ASSERT_TRUE(silent.greet());
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    LogWriterOptions options = options_for(daemon);
    options.reply_timeout = std::chrono::milliseconds(20);
    auto writer = LogWriter::open(options);
    ASSERT_TRUE(writer) << writer.error();
    add(**writer, "record 0");
    const auto flushed = (*writer)->flush(kPatience);
    ASSERT_TRUE(flushed) << flushed.error();
    EXPECT_GE((*writer)->counters().connects, 2U);
    writer->reset();
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(1));
}

TEST(LogWriter, GivingUpRejectsWhatIsUnknownAndSaysSo) {
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        EXPECT_TRUE(peer.next());
        self.stop_listening();
    });
    LogWriterOptions options = options_for(daemon);
    options.retry.give_up_after = std::chrono::milliseconds(30);
    auto writer = LogWriter::open(options);
    ASSERT_TRUE(writer) << writer.error();
    std::vector<bool> may_be_stored;
    (*writer)->on_rejected = [&](const Rejected& batch) { may_be_stored.push_back(batch.may_be_stored); };
    add(**writer, "record 0");
    const auto flushed = (*writer)->flush(kPatience);
    ASSERT_FALSE(flushed);
    EXPECT_EQ(may_be_stored, std::vector<bool>{true});
    EXPECT_TRUE((*writer)->idle());
    EXPECT_EQ((*writer)->counters().rejected_records, 1U);
}

TEST(LogWriter, FlushReturnsAtItsDeadlineAndKeepsTheRecords) {
    FakeLog log;
    std::atomic<bool> answer{false};
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        auto request = peer.next();
        ASSERT_TRUE(request);
        answer.wait(false);
        log.serve(peer, *request);
        peer.wait_for_end();
    });
    auto writer = LogWriter::open(options_for(daemon));
    ASSERT_TRUE(writer) << writer.error();
    add(**writer, "record 0");
    const auto early = (*writer)->flush(std::chrono::milliseconds(10));
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code(), Errc::deadline_exceeded);
    answer = true;
    answer.notify_all();
    const auto flushed = (*writer)->flush(kPatience);
    EXPECT_TRUE(flushed) << flushed.error();
    writer->reset();
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(1));
}

TEST(LogWriter, MemoryIsBoundedByWaitingOrByTheCaller) {
    std::atomic<bool> done{false};
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        done.wait(false);
    });
    LogWriterOptions options = options_for(daemon);
    options.memory_bytes_max = 1000;
    options.wait_when_full = false;
    auto writer = LogWriter::open(options);
    ASSERT_TRUE(writer) << writer.error();
    EXPECT_FALSE((*writer)->full());
    for (int i = 0; i < 10; ++i) {
        add(**writer, std::string(200, 'x'));
    }
    EXPECT_TRUE((*writer)->full());
    done = true;
    done.notify_all();
}

TEST(LogWriter, ARecordThatFitsIntoNoFrameIsRefusedAlone) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&log](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        (*writer)->begin(wire::Severity::info).message(std::string(wire::kMessageBytesMax + 1, 'x'));
        const auto message = (*writer)->finish_record();
        ASSERT_FALSE(message);
        EXPECT_EQ(message.error().code(), Errc::too_large);
        (*writer)->begin(wire::Severity::info).message("m").string_field("f", std::string(2U << 20U, 'x'));
        const auto field = (*writer)->finish_record();
        ASSERT_FALSE(field);
        EXPECT_EQ(field.error().code(), Errc::too_large);
        add(**writer, "record 0");
        const auto flushed = (*writer)->flush(kPatience);
        EXPECT_TRUE(flushed) << flushed.error();
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(1));
}

TEST(LogWriter, ABatchAboveTheDaemonsOwnLimitIsRejectedWithoutSending) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&log](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet({.frame_bytes_max = 512}));
        while (auto request = peer.next()) {
            log.serve(peer, *request);
        }
    });
    {
        auto writer = LogWriter::open(options_for(daemon));
        ASSERT_TRUE(writer) << writer.error();
        add(**writer, std::string(600, 'x'));
        add(**writer, "record 0");
        const auto flushed = (*writer)->flush(kPatience);
        ASSERT_FALSE(flushed);
        EXPECT_EQ(flushed.error().code(), Errc::too_large);
    }
    daemon.join();
    EXPECT_EQ(messages_of(log), numbered(1));
}

TEST(LogWriter, ADaemonThatRefusesThisClientEndsTheWriter) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet());
            EXPECT_TRUE(peer.next());
        }
        Peer peer = self.accept();
        const auto hello = peer.next();
        ASSERT_TRUE(hello);
        peer.refuse(hello->header.id, Errc::permission_denied, "uid 7 may not log");
        peer.wait_for_end();
    });
    auto writer = LogWriter::open(options_for(daemon));
    ASSERT_TRUE(writer) << writer.error();
    add(**writer, "record 0");
    const auto flushed = (*writer)->flush(kPatience);
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error().code(), Errc::permission_denied);
    ASSERT_TRUE((*writer)->failed());
    (*writer)->begin(wire::Severity::info).message("too late");
    EXPECT_FALSE((*writer)->finish_record());
}

}  // namespace sluice::client
