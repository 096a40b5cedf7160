// Each form of output to the letter: colours, quotes, columns, widths, times before 1970 and zones west of UTC.
#include <gmock/gmock.h>

#include <cstdlib>

#include "wire/json.h"
#include "wire/render.h"
#include "wire/render_table.h"

namespace sluice::wire {
namespace {

// A record, as an entry of a tail.
class Shown {
 public:
    Shown(Severity severity, std::string_view stream, WallNs time_ns, std::string_view message) {
        record_.begin(severity, stream, time_ns).message(message);
    }
    template <class T>
    Shown& field(std::string_view name, const T& value) {
        record_.field(name, value);
        return *this;
    }
    template <class T>
    Shown& trusted(std::string_view name, const T& value) {
        trusted_.field(name, value);
        return *this;
    }
    TailEntry entry(std::uint16_t flags = 0) {
        if (!finished_) {
            EXPECT_TRUE(record_.finish());
            finished_ = true;
        }
        return {5, 2'000'000'000, flags, trusted_.fields(), RecordView::unchecked(bytes_.data())};
    }
    std::string line(RenderOptions options, std::uint16_t flags = 0, const Cursor* cursor = nullptr) {
        std::string text = "before ";
        Renderer renderer(std::move(options));
        renderer.append_line(text, entry(flags), cursor);
        renderer.append_end(text);
        EXPECT_TRUE(text.starts_with("before "));
        return text.substr(7);
    }

 private:
    Bytes bytes_;
    RecordBuilder record_{bytes_};
    FieldBlock trusted_;
    bool finished_ = false;
};

TEST(ShortEdges, EachSeverityHasItsColour) {
    const auto coloured = [](Severity severity) {
        return Shown(severity, "s", 0, "m").line({.colour = true, .utc = true});
    };
    const std::string time = "Jan 01 00:00:00.000000 s ";
    EXPECT_EQ(coloured(Severity::emerg), time + "\x1b[1;31memerg: m\x1b[0m\n");
    EXPECT_EQ(coloured(Severity::alert), time + "\x1b[1;31malert: m\x1b[0m\n");
    EXPECT_EQ(coloured(Severity::crit), time + "\x1b[1;31mcrit: m\x1b[0m\n");
    EXPECT_EQ(coloured(Severity::err), time + "\x1b[1;31merr: m\x1b[0m\n");
    EXPECT_EQ(coloured(Severity::warning), time + "\x1b[1;33mwarning: m\x1b[0m\n");
    EXPECT_EQ(coloured(Severity::notice), time + "\x1b[1mnotice: m\x1b[0m\n");
    EXPECT_EQ(coloured(Severity::info), time + "info: m\n");
    EXPECT_EQ(coloured(Severity::debug), time + "\x1b[2mdebug: m\x1b[0m\n");
}

TEST(ShortEdges, PidIsThatOfTheSenderAndEscaped) {
    EXPECT_EQ(Shown(Severity::info, "", 0, "m").line({.utc = true}), "Jan 01 00:00:00.000000 default info: m\n");
    EXPECT_EQ(Shown(Severity::info, "s", 0, "m").trusted("_pid", "\n").line({.utc = true}),
              "Jan 01 00:00:00.000000 s[\\n] info: m\n");
    EXPECT_EQ(Shown(Severity::info, "s", 0, "m").trusted("_pid", 7).line({.utc = true}, kBatchByDaemon),
              "Jan 01 00:00:00.000000 s[daemon] info: m\n");
    EXPECT_EQ(Shown(Severity::info, "s", 0, "m").field("_pid", 7).line({.utc = true}),
              "Jan 01 00:00:00.000000 s info: m _pid=7\n")
        << "a client's own is a field";
}

TEST(ShortEdges, ValuesAreQuotedWhereTheyWouldBeRead) {
    const auto shown = [](std::string_view value) {
        const std::string line = Shown(Severity::info, "s", 0, "m").field("k", value).line({.utc = true});
        return line.substr(line.find("k="), line.size() - line.find("k=") - 1);
    };
    EXPECT_EQ(shown("plain"), "k=plain");
    EXPECT_EQ(shown(""), "k=\"\"");
    EXPECT_EQ(shown("a b"), "k=\"a b\"");
    EXPECT_EQ(shown("a=b"), "k=\"a=b\"");
    EXPECT_EQ(shown("a\\b"), "k=\"a\\\\b\"");
    EXPECT_EQ(shown("a\"b"), "k=\"a\\\"b\"");
    EXPECT_EQ(shown("a\nb"), "k=a\\nb");
}

// ---- time ----

struct LocalZone {
    explicit LocalZone(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
    ~LocalZone() {
        ::unsetenv("TZ");
        ::tzset();
    }
};

TEST(TimeEdges, MonthsHaveTheirNames) {
    const std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (std::size_t month = 0; month < 12; ++month) {
        const WallNs time = static_cast<WallNs>(month * 2'629'800 + 1'300'000) * 1'000'000'000;
        EXPECT_EQ(Shown(Severity::info, "s", time, "m").line({.utc = true}).substr(0, 3), months[month]);
    }
}

TEST(TimeEdges, FractionsAreMicrosecondsAndCutDown) {
    const auto iso = [](WallNs time) {
        return Shown(Severity::info, "s", time, "m")
            .line({.format = OutputFormat::short_iso, .utc = true})
            .substr(0, 31);
    };
    EXPECT_EQ(iso(0), "1970-01-01T00:00:00.000000+0000");
    EXPECT_EQ(iso(999), "1970-01-01T00:00:00.000000+0000");
    EXPECT_EQ(iso(1'000), "1970-01-01T00:00:00.000001+0000");
    EXPECT_EQ(iso(999'999'999), "1970-01-01T00:00:00.999999+0000");
    EXPECT_EQ(iso(-1), "1969-12-31T23:59:59.999999+0000");
    EXPECT_EQ(iso(-1'000'000'000), "1969-12-31T23:59:59.000000+0000");
    EXPECT_EQ(iso(-1'000'000'001), "1969-12-31T23:59:58.999999+0000");
    EXPECT_EQ(iso(1'700'528'523'123'456'789), "2023-11-21T01:02:03.123456+0000");
}

TEST(TimeEdges, LocalTimeSaysItsOffset) {
    const auto line = [](OutputFormat format) { return Shown(Severity::info, "s", 0, "m").line({.format = format}); };
    {
        const LocalZone zone("ABC-5:45");
        EXPECT_EQ(line(OutputFormat::short_iso), "1970-01-01T05:45:00.000000+0545 s info: m\n");
        EXPECT_EQ(line(OutputFormat::short_line), "Jan 01 05:45:00.000000 s info: m\n");
    }
    {
        const LocalZone zone("ABC3:30");
        EXPECT_EQ(line(OutputFormat::short_iso), "1969-12-31T20:30:00.000000-0330 s info: m\n");
        EXPECT_EQ(line(OutputFormat::short_line), "Dec 31 20:30:00.000000 s info: m\n");
    }
}

// ---- logfmt, cat ----

TEST(LogfmtEdges, NamesAndValuesCanBeReadBack) {
    Shown shown(Severity::warning, "", 0, "");
    shown.field("a b", "x y").field("q\"", "\"").field("n", "a\nb").field("plain", "ok");
    EXPECT_EQ(
        shown.line({.format = OutputFormat::logfmt}),
        "time=1970-01-01T00:00:00.000000000Z severity=warning stream=default message=\"\" a_b=\"x y\" q_=\"\\\"\" "
        "n=\"a\\nb\" plain=ok\n");
}

TEST(CatEdges, ValuesOfARowAreApartByTabs) {
    Shown row(Severity::info, "", 0, "not shown");
    row.field("a", "x\ty").field("b", 2);
    EXPECT_EQ(row.line({.format = OutputFormat::cat}, kBatchComputed), "x\\ty\t2\n");
    EXPECT_EQ(row.line({.format = OutputFormat::cat, .raw_messages = true}, kBatchComputed), "x\ty\t2\n");
    EXPECT_EQ(row.line({.format = OutputFormat::cat}), "not shown\n");
}

TEST(ComputedEdges, RowWithoutColumnsIsAnEmptyLine) {
    const auto shown = [](OutputFormat format) {
        return Shown(Severity::info, "", 0, "").line({.format = format}, kBatchComputed);
    };
    EXPECT_EQ(shown(OutputFormat::short_line), "\n");
    EXPECT_EQ(shown(OutputFormat::short_iso), "\n");
    EXPECT_EQ(shown(OutputFormat::json), "{}\n");
    EXPECT_EQ(shown(OutputFormat::logfmt), "\n");
    EXPECT_EQ(shown(OutputFormat::cat), "\n");
    EXPECT_EQ(shown(OutputFormat::table), "");
}

// ---- cursors ----

TEST(CursorEdges, ComputedRowsHaveNone) {
    const Cursor cursor{.store = {}, .epoch = 2, .sequence = 5};
    const std::string text = "00000000000000000000000000000000:2:5";
    for (const OutputFormat format : {OutputFormat::json, OutputFormat::journal}) {
        Shown shown(Severity::info, "s", 0, "m");
        EXPECT_THAT(shown.line({.format = format}, 0, &cursor), testing::HasSubstr(text));
        EXPECT_THAT(shown.line({.format = format}), testing::Not(testing::HasSubstr(text)));
        EXPECT_THAT(shown.line({.format = format}, kBatchComputed, &cursor), testing::Not(testing::HasSubstr(text)));
    }
}

// ---- columns ----

TEST(ColumnEdges, EveryNameOfWhatARecordHas) {
    Shown shown(Severity::err, "web", 1'000'000'000, "hello");
    shown.field("k", "v").field("message", "own").field("time", 7).trusted("_pid", 9);
    const TailEntry entry = shown.entry();
    for (const char* name : {"message", "_msg", "msg"}) {
        EXPECT_EQ(column_text(entry, name), "hello") << name;
    }
    for (const char* name : {"time", "_time"}) {
        EXPECT_EQ(column_text(entry, name), "1970-01-01T00:00:01.000000000Z") << name;
    }
    for (const char* name : {"receive_time", "_receive_time"}) {
        EXPECT_EQ(column_text(entry, name), "1970-01-01T00:00:02.000000000Z") << name;
    }
    for (const char* name : {"sequence", "_sequence"}) {
        EXPECT_EQ(column_text(entry, name), "5") << name;
    }
    for (const char* name : {"severity", "level", "_severity"}) {
        EXPECT_EQ(column_text(entry, name), "err") << name;
    }
    for (const char* name : {"stream", "_stream"}) {
        EXPECT_EQ(column_text(entry, name), "web") << name;
    }
    EXPECT_EQ(column_text(entry, "k"), "v");
    EXPECT_EQ(column_text(entry, "_pid"), "9");
    EXPECT_EQ(column_text(entry, "field.message"), "own");
    EXPECT_EQ(column_text(entry, "field.time"), "7");
    EXPECT_EQ(column_text(entry, "field.k"), "") << "only what is hidden needs the prefix";
    EXPECT_EQ(column_text(entry, "none"), "");
    EXPECT_EQ(column_text(entry, "_level"), "");
    EXPECT_EQ(column_text(entry, "_message"), "");
    // A computed row has its columns and nothing else.
    const TailEntry row = shown.entry(kBatchComputed);
    EXPECT_EQ(column_text(row, "message"), "own");
    EXPECT_EQ(column_text(row, "time"), "7");
    EXPECT_EQ(column_text(row, "severity"), "");
    EXPECT_EQ(column_text(row, "field.message"), "");
}

TEST(CsvEdges, CellsAreQuotedAsInTheRfc) {
    Shown shown(Severity::info, "s", 0, "m");
    shown.field("a", "plain").field("b", "x,y").field("c", "say \"hi\"").field("d", "l\nm").field("e", "l\rm");
    EXPECT_EQ(shown.line({.format = OutputFormat::csv, .columns = {"a", "b", "c"}}),
              "a,b,c\nplain,\"x,y\",\"say \"\"hi\"\"\"\n");
    EXPECT_EQ(shown.line({.format = OutputFormat::csv, .raw_messages = true, .columns = {"d", "e", "none"}}),
              "d,e,none\n\"l\nm\",\"l\rm\",\n");
    EXPECT_EQ(shown.line({.format = OutputFormat::csv, .columns = {"d", "e"}}), "d,e\nl\\nm,l\\rm\n");
}

TEST(CsvEdges, HeaderIsWrittenOnce) {
    Renderer renderer({.format = OutputFormat::csv});
    std::string text;
    Shown shown(Severity::info, "s", 0, "m");
    renderer.append_line(text, shown.entry());
    renderer.append_line(text, shown.entry());
    renderer.append_end(text);
    const std::string row = "1970-01-01T00:00:00.000000000Z,info,s,m\n";
    EXPECT_EQ(text, "time,severity,stream,message\n" + row + row);
}

// ---- tables ----

TEST(TableEdges, ColumnsAreAsWideAsTheirWidestCell) {
    Renderer renderer({.format = OutputFormat::table, .columns = {"n", "text", "mixed"}});
    std::string text;
    Shown first(Severity::info, "s", 0, "m");
    first.field("n", 1).field("text", "a").field("mixed", 5);
    Shown second(Severity::info, "s", 0, "m");
    second.field("n", 1234.5).field("text", "long text").field("mixed", "x");
    Shown third(Severity::info, "s", 0, "m");  // Without numbers: the column stays one of numbers.
    renderer.append_line(text, first.entry());
    renderer.append_line(text, second.entry());
    renderer.append_line(text, third.entry());
    EXPECT_EQ(text, "");
    renderer.append_end(text);
    EXPECT_EQ(text,
              "     n  text       mixed\n"
              "     1  a          5\n"
              "1234.5  long text  x\n"
              "                   \n");
}

TEST(TableEdges, BooleansAreText) {
    Shown shown(Severity::info, "s", 0, "m");
    shown.field("b", true).field("n", 7);
    EXPECT_EQ(shown.line({.format = OutputFormat::table, .columns = {"b", "n"}}), "b     n\ntrue  7\n");
}

TEST(TableEdges, RecordsHaveTheUsualColumns) {
    EXPECT_EQ(Shown(Severity::info, "s", 0, "m").line({.format = OutputFormat::table}),
              "time                            severity  stream  message\n"
              "1970-01-01T00:00:00.000000000Z  info      s       m\n");
    EXPECT_EQ(
        Shown(Severity::info, "s", 0, "m").line({.format = OutputFormat::table, .colour = true, .columns = {"stream"}}),
        "\x1b[1mstream\x1b[0m\ns\n");
}

// So many rows, or bytes, are looked at for the widths; what comes later is written as it comes.
TEST(TableEdges, RowsAreHeldToTheirNumberOrTheirBytes) {
    Shown small(Severity::info, "s", 0, "m");
    {
        Renderer renderer({.format = OutputFormat::table, .columns = {"message"}});
        std::string text;
        for (std::size_t row = 1; row < TableText::kRowsHeld; ++row) {
            renderer.append_line(text, small.entry());
        }
        EXPECT_EQ(text, "");
        renderer.append_line(text, small.entry());
        EXPECT_TRUE(text.starts_with("message\nm\nm\n"));
        const std::size_t size = text.size();
        Shown wide(Severity::info, "s", 0, "wider than the head");
        renderer.append_line(text, wide.entry());
        EXPECT_EQ(text.substr(size), "wider than the head\n");
        renderer.append_end(text);
        EXPECT_EQ(text.substr(size), "wider than the head\n");
    }
    for (const std::size_t missing : {0U, 1U}) {
        const std::size_t head = kTailEntryHeaderSize + kRecordHeaderSize + 1;
        Shown large(Severity::info, "s", 0, std::string(TableText::kBytesHeld - head - missing, 'x'));
        ASSERT_EQ(tail_entry_bytes(large.entry()), TableText::kBytesHeld - missing);
        Renderer renderer({.format = OutputFormat::table, .columns = {"stream"}});
        std::string text;
        renderer.append_line(text, large.entry());
        EXPECT_EQ(text, missing == 0 ? "stream\ns\n" : "");
    }
}

// ---- formats ----

TEST(FormatEdges, EachNameIsItsFormat) {
    const std::pair<const char*, OutputFormat> formats[] = {
        {"short", OutputFormat::short_line}, {"short-iso", OutputFormat::short_iso},
        {"json", OutputFormat::json},        {"logfmt", OutputFormat::logfmt},
        {"csv", OutputFormat::csv},          {"cat", OutputFormat::cat},
        {"table", OutputFormat::table},      {"export", OutputFormat::journal}};
    std::string names;
    for (const auto& [name, format] : formats) {
        EXPECT_EQ(parse_output_format(name), format) << name;
        names += names.empty() ? "" : ", ";
        names += name;
    }
    EXPECT_EQ(output_format_names(), names);
    EXPECT_EQ(parse_output_format(""), std::nullopt);
    EXPECT_EQ(parse_output_format("shor"), std::nullopt);
}

// ---- JSON ----

std::string json_text(std::string_view text) {
    std::string to = "x";
    append_json_string(to, text);
    return to.substr(1);
}

TEST(JsonTextEdges, EveryByteHasItsForm) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        std::string expected = byte >= 0x20 && byte <= 0x7E ? text : fmt::format("\\u{:04x}", byte);
        expected = byte >= 0x80 ? "\xEF\xBF\xBD" : expected;
        expected = byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : expected;
        expected = byte == '"' ? "\\\"" : byte == '\\' ? "\\\\" : expected;
        EXPECT_EQ(json_text(text), "\"" + expected + "\"");
        EXPECT_EQ(json_text("a" + text + "b"), "\"a" + expected + "b\"");
    }
    EXPECT_EQ(json_text("\u00e9\u202e\U0001F600"), "\"\u00e9\\u202e\U0001F600\"");
    EXPECT_EQ(json_text("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonRecordEdges, OwnKeysAreEachMovedAside) {
    Shown shown(Severity::err, "s", 0, "m");
    for (const char* name :
         {"time", "receive_time", "sequence", "cursor", "severity", "origin", "stream", "message", "timE"}) {
        shown.field(name, 1);
    }
    const std::string line = shown.line({.format = OutputFormat::json});
    EXPECT_THAT(
        line,
        testing::EndsWith(
            R"("message":"m","field.time":1,"field.receive_time":1,"field.sequence":1,"field.cursor":1,"field.severity":1,)"
            R"("field.origin":1,"field.stream":1,"field.message":1,"timE":1})"
            "\n"));
    EXPECT_EQ(
        shown.line({.format = OutputFormat::json}, kBatchComputed),
        R"({"time":1,"receive_time":1,"sequence":1,"cursor":1,"severity":1,"origin":1,"stream":1,"message":1,"timE":1})"
        "\n");
}

TEST(JsonRecordEdges, ValuesOfOneNameAreAnArrayInTheirOrder) {
    Shown shown(Severity::info, "s", 0, "m");
    shown.field("b", 1).field("a", 2).field("b", true).field("c", 3).field("b", "x").field("a", 0.5).trusted("c", 4);
    EXPECT_EQ(shown.line({.format = OutputFormat::json}, kBatchComputed), R"({"b":[1,true,"x"],"a":[2,0.5],"c":[3,4]})"
                                                                          "\n");
}

TEST(JsonRecordEdges, FloatsAreReadBackAsFloats) {
    const auto written = [](double value) {
        const std::string line =
            Shown(Severity::info, "s", 0, "").field("f", value).line({.format = OutputFormat::json}, kBatchComputed);
        return line.substr(5, line.size() - 7);
    };
    EXPECT_EQ(written(1), "1.0");
    EXPECT_EQ(written(-2), "-2.0");
    EXPECT_EQ(written(0.25), "0.25");
    EXPECT_EQ(written(1e300), "1e+300");
    EXPECT_EQ(written(1.5e300), "1.5e+300");
}

TEST(JsonRecordEdges, TextThatIsNoTextIsBase64) {
    Shown shown(Severity::info, "s", 0, "\xFF");
    shown.field("s", "\xFE").field("raw", as_bytes("ok")).field("t", "ok");
    EXPECT_THAT(
        shown.line({.format = OutputFormat::json}),
        testing::EndsWith(R"("message":{"base64":"/w=="},"s":{"base64":"/g=="},"raw":{"base64":"b2s="},"t":"ok"})"
                          "\n"));
}

}  // namespace
}  // namespace sluice::wire
