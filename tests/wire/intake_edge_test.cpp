// What other programs send on standard output and to the journal's socket, at the edges; and records as they are
// written.
#include <gmock/gmock.h>

#include "intake_records.h"
#include "wire/intake_record.h"
#include "wire/journal_datagram.h"
#include "wire/stdout_stream.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

// ---- standard output ----

Intake stdout_of(std::string_view text, StdoutStreamDecoder::Options options = {}, const RecordLimits& limits = {}) {
    StdoutStreamDecoder decoder(options);
    return stream_intake(decoder, text, 0, limits);
}

TEST(StdoutEdges, HeaderIsSevenLines) {
    StdoutStreamDecoder decoder;
    const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        EXPECT_FALSE(decoder.has_header());
        for (const char* line : {"id\n", " u.service\t\n", "30\n", "1\n", "0\n", "0\n"}) {
            decoder.take(line, context, into, counts);
            EXPECT_FALSE(decoder.has_header()) << line;
        }
        EXPECT_EQ(decoder.identifier(), "id");
        EXPECT_EQ(decoder.unit(), "u.service");
        EXPECT_EQ(decoder.held_bytes(), "id\n u.service\t\n30\n1\n0\n0\n"sv.size());
        decoder.take("0\n", context, into, counts);
        EXPECT_TRUE(decoder.has_header());
        EXPECT_EQ(decoder.held_bytes(), 0U);
        decoder.take("<2>m\nhe", context, into, counts);
        EXPECT_EQ(decoder.held_bytes(), 2U);
        decoder.finish(context, into, counts);
        EXPECT_EQ(decoder.held_bytes(), 0U);
    });
    EXPECT_THAT(result.records, ElementsAre("crit id@42 m | syslog_facility=3 unit=u.service",
                                            "info id@42 he | syslog_facility=3 unit=u.service line_break=eof"));
}

TEST(StdoutEdges, BooleansAreThoseOfSystemd) {
    const auto prefix = [](std::string_view word) {
        const Intake result = stdout_of(fmt::format("id\n\n6\n{}\n0\n0\n0\n<3>m\n", word));
        return result.records.empty() ? std::string() : result.records.back();
    };
    for (const char* yes : {"1", "yes", "y", "true", "t", "on", "YES", "True", "ON", " 1 "}) {
        EXPECT_EQ(prefix(yes), "err id@42 m |") << yes;
    }
    for (const char* no : {"0", "no", "n", "false", "f", "off", "NO", "oFF"}) {
        EXPECT_EQ(prefix(no), "info id@42 <3>m |") << no;
    }
    for (const char* bad : {"", "2", "ye", "yess", "truetrue", "10", "o", "`es"}) {
        EXPECT_THAT(stdout_of(fmt::format("id\n\n6\n{}\n", bad)).records,
                    testing::Contains(HasSubstr("stdout header line 4: expected a boolean such as 0 or 1")))
            << bad;
    }
}

TEST(StdoutEdges, PriorityIsANumberTo999) {
    const auto with = [](std::string_view priority) {
        const Intake result = stdout_of(fmt::format("id\n\n{}\n0\n0\n0\n0\nm\n", priority));
        return result.records.back();
    };
    EXPECT_EQ(with("0"), "emerg id@42 m |");
    EXPECT_EQ(with("7"), "debug id@42 m |");
    EXPECT_EQ(with("8"), "emerg id@42 m | syslog_facility=1");
    EXPECT_EQ(with("999"), "debug id@42 m | syslog_facility=124");
    for (const char* bad : {"1000", "-1", "", "x", "6x", "99999999999"}) {
        EXPECT_EQ(with(bad), "info app@42 m |") << bad;
    }
}

// Nothing that a header said counts once it is found to be none.
TEST(StdoutEdges, RejectedHeaderSaysNothing) {
    StdoutStreamDecoder decoder;
    const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        decoder.take("id\nunit\n11\n1\n0\n0\nbad\n<3>m\n", context, into, counts);
        EXPECT_TRUE(decoder.has_header());
        EXPECT_EQ(decoder.identifier(), "");
        EXPECT_EQ(decoder.unit(), "");
        EXPECT_EQ(decoder.held_bytes(), 0U);
    });
    EXPECT_EQ(result.records.back(), "info app@42 <3>m |");
    EXPECT_EQ(result.records.front(),
              "info app@42 id | parse_error=stdout header line 7: expected a boolean such as 0 or 1");
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 8, .malformed = 7}));
}

