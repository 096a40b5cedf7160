// Connections that go on in the next run of the daemon: what a run that stops, or is killed, leaves to the next one.
#include <gmock/gmock.h>

#include <map>

#include "listeners/listeners_fixture.h"

namespace sluice::listeners::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Plays the service manager, which outlives the daemon.
class FakeKeeper final : public ConnectionKeeper {
 public:
    struct Entry {
        std::shared_ptr<io::Handle> socket;  // Shared by what was there at some moment.
        Bytes state;
    };
    using Entries = std::map<KeptId, Entry>;

    explicit FakeKeeper(io::SimKernel& kernel) noexcept : kernel_(kernel) {}

    Result<KeptId> keep(int socket, ByteView state) override {
        ++asked;
        if (entries.size() >= room) {
            return fail(Errc::limit_exceeded, "no room");
        }
        SLUICE_TRY(io::Handle copy, kernel_.duplicate(socket));
        const auto id = static_cast<KeptId>(++last_);
        entries[id] = {std::make_shared<io::Handle>(std::move(copy)), Bytes(state.begin(), state.end())};
        return id;
    }
    Result<> update(KeptId id, ByteView state) override {
        if (refuse_updates) {
            return fail(Errc::no_space, "as the test asked");
        }
        entries.at(id).state.assign(state.begin(), state.end());
        return {};
    }
    void forget(KeptId id) override { EXPECT_EQ(entries.erase(id), 1U); }

    // As the next daemon is given them.
    std::vector<KeptConnection> connections() {
        std::vector<KeptConnection> all;
        for (const auto& [id, entry] : entries) {
            auto state = ConnectionState::decode(entry.state);
            EXPECT_TRUE(state) << state.error();
            auto copy = kernel_.duplicate(entry.socket->fd());
            EXPECT_TRUE(copy) << copy.error();
            all.push_back({.id = id, .socket = std::move(*copy), .state = std::move(*state)});
        }
        return all;
    }

    Entries entries;
    std::size_t room = 100;
    bool refuse_updates = false;
    unsigned asked = 0;

 private:
    io::SimKernel& kernel_;
    std::uint64_t last_ = 0;
};

class KeptConnections : public ListenersTest {
 protected:
    KeptConnections() { keeper = &kept; }
    ~KeptConnections() override { end(); }

    void start_with(std::string name, Protocol protocol) {
        options.name = std::move(name);
        options.protocol = protocol;
        start(options);
    }
    io::Handle connect() {
        auto socket = client().connect_unix(path());
        EXPECT_TRUE(socket) << socket.error();
        settle();
        return std::move(*socket);
    }
    // At once, whoever reads; the socket has room.
    void write(const io::Handle& socket, std::string_view text) {
        coro::Job<Result<>> job(client().loop(), "send", &KeptConnections::send_all, &client(), &socket, text);
        (void)world().run_until([&] { return job.done(); });
        ASSERT_TRUE(job.result()) << job.result().error();
    }
    void stop() {
        coro::Job<Result<>> drained(kernel().loop(), "drain", &Listeners::drain, &listeners());
        for (int turn = 0; turn < 1000 && !drained.done(); ++turn) {
            write_all();
        }
        ASSERT_TRUE(drained.done());
        write_all();
        end();
    }
    // The next daemon goes on with what is kept.
    void start_again() {
        adopted = kept.connections();
        start(options);
    }
    void restart() {
        stop();
        start_again();
    }
    // Ends the daemon as SIGKILL does: whatever it does meanwhile, the next one knows what was kept at this moment.
    void kill_and_start_again() {
        const FakeKeeper::Entries then = kept.entries;
        write_all();
        end();
        kept.entries = then;
        start_again();
    }

    FakeKeeper kept{kernel()};
    ListenerOptions options;

 private:
    static Task<Result<>> send_all(io::Kernel* kernel, const io::Handle* socket, std::string_view text) {
        ByteView rest = as_bytes(text);
        while (!rest.empty()) {
            SLUICE_CO_TRY(const std::size_t sent, co_await kernel->send(*socket, rest));
            rest = rest.subspan(sent);
        }
        co_return Result<>{};
    }
};

