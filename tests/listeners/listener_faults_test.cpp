// Each call of a listener to the kernel fails once; and a listener is cancelled at each moment.  Whatever happens: what
// it has received is a record, or a loss that is counted and told.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include "listeners/listeners_fixture.h"

namespace sluice::listeners::test {
namespace {

using io::OpCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Call = ScriptedKernel::Call;

Fd sealed_memory(std::string_view text) {
    Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
    return fd;
}

class ListenerFaults : public ListenersTest {
 protected:
    void start_with(std::string name, Protocol protocol) {
        ListenerOptions options;
        options.name = std::move(name);
        options.protocol = protocol;
        start(std::move(options));
    }
    // Until it has ended; the disk writes meanwhile.
    bool drain() {
        coro::Job<Result<>> drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
        for (int turn = 0; turn < 100 && !drained.done(); ++turn) {
            write_all();
        }
        write_all();
        return drained.done();
    }
    io::Handle connect() {
        auto socket = client().connect_unix(path());
        EXPECT_TRUE(socket) << socket.error();
        return socket ? std::move(*socket) : io::Handle();
    }
    void write(const io::Handle& socket, const std::string& text) {
        coro::Job<Result<>> job(client().loop(), "send", &ListenerFaults::send_all, &client(), &socket, &text);
        ASSERT_TRUE(world().run_until([&] { return job.done(); }));
        settle();
    }
    // From three senders by turns; with a file of sealed memory among them.
    void send_burst(int count, bool with_memory) {
        for (int i = 0; i < count; ++i) {
            client().set_credentials({.pid = 1000 + i % 3, .uid = 1000, .gid = 1000});
            ASSERT_TRUE(send(fmt::format("MESSAGE={}\n", i)));
            if (with_memory && i == 3) {
                std::vector<Fd> files;
                files.push_back(sealed_memory("MESSAGE=in memory\n"));
                scripted().pass("", std::move(files), client().credentials());
            }
        }
    }
    static std::vector<std::string> numbered(std::string_view form, int count) {
        std::vector<std::string> all;
        for (int i = 0; i < count; ++i) {
            all.push_back(fmt::format(fmt::runtime(form), i));
        }
        return all;
    }

