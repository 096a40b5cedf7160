#include "wire/journal_export.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sanitizer.h"
#include "wire/json.h"
#include "wire/random_record.h"

namespace sluice::wire {
namespace {

constexpr WallNs kTime = 1'700'528'523'123'456'000;

std::string exported(ByteView records, const FieldBlock& trusted = {}) {
    std::string text;
    std::uint64_t sequence = 1;
    for (ByteView cursor = records; !cursor.empty(); ++sequence) {
        const auto record = parse_record(cursor, {});
        if (!record) {
            return "not a record";
        }
        append_journal_entry(text, {.sequence = sequence, .trusted = trusted.fields(), .record = *record});
    }
    return text;
}

struct Imported {
    Bytes records;
    ImportCounts counts;
    // "severity stream@time message | name=value:type ..." per record.
    std::string shown() const {
        std::string text;
        for (ByteView cursor = records; !cursor.empty();) {
            const auto record = parse_record(cursor, {});
            if (!record) {
                return "not a record";
            }
            text += fmt::format("{} {}@{} {} |", severity_name(record->severity()), record->stream(), record->time_ns(),
                                record->message());
            for (const FieldView field : record->fields()) {
                text += fmt::format(" {}={}:{}", field.name, field.value_text(), static_cast<int>(field.type));
            }
            text += '\n';
        }
        return text;
    }
};

Imported imported(ImportFormat format, std::string_view text, std::size_t step = SIZE_MAX,
                  const ImportOptions& options = {}) {
    Imported result;
    const auto importer = make_importer(format, options);
    while (!text.empty()) {
        importer->take(text.substr(0, step), result.records);
        text.remove_prefix(std::min(step, text.size()));
    }
    importer->finish(result.records);
    result.counts = importer->counts();
    return result;
}

Imported imported(std::string_view text) {
    return imported(ImportFormat::journal, text);
}

TEST(JournalExport, AnEntryIsWhatTheJournalWrites) {
    Bytes bytes;
    RecordBuilder record(bytes);
    record.begin(Severity::err, "shop", kTime).message("payment failed");
    record.string_field("user.name", "ada").int_field("count", -3).bool_field("ok", false).float_field("ratio", 0.5);
    record.string_field("text", "two\nlines");
    ASSERT_TRUE(record.finish());
    FieldBlock trusted;
    trusted.int_field("_pid", 42).string_field("_comm", "shopd");
    std::string text;
    ByteView cursor = bytes;
    const Cursor place{.store = {}, .epoch = 2, .sequence = 7};
    append_journal_entry(text, {.trusted = trusted.fields(), .record = *parse_record(cursor, {})}, &place);
    using namespace std::string_view_literals;
    EXPECT_EQ(text,
              "__CURSOR=00000000000000000000000000000000:2:7\n"
              "__REALTIME_TIMESTAMP=1700528523123456\n"
              "PRIORITY=3\n"
              "SYSLOG_IDENTIFIER=shop\n"
              "MESSAGE=payment failed\n"
              "_PID=42\n"
              "_COMM=shopd\n"
              "SLUICE_FIELDS=s:user.name=i:count=b:ok=f:ratio=s:text\n"
              "USER_NAME=ada\n"
              "COUNT=-3\n"
              "OK=false\n"
              "RATIO=0.5\n"
              "TEXT\n\x09\0\0\0\0\0\0\0two\nlines\n\n"sv);
}

TEST(JournalImport, MapsWhatTheJournalWrites) {
    EXPECT_EQ(imported("__CURSOR=s=1\n__REALTIME_TIMESTAMP=1700528523123456\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID=b\n"
                       "PRIORITY=4\nSYSLOG_IDENTIFIER=sshd\n_PID=12\nMESSAGE=hello = you\n_SYSTEMD_UNIT=ssh.service\n"
                       "CODE_LINE=12\n\n")
                  .shown(),
              "warning sshd@1700528523123456000 hello = you | boot_id=b:0 pid=12:0 systemd_unit=ssh.service:0 "
              "code_line=12:0\n");
    EXPECT_EQ(imported("_COMM=cron\nMESSAGE=x\n\n").shown(), "info cron@0 x | comm=cron:0\n");
    EXPECT_EQ(imported("SYSLOG_IDENTIFIER=(sd pam)\nPRIORITY=9\nMESSAGE=x\nMESSAGE=y").shown(),
              "info _sd_pam_@0 x | syslog_identifier=(sd pam):0 priority=9:0 message=y:0\n");
}

TEST(JournalImport, BinaryValuesAreAnyBytes) {
    using namespace std::string_view_literals;
    const auto read = imported("MESSAGE\n\x04\0\0\0\0\0\0\0a\n\nb\nRAW\n\x02\0\0\0\0\0\0\0\xFF\x00\n\n"sv);
    EXPECT_EQ(read.shown(), "info @0 a\n\nb | raw=\xFF\0:1\n"sv);
    EXPECT_EQ(read.counts.records, 1U);
}

TEST(JournalImport, LinesThatAreNoFieldsAreKeptWhole) {
    const auto read = imported("MESSAGE=a\nwhat is this\n\nlower=case\nERROR\n????????????\n");
    EXPECT_EQ(read.shown(),
              "info @0 what is this |\ninfo @0 a |\ninfo @0 lower=case |\ninfo @0 ERROR |\n"
              "info @0 ???????????? |\n");
    EXPECT_EQ(read.counts.not_understood, 4U);
    EXPECT_EQ(read.counts.records, 5U);
}

// A length may be anything: what is too long is skipped, not held.
TEST(JournalImport, ALongValueIsSkippedWithoutBeingHeld) {
    const auto importer = make_importer(ImportFormat::journal, {});
    Bytes records;
    std::string start("COREDUMP\n\0\0\0\x10\0\0\0\0", 17);  // 256 MiB.
    importer->take("MESSAGE=a\n" + start, records);
    const std::string piece(1U << 20U, 'x');
    for (int i = 0; i < 256; ++i) {
        importer->take(piece, records);
        ASSERT_LT(importer->held_bytes(), 1024U);
    }
    importer->take("\nB=c\n\n", records);
    EXPECT_EQ(importer->counts().left_out, 1U);
    EXPECT_EQ((Imported{records, importer->counts()}.shown()), "info @0 a | b=c:0\n");
}

TEST(JournalImport, WhatIsTooLongForARecordIsLeftOutAndCounted) {
    const std::string half(600U << 10U, 'x');
    const auto read = imported(fmt::format("A={0}\nB={0}\nC=c\nMESSAGE=m\n\n", half));
    EXPECT_EQ(read.counts.left_out, 1U);
    EXPECT_EQ(read.counts.records, 1U);
    EXPECT_LE(read.records.size(), kImportRecordBytesMax);
    const auto line = imported(fmt::format("A={0}{0}\nMESSAGE=m\n\n", half));
    EXPECT_EQ(line.shown(), "info @0 m |\n");
    EXPECT_EQ(line.counts.left_out, 1U);
    std::string many;
    for (int i = 0; i < 5000; ++i) {
        many += fmt::format("F{}=1\n", i);
    }
    EXPECT_EQ(imported(many).counts.left_out, 5000U - kFieldsMax);
}

// The journal orders fields as it likes.
TEST(JournalImport, OurOwnEntriesComeBackWhateverTheOrderOfTheLines) {
    EXPECT_EQ(imported("RATIO=0.5\n_PID=9\nCOUNT=-3\nUSER_NAME=ada\nSLUICE_FIELDS=s:user.name=i:count=f:ratio\n"
                       "MESSAGE=x\nSLUICE_STREAM=\nSYSLOG_IDENTIFIER=default\nPRIORITY=0\nSLUICE_TIME_NS=-5\n\n")
                  .shown(),
              "emerg @-5 x | user.name=ada:0 count=-3:2 ratio=0.5:3\n");
}

TEST(JournalImport, ALayoutThatDoesNotFitLosesNothing) {
    EXPECT_EQ(imported("SLUICE_FIELDS=i:count=s:gone=b:ok\nCOUNT=many\nOK=perhaps\nMORE=x\nMESSAGE=m\n\n").shown(),
              "info @0 m | count=many:0 ok=perhaps:0 more=x:0\n");
    EXPECT_EQ(imported("SLUICE_FIELDS=no layout\nMESSAGE=m\n\n").shown(), "info @0 m | sluice_fields=no layout:0\n");
}

Bytes random_records(std::uint64_t seed, std::size_t count, test::Carrier carrier) {
    test::Random random(seed);
    Bytes records;
    for (std::size_t i = 0; i < count; ++i) {
        test::append_random_record(random, carrier, records);
    }
    return records;
}

// 100 times.
constexpr std::size_t kRandomRecords = ::sluice::test::kAddressSanitizer ? 100 : 1000;
RC_GTEST_PROP(JournalExportProperty, RecordsComeBackBitForBit, ()) {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto step = *rc::gen::inRange<std::size_t>(1, 5000);
    const Bytes records = random_records(seed, kRandomRecords, test::Carrier::any);
    FieldBlock trusted;
    trusted.int_field("_pid", 42).string_field("_comm", "a\nb");
    const std::string text = exported(records, trusted);
    const Imported back = imported(ImportFormat::journal, text, step);
    RC_ASSERT(as_text(back.records) == as_text(records));
    RC_ASSERT(back.counts.records == kRandomRecords);
    RC_ASSERT(back.counts.not_understood + back.counts.left_out == 0U);
    RC_ASSERT(exported(back.records, trusted) == text);
}

RC_GTEST_PROP(JsonRecordProperty, RecordsComeBackBitForBit, ()) {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const Bytes records = random_records(seed, 100, test::Carrier::json);
    std::string text;
    for (ByteView cursor = records; !cursor.empty();) {
        append_json_record(text, *parse_record(cursor, {}));
        text += '\n';
    }
    const Imported back = imported(ImportFormat::json, text, 777);
    RC_ASSERT(as_text(back.records) == as_text(records));
}

// Whatever the bytes, the same records come out however they are cut, and each is valid.
RC_GTEST_PROP(ImportProperty, CutsDoNotMatter, ()) {
    const auto format = static_cast<ImportFormat>(*rc::gen::inRange(0, 3));
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(
        std::vector<std::string>{"\n", "MESSAGE", "=", "A", "{\"a\":1}", std::string("\x03\0\0\0\0\0\0\0", 8), "xyz",
                                 "\n\n", "12:34:56", "\xFF", "SLUICE_FIELDS=i:a", "2024-01-02 "}));
    std::string text;
    for (const std::string& piece : pieces) {
        text += piece;
    }
    ImportOptions options;
    options.pattern = *TextPattern::compile("%F %T", {});
    const Imported whole = imported(format, text, SIZE_MAX, options);
    const Imported cut = imported(format, text, *rc::gen::inRange<std::size_t>(1, 9), options);
    RC_ASSERT(whole.shown() != "not a record");
    RC_ASSERT(as_text(whole.records) == as_text(cut.records));
}

}  // namespace
}  // namespace sluice::wire
