// Golden vectors in both directions.  The files were not made by these encoders.
#include "golden.h"

#include <gtest/gtest.h>

#include <set>

#include "reencode.h"
#include "wire/messages.h"

namespace sluice::wire {
namespace {

using test::golden;
using test::kGoldenTime;

const StoreId kStore = *parse_id("9f86d081884c7d659a2feaa0c55ad015");
const ProducerId kProducer = *parse_id("000102030405060708090a0b0c0d0e0f");

std::set<std::string>& checked() {
    static std::set<std::string> names;
    return names;
}

FrameView frame_of(ByteView bytes) {
    const auto header = parse_frame_header(bytes, kFrameBytesMax);
    EXPECT_TRUE(header);
    EXPECT_EQ(header->length, bytes.size());
    return {*header, bytes.subspan(kFrameHeaderSize)};
}

template <class T>
void expect_equal(const T& a, const T& b, std::string_view name) {
    if constexpr (std::is_same_v<T, ByteView>) {
        EXPECT_EQ(as_text(a), as_text(b)) << name;
    } else {
        EXPECT_EQ(a, b) << name;
    }
}

// `value` encodes to the file, and the file decodes to a value with the same `members`.
template <class Message, class... Members>
void check(std::string_view name, std::uint64_t id, const Message& value, FrameOptions options, Members... members) {
    checked().emplace(name);
    const Bytes file = golden(name).bytes;
    Bytes encoded;
    append_frame(encoded, id, value, options);
    EXPECT_EQ(encoded, file) << name;

    const FrameView frame = frame_of(file);
    EXPECT_EQ(frame.header.type, Message::kType) << name;
    EXPECT_EQ(frame.header.id, id) << name;
    EXPECT_EQ(frame.header.flags, options.flags) << name;
    EXPECT_EQ(frame.header.deadline_ms, options.deadline_ms) << name;
    const auto decoded = Message::decode(frame.payload);
    ASSERT_TRUE(decoded) << name << ": " << decoded.error();
    (expect_equal((*decoded).*members, value.*members, name), ...);
}

void check_session_messages() {
    using H = HelloReply;
    check("hello", 1, HelloRequest{.client_name = "example"}, {}, &HelloRequest::version_min,
          &HelloRequest::version_max, &HelloRequest::features, &HelloRequest::client_name);
    check("hello_reply", 1, H{.epoch = 3, .store = kStore, .server_version = "0.1.0"}, {}, &H::version, &H::epoch,
          &H::features, &H::store, &H::frame_bytes_max, &H::requests_in_flight_max, &H::log_records_max,
          &H::handles_max, &H::server_version);
    check("cancel", 10, CancelRequest{9}, {}, &CancelRequest::target);
    check("cancel_reply", 10, CancelReply{CancelOutcome::not_found}, {}, &CancelReply::outcome);
    check("credit", 11, Credit{9, 65536}, {}, &Credit::target, &Credit::bytes);
    check("ping", 12, PingRequest{}, {});
    check("ping_reply", 12, PingReply{}, {});
    check("status", 30, StatusRequest{}, {});
    check("status_reply", 30, StatusReply{R"({"version":"0.1.0"})"}, {}, &StatusReply::json);
    check("error", 20, ErrorReply{Errc::not_found, 2, "open 'etc/motd': No such file or directory"}, {},
          &ErrorReply::code, &ErrorReply::sys_errno, &ErrorReply::text);
}

void check_log_messages() {
    BatchBuilder batch;
    batch.add_encoded(test::golden_records(0), 2);
    const ByteView bytes = batch.finish({.producer = kProducer, .number = 7});
    check("log", 2, LogRequest{AckLevel::durable, bytes}, {.deadline_ms = 1000}, &LogRequest::level,
          &LogRequest::batch);
    const LogReply reply{
        .level = AckLevel::durable, .dropped_fields = 1, .count = 2, .epoch = 3, .first_sequence = 4711};
    check("log_reply", 2, reply, {}, &LogReply::level, &LogReply::duplicate, &LogReply::dropped_fields,
          &LogReply::count, &LogReply::epoch, &LogReply::first_sequence);

    const TailRequest tail{.start = TailStart::last_n,
                           .follow = true,
                           .durable_only = true,
                           .credit = 262144,
                           .n = 10,
                           .since_ns = kGoldenTime,
                           .after = {kStore, 3, 4710},
                           .filter = {.severity_max = Severity::warning,
                                      .streams = {"sshd", "web/*"},
                                      .fields = {{"port", "-22"}},
                                      .greps = {"failed"}}};
    check("tail", 3, tail, {}, &TailRequest::start, &TailRequest::follow, &TailRequest::durable_only,
          &TailRequest::credit, &TailRequest::n, &TailRequest::since_ns, &TailRequest::after, &TailRequest::filter);
    check("tail_end", 3, TailEnd{3, {kStore, 3, 4711}}, {}, &TailEnd::epoch, &TailEnd::resume_after);
}

void check_query_messages() {
    TailRequest tail{.start = TailStart::last_n,
                     .durable_only = true,
                     .credit = 262144,
                     .n = 10,
                     .since_ns = kGoldenTime,
                     .after = {kStore, 3, 4710},
                     .filter = {.severity_max = Severity::warning},
                     .query = "port:>22 | fields port"};
    check("tail_filter", 3, tail, {}, &TailRequest::durable_only, &TailRequest::filter, &TailRequest::query);
    using Q = QueryRequest;
    const Q query{.explain = true,
                  .credit = 262144,
                  .newest = 1000,
                  .since_ns = kGoldenTime - 1000,
                  .until_ns = kGoldenTime,
                  .text = "level:error | top 3 by (user)"};
    check("query", 4, query, {}, &Q::explain, &Q::credit, &Q::newest, &Q::since_ns, &Q::until_ns, &Q::text);
    const QueryEnd end{.epoch = 3,
                       .read_through = {kStore, 3, 4711},
                       .counts = {.records = 65536,
                                  .matched = 25,
                                  .rows = 3,
                                  .bytes_read = 123456,
                                  .parts = 2,
                                  .parts_skipped = 14,
                                  .parts_damaged = 1,
                                  .elapsed_us = 1500},
                       .explain = "part 1: skipped"};
    check("query_end", 4, end, {}, &QueryEnd::epoch, &QueryEnd::read_through, &QueryEnd::counts, &QueryEnd::explain);
}

void check_file_messages() {
    using O = OpenRequest;
    check("open", 20, O{kOpenWrite | kOpenCreate | kOpenReplace, 0640, "files", "etc/motd"}, {.flags = kFrameLink},
          &O::flags, &O::mode, &O::root, &O::path);
    check("open_reply", 20, OpenReply{5, 123456789012}, {}, &OpenReply::handle, &OpenReply::size);
    check("read", 21, ReadRequest{5, 4096, 8192}, {}, &ReadRequest::handle, &ReadRequest::length, &ReadRequest::offset);
    check("read_reply", 21, ReadReply{as_bytes("end\n")}, {}, &ReadReply::data);
    using W = WriteRequest;
    check("write", 22, W{5, true, 8192, as_bytes("new end\n")}, {}, &W::handle, &W::sync, &W::offset, &W::data);
    check("write_reply", 22, WriteReply{8}, {}, &WriteReply::written);
    using A = AppendRequest;
    check("append", 23, A{5, false, as_bytes("line\n")}, {}, &A::handle, &A::sync, &A::data);
    check("append_reply", 23, AppendReply{8200, 5}, {}, &AppendReply::offset, &AppendReply::length);
    check("sync", 24, SyncRequest{5, true}, {}, &SyncRequest::handle, &SyncRequest::data_only);
    check("sync_reply", 24, SyncReply{}, {});
    using S = StatReply;
    check("stat", 25, StatRequest{0, "files", "etc/motd"}, {}, &StatRequest::handle, &StatRequest::root,
          &StatRequest::path);
    check("stat_reply", 25, S{8205, 0100640, 1000, 100, kGoldenTime}, {}, &S::size, &S::mode, &S::uid, &S::gid,
          &S::mtime_ns);
    check("close", 26, CloseRequest{5}, {}, &CloseRequest::handle);
    check("close_reply", 26, CloseReply{}, {});
    using G = GetRequest;
    check("get", 27, G{131072, 0, 0, "files", "etc/motd"}, {}, &G::credit, &G::offset, &G::length, &G::root, &G::path);
    check("get_chunk", 27, GetChunk{as_bytes("hello, world\n")}, {.flags = kFrameMore}, &GetChunk::data);
    check("get_reply", 27, GetReply{13, kGoldenTime, 0100644}, {}, &GetReply::size, &GetReply::mtime_ns,
          &GetReply::mode);
    using P = PutRequest;
    check("put", 28, P{true, 0644, "files", "etc/motd", as_bytes("hello, world\n"), true}, {}, &P::durable, &P::mode,
          &P::root, &P::path, &P::data, &P::parents);
    check("put_reply", 28, PutReply{13}, {}, &PutReply::size);
    check("commit", 29, CommitRequest{5, true}, {}, &CommitRequest::handle, &CommitRequest::durable);
    check("commit_reply", 29, CommitReply{}, {});
}

TailEntry golden_entry(const FieldBlock& trusted, ByteView records) {
    return {4711, kGoldenTime + 1000, 0, trusted.fields(), RecordView::unchecked(records.data())};
}

FieldBlock golden_trusted() {
    FieldBlock trusted;
    trusted.field("_pid", 4242).field("_comm", "sshd");
    return trusted;
}

void check_tail_chunk() {
    checked().emplace("tail_chunk");
    const Bytes file = golden("tail_chunk").bytes;
    const Bytes records = test::golden_records(0);
    const FieldBlock trusted = golden_trusted();
    Bytes encoded;
    TailChunkBuilder builder(encoded, 3, 3);
    builder.add(golden_entry(trusted, records));
    builder.finish();
    EXPECT_EQ(encoded, file);

    const auto chunk = TailChunk::decode(frame_of(file).payload);
    ASSERT_TRUE(chunk) << chunk.error();
    EXPECT_EQ(chunk->epoch, 3U);
    ASSERT_EQ(chunk->entries.size(), 1U);
    const TailEntry entry = *chunk->entries.begin();
    EXPECT_EQ(entry.sequence, 4711U);
    EXPECT_EQ(entry.receive_time_ns, kGoldenTime + 1000);
    EXPECT_EQ(entry.trusted.find("_pid")->as_int64(), 4242);
    EXPECT_EQ(entry.record.message(), "login failed");
}

void check_query_chunk() {
    const Bytes records = test::golden_records(0);
    const FieldBlock trusted = golden_trusted();
    Bytes entries;
    append_tail_entry(entries, golden_entry(trusted, records));
    const QueryChunk chunk{
        .progress = {.records = 8192, .records_total = 65536}, .epoch = 3, .entries = TailEntryRange(entries, 1)};
    checked().emplace("query_chunk");
    const Bytes file = golden("query_chunk").bytes;
    Bytes encoded;
    append_frame(encoded, 4, chunk, {.flags = kFrameMore});
    EXPECT_EQ(encoded, file);
    const auto decoded = QueryChunk::decode(frame_of(file).payload);
    ASSERT_TRUE(decoded) << decoded.error();
    EXPECT_EQ(decoded->progress, chunk.progress);
    EXPECT_EQ(decoded->epoch, 3U);
    ASSERT_EQ(decoded->entries.size(), 1U);
    EXPECT_EQ((*decoded->entries.begin()).record.message(), "login failed");
}

void check_stored_batch() {
    checked().emplace("batch_stored");
    const Bytes file = golden("batch_stored").bytes;
    BatchBuilder builder;
    builder.set_trusted(golden_trusted());
    builder.add_encoded(test::golden_records(kGoldenTime + 1000), 2);
    const BatchStamp stamp{.producer = kProducer, .number = 7, .receive_time_ns = kGoldenTime + 1000};
    EXPECT_EQ(as_text(builder.finish(stamp)), as_text(file));

    ByteView cursor = file;
    const auto batch = parse_batch(cursor);
    ASSERT_TRUE(batch) << batch.error();
    EXPECT_TRUE(cursor.empty());
    EXPECT_EQ(batch->header.producer, kProducer);
    EXPECT_EQ(batch->header.number, 7U);
    EXPECT_EQ(batch->header.receive_time_ns, kGoldenTime + 1000);
    EXPECT_EQ(batch->trusted.find("_comm")->text(), "sshd");
    EXPECT_EQ(batch->records.size(), 2U);
}

void check_record() {
    checked().emplace("record");
    const Bytes file = golden("record").bytes;
    const Bytes records = test::golden_records(0);
    EXPECT_EQ(as_text(RecordView::unchecked(records.data()).bytes()), as_text(file));

    ByteView cursor = file;
    const auto record = parse_record(cursor, {});
    ASSERT_TRUE(record) << record.error();
    EXPECT_EQ(record->severity(), Severity::warning);
    EXPECT_EQ(record->stream(), "sshd");
    EXPECT_EQ(record->time_ns(), kGoldenTime);
    EXPECT_EQ(record->message(), "login failed");
    EXPECT_EQ(record->fields().find("user")->text(), "anna");
    EXPECT_EQ(record->fields().find("key")->value.size(), 3U);
    EXPECT_EQ(record->fields().find("port")->as_int64(), -22);
    EXPECT_EQ(record->fields().find("load")->as_float64(), 0.5);
    EXPECT_TRUE(record->fields().find("ok")->as_boolean());
}

TEST(Golden, EveryVectorEncodesAndDecodes) {
    check_session_messages();
    check_log_messages();
    check_query_messages();
    check_query_chunk();
    check_file_messages();
    check_tail_chunk();
    check_stored_batch();
    check_record();
    const auto names = test::golden_names();
    EXPECT_EQ(checked(), std::set<std::string>(names.begin(), names.end()));
}

// The daemon's import of the golden LOG is the golden stored batch.
TEST(Golden, ImportedLogIsTheStoredBatch) {
    const Bytes file = golden("log").bytes;
    const FieldBlock trusted = golden_trusted();
    const ImportContext context{
        .receive_time_ns = kGoldenTime + 1000, .trusted = trusted.bytes(), .trusted_count = trusted.count()};
    const auto log = LogRequest::decode(frame_of(file).payload);
    ASSERT_TRUE(log);
    Bytes stored(import_bytes_max(log->batch.size(), trusted.bytes().size()));
    const auto summary = import_batch(log->batch, context, stored);
    ASSERT_TRUE(summary) << summary.error();
    stored.resize(summary->bytes);
    EXPECT_EQ(stored, golden("batch_stored").bytes);
}

// Everything that a receiver does with the bytes of a golden file.
Result<Bytes> receive(std::string_view name, ByteView bytes) {
    if (name == "record") {
        SLUICE_TRY(const RecordView record, parse_record(bytes, {}));
        return Bytes(record.bytes().begin(), record.bytes().end());
    }
    if (name == "batch_stored") {
        const ByteView whole = bytes;
        SLUICE_CHECK(parse_batch(bytes));
        return Bytes(whole.begin(), whole.end());
    }
    SLUICE_TRY(Bytes again, test::reencode({*parse_frame_header(bytes, UINT32_MAX), bytes.subspan(kFrameHeaderSize)}));
    if (name == "log") {
        const ByteView batch = bytes.subspan(kFrameHeaderSize + kLogPrefixSize);
        Bytes room(import_bytes_max(batch.size(), 0));
        SLUICE_CHECK(import_batch(batch, {}, room));
    }
    return again;
}

// Payload offset where bytes without a length of their own begin: a cut there is a shorter, valid message.
std::size_t raw_from(std::string_view name) {
    const std::map<std::string_view, std::size_t> offsets{
        {"read_reply", 0}, {"get_chunk", 0}, {"write", 16}, {"append", 8}, {"put", 29}};
    const auto found = offsets.find(name);
    return found == offsets.end() ? SIZE_MAX : kFrameHeaderSize + found->second;
}

TEST(Golden, EveryTruncationIsRefused) {
    for (const std::string& name : test::golden_names()) {
        const Bytes file = golden(name).bytes;
        const bool framed = name != "record" && name != "batch_stored";
        for (std::size_t size = framed ? kFrameHeaderSize : 0; size < file.size() && size < raw_from(name); ++size) {
            // A copy of exactly that size: a sanitizer sees every read beyond it.
            const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(receive(name, cut)) << name << " cut to " << size;
        }
        if (framed) {
            Bytes longer = file;
            longer.push_back(std::byte{0});
            EXPECT_TRUE(raw_from(name) != SIZE_MAX || !receive(name, longer)) << name << " with a byte more";
        }
    }
}

TEST(Golden, EveryBlownUpLengthIsRefused) {
    std::size_t tried = 0;
    for (const std::string& name : test::golden_names()) {
        const auto [file, length_bytes] = golden(name);
        for (const std::size_t at : length_bytes) {
            Bytes blown = file;
            blown[at] = std::byte{0xFF};
            EXPECT_FALSE(receive(name, blown)) << name << " with 0xff at " << at;
            ++tried;
        }
    }
    EXPECT_GT(tried, 200U);
}

// Whatever one byte is changed to, a frame is refused or means exactly what it says.
TEST(Golden, EveryChangedByteIsRefusedOrReencodesEqual) {
    for (const std::string& name : test::golden_names()) {
        const Bytes file = golden(name).bytes;
        const bool framed = name != "record" && name != "batch_stored";
        for (std::size_t at = framed ? kFrameHeaderSize : 0; at < file.size(); ++at) {
            for (const unsigned value : {0x00U, 0x01U, 0x7FU, 0x80U, 0xFFU}) {
                Bytes changed = file;
                changed[at] = static_cast<std::byte>(value);
                if (const auto again = receive(name, changed); again && framed) {
                    EXPECT_EQ(*again, changed) << name << " with " << value << " at " << at;
                }
            }
        }
    }
}

}  // namespace
}  // namespace sluice::wire
