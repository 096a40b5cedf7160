#include "client/tail.h"

#include "client/fake_daemon.h"
#include "client/in_child.h"

namespace sluice::client {
namespace {

wire::StoreId store_id() {
    wire::StoreId id{};
    id[15] = std::byte{5};
    return id;
}

wire::HelloReply hello() {
    wire::HelloReply reply;
    reply.store = store_id();
    return reply;
}

// Entries [first, end) as one frame.
Bytes chunk(std::uint64_t id, std::uint64_t first, std::uint64_t end, std::size_t padding = 0) {
    Bytes frame;
    wire::TailChunkBuilder builder(frame, id, 1);
    for (std::uint64_t sequence = first; sequence < end; ++sequence) {
        Bytes bytes;
        wire::RecordBuilder record(bytes);
        record.begin(wire::Severity::info, "s").message(fmt::format("m{}", sequence) + std::string(padding, ' '));
        EXPECT_TRUE(record.finish());
        builder.add({.sequence = sequence,
                     .receive_time_ns = 1,
                     .flags = 0,
                     .trusted = {},
                     .record = wire::RecordView::unchecked(bytes.data())});
    }
    builder.finish();
    return frame;
}

wire::Cursor cursor_at(std::uint64_t sequence) {
    return {.store = store_id(), .epoch = 1, .sequence = sequence};
}

struct Asked {
    std::uint64_t id = 0;
    wire::TailRequest request;
};
Asked expect_tail(Peer& peer) {
    const auto frame = peer.expect<wire::TailRequest>();
    if (!frame) {
        return {};
    }
    auto request = wire::TailRequest::decode(frame->payload);
    EXPECT_TRUE(request);
    return {frame->header.id, request ? *std::move(request) : wire::TailRequest{}};
}

TailOptions tail_options(const FakeDaemon& daemon, wire::TailStart start, bool follow) {
    TailOptions options;
    options.socket_path = daemon.path();
    options.request.start = start;
    options.request.n = 10;
    options.request.follow = follow;
    options.retry.delay_min = std::chrono::milliseconds(1);
    return options;
}

// Reads until `count` entries or the end.
std::vector<std::uint64_t> read(TailReader& tail, std::size_t count) {
    std::vector<std::uint64_t> sequences;
    while (sequences.size() < count) {
        const auto step = tail.next(kPatience);
        if (!step) {
            ADD_FAILURE() << step.error();
            break;
        }
        if (step->state != TailState::entries) {
            EXPECT_EQ(step->state, TailState::end) << "nothing came";
            break;
        }
        for (const wire::TailEntry& entry : step->entries) {
            sequences.push_back(entry.sequence);
        }
    }
    return sequences;
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t end) {
    std::vector<std::uint64_t> numbers;
    for (; first < end; ++first) {
        numbers.push_back(first);
    }
    return numbers;
}

}  // namespace

TEST(TailReader, WithoutFollowItEndsWithACursor) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        const Asked asked = expect_tail(peer);
        EXPECT_EQ(asked.request.start, wire::TailStart::oldest);
        EXPECT_FALSE(asked.request.follow);
        peer.send(chunk(asked.id, 1, 4));
        peer.send(chunk(asked.id, 4, 6));
        peer.reply(asked.id, wire::TailEnd{.epoch = 1, .resume_after = cursor_at(9)});
        peer.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::oldest, false));
    ASSERT_TRUE(tail) << tail.error();
    EXPECT_EQ(read(**tail, 100), range(1, 6));
    EXPECT_EQ((*tail)->cursor(), cursor_at(9));
    const auto after = (*tail)->next(Duration::zero());
    ASSERT_TRUE(after) << after.error();
    EXPECT_EQ(after->state, TailState::end);
}

TEST(TailReader, ALostConnectionIsResumedAfterTheLastEntryHandedOut) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet(hello()));
            const Asked asked = expect_tail(peer);
            peer.send(chunk(asked.id, 1, 4));
            // The next frame is cut: none of its entries may be handed out, nor be skipped.
            const Bytes cut = chunk(asked.id, 4, 8);
            peer.send(ByteView(cut).first(cut.size() - 3));
        }
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        const Asked asked = expect_tail(peer);
        EXPECT_EQ(asked.request.start, wire::TailStart::after_cursor);
        EXPECT_EQ(asked.request.after, cursor_at(3));
        EXPECT_TRUE(asked.request.follow);
        peer.send(chunk(asked.id, 4, 8));
        peer.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::oldest, true));
    ASSERT_TRUE(tail) << tail.error();
    EXPECT_EQ(read(**tail, 7), range(1, 8));
    EXPECT_EQ((*tail)->connects(), 2U);
    EXPECT_EQ((*tail)->cursor(), cursor_at(7));
}

