#include "wire/journal_datagram.h"

#include <gtest/gtest.h>

#include "intake_records.h"
#include "wire/journal_export.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using Lines = std::vector<std::string>;

Intake datagram(std::string_view text, const RecordLimits& limits = {}) {
    JournalDatagramReader reader;
    return intake([&](const IntakeContext& context, Bytes& into,
                      IntakeCounts& counts) { reader.append_records(text, context, into, counts); },
                  limits);
}

// NAME LF, length, value, LF.
std::string binary(std::string_view name, std::string_view value) {
    std::string text = fmt::format("{}\n", name);
    const auto size = static_cast<std::uint64_t>(value.size());
    text += as_text(std::as_bytes(std::span(&size, 1)));
    return text + fmt::format("{}\n", value);
}

TEST(JournalDatagram, MakesARecordOfAnEntry) {
    const Intake result = datagram(
        "MESSAGE=hello\nPRIORITY=3\nSYSLOG_IDENTIFIER=web\nCODE_FILE=main.cpp\nCODE_LINE=7\nSYSLOG_FACILITY=1\n");
    EXPECT_EQ(result.records, (Lines{"err web@42 hello | code_file=main.cpp code_line=7 syslog_facility=1"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1}));
}

TEST(JournalDatagram, BinaryValuesHoldAnything) {
    EXPECT_EQ(datagram(binary("MESSAGE", "two\nlines") + binary("A", "\xFF\n"sv) + binary("B", "") + "C=1\n").records,
              (Lines{"info app@42 two\nlines | a:bytes=\xFF\n b= c=1"}));
    EXPECT_EQ(datagram("MESSAGE=a\0b\n"sv).records, (Lines{"info app@42 a\0b |"s}));
}

TEST(JournalDatagram, ValuesAreSplitAtTheFirstEqualsSign) {
    EXPECT_EQ(datagram("A=b=c\nB=\n").records, (Lines{"info app@42  | a=b=c b="}));
}

// Each name that journald refuses; the entry is kept.
TEST(JournalDatagram, DropsBadNamesAndKeepsTheEntry) {
    for (const std::string& name : {"lower"s, std::string(65, 'N'), "1A"s, ""s, "_PID"s, "A B"s, "\xC3\x84"s, "A-B"s}) {
        const Intake result = datagram("MESSAGE=m\n" + name + "=x\nA=1\n");
        EXPECT_EQ(result.records, (Lines{"info app@42 m | a=1"})) << name;
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .dropped_fields = 1})) << name;
    }
    for (const std::string& name : {"lower"s, std::string(65, 'N'), "1A"s, "_PID"s}) {
        const Intake result = datagram("MESSAGE=m\n" + binary(name, "x\ny") + "A=1\n");
        EXPECT_EQ(result.records, (Lines{"info app@42 m | a=1"})) << name;
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .dropped_fields = 1})) << name;
    }
    EXPECT_EQ(datagram(std::string(64, 'N') + "=x\n").records,
              (Lines{"info app@42  | " + std::string(64, 'n') + "=x"}));
    EXPECT_EQ(datagram("_PID=1\n").counts, (IntakeCounts{.dropped_fields = 1}));
}

TEST(JournalDatagram, DuplicatesAreKeptInOrder) {
    EXPECT_EQ(datagram("X=1\nX=2\nX=1\n").records, (Lines{"info app@42  | x=1 x=2 x=1"}));
    EXPECT_EQ(
        datagram("MESSAGE=a\nMESSAGE=b\nPRIORITY=1\nPRIORITY=2\nSYSLOG_IDENTIFIER=p\nSYSLOG_IDENTIFIER=q\n").records,
        (Lines{"alert p@42 a | message=b priority=2 syslog_identifier=q"}));
}

TEST(JournalDatagram, APriorityIsOneDigit) {
    for (const char* priority : {"9", "8", "10", "", "x", "-1"}) {
        EXPECT_EQ(datagram(fmt::format("PRIORITY={}\n", priority)).records,
                  (Lines{fmt::format("info app@42  | priority={}", priority)}));
    }
    EXPECT_EQ(datagram("PRIORITY=0\nMESSAGE=m\n").records, (Lines{"emerg app@42 m |"}));
}