constexpr std::string_view kHeader = "app\n\n6\n1\n0\n0\n0\n";

TEST_F(KeptConnections, StdoutStreamGoesOn) {
    start_with("stdout", Protocol::stdout_stream);
    const io::Handle socket = connect();
    write(socket, std::string(kHeader) + "one\n<3>tw");
    stop();
    write(socket, "o\nthree\n");  // While no daemon runs.
    EXPECT_THAT(records, ElementsAre("app info one"));
    start_again();
    write_all();
    write(socket, "four\n");
    write_all();
    EXPECT_THAT(records, ElementsAre("app info one", "app err two", "app info three", "app info four"));
    EXPECT_EQ(report().connections_open, 1U);
    EXPECT_EQ(report().records_lost, 0U);
}

// Wherever a stream is cut by a restart, the same records come out.
TEST_F(KeptConnections, NoByteIsLostOrDoubledWhereverTheRestartIs) {
    const std::pair<Protocol, std::string> cases[] = {
        {Protocol::stdout_stream, std::string(kHeader) + "one\n<4>two\n\nthree\n"},
        {Protocol::syslog_stream, "<14>a: one\n14 <13>b: t\nwo!\n<11>c: 3\n"},
        {Protocol::json, "{\"msg\":\"one\",\"n\":1}\n\n{\"msg\":\"two\"}\nthree\n"},
    };
    for (const auto& [protocol, text] : cases) {
        std::vector<std::string> whole;
        for (std::size_t cut = text.size() + 1; cut-- > 0;) {
            records.clear();
            start_with(std::string(protocol_name(protocol)), protocol);
            {
                const io::Handle socket = connect();
                write(socket, std::string_view(text).substr(0, cut));
                restart();
                pass(std::chrono::milliseconds(200));  // The process is as good as another one.
                write(socket, std::string_view(text).substr(cut));
                write_all();
            }
            write_all();
            EXPECT_THAT(kept.entries, IsEmpty());
            end();
            whole = whole.empty() ? records : whole;
            ASSERT_EQ(records, whole) << protocol_name(protocol) << " cut at " << cut;
        }
        EXPECT_EQ(whole.size(), 3U);
    }
}

TEST_F(KeptConnections, ManyRestartsUnderLoadKeepOrderAndNumber) {
    queue.queue_bytes_max = 2000;  // So that some connections wait for it when the daemon stops.
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    std::vector<std::string> expected;
    std::string text;
    for (int i = 0; i < 600; ++i) {
        text += fmt::format("{{\"msg\":\"{}\"}}\n", i);
        expected.push_back(fmt::format("tester info {}", i));
    }
    for (std::size_t at = 0, step = 7; at < text.size(); at += step, step = step * 5 % 1009) {
        write(socket, std::string_view(text).substr(at, step));
        if (step % 3 == 0) {
            restart();
        }
    }
    write_all();
    EXPECT_EQ(records, expected);
}

TEST_F(KeptConnections, KilledDaemonLeavesConnectionsWithTheirHeader) {
    start_with("stdout", Protocol::stdout_stream);
    const io::Handle socket = connect();
    write(socket, "app\na.service\n6\n1\n0\n0\n0\none\nlost ");
    pass(std::chrono::seconds(2));
    kill_and_start_again();
    write(socket, "end\ntwo\n");
    write_all();
    EXPECT_THAT(records, ElementsAre("app info one unit=a.service", "app info end unit=a.service",
                                     "app info two unit=a.service"));
}

// What has begun is given to the next daemon once: one that is killed later must not make a second record of it.
TEST_F(KeptConnections, WhatHasBegunIsHandedOverOnce) {
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    write(socket, "begun ");
    restart();
    kill_and_start_again();
    write(socket, "end\n");
    write_all();
    EXPECT_THAT(records, ElementsAre(HasSubstr("tester info end")));
}

TEST_F(KeptConnections, ConnectionThatEndsIsForgotten) {
    start_with("json", Protocol::json);
    {
        const io::Handle socket = connect();
        pass(std::chrono::seconds(2));
        EXPECT_EQ(kept.entries.size(), 1U);
        restart();
        EXPECT_EQ(kept.entries.size(), 1U);
    }
    write_all();
    EXPECT_THAT(kept.entries, IsEmpty());
}

