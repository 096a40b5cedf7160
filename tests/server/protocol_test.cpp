// What docs/protocol.md tells of a daemon beyond the bytes of its messages, asked over a raw connection.
#include "session_files_fixture.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::kOpenCreate;
using wire::kOpenRead;
using wire::kOpenReplace;
using wire::kOpenWrite;

class ProtocolTest : public SessionFilesTest {
 protected:
    static wire::PutRequest putting_as(std::string_view path, std::uint32_t mode) {
        wire::PutRequest request = putting(path, "x");
        request.mode = mode;
        return request;
    }
    std::uint32_t mode_of(RawClient& client, std::string_view path) {
        return ask<wire::StatReply>(client, wire::StatRequest{.root = "files", .path = path}).mode & 07777U;
    }
    template <class Request>
    void expect_wrong_type(RawClient& client, const Request& request, int sys_errno = 0) {
        client.request(next_id(), request);
        const auto frame = client.next();
        ASSERT_TRUE(frame && frame->header.type == wire::MessageType::error);
        const auto error = wire::ErrorReply::decode(frame->payload);
        ASSERT_TRUE(error);
        EXPECT_EQ(errc_name(error->code), "wrong_type") << error->text;
        EXPECT_EQ(error->sys_errno, sys_errno) << error->text;
    }
    // Of a frame with entries.
    static std::vector<std::string> messages(const Frame& frame) {
        std::vector<std::string> texts;
        if (const auto chunk = decode<wire::TailChunk>(frame)) {
            for (const wire::TailEntry& entry : chunk->entries) {
                texts.emplace_back(entry.record.message());
            }
        }
        return texts;
    }
    static wire::TailRequest all(std::uint32_t credit) {
        wire::TailRequest request;
        request.start = wire::TailStart::oldest;
        request.credit = credit;
        return request;
    }
};

// ---- files ----

