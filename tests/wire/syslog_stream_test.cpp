#include "wire/syslog_stream.h"

#include <gtest/gtest.h>

#include "intake_records.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using Lines = std::vector<std::string>;

Intake syslog_stream(std::string_view text, std::size_t step = 0, const RecordLimits& limits = {}) {
    SyslogStreamDecoder decoder;
    return stream_intake(decoder, text, step, limits);
}

TEST(SyslogStream, LinesAreFrames) {
    EXPECT_EQ(syslog_stream("<14>a: 1\n<14>b: 2\r\n\n\n<14>c: 3").records,
              (Lines{"info a@42 1 | syslog_facility=1", "info b@42 2 | syslog_facility=1",
                     "info c@42 3 | syslog_facility=1"}));
    EXPECT_EQ(syslog_stream("").records, Lines{});
    EXPECT_EQ(syslog_stream("\n\0\n"sv).records, Lines{});
}

// RFC 6587, 3.4.1.
TEST(SyslogStream, CountedFrames) {
    EXPECT_EQ(syslog_stream("8 <6>a: 1\n10 <6>b: 2\n3\n6 <6>c:\n5 <6>d\n").records,
              (Lines{"info a@42 1 |", "info b@42 2\n3 |", "info c@42  |", "info app@42 d |"}));
}

TEST(SyslogStream, CountedFramesAndLinesMayFollowEachOther) {
    EXPECT_EQ(
        syslog_stream("5 <6>m1<6>m2\n5 <6>m35 <6>m4\n<6>m5").records,
        (Lines{"info app@42 m1 |", "info app@42 m2 |", "info app@42 m3 |", "info app@42 m4 |", "info app@42 m5 |"}));
}

TEST(SyslogStream, WhatIsNoLengthIsText) {
    for (const std::string_view text :
         {"0 <6>m", "012 <6>m", "123456789 <6>m", "12<6>m", "12  <6>m", "12 m", "12", "12 ", "x", " 3 <6>m"}) {
        const Intake result = syslog_stream(text);
        EXPECT_EQ(result.records.size(), 1U) << text;
        EXPECT_EQ(result.counts.malformed, 1U) << text;
    }
    EXPECT_EQ(syslog_stream("12\n<6>m").records,
              (Lines{"info app@42 12 | parse_error=no priority from <0> to <191> at byte 1", "info app@42 m |"}));
}

// glibc's syslog(3) on a stream socket.
TEST(SyslogStream, AfterANulAMessageMayHaveLineEnds) {
    EXPECT_EQ(syslog_stream("<6>a\0<6>b\nc\0<6>d\n"sv).records,
              (Lines{"info app@42 a |", "info app@42 b\nc |", "info app@42 d |"}));
    EXPECT_EQ(syslog_stream("<6>a\n\0<6>b\n<6>c\0"sv).records,
              (Lines{"info app@42 a |", "info app@42 b |", "info app@42 c |"}));  // The frame was empty.
}

// A program that ends its messages with LF, and has a NUL in one.
TEST(SyslogStream, ANulInsideALineSwallowsNoOther) {
    SyslogStreamDecoder decoder;
    const Intake open = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        decoder.take("<13>a: one\0two\n<13>a: three\n<11>a: four\n"sv, context, into, counts);
    });
    EXPECT_EQ(open.records, (Lines{"notice a@42 one | syslog_facility=1",
                                   "info app@42 two | parse_error=no priority from <0> to <191> at byte 1",
                                   "notice a@42 three | syslog_facility=1", "err a@42 four | syslog_facility=1"}));
    EXPECT_EQ(decoder.held_bytes(), 0U);
    EXPECT_EQ(syslog_stream("<6>a\0<b>c</b>\n<6>\n<6\n<3>d\n<4>e\n"sv).records,
              (Lines{"info app@42 a |", "info app@42 <b>c</b> | parse_error=no priority from <0> to <191> at byte 1",
                     "info app@42  |", "info app@42 <6 | parse_error=no priority from <0> to <191> at byte 1",
                     "err app@42 d |", "warning app@42 e |"}));
    EXPECT_EQ(syslog_stream("<6>a\0\n<6>b\n<6>c\0<6>d\ne<6>\n<1234>\n<>"sv).records,
              (Lines{"info app@42 a |", "info app@42 b |", "info app@42 c |", "info app@42 d\ne<6>\n<1234>\n<> |"}));
}

