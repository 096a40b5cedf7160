// Imported logs at their edges: what is one record and what several, what is counted, and what is held meanwhile.
#include <gmock/gmock.h>

#include "wire/import.h"
#include "wire/journal_entry.h"
#include "wire/journal_export.h"
#include "wire/json.h"

namespace sluice::wire {
namespace {

using namespace std::literals;
using testing::ElementsAre;

struct Taken {
    std::vector<std::string> records;  // "severity stream@time message | name=value:type"
    ImportCounts counts;
    std::size_t held = 0;  // Before the end.
};

Taken taken(ImportFormat format, std::string_view text, const ImportOptions& options = {}) {
    Bytes bytes;
    const auto importer = make_importer(format, options);
    importer->take(text, bytes);
    Taken result{.records = {}, .counts = {}, .held = importer->held_bytes()};
    importer->finish(bytes);
    EXPECT_EQ(importer->held_bytes(), 0U);
    result.counts = importer->counts();
    for (ByteView cursor = bytes; !cursor.empty();) {
        const auto record = parse_record(cursor, {});
        if (!record) {
            ADD_FAILURE() << record.error();
            break;
        }
        std::string shown = fmt::format("{} {}@{} {} |", severity_name(record->severity()), record->stream(),
                                        record->time_ns(), record->message());
        for (const FieldView field : record->fields()) {
            shown += fmt::format(" {}={}:{}", field.name, field.value_text(), static_cast<int>(field.type));
        }
        result.records.push_back(std::move(shown));
    }
    EXPECT_EQ(result.records.size(), result.counts.records);
    return result;
}

ImportOptions timed(std::string_view pattern, std::uint32_t message_bytes_max = kMessageBytesMax) {
    ImportOptions options;
    options.pattern = *TextPattern::compile(pattern, {});
    options.limits.message_bytes_max = message_bytes_max;
    options.severity = Severity::notice;
    options.stream = "in";
    return options;
}

ImportOptions short_messages(std::uint32_t message_bytes_max) {
    ImportOptions options;
    options.limits.message_bytes_max = message_bytes_max;
    options.severity = Severity::warning;
    options.stream = "in";
    return options;
}

TEST(DetectEdges, EachBeginningIsItsFormat) {
    for (const char* text : {"{", " {", "\t{", "\r\n{}", "\n\n {"}) {
        EXPECT_EQ(detect_import_format(text), ImportFormat::json) << text;
    }
    for (const char* text :
         {"__CURSOR=x", "__REALTIME_TIMESTAMP=1", "__MONOTONIC_TIMESTAMP=1", "__SEQNUM=1", " __SEQNUM="}) {
        EXPECT_EQ(detect_import_format(text), ImportFormat::journal) << text;
    }
    for (const char* text : {"", " ", "x{", "[", "__CURSOR", "__SEQNUM_ID=1", "_CURSOR=", "MESSAGE=x", "\v{"}) {
        EXPECT_EQ(detect_import_format(text), ImportFormat::text) << text;
    }
}

// ---- lines ----

TEST(LineEdges, MessageMayHaveItsLastByte) {
    for (const ImportFormat format : {ImportFormat::text, ImportFormat::json}) {
        const auto whole = taken(format, "1234\nabcd", short_messages(4));
        EXPECT_THAT(whole.records, ElementsAre("warning in@0 1234 |", "warning in@0 abcd |"));
        EXPECT_EQ(whole.counts.split, 0U);
        EXPECT_EQ(whole.counts.not_understood, format == ImportFormat::json ? 2U : 0U);
        EXPECT_EQ(whole.held, 4U);
        const auto parts = taken(format, "12345\nabcdefghi", short_messages(4));
        EXPECT_THAT(parts.records, ElementsAre("warning in@0 1234 | line_part=1:2 line_more=true:4",
                                               "warning in@0 5 | line_part=2:2 line_more=false:4",
                                               "warning in@0 abcd | line_part=1:2 line_more=true:4",
                                               "warning in@0 efgh | line_part=2:2 line_more=true:4",
                                               "warning in@0 i | line_part=3:2 line_more=false:4"));
        EXPECT_EQ(parts.counts.split, 2U);
        EXPECT_EQ(parts.counts.not_understood, format == ImportFormat::json ? 2U : 0U);
        const auto even = taken(format, "12345678\n", short_messages(4));
        EXPECT_THAT(even.records, ElementsAre("warning in@0 1234 | line_part=1:2 line_more=true:4",
                                              "warning in@0 5678 | line_part=2:2 line_more=false:4"));
        EXPECT_EQ(even.counts.split, 1U);
    }
}

TEST(LineEdges, CutsAnywhereGiveTheSameRecords) {
    const std::string text = "1\n\n123456789\n1970-01-01 00:00:01 x\nmore\n{\"a\":1}\n12345678\n\nend";
    for (const ImportFormat format : {ImportFormat::text, ImportFormat::json}) {
        for (const bool with_pattern : {false, true}) {
            ImportOptions options = with_pattern ? timed("%F %T", 4) : short_messages(4);
            Bytes whole;
            const auto importer = make_importer(format, options);
            importer->take(text, whole);
            importer->finish(whole);
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                Bytes pieces;
                const auto again = make_importer(format, options);
                again->take(std::string_view(text).substr(0, cut), pieces);
                EXPECT_LE(again->held_bytes(), 8U);
                again->take({}, pieces);
                again->take(std::string_view(text).substr(cut), pieces);
                again->finish(pieces);
                EXPECT_EQ(as_text(pieces), as_text(whole)) << cut;
                EXPECT_EQ(again->counts().records, importer->counts().records);
                EXPECT_EQ(again->counts().split, importer->counts().split);
                EXPECT_EQ(again->counts().joined, importer->counts().joined);
                EXPECT_EQ(again->counts().untimed, importer->counts().untimed);
                EXPECT_EQ(again->counts().not_understood, importer->counts().not_understood);
            }
        }
    }
}

TEST(JsonImportEdges, OptionsAreForObjectsThatDoNotSay) {
    EXPECT_THAT(taken(ImportFormat::json,
                      R"({"msg":"a"})"
                      "\n\n"
                      R"({"msg":"b","level":"err","stream":"s"})",
                      short_messages(100))
                    .records,
                ElementsAre("warning in@0 a |", "err s@0 b |"));
}

// Flattened names can make a record of a line that is longer than the line.
TEST(JsonImportEdges, RecordAboveTheSizeOfARequestIsAMessage) {
    std::string object = fmt::format("{{\"{}\":{{", std::string(200, 'p'));
    for (int i = 0; i < 1000; ++i) {
        object += fmt::format("{}\"f{}\":1", i == 0 ? "" : ",", i);
    }
    object += "},\"a\":\"";
    Bytes bytes;
    JsonReader reader;
    const JsonDefaults defaults{.severity = Severity::warning, .stream = "in"};
    ASSERT_TRUE(reader.append_object(object + "\"}", defaults, bytes));
    object.append(kImportRecordBytesMax - bytes.size(), 'x');
    ASSERT_LT(object.size() + 3, kMessageBytesMax);
    for (const bool beyond : {false, true}) {
        const std::string line = object + (beyond ? "x\"}" : "\"}");
        const auto result = taken(ImportFormat::json, line, short_messages(kMessageBytesMax));
        EXPECT_EQ(result.counts.not_understood, 0U);
        ASSERT_EQ(result.records.size(), 1U);
        EXPECT_EQ(result.records[0].contains("parse_error"), beyond)
            << result.records[0].substr(0, 200) << "..." << result.records[0].substr(result.records[0].size() - 300);
    }
}

TEST(TextImportEdges, TimeIsCutWithTheBlanksBehindIt) {
    EXPECT_THAT(taken(ImportFormat::text, "1970-01-01 00:00:01 \t x\n1970-01-01 00:00:02\n1970-01-01 00:00:03  \n",
                      timed("%F %T"))
                    .records,
                ElementsAre("notice in@1000000000 x |", "notice in@2000000000  |", "notice in@3000000000  |"));
    ImportOptions keep = timed("%F %T");
    keep.time = ImportOptions::Time::keep;
    EXPECT_THAT(taken(ImportFormat::text, "1970-01-01 00:00:01 x\n", keep).records,
                ElementsAre("notice in@1000000000 1970-01-01 00:00:01 x |"));
    EXPECT_THAT(taken(ImportFormat::text, "a [1970-01-01] x\n", timed("%*[%F]")).records,
                ElementsAre("notice in@0 a [1970-01-01] x |"));
    EXPECT_THAT(taken(ImportFormat::text, "1970-01-01 00:00:01 WARN x\n", timed("%F %T %l")).records,
                ElementsAre("warning in@1000000000 x |"));
}

TEST(TextImportEdges, LinesJoinAndAreCounted) {
    const auto result =
        taken(ImportFormat::text, "zero\nstill zero\n1970-01-01 00:00:01 one\nand\n\n1970-01-01 00:00:02 two",
              timed("%F %T"));
    EXPECT_THAT(result.records, ElementsAre("notice in@0 zero\nstill zero |", "notice in@1000000000 one\nand\n |",
                                            "notice in@2000000000 two |"));
    EXPECT_EQ(result.counts.joined, 3U);
    EXPECT_EQ(result.counts.untimed, 1U);
    EXPECT_EQ(result.counts.split, 0U);
    EXPECT_EQ(result.counts.not_understood, 0U);
    const auto plain = taken(ImportFormat::text, "a\nb\n", short_messages(100));
    EXPECT_EQ(plain.counts.untimed, 0U);
    EXPECT_EQ(plain.counts.joined, 0U);
}

TEST(TextImportEdges, JoinedLinesAreSplitAtTheLimit) {
    const auto exact = taken(ImportFormat::text, "1970-01-01 00:00:01 a\nbc\n", timed("%F %T", 24));
    EXPECT_EQ(exact.counts.split, 0U);
    const auto result = taken(ImportFormat::text, "1: ab\ncd\nefg\n2: x\n", timed("%s:", 5));
    EXPECT_THAT(result.records, ElementsAre("notice in@1000000000 ab\ncd | line_part=1:2 line_more=true:4",
                                            "notice in@1000000000 \nefg | line_part=2:2 line_more=false:4",
                                            "notice in@2000000000 x |"));
    EXPECT_EQ(result.counts.split, 1U);
    EXPECT_EQ(result.counts.joined, 2U);
    const auto held = taken(ImportFormat::text, "1: ab\nc", timed("%s:", 100));
    EXPECT_EQ(held.held, 3U) << "the message so far, and the line";
}

// ---- the journal's entries ----

Taken journal(std::string_view text, const ImportOptions& options = short_messages(1'000'000)) {
    return taken(ImportFormat::journal, text, options);
}

std::string journal_binary(std::string_view name, std::string_view value) {
    std::string text = fmt::format("{}\n", name);
    const auto size = static_cast<std::uint64_t>(value.size());
    text += as_text(std::as_bytes(std::span(&size, 1)));
    return text + fmt::format("{}\n", value);
}

TEST(JournalImportEdges, NamesAreThoseOfTheJournal) {
    for (const char* good : {"A", "Z", "_A", "A0", "A9", "A_", "_0"}) {
        const auto result = journal(fmt::format("{}=v\n", good));
        EXPECT_EQ(result.counts.not_understood, 0U) << good;
        EXPECT_EQ(result.counts.records, 1U);
    }
    for (const char* bad : {"0A", "9A", "5", "a", "A-", "A ", " A", "A@", "A[", "A`", "A/", "A:", "", "\xC3\x84"}) {
        const auto result = journal(fmt::format("{}=v\n", bad));
        EXPECT_EQ(result.counts.not_understood, 1U) << bad;
        EXPECT_THAT(result.records, ElementsAre(fmt::format("warning in@0 {}=v |", bad)));
    }
    EXPECT_EQ(journal(std::string(255, 'A') + "=v\n").counts.not_understood, 0U);
    EXPECT_EQ(journal(std::string(256, 'A') + "=v\n").counts.not_understood, 1U);
}

TEST(JournalImportEdges, PriorityAndTimeAreTakenWhereTheyAreGood) {
    for (int digit = 0; digit < 8; ++digit) {
        EXPECT_THAT(journal(fmt::format("PRIORITY={}\nMESSAGE=m\n", digit)).records,
                    ElementsAre(fmt::format("{} in@0 m |", severity_name(static_cast<Severity>(digit)))));
    }
    for (const char* bad : {"8", "9", "/", "33", "", "x", " 3"}) {
        EXPECT_THAT(journal(fmt::format("PRIORITY={}\nMESSAGE=m\n", bad)).records,
                    ElementsAre(fmt::format("warning in@0 m | priority={}:0", bad)));
    }
    const auto time = [](std::string_view text) {
        return journal(fmt::format("__REALTIME_TIMESTAMP={}\nMESSAGE=m\n", text)).records;
    };
    EXPECT_THAT(time("1"), ElementsAre("warning in@1000 m |"));
    EXPECT_THAT(time("9223372036854774"), ElementsAre("warning in@9223372036854774000 m |"));
    for (const char* bad :
         {"0", "-1", "9223372036854775", "9223372036854775807", "9223372036854775808", "x", "1x", ""}) {
        EXPECT_THAT(time(bad), ElementsAre("warning in@0 m |")) << bad;
    }
}

TEST(JournalImportEdges, StreamIsTheIdentifierOrTheCommand) {
    EXPECT_THAT(journal("SYSLOG_IDENTIFIER=a\n_COMM=b\nMESSAGE=m\n").records, ElementsAre("warning a@0 m | comm=b:0"));
    EXPECT_THAT(journal("SYSLOG_IDENTIFIER=\n_COMM=b\nMESSAGE=m\n").records,
                ElementsAre("warning in@0 m | syslog_identifier=:0 comm=b:0"));
    ImportOptions unnamed;
    EXPECT_THAT(journal("_COMM=b c\nMESSAGE=m\n", unnamed).records, ElementsAre("info b_c@0 m | comm=b c:0"));
    EXPECT_THAT(journal("SYSLOG_IDENTIFIER=\n_COMM=b\nMESSAGE=m\n", unnamed).records,
                ElementsAre("info b@0 m | syslog_identifier=:0 comm=b:0"));
    EXPECT_THAT(journal("MESSAGE=m\n", unnamed).records, ElementsAre("info @0 m |"));
    const std::string name(300, 'n');
    EXPECT_THAT(journal("SYSLOG_IDENTIFIER=" + name + "\nMESSAGE=m\n").records,
                ElementsAre("warning " + name.substr(0, 255) + "@0 m | syslog_identifier=" + name + ":0"));
}

TEST(JournalImportEdges, OwnNamesLoseTheUnderscoresAndAddressesStayBehind) {
    EXPECT_THAT(journal("_A=1\n__B=2\n_=3\nC_D=4\nE=\xFF\n").records,
                ElementsAre("warning in@0  | a=1:0 field=3:0 c_d=4:0 e=\xFF:1"));
}

TEST(JournalImportEdges, LongMessagesAreCutAndCounted) {
    const auto exact = journal("MESSAGE=1234\n", short_messages(4));
    EXPECT_THAT(exact.records, ElementsAre("warning in@0 1234 |"));
    EXPECT_EQ(exact.counts.left_out, 0U);
    const auto cut = journal("MESSAGE=12345\n", short_messages(4));
    EXPECT_THAT(cut.records, ElementsAre("warning in@0 1234 |"));
    EXPECT_EQ(cut.counts.left_out, 1U);
}

TEST(JournalImportEdges, TypesOfOurOwnEntriesAreChecked) {
    const auto value = [](char letter, std::string_view text) {
        return journal(fmt::format("SLUICE_FIELDS={}:v\nV={}\n", letter, text)).records;
    };
    EXPECT_THAT(value('i', "-5"), ElementsAre("warning in@0  | v=-5:2"));
    EXPECT_THAT(value('i', "9223372036854775808"), ElementsAre("warning in@0  | v=9223372036854775808:0"));
    EXPECT_THAT(value('i', "5x"), ElementsAre("warning in@0  | v=5x:0"));
    EXPECT_THAT(value('i', ""), ElementsAre("warning in@0  | v=:0"));
    EXPECT_THAT(value('f', "0.5"), ElementsAre("warning in@0  | v=0.5:3"));
    EXPECT_THAT(value('f', "0.5x"), ElementsAre("warning in@0  | v=0.5x:0"));
    EXPECT_THAT(value('f', "1e999"), ElementsAre("warning in@0  | v=1e999:0"));
    EXPECT_THAT(value('x', "3ff0000000000000"), ElementsAre("warning in@0  | v=1:3"));
    EXPECT_THAT(value('x', "g"), ElementsAre("warning in@0  | v=g:0"));
    EXPECT_THAT(value('b', "true"), ElementsAre("warning in@0  | v=true:4"));
    EXPECT_THAT(value('b', "false"), ElementsAre("warning in@0  | v=false:4"));
    EXPECT_THAT(value('b', "True"), ElementsAre("warning in@0  | v=True:0"));
    EXPECT_THAT(value('s', "t"), ElementsAre("warning in@0  | v=t:0"));
    EXPECT_THAT(value('y', "t"), ElementsAre("warning in@0  | v=t:1"));
}

TEST(JournalImportEdges, LayoutThatIsNotOursIsAField) {
    for (const char* layout : {"q:v", "i", "i:", ":v", "iv", "i:v=", "i:v=q:w", "i;v", "i:\x7F"}) {
        const auto result = journal(fmt::format("SLUICE_FIELDS={}\nV=1\n", layout)).records;
        const bool ours = layout == "i:v="sv;
        EXPECT_THAT(result, ElementsAre(ours ? std::string("warning in@0  | v=1:2")
                                             : fmt::format("warning in@0  | sluice_fields={}:0 v=1:0", layout)))
            << layout;
    }
    EXPECT_THAT(journal("SLUICE_FIELDS=\nV=1\n_PID=2\nSLUICE_ORIGIN=daemon\n").records,
                ElementsAre("warning in@0  | v=1:0"));
    // As many as a record may have, and one more.
    ImportOptions two = short_messages(100);
    two.limits.fields_max = 2;
    EXPECT_THAT(journal("SLUICE_FIELDS=i:a=i:b\nA=1\nB=2\n", two).records, ElementsAre("warning in@0  | a=1:2 b=2:2"));
    EXPECT_THAT(journal("SLUICE_FIELDS=i:a=i:b=i:c\nA=1\nB=2\n", two).records,
                ElementsAre("warning in@0  | sluice_fields=i:a=i:b=i:c:0 a=1:0"));
}

TEST(JournalImportEdges, OurOwnNamesTimesAndStreamsComeBack) {
    EXPECT_THAT(journal("SLUICE_FIELDS=s:a.b=s:a-b=s:a.b\nA_B=1\nA_B=2\nA_B=3\n").records,
                ElementsAre("warning in@0  | a.b=1:0 a-b=2:0 a.b=3:0"));
    EXPECT_THAT(journal("SLUICE_FIELDS=\nSYSLOG_IDENTIFIER=default\nSLUICE_STREAM=\nMESSAGE=m\n").records,
                ElementsAre("warning @0 m |"));
    EXPECT_THAT(journal("SLUICE_FIELDS=\nSYSLOG_IDENTIFIER=x\nMESSAGE=m\n").records, ElementsAre("warning x@0 m |"));
    EXPECT_THAT(journal("SLUICE_FIELDS=\n__REALTIME_TIMESTAMP=5\nSLUICE_TIME_NS=-7\nMESSAGE=m\n").records,
                ElementsAre("warning in@-7 m |"));
    EXPECT_THAT(journal("__REALTIME_TIMESTAMP=5\nSLUICE_TIME_NS=-7\nMESSAGE=m\n").records,
                ElementsAre("warning in@5000 m | sluice_time_ns=-7:0"));
    EXPECT_THAT(journal("SLUICE_STREAM=y\nMESSAGE=m\n").records, ElementsAre("warning in@0 m | sluice_stream=y:0"));
}

TEST(JournalImportEdges, FieldsAboveALimitAreLeftOutAndCounted) {
    ImportOptions two = short_messages(100);
    two.limits.fields_max = 2;
    const auto result = journal("A=1\nB=2\nC=3\nMESSAGE=m\n", two);
    EXPECT_THAT(result.records, ElementsAre("warning in@0 m | a=1:0 b=2:0"));
    EXPECT_EQ(result.counts.left_out, 1U);
    // A record of just the largest size, and one byte more.
    for (const std::size_t beyond : {0U, 1U}) {
        const std::size_t fixed = kRecordHeaderSize + "in"sv.size() + kFieldHeaderSize + "a"sv.size();
        const std::string value(kImportRecordBytesMax - fixed + beyond, 'x');
        const auto large = journal(journal_binary("A", value));
        EXPECT_EQ(large.counts.left_out, beyond);
        ASSERT_EQ(large.records.size(), 1U);
        EXPECT_EQ(large.records[0].size() < 100, beyond == 1);
    }
}

TEST(JournalImportEdges, EntryHasItsOwnLimits) {
    JournalEntry entry;
    EXPECT_TRUE(entry.empty());
    EXPECT_TRUE(entry.add("A", "b"));
    EXPECT_FALSE(entry.empty());
    EXPECT_EQ(entry.bytes(), 2U);
    const std::string most(JournalEntry::kBytesMax - 3, 'x');
    EXPECT_FALSE(entry.add("B", most + "x"));
    EXPECT_TRUE(entry.add("B", most));
    EXPECT_EQ(entry.bytes(), JournalEntry::kBytesMax);
    EXPECT_FALSE(entry.add("C", ""));
    const auto fields = entry.fields();
    ASSERT_EQ(fields.size(), 2U);
    EXPECT_EQ(fields[0].name, "A");
    EXPECT_EQ(fields[0].value, "b");
    EXPECT_EQ(fields[1].name, "B");
    EXPECT_EQ(fields[1].value, most);
    EXPECT_FALSE(fields[1].used);
    entry.clear();
    EXPECT_TRUE(entry.empty());
    EXPECT_EQ(entry.bytes(), 0U);
    for (std::size_t i = 0; i < JournalEntry::kFieldsMax; ++i) {
        ASSERT_TRUE(entry.add("A", "b"));
    }
    EXPECT_FALSE(entry.add("A", "b"));
}

// ---- the journal's bytes ----

TEST(JournalBytesEdges, EntriesEndAtAnEmptyLineOrTheEnd) {
    EXPECT_THAT(journal("\n\nMESSAGE=a\n\n\n\nMESSAGE=b").records, ElementsAre("warning in@0 a |", "warning in@0 b |"));
    EXPECT_THAT(journal("").records, ElementsAre());
    EXPECT_EQ(journal("MESSAGE=abc").held, 11U);
    EXPECT_EQ(journal("MESSAGE=abc\n").held, 10U);
    EXPECT_EQ(journal("MESSAGE=abc\n\n").held, 0U);
}

TEST(JournalBytesEdges, EndInsideABinaryFieldLosesNoText) {
    EXPECT_THAT(journal("MESSAGE=m\nRAW").records, ElementsAre("warning in@0 RAW |", "warning in@0 m |"));
    EXPECT_THAT(journal("MESSAGE=m\nRAW\n").records, ElementsAre("warning in@0 RAW |", "warning in@0 m |"));
    EXPECT_THAT(journal("MESSAGE=m\nRAW\nabc").records,
                ElementsAre("warning in@0 RAW |", "warning in@0 abc |", "warning in@0 m |"));
    const auto cut = journal("MESSAGE=m\nRAW\n\x05\0\0\0\0\0\0\0abc"sv);
    EXPECT_THAT(cut.records, ElementsAre("warning in@0 m | raw=abc:0"));
    EXPECT_EQ(cut.counts.left_out, 1U);
    const auto whole = journal("MESSAGE=m\nRAW\n\x03\0\0\0\0\0\0\0abc"sv);
    EXPECT_THAT(whole.records, ElementsAre("warning in@0 m | raw=abc:0"));
    EXPECT_EQ(whole.counts.left_out, 0U);
    EXPECT_THAT(journal("RAW\n\x03\0\0\0\0\0\0\0abcX=1\n"sv).records, ElementsAre("warning in@0  | raw=abc:0 x=1:0"));
    EXPECT_THAT(journal(journal_binary("RAW", "") + "X=1\n").records, ElementsAre("warning in@0  | raw=:0 x=1:0"));
}

TEST(JournalBytesEdges, LineThatIsNoFieldMayBeLongerThanAMessage) {
    const auto result = journal("no field\nMESSAGE=m\n", short_messages(4));
    EXPECT_THAT(result.records, ElementsAre("warning in@0 no f | line_part=1:2 line_more=true:4",
                                            "warning in@0 ield | line_part=2:2 line_more=false:4", "warning in@0 m |"));
    EXPECT_EQ(result.counts.not_understood, 1U);
    EXPECT_EQ(result.counts.split, 1U);
    EXPECT_EQ(journal("four\n", short_messages(4)).counts.split, 0U);
}

// 768 MiB is systemd's own bound: what claims more is no journal.
TEST(JournalBytesEdges, LengthAboveAnyJournalsIsNoLength) {
    const auto with_length = [](std::uint64_t size) {
        std::string text = "RAW\n";
        text += as_text(std::as_bytes(std::span(&size, 1)));
        return text;
    };
    const auto skipped = journal(with_length(768ULL << 20U) + "x");
    EXPECT_EQ(skipped.counts.left_out, 1U);
    EXPECT_EQ(skipped.counts.not_understood, 0U);
    const auto refused = journal(with_length((768ULL << 20U) + 1) + "\nA=1\n");
    EXPECT_EQ(refused.counts.left_out, 0U);
    EXPECT_EQ(refused.counts.not_understood, 2U);
    EXPECT_EQ(refused.records.front(), "warning in@0 RAW |");
    EXPECT_EQ(refused.records.back(), "warning in@0  | a=1:0");
}

TEST(JournalBytesEdges, ValueAboveARecordIsSkippedFromTheFirstByteBeyond) {
    for (const std::size_t beyond : {0U, 1U}) {
        Bytes into;
        const auto importer = make_importer(ImportFormat::journal, {});
        const std::uint64_t size = kImportRecordBytesMax + beyond;
        importer->take("RAW\n", into);
        importer->take(as_text(std::as_bytes(std::span(&size, 1))), into);
        importer->take(std::string(size - 1, 'x'), into);
        EXPECT_EQ(importer->held_bytes(), beyond == 0 ? size - 1 : 0);
        EXPECT_EQ(importer->counts().left_out, beyond);
        importer->take("x\nB=1\n\n", into);
        EXPECT_EQ(importer->held_bytes(), 0U);
        EXPECT_EQ(importer->counts().left_out, 1U) << "too long for a record in any case";
        EXPECT_EQ(importer->counts().records, 1U);
        EXPECT_EQ(importer->counts().not_understood, 0U);
    }
}

TEST(JournalBytesEdges, LineWithoutAnEndIsGivenUpAtItsLimit) {
    const std::size_t most = kImportRecordBytesMax + kNameBytesMax;
    ImportOptions options;
    {
        // Longer than any field, with a name: it is left out, whatever else comes on this line.
        Bytes into;
        const auto importer = make_importer(ImportFormat::journal, options);
        importer->take("A=" + std::string(most - 2, 'x'), into);
        EXPECT_EQ(importer->held_bytes(), most);
        EXPECT_EQ(importer->counts().left_out, 0U);
        importer->take("x", into);
        EXPECT_EQ(importer->held_bytes(), 0U);
        EXPECT_EQ(importer->counts().left_out, 1U);
        importer->take("more", into);
        EXPECT_EQ(importer->held_bytes(), 0U);
        importer->take("\nMESSAGE=m\n\n", into);
        EXPECT_EQ(importer->counts().records, 1U);
        EXPECT_EQ(importer->counts().left_out, 1U);
        EXPECT_EQ(importer->counts().not_understood, 0U);
    }
    {
        // Without a name: it is a message, in parts.
        const auto result = taken(ImportFormat::journal, std::string(most + 1, 'x') + "\n", options);
        EXPECT_EQ(result.counts.not_understood, 2U);
        ASSERT_EQ(result.records.size(), 2U);
        EXPECT_EQ(result.records[0].size(), "info @0  |"sv.size() + kMessageBytesMax);
        EXPECT_EQ(result.records[1].size(), "info @0  |"sv.size() + most + 1 - kMessageBytesMax);
    }
    {
        const auto whole = taken(ImportFormat::journal, "A=" + std::string(most - 2, 'x') + "\nMESSAGE=m\n", options);
        EXPECT_THAT(whole.records, ElementsAre("info @0 m |"));
        EXPECT_EQ(whole.counts.left_out, 1U) << "no room in the record";
        const auto skipped = taken(ImportFormat::journal, "A=" + std::string(most - 1, 'x') + "\nMESSAGE=m\n", options);
        EXPECT_THAT(skipped.records, ElementsAre("info @0 m |"));
        EXPECT_EQ(skipped.counts.left_out, 1U);
    }
}

}  // namespace
}  // namespace sluice::wire
