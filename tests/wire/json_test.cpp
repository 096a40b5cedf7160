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
         {"", "plain text", "[1,2]", "\"text\"", "{\"a\":1} trailing", "{\"a\":", "{\"a\":1,}", "{a:1}", "{\"a\" 1}",
          "{\"a\":1 \"b\":2}", "{\"a\":\"\xff}", "{\"a\":[1}", "{\"a\xff", "{\"a\":}", "{\"a\":1e400"}) {
        const Read result = read(line);
        EXPECT_EQ(result.outcome, JsonOutcome::plain_text) << line;
        EXPECT_EQ(result.record().message(), line);
        EXPECT_EQ(result.record().severity(), Severity::notice);
    }
}

// What is mended, and all else of the record.
std::string mended(std::string_view fields, RecordLimits limits = {}) {
    const Read result = read(fmt::format(R"({{"level":"error",{},"stream":"s","msg":"m"}})", fields), limits);
    EXPECT_EQ(result.outcome, JsonOutcome::mended) << fields;
    const std::string shown = result.shown();
    EXPECT_TRUE(shown.starts_with("err s@0 m |")) << shown;
    return shown.substr(11);
}

TEST(JsonReader, OneOddValueDoesNotCostTheRecord) {
    EXPECT_EQ(mended(R"("n":18446744073709551616,"o":1)"),
              R"( n=18446744073709551616:0 o=1:2 parse_error="n": a number beyond 64 bits, now text:0)");
    EXPECT_EQ(mended(R"("n":-1e400)"), R"( n=-1e400:0 parse_error="n": a number beyond 64 bits, now text:0)");
    EXPECT_EQ(mended(R"("n":NaN)"), R"( n=NaN:0 parse_error="n": a word that is not JSON, now text:0)");
    EXPECT_EQ(mended(R"("t":"a\ud83eb\udd17\ud83e\u0041 \ud83e\udd17\"")"),
              " t=a\xEF\xBF\xBD"
              "b\xEF\xBF\xBD\xEF\xBF\xBD"
              "A \xF0\x9F\xA4\x97\":0 parse_error=\"t\": half of a surrogate pair, now U+FFFD:0");
    EXPECT_EQ(mended("\"t\":\"caf\xe9\\n\\u00e9\\u20ac\""),
              " t=caf\xe9\n\xc3\xa9\xe2\x82\xac:1 parse_error=\"t\": text that is not UTF-8, now bytes:0");
    EXPECT_EQ(mended("\"t\":\"a\tb\""), " t=a\tb:0 parse_error=\"t\": a control character:0");
    EXPECT_EQ(mended(R"("t":"C:\Users\x")"), R"( t=C:\Users\x:0 parse_error="t": an escape that JSON does not have:0)");
    EXPECT_EQ(mended(R"("a":[1,1e400,"]"],"o":{"p":{"q":1e400}})"),
              R"( a=[1,1e400,"]"]:0 o.p.q=1e400:0 parse_error="a": a value that is not JSON, now text; )"
              R"("q": a number beyond 64 bits, now text:0)");
    EXPECT_EQ(mended("\"a\":[\"\xe9\"]"), " a=[\"\xe9\"]:1 parse_error=\"a\": a value that is not JSON, now text:0");
    EXPECT_EQ(
        mended(R"("a":1e400,"b":1e400,"c":1e400,"d":1e400,"e":1e400)"),
        R"( a=1e400:0 b=1e400:0 c=1e400:0 d=1e400:0 e=1e400:0 parse_error="a": a number beyond 64 bits, now text; )"
        R"("b": a number beyond 64 bits, now text; "c": a number beyond 64 bits, now text; 2 more:0)");
}

TEST(JsonReader, AnOddMessageDoesNotCostTheRecord) {
    EXPECT_EQ(read("{\"level\":\"error\",\"msg\":\"caf\xe9\"}").shown(),
              "err in@0 caf\xe9 | parse_error=\"msg\": text that is not UTF-8, now bytes:0");
    EXPECT_EQ(read(R"({"level":"error","time":1e400,"msg":"m"})").shown(),
              R"(err in@0 m | time=1e400:0 parse_error="time": a number beyond 64 bits, now text:0)");
}