TEST_F(ProtocolTest, ModeHasPermissionBitsOnly) {
    start();
    RawClient& client = greet();
    for (const std::uint32_t mode : {01000U, 02000U, 04000U, 07777U, 0x8000'0000U}) {
        expect_refused(client, opening(kOpenWrite | kOpenCreate, "a", mode), Errc::invalid_argument, "mode above 0777");
        expect_refused(client, opening(kOpenReplace, "a", mode), Errc::invalid_argument, "mode above 0777");
        expect_refused(client, putting_as("a", mode), Errc::invalid_argument, "mode above 0777");
    }
    EXPECT_EQ(content("a"), std::nullopt);
    open(client, kOpenWrite | kOpenCreate, "a", 0777);
    EXPECT_EQ(mode_of(client, "a"), 0777U);
    ask<wire::PutReply>(client, putting_as("b", 0777));
    EXPECT_EQ(mode_of(client, "b"), 0777U);
}

TEST_F(ProtocolTest, ModeZeroIs0640OrThatOfTheFileThatIsReplaced) {
    start();
    RawClient& client = greet();
    open(client, kOpenWrite | kOpenCreate, "opened");
    EXPECT_EQ(mode_of(client, "opened"), 0640U);
    ask<wire::PutReply>(client, putting_as("put", 0));
    EXPECT_EQ(mode_of(client, "put"), 0640U);
    ask<wire::PutReply>(client, putting_as("put", 0604));
    EXPECT_EQ(mode_of(client, "put"), 0604U);
    ask<wire::PutReply>(client, putting_as("put", 0));
    EXPECT_EQ(mode_of(client, "put"), 0604U);
    const auto replace = [&](std::uint32_t mode) {
        const std::uint32_t handle = open(client, kOpenReplace, "put", mode);
        ask<wire::CommitReply>(client, wire::CommitRequest{.handle = handle});
        return mode_of(client, "put");
    };
    EXPECT_EQ(replace(0), 0604U);
    EXPECT_EQ(replace(0600), 0600U);
    open(client, kOpenWrite | kOpenCreate, "put", 0666);  // Nothing is made.
    EXPECT_EQ(mode_of(client, "put"), 0600U);
}

TEST_F(ProtocolTest, PathsThatNameADirectoryByThemselvesAreOfTheWrongTypeAndEmptyOnesInvalid) {
    start();
    RawClient& client = greet();
    put_file("d/a", "x");
    for (const std::string_view path : {".", "./", "d/", "d/.", "a/"}) {
        expect_wrong_type(client, wire::StatRequest{.root = "files", .path = path});
        expect_wrong_type(client, opening(kOpenRead, path));
        expect_wrong_type(client, getting(path));
        expect_wrong_type(client, putting(path, "y"));
    }
    expect_refused(client, wire::StatRequest{.root = "files", .path = ""}, Errc::invalid_argument, "empty");
    expect_refused(client, opening(kOpenRead, ""), Errc::invalid_argument, "empty");
    expect_refused(client, getting(""), Errc::invalid_argument, "empty");
}

// What the client learns about "d" is what STAT says: the errno may be 0 or not.
TEST_F(ProtocolTest, DirectoryWhereAFileIsExpectedIsOfTheWrongTypeAndStatTellsIt) {
    start();
    RawClient& client = greet();
    put_file("d/a", "x");
    expect_wrong_type(client, opening(kOpenRead, "d"));
    expect_wrong_type(client, getting("d"));
    expect_wrong_type(client, putting("d", "y"));
    expect_wrong_type(client, opening(kOpenReplace, "d"));
    expect_wrong_type(client, opening(kOpenWrite, "d"), EISDIR);
    EXPECT_TRUE(S_ISDIR(ask<wire::StatReply>(client, wire::StatRequest{.root = "files", .path = "d"}).mode));
}

TEST_F(ProtocolTest, RightListIsThatToStatDirectories) {
    options.root_rights = {files::Right::list};
    put_file("d/a", "x");
    start();
    RawClient& client = greet();
    EXPECT_TRUE(S_ISDIR(ask<wire::StatReply>(client, wire::StatRequest{.root = "files", .path = "d"}).mode));
    expect_refused(client, wire::StatRequest{.root = "files", .path = "d/a"}, Errc::permission_denied, "read");
}

TEST_F(ProtocolTest, WithoutTheRightListDirectoriesAreNotToStat) {
    options.root_rights = {files::Right::read};
    put_file("d/a", "x");
    start();
    RawClient& client = greet();
    expect_refused(client, wire::StatRequest{.root = "files", .path = "d"}, Errc::permission_denied, "list");
    EXPECT_EQ(ask<wire::StatReply>(client, wire::StatRequest{.root = "files", .path = "d/a"}).size, 1U);
}

TEST_F(ProtocolTest, ReadAsksForAtMostWhatAFrameCarries) {
    options.session.frame_bytes_max = wire::kFrameBytesMax;
    start();
    RawClient& client = greet();
    const std::string bytes(2U << 20U, 'r');
    put_file("a", bytes);
    const std::uint32_t handle = open(client, kOpenRead, "a");
    const auto most = static_cast<std::uint32_t>(wire::kFrameBytesMax - wire::kFrameHeaderSize);
    const auto reply = ask<wire::ReadReply>(client, wire::ReadRequest{.handle = handle, .length = most});
    EXPECT_EQ(reply.data.size(), most);
    expect_refused(client, wire::ReadRequest{.handle = handle, .length = most + 1}, Errc::too_large, "1114088");
}

// The error has request id 0 and is the last frame.
TEST_F(ProtocolTest, WhatDoesNotFitAPutIsWrittenAndCommitted) {
    start();
    const std::string bytes(options.session.frame_bytes_max, 'p');
    RawClient& refused = greet();
    refused.request(2, putting("a", bytes));
    expect_error(refused, 0, Errc::too_large);
    EXPECT_TRUE(refused.closed_within(seconds(5)));
    RawClient& client = greet();
    const std::uint32_t handle = open(client, kOpenReplace, "a");
    const std::size_t half = bytes.size() / 2;
    for (const std::size_t offset : {std::size_t{0}, half}) {
        const std::string_view piece = std::string_view(bytes).substr(offset, half);
        ask<wire::WriteReply>(client, wire::WriteRequest{.handle = handle, .offset = offset, .data = as_bytes(piece)});
    }
    EXPECT_EQ(content("a"), std::nullopt);
    ask<wire::CommitReply>(client, wire::CommitRequest{.handle = handle});
    EXPECT_EQ(content("a"), bytes);
}

// At whatever moment it comes: either the error, and nothing stays open; or the reply, with a handle to close.
TEST_F(ProtocolTest, OpenThatIsCancelledKeepsNothingOpenUnlessItIsAnswered) {
    start();
    RawClient& client = greet();
    put_file("a", "x");
    io::FaultRule slow = io::fail_from(io::OpCode::open, path_of("*"), 1, 0);
    slow.fault.delay = microseconds(100);
    world.faults().add(slow);
    for (const std::uint32_t flags : {kOpenRead, kOpenWrite | kOpenCreate, kOpenReplace | kOpenRead}) {
        int cancelled = 0;
        int answered = 0;
        for (int after_us = 0; after_us < 1000; after_us += 20) {
            const std::uint64_t open_id = next_id();
            client.request(open_id, opening(flags, "a"));
            pass(microseconds(after_us));
            client.request(next_id(), wire::CancelRequest{.target = open_id});
            std::uint32_t handle = 0;
            for (int i = 0; i < 2; ++i) {
                const Frame& frame = next(client);
                if (frame.header.id == open_id && frame.header.type != wire::MessageType::error) {
                    handle = decode<wire::OpenReply>(frame).value_or(wire::OpenReply()).handle;
                }
            }
            EXPECT_EQ(files_open(), handle != 0 ? 1U : 0U) << after_us;
            ++(handle != 0 ? answered : cancelled);
            if (handle != 0) {
                ask<wire::CloseReply>(client, wire::CloseRequest{.handle = handle});
            }
            EXPECT_EQ(files_open(), 0U);
            EXPECT_EQ(world.disk().names(sim::kRootPath), std::vector<std::string>{"a"}) << after_us;
        }
        EXPECT_GT(cancelled, 0) << flags;
        EXPECT_GT(answered, 0) << flags;
    }
}

TEST_F(ProtocolTest, OpenWhoseDeadlinePassedKeepsNothingOpenUnlessItIsAnswered) {
    start();
    RawClient& client = greet();
    put_file("a", "x");
    for (const std::uint32_t flags : {kOpenRead, kOpenReplace}) {
        int late = 0;
        for (int delay_us = 800; delay_us < 1200; delay_us += 20) {
            world.faults().clear_rules();
            io::FaultRule slow = io::fail_from(io::OpCode::open, path_of("*"), 1, 0);
            slow.fault.delay = microseconds(delay_us);
            world.faults().add(slow);
            client.request(next_id(), opening(flags, "a"), {.deadline_ms = 1});
            const Frame& frame = next(client);
            const bool is_error = frame.header.type == wire::MessageType::error;
            late += is_error ? 1 : 0;
            EXPECT_EQ(files_open(), is_error ? 0U : 1U) << delay_us;
            if (!is_error) {
                const std::uint32_t handle = decode<wire::OpenReply>(frame).value_or(wire::OpenReply()).handle;
                ask<wire::CloseReply>(client, wire::CloseRequest{.handle = handle});
            }
            EXPECT_EQ(world.disk().names(sim::kRootPath), std::vector<std::string>{"a"}) << delay_us;
        }
        EXPECT_GT(late, 0) << flags;
    }
}

// ---- the log ----

TEST_F(ProtocolTest, FirstNumberOfAnUnknownProducerMayBeAny) {
    start();
    RawClient& client = greet();
    std::uint64_t stored = 0;
    std::uint8_t producer = 0;
    for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 63U}) {
        ++producer;
        for (const std::uint64_t number : {first, first + 1}) {
            const Bytes batch = batch_of({{"x", "", wire::Severity::info}}, producer, number);
            const auto reply =
                ask<wire::LogReply>(client, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
            EXPECT_FALSE(reply.duplicate) << number;
            EXPECT_EQ(reply.first_sequence, ++stored);
        }
        const Bytes skips = batch_of({{"x", "", wire::Severity::info}}, producer, first + 3);
        expect_refused(client, wire::LogRequest{.level = wire::AckLevel::written, .batch = skips}, Errc::out_of_order,
                       "");
    }
    EXPECT_EQ(daemon->pipeline().hub().end_sequence(), stored + 1);
}

