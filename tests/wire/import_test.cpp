#include "wire/import.h"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

struct TextImport {
    std::vector<std::string> records;  // "severity@time message"
    ImportCounts counts;
};

TextImport run(ImportFormat format, std::string_view text, const ImportOptions& options = {}) {
    Bytes bytes;
    const auto importer = make_importer(format, options);
    importer->take(text, bytes);
    importer->finish(bytes);
    TextImport result{.records = {}, .counts = importer->counts()};
    for (ByteView cursor = bytes; !cursor.empty();) {
        const auto record = parse_record(cursor, {});
        EXPECT_TRUE(record);
        std::string shown =
            fmt::format("{}@{} {}", severity_name(record->severity()), record->time_ns(), record->message());
        for (const FieldView field : record->fields()) {
            shown += fmt::format(" {}={}", field.name, field.value_text());
        }
        result.records.push_back(std::move(shown));
    }
    EXPECT_EQ(result.records.size(), result.counts.records);
    return result;
}

ImportOptions with_pattern(std::string_view pattern) {
    ImportOptions options;
    auto compiled = TextPattern::compile(pattern, {});
    EXPECT_TRUE(compiled) << compiled.error();
    options.pattern = std::move(*compiled);
    return options;
}

using Lines = std::vector<std::string>;

TEST(DetectImportFormat, LooksAtTheStart) {
    EXPECT_EQ(detect_import_format("\n {\"a\":1}"), ImportFormat::json);
    EXPECT_EQ(detect_import_format("__CURSOR=s\n"), ImportFormat::journal);
    EXPECT_EQ(detect_import_format("PATH=/bin\n"), ImportFormat::text);
    EXPECT_EQ(detect_import_format("\xEF\xBB\xBF{\"a\":1}"), ImportFormat::json);
    EXPECT_EQ(detect_import_format("\xEF\xBB\xBF__CURSOR=s\n"), ImportFormat::journal);
    EXPECT_EQ(detect_import_format(""), ImportFormat::text);
}

TEST(JsonImport, LinesThatAreNoObjectsAreKeptWhole) {
    const auto result = run(ImportFormat::json, "{\"msg\":\"a\",\"n\":1}\n\nno object\n{\"msg\":\"b\"}");
    EXPECT_EQ(result.records, (Lines{"info@0 a n=1", "info@0 no object", "info@0 b"}));
    EXPECT_EQ(result.counts.not_understood, 1U);
}

TEST(JsonImport, AnOddValueIsMended) {
    const auto result =
        run(ImportFormat::json, "\xEF\xBB\xBF{\"msg\":\"a\",\"level\":\"error\",\"n\":1e400}\r\n\r\n{}");
    EXPECT_EQ(result.records,
              (Lines{R"(err@0 a n=1e400 parse_error="n": a number beyond 64 bits, now text)", "info@0 "}));
    EXPECT_EQ(result.counts.mended, 1U);
    EXPECT_EQ(result.counts.not_understood, 0U);
}

// The daemon would drop them; Zeek's _path must not be lost.
TEST(JsonImport, NamesOfTheDaemonLoseTheUnderscore) {
    EXPECT_EQ(run(ImportFormat::json, R"({"_path":"dns","__x":1,"_":2,"a":{"_b":3}})").records,
              (Lines{"info@0  path=dns x=1 field=2 a._b=3"}));
}

TEST(JsonImport, ALineTooLongForAMessageBecomesSeveral) {
    ImportOptions options;
    options.limits.message_bytes_max = 4;
    const auto result = run(ImportFormat::json, "123456789\n", options);
    EXPECT_EQ(result.records, (Lines{"info@0 1234 line_part=1 line_more=true", "info@0 5678 line_part=2 line_more=true",
                                     "info@0 9 line_part=3 line_more=false"}));
    EXPECT_EQ(result.counts.split, 1U);
}

TEST(TextImport, ALineIsARecord) {
    EXPECT_EQ(run(ImportFormat::text, "a\n\nb").records, (Lines{"info@0 a", "info@0 ", "info@0 b"}));
    EXPECT_EQ(run(ImportFormat::text, "a\n").records, (Lines{"info@0 a"}));
    EXPECT_EQ(run(ImportFormat::text, "").records, Lines{});
}