TEST(StdoutEdges, HeaderLineHasItsLastByte) {
    const std::string longest(4096, 'i');
    const Intake good = stdout_of(longest + "\n\n6\n0\n0\n0\n0\nm\n");
    ASSERT_EQ(good.records.size(), 1U);
    EXPECT_EQ(good.counts.malformed, 0U);
    const Intake bad = stdout_of(longest + "i\n\n6\n");
    EXPECT_EQ(bad.counts.malformed, 1U);
    EXPECT_THAT(bad.records.front(), EndsWith("stdout header line 1: expected at most 4096 bytes"));
    EXPECT_EQ(bad.records.back(), "info app@42 6 |");
}

TEST(StdoutEdges, LinesAreCutAtTheirLastByte) {
    const std::string head = "x\n\n6\n0\n0\n0\n0\n";
    EXPECT_THAT(stdout_of(head + "123\n", {.line_bytes_max = 4}).records, ElementsAre("info x@42 123 |"));
    EXPECT_THAT(stdout_of(head + "1234", {.line_bytes_max = 4}).records,
                ElementsAre("info x@42 1234 | line_break=line-max"));
    EXPECT_THAT(stdout_of(head + "123 \t5\n", {.line_bytes_max = 4}).records,
                ElementsAre("info x@42 123  | line_break=line-max", "info x@42 \t5 |"));
    EXPECT_THAT(stdout_of(head + "ab \r\t\n", {}).records, ElementsAre("info x@42 ab |"));
    EXPECT_THAT(stdout_of(head + "1\n", {.line_bytes_max = 0}).records,
                ElementsAre("info x@42 1 | line_break=line-max"));
    EXPECT_THAT(stdout_of(head + std::string("a\0\nb", 4), {}).records,
                ElementsAre("info x@42 a | line_break=nul", "info x@42 b | line_break=eof"));
}

TEST(StdoutEdges, LevelPrefixIsADigitToSeven) {
    const auto with = [](std::string_view line) {
        const Intake result = stdout_of(fmt::format("x\n\n6\n1\n0\n0\n0\n{}\n", line));
        return result.records.empty() ? std::string("none") : result.records.back();
    };
    EXPECT_EQ(with("<0>m"), "emerg x@42 m |");
    EXPECT_EQ(with("<7>m"), "debug x@42 m |");
    EXPECT_EQ(with("<8>m"), "info x@42 <8>m |");
    EXPECT_EQ(with("</>m"), "info x@42 </>m |");
    EXPECT_EQ(with("<3]m"), "info x@42 <3]m |");
    EXPECT_EQ(with("[3>m"), "info x@42 [3>m |");
    EXPECT_EQ(with("<3>"), "none");
    EXPECT_EQ(with("<3"), "info x@42 <3 |");
}

// ---- parts and malformed text ----

TEST(IntakeRecordEdges, MalformedTextIsKeptInParts) {
    const auto malformed = [](std::string_view text, const RecordLimits& limits) {
        return intake(
            [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
                append_malformed(text, {Severity::err, "s", context.time_ns}, "why", context.limits, into, counts);
            },
            limits);
    };
    const Intake whole = malformed("1234", {.message_bytes_max = 4});
    EXPECT_THAT(whole.records, ElementsAre("err s@42 1234 | parse_error=why"));
    EXPECT_EQ(whole.counts, (IntakeCounts{.records = 1, .malformed = 1}));
    const Intake parts = malformed("123456789", {.message_bytes_max = 4});
    EXPECT_THAT(parts.records,
                ElementsAre("err s@42 1234 | parse_error=why line_part=1 line_more=true",
                            "err s@42 5678 | line_part=2 line_more=true", "err s@42 9 | line_part=3 line_more=false"));
    EXPECT_EQ(parts.counts, (IntakeCounts{.records = 3, .malformed = 1}));
    EXPECT_THAT(malformed("12345678", {.message_bytes_max = 4}).records,
                ElementsAre("err s@42 1234 | parse_error=why line_part=1 line_more=true",
                            "err s@42 5678 | line_part=2 line_more=false"));
}

