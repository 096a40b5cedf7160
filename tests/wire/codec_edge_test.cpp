// Payloads, frames and messages at their edges: what is refused, with which words, and what is left then.
#include <gmock/gmock.h>

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
    EXPECT_EQ(told(255, 0777), "taken");
    EXPECT_EQ(told(256, 0), "unsupported: open: unknown flag");
    EXPECT_EQ(told(1, 01000), "invalid_argument: open: mode above 0777");
    Bytes bytes;
    PutRequest{.durable = true, .mode = 0777, .root = "r", .path = "p", .data = as_bytes("d")}.encode(bytes);
    const auto put = PutRequest::decode(bytes);
    ASSERT_TRUE(put) << put.error();
    EXPECT_TRUE(put->durable);
    EXPECT_EQ(put->mode, 0777U);
    bytes[5] = std::byte{0x02};
    EXPECT_EQ(answer(PutRequest::decode(bytes)), "invalid_argument: put: mode above 0777");
}

}  // namespace
}  // namespace sluice::wire