// As Windows writes it.
TEST(TextImport, AByteOrderMarkAndCarriageReturnsAreNoText) {
    EXPECT_EQ(run(ImportFormat::text,
                  "\xEF\xBB\xBF"
                  "1970-01-01 00:00:01 WARN a\r\n1970-01-01 00:00:02 SEVERE b\rc\r\n",
                  with_pattern("%F %T %l"))
                  .records,
              (Lines{"warning@1000000000 a", "crit@2000000000 b\rc"}));
    EXPECT_EQ(run(ImportFormat::journal, "\xEF\xBB\xBFMESSAGE=a\n\n").records, (Lines{"info@0 a"}));
    ImportOptions options;
    options.limits.message_bytes_max = 4;
    EXPECT_EQ(run(ImportFormat::text, "12345\r\n", options).records,
              (Lines{"info@0 1234 line_part=1 line_more=true", "info@0 5 line_part=2 line_more=false"}));
}

TEST(TextImport, LinesWithoutATimeContinueTheRecordBefore) {
    const auto result = run(ImportFormat::text,
                            "header\n"
                            "[1970-01-01 00:00:01,500] ERROR boom\n"
                            "  at line 1\n"
                            "\n"
                            "[1970-01-01 00:00:02,000] WARN careful\n",
                            with_pattern("[%F %T,%3] %l"));
    EXPECT_EQ(result.records,
              (Lines{"info@0 header", "err@1500000000 boom\n  at line 1\n", "warning@2000000000 careful"}));
    EXPECT_EQ(result.counts.joined, 2U);
    EXPECT_EQ(result.counts.untimed, 1U);
}

TEST(TextImport, TheTimeCanStay) {
    ImportOptions options = with_pattern("%F %T");
    options.time = ImportOptions::Time::keep;
    EXPECT_EQ(run(ImportFormat::text, "1970-01-01 00:00:01 a\n", options).records,
              (Lines{"info@1000000000 1970-01-01 00:00:01 a"}));
    EXPECT_EQ(
        run(ImportFormat::text, "h - [01/Jan/1970:00:00:01 +0000] GET\n", with_pattern("%*[%d/%b/%Y:%T %z]")).records,
        (Lines{"info@1000000000 h - [01/Jan/1970:00:00:01 +0000] GET"}));
}

TEST(TextImport, ARecordThatGrowsTooLongIsSplit) {
    ImportOptions options = with_pattern("%s:");
    options.limits.message_bytes_max = 6;
    const auto result = run(ImportFormat::text, "1: abc\ndefgh\n2: x\n", options);
    EXPECT_EQ(result.records, (Lines{"info@1000000000 abc\nde line_part=1 line_more=true",
                                     "info@1000000000 fgh line_part=2 line_more=false", "info@2000000000 x"}));
    EXPECT_EQ(result.counts.split, 1U);
}

TEST(ImportDoubt, IsOfWhatCannotBeThatFormat) {
    using enum ImportFormat;
    const std::string_view binary(
        "\x7f"
        "ELF\0",
        5);
    EXPECT_NE(import_doubt(binary, std::nullopt), "");
    EXPECT_NE(import_doubt(binary, text), "");
    EXPECT_NE(import_doubt("{}", journal), "");
    EXPECT_NE(import_doubt("text", json), "");
    EXPECT_NE(import_doubt("text", journal), "");
    EXPECT_NE(import_doubt("=x", journal), "");
    EXPECT_EQ(import_doubt("{}", json), "");
    EXPECT_EQ(import_doubt("{}", text), "");
    EXPECT_EQ(import_doubt("\n {}", std::nullopt), "");
    EXPECT_EQ(import_doubt("MESSAGE=a", journal), "");
    EXPECT_EQ(import_doubt(std::string_view("MESSAGE\n\x01\0\0\0\0\0\0\0a\n", 18), journal), "");
    EXPECT_EQ(import_doubt("", json), "");
}

}  // namespace
}  // namespace sluice::wire