TEST(IntakeRecordEdges, PartsTellOfAFaultAndCountItOnce) {
    for (const bool counted : {false, true}) {
        const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
            LongMessage message({Severity::err, "s", 7}, counted);
            message.append("a", true, "", context.limits, into, counts);
            message.append("b", true, "why", context.limits, into, counts);
            message.append("c", false, "again", context.limits, into, counts);
        });
        EXPECT_THAT(result.records, ElementsAre("err s@7 a | line_part=2 line_more=true",
                                                "err s@7 b | parse_error=why line_part=3 line_more=true",
                                                "err s@7 c | parse_error=again line_part=4 line_more=false"));
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 3, .malformed = counted ? 0U : 1U}));
    }
}

TEST(IntakeRecordEdges, FieldsHaveRoomToTheLastByteOfARecord) {
    for (const std::size_t beyond : {0U, 1U}) {
        const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
            RecordWriter record(into, context.limits);
            record.begin({Severity::info, "s", 1}, "m", 0);
            EXPECT_EQ(record.bytes(), kRecordHeaderSize + 2);
            const std::string value(kImportRecordBytesMax - record.bytes() - kFieldHeaderSize - 1 + beyond, 'v');
            record.text("k", value);
            EXPECT_EQ(record.fields(), 1 - beyond);
            record.finish(counts);
        });
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .cut = beyond}));
    }
    const Intake result = intake(
        [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
            for (int i = 0; i < 2; ++i) {
                RecordWriter record(into, context.limits);
                record.begin({Severity::info, "s", 1}, "m", 1000);
                record.text("a", "1");
                record.identifier("x", "x");
                record.identifier("", "x");
                record.identifier("y", "x");
                record.text("b", "2");
                record.finish(counts);
            }
        },
        {.fields_max = 2});
    EXPECT_THAT(result.records,
                ElementsAre("info s@1 m | a=1 syslog_identifier=y", "info s@1 m | a=1 syslog_identifier=y"));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 2, .cut = 2}));
}

// ---- the journal's datagrams ----

Intake journal_of(std::string_view text, const RecordLimits& limits = {}) {
    JournalDatagramReader reader;
    return intake([&](const IntakeContext& context, Bytes& into,
                      IntakeCounts& counts) { reader.append_records(text, context, into, counts); },
                  limits);
}

TEST(DatagramEdges, NamesAreOfTheirAlphabet) {
    for (const char* good : {"A", "Z", "A0", "A9", "A_", "AZ"}) {
        EXPECT_EQ(journal_of(fmt::format("{}=v\n", good)).counts, (IntakeCounts{.records = 1})) << good;
    }
    for (const char* bad : {"0", "9A", "_A", "a", "@", "[", "A@", "A[", "A`", "A{", "A/", "A:", "Aa"}) {
        EXPECT_EQ(journal_of(fmt::format("{}=v\n", bad)).counts, (IntakeCounts{.dropped_fields = 1})) << bad;
    }
}

TEST(DatagramEdges, PriorityAndIdentifierAreTakenOnce) {
    for (int digit = 0; digit < 8; ++digit) {
        EXPECT_THAT(journal_of(fmt::format("PRIORITY={}\n", digit)).records,
                    ElementsAre(fmt::format("{} app@42  |", severity_name(static_cast<Severity>(digit)))));
    }
    for (const char* bad : {"8", "/", ":"}) {
        EXPECT_THAT(journal_of(fmt::format("PRIORITY={}\n", bad)).records,
                    ElementsAre(fmt::format("info app@42  | priority={}", bad)));
    }
    const std::string longest(4096, 'i');
    EXPECT_THAT(journal_of("SYSLOG_IDENTIFIER=" + longest + "\nA=1\n").records,
                ElementsAre("info app@42  | a=1 syslog_identifier=" + longest));
    EXPECT_THAT(journal_of("SYSLOG_IDENTIFIER=" + longest + "i\nA=1\n").records,
                ElementsAre("info app@42  | syslog_identifier=" + longest + "i a=1"));
}

TEST(DatagramEdges, MessageIsCutAtItsLastByte) {
    EXPECT_EQ(journal_of("MESSAGE=1234\n", {.message_bytes_max = 4}).counts, (IntakeCounts{.records = 1}));
    EXPECT_THAT(journal_of("MESSAGE=12345\n", {.message_bytes_max = 4}).records,
                ElementsAre("info app@42 1234 | parse_error=message of 5 bytes cut to 4"));
}

