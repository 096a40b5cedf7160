// The file requests of a session: each is served, and each is refused with the reason.
#include "session_files_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::kOpenAppend;
using wire::kOpenCreate;
using wire::kOpenExclusive;
using wire::kOpenRead;
using wire::kOpenReplace;
using wire::kOpenTruncate;
using wire::kOpenWrite;

TEST_F(SessionFilesTest, HandleIsOpenedWrittenReadAndClosed) {
    start();
    RawClient& client = greet();
    const std::uint32_t handle = open(client, kOpenRead | kOpenWrite | kOpenCreate, "a", 0600);
    EXPECT_EQ(files_open(), 1U);
    EXPECT_EQ(ask<wire::WriteReply>(client, wire::WriteRequest{.handle = handle, .offset = 3, .data = as_bytes("defg")})
                  .written,
              4U);
    EXPECT_EQ(ask<wire::WriteReply>(client, wire::WriteRequest{.handle = handle, .data = as_bytes("abc")}).written, 3U);
    EXPECT_EQ(content("a"), "abcdefg");
    const auto read = ask<wire::ReadReply>(client, wire::ReadRequest{.handle = handle, .length = 3, .offset = 2});
    EXPECT_EQ(as_text(read.data), "cde");
    const auto rest = ask<wire::ReadReply>(client, wire::ReadRequest{.handle = handle, .length = 100, .offset = 5});
    EXPECT_EQ(as_text(rest.data), "fg");
    const auto stat = ask<wire::StatReply>(client, wire::StatRequest{.handle = handle});
    EXPECT_EQ(stat.size, 7U);
    EXPECT_EQ(stat.mode, S_IFREG | 0600U);
    EXPECT_EQ(stat.uid, 1000U);
    EXPECT_EQ(stat.gid, 1000U);
    EXPECT_GT(stat.mtime_ns, 0);
    ask<wire::CloseReply>(client, wire::CloseRequest{.handle = handle});
    EXPECT_EQ(files_open(), 0U);
    EXPECT_EQ(ask<wire::OpenReply>(client, opening(kOpenRead, "a")).size, 7U);
}

TEST_F(SessionFilesTest, WriteIsDurableOnlyIfAskedOrSynced) {
    start();
    RawClient& client = greet();
    put_file("a", "........");
    const std::uint32_t handle = open(client, kOpenWrite, "a");
    wire::WriteRequest write{.handle = handle, .data = as_bytes("one")};
    ask<wire::WriteReply>(client, write);
    EXPECT_EQ(durable("a"), "........");
    write.sync = true;
    write.offset = 4;
    ask<wire::WriteReply>(client, write);
    EXPECT_EQ(durable("a"), "....one.");  // This one, and not the one before it.
    ask<wire::SyncReply>(client, wire::SyncRequest{.handle = handle, .data_only = true});
    EXPECT_EQ(durable("a"), "one.one.");
    write.sync = false;
    write.offset = 0;
    write.data = as_bytes("two");
    ask<wire::WriteReply>(client, write);
    ask<wire::SyncReply>(client, wire::SyncRequest{.handle = handle, .data_only = false});
    EXPECT_EQ(durable("a"), "two.one.");
}

TEST_F(SessionFilesTest, AppendTellsWhereItWentAndIsDurableOnlyIfAsked) {
    start();
    RawClient& client = greet();
    put_file("a", "old|");
    const std::uint32_t handle = open(client, kOpenAppend, "a");
    const auto first = ask<wire::AppendReply>(client, wire::AppendRequest{.handle = handle, .data = as_bytes("one|")});
    EXPECT_EQ(first.offset, 4U);
    EXPECT_EQ(first.length, 4U);
    EXPECT_EQ(durable("a"), "old|");
    const wire::AppendRequest second{.handle = handle, .sync = true, .data = as_bytes("second|")};
    const auto appended = ask<wire::AppendReply>(client, second);
    EXPECT_EQ(appended.offset, 8U);
    EXPECT_EQ(appended.length, 7U);
    EXPECT_EQ(durable("a")->substr(8), "second|");
    EXPECT_EQ(content("a"), "old|one|second|");
}