// A client that is done does not wait for the daemon.
TEST_F(KeptConnections, WhatAClientLeftBehindIsReadByTheNextDaemon) {
    start_with("json", Protocol::json);
    io::Handle socket = connect();
    stop();
    write(socket, "{\"msg\":\"last\"}\nno end");
    socket = io::Handle();
    start_again();
    write_all();
    EXPECT_THAT(records, ElementsAre("tester info last", HasSubstr("tester info no end")));
    EXPECT_THAT(kept.entries, IsEmpty());
}

// A program that connects for each message costs the keeper nothing.
TEST_F(KeptConnections, ShortConnectionsAreNotKept) {
    start_with("json", Protocol::json);
    for (int i = 0; i < 20; ++i) {
        auto socket = client().connect_unix(path());
        ASSERT_TRUE(socket);
        write(*socket, "{\"msg\":\"a\"}\n");
        ASSERT_TRUE(world().run_for(std::chrono::milliseconds(1)));
    }
    write_all();
    EXPECT_EQ(records.size(), 20U);
    EXPECT_EQ(kept.asked, 0U);
}

// Else a daemon that is killed would leave a stream whose header nobody knows.
TEST_F(KeptConnections, StdoutStreamIsKeptBehindItsHeader) {
    start_with("stdout", Protocol::stdout_stream);
    const io::Handle socket = connect();
    write(socket, kHeader.substr(0, 5));
    pass(std::chrono::seconds(5));
    EXPECT_EQ(kept.asked, 0U);
    write(socket, kHeader.substr(5));
    pass(std::chrono::seconds(5));
    EXPECT_EQ(kept.entries.size(), 1U);
}

TEST_F(KeptConnections, ManyAreKeptSomeAtATime) {
    options.connections_per_uid_max = 200;
    start_with("json", Protocol::json);
    std::vector<io::Handle> sockets;
    for (int i = 0; i < 100; ++i) {
        auto socket = client().connect_unix(path());
        ASSERT_TRUE(socket);
        sockets.push_back(std::move(*socket));
    }
    ASSERT_TRUE(world().run_for(std::chrono::milliseconds(1500)));
    EXPECT_EQ(kept.entries.size(), 64U);
    ASSERT_TRUE(world().run_for(std::chrono::seconds(1)));
    EXPECT_EQ(kept.entries.size(), 100U);
}

// Such a connection ends as without a keeper: what it had begun is a record.
TEST_F(KeptConnections, OneWithoutRoomEndsAndIsTold) {
    kept.room = 1;
    start_with("json", Protocol::json);
    const io::Handle first = connect();
    pass(std::chrono::seconds(2));
    const io::Handle second = connect();
    write(second, "begun");
    pass(std::chrono::seconds(2));
    EXPECT_THAT(told.not_kept, ElementsAre(1U));
    stop();
    EXPECT_THAT(told.not_kept, ElementsAre(1U));  // Once a minute.
    EXPECT_THAT(records, ElementsAre(HasSubstr("tester info begun")));
    EXPECT_EQ(kept.entries.size(), 1U);
}

TEST_F(KeptConnections, RoomThatBecomesFreeIsUsed) {
    kept.room = 1;
    start_with("json", Protocol::json);
    io::Handle first = connect();
    const io::Handle second = connect();
    pass(std::chrono::seconds(2));
    ASSERT_EQ(kept.entries.size(), 1U);
    first = io::Handle();
    pass(std::chrono::seconds(2));
    EXPECT_EQ(kept.entries.size(), 1U);
    EXPECT_EQ(kept.entries.count(static_cast<KeptId>(2)), 1U);
}

TEST_F(KeptConnections, StateThatCannotBeKeptIsARecordInstead) {
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    pass(std::chrono::seconds(2));
    write(socket, "begun");
    kept.refuse_updates = true;
    stop();
    EXPECT_THAT(told.not_kept, ElementsAre(1U));
    EXPECT_THAT(records, ElementsAre(HasSubstr("tester info begun")));
    EXPECT_THAT(kept.entries, IsEmpty());
}

