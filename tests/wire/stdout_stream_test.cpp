#include "wire/stdout_stream.h"

#include <gtest/gtest.h>

#include "intake_records.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using Lines = std::vector<std::string>;

Intake stream(std::string_view text, StdoutStreamDecoder::Options options = {}, const RecordLimits& limits = {}) {
    StdoutStreamDecoder decoder(options);
    return stream_intake(decoder, text, 0, limits);
}

// Identifier, unit, priority, level prefix.
std::string header(std::string_view identifier, std::string_view priority = "6", std::string_view level_prefix = "0",
                   std::string_view unit = "") {
    return fmt::format("{}\n{}\n{}\n{}\n0\n0\n0\n", identifier, unit, priority, level_prefix);
}

TEST(StdoutStream, ALineIsAMessage) {
    EXPECT_EQ(stream(header("cat") + "one\ntwo\n").records, (Lines{"info cat@42 one |", "info cat@42 two |"}));
    EXPECT_EQ(stream(header("")).records, Lines{});
    EXPECT_EQ(stream("").records, Lines{});
}

TEST(StdoutStream, TheHeaderIsForAllLines) {
    EXPECT_EQ(stream(header(" (my app) ", "11", "0", "x.service") + "m\n").records,
              (Lines{"err app@42 m | syslog_facility=1 unit=x.service syslog_identifier=(my app)"}));
    EXPECT_EQ(stream("a\r\n\n 30 \n0\n1\n1\n1\nm\n").records, (Lines{"info a@42 m | syslog_facility=3"}));
    EXPECT_EQ(stream(header("a", "999") + "m\n").records, (Lines{"debug a@42 m | syslog_facility=124"}));
}

TEST(StdoutStream, ALevelPrefixIsTheSeverityOfItsLine) {
    const std::string lines = "<3>a\n<7>b\nc\n<8>d\n<13>e\n<>f\n<3\n<4>\n <2>g\n";
    EXPECT_EQ(stream(header("x", "30", "1") + lines).records,
              (Lines{"err x@42 a | syslog_facility=3", "debug x@42 b | syslog_facility=3",
                     "info x@42 c | syslog_facility=3", "info x@42 <8>d | syslog_facility=3",
                     "info x@42 <13>e | syslog_facility=3", "info x@42 <>f | syslog_facility=3",
                     "info x@42 <3 | syslog_facility=3", "info x@42  <2>g | syslog_facility=3"}));
    EXPECT_EQ(stream(header("x") + "<3>a\n").records, (Lines{"info x@42 <3>a |"}));
}

TEST(StdoutStream, EmptyLinesAreNoMessages) {
    EXPECT_EQ(stream(header("x") + "\n\na\n\n\0\0b"s).records,
              (Lines{"info x@42 a |", "info x@42 b | line_break=eof"}));
    EXPECT_EQ(stream(header("x") + " \n").records, (Lines{"info x@42   |"}));
}

TEST(StdoutStream, OtherLineBreaksAreToldOf) {
    EXPECT_EQ(stream(header("x") + "a\0bc\nd"s).records,
              (Lines{"info x@42 a | line_break=nul", "info x@42 bc |", "info x@42 d | line_break=eof"}));
    EXPECT_EQ(stream(header("x") + "12345678\n1234\n", {.line_bytes_max = 4}).records,
              (Lines{"info x@42 1234 | line_break=line-max", "info x@42 5678 | line_break=line-max",
                     "info x@42 1234 | line_break=line-max"}));
    EXPECT_EQ(stream(header("x") + "12345\n", {}, {.message_bytes_max = 4}).records,
              (Lines{"info x@42 1234 | line_break=line-max", "info x@42 5 |"}));
    const std::string line(48U << 10U, 'x');
    EXPECT_EQ(stream(header("x") + line + "y\n").records,
              (Lines{"info x@42 " + line + " | line_break=line-max", "info x@42 y |"}));
}

