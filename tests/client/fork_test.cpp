// What a forked child does with the library that its parent used: nothing to the parent's records and socket, and its
// own over a connection of its own.
#include <future>

#include "client/client.h"
#include "client/fake_daemon.h"
#include "client/in_child.h"
#include "client/log_writer.h"
#include "client/sluice.h"

namespace sluice::client {
namespace {

std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

sluice_writer* open_writer(const FakeDaemon& daemon) {
    sluice_options options{};
    options.socket_path = daemon.path().c_str();
    options.level = SLUICE_WRITTEN;
    options.linger_ms = 600'000;  // Nothing is sent before a flush.
    sluice_error error{};
    sluice_writer* writer = sluice_open(&options, &error);
    EXPECT_NE(writer, nullptr) << static_cast<const char*>(error.text);
    return writer;
}

int log_text(sluice_writer* writer, const char* message) {
    return sluice_log(writer, SLUICE_INFO, nullptr, message, nullptr, 0, nullptr);
}

// For a child: 0, or which of the calls failed.
int log_and_close(sluice_writer* writer, const char* message) {
    if (log_text(writer, message) != 0) {
        return 1;
    }
    if (sluice_flush(writer, kTestPatienceMs, nullptr) != 0) {
        return 2;
    }
    return sluice_close(writer, kTestPatienceMs, nullptr) == 0 ? 0 : 3;
}

void serve_until_end(Peer& peer, FakeLog& log) {
    while (const auto request = peer.next()) {
        log.serve(peer, *request);
    }
}

TEST(ForkMark, IsForkedInChildrenAndTheirChildrenOnly) {
    for (const ForkMark::Way way : {ForkMark::Way::page, ForkMark::Way::pid}) {
        const ForkMark mark(way);
        EXPECT_FALSE(mark.forked());
        EXPECT_EQ(in_child([&] {
                      const ForkMark own(way);
                      const int in_grandchild = in_child([&] { return mark.forked() && own.forked() ? 7 : 1; });
                      return mark.forked() && !own.forked() ? in_grandchild : 1;
                  }),
                  7);
        EXPECT_FALSE(mark.forked());
    }
}

TEST(Fork, ParentAndChildEachStoreTheirRecordsAsAProducerOfTheirOwn) {
    FakeLog log;
    std::promise<pid_t> child_peer;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer parent = self.accept();
        ASSERT_TRUE(parent.greet());
        EXPECT_EQ(parent.pid(), ::getpid());
        Peer child = self.accept();
        child_peer.set_value(child.pid());
        ASSERT_TRUE(child.greet());
        serve_until_end(child, log);
        serve_until_end(parent, log);
    });
    sluice_writer* writer = open_writer(daemon);
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(log_text(writer, "before"), 0);
    pid_t pid = 0;
    EXPECT_EQ(in_child([&] { return log_and_close(writer, "of the child"); }, &pid), 0);
    EXPECT_EQ(log_and_close(writer, "of the parent"), 0);
    daemon.join();
    EXPECT_EQ(messages_of(log), (std::vector<std::string>{"of the child", "before", "of the parent"}));
    EXPECT_EQ(log.producers(), 2U);
    EXPECT_EQ(child_peer.get_future().get(), pid);
}

TEST(Fork, ChildThatOnlyClosesSendsNothingAndTakesNothingFromItsParent) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer parent = self.accept();
        ASSERT_TRUE(parent.greet());
        serve_until_end(parent, log);
    });
    sluice_writer* writer = open_writer(daemon);
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(log_text(writer, "before"), 0);
    EXPECT_EQ(in_child([&] {
                  const std::ptrdiff_t inherited = open_descriptors();
                  if (sluice_flush(writer, kTestPatienceMs, nullptr) != 0 || open_descriptors() != inherited - 1) {
                      return 1;
                  }
                  return sluice_close(writer, kTestPatienceMs, nullptr);
              }),
              0);
    EXPECT_EQ(log_and_close(writer, "of the parent"), 0);
    daemon.join();
    EXPECT_EQ(messages_of(log), (std::vector<std::string>{"before", "of the parent"}));
    EXPECT_EQ(log.producers(), 1U);
}

// The thread is in sluice_flush, which waits for the reply that comes after the child has ended.
TEST(Fork, WhileAThreadIsInACallTheChildGoesOn) {
    FakeLog log;
    std::promise<void> sent;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer parent = self.accept();
        ASSERT_TRUE(parent.greet());
        const auto first = parent.next();
        ASSERT_TRUE(first);
        sent.set_value();
        Peer child = self.accept();
        ASSERT_TRUE(child.greet());
        serve_until_end(child, log);
        log.serve(parent, *first);
        serve_until_end(parent, log);
    });
    sluice_writer* writer = open_writer(daemon);
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(log_text(writer, "before"), 0);
    std::thread flushing([&] { EXPECT_EQ(sluice_flush(writer, -1, nullptr), 0); });
    sent.get_future().wait();
    EXPECT_EQ(in_child([&] {
                  const std::ptrdiff_t inherited = open_descriptors();
                  const int flushed = sluice_flush(writer, kTestPatienceMs, nullptr);
                  return flushed != 0 || open_descriptors() != inherited - 1 ? 4
                                                                             : log_and_close(writer, "of the child");
              }),
              0);
    flushing.join();
    EXPECT_EQ(sluice_close(writer, kTestPatienceMs, nullptr), 0);
    daemon.join();
    EXPECT_EQ(messages_of(log), (std::vector<std::string>{"of the child", "before"}));
    EXPECT_EQ(log.producers(), 2U);
}

TEST(Fork, WhatTheChildInheritsInCPlusPlusIsClosedToIt) {
    FakeLog log;
    FakeDaemon daemon;
    daemon.run([&](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        Peer other = self.accept();
        ASSERT_TRUE(other.greet());
        const auto ping = other.expect<wire::PingRequest>();
        ASSERT_TRUE(ping);
        other.reply(ping->header.id, wire::PingReply{});
        other.wait_for_end();
        serve_until_end(peer, log);
    });
    LogWriterOptions options;
    options.socket_path = daemon.path();
    auto writer = LogWriter::open(options);
    ASSERT_TRUE(writer) << writer.error();
    auto client = Client::connect(daemon.path());
    ASSERT_TRUE(client) << client.error();
    const auto closed = [](const Result<void>& result) { return !result && result.error().code() == Errc::closed; };
    EXPECT_EQ(in_child([&] {
                  (*writer)->begin(wire::Severity::info).message("of the child");
                  const bool refused = closed((*writer)->finish_record()) && closed((*writer)->send()) &&
                                       closed((*writer)->process()) && closed((*writer)->flush());
                  return refused && closed(client->ping()) && closed(client->ping()) ? 0 : 1;
              }),
              0);
    EXPECT_TRUE(Client(std::move(*client)).ping());  // And hangs up.
    (*writer)->begin(wire::Severity::info).message("of the parent");
    EXPECT_TRUE((*writer)->finish_record());
    EXPECT_TRUE((*writer)->flush());
    writer->reset();
    daemon.join();
    EXPECT_EQ(messages_of(log), (std::vector<std::string>{"of the parent"}));
}

}  // namespace
}  // namespace sluice::client