 private:
    static Task<Result<>> send_all(io::Kernel* kernel, const io::Handle* socket, const std::string* text) {
        for (ByteView rest = as_bytes(*text); !rest.empty();) {
            SLUICE_CO_TRY(const std::size_t sent, co_await kernel->send(*socket, rest));
            rest = rest.subspan(sent);
        }
        co_return Result<>{};
    }
};

constexpr int kMessages = 6;

TEST_F(ListenerFaults, PollOfDatagramsThatFailsIsToldAndTriedAgain) {
    std::uint64_t nth = 1;
    for (bool fired = true; fired; ++nth) {
        world().faults().clear_rules();
        world().faults().add(io::fail_nth(OpCode::poll_in, "*", nth, ENOMEM));
        told = {};
        records.clear();
        start_with("syslog", Protocol::syslog);
        for (int i = 0; i < kMessages; ++i) {
            ASSERT_TRUE(send(fmt::format("<14>{}", i)));
            settle();
        }
        ASSERT_TRUE(drain());
        fired = world().faults().hits(0) != 0;
        EXPECT_EQ(records, numbered("tester info {} syslog_facility=1", kMessages)) << nth;
        EXPECT_EQ(told.troubles.size(), fired ? 1U : 0U) << nth;
        EXPECT_THAT(told.failures, IsEmpty()) << nth;
        end();
    }
    EXPECT_GT(nth, 5U);
}

TEST_F(ListenerFaults, ReceiveOfDatagramsThatFailsIsToldAndTriedAgain) {
    std::uint64_t nth = 1;
    for (bool fired = true; fired; ++nth) {
        told = {};
        records.clear();
        start_with("syslog", Protocol::syslog);
        scripted().fail(Call::receive, nth, ENOBUFS);
        for (int i = 0; i < kMessages; ++i) {
            ASSERT_TRUE(send(fmt::format("<14>{}", i)));
            settle();
        }
        fired = scripted().has_failed(Call::receive);
        EXPECT_EQ(told.troubles.size(), fired ? 1U : 0U) << nth;
        ASSERT_TRUE(drain());
        EXPECT_EQ(records, numbered("tester info {} syslog_facility=1", kMessages)) << nth;
        if (fired) {
            EXPECT_THAT(told.troubles, ElementsAre(HasSubstr("syslog: ")));
            EXPECT_THAT(told.failures, IsEmpty()) << nth;
        }
        end();
    }
    EXPECT_GT(nth, 5U);
}

// At the end nobody tries again: it is told that the listener has failed.
TEST_F(ListenerFaults, LastReceiveThatFailsIsTold) {
    start_with("syslog", Protocol::syslog);
    ASSERT_TRUE(send("<14>one"));
    settle();
    scripted().fail(Call::receive, 1, ENOBUFS);
    ASSERT_TRUE(drain());
    EXPECT_THAT(told.failures, ElementsAre(HasSubstr("syslog: ")));
    EXPECT_THAT(records, ElementsAre("tester info one syslog_facility=1"));
}

TEST_F(ListenerFaults, ListenerThatCannotAskForSendersIsToldAndLetsNobodyWait) {
    for (const Protocol protocol : {Protocol::journal, Protocol::json}) {
        told = {};
        scripted().fail(Call::receive_senders, 1, EPERM);
        start_with(std::string(protocol_name(protocol)), protocol);
        EXPECT_THAT(told.failures, ElementsAre(HasSubstr(std::string(protocol_name(protocol)) + ": ")));
        if (uses_datagrams(protocol)) {
            EXPECT_EQ(send("MESSAGE=x\n").error().sys_errno(), ECONNREFUSED);
        } else {
            EXPECT_EQ(client().connect_unix(path()).error().sys_errno(), ECONNREFUSED);
        }
        end();
    }
}

TEST_F(ListenerFaults, AcceptThatFailsIsToldAndTriedAgain) {
    for (std::uint64_t nth = 1; nth <= 4; ++nth) {
        told = {};
        records.clear();
        world().faults().clear_rules();
        world().faults().add(io::fail_nth(OpCode::accept, "*", nth, EMFILE));
        start_with("json", Protocol::json);
        for (int i = 0; i < 3; ++i) {
            const io::Handle socket = connect();
            write(socket, fmt::format("{{\"msg\":\"{}\"}}\n", i));
        }
        EXPECT_EQ(told.troubles.size(), 1U) << nth;  // The last accept waits for a fourth connection.
        pass(std::chrono::seconds(1));
        ASSERT_TRUE(drain());
        EXPECT_EQ(records, numbered("tester info {}", 3)) << nth;
        EXPECT_EQ(report().connections, 3U);
        end();
    }
}

TEST_F(ListenerFaults, ConnectionOfAnUnknownPeerIsRefusedAndCounted) {
    start_with("json", Protocol::json);
    scripted().fail(Call::peer_credentials, 1, ENOTCONN);
    const io::Handle refused = connect();
    settle();
    const io::Handle served = connect();
    write(served, "{\"msg\":\"a\"}\n");
    write_all();
    EXPECT_EQ(report().connections_refused, 1U);
    EXPECT_EQ(report().records_lost, 1U);
    EXPECT_THAT(told.refused, ElementsAre(io::Message::kUnknown));
    EXPECT_THAT(records,
                testing::UnorderedElementsAre(
                    "tester info a", HasSubstr("1 records lost on listener json: a connection of an unknown")));
}

// What had come before is kept, also what has no end; the other connections go on.
TEST_F(ListenerFaults, StreamWhoseReceiveFailsKeepsWhatItHadReceived) {
    for (const bool poll : {true, false}) {
        records.clear();
        start_with("json", Protocol::json);
        const io::Handle broken = connect();
        write(broken, "{\"msg\":\"a\"}\n{\"msg\":\"b\"}");
        const io::Handle whole = connect();
        write(whole, "{\"msg\":\"c\"}\n");
        if (poll) {
            world().faults().clear_rules();
            world().faults().add(io::fail_nth(OpCode::poll_in, "*", 1, ENOMEM));
        } else {
            scripted().fail(Call::receive, 1, ECONNRESET);
        }
        write(broken, "{\"msg\":\"never read\"}\n");
        write_all();
        write(whole, "{\"msg\":\"d\"}\n");
        write_all();
        EXPECT_EQ(records.size(), 4U);
        EXPECT_THAT(records, testing::IsSupersetOf({"tester info a", "tester info c", "tester info d"}));
        EXPECT_EQ(report().connections_open, 1U);
        EXPECT_EQ(report().records_lost, 0U);
        end();
    }
}

// ---- cancelled at each moment ----

TEST_F(ListenerFaults, DatagramListenerThatIsCancelledAnywhereCountsWhatItHad) {
    std::uint64_t lost_at_most = 0;
    for (const auto& [room, known] : {std::pair(400U, false), std::pair(400U, true), std::pair(100'000U, false)}) {
        std::uint64_t steps = 0;
        for (bool more = true; more; ++steps) {
            queue.queue_bytes_max = room;
            start_with("journal", Protocol::journal);
            if (known) {  // Else the messages wait for what is read of their senders.
                send_burst(3, /*with_memory=*/false);
                write_all();
            }
            send_burst(7, !known);
            for (std::uint64_t i = 0; more && i < steps; ++i) {
                more = world().step();
            }
            end();
            const ListenerReport last = report();
            EXPECT_EQ(last.messages, last.records + last.records_lost) << "known " << known << ", step " << steps;
            lost_at_most = std::max(lost_at_most, last.records_lost);
        }
        EXPECT_GT(steps, 3U);
    }
    EXPECT_GT(lost_at_most, 0U);
}

// Whatever the queue has no room for just then: the end of what the one has begun, or what the other has sent.
TEST_F(ListenerFaults, StreamThatIsCancelledBetweenTwoSendersCountsWhatBothSent) {
    processes.comms[2000] = "other";
    constexpr std::string_view kHead = "\n\n6\n1\n0\n0\n0\n";
    std::uint64_t lost_at_most = 0;
    std::uint64_t lines = 0;
    for (bool full = false; !full; ++lines) {
        queue.queue_bytes_max = 400;
        start_with("stdout", Protocol::stdout_stream);
        const io::Handle socket = connect();
        write(socket, std::string(kHead));
        for (std::uint64_t i = 0; i < lines; ++i) {
            write(socket, "line\n");
        }
        write(socket, "begun");
        full = report().bytes < kHead.size() + 5 * (lines + 1);
        if (!full) {
            scripted().pass("another\n", {}, {.pid = 2000, .uid = 1000, .gid = 1000});
            write(socket, "end\n");
            end();
            const ListenerReport last = report();
            const bool read_end = last.bytes == kHead.size() + 5 * (lines + 1) + 8 + 4;
            EXPECT_EQ(last.records + last.records_lost, lines + (read_end ? 3 : 2)) << lines;
            lost_at_most = std::max(lost_at_most, last.records_lost);
        }
        end();
    }
    EXPECT_GT(lines, 2U);
    EXPECT_GT(lost_at_most, 0U);
}

// ---- a reload ----

TEST_F(ListenerFaults, NewOptionsHoldForTheNextDatagram) {
    ListenerOptions options;
    options.name = "syslog";
    options.protocol = Protocol::syslog;
    start(options);
    ASSERT_TRUE(send("<14>one"));
    settle();
    options.stream = *StreamPattern::parse("apps/{comm}");
    options.limits.message_bytes_max = 8;
    listeners().set_options(options);
    ASSERT_TRUE(send("<14>123456789"));
    settle();
    options.limits = {};
    options.rate_burst = 1;
    listeners().set_options(options);
    ASSERT_TRUE(send("<14>within"));
    ASSERT_TRUE(send("<14>beyond"));
    settle();
    ListenerOptions other = options;
    other.name = "other";
    other.stream = *StreamPattern::parse("wrong");
    listeners().set_options(other);
    pass(options.rate_interval);
    ASSERT_TRUE(send("<14>again"));
    write_all();
    ASSERT_GE(records.size(), 4U);
    EXPECT_EQ(records[0], "tester info one syslog_facility=1");
    EXPECT_THAT(records[1], HasSubstr("apps/tester info 12345678"));
    EXPECT_EQ(report().records_lost, 1U);
    EXPECT_THAT(records, testing::Contains("apps/tester info within syslog_facility=1"));
    EXPECT_THAT(records, testing::Contains("apps/tester info again syslog_facility=1"));
}

TEST_F(ListenerFaults, NewOptionsHoldForConnectionsThatAreThereAndTheNext) {
    ListenerOptions options;
    options.name = "json";
    options.protocol = Protocol::json;
    options.connections_max = 1;
    options.overflow = Overflow::drop;
    start(options);
    const io::Handle first = connect();
    write(first, "{\"msg\":\"a\"}\n");
    const io::Handle refused = connect();
    settle();
    EXPECT_EQ(report().connections_refused, 1U);
    options.connections_max = 2;
    options.stream = *StreamPattern::parse("apps/{comm}");
    listeners().set_options(options);
    const io::Handle second = connect();
    write(second, "{\"msg\":\"b\"}\n");
    write(first, "{\"msg\":\"c\"}\n");
    EXPECT_EQ(report().connections_open, 2U);
    options.connections_max = 10;
    options.connections_per_uid_max = 2;
    options.limits.fields_max = 1;
    listeners().set_options(options);
    const io::Handle beyond = connect();
    settle();
    EXPECT_EQ(report().connections_refused, 2U);
    write(first, "{\"msg\":\"d\",\"x\":1,\"y\":2}\n");
    write_all();
    std::erase_if(records, [](const std::string& record) { return record.starts_with("sluice "); });
    ASSERT_EQ(records.size(), 4U);
    EXPECT_EQ(records[0], "tester info a");
    EXPECT_EQ(records[1], "apps/tester info b");
    EXPECT_EQ(records[2], "apps/tester info c");
    EXPECT_THAT(records[3], testing::Not(HasSubstr("y=2"))) << "more fields than a record may have by now";
}

}  // namespace
}  // namespace sluice::listeners::test