TEST(StdoutStream, AnotherSenderBeginsAnotherMessage) {
    StdoutStreamDecoder decoder;
    const Intake result = intake([&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        decoder.take("x\n\n6", context, into, counts);
        decoder.sender_changed(context, into, counts);  // Means nothing inside the header.
        decoder.take("\n0\n0\n0\n0\nhalf", context, into, counts);
        EXPECT_EQ(decoder.identifier(), "x");
        decoder.sender_changed(context, into, counts);
        decoder.sender_changed(context, into, counts);
        decoder.take(" other\n", context, into, counts);
        decoder.finish(context, into, counts);
    });
    EXPECT_EQ(result.records, (Lines{"info x@42 half | line_break=pid-change", "info x@42  other |"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 2}));
}

TEST(StdoutStream, ABadHeaderIsKept) {
    const Intake result = stream("app\nx.service\nhigh\n0\nline\n");
    EXPECT_EQ(result.records,
              (Lines{"info app@42 app | parse_error=stdout header line 3: expected a priority from 0 to 999",
                     "info app@42 x.service | parse_error=stdout header line 3: expected a priority from 0 to 999",
                     "info app@42 high | parse_error=stdout header line 3: expected a priority from 0 to 999",
                     "info app@42 0 |", "info app@42 line |"}));
    EXPECT_EQ(result.counts, (IntakeCounts{.records = 5, .malformed = 3}));
    EXPECT_EQ(stream("app\n\n\nline\n").records,
              (Lines{"info app@42 app | parse_error=stdout header line 3: expected a priority from 0 to 999",
                     "info app@42 line |"}));
}

TEST(StdoutStream, TellsWhichHeaderLineWasWrong) {
    const auto last = [](std::string_view text, std::string_view error) {
        const Intake result = stream(text);
        ASSERT_FALSE(result.records.empty());
        EXPECT_THAT(result.records.back(), testing::EndsWith(fmt::format("parse_error=stdout header {}", error)));
    };
    last("a\n\n1000\n", "line 3: expected a priority from 0 to 999");
    last("a\n\n-1\n", "line 3: expected a priority from 0 to 999");
    last("a\n\n6\nyess\n", "line 4: expected a boolean such as 0 or 1");
    last("a\n\n6\n0\n2\n", "line 5: expected a boolean such as 0 or 1");
    last("a\n\n6\n0\n0\n01\n", "line 6: expected a boolean such as 0 or 1");
    last("a\n\n6\n0\n0\n0\nx\n", "line 7: expected a boolean such as 0 or 1");
    last("a\0b\n"sv, "line 1: expected a line without NUL");
    last("a\nunit", "line 2: expected more, and the connection ended");
    last(std::string(4097, 'a') + "\n", "line 1: expected at most 4096 bytes");
}

// The bytes of a header that is none are all there.
TEST(StdoutStream, ALineTooLongForAHeaderIsKept) {
    const std::string line(10'000, 'a');
    const Intake result = stream("id\n" + line + "\nnext\n");
    const std::string error = " | parse_error=stdout header line 2: expected at most 4096 bytes";
    EXPECT_EQ(result.records, (Lines{"info app@42 id" + error, "info app@42 " + line + error, "info app@42 next |"}));
}

TEST(StdoutStream, ACutAnywhereGivesTheSameRecords) {
    for (const std::string& text : {header("(id)", "14", "1", "u") + "<3>a\0b\n\n<4>0123456789\nend"s,
                                    "id\n\nno priority\nmore\n"s, "id\n0123456789\0\nx"s, "\n\n\n\na\n"s}) {
        const RecordLimits limits{.message_bytes_max = 8};
        const Intake whole = stream(text, {}, limits);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            StdoutStreamDecoder decoder;
            const Intake pieces = intake(
                [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
                    decoder.take(std::string_view(text).substr(0, cut), context, into, counts);
                    decoder.take(std::string_view(text).substr(cut), context, into, counts);
                    decoder.finish(context, into, counts);
                },
                limits);
            EXPECT_EQ(pieces.records, whole.records) << cut;
            EXPECT_EQ(pieces.counts, whole.counts) << cut;
        }
    }
}

}  // namespace
}  // namespace sluice::wire