TEST_F(ProtocolTest, TimeOfARecordIsTheClientsOrElseThatOfItsArrival) {
    start();
    RawClient& client = greet();
    wire::BatchBuilder builder;
    for (const WallNs time : {WallNs{17}, WallNs{0}}) {
        builder.begin(wire::Severity::info, "", time).message("x");
        ASSERT_TRUE(builder.finish_record());
    }
    const ByteView batch = builder.finish({});
    ask<wire::LogReply>(client, wire::LogRequest{.level = wire::AckLevel::written, .batch = batch});
    client.request(next_id(), all(1U << 20U));
    const auto chunk = decode<wire::TailChunk>(next(client));
    ASSERT_TRUE(chunk);
    ASSERT_EQ(chunk->entries.size(), 2U);
    auto entry = chunk->entries.begin();
    EXPECT_EQ((*entry).record.time_ns(), 17);
    ++entry;
    EXPECT_EQ((*entry).record.time_ns(), (*entry).receive_time_ns);
    EXPECT_NE((*entry).receive_time_ns, 0);
}

TEST_F(ProtocolTest, ComputedRowHasSeverity6AndNoTimeSequenceAndMessage) {
    start();
    RawClient& client = greet();
    log(client, next_id(), {{"x", "", wire::Severity::err}});
    wire::QueryRequest request;
    request.text = "* | stats max(severity) as worst, count() as n";
    request.credit = 1U << 20U;
    client.request(next_id(), request);
    const auto chunk = decode<wire::QueryChunk>(next(client));
    ASSERT_TRUE(chunk);
    ASSERT_EQ(chunk->entries.size(), 1U);
    const wire::TailEntry row = *chunk->entries.begin();
    EXPECT_EQ(row.flags, wire::kBatchComputed);
    EXPECT_EQ(static_cast<unsigned>(row.record.severity()), 6U);
    EXPECT_EQ(row.record.time_ns(), 0);
    EXPECT_EQ(row.sequence, 0U);
    EXPECT_EQ(row.record.message(), "");
}

