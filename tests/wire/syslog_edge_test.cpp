// Syslog messages at the edges of both grammars.
#include <gmock/gmock.h>

#include "intake_records.h"
#include "wire/intake_record.h"
#include "wire/syslog_head.h"
#include "wire/syslog_message.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Intake syslog_of(std::string_view text, const RecordLimits& limits = {}) {
    return intake([&](const IntakeContext& context, Bytes& into,
                      IntakeCounts& counts) { append_syslog(text, context, into, counts); },
                  limits);
}

std::string first_of(std::string_view text, const RecordLimits& limits = {}) {
    const Intake result = syslog_of(text, limits);
    return result.records.empty() ? std::string("none") : result.records[0];
}

// ---- syslog: RFC 3164 ----

TEST(SyslogEdges, EachPriorityIsASeverityAndAFacility) {
    for (int priority = 0; priority <= 191; ++priority) {
        const std::string facility = priority < 8 ? "" : fmt::format(" syslog_facility={}", priority / 8);
        EXPECT_EQ(first_of(fmt::format("<{}>m", priority)),
                  fmt::format("{} app@42 m |{}", severity_name(static_cast<Severity>(priority % 8)), facility));
    }
    EXPECT_EQ(first_of("<007>m"), "debug app@42 m |");
    for (const char* bad :
         {"<192>m", "<200>m", "<0191>m", "<0000>m", "<1000>m", "<>m", "<:>m", "</>m", "<1", "<191", "<1:>m"}) {
        EXPECT_EQ(first_of(bad),
                  fmt::format("info app@42 {} | parse_error=no priority from <0> to <191> at byte 1", bad));
    }
}

TEST(SyslogEdges, EachMonthBeginsATimestamp) {
    for (const char* month : {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}) {
        EXPECT_EQ(first_of(fmt::format("<6>{} 01 00:00:00 t: m", month)),
                  fmt::format("info t@42 m | syslog_timestamp={} 01 00:00:00", month));
        EXPECT_THAT(first_of(fmt::format("<6>{} 01 x", month)), EndsWith("parse_error=bad timestamp at byte 4"));
        EXPECT_THAT(first_of(fmt::format("<6>{}  1 x", month)), EndsWith("parse_error=bad timestamp at byte 4"));
        EXPECT_EQ(first_of(fmt::format("<6>{} x1", month)), fmt::format("info app@42 {} x1 |", month));
    }
    EXPECT_EQ(first_of("<6>Foo 01 00:00:00x m"), "info app@42 Foo 01 00:00:00x m |");
    EXPECT_EQ(first_of("<6>Jan   1 x"), "info app@42 Jan   1 x |");
}

TEST(SyslogEdges, TimestampHasItsShape) {
    const std::string good = "Jan 01 00:00:00";
    EXPECT_EQ(first_of("<6>" + good), "info app@42  | syslog_timestamp=" + good);
    EXPECT_EQ(first_of("<6>" + good + " m"), "info app@42 m | syslog_timestamp=" + good);
    EXPECT_THAT(first_of("<6>" + good + "x"), HasSubstr("parse_error=bad timestamp"));
    for (std::size_t at = 4; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = 'x';
        const std::string expected =
            at == 4 || at == 3 ? "info app@42 " + bad + " m |" : "parse_error=bad timestamp at byte 4";
        EXPECT_THAT(first_of("<6>" + bad + " m"), EndsWith(expected)) << bad;
    }
    // Blanks for the first digit of each number.
    EXPECT_EQ(first_of("<6>Jan  1  2: 3: 4 m"), "info app@42 m | syslog_timestamp=Jan  1  2: 3: 4");
    // Any three letters: as journald does.
    EXPECT_EQ(first_of("<6>Azz 01 00:00:00 m"), "info app@42 m | syslog_timestamp=Azz 01 00:00:00");
    for (const char* bad : {"@an", "[an", "`an", "{an", "J1n"}) {
        EXPECT_EQ(first_of(fmt::format("<6>{} 01 00:00:00 m", bad)),
                  fmt::format("info app@42 {} 01 00:00:00 m |", bad));
    }
    EXPECT_EQ(first_of("<6>1970-01-01T00:00:01Z"), "info app@1000000000  |");
    EXPECT_EQ(first_of("<6>1970-01-01T00:00:01Z m"), "info app@1000000000 m |");
    EXPECT_EQ(first_of("<6>1970-01-01T0 m"), "info app@42 1970-01-01T0 m |");
    EXPECT_THAT(first_of("<6>1970-01-01T00 m"), EndsWith("bad timestamp at byte 4"));
}

