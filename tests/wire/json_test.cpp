#include "wire/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "wire/base64.h"

namespace sluice::wire {
namespace {

struct Read {
    JsonOutcome outcome{};
    Bytes bytes;
    RecordView record() const { return RecordView::unchecked(bytes.data()); }
    // "severity stream@time message | name=value:type ..."
    std::string shown() const {
        std::string text = fmt::format("{} {}@{} {} |", severity_name(record().severity()), record().stream(),
                                       record().time_ns(), record().message());
        for (const FieldView field : record().fields()) {
            text += fmt::format(" {}={}:{}", field.name, field.value_text(), static_cast<int>(field.type));
        }
        return text;
    }
};

Read read(std::string_view line, RecordLimits limits = {}) {
    JsonReader reader(limits);
    Read result;
    const auto outcome = reader.append_record(line, {.severity = Severity::notice, .stream = "in"}, result.bytes);
    EXPECT_TRUE(outcome) << outcome.error();
    result.outcome = outcome.value_or(JsonOutcome::plain_text);
    ByteView cursor = result.bytes;
    EXPECT_TRUE(parse_record(cursor, limits));
    EXPECT_TRUE(cursor.empty());
    return result;
}

TEST(JsonReader, MapsTheWellKnownKeys) {
    EXPECT_EQ(read(R"({"msg":"hi","level":"error","ts":"1970-01-01T00:00:01Z","stream":"web"})").shown(),
              "err web@1000000000 hi |");
    EXPECT_EQ(read(R"({"message":"hi","severity":4})").shown(), "warning in@0 hi |");
    EXPECT_EQ(read(R"({"level":50,"time":1700528523123,"msg":"pino"})").shown(), "err in@1700528523123000000 pino |");
    EXPECT_EQ(read(R"({"lvl":"TRACE","msg":7})").shown(), "debug in@0 7 |");
}

// zap, slog, structlog, Python's formatters, Elastic's.
TEST(JsonReader, KnowsTheKeysOfCommonLoggers) {
    EXPECT_EQ(read(R"({"@timestamp":"1970-01-01T00:00:01Z","log.level":"warn","message":"m"})").shown(),
              "warning in@1000000000 m |");
    EXPECT_EQ(read(R"({"event":"login","levelname":"CRITICAL"})").shown(), "crit in@0 login |");
    EXPECT_EQ(read(R"({"event":"login","msg":"m"})").shown(), "notice in@0 m | event=login:0");
    const auto severity = [](const char* level) {
        return severity_name(read(fmt::format(R"({{"level":"{}"}})", level)).record().severity());
    };
    EXPECT_EQ(severity("dpanic"), "crit");
    EXPECT_EQ(severity("panic"), "emerg");
    EXPECT_EQ(severity("fatal"), "crit");
    EXPECT_EQ(severity("INFO+2"), "info");
    EXPECT_EQ(severity("DEBUG-4"), "debug");
    EXPECT_EQ(severity("WARN+1"), "warning");
    EXPECT_EQ(severity("ERROR+4"), "err");
    EXPECT_EQ(read(R"({"level":"INFO+"})").shown(), "notice in@0  | level=INFO+:0");
    EXPECT_EQ(read(R"({"level":"INFO+x"})").shown(), "notice in@0  | level=INFO+x:0");
    EXPECT_EQ(read(R"({"level":"INFO+00000000000000000001"})").shown(),
              "notice in@0  | level=INFO+00000000000000000001:0");
}

// The order of the keys in the object does not matter.
TEST(JsonReader, TheFirstUsableKeyOfARowCounts) {
    EXPECT_EQ(read(R"({"timestamp":3,"ts":2,"time":1})").shown(), "notice in@1000000000  | timestamp=3:2 ts=2:2");
    EXPECT_EQ(read(R"({"time":"soon","timestamp":3,"ts":2})").shown(),
              "notice in@2000000000  | time=soon:0 timestamp=3:2");
    EXPECT_EQ(read(R"({"msg":"a","msg":"b"})").shown(), "notice in@0 a | msg=b:0");
}

TEST(JsonReader, KeepsTypes) {
    EXPECT_EQ(read(R"({"s":"x","i":-5,"f":1.0,"b":true,"n":null,"a":[1,{"b":2}],"u":18446744073709551615})").shown(),
              "notice in@0  | s=x:0 i=-5:2 f=1:3 b=true:4 a=[1,{\"b\":2}]:0 u=18446744073709551615:0");
    EXPECT_EQ(read(R"({"raw":{"base64":"AP+A"}})").record().fields().find("raw")->type, FieldType::bytes);
}

TEST(JsonReader, FlattensObjects) {
    EXPECT_EQ(read(R"({"http":{"status":200,"h":{"a":"b"}},"e":{}})").shown(),
              "notice in@0  | http.status=200:2 http.h.a=b:0");
    std::string deep = "1";
    for (int i = 0; i < 18; ++i) {
        deep = fmt::format(R"({{"a":{}}})", deep);
    }
    EXPECT_EQ(read(deep).shown(), "notice in@0  | a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a={\"a\":{\"a\":1}}:0");
}

// What cannot serve as an envelope value stays as a field.
TEST(JsonReader, UnusableEnvelopeValuesAreFields) {
    EXPECT_EQ(read(R"({"level":"loud","time":"soon","stream":"a b","message":{"text":"x"}})").shown(),
              "notice in@0  | level=loud:0 time=soon:0 stream=a b:0 message.text=x:0");
    EXPECT_EQ(read(R"({"message":"first","msg":"second"})").shown(), "notice in@0 first | msg=second:0");
}

TEST(JsonReader, TimesAreScaledByMagnitude) {
    for (const char* number : {"1700528523", "1700528523000", "1700528523000000", "1700528523000000000"}) {
        EXPECT_EQ(read(fmt::format(R"({{"time":{}}})", number)).record().time_ns(), 1700528523000000000) << number;
    }
    EXPECT_EQ(read(R"({"ts":1700528523.5})").record().time_ns(), 1700528523500000000);
    EXPECT_EQ(read(R"({"ts":0.25})").record().time_ns(), 250000000);
    EXPECT_EQ(read(R"({"ts":1e300})").shown(), "notice in@0  | ts=1e+300:3");
}

TEST(JsonReader, OtherLinesBecomeTheMessage) {
    for (const std::string line :
         {"", "plain text", "[1,2]", "\"text\"", "{\"a\":1} trailing", "{\"a\":", "{\"a\":\"\xff\"}", "{\"a=b\":1}",
          "{\"\":1}", "{\"a\":1000000000000000000000000}"}) {
        const Read result = read(line);
        EXPECT_EQ(result.outcome, JsonOutcome::plain_text) << line;
        EXPECT_EQ(result.record().message(), line);
        EXPECT_EQ(result.record().severity(), Severity::notice);
    }
    EXPECT_EQ(read(R"({"a":1,"b":2})", {.fields_max = 1}).outcome, JsonOutcome::plain_text);
    EXPECT_EQ(read(fmt::format(R"({{"{}":1}})", std::string(256, 'k'))).outcome, JsonOutcome::plain_text);
}

TEST(JsonReader, TooLongLineIsRefusedAndLeavesNothing) {
    JsonReader reader({.message_bytes_max = 10});
    Bytes bytes;
    EXPECT_EQ(reader.append_record("0123456789a", {}, bytes).error().code(), Errc::too_large);
    EXPECT_TRUE(bytes.empty());
    EXPECT_TRUE(reader.append_record("0123456789", {}, bytes));
}

std::string written(const Bytes& record, const FieldBlock& trusted = {}, std::uint16_t flags = 0) {
    std::string text;
    append_json(text, {9, 2000000000, flags, trusted.fields(), RecordView::unchecked(record.data())});
    return text;
}

TEST(JsonWriter, WritesOneTypedObject) {
    Bytes bytes;
    RecordBuilder record(bytes);
    ASSERT_TRUE(record.begin(Severity::err, "web", 1000000000)
                    .message("a \"b\"\n\x1b \u202e")
                    .field("i", 5)
                    .field("f", 2.0)
                    .field("b", true)
                    .field("raw", as_bytes("\xff"))
                    .field("bad", "\xfe")
                    .finish());
    FieldBlock trusted;
    trusted.field("_pid", 7);
    EXPECT_EQ(
        written(bytes, trusted),
        R"({"time":"1970-01-01T00:00:01.000000000Z","receive_time":"1970-01-01T00:00:02.000000000Z","sequence":9,)"
        R"("severity":"err","stream":"web","message":"a \"b\"\n\u001b \u202e","i":5,"f":2.0,"b":true,)"
        R"("raw":{"base64":"/w=="},"bad":{"base64":"/g=="},"_pid":7})");
}

TEST(JsonWriter, RepeatedNamesBecomeArraysAndOwnKeysAreMoved) {
    Bytes bytes;
    RecordBuilder record(bytes);
    ASSERT_TRUE(record.begin(Severity::info)
                    .field("tag", "a")
                    .field("message", 1)
                    .field("tag", 2)
                    .field("x", std::nan(""))
                    .field("tag", "c")
                    .finish());
    const std::string text = written(bytes, {}, kBatchByDaemon);
    EXPECT_TRUE(text.ends_with(
        R"("origin":"daemon","stream":"default","message":"","tag":["a",2,"c"],"field.message":1,"x":"NaN"})"))
        << text;
}

TEST(JsonWriter, CursorIsWrittenWhenKnown) {
    Bytes bytes;
    RecordBuilder record(bytes);
    ASSERT_TRUE(record.begin(Severity::info).finish());
    const Cursor cursor{.store = {}, .epoch = 2, .sequence = 9};
    std::string text;
    append_json(text, {9, 0, 0, {}, RecordView::unchecked(bytes.data())}, &cursor);
    EXPECT_NE(text.find(R"("sequence":9,"cursor":"00000000000000000000000000000000:2:9",)"), std::string::npos) << text;
}

TEST(Base64, FollowsTheRfc) {
    const std::pair<const char*, const char*> pairs[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [text, encoded] : pairs) {
        std::string out;
        append_base64(out, as_bytes(text));
        EXPECT_EQ(out, encoded);
        EXPECT_EQ(decode_base64(encoded), text);
    }
    for (const char* bad : {"Zg=", "Zg", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v!", "Z g="}) {
        EXPECT_FALSE(decode_base64(bad)) << bad;
    }
}

}  // namespace
}  // namespace sluice::wire