// Whoever had the socket closed it (the unit was stopped, not restarted): what had begun is in its state still.
TEST_F(KeptConnections, BeginningWithoutASocketIsARecord) {
    start_with("stdout", Protocol::stdout_stream);
    const io::Handle socket = connect();
    write(socket, std::string(kHeader) + "one\nbegun");
    stop();
    adopted = kept.connections();
    adopted.front().socket = io::Handle();
    start(options);
    write_all();
    EXPECT_THAT(records, ElementsAre("app info one", "app info begun line_break=eof"));
    EXPECT_THAT(kept.entries, IsEmpty());
    EXPECT_EQ(report().connections_open, 0U);
}

TEST_F(KeptConnections, WhatAnotherProcessHadBegunIsItsOwn) {
    processes.comms[2000] = "other";
    start_with("stdout", Protocol::stdout_stream);
    client().set_credentials({.pid = 2000, .uid = 1000, .gid = 1000});
    const io::Handle socket = connect();
    write(socket, "\n\n6\n1\n0\n0\n0\nbegun");
    stop();
    adopted = kept.connections();
    ASSERT_EQ(adopted.size(), 1U);
    ASSERT_TRUE(adopted.front().state.sender);
    EXPECT_EQ(adopted.front().state.sender->pid, 2000);
    adopted.front().state.sender->pid = 1000;  // As if the client had begun as another process.
    start(options);
    write(socket, "end\n");
    write_all();
    ASSERT_EQ(with_trusted.size(), 2U);
    EXPECT_THAT(with_trusted[0], HasSubstr("tester info begun line_break=pid-change _pid=1000"));
    EXPECT_THAT(with_trusted[1], HasSubstr("other info end _pid=2000"));
}

// Limits that were lowered meanwhile are for those that come.
TEST_F(KeptConnections, LimitsDoNotEndThem) {
    start_with("json", Protocol::json);
    const io::Handle first = connect();
    const io::Handle second = connect();
    stop();
    options.connections_max = 1;
    options.overflow = Overflow::drop;
    start_again();
    EXPECT_EQ(report().connections_open, 2U);
    write(first, "{\"msg\":\"a\"}\n");
    write(second, "{\"msg\":\"b\"}\n");
    write_all();
    EXPECT_THAT(records, UnorderedElementsAre("tester info a", "tester info b"));
    EXPECT_THAT(told.refused, IsEmpty());
}

// The time to drain was over before all of it was read.
TEST_F(KeptConnections, ThoseThatWaitForRoomGoOnWithWhatTheyHaveSent) {
    options.connections_per_uid_max = 1;
    start_with("json", Protocol::json);
    const io::Handle first = connect();
    const io::Handle waiting = connect();
    write(waiting, "{\"msg\":\"a\"}\n");
    settle();
    EXPECT_EQ(report().connections_waiting, 1U);
    end();
    EXPECT_EQ(kept.entries.size(), 2U);
    start_again();
    write_all();
    EXPECT_THAT(records, ElementsAre("tester info a"));
}

TEST_F(KeptConnections, OneThatNobodyKnowsIsRefusedAndForgotten) {
    start_with("json", Protocol::json);
    const io::Handle socket = connect();
    stop();
    const FakeKeeper::Entries before = kept.entries;
    for (const std::string_view wrong : {"listener", "protocol", "decoder"}) {
        kept.entries = before;
        adopted = kept.connections();
        ConnectionState& state = adopted.front().state;
        if (wrong == "listener") {
            state.listener = "elsewhere";
        } else if (wrong == "protocol") {
            state.protocol = Protocol::syslog_stream;
        } else {
            state.decoder.resize(1);
        }
        outcomes_of_adopt.clear();
        start(options);
        ASSERT_EQ(outcomes_of_adopt.size(), 1U);
        EXPECT_FALSE(outcomes_of_adopt.front()) << wrong;
        EXPECT_THAT(kept.entries, IsEmpty());
        EXPECT_EQ(report().connections_open, 0U);
        end();
    }
}

}  // namespace
}  // namespace sluice::listeners::test