TEST_F(SessionFilesTest, ReplacementIsInPlaceAfterItsCommit) {
    start();
    RawClient& client = greet();
    for (const bool is_durable : {false, true}) {
        put_file("d/a", "old");
        const std::uint32_t handle = open(client, kOpenReplace | kOpenRead, "d/a");
        ask<wire::WriteReply>(client, wire::WriteRequest{.handle = handle, .data = as_bytes("new")});
        EXPECT_EQ(content("d/a"), "old");
        ask<wire::CommitReply>(client, wire::CommitRequest{.handle = handle, .durable = is_durable});
        EXPECT_EQ(content("d/a"), "new");
        EXPECT_EQ(world.disk().durable_name(path_of("d/a")), is_durable);
        expect_refused(client, wire::CommitRequest{.handle = handle}, Errc::closed, "a commit was asked before");
        ask<wire::CloseReply>(client, wire::CloseRequest{.handle = handle});
    }
}

TEST_F(SessionFilesTest, EachFlagOfAnOpenCounts) {
    start();
    RawClient& client = greet();
    put_file("a", "12345");
    expect_refused(client, opening(kOpenWrite | kOpenCreate | kOpenExclusive, "a"), Errc::already_exists, "files:'a'");
    expect_refused(client, opening(kOpenWrite, "missing"), Errc::not_found, "files:'missing'");
    expect_refused(client, opening(kOpenTruncate | kOpenAppend, "a"), Errc::invalid_argument, "truncate needs write");
    expect_refused(client, opening(0, "a"), Errc::invalid_argument, "none of read, write, append and replace");
    expect_refused(client, opening(256, "a"), Errc::unsupported, "unknown flag");
    EXPECT_EQ(content("a"), "12345");
    EXPECT_EQ(ask<wire::OpenReply>(client, opening(kOpenWrite | kOpenTruncate, "a")).size, 0U);
    EXPECT_EQ(content("a"), "");
    EXPECT_EQ(files_open(), 1U);
}

TEST_F(SessionFilesTest, StatTellsFilesAndDirectoriesByName) {
    start();
    RawClient& client = greet();
    put_file("d/a", "12345");
    const wire::StatRequest file{.root = "files", .path = "d/a"};
    EXPECT_EQ(ask<wire::StatReply>(client, file).size, 5U);
    const wire::StatRequest directory{.root = "files", .path = "d"};
    EXPECT_TRUE(S_ISDIR(ask<wire::StatReply>(client, directory).mode));
    expect_refused(client, wire::StatRequest{.root = "files", .path = "b"}, Errc::not_found, "files:'b'");
    expect_refused(client, wire::StatRequest{.root = "nowhere", .path = "b"}, Errc::not_found, "no root 'nowhere'");
    EXPECT_EQ(files_open(), 0U);
}

TEST_F(SessionFilesTest, PutReplacesTheFileAndGetReturnsIt) {
    start();
    RawClient& client = greet();
    EXPECT_EQ(ask<wire::PutReply>(client, putting("a", "first")).size, 5U);
    EXPECT_EQ(durable("a"), std::nullopt);  // Its name is not synced.
    wire::PutRequest put = putting("a", "second one", /*durable=*/true);
    put.mode = 0604;
    EXPECT_EQ(ask<wire::PutReply>(client, put).size, 10U);
    EXPECT_EQ(durable("a"), "second one");
    EXPECT_TRUE(world.disk().durable_name(path_of("a")));

    wire::GetRequest get = getting("a");
    get.offset = 2;
    get.length = 6;
    client.request(next_id(), get);
    const Frame& piece = next(client);
    EXPECT_TRUE(piece.header.more());
    EXPECT_EQ(as_text(decode<wire::GetChunk>(piece).value_or(wire::GetChunk()).data), "cond o");
    const Frame& end = next(client);
    EXPECT_FALSE(end.header.more());
    const auto reply = decode<wire::GetReply>(end).value_or(wire::GetReply());
    EXPECT_EQ(reply.size, 10U);
    EXPECT_EQ(reply.mode, S_IFREG | 0604U);
    EXPECT_GT(reply.mtime_ns, 0);
}

