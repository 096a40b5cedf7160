#include "wire/render.h"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

class RenderTest : public testing::Test {
 protected:
    RenderTest() {
        RecordBuilder record(bytes_);
        EXPECT_TRUE(record.begin(Severity::err, "web", 1700528523123456789)
                        .message("bad\x1b[2J\nthing")
                        .field("status", 404)
                        .field("path", "/a b")
                        .field("empty", "")
                        .finish());
        trusted_.field("_pid", 77).field("_uid", 0);
    }
    std::string line(RenderOptions options, std::uint16_t flags = 0) {
        std::string text;
        Renderer(options).append_line(text, {1, 0, flags, trusted_.fields(), RecordView::unchecked(bytes_.data())});
        return text;
    }
    Bytes bytes_;
    FieldBlock trusted_;
};

TEST_F(RenderTest, ShortLineIsOneSafeLine) {
    EXPECT_EQ(line({.utc = true}),
              "Nov 21 01:02:03.123456 web[77] err: bad\\x1b[2J\\nthing status=404 path=\"/a b\" empty=\"\"\n");
}

TEST_F(RenderTest, RecordOfTheDaemonItselfSaysSo) {
    const std::string text = line({.utc = true}, kBatchByDaemon);
    EXPECT_TRUE(text.starts_with("Nov 21 01:02:03.123456 web[daemon] err: ")) << text;
    EXPECT_NE(line({.format = OutputFormat::json}, kBatchByDaemon).find(R"("origin":"daemon")"), std::string::npos);
}

TEST_F(RenderTest, ColourSurroundsSeverityAndMessage) {
    EXPECT_EQ(line({.colour = true, .utc = true}),
              "Nov 21 01:02:03.123456 web[77] \x1b[1;31merr: bad\\x1b[2J\\nthing\x1b[0m status=404 path=\"/a b\" "
              "empty=\"\"\n");
}

TEST_F(RenderTest, CatIsTheMessage) {
    EXPECT_EQ(line({.format = OutputFormat::cat}), "bad\\x1b[2J\\nthing\n");
    EXPECT_EQ(line({.format = OutputFormat::cat, .raw_messages = true}), "bad\x1b[2J\nthing\n");
}

TEST_F(RenderTest, JsonIsOneLine) {
    const std::string text = line({.format = OutputFormat::json});
    EXPECT_TRUE(text.starts_with("{\"time\":") && text.ends_with("}\n")) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

// The cached second must not leak into another one.
TEST_F(RenderTest, EverySecondIsItsOwn) {
    Renderer renderer({.utc = true});
    std::string text;
    for (const WallNs time : {WallNs{0}, WallNs{1'500'000'000}, WallNs{-1}, WallNs{1'000'000'000}}) {
        Bytes bytes;
        RecordBuilder record(bytes);
        ASSERT_TRUE(record.begin(Severity::info, "s", time).message("m").finish());
        renderer.append_line(text, {1, 0, 0, {}, RecordView::unchecked(bytes.data())});
    }
    EXPECT_EQ(text,
              "Jan 01 00:00:00.000000 s info: m\nJan 01 00:00:01.500000 s info: m\n"
              "Dec 31 23:59:59.999999 s info: m\nJan 01 00:00:01.000000 s info: m\n");
}

TEST_F(RenderTest, ShortIsoHasDateAndOffset) {
    EXPECT_EQ(line({.format = OutputFormat::short_iso, .utc = true}),
              "2023-11-21T01:02:03.123456+0000 web[77] err: bad\\x1b[2J\\nthing status=404 path=\"/a b\" empty=\"\"\n");
}

TEST_F(RenderTest, LogfmtHasEverythingAsPairs) {
    EXPECT_EQ(line({.format = OutputFormat::logfmt, .utc = true}),
              "time=2023-11-21T01:02:03.123456789Z severity=err stream=web message=\"bad\\x1b[2J\\nthing\" status=404 "
              "path=\"/a b\" empty=\"\" _pid=77 _uid=0\n");
}

// What a client calls its field, and how it is shown.
struct ShownName {
    std::string_view name;
    std::string_view in_short;
    std::string_view in_logfmt;
    std::string_view in_json;
};

TEST(Renderer, NoFieldOfAClientLooksLikeATrustedOne) {
    constexpr ShownName kNames[] = {
        {"by _uid", "\"by _uid\"", "by__uid", "\"by _uid\""},
        {" uid", "\" uid\"", "field._uid", "\" uid\""},
        {"\"uid", "\"\\\"uid\"", "field._uid", "\"\\\"uid\""},
        {"a\\", "\"a\\\\\"", "a\\", "\"a\\\\\""},
        {"\xe2\x80\x8b_uid", "\"\xe2\x80\x8b_uid\"", "field.__uid", "\"\\u200b_uid\""},
        {"x\xc2\xa0_uid", "\"x\xc2\xa0_uid\"", "x__uid", "\"x\\u00a0_uid\""},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         "\"gr\xc3\xb6\xc3\x9f"
         "e\"",
         "gr\xc3\xb6\xc3\x9f"
         "e",
         "\"gr\xc3\xb6\xc3\x9f"
         "e\""},
        {"http.status-code", "http.status-code", "http.status-code", "\"http.status-code\""}};
    for (const ShownName& shown : kNames) {
        Bytes bytes;
        RecordBuilder record(bytes);
        ASSERT_TRUE(record.begin(Severity::info, "s", 0).message("m").field(shown.name, 0).finish());
        const TailEntry entry{1, 0, 0, {}, RecordView::unchecked(bytes.data())};
        const auto line = [&](OutputFormat format) {
            std::string text;
            Renderer({.format = format, .utc = true}).append_line(text, entry);
            return text;
        };
        EXPECT_TRUE(line(OutputFormat::short_line).ends_with(fmt::format("info: m {}=0\n", shown.in_short)))
            << shown.name;
        EXPECT_TRUE(line(OutputFormat::logfmt).ends_with(fmt::format("message=m {}=0\n", shown.in_logfmt)))
            << shown.name;
        EXPECT_TRUE(line(OutputFormat::json).ends_with(fmt::format("\"message\":\"m\",{}:0}}\n", shown.in_json)))
            << shown.name;
    }
}

