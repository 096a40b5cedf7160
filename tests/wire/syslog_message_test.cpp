#include "wire/syslog_message.h"

#include <gtest/gtest.h>

#include "intake_records.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using Lines = std::vector<std::string>;

Intake syslog(std::string_view message, const RecordLimits& limits = {}) {
    return intake([&](const IntakeContext& context, Bytes& into,
                      IntakeCounts& counts) { append_syslog(message, context, into, counts); },
                  limits);
}

// The one record; "" for none.
std::string one(std::string_view message, const RecordLimits& limits = {}) {
    const Intake result = syslog(message, limits);
    EXPECT_LE(result.records.size(), 1U);
    EXPECT_EQ(result.counts.malformed, 0U);
    return result.records.empty() ? std::string() : result.records[0];
}

// The same of a message that is not understood.
std::string bad(std::string_view message) {
    const Intake result = syslog(message);
    EXPECT_EQ(result.records.size(), 1U);
    EXPECT_EQ(result.counts.malformed, 1U);
    return result.records.empty() ? std::string() : result.records[0];
}

TEST(Syslog, ReadsWhatLibcWrites) {
    EXPECT_EQ(one("<13>Nov 20 12:00:00 tag[1]: m"),
              "notice tag@42 m | syslog_facility=1 syslog_pid=1 syslog_timestamp=Nov 20 12:00:00");
    EXPECT_EQ(one("<30>Nov  5 12:00:00 sshd: a b\nc"),
              "info sshd@42 a b\nc | syslog_facility=3 syslog_timestamp=Nov  5 12:00:00");
    EXPECT_EQ(one("<191>Nov  5  2:00:00 x: m"), "debug x@42 m | syslog_facility=23 syslog_timestamp=Nov  5  2:00:00");
    EXPECT_EQ(one("<0>Nov  5 12:00:00 kernel: m"), "emerg kernel@42 m | syslog_timestamp=Nov  5 12:00:00");
}

TEST(Syslog, NeitherTimestampNorTagIsNeeded) {
    EXPECT_EQ(one("<14>just text\0"sv), "info app@42 just text | syslog_facility=1");
    EXPECT_EQ(one("<14>tag: text"), "info tag@42 text | syslog_facility=1");
    EXPECT_EQ(one("<14>two words: text"), "info app@42 two words: text | syslog_facility=1");
    EXPECT_EQ(one("<14>Nov 20 12:00:00 just text"),
              "info app@42 just text | syslog_facility=1 syslog_timestamp=Nov 20 12:00:00");
    EXPECT_EQ(one("<14>"), "info app@42  | syslog_facility=1");
    EXPECT_EQ(one("<14>Nov 20 12:00:00 "), "info app@42  | syslog_facility=1 syslog_timestamp=Nov 20 12:00:00");
}

TEST(Syslog, WhiteSpaceAndNulsAtTheEndAreStripped) {
    EXPECT_EQ(one("<14>text \t\r\n\0\0"sv), "info app@42 text | syslog_facility=1");
    EXPECT_EQ(one(""), "");
    EXPECT_EQ(one(" \n\0"sv), "");
}

// The vectors of systemd's test-journald-syslog.c, but for a ':' alone, which we keep: it names nobody.
TEST(Syslog, ReadsTagsAsJournaldDoes) {
    EXPECT_EQ(one("<6>pidu[111]: xxx"), "info pidu@42 xxx | syslog_pid=111");
    EXPECT_EQ(one("<6>pidu: xxx"), "info pidu@42 xxx |");
    EXPECT_EQ(one("<6>pidu:  xxx"), "info pidu@42  xxx |");
    EXPECT_EQ(one("<6>pidu xxx"), "info app@42 pidu xxx |");
    EXPECT_EQ(one("<6>   pidu xxx"), "info app@42    pidu xxx |");
    EXPECT_EQ(one("<6>   pidu: x"), "info pidu@42 x |");
    EXPECT_EQ(one("<6>pidu:"), "info pidu@42  |");
    EXPECT_EQ(one("<6>pidu : x"), "info app@42 pidu : x |");
    EXPECT_EQ(one("<6>:"), "info app@42 : |");
    EXPECT_EQ(one("<6>: x"), "info app@42 : x |");
    EXPECT_EQ(one("<6>a[b[7]: x"), "info app@42 x | syslog_pid=7 syslog_identifier=a[b");
    EXPECT_EQ(one("<6>a[]: x"), "info a@42 x | syslog_pid=");
    EXPECT_EQ(one("<6>a]: x"), "info app@42 x | syslog_identifier=a]");
    EXPECT_EQ(one("<6>tag:\tx"), "info tag@42 x |");
    EXPECT_EQ(one("<6>tag:x"), "info app@42 tag:x |");
}