TEST(SyslogEdges, TagsAreWordsBeforeAColon) {
    EXPECT_EQ(first_of("<6>t: m"), "info t@42 m |");
    EXPECT_EQ(first_of("<6>t:"), "info t@42  |");
    EXPECT_EQ(first_of("<6>t:\nm"), "info t@42 m |");
    EXPECT_EQ(first_of("<6> \t\r\nt: m"), "info t@42 m |");
    EXPECT_EQ(first_of("<6>t:m"), "info app@42 t:m |");
    EXPECT_EQ(first_of("<6>: m"), "info app@42 : m |");
    EXPECT_EQ(first_of("<6>t[1]: m"), "info t@42 m | syslog_pid=1");
    EXPECT_EQ(first_of("<6>t[1: m"), "info app@42 m | syslog_identifier=t[1");
    EXPECT_EQ(first_of("<6>[1]: m"), "info app@42 m | syslog_pid=1");
    EXPECT_EQ(first_of("<6>]: m"), "info app@42 m | syslog_identifier=]");
    for (const std::size_t beyond : {0U, 1U}) {
        const std::string word = std::string(4095 + beyond, 'w') + ":";
        const std::string text = first_of("<6>" + word + " m");
        EXPECT_THAT(text, StartsWith(beyond == 0 ? "info app@42 m | syslog_identifier=w" : "info app@42 ww"));
    }
}

TEST(SyslogEdges, HostnamesAreOfTheirAlphabet) {
    const auto with = [](std::string_view host) { return first_of(fmt::format("<6>Jan 01 00:00:00 {} t: m", host)); };
    for (const char* good : {"a", "z", "A", "Z", "0", "9", ".", "-", "_", "fe80::1", "a.b-c_d"}) {
        EXPECT_EQ(with(good), fmt::format("info t@42 m | hostname={} syslog_timestamp=Jan 01 00:00:00", good)) << good;
    }
    for (const char* bad : {"`", "{", "@", "[", "/", ",", ";", "(x)", "a/b"}) {
        EXPECT_EQ(with(bad), fmt::format("info app@42 {} t: m | syslog_timestamp=Jan 01 00:00:00", bad)) << bad;
    }
    EXPECT_EQ(first_of("<6>Jan 01 00:00:00 host\tt: m"), "info app@42 host\tt: m | syslog_timestamp=Jan 01 00:00:00");
    EXPECT_EQ(first_of("<6>Jan 01 00:00:00 host  t: m"), "info app@42 host  t: m | syslog_timestamp=Jan 01 00:00:00");
    EXPECT_EQ(first_of("<6>Jan 01 00:00:00 host t"), "info app@42 host t | syslog_timestamp=Jan 01 00:00:00");
    EXPECT_EQ(first_of("<6>Jan 01 00:00:00 host t:"), "info t@42  | hostname=host syslog_timestamp=Jan 01 00:00:00");
    EXPECT_EQ(first_of("<6>Jan 01 00:00:00 host"), "info app@42 host | syslog_timestamp=Jan 01 00:00:00");
}