TEST(DatagramEdges, FieldsAreKeptToTheirNumber) {
    EXPECT_THAT(journal_of("A=1\nB=2\n", {.fields_max = 2}).records, ElementsAre("info app@42  | a=1 b=2"));
    const Intake three = journal_of("A=1\nB=2\nC=3\n", {.fields_max = 2});
    EXPECT_THAT(three.records, ElementsAre("info app@42  | a=1 parse_error=more than 2 fields: 2 left out"));
    EXPECT_EQ(three.counts, (IntakeCounts{.records = 1, .cut = 2}));
    EXPECT_THAT(journal_of("A=1\nB=2\nSYSLOG_IDENTIFIER=()\n", {.fields_max = 3}).records,
                ElementsAre("info app@42  | a=1 b=2 syslog_identifier=()"));
    EXPECT_THAT(journal_of("A=1\nB=2\nSYSLOG_IDENTIFIER=()\n", {.fields_max = 2}).records,
                ElementsAre("info app@42  | syslog_identifier=() parse_error=more than 2 fields: 2 left out"));
    const Intake noise = journal_of("A=1\nB=2\nnoise", {.fields_max = 4});
    EXPECT_THAT(
        noise.records,
        ElementsAre("info app@42  | a=1 b=2 unparsed:bytes=noise parse_error=the last line is no field, at byte 9"));
    EXPECT_EQ(noise.counts, (IntakeCounts{.records = 1, .malformed = 1}));
    EXPECT_EQ(journal_of("A=1\nB=2\nnoise", {.fields_max = 3}).counts,
              (IntakeCounts{.records = 1, .malformed = 1, .cut = 1}));
}

TEST(DatagramEdges, ErrorsAreJoinedToTheirLimit) {
    std::string text = "MESSAGE=m\n";
    for (int i = 0; i < 3; ++i) {
        text += fmt::format("F{}={}\n", i, std::string(1'200'000, 'x'));
    }
    const Intake result = journal_of(text);
    EXPECT_THAT(result.records,
                ElementsAre("info app@42 m | parse_error=the field F0 of 1200000 bytes left out; the field F1 "
                            "of 1200000 bytes left out; the field F2 of 1200000 bytes left out"));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .cut = 3}));
    text = "MESSAGE=m\n";
    for (int i = 10; i < 60; ++i) {
        text += fmt::format("F{}={}\n", i, std::string(1'200'000, 'x'));
    }
    const std::string one = "the field F10 of 1200000 bytes left out";
    const Intake many = journal_of(text);
    ASSERT_EQ(many.records.size(), 1U);
    const std::string errors = many.records[0].substr(many.records[0].find("parse_error=") + 12);
    EXPECT_LT(errors.size(), 1024U + 2 + one.size());
    EXPECT_GT(errors.size(), 1024U - one.size());
    EXPECT_EQ(many.counts, (IntakeCounts{.records = 1, .cut = 50}));
}

TEST(DatagramEdges, UnparsedBytesHaveTheRestOfTheRecord) {
    // The head, the stream and one field are before them; two times a kilobyte is kept for what is told.
    const std::size_t most = kImportRecordBytesMax - (kRecordHeaderSize + 3) - (kFieldHeaderSize + 2) - 2048;
    for (const std::size_t beyond : {0U, 1U}) {
        const std::string noise(most + beyond, 'x');
        const Intake result = journal_of("A=1\n" + noise);
        const std::string cut = beyond == 0 ? "" : fmt::format("; {} of {} bytes kept", most, noise.size());
        EXPECT_THAT(
            result.records,
            ElementsAre(fmt::format("info app@42  | a=1 unparsed:bytes={} parse_error=the last line is no field, at "
                                    "byte 5{}",
                                    noise.substr(0, most), cut)));
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1, .cut = beyond}));
    }
}

TEST(DatagramEdges, SomeIsReadToTheBytesAskedFor) {
    JournalDatagramReader reader;
    const std::string text = "MESSAGE=a\n\nMESSAGE=b\n\nMESSAGE=c\n";
    const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        EXPECT_EQ(reader.append_some(text, 0, 0, context, into, counts), 11U) << "one entry at least";
        EXPECT_EQ(counts.records, 1U);
        const std::size_t one = into.size();
        EXPECT_EQ(reader.append_some(text, 11, 2 * one, context, into, counts), 22U);
        EXPECT_EQ(counts.records, 2U);
        EXPECT_EQ(reader.append_some(text, 22, SIZE_MAX, context, into, counts), text.size());
        into.resize(3 * one);
    });
    EXPECT_THAT(result.records, ElementsAre("info app@42 a |", "info app@42 b |", "info app@42 c |"));
}

}  // namespace
}  // namespace sluice::wire