TEST_F(SessionFilesTest, NamesThatAreNotServedAreRefused) {
    start();
    RawClient& client = greet();
    put_file("a", "x");
    expect_refused(client, getting("../secret"), Errc::permission_denied, "'..' is not allowed");
    expect_refused(client, getting("missing"), Errc::not_found, "open files:'missing'");
    expect_refused(client, putting("", "x"), Errc::invalid_argument, "the path is empty");
    expect_refused(client, putting("no/directory", "x"), Errc::not_found, "files:'no");
    expect_refused(client, opening(kOpenRead, "/a"), Errc::permission_denied, "is absolute");
    wire::PutRequest elsewhere = putting("a", "x");
    elsewhere.root = "other";
    expect_refused(client, elsewhere, Errc::not_found, "no root 'other'");
    wire::PutRequest strange = putting("a", "y");
    strange.mode = 04644;
    expect_refused(client, strange, Errc::invalid_argument, "put: mode above 0777");
    EXPECT_EQ(content("a"), "x");
}

TEST_F(SessionFilesTest, HandleThatIsNotOpenIsRefusedByEveryRequest) {
    start();
    RawClient& client = greet();
    put_file("a", "x");
    const std::uint32_t handle = open(client, kOpenRead | kOpenWrite | kOpenAppend, "a");
    RawClient& other = greet();
    ask<wire::CloseReply>(client, wire::CloseRequest{.handle = handle});
    const std::string words = fmt::format("handle {} is not open", handle);
    for (RawClient* asking : {&client, &other}) {
        expect_refused(*asking, wire::ReadRequest{.handle = handle, .length = 1}, Errc::not_found, words);
        expect_refused(*asking, wire::WriteRequest{.handle = handle, .data = as_bytes("y")}, Errc::not_found, words);
        expect_refused(*asking, wire::AppendRequest{.handle = handle, .data = as_bytes("y")}, Errc::not_found, words);
        expect_refused(*asking, wire::SyncRequest{.handle = handle}, Errc::not_found, words);
        expect_refused(*asking, wire::StatRequest{.handle = handle}, Errc::not_found, words);
        expect_refused(*asking, wire::CommitRequest{.handle = handle}, Errc::not_found, words);
        expect_refused(*asking, wire::CloseRequest{.handle = handle}, Errc::not_found, words);
    }
    EXPECT_EQ(content("a"), "x");
}

TEST_F(SessionFilesTest, HandleOfAnotherConnectionIsNotOpenHere) {
    start();
    put_file("a", "x");
    const std::uint32_t handle = open(greet(), kOpenRead, "a");
    expect_refused(greet(), wire::ReadRequest{.handle = handle, .length = 1}, Errc::not_found, "is not open");
}

TEST_F(SessionFilesTest, ReadIsBoundedByWhatAReplyCarries) {
    start();
    RawClient& client = greet();
    put_file("a", "x");
    const std::uint32_t handle = open(client, kOpenRead, "a");
    const auto most = static_cast<std::uint32_t>(options.session.frame_bytes_max - wire::kFrameHeaderSize);
    EXPECT_EQ(as_text(ask<wire::ReadReply>(client, wire::ReadRequest{.handle = handle, .length = most}).data), "x");
    expect_refused(client, wire::ReadRequest{.handle = handle, .length = most + 1}, Errc::too_large,
                   fmt::format("a read of {} bytes; one reply carries at most {}", most + 1, most));
}