TEST(SyslogEdges, EndsAreStrippedOfEachKindOfBlank) {
    EXPECT_EQ(first_of("<6>m \t\n\v\f\r\0"sv), "info app@42 m |");
    EXPECT_EQ(first_of("<6>m\b"), "info app@42 m\b |");
    EXPECT_EQ(first_of(" \0\n"sv), "none");
    EXPECT_EQ(strip_syslog("a b \n"), "a b");
    EXPECT_EQ(strip_syslog(""), "");
    EXPECT_EQ(syslog_nul_fault("ab"), "");
    EXPECT_EQ(syslog_nul_fault("a\0"sv), "NUL inside the message");
}

TEST(SyslogEdges, FramesTellOfTheFaultOfTheirFrame) {
    const auto framed = [](std::string_view text, std::string_view fault) {
        return intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
            append_syslog_frame(text, fault, context, into, counts);
        });
    };
    const Intake good = framed("<14>t: m", "");
    EXPECT_THAT(good.records, ElementsAre("info t@42 m | syslog_facility=1"));
    EXPECT_EQ(good.counts, (IntakeCounts{.records = 1}));
    const Intake bad = framed("<14>t: m", "cut off");
    EXPECT_THAT(bad.records, ElementsAre("info t@42 m | syslog_facility=1 parse_error=cut off"));
    EXPECT_EQ(bad.counts, (IntakeCounts{.records = 1, .malformed = 1}));
    EXPECT_THAT(
        framed("x\0y"sv, "cut off").records,
        ElementsAre(
            "info app@42 x\0y | parse_error=no priority from <0> to <191> at byte 1; NUL inside the message; cut off"s));
}

TEST(SyslogEdges, LongMessagesAreInPartsFromTheFirstByteBeyond) {
    EXPECT_EQ(syslog_of("<14>t: 1234", {.message_bytes_max = 4}).records,
              (std::vector<std::string>{"info t@42 1234 | syslog_facility=1"}));
    const Intake two = syslog_of("<14>t: 12345", {.message_bytes_max = 4});
    EXPECT_THAT(two.records, ElementsAre("info t@42 1234 | syslog_facility=1 line_part=1 line_more=true",
                                         "info t@42 5 | line_part=2 line_more=false"));
    const Intake even = syslog_of("<14>t: 12345678", {.message_bytes_max = 4});
    EXPECT_THAT(even.records, ElementsAre("info t@42 1234 | syslog_facility=1 line_part=1 line_more=true",
                                          "info t@42 5678 | line_part=2 line_more=false"));
    EXPECT_EQ(even.counts, (IntakeCounts{.records = 2}));
}

// ---- syslog: RFC 5424 ----