TEST(SyslogStream, ANumberInFrontOfALineIsNoLength) {
    EXPECT_EQ(syslog_stream("404 <html>\n<3>a: b\n3 <6>c\n10 <1234>d\n2 <>e\n").records,
              (Lines{"info app@42 404 <html> | parse_error=no priority from <0> to <191> at byte 1", "err a@42 b |",
                     "info app@42  |", "info app@42 c | parse_error=no priority from <0> to <191> at byte 1",
                     "info app@42 10 <1234>d | parse_error=no priority from <0> to <191> at byte 1",
                     "info app@42 2 <>e | parse_error=no priority from <0> to <191> at byte 1"}));
    EXPECT_EQ(syslog_stream("2 <6>c\n404 <").records,
              (Lines{"info app@42 2 <6>c | parse_error=no priority from <0> to <191> at byte 1",
                     "info app@42 404 < | parse_error=no priority from <0> to <191> at byte 1"}));
}

TEST(SyslogStream, ACountedFrameCutShortIsKept) {
    const Intake result = syslog_stream("20 <6>a: b");
    EXPECT_EQ(result.records, (Lines{"info a@42 b | parse_error=the connection ended 13 bytes before the message"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 1, .malformed = 1}));
}

TEST(SyslogStream, AFrameAboveTheLimitComesInParts) {
    const RecordLimits limits{.message_bytes_max = 8};
    const Lines expected{"info a@42 01234567 | line_part=1 line_more=true",
                         "info a@42 89abcdef | line_part=2 line_more=true",
                         "info a@42 ghijklmn | line_part=3 line_more=true", "info a@42 o | line_part=4 line_more=false",
                         "info app@42 next |"};
    const Intake line = syslog_stream("<6>a: 0123456789abcdefghijklmno\n<6>next", 0, limits);
    EXPECT_EQ(line.records, expected);
    EXPECT_EQ(line.counts, (IntakeCounts{.records = 5}));
    EXPECT_EQ(syslog_stream("31 <6>a: 0123456789abcdefghijklmno<6>next", 0, limits).records, expected);
}

TEST(SyslogStream, ALengthThatCannotBeHeldComesInParts) {
    const std::string text(3'000'000, 'x');
    SyslogStreamDecoder decoder;
    const Intake result = stream_intake(decoder, "99999999 <6>a: " + text, /*step=*/65536);
    ASSERT_EQ(result.records.size(), 3U);
    std::size_t bytes = 0;
    for (const std::string& record : result.records) {
        bytes += static_cast<std::size_t>(std::count(record.begin(), record.end(), 'x'));
    }
    EXPECT_EQ(bytes, text.size());
    EXPECT_THAT(result.records[2], testing::HasSubstr("parse_error=the connection ended"));
    EXPECT_EQ(result.counts.malformed, 1U);
}

TEST(SyslogStream, ACutAnywhereGivesTheSameRecords) {
    const std::string_view text =
        "<14>Nov 20 12:00:00 host tag[1]: one\n27 <6>1 - - - - - - two\nthree\n\n12\n8 <6>a: 1<6>b\0<6>c\nd\0"
        "40 <6>a: 0123456789abcdefghijklmnopqrstuvwxyz<11>1 - h a - - [a b=\"c\\]\"] m\0<6>n\n<b\n<15>o\n"
        "404 <html>\n4 <13>"
        "2 <6>p\n<6>q\0<6>r\n<6"sv;
    for (const std::uint32_t message_bytes_max : {1000U, 12U, 1U}) {
        const RecordLimits limits{.message_bytes_max = message_bytes_max};
        const Intake whole = syslog_stream(text, 0, limits);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            SyslogStreamDecoder decoder;
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
        EXPECT_EQ(syslog_stream(text, 1, limits).records, whole.records);
    }
}

}  // namespace
}  // namespace sluice::wire