// Each type with nothing in it: refused, and the connection goes on.
// What could be read before the error is not lost; who asks for the rest is told the error.
TEST_F(SessionFilesTest, LongReadEndsWhereTheDiskFails) {
    options.session.frame_bytes_max = 1U << 20U;
    start();
    RawClient& client = greet();
    put_file("a", std::string(300'000, 'x'));
    const std::uint32_t handle = open(client, kOpenRead, "a");
    world.faults().add(io::fail_nth(io::OpCode::read, "/files/*", 2, EIO));
    const wire::ReadRequest all{.handle = handle, .length = 300'000};
    EXPECT_EQ(ask<wire::ReadReply>(client, all).data.size(), std::size_t{256} * 1024);
    EXPECT_EQ(ask<wire::ReadReply>(client, all).data.size(), 300'000U);
}

TEST_F(SessionFilesTest, EmptyPayloadIsMalformedForEveryRequest) {
    start();
    RawClient& client = greet();
    using enum wire::MessageType;
    for (const wire::MessageType type :
         {wire::MessageType::open, read, write, append, sync, stat, close, commit, get, put}) {
        const auto head = wire::encode_frame_header({.length = 24, .type = type, .id = next_id()});
        client.send(Bytes(head.begin(), head.end()));
        expect_refusal(client, id(), Errc::malformed, "");
    }
    ask<wire::PingReply>(client, wire::PingRequest());
}

// ---- faults ----

TEST_F(SessionFilesTest, ErrorOfTheDiskIsTheAnswerOfEachRequest) {
    start();
    RawClient& client = greet();
    put_file("a", "12345");
    const std::uint32_t handle = open(client, kOpenRead | kOpenWrite | kOpenAppend, "a");
    const std::uint32_t replacing = open(client, kOpenReplace, "b");
    const auto failing = [&](io::OpCode code, const auto& request, std::string_view words) {
        const std::size_t rule = world.faults().add(io::fail_nth(code, path_of("*"), 1, EIO));
        expect_refused(client, request, Errc::io_error, words);
        EXPECT_EQ(world.faults().hits(rule), 1U) << words;
        world.faults().clear_rules();
    };
    failing(io::OpCode::read, wire::ReadRequest{.handle = handle, .length = 1}, "read files:'a'");
    failing(io::OpCode::stat, wire::StatRequest{.handle = handle}, "stat files:'a'");
    failing(io::OpCode::stat, wire::AppendRequest{.handle = handle, .data = as_bytes("x")}, "append to files:'a'");
    failing(io::OpCode::write, wire::WriteRequest{.handle = handle, .data = as_bytes("x")}, "write files:'a'");
    failing(io::OpCode::sync, wire::SyncRequest{.handle = handle}, "sync files:'a'");
    failing(io::OpCode::sync, wire::CommitRequest{.handle = replacing}, "sync files:'b'");
    failing(io::OpCode::open, opening(kOpenRead, "a"), "open files:'a'");
    failing(io::OpCode::open, getting("a"), "open files:'a'");
    failing(io::OpCode::rename, putting("a", "new"), "rename into place files:'a'");
    failing(io::OpCode::stat, wire::StatRequest{.root = "files", .path = "a"}, "stat files:'a'");
    failing(io::OpCode::close, wire::CloseRequest{.handle = handle}, "close files:'a'");
    EXPECT_EQ(files_open(), 1U);
    EXPECT_EQ(world.disk().names(sim::kRootPath), std::vector<std::string>{"a"});
}

// A stream that has begun ends with the error.
TEST_F(SessionFilesTest, GetThatFailsOnTheWayEndsWithTheError) {
    start();
    RawClient& client = greet();
    put_file("a", std::string(300'000, 'x'));
    world.faults().add(io::fail_nth(io::OpCode::read, path_of("a"), 2, EIO));
    client.request(next_id(), getting("a"));
    const Frame& piece = next(client);
    EXPECT_TRUE(piece.header.more());
    EXPECT_EQ(decode<wire::GetChunk>(piece).value_or(wire::GetChunk()).data.size(), files::kGetPieceBytes);
    expect_refusal(client, id(), Errc::io_error, "read files:'a'");
    EXPECT_EQ(files_open(), 0U);
    ask<wire::PingReply>(client, wire::PingRequest());
}

TEST_F(SessionFilesTest, GetWithoutCreditEndsByItsDeadlineAndClosesTheFile) {
    start();
    RawClient& client = greet();
    put_file("a", "12345");
    client.request(next_id(), getting("a", 0), {.deadline_ms = 100});
    pass(milliseconds(50));
    EXPECT_EQ(files_open(), 1U);
    expect_refusal(client, id(), Errc::deadline_exceeded, "");
    EXPECT_EQ(files_open(), 0U);
}

// ---- the end of a connection ----

TEST_F(SessionFilesTest, FilesOfAnEndedConnectionAreClosed) {
    start();
    put_file("a", "old");
    for (const bool by_client : {true, false}) {
        RawClient& client = greet();
        RawClient& stays = greet(by_client ? 1001 : 1002);
        open(client, kOpenRead, "a");
        const std::uint32_t replacing = open(client, kOpenReplace, "a");
        ask<wire::WriteReply>(client, wire::WriteRequest{.handle = replacing, .data = as_bytes("never placed")});
        const std::uint32_t kept = open(stays, kOpenRead, "a");
        ASSERT_EQ(world.disk().names(sim::kRootPath).size(), 2U);  // With the temporary.
        ASSERT_EQ(files_open(), 3U);
        if (by_client) {
            client.disconnect();
        } else {
            ServerOptions later = options.server;
            later.session = options.session;
            later.admits = [](const Peer& peer) { return peer.credentials.uid != 1000; };
            daemon->server().set_options(std::move(later));
        }
        EXPECT_TRUE(client.closed_within(seconds(5)));
        pass(seconds(1));
        EXPECT_EQ(world.disk().names(sim::kRootPath), std::vector<std::string>{"a"}) << by_client;
        EXPECT_EQ(content("a"), "old");
        EXPECT_EQ(files_open(), 1U) << by_client;
        EXPECT_EQ(as_text(ask<wire::ReadReply>(stays, wire::ReadRequest{.handle = kept, .length = 9}).data), "old");
        ask<wire::CloseReply>(stays, wire::CloseRequest{.handle = kept});
    }
}

TEST_F(SessionFilesTest, FilesOfAConnectionAreClosedWhenTheDaemonStops) {
    start();
    put_file("a", "old");
    RawClient& client = greet();
    open(client, kOpenReplace, "a");
    ASSERT_EQ(world.disk().names(sim::kRootPath).size(), 2U);
    daemon->stop();
    ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
    EXPECT_EQ(world.disk().names(sim::kRootPath), std::vector<std::string>{"a"});
    EXPECT_EQ(files_open(), 0U);
}

// ---- limits that change while it runs ----

TEST_F(SessionFilesTest, NewHandleLimitsHoldFromTheNextOpenOn) {
    start();
    put_file("a", "x");
    RawClient& client = greet();
    const std::uint32_t first = open(client, kOpenRead, "a");
    open(client, kOpenRead, "a");
    files::Ledger& ledger = daemon->files().ledger();
    ledger.set_limits({.session_max = 2, .user_max = 100, .total_max = 100});
    expect_refused(client, opening(kOpenRead, "a"), Errc::limit_exceeded,
                   "the session has 2 handles open, the maximum");
    ledger.set_limits({.session_max = 100, .user_max = 2, .total_max = 100});
    expect_refused(client, opening(kOpenRead, "a"), Errc::limit_exceeded, "uid 1000 has 2 files open, the maximum");
    expect_refused(client, putting("b", "x"), Errc::limit_exceeded, "uid 1000 has 2 files open, the maximum");
    ledger.set_limits({.session_max = 100, .user_max = 100, .total_max = 2});
    expect_refused(greet(2000), opening(kOpenRead, "a"), Errc::limit_exceeded,
                   "2 files are open for all clients, the maximum");
    ledger.set_limits({.session_max = 1, .user_max = 1, .total_max = 1});  // What is open stays open.
    EXPECT_EQ(as_text(ask<wire::ReadReply>(client, wire::ReadRequest{.handle = first, .length = 1}).data), "x");
    ledger.set_limits({.session_max = 3, .user_max = 3, .total_max = 3});
    open(client, kOpenRead, "a");
}

}  // namespace
}  // namespace sluice::server::test
