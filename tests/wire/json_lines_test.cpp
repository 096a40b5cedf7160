#include "wire/json_lines.h"

#include <gtest/gtest.h>

#include "intake_records.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using Lines = std::vector<std::string>;

Intake lines(std::string_view text, std::size_t step = 0, const RecordLimits& limits = {},
             JsonLinesDecoder::Options options = {}) {
    JsonReader reader(limits);
    JsonLinesDecoder decoder(reader, options);
    return stream_intake(decoder, text, step, limits);
}

TEST(JsonLines, AnObjectIsARecord) {
    EXPECT_EQ(lines(R"({"msg":"a","level":"error","n":1})"
                    "\n\n\r\n"
                    R"({"msg":"b","time":1})")
                  .records,
              (Lines{"err app@42 a | n=1", "info app@1000000000 b |"}));
    EXPECT_EQ(lines("").records, Lines{});
}

TEST(JsonLines, TheKeyStreamIsTheIdentifier) {
    EXPECT_EQ(lines(R"({"msg":"a","stream":"web"})").records, (Lines{"info web@42 a |"}));
    EXPECT_EQ(lines(R"({"msg":"a","stream":"a b"})").records, (Lines{"info app@42 a | stream=a b"}));
    EXPECT_EQ(lines(R"({"msg":"a","stream":7})").records, (Lines{"info app@42 a | stream=7"}));
    // Where the names say otherwise, it is kept.
    class Fixed final : public StreamNamer {
     public:
        std::string_view stream(std::string_view) override { return "fixed"; }
    } fixed;
    JsonReader reader;
    JsonLinesDecoder decoder(reader);
    Bytes bytes;
    IntakeCounts counts;
    decoder.take("{\"stream\":\"web\"}\n", {.names = fixed}, bytes, counts);
    ByteView cursor = bytes;
    const auto record = parse_record(cursor, {});
    ASSERT_TRUE(record);
    EXPECT_EQ(record->stream(), "fixed");
    EXPECT_EQ(record->fields().find("syslog_identifier")->text(), "web");
}

// The queue drops and counts them.
TEST(JsonLines, NamesOfTheDaemonStay) {
    EXPECT_EQ(lines(R"({"_pid":1})").records, (Lines{"info app@42  | _pid=1"}));
}

TEST(JsonLines, WhatIsNotUnderstoodIsTheMessage) {
    for (const std::string_view text : {"text", "{\"a\":", "[1]", "7", "\"text\"", "{\"a\":1} x"}) {
        const Intake result = lines(text);
        ASSERT_EQ(result.records.size(), 1U) << text;
        EXPECT_THAT(result.records[0], testing::StartsWith(fmt::format("info app@42 {} | parse_error=", text)));
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1})) << text;
    }
    EXPECT_EQ(lines("[1]").records, (Lines{"info app@42 [1] | parse_error=JSON, but no object"}));
}

TEST(JsonLines, AnObjectWithAnOddValueKeepsTheOthers) {
    const Intake result = lines("\xEF\xBB\xBF{\"level\":\"error\",\"stream\":\"s\",\"n\":1e400}\r\n{}\n");
    EXPECT_EQ(result.records,
              (Lines{R"(err s@42  | n=1e400 parse_error="n": a number beyond 64 bits, now text)", "info app@42  |"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 2, .malformed = 1}));
}

TEST(JsonLines, AMessageAboveTheLimitComesInParts) {
    const Intake result = lines(R"({"msg":"0123456789abcdefgh","level":"error","stream":"s","time":1,"n":1})", 0,
                                {.message_bytes_max = 8});
    EXPECT_EQ(result.records, (Lines{"err s@1000000000 01234567 | n=1 line_part=1 line_more=true",
                                     "err s@1000000000 89abcdef | line_part=2 line_more=true",
                                     "err s@1000000000 gh | line_part=3 line_more=false"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 3}));
}

// Flattened names can take more than the text.
TEST(JsonLines, ARecordTooLargeForTheStoreIsTheMessage) {
    std::string text = "{\"level\":\"error\",\"" + std::string(200, 'n') + "\":{";
    for (int i = 0; i < 1000; ++i) {
        text += fmt::format("{}\"{}\":\"{}\"", i == 0 ? "" : ",", i, std::string(950, 'v'));
    }
    text += "}}";
    const Intake result = lines(text);
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1}));
    EXPECT_EQ(result.records.at(0), "err app@42 " + text + " | parse_error=too large for a record");
}

TEST(JsonLines, ALineAboveTheLimitComesInParts) {
    const Intake result = lines("0123456789abcde\n{}\n", 0, {.message_bytes_max = 6}, {.line_bytes_max = 10});
    EXPECT_EQ(result.records,
              (Lines{"info app@42 012345 | parse_error=a line of more than 10 bytes line_part=1 line_more=true",
                     "info app@42 6789ab | line_part=2 line_more=true", "info app@42 cde | line_part=3 line_more=false",
                     "info app@42  |"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 4, .malformed = 1}));
}

TEST(JsonLines, ALineAboveTheLimitIsNotHeld) {
    const std::string text(5'000'000, 'x');
    const Intake result = lines(text, /*step=*/65536);
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 5, .malformed = 1}));
}

TEST(JsonLines, ACutAnywhereGivesTheSameRecords) {
    const std::string_view text =
        "{\"msg\":\"a\",\"stream\":\"w\"}\n\nno\r\n{\"m\":1}\n0123456789abcdefghijklmnopqrstuvwxyz\n{\"msg\":\"end\"}";
    for (const std::uint32_t message_bytes_max : {1000U, 8U, 1U}) {
        const RecordLimits limits{.message_bytes_max = message_bytes_max};
        const Intake whole = lines(text, 0, limits, {.line_bytes_max = 30});
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            JsonReader reader(limits);
            JsonLinesDecoder decoder(reader, {.line_bytes_max = 30});
            const Intake pieces = intake(
                [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
                    decoder.take(text.substr(0, cut), context, into, counts);
                    decoder.take(text.substr(cut), context, into, counts);
                    decoder.finish(context, into, counts);
                },
                limits);
            EXPECT_EQ(pieces.records, whole.records) << cut;
            EXPECT_EQ(pieces.counts, whole.counts) << cut;
        }
        EXPECT_EQ(lines(text, 1, limits, {.line_bytes_max = 30}).records, whole.records);
    }
}

}  // namespace
}  // namespace sluice::wire