TEST(Rfc5424Edges, TimestampsEndWhereTheyEnd) {
    const auto time = [](std::string_view text) {
        const std::string shown = first_of(fmt::format("<6>1 {} - - - - -", text));
        return shown.find("parse_error") == std::string::npos ? shown.substr(9, shown.find(' ', 9) - 9)
                                                              : std::string("bad");
    };
    EXPECT_EQ(time("1970-01-01T00:00:01Z"), "1000000000");
    EXPECT_EQ(time("1970-01-01T23:59:59Z"), "86399000000000");
    EXPECT_EQ(time("1970-12-31T00:00:00Z"), "31449600000000000");
    EXPECT_EQ(time("1970-01-01T00:00:00.1Z"), "100000000");
    EXPECT_EQ(time("1970-01-01T00:00:00.123456789Z"), "123456789");
    EXPECT_EQ(time("1970-01-02T00:00:00+23:59"), "60000000000");
    EXPECT_EQ(time("1970-01-01T00:00:00-23:59"), "86340000000000");
    EXPECT_EQ(time("1970-01-01T01:01:00+01:01"), "0");
    EXPECT_EQ(time("2262-04-11T23:47:15Z"), "9223372035000000000");
    EXPECT_EQ(time("1677-09-21T00:12:45Z"), "-9223372035000000000");
    for (const char* bad : {"2262-04-11T23:47:16Z",       "1677-09-21T00:12:44Z",
                            "1970-01-01T24:00:00Z",       "1970-01-01T00:60:00Z",
                            "1970-01-01T00:00:60Z",       "1970-00-01T00:00:00Z",
                            "1970-01-01T00:00:00.Z",      "1970-01-01T00:00:00.1234567890Z",
                            "1970-01-01T00:00:00+24:00",  "1970-01-01T00:00:00+00:60",
                            "1970-01-01T00:00:00+0000",   "1970-01-01T00:00:00*00:00",
                            "1970-01-01T00:00:00+00-00",  "1970-01-01T00:00:00+00:0",
                            "1970-01-01T00:00:00+00:000", "1970-01-01T00:00:00+0x:00",
                            "1970-01-01T00:00:00+00:x0",  "1970-01-01T00:00:00",
                            "1970-01-01T00:00:00z",       "1970-01-01T00:00:00ZZ",
                            "1970/01-01T00:00:00Z",       "1970-01/01T00:00:00Z",
                            "1970-01-01t00:00:00Z",       "1970-01-01T00-00:00Z",
                            "1970-01-01T00:00-00Z",       "x970-01-01T00:00:00Z",
                            "1970-x1-01T00:00:00Z",       "1970-01-x1T00:00:00Z",
                            "1970-01-01Tx0:00:00Z",       "1970-01-01T00:x0:00Z",
                            "1970-01-01T00:00:x0Z",       "1970-01-01T00:00:0/Z",
                            "1970-01-01T00:00:0:Z"}) {
        EXPECT_EQ(time(bad), "bad") << bad;
    }
    EXPECT_THAT(first_of("<6>1 " + std::string(64, '1') + " - - - - -"), EndsWith("bad timestamp at byte 6"));
    EXPECT_THAT(first_of("<6>1 " + std::string(65, '1') + " - - - - -"), EndsWith("bad timestamp at byte 6"));
}

TEST(Rfc5424Edges, PartsHaveTheirLengths) {
    const auto with = [](std::size_t host, std::size_t app, std::size_t pid, std::size_t id) {
        const std::string text =
            first_of(fmt::format("<6>1 - {} {} {} {} - m", std::string(host, 'h'), std::string(app, 'a'),
                                 std::string(pid, 'p'), std::string(id, 'i')));
        const std::size_t fault = text.find("RFC 5424: ");
        return fault == std::string::npos ? std::string("good")
                                          : text.substr(fault + 10, text.find(" at byte") - fault - 10);
    };
    EXPECT_EQ(with(255, 48, 128, 32), "good");
    EXPECT_EQ(with(256, 48, 128, 32), "bad hostname");
    EXPECT_EQ(with(255, 49, 128, 32), "bad app name");
    EXPECT_EQ(with(255, 48, 129, 32), "bad process id");
    EXPECT_EQ(with(255, 48, 128, 33), "bad message id");
    for (const char good : {'!', '~', '-', '"', ']'}) {
        EXPECT_THAT(first_of(fmt::format("<6>1 - {}x - - - - m", good)), HasSubstr(fmt::format("hostname={}x", good)));
    }
    for (const char bad : {'\x1F', '\x7F', '\x80'}) {
        EXPECT_THAT(first_of(fmt::format("<6>1 - {}x - - - - m", bad)), EndsWith("bad hostname at byte 8"));
    }
}