// So long a word is no tag, and a field of it could leave no room for the message.
TEST(Syslog, AWordAboveTheLimitIsText) {
    const std::string word(5000, 'w');
    EXPECT_EQ(one("<6>" + word + ": x"), "info app@42 " + word + ": x |");
}

TEST(Syslog, KeepsAnIdentifierThatIsNoStreamName) {
    EXPECT_EQ(one("<6>(cron)[5]: x"), "info app@42 x | syslog_pid=5 syslog_identifier=(cron)");
    EXPECT_EQ(one("<6>\xFF: x"), "info app@42 x | syslog_identifier:bytes=\xFF");
}

TEST(Syslog, AHostnameIsKnownByTheTagBehindIt) {
    EXPECT_EQ(one("<13>Nov 20 12:00:00 host tag[10]: m"),
              "notice tag@42 m | syslog_facility=1 hostname=host syslog_pid=10 syslog_timestamp=Nov 20 12:00:00");
    EXPECT_EQ(one("<190>Nov 20 12:00:00 web nginx: GET /"),
              "info nginx@42 GET / | syslog_facility=23 hostname=web syslog_timestamp=Nov 20 12:00:00");
    EXPECT_EQ(one("<6>Nov 20 12:00:00 one two three: m"),
              "info app@42 one two three: m | syslog_timestamp=Nov 20 12:00:00");
    EXPECT_EQ(one("<6>Nov 20 12:00:00 one  tag: m"), "info app@42 one  tag: m | syslog_timestamp=Nov 20 12:00:00");
    EXPECT_EQ(one("<6>host tag: m"), "info app@42 host tag: m |");  // Not without a timestamp.
}

TEST(Syslog, AnRfc3339TimestampIsTheTimeOfTheRecord) {
    EXPECT_EQ(one("<6>1970-01-01T00:00:01.5Z host tag[1]: m"), "info tag@1500000000 m | hostname=host syslog_pid=1");
    EXPECT_EQ(one("<6>1970-01-01T01:00:01+01:00 tag: m"), "info tag@1000000000 m |");
    EXPECT_EQ(one("<6>1970-01-01 text"), "info app@42 1970-01-01 text |");
}

TEST(Syslog, WhatOnlyBeginsLikeATimestampIsNotUnderstood) {
    EXPECT_EQ(bad("<13>Nov  5 2:00:00 tag: m"),
              "notice app@42 <13>Nov  5 2:00:00 tag: m | syslog_facility=1 parse_error=bad timestamp at byte 5");
    EXPECT_EQ(bad("<6>Nov 20 12:00:0x tag: m"),
              "info app@42 <6>Nov 20 12:00:0x tag: m | parse_error=bad timestamp at byte 4");
    EXPECT_EQ(bad("<6>1970-13-01T00:00:00Z m"),
              "info app@42 <6>1970-13-01T00:00:00Z m | parse_error=bad timestamp at byte 4");
    EXPECT_EQ(one("<6>Novel idea"), "info app@42 Novel idea |");
    EXPECT_EQ(one("<6>May I"), "info app@42 May I |");
}

// journald takes each of them as user.info.
TEST(Syslog, WithoutAPriorityTheWholeTextIsTheMessage) {
    for (const std::string_view text :
         {"text", "<13 Nov 20 12:00:00 tag: m", "<>tag: m", "<>", "<1000>y07: m", "<192>tag: m", "<999>tag: m", "<-1>m",
          "<1x>m", " <13>m", "<aaaa>aaa", "<", "<1", "13>m"}) {
        EXPECT_EQ(bad(text), fmt::format("info app@42 {} | parse_error=no priority from <0> to <191> at byte 1", text));
    }
    EXPECT_EQ(one("<9>m"), "alert app@42 m | syslog_facility=1");
    EXPECT_EQ(one("<22>m"), "info app@42 m | syslog_facility=2");
    EXPECT_EQ(one("<111>m"), "debug app@42 m | syslog_facility=13");
}

