#include "wire/record.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::wire {
namespace {

Bytes small_record() {
    Bytes bytes;
    RecordBuilder record(bytes);
    EXPECT_TRUE(record.begin(Severity::info, "web", 5).message("hi").field("k", "v").finish());
    return bytes;
}

Result<RecordView> parse_whole(const Bytes& bytes, RecordLimits limits = {}) {
    ByteView cursor = bytes;
    return parse_record(cursor, limits);
}

TEST(RecordBuilder, ValuesAreReadBack) {
    Bytes bytes;
    RecordBuilder record(bytes);
    const auto big = std::numeric_limits<std::uint64_t>::max();
    ASSERT_TRUE(record.begin(Severity::alert, "a/b@c:1", -7)
                    .message("text")
                    .field("s", std::string("x"))
                    .field("i", std::int64_t{-1})
                    .field("u", big)
                    .field("f", 1.5F)
                    .field("b", false)
                    .field("s", "y")
                    .finish());
    const auto parsed = parse_whole(bytes);
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(parsed->size(), bytes.size());
    EXPECT_EQ(parsed->severity(), Severity::alert);
    EXPECT_EQ(parsed->stream(), "a/b@c:1");
    EXPECT_EQ(parsed->time_ns(), -7);
    EXPECT_EQ(parsed->message(), "text");
    std::string shown;
    for (const FieldView field : parsed->fields()) {
        shown += fmt::format("{}={} ", field.name, field.value_text());
    }
    EXPECT_EQ(shown, "s=x i=-1 u=18446744073709551615 f=1.5 b=false s=y ");
    EXPECT_TRUE(parsed->fields().find("f")->value_equals("1.5"));
    EXPECT_FALSE(parsed->fields().find("none"));
}

TEST(RecordBuilder, EmptyStreamMeansDefault) {
    Bytes bytes;
    RecordBuilder record(bytes);
    ASSERT_TRUE(record.begin(Severity::info).finish());
    EXPECT_EQ(bytes.size(), kRecordHeaderSize);
    EXPECT_EQ(parse_whole(bytes)->stream(), "");
    EXPECT_EQ(parse_whole(bytes)->stream_or_default(), "default");
}

// A refused record leaves nothing behind, and the builder goes on.
TEST(RecordBuilder, RefusedRecordIsTakenBack) {
    Bytes bytes = small_record();
    const Bytes before = bytes;
    RecordBuilder record(bytes, {.message_bytes_max = 3, .fields_max = 1});
    EXPECT_EQ(record.begin(Severity::info, "no space").finish().error().code(), Errc::invalid_argument);
    EXPECT_EQ(record.begin(Severity::info).field("", 1).finish().error().code(), Errc::invalid_argument);
    EXPECT_EQ(record.begin(Severity::info).field("a=b", 1).finish().error().code(), Errc::invalid_argument);
    EXPECT_EQ(record.begin(Severity::info).message("long").finish().error().code(), Errc::too_large);
    EXPECT_EQ(record.begin(Severity::info).field("a", 1).field("b", 2).finish().error().code(), Errc::too_large);
    EXPECT_EQ(record.begin(Severity::info).field("a", 1).message("x").finish().error().code(), Errc::invalid_argument);
    EXPECT_EQ(record.finish().error().code(), Errc::invalid_argument);
    record.begin(Severity::info).message("x");  // Never finished.
    EXPECT_EQ(record.begin(Severity::info, std::string(256, 'a')).finish().error().code(), Errc::invalid_argument);
    EXPECT_EQ(bytes, before);
    EXPECT_TRUE(record.begin(Severity::info, std::string(255, 'a')).message("abc").finish());
}

TEST(ParseRecord, ConsumesOneRecordOfMany) {
    Bytes bytes = small_record();
    const Bytes one = bytes;
    sluice::append(bytes, one);
    ByteView cursor = bytes;
    ASSERT_TRUE(parse_record(cursor, {}));
    EXPECT_EQ(cursor.size(), one.size());
    ASSERT_TRUE(parse_record(cursor, {}));
    EXPECT_TRUE(cursor.empty());
    EXPECT_EQ(parse_record(cursor, {}).error().code(), Errc::malformed);
}

TEST(ParseRecord, LimitsAreTooLarge) {
    const Bytes bytes = small_record();
    EXPECT_TRUE(parse_whole(bytes, {.message_bytes_max = 2, .fields_max = 1}));
    EXPECT_EQ(parse_whole(bytes, {.message_bytes_max = 1}).error().code(), Errc::too_large);
    EXPECT_EQ(parse_whole(bytes, {.fields_max = 0}).error().code(), Errc::too_large);
}

// Offsets: header 20, "web" 23, "hi" 25, field header 25..33, "k" 33, "v" 34.
TEST(ParseRecord, EveryRuleIsChecked) {
    struct Case {
        std::size_t at;
        unsigned value;
        const char* rule;
    };
    for (const Case& c : {Case{0, 19, "size below header"},
                          {0, 34, "size too small"},
                          {4, 8, "severity"},
                          {5, 4, "stream length"},
                          {6, 0, "field count too small"},
                          {6, 2, "field count too large"},
                          {16, 3, "message length"},
                          {20, ' ', "stream name"},
                          {25, 5, "field type"},
                          {25, 2, "int64 of one byte"},
                          {25, 3, "float64 of one byte"},
                          {25, 4, "boolean of 'v'"},
                          {26, 0, "name length"},
                          {27, 1, "zero bytes"},
                          {28, 1, "zero bytes"},
                          {29, 0, "value length"},
                          {29, 2, "value length"},
                          {32, 1, "value length"},
                          {33, '=', "name"},
                          {33, 0x1F, "name"},
                          {33, 0x7F, "name"}}) {
        Bytes bytes = small_record();
        ASSERT_EQ(bytes.size(), 35U);
        bytes[c.at] = static_cast<std::byte>(c.value);
        const auto parsed = parse_whole(bytes);
        ASSERT_FALSE(parsed) << c.rule;
        EXPECT_EQ(parsed.error().code(), Errc::malformed) << c.rule;
    }
}

TEST(ParseFields, CountAndBytesMustAgree) {
    FieldBlock block;
    block.field("_pid", 1).field("_comm", "x");
    EXPECT_EQ(block.count(), 2U);
    EXPECT_TRUE(parse_fields(block.bytes(), 2));
    EXPECT_FALSE(parse_fields(block.bytes(), 1));
    EXPECT_FALSE(parse_fields(block.bytes(), 3));
    EXPECT_TRUE(parse_fields({}, 0));
}

TEST(StreamName, AllowsItsAlphabetOnly) {
    EXPECT_TRUE(valid_stream_name(""));
    EXPECT_TRUE(valid_stream_name("AZaz09._/@:-"));
    EXPECT_TRUE(valid_stream_name(std::string(255, 'x')));
    EXPECT_FALSE(valid_stream_name(std::string(256, 'x')));
    for (const char* bad : {"a b", "a*", "\xC3\xA9", "a\n", "a+"}) {
        EXPECT_FALSE(valid_stream_name(bad)) << bad;
    }
}

TEST(FieldName, RefusesControlsAndEquals) {
    EXPECT_TRUE(valid_field_name("größe x"));
    EXPECT_TRUE(valid_field_name("_pid"));
    for (const std::string bad : {"", "a=b", "a\x1b", "\x7f"}) {
        EXPECT_FALSE(valid_field_name(bad)) << bad;
    }
    EXPECT_FALSE(valid_field_name(std::string(256, 'n')));
}

}  // namespace
}  // namespace sluice::wire