TEST(Rfc5424Edges, NamesOfStructuredDataAreOfTheirAlphabet) {
    const auto with = [](std::string_view data) { return first_of(fmt::format("<6>1 - - - - - {} m", data)); };
    for (const char* good : {"!", "~", "a@1", "#"}) {
        EXPECT_EQ(with(fmt::format("[{} {}=\"v\"]", good, good)), fmt::format("info app@42 m | {0}.{0}=v", good));
    }
    for (const char* bad : {"\x1F", "\x7F", "\x80"}) {
        EXPECT_THAT(with(fmt::format("[{}]", bad)), EndsWith("bad SD-ID at byte 16"));
        EXPECT_THAT(with(fmt::format("[a {}=\"v\"]", bad)), EndsWith("bad parameter in structured data at byte 19"));
    }
    EXPECT_THAT(with("[=]"), EndsWith("bad SD-ID at byte 16"));
    EXPECT_THAT(with("[\"]"), EndsWith("bad SD-ID at byte 16"));
    const std::string longest(32, 'n');
    EXPECT_EQ(with(fmt::format("[{0} {0}=\"v\"]", longest)), fmt::format("info app@42 m | {0}.{0}=v", longest));
    EXPECT_THAT(with(fmt::format("[{0}n {0}=\"v\"]", longest)), EndsWith("bad SD-ID at byte 16"));
    EXPECT_THAT(with(fmt::format("[{0} {0}n=\"v\"]", longest)),
                EndsWith("bad parameter in structured data at byte 50"));
    EXPECT_EQ(with(R"([a x="\\" y="\q" z="\""])"), R"(info app@42 m | a.x=\ a.y=\q a.z=")");
    EXPECT_EQ(with(R"([a x="1"][b][c y="2" z="3"])"), "info app@42 m | a.x=1 b= c.y=2 c.z=3");
    EXPECT_THAT(with(R"([a x="\"])"), EndsWith("bad parameter value in structured data at byte 22"));
    EXPECT_THAT(with(R"([a x=1])"), EndsWith("bad parameter in structured data at byte 19"));
    EXPECT_THAT(with(R"([a x:"1"])"), EndsWith("bad parameter in structured data at byte 19"));
}

TEST(Rfc5424Edges, StructuredDataHasItsLimits) {
    const auto with = [](const std::string& data, const RecordLimits& limits = {}) {
        return first_of(fmt::format("<6>1 - - - - - {} m", data), limits);
    };
    const std::string too_much = "more structured data than a record may have at byte 16";
    // Eight fields are kept free for the others.
    EXPECT_THAT(with("[a][b]", {.fields_max = 10}), EndsWith("m | a= b="));
    EXPECT_THAT(with("[a][b][c]", {.fields_max = 10}), EndsWith(too_much));
    EXPECT_THAT(with(R"([a x="1" y="2"])", {.fields_max = 10}), EndsWith("m | a.x=1 a.y=2"));
    EXPECT_THAT(with(R"([a x="1" y="2" z="3"])", {.fields_max = 10}), EndsWith(too_much));
    // Bytes: head, identifier, '.', name, and the value with its quote.
    constexpr std::size_t kBytes = kIntakeFieldBytes - 2048;
    const auto of_bytes = [&](std::size_t bytes) {
        return with(fmt::format("[a x=\"{}\"]", std::string(bytes - kFieldHeaderSize - 4, 'v')));
    };
    EXPECT_THAT(of_bytes(kBytes), StartsWith("info app@42 m | a.x=v"));
    EXPECT_THAT(of_bytes(kBytes + 1), EndsWith(too_much));
}

TEST(Rfc5424Edges, MessageBeginsBehindTheBlankAndTheMark) {
    EXPECT_EQ(first_of("<6>1 - - - - - -"), "info app@42  |");
    EXPECT_EQ(first_of("<6>1 - - - - - -  m"), "info app@42  m |");
    EXPECT_EQ(first_of("<6>1 - - - - - - \xEF\xBB\xBFm"), "info app@42 m |");
    EXPECT_EQ(first_of("<6>1 - - - - - - \xEF\xBB"
                       "m"),
              "info app@42 \xEF\xBB"
              "m |");
    EXPECT_THAT(first_of("<6>1 - - - - - -m"), EndsWith("no space behind structured data at byte 17"));
    EXPECT_EQ(first_of("<6>1 - - - p - - m"), "info app@42 m | syslog_pid=p");
    EXPECT_EQ(first_of("<6>1 - h a p i - m"), "info a@42 m | hostname=h syslog_pid=p syslog_msgid=i");
}

}  // namespace
}  // namespace sluice::wire