TEST(Renderer, AValueWithASpaceOfAnyKindIsQuoted) {
    Bytes bytes;
    RecordBuilder record(bytes);
    ASSERT_TRUE(record.begin(Severity::info, "s", 0).message("m").field("a", "b\xc2\xa0_uid:0").finish());
    std::string text;
    Renderer({.utc = true}).append_line(text, {1, 0, 0, {}, RecordView::unchecked(bytes.data())});
    EXPECT_EQ(text, "Jan 01 00:00:00.000000 s info: m a=\"b\xc2\xa0_uid:0\"\n");
}

TEST_F(RenderTest, CsvHasAHeaderAndQuotesWhatNeedsIt) {
    EXPECT_EQ(line({.format = OutputFormat::csv, .raw_messages = true, .utc = true}),
              "time,severity,stream,message\n2023-11-21T01:02:03.123456789Z,err,web,\"bad\x1b[2J\nthing\"\n");
    EXPECT_EQ(line({.format = OutputFormat::csv, .columns = {"status", "a,\"b", "_pid", "message"}}),
              "status,\"a,\"\"b\",_pid,message\n404,,77,bad\\x1b[2J\\nthing\n");
}

TEST(Renderer, CsvHasAllValuesOfAField) {
    for (const std::uint16_t flags : {std::uint16_t{0}, std::uint16_t{kBatchComputed}}) {
        Bytes bytes;
        RecordBuilder record(bytes);
        ASSERT_TRUE(record.begin(Severity::info).field("tag", "red").field("n", 1).field("tag", 7).finish());
        std::string text;
        Renderer renderer({.format = OutputFormat::csv, .columns = {"tag", "n"}});
        renderer.append_line(text, {0, 0, flags, {}, RecordView::unchecked(bytes.data())});
        EXPECT_EQ(text, "tag,n\n\"red, 7\",1\n");
        if (flags == kBatchComputed) {
            text.clear();
            Renderer({.format = OutputFormat::csv})
                .append_line(text, {0, 0, flags, {}, RecordView::unchecked(bytes.data())});
            EXPECT_EQ(text, "tag,n\n\"red, 7\",1\n");
        }
    }
}