// ---- CREDIT ----

TEST_F(ProtocolTest, CreditForNoStreamChangesNothing) {
    start();
    RawClient& client = greet();
    client.request(77, wire::Credit{.target = 78, .bytes = 1});
    client.request(79, wire::Credit{.target = 0, .bytes = 0xffff'ffffU});
    ask<wire::PingReply>(client, wire::PingRequest());  // The next frame: the two were not answered.
}

// SessionTest.IdInFlightTwiceIsRefused has the others.
TEST_F(ProtocolTest, IdInFlightIsNotLookedForInLogAndCancel) {
    start();
    RawClient& client = greet();
    wire::TailRequest following = all(0);
    following.follow = true;
    client.request(5, following);
    log(client, 5, {{"x", "", wire::Severity::info}});
    client.request(5, wire::CancelRequest{.target = 5});
    const Frame& reply = next(client);
    EXPECT_EQ(reply.header.id, 5U);
    EXPECT_TRUE(decode<wire::CancelReply>(reply));
    expect_error(client, 5, Errc::cancelled);
}

TEST_F(ProtocolTest, CreditMayHaveTheIdOfItsStream) {
    start();
    RawClient& client = greet();
    log(client, next_id(), {{"one", "", wire::Severity::info}});
    const std::uint64_t tail = next_id();
    client.request(tail, all(0));
    EXPECT_FALSE(client.next(milliseconds(100)));
    client.request(tail, wire::Credit{.target = tail, .bytes = 1U << 20U});
    const Frame& rows = next(client);
    EXPECT_EQ(rows.header.id, tail);
    EXPECT_EQ(messages(rows), std::vector<std::string>{"one"});
    decode<wire::TailEnd>(next(client));
}

}  // namespace
}  // namespace sluice::server::test