TEST(JournalDatagram, KeepsAnIdentifierThatIsNoStreamName) {
    EXPECT_EQ(datagram("SYSLOG_IDENTIFIER=(sd-pam)\nMESSAGE=m\n").records,
              (Lines{"info app@42 m | syslog_identifier=(sd-pam)"}));
    EXPECT_EQ(datagram("SYSLOG_IDENTIFIER=\nMESSAGE=m\n").records, (Lines{"info app@42 m |"}));
    const std::string long_one(5000, 'i');
    EXPECT_EQ(datagram("SYSLOG_IDENTIFIER=" + long_one + "\n").records,
              (Lines{"info app@42  | syslog_identifier=" + long_one}));
}

TEST(JournalDatagram, AnEmptyLineSeparatesEntries) {
    EXPECT_EQ(datagram("\nMESSAGE=a\n\n\nMESSAGE=b\nPRIORITY=2\n\nMESSAGE=c\n").records,
              (Lines{"info app@42 a |", "crit app@42 b |", "info app@42 c |"}));
}

TEST(JournalDatagram, CommentsAreIgnored) {
    EXPECT_EQ(datagram("# A=1\n.command\nMESSAGE=a\n#\n#no line end").records, (Lines{"info app@42 a |"}));
}

TEST(JournalDatagram, NothingIsNoRecord) {
    for (const std::string_view text : {"", "\n", "\n\n\n", "#a\n", "lower=1\n"}) {
        EXPECT_EQ(datagram(text).records, Lines{});
    }
}

TEST(JournalDatagram, TheLastFieldNeedsNoLineEnd) {
    const Intake result = datagram("PRIORITY=3\nA=1\nMESSAGE=hello");
    EXPECT_EQ(result.records, (Lines{"err app@42 hello | a=1 parse_error=no line end behind the last field, MESSAGE"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1}));
    EXPECT_EQ(datagram("A=").records, (Lines{"info app@42  | a= parse_error=no line end behind the last field, A"}));
}

TEST(JournalDatagram, WhatIsNotUnderstoodIsKept) {
    const auto kept = [](const std::string& bytes, std::string_view error) {
        const Intake result = datagram("MESSAGE=m\n" + bytes);
        EXPECT_EQ(result.records,
                  (Lines{fmt::format("info app@42 m | unparsed:bytes={} parse_error={}, at byte 11", bytes, error)}));
        EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1}));
    };
    kept("noise", "the last line is no field");
    kept("NAME", "the last line is no field");
    kept("NAME\n", "the length of a binary field is cut short");
    kept("NAME\n\x01\0\0\0\0\0\0"s, "the length of a binary field is cut short");
    kept("NAME\n\x02\0\0\0\0\0\0\0x"s, "a binary field of 2 bytes, where 1 are left");
    kept("NAME\n\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx\nA=1\n"s,
         "a binary field of 18446744073709551615 bytes, where 6 are left");
    kept("NAME\n\x01\0\0\0\0\0\0\0x"s, "no line end behind the value of a binary field");
    kept("NAME\n\x01\0\0\0\0\0\0\0xyA=1\n"s, "no line end behind the value of a binary field");
}

TEST(JournalDatagram, NothingButNoiseIsTheMessage) {
    EXPECT_EQ(datagram("noise").records,
              (Lines{"info app@42 noise | parse_error=the last line is no field, at byte 1"}));
    EXPECT_EQ(datagram("A=1\n\nnoise").records,
              (Lines{"info app@42  | a=1", "info app@42 noise | parse_error=the last line is no field, at byte 6"}));
}

