// JSON lines in, at the edges of what each value may be.
#include <gmock/gmock.h>

#include "intake_records.h"
#include "wire/json.h"

namespace sluice::wire {
namespace {

using testing::EndsWith;
using testing::StartsWith;

std::string json_of(std::string_view line, JsonDefaults defaults = {}) {
    JsonReader reader;
    Bytes bytes;
    const auto outcome = reader.append_record(line, defaults, bytes);
    EXPECT_TRUE(outcome) << outcome.error();
    const RecordView record = RecordView::unchecked(bytes.data());
    std::string text = fmt::format("{} {}@{} {} |", severity_name(record.severity()), record.stream(), record.time_ns(),
                                   record.message());
    for (const FieldView field : record.fields()) {
        text += fmt::format(" {}={}:{}", field.name, field.value_text(), static_cast<int>(field.type));
    }
    return text;
}

TEST(JsonReadEdges, SeveritiesAsNumbers) {
    for (int level = 0; level < 8; ++level) {
        EXPECT_EQ(json_of(fmt::format(R"({{"level":{}}})", level)),
                  fmt::format("{} @0  |", severity_name(static_cast<Severity>(level))));
    }
    const std::pair<int, const char*> pino[] = {{10, "debug"},   {20, "debug"}, {30, "info"},
                                                {40, "warning"}, {50, "err"},   {60, "crit"}};
    for (const auto& [level, name] : pino) {
        EXPECT_EQ(json_of(fmt::format(R"({{"level":{}}})", level)), fmt::format("{} @0  |", name));
    }
    for (const char* bad : {"-1", "8", "9", "11", "25", "0.5", "61", "70", "true", "null", "[]"}) {
        EXPECT_THAT(json_of(fmt::format(R"({{"level":{}}})", bad)), StartsWith("info @0  |")) << bad;
    }
    EXPECT_EQ(json_of(R"({"level":70})"), "info @0  | level=70:2");
    EXPECT_EQ(json_of(R"({"level":-1})"), "info @0  | level=-1:2");
}

TEST(JsonReadEdges, SeveritiesAsNames) {
    const std::pair<const char*, const char*> names[] = {
        {"trace", "debug"}, {"VERBOSE", "debug"}, {"fatal", "crit"},      {"DPanic", "crit"},
        {"INFO+1", "info"}, {"debug-4", "debug"}, {"WARN+12", "warning"}, {"error-9", "err"}};
    for (const auto& [name, severity] : names) {
        EXPECT_EQ(json_of(fmt::format(R"({{"level":"{}"}})", name)), fmt::format("{} @0  |", severity)) << name;
    }
    for (const char* bad : {"", "INFO+", "+1", "crit+1", "INFO+1x", "INFO 1", "traces", "notice+1", "INFO+123456789012",
                            "INFO+12345678901", "[race"}) {
        EXPECT_EQ(json_of(fmt::format(R"({{"level":"{}"}})", bad)), fmt::format("info @0  | level={}:0", bad)) << bad;
    }
}

TEST(JsonReadEdges, EachKeyOfARowHasItsPlace) {
    for (const auto& [row, value] :
         {std::pair{std::vector<std::string>{"time", "ts", "timestamp", "@timestamp"}, "1"},
          std::pair{std::vector<std::string>{"severity", "level", "lvl", "levelname", "log.level"}, "3"},
          std::pair{std::vector<std::string>{"message", "msg", "event"}, "5"}}) {
        for (std::size_t first = 0; first < row.size(); ++first) {
            EXPECT_EQ(json_of(fmt::format(R"({{"{}":{}}})", row[first], value)).find('='), std::string::npos)
                << row[first];
            for (std::size_t second = 0; second < row.size(); ++second) {
                if (first == second) {
                    continue;
                }
                const std::string text =
                    json_of(fmt::format(R"({{"{}":{},"{}":{}}})", row[first], value, row[second], value));
                EXPECT_THAT(text, EndsWith(fmt::format("| {}={}:2", row[std::max(first, second)], value)));
            }
        }
    }
}

TEST(JsonReadEdges, MessagesAreScalarsOrBytes) {
    EXPECT_EQ(json_of(R"({"msg":-5})"), "info @0 -5 |");
    EXPECT_EQ(json_of(R"({"msg":18446744073709551615})"), "info @0 18446744073709551615 |");
    EXPECT_EQ(json_of(R"({"msg":0.5})"), "info @0 0.5 |");
    EXPECT_EQ(json_of(R"({"msg":true})"), "info @0 true |");
    EXPECT_EQ(json_of(R"({"msg":{"base64":"aGk="}})"), "info @0 hi |");
    EXPECT_EQ(json_of(R"({"msg":null})"), "info @0  |");
    EXPECT_EQ(json_of(R"({"msg":[1]})"), "info @0  | msg=[1]:0");
    EXPECT_EQ(json_of(R"({"msg":{"base64":"!"}})"), "info @0  | msg.base64=!:0");
    EXPECT_EQ(json_of(R"({"msg":{"base64":"aGk=","x":1}})"), "info @0  | msg.base64=aGk=:0 msg.x=1:2");
    EXPECT_EQ(json_of(R"({"msg":{"base64":1}})"), "info @0  | msg.base64=1:2");
}

TEST(JsonReadEdges, TimesOfEachUnit) {
    EXPECT_EQ(json_of(R"({"time":-1})"), "info @-1000000000  |");
    EXPECT_EQ(json_of(R"({"time":0})"), "info @0  | time=0:2");
    EXPECT_EQ(json_of(R"({"time":1.5})"), "info @1500000000  |");
    EXPECT_EQ(json_of(R"({"time":-1.5})"), "info @-1500000000  |");
    EXPECT_EQ(json_of(R"({"time":1700528523123.5})"), "info @1700528523123500000  |");
    EXPECT_EQ(json_of(R"({"time":9000000000.5})"), "info @0  | time=9000000000.5:3");
    EXPECT_EQ(json_of(R"({"time":"1970-01-01"})"), "info @0  | time=1970-01-01:0");
    EXPECT_EQ(json_of(R"({"time":true})"), "info @0  | time=true:4");
    EXPECT_EQ(json_of(R"({"time":"x"})", {.time_ns = 7}), "info @7  | time=x:0");
}

TEST(JsonReadEdges, DefaultsAreForWhatIsNotSaid) {
    const JsonDefaults defaults{.severity = Severity::err, .stream = "d", .time_ns = 9};
    EXPECT_EQ(json_of("{}", defaults), "err d@9  |");
    EXPECT_EQ(json_of("no object", defaults), "err d@9 no object |");
    EXPECT_EQ(json_of(R"({"stream":5})", defaults), "err d@9  | stream=5:2");
    EXPECT_EQ(json_of(R"({"stream":""})", defaults), "err @9  |");
}

TEST(JsonReadEdges, StreamsAreNamedWhereThereIsANamer) {
    TestNames names;
    JsonDefaults defaults{.stream = "not this"};
    defaults.names = &names;
    EXPECT_EQ(json_of(R"({"a":1})", defaults), "info app@0  | a=1:2");
    EXPECT_EQ(json_of(R"({"stream":"web"})", defaults), "info web@0  |");
    EXPECT_EQ(json_of(R"({"stream":""})", defaults), "info app@0  |");
}

TEST(JsonReadEdges, ReservedNamesAreKeptOrRenamed) {
    const JsonDefaults keep{};
    JsonDefaults rename{};
    rename.reserved = JsonDefaults::Reserved::rename;
    EXPECT_EQ(json_of(R"({"_a":1,"__b":2,"_":3,"c_":4})", keep), "info @0  | _a=1:2 __b=2:2 _=3:2 c_=4:2");
    EXPECT_EQ(json_of(R"({"_a":1,"__b":2,"_":3,"c_":4})", rename), "info @0  | a=1:2 b=2:2 field=3:2 c_=4:2");
}

TEST(JsonReadEdges, RefusalsSayWhy) {
    JsonReader reader;
    Bytes bytes;
    const auto object = [&](std::string_view line) {
        return fmt::format("{}", reader.append_object(line, {}, bytes).error());
    };
    EXPECT_THAT(object("{"), StartsWith("malformed: no JSON: "));
    EXPECT_EQ(object("[1]"), "malformed: JSON, but no object");
    EXPECT_TRUE(bytes.empty());
    const std::string longest(kFrameBytesMax, 'x');
    JsonReader large({.message_bytes_max = 2 * kFrameBytesMax});
    EXPECT_TRUE(large.append_record(longest, {}, bytes));
    bytes.clear();
    EXPECT_EQ(fmt::format("{}", large.append_record(longest + "x", {}, bytes).error()),
              fmt::format("too_large: a line of {} bytes exceeds {}", kFrameBytesMax + 1, kFrameBytesMax));
    EXPECT_TRUE(bytes.empty());
}

TEST(JsonReadEdges, ObjectsAreFlattenedToTheirDepth) {
    std::string deep = "{\"x\":1}";
    for (int i = 0; i < 15; ++i) {
        deep = fmt::format("{{\"a\":{}}}", deep);
    }
    EXPECT_EQ(json_of(deep), "info @0  | a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.x=1:2");
    EXPECT_EQ(json_of(fmt::format("{{\"a\":{}}}", deep)), "info @0  | a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a={\"x\":1}:0");
    EXPECT_EQ(json_of(R"({"o":{"p":1,"q":{"r":2},"s":3},"t":4})"), "info @0  | o.p=1:2 o.q.r=2:2 o.s=3:2 t=4:2");
}

}  // namespace
}  // namespace sluice::wire