TEST(Renderer, CsvAndTableWithoutRowsHaveTheHeaderAskedFor) {
    for (const OutputFormat format : {OutputFormat::csv, OutputFormat::table}) {
        std::string text;
        Renderer({.format = format, .columns = {"a", "b"}}).append_end(text);
        EXPECT_EQ(text, format == OutputFormat::csv ? "a,b\n" : "a  b\n");
        text.clear();
        Renderer({.format = format}).append_end(text);
        EXPECT_EQ(text, "");
    }
}

class ComputedRows : public testing::Test {
 protected:
    std::string render(RenderOptions options) {
        Renderer renderer(options);
        std::string text;
        const std::string_view users[] = {"ann", "bob\x1b", "\xc3\xa9mile"};
        for (int i = 0; i < 3; ++i) {
            Bytes bytes;
            RecordBuilder record(bytes);
            record.begin(Severity::info).field("user", users[i]).field("time", i * 50);
            if (i == 1) {
                record.field("extra", 0.5);
            }
            EXPECT_TRUE(record.finish());
            renderer.append_line(text, {0, 0, kBatchComputed, {}, RecordView::unchecked(bytes.data())});
        }
        renderer.append_end(text);
        return text;
    }
};

TEST_F(ComputedRows, AreTheirColumnsInEveryFormat) {
    EXPECT_EQ(render({}), "user=ann time=0\nuser=bob\\x1b time=50 extra=0.5\nuser=\xc3\xa9mile time=100\n");
    EXPECT_EQ(render({.format = OutputFormat::json}),
              "{\"user\":\"ann\",\"time\":0}\n{\"user\":\"bob\\u001b\",\"time\":50,\"extra\":0.5}\n"
              "{\"user\":\"\xc3\xa9mile\",\"time\":100}\n");
    EXPECT_EQ(render({.format = OutputFormat::logfmt}),
              "user=ann time=0\nuser=\"bob\\x1b\" time=50 extra=0.5\nuser=\xc3\xa9mile time=100\n");
    EXPECT_EQ(render({.format = OutputFormat::csv}), "user,time\nann,0\nbob\\x1b,50\n\xc3\xa9mile,100\n");
    EXPECT_EQ(render({.format = OutputFormat::cat}), "ann\t0\nbob\\x1b\t50\t0.5\n\xc3\xa9mile\t100\n");
}

TEST_F(ComputedRows, TableAlignsNumbersRightAndCountsCharacters) {
    EXPECT_EQ(render({.format = OutputFormat::table}),
              "user     time  extra\n"
              "ann         0       \n"
              "bob\\x1b    50    0.5\n"
              "\xc3\xa9mile     100       \n");
    EXPECT_TRUE(
        render({.format = OutputFormat::table, .colour = true}).starts_with("\x1b[1muser     time  extra\x1b[0m\n"));
}

// Widths are found from the first rows; the others do not wait.
TEST(Renderer, LongTableStreams) {
    Renderer renderer({.format = OutputFormat::table});
    std::string text;
    for (std::size_t i = 0; i < 1500; ++i) {
        Bytes bytes;
        RecordBuilder record(bytes);
        ASSERT_TRUE(record.begin(Severity::info).field("n", i).finish());
        renderer.append_line(text, {0, 0, kBatchComputed, {}, RecordView::unchecked(bytes.data())});
        EXPECT_EQ(text.empty(), i < 999);
    }
    EXPECT_TRUE(text.ends_with("1498\n1499\n"));
    EXPECT_TRUE(text.starts_with("  n\n  0\n"));
}

TEST(OutputFormat, NamesAreKnown) {
    for (const auto format : {OutputFormat::short_iso, OutputFormat::logfmt, OutputFormat::csv, OutputFormat::table}) {
        EXPECT_TRUE(format == parse_output_format("short-iso") || format == parse_output_format("logfmt") ||
                    format == parse_output_format("csv") || format == parse_output_format("table"));
    }
    EXPECT_EQ(parse_output_format("short"), OutputFormat::short_line);
    EXPECT_EQ(parse_output_format("json"), OutputFormat::json);
    EXPECT_EQ(parse_output_format("cat"), OutputFormat::cat);
    EXPECT_FALSE(parse_output_format("xml"));
}

}  // namespace
}  // namespace sluice::wire