TEST(JsonReader, ANameThatNoFieldHasIsMended) {
    EXPECT_EQ(mended(R"("":1,"k=y":2,"k\ny":3,"a":{"":4})"),
              R"( field=1:2 k_y=2:2 k_y=3:2 a.=4:2 parse_error="": no name of a field, mended; )"
              R"("k=y": no name of a field, mended; "k\ny": no name of a field, mended:0)");
    EXPECT_EQ(mended("\"k\xe9\":1"),
              " k\xEF\xBF\xBD=1:2 parse_error=\"k\\xe9\": a name that is not UTF-8, now with U+FFFD:0");
    const std::string cut = mended(fmt::format("\"{}\xc3\xa9\":1", std::string(254, 'k')));
    EXPECT_TRUE(cut.starts_with(fmt::format(" {}=1:2 parse_error=\"kkk", std::string(254, 'k')))) << cut;
}

TEST(JsonReader, FieldsBeyondTheLimitAreOneObject) {
    EXPECT_EQ(mended(R"("a":1,"b":{"c":"x","d":2.5},"e":true,"f":{"base64":"/w=="},"":1,"g":null,"h":"\"")",
                     {.fields_max = 7}),
              R"( a=1:2 b.c=x:0 unparsed={"b.d":2.5,"e":true,"f":{"base64":"/w=="},"":1,"h":"\""}:0)"
              R"( parse_error="unparsed": fields beyond the limit of a record:0)");
    std::string fields;
    for (int i = 0; i < 1100; ++i) {
        fields += fmt::format("{}\"k{}\":{}", i == 0 ? "" : ",", i, i);
    }
    const std::string all = mended(fields);
    for (const char* kept : {" k0=0:2", " k1018=1018:2", "\"k1019\":1019", "\"k1099\":1099"}) {
        EXPECT_NE(all.find(kept), std::string::npos) << kept;
    }
    EXPECT_EQ(read(R"({"level":1,"a":1,"b":2})", {.fields_max = 1}).shown(),
              R"(alert in@0 {"level":1,"a":1,"b":2} | parse_error=too large for a record:0)");
}

// Deeper than the parser goes.
TEST(JsonReader, DeepNestingIsText) {
    for (const auto& [open, close] : {std::pair(R"({"a":)", '}'), std::pair("[", ']')}) {
        std::string deep;
        for (int i = 0; i < 50'000; ++i) {
            deep += open;
        }
        deep += "1" + std::string(50'000, close);
        const std::string shown = mended("\"d\":" + deep);
        EXPECT_NE(shown.find(deep.substr(16 * 5, 1000)), std::string::npos);
        EXPECT_TRUE(shown.ends_with("a value that is not JSON, now text:0")) << shown.substr(shown.size() - 100);
    }
}

TEST(JsonReader, AByteOrderMarkIsDropped) {
    EXPECT_EQ(read("\xEF\xBB\xBF{\"level\":\"error\",\"msg\":\"m\"}\r").shown(), "err in@0 m |");
    EXPECT_EQ(read("\xEF\xBB\xBFtext").shown(), "notice in@0 \xEF\xBB\xBFtext |");
}

TEST(JsonReader, ZeroIsNoTimeAndNumbersMayBeText) {
    EXPECT_EQ(read(R"({"time":0,"ts":2})").shown(), "notice in@2000000000  | time=0:2");
    EXPECT_EQ(read(R"({"time":"1970-01-01T00:00:00Z","ts":0.0})").shown(),
              "notice in@0  | time=1970-01-01T00:00:00Z:0 ts=0:3");
    EXPECT_EQ(read(R"({"ts":"1700528523.5"})").record().time_ns(), 1700528523500000000);
    EXPECT_EQ(read(R"({"ts":"1700528523000"})").record().time_ns(), 1700528523000000000);
    EXPECT_EQ(read(R"({"ts":"1700528523x"})").record().time_ns(), 0);
    EXPECT_EQ(read(R"({"level":"30"})").shown(), "info in@0  |");
    EXPECT_EQ(read(R"({"level":"W"})").shown(), "warning in@0  |");
    EXPECT_EQ(read(R"({"level":35})").shown(), "notice in@0  | level=35:2");
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