TEST(JournalDatagram, TheFirstFieldsAreKept) {
    std::string text = "MESSAGE=m\n";
    for (int i = 0; i < 4; ++i) {
        text += fmt::format("F{}={}\n", i, i);
    }
    EXPECT_EQ(datagram(text, {.fields_max = 4}).records, (Lines{"info app@42 m | f0=0 f1=1 f2=2 f3=3"}));
    const Intake result = datagram(text, {.fields_max = 3});
    EXPECT_EQ(result.records, (Lines{"info app@42 m | f0=0 f1=1 parse_error=more than 3 fields: 2 left out"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .cut = 2}));
    // What is written besides counts too.
    EXPECT_EQ(datagram(text + "SYSLOG_IDENTIFIER=()\n", {.fields_max = 4}).records,
              (Lines{"info app@42 m | f0=0 f1=1 syslog_identifier=() parse_error=more than 4 fields: 2 left out"}));
    EXPECT_EQ(datagram("A=1\nB=2\nnoise", {.fields_max = 2}).counts,
              (IntakeCounts{.records = 1, .malformed = 1, .cut = 2}));
}

TEST(JournalDatagram, ALongMessageIsCut) {
    const Intake result = datagram("MESSAGE=123456\nA=1\n", {.message_bytes_max = 4});
    EXPECT_EQ(result.records, (Lines{"info app@42 1234 | a=1 parse_error=message of 6 bytes cut to 4"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .cut = 1}));
}

TEST(JournalDatagram, AFieldThatDoesNotFitIsLeftOut) {
    const Intake result = datagram("A=1\nBIG=" + std::string(2'000'000, 'x') + "\nMESSAGE=m\nC=3\n");
    EXPECT_EQ(result.records, (Lines{"info app@42 m | a=1 c=3 parse_error=the field BIG of 2000000 bytes left out"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .cut = 1}));
}

// The message goes first, also where it comes last.
TEST(JournalDatagram, AMessageBehindTheFieldsHasItsPlace) {
    const std::string message(1'000'000, 'm');
    const Intake result = datagram("A=1\nBIG=" + std::string(1'000'000, 'x') + "\nC=3\nMESSAGE=" + message + "\n");
    EXPECT_EQ(result.records,
              (Lines{"info app@42 " + message + " | a=1 c=3 parse_error=the field big of 1000000 bytes left out"}));
}

TEST(JournalDatagram, UnparsedBytesAreCutToTheRecord) {
    const Intake result = datagram("A=1\n" + std::string(3'000'000, 'x'));
    ASSERT_EQ(result.records.size(), 1U);
    EXPECT_THAT(result.records[0], testing::EndsWith(" of 3000000 bytes kept"));
    EXPECT_GT(result.records[0].size(), 1'000'000U);
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1, .cut = 1}));
}

// The memory of one record serves the next.
TEST(JournalDatagram, AReaderForgetsTheEntryBefore) {
    JournalDatagramReader reader;
    const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        reader.append_records("PRIORITY=1\nSYSLOG_IDENTIFIER=x\nMESSAGE=a\nLONG=value\nnoise", context, into, counts);
        reader.append_records("A=1\n", context, into, counts);
    });
    EXPECT_EQ(result.records.at(1), "info app@42  | a=1");
}

TEST(JournalDatagram, ReadsALargeFileByAndBy) {
    JournalDatagramReader reader;
    const std::string text = "MESSAGE=a\n\nMESSAGE=b\n\nMESSAGE=c\n";
    std::size_t turns = 0;
    const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        for (std::size_t at = 0; at < text.size(); ++turns) {
            at = reader.append_some(text, at, /*into_bytes_max=*/1, context, into, counts);
        }
    });
    EXPECT_EQ(turns, 3U);
    EXPECT_EQ(result.records, (Lines{"info app@42 a |", "info app@42 b |", "info app@42 c |"}));
}

// So that what other programs read from an export is what they would read from the journal.
TEST(JournalDatagram, AnExportGivesTheNamesBack) {
    JournalDatagramReader reader;
    TestNames names;
    Bytes bytes;
    IntakeCounts counts;
    reader.append_records("MESSAGE=m\nCODE_FILE=a.c\nMY_FIELD2=x\n", {.names = names}, bytes, counts);
    ByteView cursor = bytes;
    const auto record = parse_record(cursor, {});
    ASSERT_TRUE(record);
    std::string text;
    append_journal_entry(text, {.record = *record});
    EXPECT_THAT(text, testing::HasSubstr("\nCODE_FILE=a.c\nMY_FIELD2=x\n"));
}

}  // namespace
}  // namespace sluice::wire
