// The sockets of connections in the store of a service manager that the test plays, and their states in files.
#include "daemon/kept_connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <optional>

#include "daemon/support.h"
#include "io/sim_kernel.h"

namespace sluice::daemon {
namespace {

using listeners::ConnectionState;
using listeners::KeptConnection;
using listeners::KeptId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KeptConnectionsTest : public ::testing::Test {
 protected:
    KeptConnectionsTest() {
        manager_socket_ = Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        notify_.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(bind(manager_socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        std::filesystem::create_directory(streams_);
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        client_ = Fd(ends[0]);
        daemon_ = Fd(ends[1]);
    }
    // What the manager is told next.
    std::string told() {
        char buffer[512];
        const ssize_t got = recv(manager_socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        return got < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(got));
    }
    static ConnectionState state(std::string_view decoder) {
        ConnectionState state;
        state.listener = "stdout";
        state.protocol = listeners::Protocol::stdout_stream;
        state.decoder.assign(as_bytes(decoder).begin(), as_bytes(decoder).end());
        return state;
    }
    std::unique_ptr<KeptConnections> make(std::size_t connections_max = 4) {
        return std::make_unique<KeptConnections>(manager_, log_, streams_, connections_max);
    }
    // As systemd passes them to the next run.
    std::vector<StoredSocket> passed(std::initializer_list<const char*> names) const {
        std::vector<StoredSocket> all;
        for (const char* name : names) {
            all.push_back({.name = name, .fd = Fd(dup(daemon_.get()))});
        }
        return all;
    }
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(streams_)) {
            names.push_back(entry.path().filename());
        }
        std::ranges::sort(names);
        return names;
    }
    // "id socket? decoder" of each.
    std::vector<std::string> restored(KeptConnections& kept, std::vector<StoredSocket> stored) {
        std::vector<std::string> shown;
        for (KeptConnection& one : kept.restore(kernel_, std::move(stored))) {
            shown.push_back(fmt::format("{} {} {}", static_cast<std::uint64_t>(one.id), one.socket ? "open" : "closed",
                                        as_text(one.state.decoder)));
            ::close(one.socket.release());
        }
        return shown;
    }

    testing::TemporaryDirectory directory_;
    std::string notify_ = directory_.path() + "/notify";
    std::string streams_ = directory_.path() + "/streams";
    testing::ScopedVariable variable_{"NOTIFY_SOCKET", notify_};
    Fd manager_socket_;
    Fd client_;
    Fd daemon_;
    ServiceManager manager_;
    LogOutput log_{LogLevel::error, LogTarget::standard_error};
    io::SimWorld world_{1};
    io::SimKernel kernel_{world_, io::SimKernel::Options()};
};

TEST_F(KeptConnectionsTest, AreStoredWithTheirStateUntilTheyEnd) {
    const auto kept = make();
    const auto id = kept->keep(daemon_.get(), state("one").encode());
    ASSERT_TRUE(id) << id.error();
    EXPECT_THAT(told(), HasSubstr("FDNAME=stream-1"));
    EXPECT_THAT(files(), ElementsAre("stream-1"));
    ASSERT_TRUE(kept->update(*id, state("two").encode()));
    EXPECT_EQ(told(), "nothing");
    EXPECT_THAT(files(), ElementsAre("stream-1"));
    EXPECT_EQ(ConnectionState::decode(as_bytes(testing::read_file(streams_ + "/stream-1")))->decoder,
              state("two").decoder);
    kept->forget(*id);
    EXPECT_EQ(told(), "FDSTOREREMOVE=1\nFDNAME=stream-1");
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(KeptConnectionsTest, AreTheSameInTheNextRun) {
    const auto before = make();
    for (const char* decoder : {"one", "two", "three"}) {
        ASSERT_TRUE(before->keep(daemon_.get(), state(decoder).encode()));
    }
    const auto kept = make();
    // The second was closed by systemd meanwhile; the states of all are there.
    EXPECT_THAT(restored(*kept, passed({"stream-3", "stream-1"})),
                ElementsAre("1 open one", "2 closed two", "3 open three"));
    const auto next = kept->keep(daemon_.get(), state("four").encode());
    ASSERT_TRUE(next);
    EXPECT_EQ(static_cast<std::uint64_t>(*next), 4U) << "an id is never used for two connections";
}

TEST_F(KeptConnectionsTest, WhatCannotBeUsedIsForgottenAndTheRestIsKept) {
    const auto before = make();
    for (const char* decoder : {"one", "two", "three"}) {
        ASSERT_TRUE(before->keep(daemon_.get(), state(decoder).encode()));
        (void)told();
    }
    directory_.file("streams/stream-1", "damaged");
    directory_.file("streams/stream-2.new", "not written to its end");
    directory_.file("streams/stream-0x", "of somebody else");
    std::filesystem::resize_file(directory_.file("streams/stream-9", ""), ConnectionState::kBytesMax + 1);
    const auto kept = make();
    EXPECT_THAT(restored(*kept, passed({"stream-1", "stream-2", "stream-3", "stream-4", "stream-", "stream-00"})),
                ElementsAre("2 open two", "3 open three"));
    std::vector<std::string> removed;
    for (std::string message = told(); message != "nothing"; message = told()) {
        removed.push_back(message.substr(message.rfind('=') + 1));
    }
    EXPECT_THAT(removed, ::testing::UnorderedElementsAre("stream-", "stream-00", "stream-1", "stream-4", "stream-9"));
    EXPECT_THAT(files(), ElementsAre("stream-2", "stream-3"));
}

TEST_F(KeptConnectionsTest, AreNoMoreThanTheStoreHolds) {
    const auto kept = make(2);
    const auto first = kept->keep(daemon_.get(), state("one").encode());
    ASSERT_TRUE(kept->keep(daemon_.get(), state("two").encode()));
    const auto beyond = kept->keep(daemon_.get(), state("three").encode());
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code(), Errc::limit_exceeded);
    EXPECT_THAT(beyond.error().text(), HasSubstr("FileDescriptorStoreMax="));
    EXPECT_THAT(files(), ElementsAre("stream-1", "stream-2"));
    kept->forget(*first);
    EXPECT_TRUE(kept->keep(daemon_.get(), state("three").encode()));
    EXPECT_EQ(make(1'000'000)->connections_max(), KeptConnections::kConnectionsMax);
}

TEST_F(KeptConnectionsTest, StatesHaveALimitTogether) {
    const auto kept = make(100);
    const std::string large(ConnectionState::kBytesMax - 200, 'x');
    std::uint64_t count = 0;
    while (kept->keep(daemon_.get(), state(large).encode())) {
        (void)told();
        ++count;
    }
    EXPECT_EQ(count, KeptConnections::kBytesMax / state(large).encode().size());
    EXPECT_EQ(files().size(), count);
    kept->forget(static_cast<KeptId>(1));
    const auto small = kept->keep(daemon_.get(), state("x").encode());
    ASSERT_TRUE(small);
    EXPECT_TRUE(kept->update(*small, state(large).encode()));
    EXPECT_FALSE(kept->keep(daemon_.get(), state(large).encode()));
}

// A state that cannot be written leaves the one before.
TEST_F(KeptConnectionsTest, StateIsReplacedWholeOrNotAtAll) {
    const auto kept = make();
    const auto id = kept->keep(daemon_.get(), state("one").encode());
    ASSERT_TRUE(id);
    std::filesystem::create_directory(streams_ + "/stream-1.new");
    EXPECT_FALSE(kept->update(*id, state("two").encode()));
    EXPECT_EQ(ConnectionState::decode(as_bytes(testing::read_file(streams_ + "/stream-1")))->decoder,
              state("one").decoder);
    std::filesystem::remove(streams_ + "/stream-1.new");
    std::filesystem::remove(streams_ + "/stream-1");
    std::filesystem::create_directory(streams_ + "/stream-1");
    const auto updated = kept->update(*id, state("two").encode());
    ASSERT_FALSE(updated);
    EXPECT_EQ(updated.error().text(), fmt::format("'{}/stream-1.new': rename: Is a directory", streams_));
    EXPECT_FALSE(std::filesystem::exists(streams_ + "/stream-1.new")) << "what is not used is not left";
}

TEST_F(KeptConnectionsTest, NeedAStoreAndADirectory) {
    EXPECT_EQ(KeptConnections::of_unit(manager_, log_), nullptr);
    const testing::ScopedVariable store("FDSTORE", "7");
    EXPECT_EQ(KeptConnections::of_unit(manager_, log_), nullptr);
    const testing::ScopedVariable runtime("RUNTIME_DIRECTORY", directory_.path() + ":/elsewhere");
    const auto kept = KeptConnections::of_unit(manager_, log_);
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(kept->connections_max(), 7U);
}

}  // namespace
}  // namespace sluice::daemon
