// Payloads, frames, records and batches at their edges: what is refused, with which words, and what is left then.
#include <gmock/gmock.h>

#include "wire/batch.h"
#include "wire/messages.h"
#include "wire/query_messages.h"

namespace sluice::wire {
namespace {

template <class T>
std::string answer(const Result<T>& result) {
    return result ? "taken" : fmt::format("{}", result.error());
}

Bytes bytes_of(std::initializer_list<int> values) {
    Bytes bytes;
    for (const int value : values) {
        bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
}

// ---- payloads ----

TEST(PayloadReader, TakesEachValueAndThenNothing) {
    const Bytes bytes = bytes_of(
        {1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 'x', 'y'});
    Reader reader(bytes);
    EXPECT_EQ(reader.u8(), 1U);
    EXPECT_EQ(reader.u16(), 2U);
    EXPECT_EQ(reader.u32(), 3U);
    EXPECT_EQ(reader.u64(), 4U);
    EXPECT_EQ(reader.i64(), -1);
    EXPECT_EQ(reader.left(), 2U);
    EXPECT_EQ(answer(reader.finish("it")), "malformed: it: 2 bytes too many");
    EXPECT_EQ(as_text(reader.bytes(1)), "x");
    EXPECT_EQ(as_text(reader.rest()), "y");
    EXPECT_EQ(reader.left(), 0U);
    EXPECT_FALSE(reader.failed());
    EXPECT_EQ(answer(reader.finish("it")), "taken");
    EXPECT_EQ(reader.u8(), 0U);
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(answer(reader.finish("it")), "malformed: it: cut short");
}

TEST(PayloadReader, FirstFaultIsToldAndNothingIsReadBehindIt) {
    const Bytes bytes(40, std::byte{1});
    Reader reader(bytes);
    reader.refuse(Errc::unsupported, "the first");
    reader.refuse(Errc::malformed, "the second");
    EXPECT_EQ(reader.left(), 0U);
    EXPECT_EQ(reader.u8(), 0U);
    EXPECT_EQ(reader.u64(), 0U);
    EXPECT_TRUE(reader.bytes(1).empty());
    EXPECT_TRUE(reader.str(10).empty());
    EXPECT_TRUE(reader.path_str(10).empty());
    EXPECT_TRUE(reader.rest().empty());
    EXPECT_EQ(reader.id(), (std::array<std::byte, 16>{}));
    EXPECT_EQ(reader.cursor(), Cursor{});
    EXPECT_FALSE(reader.flag(reader.u32()));
    EXPECT_EQ(answer(reader.finish("it")), "unsupported: it: the first");
}

TEST(PayloadReader, ZerosAreEachLookedAt) {
    for (std::size_t wrong = 0; wrong <= 4; ++wrong) {
        Bytes bytes(5);
        bytes[wrong] = std::byte{1};
        Reader reader(bytes);
        reader.zeros(4);
        EXPECT_EQ(answer(reader.finish("it")),
                  wrong < 4 ? "malformed: it: a byte that must be zero is not" : "malformed: it: 1 bytes too many");
    }
    const Bytes bytes(3);
    Reader reader(bytes);
    reader.zeros(4);
    EXPECT_EQ(answer(reader.finish("it")), "malformed: it: cut short");
}

TEST(PayloadReader, FlagIsZeroOrOne) {
    Reader reader(ByteView{});
    EXPECT_FALSE(reader.flag(0));
    EXPECT_TRUE(reader.flag(1));
    EXPECT_FALSE(reader.failed());
    EXPECT_FALSE(reader.flag(2));
    EXPECT_EQ(answer(reader.finish("it")), "invalid_argument: it: a flag is neither 0 nor 1");
}

TEST(PayloadReader, StringHasItsLimitAndItsBytes) {
    Bytes bytes;
    append_str(bytes, "four");
    EXPECT_EQ(bytes, bytes_of({4, 0, 0, 0, 'f', 'o', 'u', 'r'}));
    const auto read = [&](std::size_t bytes_max) {
        Reader reader(bytes);
        const std::string text(reader.str(bytes_max));
        return answer(reader.finish("it")) + " " + text;
    };
    EXPECT_EQ(read(4), "taken four");
    EXPECT_EQ(read(3), "too_large: it: a string is longer than its limit ");
    bytes.pop_back();
    EXPECT_EQ(read(4), "malformed: it: cut short ");
    Bytes with_nul;
    append_str(with_nul, std::string_view("a\0", 2));
    Reader reader(with_nul);
    EXPECT_TRUE(reader.path_str(10).empty());
    EXPECT_EQ(answer(reader.finish("it")), "invalid_argument: it: NUL in a name");
}

TEST(PayloadReader, CursorIsReadAsItIsWritten) {
    Cursor cursor{.store = {}, .epoch = 7, .sequence = 9};
    for (std::size_t i = 0; i < cursor.store.size(); ++i) {
        cursor.store[i] = static_cast<std::byte>(i + 1);
    }
    Bytes bytes;
    append_cursor(bytes, cursor);
    ASSERT_EQ(bytes.size(), 32U);
    Reader reader(bytes);
    EXPECT_EQ(reader.cursor(), cursor);
    EXPECT_EQ(answer(reader.finish("it")), "taken");
    bytes[20] = std::byte{1};
    Reader with_rubbish(bytes);
    (void)with_rubbish.cursor();
    EXPECT_EQ(answer(with_rubbish.finish("it")), "malformed: it: a byte that must be zero is not");
    Bytes short_id(15, std::byte{1});
    Reader cut(short_id);
    EXPECT_EQ(cut.id(), (std::array<std::byte, 16>{}));
}

// ---- messages ----

TEST(HelloNegotiation, VersionsMeetAtTheirEdges) {
    EXPECT_EQ(answer(negotiate({.version_min = 1, .version_max = 1})), "taken");
    EXPECT_EQ(answer(negotiate({.version_min = 0, .version_max = 1})), "taken");
    EXPECT_EQ(answer(negotiate({.version_min = 2, .version_max = 3})),
              "unsupported: hello: protocol versions 2 to 3; this daemon speaks 1");
    EXPECT_EQ(answer(negotiate({.version_min = 0, .version_max = 0})),
              "unsupported: hello: protocol versions 0 to 0; this daemon speaks 1");
    EXPECT_EQ(answer(negotiate({.features = std::uint64_t{1} << 63U})), "unsupported: hello: unknown feature bit 63");
    EXPECT_EQ(answer(negotiate({.features = kFeaturesKnown})), "taken");
}

TEST(MessageTypes, EachHasItsName) {
    const std::pair<MessageType, std::string_view> names[] = {
        {MessageType::hello, "hello"}, {MessageType::cancel, "cancel"}, {MessageType::credit, "credit"},
        {MessageType::ping, "ping"},   {MessageType::log, "log"},       {MessageType::tail, "tail"},
        {MessageType::query, "query"}, {MessageType::open, "open"},     {MessageType::read, "read"},
        {MessageType::write, "write"}, {MessageType::append, "append"}, {MessageType::sync, "sync"},
        {MessageType::stat, "stat"},   {MessageType::close, "close"},   {MessageType::get, "get"},
        {MessageType::put, "put"},     {MessageType::commit, "commit"}, {MessageType::status, "status"},
        {MessageType::error, "error"},
    };
    for (const auto& [type, name] : names) {
        EXPECT_EQ(message_type_name(type), name);
    }
    EXPECT_EQ(message_type_name(MessageType{0}), "unknown");
    EXPECT_EQ(ack_level_name(AckLevel::accepted), "accepted");
    EXPECT_EQ(ack_level_name(AckLevel::written), "written");
    EXPECT_EQ(ack_level_name(AckLevel::durable), "durable");
    EXPECT_EQ(ack_level_name(AckLevel{3}), "invalid");
    EXPECT_EQ(parse_ack_level(""), std::nullopt);
}

TEST(RequestHeaderEdges, RefusalsSayWhatIsWrong) {
    const auto told = [](FrameHeader header) { return answer(check_request_header(header)); };
    EXPECT_EQ(told({.length = 24, .type = MessageType::ping, .id = 0}), "malformed: request: id 0");
    EXPECT_EQ(told({.length = 24, .type = MessageType{0x7FFF}, .id = 1}), "unsupported: request: unknown type 32767");
    EXPECT_EQ(
        told({.length = 24, .type = reply_type(MessageType::ping), .id = 1}),
        fmt::format("unsupported: request: unknown type {}", static_cast<unsigned>(reply_type(MessageType::ping))));
    EXPECT_EQ(told({.length = 24, .type = MessageType::ping, .flags = 0x8000 | kFrameLink, .id = 1}),
              "unsupported: request: unknown flags 0x8000");
    EXPECT_EQ(told({.length = 24, .type = MessageType::ping, .flags = kFrameLink, .id = 1}), "taken");
}

TEST(FrameHeaderEdges, RefusalsSayWhatIsWrong) {
    const auto told = [](FrameHeader header) { return answer(parse_frame_header(encode_frame_header(header), 100)); };
    EXPECT_EQ(told({.length = 24}), "taken");
    EXPECT_EQ(told({.length = 100}), "taken");
    EXPECT_EQ(told({.length = 23}), "malformed: frame: length 23 is below the header's 24");
    EXPECT_EQ(told({.length = 101}), "too_large: frame: 101 bytes exceed the limit 100");
    EXPECT_EQ(told({.length = 24, .zero = 1}), "malformed: frame: the last word of the header is not zero");
}

TEST(FrameSplitterEdges, ErrorIsToldAgainAndForgetsWhatWasHeld) {
    Bytes bytes;
    append_frame(bytes, 1, ReadReply{as_bytes("one")});
    bytes[0] = std::byte{23};
    for (const std::size_t cut : {std::size_t{10}, bytes.size()}) {
        FrameSplitter splitter(64);
        splitter.feed(ByteView(bytes).first(cut));
        auto frame = splitter.next();
        if (cut < bytes.size()) {
            ASSERT_TRUE(frame);
            EXPECT_FALSE(*frame);
            EXPECT_EQ(splitter.bytes_needed(), kFrameHeaderSize - cut);
            splitter.feed(ByteView(bytes).subspan(cut));
            frame = splitter.next();
        }
        EXPECT_EQ(answer(frame), "malformed: frame: length 23 is below the header's 24");
        EXPECT_TRUE(splitter.unread().empty());
        EXPECT_EQ(splitter.bytes_needed(), 0U);
        EXPECT_EQ(splitter.buffered_bytes(), 0U);
        EXPECT_TRUE(splitter.direct_space().empty());
        EXPECT_EQ(answer(splitter.next()), "malformed: frame: the stream is out of step since an earlier error");
    }
}

TEST(FrameSplitterEdges, NeedsAreToldAtEachPoint) {
    Bytes bytes;
    append_frame(bytes, 1, ReadReply{as_bytes("0123456789")});
    append_frame(bytes, 2, ReadReply{as_bytes("x")});
    const std::size_t first = kFrameHeaderSize + 10;
    for (std::size_t cut = 0; cut <= first; ++cut) {
        FrameSplitter splitter;
        splitter.feed(ByteView(bytes).first(cut));
        const auto frame = splitter.next();
        ASSERT_TRUE(frame) << frame.error();
        EXPECT_EQ(frame->has_value(), cut == first);
        const std::size_t needed =
            cut == 0 || cut == first ? 0 : (cut < kFrameHeaderSize ? kFrameHeaderSize : first) - cut;
        EXPECT_EQ(splitter.bytes_needed(), needed) << cut;
        const bool known = cut >= kFrameHeaderSize && cut < first;
        EXPECT_EQ(splitter.buffered_bytes(), known ? first : 0) << cut;
        EXPECT_EQ(splitter.direct_space().size(), known ? first - cut : 0) << cut;
        EXPECT_EQ(splitter.take_buffer(), nullptr);
        if (!known) {
            continue;
        }
        // All but the last byte, then the last one with the frame behind it.
        const auto space = splitter.direct_space();
        std::memcpy(space.data(), bytes.data() + cut, space.size() - 1);
        splitter.commit(space.size() - 1);
        EXPECT_EQ(splitter.bytes_needed(), 1U);
        splitter.feed(ByteView(bytes).subspan(first - 1));
        const auto whole = splitter.next();
        ASSERT_TRUE(whole && *whole) << cut;
        EXPECT_EQ((*whole)->header.id, 1U);
        EXPECT_EQ(as_text((*whole)->payload), "0123456789");
        EXPECT_EQ(splitter.bytes_needed(), 0U);
        EXPECT_TRUE(splitter.direct_space().empty());
        const auto behind = splitter.next();
        ASSERT_TRUE(behind && *behind) << cut;
        EXPECT_EQ(as_text((*behind)->payload), "x");
        EXPECT_EQ(splitter.buffered_bytes(), 0U);
    }
}

TEST(TailRequestEdges, EachBitAndNumberIsItsOwn) {
    for (const bool follow : {false, true}) {
        for (const bool durable : {false, true}) {
            for (const std::string query : {"", "q"}) {
                Bytes bytes;
                TailRequest{.start = TailStart::oldest, .follow = follow, .durable_only = durable, .query = query}
                    .encode(bytes);
                EXPECT_EQ(bytes[1],
                          static_cast<std::byte>((follow ? 1 : 0) | (durable ? 2 : 0) | (query.empty() ? 0 : 4)));
                const auto tail = TailRequest::decode(bytes);
                ASSERT_TRUE(tail) << tail.error();
                EXPECT_EQ(tail->start, TailStart::oldest);
                EXPECT_EQ(tail->follow, follow);
                EXPECT_EQ(tail->durable_only, durable);
                EXPECT_EQ(tail->query, query);
            }
        }
    }
    Bytes bytes;
    TailRequest{.start = TailStart{5}}.encode(bytes);
    EXPECT_EQ(answer(TailRequest::decode(bytes)), "invalid_argument: tail: unknown start");
    bytes.clear();
    TailRequest{.query = "q"}.encode(bytes);
    store_int(bytes.data() + bytes.size() - 5, std::uint32_t{0});
    bytes.pop_back();
    EXPECT_EQ(answer(TailRequest::decode(bytes)), "invalid_argument: tail: an empty filter");
}

TEST(TailRequestEdges, ConditionsHaveTheirLimits) {
    TailRequest tail;
    tail.filter.streams = {std::string(kNameBytesMax + 1, 's')};
    tail.filter.fields = {{std::string(kNameBytesMax, 'n'), std::string(kTailTextBytesMax, 'v')}};
    tail.filter.greps = {std::string(kTailTextBytesMax, 'g')};
    const auto told = [](const TailRequest& request) {
        Bytes bytes;
        request.encode(bytes);
        const auto decoded = TailRequest::decode(bytes);
        EXPECT_TRUE(!decoded || decoded->filter == request.filter);
        return answer(decoded);
    };
    EXPECT_EQ(told(tail), "taken");
    const std::string long_string = "too_large: tail: a string is longer than its limit";
    TailRequest more = tail;
    more.filter.streams[0] += 's';
    EXPECT_EQ(told(more), long_string);
    more = tail;
    more.filter.fields[0].name += 'n';
    EXPECT_EQ(told(more), long_string);
    more = tail;
    more.filter.fields[0].value += 'v';
    EXPECT_EQ(told(more), long_string);
    more = tail;
    more.filter.greps[0] += 'g';
    EXPECT_EQ(told(more), long_string);
    more = tail;
    more.filter.greps.assign(kTailGrepsMax + 1, "");
    EXPECT_EQ(told(more), "too_large: tail: too many conditions");
    more.filter.greps.assign(kTailGrepsMax, "");
    EXPECT_EQ(told(more), "taken");
}

TEST(StreamPatternEdges, IsANameOrABeginningOfOne) {
    for (const char* good : {"a", "*", "a*", "web/*", "a.b_c@d:e-f"}) {
        EXPECT_TRUE(valid_stream_pattern(good)) << good;
    }
    EXPECT_TRUE(valid_stream_pattern(std::string(255, 'a') + "*"));
    for (const char* bad : {"", "**", "a*b", "a b", "a b*", "*a"}) {
        EXPECT_FALSE(valid_stream_pattern(bad)) << bad;
    }
    EXPECT_FALSE(valid_stream_pattern(std::string(256, 'a') + "*"));
    EXPECT_FALSE(valid_stream_pattern(std::string(256, 'a')));
}

TEST(TailFilterEdges, AnythingAskedForIsACondition) {
    EXPECT_TRUE(TailFilter{}.matches_all());
    EXPECT_FALSE(TailFilter{.severity_max = Severity::info}.matches_all());
    EXPECT_FALSE((TailFilter{.streams = {"a"}}.matches_all()));
    EXPECT_FALSE((TailFilter{.fields = {{"a", "b"}}}.matches_all()));
    EXPECT_FALSE((TailFilter{.greps = {"a"}}.matches_all()));
}

TEST(ChunkEdges, EntriesAreCheckedOneByOne) {
    Bytes records;
    RecordBuilder record(records);
    ASSERT_TRUE(record.begin(Severity::info, "s", 5).message("m").finish());
    FieldBlock trusted;
    trusted.field("_pid", 7);
    Bytes bytes;
    for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
        append_tail_entry(bytes,
                          {sequence, -3, kBatchByDaemon, trusted.fields(), RecordView::unchecked(records.data())});
    }
    const std::size_t one = bytes.size() / 2;
    EXPECT_EQ(one, tail_entry_bytes({1, 0, 0, trusted.fields(), RecordView::unchecked(records.data())}));
    const auto told = [](ByteView view, std::uint32_t count, RecordLimits limits = {}) {
        return answer(parse_tail_entries(view, count, limits));
    };
    EXPECT_EQ(told(bytes, 2), "taken");
    EXPECT_EQ(told({}, 0), "taken");
    EXPECT_EQ(told(bytes, 1), fmt::format("malformed: tail entries: {} bytes too many", one));
    EXPECT_EQ(told(bytes, 3), "malformed: tail entry 2: cut short");
    EXPECT_EQ(told(ByteView(bytes).first(bytes.size() - 1), 2), "malformed: tail entry 1: cut short");
    EXPECT_EQ(told(bytes, 2, {.message_bytes_max = 0}), "too_large: tail entry 0: message too long");
    const auto entries = parse_tail_entries(bytes, 2);
    ASSERT_TRUE(entries);
    auto entry = entries->begin();
    EXPECT_EQ((*entry).sequence, 1U);
    ++entry;
    EXPECT_EQ((*entry).sequence, 2U);
    EXPECT_EQ((*entry).receive_time_ns, -3);
    EXPECT_EQ((*entry).flags, kBatchByDaemon);
    EXPECT_EQ((*entry).trusted.find("_pid")->as_int64(), 7);
    EXPECT_EQ((*entry).record.time_ns(), 5);
    Bytes bad = bytes;
    bad[one + 24] = std::byte{9};  // The type of the second one's trusted field.
    EXPECT_EQ(told(bad, 2), "malformed: tail entry 1: trusted fields: unknown field type");
    bad = bytes;
    bad[18] = std::byte{2};
    EXPECT_EQ(told(bad, 2), "malformed: tail entry 0: trusted fields: a field is cut short");
}

TEST(QueryChunkEdges, EveryNumberIsRead) {
    Bytes bytes;
    QueryChunk{.progress = {.records = 3, .records_total = 9}, .epoch = 5, .entries = {}}.encode(bytes);
    ASSERT_EQ(bytes.size(), kQueryChunkHeaderSize);
    const auto chunk = QueryChunk::decode(bytes);
    ASSERT_TRUE(chunk) << chunk.error();
    EXPECT_EQ(chunk->progress.records, 3U);
    EXPECT_EQ(chunk->progress.records_total, 9U);
    EXPECT_EQ(chunk->epoch, 5U);
    EXPECT_TRUE(chunk->entries.empty());
    bytes[20] = std::byte{1};
    EXPECT_EQ(answer(QueryChunk::decode(bytes)), "malformed: tail entry 0: cut short");
    EXPECT_EQ(answer(QueryChunk::decode(ByteView(bytes).first(23))), "malformed: query chunk: cut short");
    EXPECT_EQ(answer(TailChunk::decode(ByteView(bytes).first(7))), "malformed: tail chunk: cut short");
}

TEST(OpenRequestEdges, FlagsAndModesEndWhereTheyEnd) {
    const auto told = [](std::uint32_t flags, std::uint32_t mode) {
        Bytes bytes;
        OpenRequest{.flags = flags, .mode = mode, .root = "r", .path = "p"}.encode(bytes);
        return answer(OpenRequest::decode(bytes));
    };
    EXPECT_EQ(told(127, 07777), "taken");
    EXPECT_EQ(told(128, 0), "unsupported: open: unknown flag");
    EXPECT_EQ(told(1, 010000), "invalid_argument: open: mode above 07777");
    Bytes bytes;
    PutRequest{.durable = true, .mode = 07777, .root = "r", .path = "p", .data = as_bytes("d")}.encode(bytes);
    const auto put = PutRequest::decode(bytes);
    ASSERT_TRUE(put) << put.error();
    EXPECT_TRUE(put->durable);
    EXPECT_EQ(put->mode, 07777U);
    bytes[5] = std::byte{0x10};
    EXPECT_EQ(answer(PutRequest::decode(bytes)), "invalid_argument: put: mode above 07777");
}

// ---- records ----

TEST(RecordBuilderEdges, RefusalsSayWhatIsWrong) {
    Bytes bytes;
    RecordBuilder record(bytes, {.message_bytes_max = 3, .fields_max = 2});
    const auto begin = [&]() -> RecordBuilder& { return record.begin(Severity::info, "s"); };
    EXPECT_EQ(answer(record.finish()), "invalid_argument: finish without begin");
    EXPECT_EQ(answer(begin().message("abc").finish()), "taken");
    const Bytes one = bytes;
    EXPECT_EQ(answer(begin().message("abcd").finish()), "too_large: message too long");
    const std::string once = "invalid_argument: message: once per record, before the fields";
    EXPECT_EQ(answer(begin().message("a").message("b").finish()), once);
    EXPECT_EQ(answer(begin().message("").message("b").finish()), once);
    EXPECT_EQ(answer(begin().field("a", 1).message("b").finish()), once);
    EXPECT_EQ(answer(begin().field("a", 1).field("b", 2).field("c", 3).finish()), "too_large: too many fields");
    const std::string name = "invalid_argument: field name: 1 to 255 bytes without control characters and '='";
    EXPECT_EQ(answer(begin().field("", 1).finish()), name);
    EXPECT_EQ(answer(begin().field(std::string(256, 'n'), 1).finish()), name);
    EXPECT_EQ(answer(record.begin(Severity::info, "a b").finish()),
              "invalid_argument: stream name: at most 255 of [A-Za-z0-9._/@:-]");
    // The first refusal is the one that is told.
    EXPECT_EQ(answer(record.begin(Severity::info, "a b").message("abcd").field("", 1).finish()),
              "invalid_argument: stream name: at most 255 of [A-Za-z0-9._/@:-]");
    EXPECT_EQ(bytes, one);
    EXPECT_EQ(answer(record.finish()), "invalid_argument: finish without begin");
    record.field("a", 1);  // Without begin: of no record.
    EXPECT_EQ(bytes, one);
    EXPECT_EQ(answer(begin().message("abc").field("a", 1).field("b", 2).finish()), "taken");
    EXPECT_EQ(answer(begin().field(std::string(255, 'n'), 1).finish()), "taken");
}

TEST(RecordBuilderEdges, FieldsAreCountedInTwoBytes) {
    Bytes bytes;
    RecordBuilder record(bytes, {.fields_max = 100'000});
    record.begin(Severity::info);
    for (int i = 0; i < 65'535; ++i) {
        record.field("n", i);
    }
    EXPECT_EQ(answer(record.finish()), "taken");
    EXPECT_EQ(RecordView::unchecked(bytes.data()).fields().size(), 65'535U);
    record.begin(Severity::info);
    for (int i = 0; i < 65'536; ++i) {
        record.field("n", i);
    }
    EXPECT_EQ(answer(record.finish()), "too_large: too many fields");
}

// Offsets: header 20, "web" 23, "hi" 25, field header 25..33, "k" 33, "v" 34.
TEST(RecordCheckEdges, EachRuleHasItsWords) {
    Bytes whole;
    RecordBuilder record(whole);
    ASSERT_TRUE(record.begin(Severity::debug, "web", 5).message("hi").field("k", "v").finish());
    ASSERT_EQ(whole.size(), 35U);
    const auto with = [&](std::size_t at, int value, RecordLimits limits = {}) {
        Bytes bytes = whole;
        bytes[at] = static_cast<std::byte>(value);
        ByteView cursor = bytes;
        return answer(parse_record(cursor, limits));
    };
    const std::string disagree = "malformed: stream, message and fields do not add up to size";
    EXPECT_EQ(with(4, 7), "taken");
    EXPECT_EQ(with(4, 8), "malformed: severity above 7");
    EXPECT_EQ(with(0, 19), "malformed: size below the header's 20 bytes");
    EXPECT_EQ(with(0, 20), disagree);
    EXPECT_EQ(with(0, 36), "malformed: cut short");
    EXPECT_EQ(with(0, 34), "malformed: a field is cut short");
    EXPECT_EQ(with(6, 0), disagree);
    EXPECT_EQ(with(6, 2), "malformed: a field is cut short");
    EXPECT_EQ(with(16, 2, {.message_bytes_max = 2}), "taken");
    EXPECT_EQ(with(16, 3, {.message_bytes_max = 2}), "too_large: message too long");
    EXPECT_EQ(with(6, 1, {.fields_max = 1}), "taken");
    EXPECT_EQ(with(6, 1, {.fields_max = 0}), "too_large: too many fields");
    EXPECT_EQ(with(16, 13), disagree);
    EXPECT_EQ(with(5, 14), disagree);
    EXPECT_EQ(with(5, 13), "malformed: stream name has a byte outside [A-Za-z0-9._/@:-]");
    EXPECT_EQ(with(22, ' '), "malformed: stream name has a byte outside [A-Za-z0-9._/@:-]");
    EXPECT_EQ(with(25, 1), "taken");
    EXPECT_EQ(with(25, 5), "malformed: unknown field type");
    EXPECT_EQ(with(25, 2), "malformed: a field value does not have the size of its type");
    EXPECT_EQ(with(25, 3), "malformed: a field value does not have the size of its type");
    EXPECT_EQ(with(25, 4), "malformed: a boolean field is neither 0 nor 1");
    EXPECT_EQ(with(26, 0), "malformed: a field name is empty or has a control character or '='");
    EXPECT_EQ(with(27, 1), "malformed: the zero bytes of a field are not zero");
    EXPECT_EQ(with(28, 1), "malformed: the zero bytes of a field are not zero");
    EXPECT_EQ(with(29, 0), disagree);
    EXPECT_EQ(with(29, 2), "malformed: a field is cut short");
    EXPECT_EQ(with(33, '='), "malformed: a field name is empty or has a control character or '='");
    for (const auto& [value, words] : {std::pair{0, "taken"}, std::pair{1, "taken"},
                                       std::pair{2, "malformed: a boolean field is neither 0 nor 1"}}) {
        Bytes bytes = whole;
        bytes[25] = std::byte{4};
        bytes[34] = static_cast<std::byte>(value);
        ByteView cursor = bytes;
        EXPECT_EQ(answer(parse_record(cursor, {})), words);
    }
}

// ---- batches ----

// Runs of records that are copied together, with a time and without, with fields that are left out and without.
TEST(ImportBatchEdges, EveryMixtureOfRecordsIsKept) {
    constexpr WallNs kArrival = 1234;
    for (const std::size_t count : {1U, 255U, 256U, 257U, 600U}) {
        for (const std::size_t forged_every : {0U, 1U, 7U, 256U}) {
            for (const std::size_t timed_every : {0U, 1U, 3U}) {
                BatchBuilder batch;
                for (std::size_t i = 0; i < count; ++i) {
                    const bool timed = timed_every != 0 && i % timed_every == 0;
                    RecordBuilder& record = batch.begin(Severity::info, "", timed ? static_cast<WallNs>(i + 1) : 0);
                    record.field("i", i);
                    if (forged_every != 0 && i % forged_every == 0) {
                        record.field("_pid", 1).field("k", "v").field("_x", 2);
                    }
                    ASSERT_TRUE(batch.finish_record());
                }
                const ByteView sent = batch.finish();
                Bytes stored(import_bytes_max(sent.size(), 0));
                const auto taken = import_batch(sent, {.receive_time_ns = kArrival}, stored);
                ASSERT_TRUE(taken) << taken.error();
                const std::size_t forged = forged_every == 0 ? 0 : (count + forged_every - 1) / forged_every;
                EXPECT_EQ(taken->dropped_fields, 2 * forged);
                EXPECT_EQ(taken->count, count);
                stored.resize(taken->bytes);
                ByteView cursor = stored;
                const auto view = parse_batch(cursor);
                ASSERT_TRUE(view) << view.error();
                EXPECT_TRUE(cursor.empty());
                EXPECT_EQ(view->header.count, count);
                EXPECT_EQ(view->header.receive_time_ns, kArrival);
                std::size_t i = 0;
                for (const RecordView record : view->records) {
                    const bool timed = timed_every != 0 && i % timed_every == 0;
                    ASSERT_EQ(record.time_ns(), timed ? static_cast<WallNs>(i + 1) : kArrival) << i;
                    ASSERT_EQ(record.fields().find("i")->as_int64(), static_cast<std::int64_t>(i));
                    const bool is_forged = forged_every != 0 && i % forged_every == 0;
                    ASSERT_EQ(record.fields().size(), is_forged ? 2U : 1U);
                    ASSERT_EQ(record.fields().find("k").has_value(), is_forged);
                    ++i;
                }
                EXPECT_EQ(i, count);
            }
        }
    }
}

TEST(ImportBatchEdges, HeaderIsWrittenWhole) {
    FieldBlock trusted;
    trusted.field("_pid", 7).field("_uid", 8);
    BatchBuilder batch;
    batch.begin(Severity::info).message("m");
    ASSERT_TRUE(batch.finish_record());
    ProducerId producer{};
    producer[15] = std::byte{1};
    const ByteView sent = batch.finish({.producer = producer, .number = 6});
    Bytes stored(import_bytes_max(sent.size(), trusted.bytes().size()));
    const ImportContext context{.receive_time_ns = 9, .trusted = trusted.bytes(), .trusted_count = trusted.count()};
    const auto taken = import_batch(sent, context, stored);
    ASSERT_TRUE(taken) << taken.error();
    EXPECT_EQ(taken->bytes, stored.size());
    EXPECT_EQ(taken->producer, producer);
    EXPECT_EQ(taken->number, 6U);
    const auto header = parse_batch_header(stored);
    ASSERT_TRUE(header) << header.error();
    EXPECT_EQ(header->size, stored.size());
    EXPECT_EQ(header->count, 1U);
    EXPECT_EQ(header->receive_time_ns, 9);
    EXPECT_EQ(header->producer, producer);
    EXPECT_EQ(header->number, 6U);
    EXPECT_EQ(header->trusted_size, trusted.bytes().size());
    EXPECT_EQ(header->trusted_count, 2U);
    EXPECT_EQ(header->flags, 0U);
    ByteView cursor = stored;
    EXPECT_EQ(parse_batch(cursor)->trusted.find("_uid")->as_int64(), 8);
}

TEST(ImportBatchEdges, RefusalsOfAHeaderSayWhatIsWrong) {
    BatchBuilder batch;
    batch.begin(Severity::info).message("m");
    ASSERT_TRUE(batch.finish_record());
    const ByteView sent = batch.finish();
    const auto with = [&](auto change, ImportContext context = {}) {
        BatchHeader header;
        std::memcpy(&header, sent.data(), sizeof header);
        change(header);
        Bytes bytes(sent.begin(), sent.end());
        std::memcpy(bytes.data(), &header, sizeof header);
        Bytes stored(import_bytes_max(bytes.size(), 0));
        return answer(import_batch(bytes, context, stored));
    };
    const std::string own = "malformed: batch: receive time, trusted fields and flags are the daemon's; send zeros";
    EXPECT_EQ(with([](BatchHeader&) {}), "taken");
    EXPECT_EQ(with([](BatchHeader& h) { h.receive_time_ns = -1; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.flags = kBatchByDaemon; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.trusted_count = 1; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.trusted_size = 1; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.count = 0; }), "invalid_argument: batch: no record");
    EXPECT_EQ(with([](BatchHeader&) {}, {.records_max = 1}), "taken");
    EXPECT_EQ(with([](BatchHeader&) {}, {.records_max = 0}), "too_large: batch: 1 records exceed the limit 0");
    const std::string together = "invalid_argument: batch: a producer id and a batch number go together";
    EXPECT_EQ(with([](BatchHeader& h) { h.number = 1; }), together);
    EXPECT_EQ(with([](BatchHeader& h) { h.producer[15] = std::byte{1}; }), together);
    EXPECT_EQ(with([](BatchHeader& h) {
                  h.producer[15] = std::byte{1};
                  h.number = 1;
              }),
              "taken");
    EXPECT_EQ(with([](BatchHeader& h) { h.size -= 1; }),
              fmt::format("malformed: batch: size {} in {} bytes", sent.size() - 1, sent.size()));
}

TEST(BatchBuilderEdges, StampIsWrittenAndClearedWithIt) {
    FieldBlock trusted;
    trusted.field("_pid", 7);
    BatchBuilder batch;
    batch.set_trusted(trusted);
    batch.begin(Severity::info).message("m");
    ASSERT_TRUE(batch.finish_record());
    Bytes more;
    RecordBuilder record(more);
    ASSERT_TRUE(record.begin(Severity::err).message("n").finish());
    batch.add_encoded(more, 1);
    EXPECT_EQ(batch.count(), 2U);
    ByteView cursor = batch.finish({.receive_time_ns = 4, .flags = kBatchByDaemon});
    const auto view = parse_batch(cursor);
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->header.count, 2U);
    EXPECT_EQ(view->header.receive_time_ns, 4);
    EXPECT_EQ(view->header.flags, kBatchByDaemon);
    EXPECT_EQ(view->trusted.find("_pid")->as_int64(), 7);
    batch.clear();
    batch.begin(Severity::info).message("again");
    ASSERT_TRUE(batch.finish_record());
    cursor = batch.finish();
    const auto again = parse_batch(cursor);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->header.count, 1U);
    EXPECT_EQ(again->header.trusted_size, 0U);
    EXPECT_EQ(again->header.trusted_count, 0U);
    EXPECT_EQ((*again->records.begin()).message(), "again");
}

TEST(ParseBatchEdges, FaultsAreNamedAndTheCursorStays) {
    BatchBuilder batch;
    for (int i = 0; i < 3; ++i) {
        batch.begin(Severity::info).message("m");
        ASSERT_TRUE(batch.finish_record());
    }
    const ByteView whole = batch.finish();
    Bytes bytes(whole.begin(), whole.end());
    bytes[sizeof(BatchHeader) + 21 + 4] = std::byte{8};
    ByteView cursor = bytes;
    EXPECT_EQ(answer(parse_batch(cursor)), "malformed: batch: record 1: severity above 7");
    EXPECT_EQ(cursor.size(), bytes.size());
    cursor = whole;
    EXPECT_EQ(answer(parse_batch(cursor, {.message_bytes_max = 0})), "too_large: batch: record 0: message too long");
    Bytes two(whole.begin(), whole.end());
    two.insert(two.end(), whole.begin(), whole.end());
    cursor = two;
    ASSERT_TRUE(parse_batch(cursor));
    EXPECT_EQ(cursor.size(), whole.size());
}

}  // namespace
}  // namespace sluice::wire