// "The last ten" has no position before its first record arrives, so following begins with a second request.
TEST(TailReader, LastNIsReadFirstAndFollowedFromItsEnd) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet(hello()));
            const Asked first = expect_tail(peer);
            EXPECT_EQ(first.request.start, wire::TailStart::last_n);
            EXPECT_EQ(first.request.n, 10U);
            EXPECT_FALSE(first.request.follow);
            peer.reply(first.id, wire::TailEnd{.epoch = 1, .resume_after = cursor_at(50)});
            const Asked second = expect_tail(peer);
            EXPECT_EQ(second.request.start, wire::TailStart::after_cursor);
            EXPECT_EQ(second.request.after, cursor_at(50));
            EXPECT_TRUE(second.request.follow);
        }
        // Nothing had matched yet; still nothing is skipped.
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        const Asked asked = expect_tail(peer);
        EXPECT_EQ(asked.request.after, cursor_at(50));
        peer.send(chunk(asked.id, 60, 61));
        peer.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::last_n, true));
    ASSERT_TRUE(tail) << tail.error();
    EXPECT_EQ(read(**tail, 1), range(60, 61));
}

TEST(TailReader, CreditComesBackAsEntriesAreConsumed) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        const Asked asked = expect_tail(peer);
        std::int64_t credit = asked.request.credit;
        EXPECT_GE(credit, 2 * std::int64_t{wire::kFrameBytesMax});
        for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
            const Bytes frame = chunk(asked.id, sequence, sequence + 1, 100'000);
            while (credit < static_cast<std::int64_t>(frame.size())) {
                const auto back = peer.expect<wire::Credit>();
                ASSERT_TRUE(back);
                const auto message = wire::Credit::decode(back->payload);
                ASSERT_TRUE(message) << message.error();
                EXPECT_EQ(message->target, asked.id);
                credit += message->bytes;
            }
            peer.send(frame);
            credit -= static_cast<std::int64_t>(frame.size());
        }
        peer.reply(asked.id, wire::TailEnd{.epoch = 1, .resume_after = cursor_at(200)});
        peer.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::oldest, false));
    ASSERT_TRUE(tail) << tail.error();
    EXPECT_EQ(read(**tail, 1000), range(1, 201));
}

TEST(TailReader, NothingInTheTimeGivenIsIdle) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        peer.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::oldest, true));
    ASSERT_TRUE(tail) << tail.error();
    const auto step = (*tail)->next(std::chrono::milliseconds(5));
    ASSERT_TRUE(step) << step.error();
    EXPECT_EQ(step->state, TailState::idle);
}

TEST(TailReader, ALostCursorIsFinal) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        const Asked asked = expect_tail(peer);
        peer.refuse(asked.id, Errc::cursor_lost, "record 3 was removed; the oldest one is 70");
        peer.wait_for_end();
    });
    TailOptions options = tail_options(daemon, wire::TailStart::after_cursor, true);
    options.request.after = cursor_at(2);
    auto tail = TailReader::open(options);
    ASSERT_TRUE(tail) << tail.error();
    for (int i = 0; i < 2; ++i) {
        const auto step = (*tail)->next(kPatience);
        ASSERT_FALSE(step);
        EXPECT_EQ(step.error().code(), Errc::cursor_lost);
    }
}

TEST(TailReader, ADaemonThatStopsIsWaitedForAndTheWaitIsTold) {
    std::atomic<bool> may_return{false};
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        {
            Peer peer = self.accept();
            ASSERT_TRUE(peer.greet(hello()));
            const Asked asked = expect_tail(peer);
            self.stop_listening();
            peer.refuse(asked.id, Errc::shutting_down);
        }
        may_return.wait(false);
        self.listen();
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet(hello()));
        const Asked asked = expect_tail(peer);
        peer.send(chunk(asked.id, 1, 2));
        peer.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::oldest, true));
    ASSERT_TRUE(tail) << tail.error();
    int waits = 0;
    (*tail)->on_waiting = [&](const Waiting&) {
        if (++waits == 3) {
            may_return = true;
            may_return.notify_all();
        }
    };
    EXPECT_EQ(read(**tail, 1), range(1, 2));
    EXPECT_GE(waits, 3);
}

TEST(TailReader, AForkedChildGoesOnOverAConnectionOfItsOwn) {
    FakeDaemon daemon;
    daemon.run([](FakeDaemon& self) {
        Peer parent = self.accept();
        ASSERT_TRUE(parent.greet(hello()));
        const Asked first = expect_tail(parent);
        parent.send(chunk(first.id, 1, 3));
        Peer child = self.accept();
        ASSERT_TRUE(child.greet(hello()));
        const Asked second = expect_tail(child);
        EXPECT_EQ(second.request.start, wire::TailStart::after_cursor);
        EXPECT_EQ(second.request.after, cursor_at(2));
        child.send(chunk(second.id, 3, 4));
        child.wait_for_end();
        parent.send(chunk(first.id, 3, 5));
        parent.wait_for_end();
    });
    auto tail = TailReader::open(tail_options(daemon, wire::TailStart::oldest, true));
    ASSERT_TRUE(tail) << tail.error();
    EXPECT_EQ(read(**tail, 2), (std::vector<std::uint64_t>{1, 2}));
    EXPECT_EQ(in_child([&] { return read(**tail, 1) == std::vector<std::uint64_t>{3} ? 0 : 1; }), 0);
    EXPECT_EQ(read(**tail, 2), (std::vector<std::uint64_t>{3, 4}));
    tail->reset();
}

}  // namespace sluice::client
