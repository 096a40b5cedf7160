#include <gtest/gtest.h>

#include "wire/messages.h"

namespace sluice::wire {
namespace {

template <class Message>
Errc decode_code(const Message& message) {
    Bytes bytes;
    message.encode(bytes);
    const auto decoded = Message::decode(bytes);
    return decoded ? Errc{} : decoded.error().code();
}

TEST(Negotiate, PicksOurVersionOrNamesTheObstacle) {
    EXPECT_EQ(*negotiate({.version_min = 1, .version_max = 9}), 1U);
    EXPECT_EQ(negotiate({.version_min = 2, .version_max = 9}).error().code(), Errc::unsupported);
    EXPECT_EQ(negotiate({.version_min = 0, .version_max = 0}).error().code(), Errc::unsupported);
    const auto refused = negotiate({.features = 1U << 5U});
    EXPECT_EQ(refused.error().text(), "hello: unknown feature bit 5");
}

TEST(Strings, AreBoundedBeforeTheyAreRead) {
    const std::string name(kNameBytesMax + 1, 'n');
    EXPECT_EQ(decode_code(HelloRequest{.client_name = name}), Errc::too_large);
    EXPECT_EQ(decode_code(OpenRequest{.root = name, .path = "p"}), Errc::too_large);
    const std::string path(kPathBytesMax + 1, 'p');
    EXPECT_EQ(decode_code(OpenRequest{.root = "r", .path = path}), Errc::too_large);
    const std::string_view longest = std::string_view(path).substr(1);
    EXPECT_EQ(decode_code(OpenRequest{.root = "r", .path = longest}), Errc{});
    EXPECT_EQ(decode_code(OpenRequest{.root = "r", .path = std::string_view("a\0b", 3)}), Errc::invalid_argument);
}

TEST(OpenRequest, RefusesUnknownFlagsAndModes) {
    EXPECT_EQ(decode_code(OpenRequest{.flags = 256, .root = "r", .path = "p"}), Errc::unsupported);
    EXPECT_EQ(decode_code(OpenRequest{.mode = 010000, .root = "r", .path = "p"}), Errc::invalid_argument);
}

TEST(TailRequest, ConditionsAreBounded) {
    TailRequest tail;
    tail.filter.streams.assign(kTailStreamsMax, "s");
    tail.filter.fields.assign(kTailFieldsMax, {"n", "v"});
    tail.filter.greps.assign(kTailGrepsMax, "g");
    EXPECT_EQ(decode_code(tail), Errc{});
    auto more = tail;
    more.filter.streams.emplace_back("s");
    EXPECT_EQ(decode_code(more), Errc::too_large);
    more = tail;
    more.filter.fields.push_back({"n", "v"});
    EXPECT_EQ(decode_code(more), Errc::too_large);
    more = tail;
    more.filter.greps.emplace_back("g");
    EXPECT_EQ(decode_code(more), Errc::too_large);
    more = tail;
    more.filter.greps[0].assign(kTailTextBytesMax + 1, 'g');
    EXPECT_EQ(decode_code(more), Errc::too_large);
    EXPECT_EQ(decode_code(TailRequest{.start = TailStart{5}}), Errc::invalid_argument);
}

TEST(TailRequest, FilterTextIsBoundedAndNotEmpty) {
    TailRequest tail;
    tail.query.assign(kQueryTextBytesMax, 'a');
    EXPECT_EQ(decode_code(tail), Errc{});
    tail.query += 'a';
    EXPECT_EQ(decode_code(tail), Errc::too_large);
    Bytes bytes;
    TailRequest{.query = "x"}.encode(bytes);
    bytes.resize(bytes.size() - 1);
    store_int(bytes.data() + bytes.size() - 4, std::uint32_t{0});
    EXPECT_EQ(TailRequest::decode(bytes).error().code(), Errc::invalid_argument);
}

TEST(PutRequest, RefusesUnknownFlags) {
    Bytes payload;
    PutRequest{.durable = true, .root = "r", .path = "p", .parents = true}.encode(payload);
    EXPECT_TRUE(PutRequest::decode(payload));
    payload[0] = std::byte{4};
    const auto refused = PutRequest::decode(payload);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::unsupported);
}

TEST(QueryRequest, TextIsBoundedAndUnknownFlagsAreRefused) {
    const std::string text(kQueryTextBytesMax + 1, 'a');
    EXPECT_EQ(decode_code(QueryRequest{.text = text}), Errc::too_large);
    EXPECT_EQ(decode_code(QueryRequest{.text = std::string_view(text).substr(1)}), Errc{});
    Bytes bytes;
    QueryRequest{}.encode(bytes);
    bytes[0] = std::byte{2};
    EXPECT_EQ(QueryRequest::decode(bytes).error().code(), Errc::unsupported);
}

TEST(QueryEnd, LongExplanationIsCut) {
    const std::string text(kExplainBytesMax + 10, 'e');
    Bytes bytes;
    QueryEnd{.explain = text}.encode(bytes);
    const auto decoded = QueryEnd::decode(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->explain.size(), kExplainBytesMax);
}

TEST(ErrorReply, CarriesAnErrorThere) {
    const Error error(Errc::no_space, 28, "write 'x': No space left on device");
    Bytes bytes;
    ErrorReply::of(error).encode(bytes);
    const auto decoded = ErrorReply::decode(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->to_error().code(), Errc::no_space);
    EXPECT_EQ(decoded->to_error().sys_errno(), 28);
    EXPECT_EQ(decoded->to_error().text(), error.text());
}

TEST(ErrorReply, LongTextIsCutAndUnknownCodesPass) {
    const std::string text(kErrorTextBytesMax + 100, 'e');
    Bytes bytes;
    ErrorReply{static_cast<Errc>(999), 0, text}.encode(bytes);
    const auto decoded = ErrorReply::decode(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->text.size(), kErrorTextBytesMax);
    EXPECT_EQ(static_cast<int>(decoded->code), 999);
}

TEST(AckLevel, NamesAreReadBack) {
    for (const AckLevel level : {AckLevel::accepted, AckLevel::written, AckLevel::durable}) {
        EXPECT_EQ(parse_ack_level(ack_level_name(level)), level);
    }
    EXPECT_FALSE(parse_ack_level("fsynced"));
    Bytes bytes;
    LogReply{}.encode(bytes);
    bytes[0] = std::byte{3};
    EXPECT_EQ(LogReply::decode(bytes).error().code(), Errc::invalid_argument);
    bytes[0] = std::byte{2};
    bytes[1] = std::byte{2};
    EXPECT_EQ(LogReply::decode(bytes).error().code(), Errc::invalid_argument);
}

TEST(TailChunk, EntriesAreChecked) {
    Bytes records;
    RecordBuilder record(records);
    ASSERT_TRUE(record.begin(Severity::info, "s", 1).message("m").finish());
    FieldBlock trusted;
    trusted.field("_uid", 0);
    Bytes frame;
    TailChunkBuilder builder(frame, 5, 2);
    for (std::uint64_t sequence = 10; sequence < 13; ++sequence) {
        builder.add({sequence, 7, kBatchByDaemon, trusted.fields(), RecordView::unchecked(records.data())});
    }
    EXPECT_EQ(builder.count(), 3U);
    builder.finish();
    EXPECT_EQ(builder.size_bytes(), frame.size());
    const auto header = parse_frame_header(frame, kFrameBytesMax);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->length, frame.size());
    EXPECT_TRUE(header->more());

    const ByteView payload = ByteView(frame).subspan(kFrameHeaderSize);
    const auto chunk = TailChunk::decode(payload);
    ASSERT_TRUE(chunk) << chunk.error();
    std::uint64_t expected = 10;
    for (const TailEntry entry : chunk->entries) {
        EXPECT_EQ(entry.sequence, expected++);
        EXPECT_EQ(entry.flags, kBatchByDaemon);
        EXPECT_EQ(entry.trusted.find("_uid")->as_int64(), 0);
        EXPECT_EQ(entry.record.message(), "m");
        EXPECT_EQ(tail_entry_bytes(entry), chunk->entries.bytes().size() / 3);
    }
    EXPECT_EQ(expected, 13U);

    Bytes bad(payload.begin(), payload.end());
    bad[kTailChunkHeaderSize + kTailEntryHeaderSize] = std::byte{9};  // Type of the trusted field.
    EXPECT_FALSE(TailChunk::decode(bad));
}

}  // namespace
}  // namespace sluice::wire