TEST(Syslog, ANulInsideIsKeptAndToldOf) {
    EXPECT_EQ(bad("<6>tag: a\0b\0"sv), "info tag@42 a\0b | parse_error=NUL inside the message"s);
    EXPECT_EQ(bad("a\0b"sv),
              "info app@42 a\0b | parse_error=no priority from <0> to <191> at byte 1; NUL inside the "
              "message"s);
}

TEST(Syslog, AHundredKilobytesAreOneMessage) {
    const std::string text(100'000, 'x');
    EXPECT_EQ(one("<6>tag: " + text), "info tag@42 " + text + " |");
}

TEST(Syslog, AMessageAboveTheLimitComesInParts) {
    const Intake result = syslog("<14>tag[1]: 123456789", {.message_bytes_max = 4});
    EXPECT_EQ(result.records,
              (Lines{"info tag@42 1234 | syslog_facility=1 syslog_pid=1 line_part=1 line_more=true",
                     "info tag@42 5678 | line_part=2 line_more=true", "info tag@42 9 | line_part=3 line_more=false"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 3}));
    const Intake malformed = syslog("no priority", {.message_bytes_max = 8});
    EXPECT_EQ(malformed.records,
              (Lines{"info app@42 no prior | parse_error=no priority from <0> to <191> at byte 1 line_part=1 "
                     "line_more=true",
                     "info app@42 ity | line_part=2 line_more=false"}));
    EXPECT_EQ(malformed.counts, (IntakeCounts{.records = 2, .malformed = 1}));
}

TEST(Syslog, FieldsAboveTheLimitAreCounted) {
    const Intake result = syslog("<14>tag[1]: x", {.fields_max = 1});
    EXPECT_EQ(result.records, (Lines{"info tag@42 x | syslog_facility=1"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .cut = 1}));
}

// RFC 5424, section 6.5.
TEST(Rfc5424, ReadsTheExamplesOfTheRfc) {
    EXPECT_EQ(one("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xEF\xBB\xBF'su root' failed for "
                  "lonvick on /dev/pts/8"),
              "crit su@1065910455003000000 'su root' failed for lonvick on /dev/pts/8 | syslog_facility=4 "
              "hostname=mymachine.example.com syslog_msgid=ID47");
    EXPECT_EQ(one("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the "
                  "do-nuts."),
              "notice myproc@1061727255000003000 %% It's time to make the do-nuts. | syslog_facility=20 "
              "hostname=192.0.2.1 syslog_pid=8710");
    EXPECT_EQ(one("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
                  "eventSource=\"Application\" eventID=\"1011\"] \xEF\xBB\xBF"
                  "An application event log entry..."),
              "notice evntslog@1065910455003000000 An application event log entry... | syslog_facility=20 "
              "hostname=mymachine.example.com syslog_msgid=ID47 exampleSDID@32473.iut=3 "
              "exampleSDID@32473.eventSource=Application exampleSDID@32473.eventID=1011");
    EXPECT_EQ(one("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
                  "eventSource=\"Application\" eventID=\"1011\"][examplePriority@32473 class=\"high\"]"),
              "notice evntslog@1065910455003000000  | syslog_facility=20 hostname=mymachine.example.com "
              "syslog_msgid=ID47 exampleSDID@32473.iut=3 exampleSDID@32473.eventSource=Application "
              "exampleSDID@32473.eventID=1011 examplePriority@32473.class=high");
}

TEST(Rfc5424, NilIsLeftOut) {
    EXPECT_EQ(one("<6>1 - - - - - -"), "info app@42  |");
    EXPECT_EQ(one("<6>1 - - - - - - text"), "info app@42 text |");
}

// RFC 5424, section 6.2.3.1; nanoseconds are not in it, but in many programs.
TEST(Rfc5424, ReadsTimestamps) {
    const auto read = [](std::string_view time) { return one(fmt::format("<6>1 {} - - - - -", time)); };
    EXPECT_EQ(read("1985-04-12T23:20:50.52Z"), "info app@482196050520000000  |");
    EXPECT_EQ(read("1985-04-12T19:20:50.52-04:00"), "info app@482196050520000000  |");
    EXPECT_EQ(read("1970-01-01T00:00:00.000000001Z"), "info app@1  |");
    for (const char* wrong : {"2003-10-11", "2003-10-11T22:14:15", "2003-10-11 22:14:15Z", "2003-10-11t22:14:15Z",
                              "2003-10-11T22:14:15z", "2003-10-11T22:14:60Z", "2003-02-29T22:14:15Z",
                              "2003-10-11T24:14:15Z", "2003-10-11T22:14:15.Z", "2003-10-11T22:14:15.0123456789Z",
                              "2003-10-11T22:14:15+0100", "2003-10-11T22:14:15+01:60", "9999-10-11T22:14:15Z", "x"}) {
        EXPECT_EQ(bad(fmt::format("<6>1 {} - - - - -", wrong)),
                  fmt::format("info app@42 <6>1 {} - - - - - | parse_error=RFC 5424: bad timestamp at byte 6", wrong));
    }
}

TEST(Rfc5424, ReadsStructuredData) {
    const auto read = [](std::string_view data) { return one(fmt::format("<6>1 - - - - - {} m", data)); };
    EXPECT_EQ(read("[a]"), "info app@42 m | a=");
    EXPECT_EQ(read("[a][b]"), "info app@42 m | a= b=");
    EXPECT_EQ(read(R"([a x=""])"), "info app@42 m | a.x=");
    EXPECT_EQ(read(R"([a x="1" x="2"][a x="1"])"), "info app@42 m | a.x=1 a.x=2 a.x=1");
    EXPECT_EQ(read(R"([a x="\"\\\]"])"), R"(info app@42 m | a.x="\])");
    EXPECT_EQ(read(R"([a x="\n = [" y="z"])"), R"(info app@42 m | a.x=\n = [ a.y=z)");
    EXPECT_EQ(read("[a x=\"\xFF\"]"), "info app@42 m | a.x:bytes=\xFF");
    EXPECT_EQ(read("[timeQuality tzKnown=\"1\" isSynced=\"0\"]"),
              "info app@42 m | timeQuality.tzKnown=1 timeQuality.isSynced=0");
}

TEST(Rfc5424, AViolationOfTheGrammarKeepsTheWholeText) {
    const auto fault = [](std::string_view text, std::string_view what) {
        EXPECT_EQ(bad(text), fmt::format("err app@42 {} | syslog_facility=1 parse_error=RFC 5424: {}", text, what));
    };
    fault("<11>1 2003-10-11T22:14:15.003Z", "bad timestamp at byte 7");
    fault("<11>1 -  a - - -", "bad hostname at byte 9");
    fault("<11>1 - h", "bad hostname at byte 9");
    fault("<11>1 - h \x01 - - -", "bad app name at byte 11");
    fault("<11>1 - h " + std::string(49, 'a') + " - - -", "bad app name at byte 11");
    fault("<11>1 - h a  - -", "bad process id at byte 13");
    fault("<11>1 - h a - \xC3\xA4 -", "bad message id at byte 15");
    fault("<11>1 - h a - -", "bad message id at byte 15");
    fault("<11>1 - h a - - x", "bad structured data at byte 17");
    fault("<11>1 - h a - - []", "bad SD-ID at byte 17");
    fault("<11>1 - h a - - [a", "bad structured data at byte 19");
    fault("<11>1 - h a - - [a ]", "bad parameter in structured data at byte 20");
    fault("<11>1 - h a - - [a b]", "bad parameter in structured data at byte 20");
    fault("<11>1 - h a - - [a b=\"c]", "bad parameter value in structured data at byte 23");
    fault("<11>1 - h a - - [a b=\"c\"", "bad structured data at byte 25");
    fault("<11>1 - h a - - [a b=\"c\"]x", "no space behind structured data at byte 26");
    fault("<11>1 - h a - - -x", "no space behind structured data at byte 18");
    fault("<11>1 - h a - - [" + std::string(33, 'i') + "]", "bad SD-ID at byte 17");
}

// Better whole than without some of its fields.
TEST(Rfc5424, MoreStructuredDataThanARecordMayHaveIsTheMessage) {
    std::string data;
    for (int i = 0; i < 1020; ++i) {
        data += "[x]";
    }
    EXPECT_THAT(bad("<6>1 - - - - - " + data),
                testing::EndsWith("more structured data than a record may have at byte 16"));
    EXPECT_THAT(bad("<6>1 - - - - - [a b=\"" + std::string(50'000, 'x') + "\"]"),
                testing::EndsWith("more structured data than a record may have at byte 16"));
}

TEST(Rfc5424, OtherVersionsAreText) {
    EXPECT_EQ(one("<6>2 - - - - - -"), "info app@42 2 - - - - - - |");
    EXPECT_EQ(one("<6>1"), "info app@42 1 |");
}

}  // namespace
}  // namespace sluice::wire
