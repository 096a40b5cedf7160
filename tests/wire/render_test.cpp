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

TEST(OutputFormat, NamesAreKnown) {
    EXPECT_EQ(parse_output_format("short"), OutputFormat::short_line);
    EXPECT_EQ(parse_output_format("json"), OutputFormat::json);
    EXPECT_EQ(parse_output_format("cat"), OutputFormat::cat);
    EXPECT_FALSE(parse_output_format("xml"));
}

}  // namespace
}  // namespace sluice::wire
