// What is written does not change unnoticed: every stream as it is before compression, and all that the footer says of
// it.  Whoever changes on purpose how values are written, or which way is chosen for them, sees here that it has
// changed, and puts the new numbers in; what older programs wrote must be read all the same.
#include <bit>

#include "base/checksum.h"
#include "part/layout.h"
#include "part/merge.h"
#include "part/part_fixture.h"

namespace sluice::part {
namespace {

void describe(std::string& to, const Coding& coding) {
    to += fmt::format(" codec {} {} {} {}", static_cast<int>(coding.codec), coding.entries, coding.first_stream,
                      coding.set_stream);
}

std::string text_of(const Layout& layout) {
    const Summary& s = layout.summary;
    std::string text =
        fmt::format("{} {} {} {} {} {} {} {} {} {} {}\n", s.rows, s.first_sequence, s.end_sequence, s.raw_bytes,
                    s.time_min, s.time_max, s.receive_min, s.receive_max, s.epoch_min, s.epoch_max, s.time_sorted);
    for (const PageLayout& page : layout.pages) {
        text += fmt::format("page {} {} {}\n", page.first_row, page.rows, page.raw_bytes);
    }
    for (const std::vector<std::uint32_t>& schema : layout.schemas) {
        text += fmt::format("schema {}\n", fmt::join(schema, " "));
    }
    text += fmt::format("schemas in {}\n", layout.schema_stream);
    for (const ColumnLayout& column : layout.columns) {
        const ColumnInfo& info = column.info;
        text += fmt::format("column {} {} {} {} {}", static_cast<int>(info.kind), info.name,
                            static_cast<int>(info.type), info.occurrence, info.trusted);
        describe(text, column.coding);
        text +=
            fmt::format(" filter {} range {} {} values {} {} chunks {}", column.filter_stream, column.range.min,
                        column.range.max, column.spans.values, column.spans.dense, fmt::join(column.spans.chunks, " "));
        for (const PageSpan& span : column.spans.pages) {
            text += fmt::format(" ({} {} {} {})", span.page, span.count, span.chunk, span.offset);
        }
        for (const Range64& range : column.ranges) {
            text += fmt::format(" [{} {}]", range.min, range.max);
        }
        text += '\n';
    }
    return text;
}

struct Written {
    std::string layout;
    Bytes streams;  // Each with its block and its length in front.
};

Written written(const Bytes& image) {
    const ByteView all(image);
    const ByteView header = all.first(kPartHeaderBytes);
    const auto tail = read_tail(header, all.last(kPartTailBytes), image.size());
    EXPECT_TRUE(tail) << tail.error();
    const auto layout = read_footer(header, *tail, all.subspan(tail->footer_offset));
    EXPECT_TRUE(layout) << layout.error();
    Written found{text_of(*layout), {}};
    std::vector<Bytes> raw;
    for (const Block& block : layout->blocks.blocks) {
        raw.emplace_back(block.raw_bytes);
        EXPECT_TRUE(decompress(all.subspan(block.offset, block.stored_bytes), raw.back()));
    }
    for (const Stream& stream : layout->blocks.streams) {
        append_int(found.streams, stream.block);
        append_int(found.streams, stream.bytes);
        append(found.streams, ByteView(raw[stream.block]).subspan(stream.offset, stream.bytes));
    }
    return found;
}

void expect_written(const Bytes& image, std::uint64_t layout, std::uint64_t streams) {
    const Written found = written(image);
    const std::uint64_t found_layout = checksum64(as_bytes(found.layout));
    const std::uint64_t found_streams = checksum64(found.streams);
    EXPECT_TRUE(found_layout == layout && found_streams == streams)
        << fmt::format("now {:#x}, {:#x}: {} bytes of streams, and\n", found_layout, found_streams,
                       found.streams.size())
        << found.layout.substr(0, 4000);
}

// Columns around every bound at which another way of writing is chosen.
Rows many_columns(std::int64_t rows) {
    Rows made;
    std::uint64_t x = 88172645463325252U;
    const auto random = [&x] {
        x ^= x << 13U;
        x ^= x >> 7U;
        x ^= x << 17U;
        return x;
    };
    for (std::int64_t i = 0; i < rows; ++i) {
        Rows::Draft draft{.receive_time = 1000 + i / 7, .time = 5000 + i * 3 - i % 5};
        draft.flags = static_cast<std::uint16_t>(i % 300 == 0 ? 1 : 0);
        draft.severity = static_cast<int>(i * i % 8);
        draft.stream = i % 11 == 0 ? "web" : i % 13 == 0 ? "db" : "";
        const auto add = [&draft](Rows::Field field) { draft.fields.push_back(std::move(field)); };
        // So many different values, as numbers, words, sentences and identifiers.
        for (const std::int64_t some : {1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, 400}) {
            const std::int64_t value = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(some));
            add(int_field(fmt::format("i{}", some), value * 1'000'003));
            add(text_field(fmt::format("w{}", some), fmt::format("w{:x}y", value * 7919)));
            add(text_field(fmt::format("s{}", some), fmt::format("some words {} of it", value * 31)));
        }
        for (const std::int64_t part : {3, 4, 5, 15, 16, 17}) {  // One in so many rows is new.
            add(text_field(fmt::format("p{}", part), fmt::format("name-{:c}{}", 'a' + i % 3, i / part)));
            add(int_field(fmt::format("q{}", part), i / part * (i / part)));
        }
        add(text_field("l64", std::string(63, 'k') + static_cast<char>('a' + i % 20)));
        add(text_field("l65", std::string(64, 'k') + static_cast<char>('a' + i % 20)));
        // Texts that are something.
        const std::uint64_t a = random();  // In this order, whatever the compiler.
        const std::uint64_t b = random();
        add(text_field("integer", std::to_string(static_cast<std::int64_t>(random()) % 100'000'000)));
        add(text_field("padded", fmt::format("{:05}", random() % 100'000)));
        add(text_field("decimal", fmt::format("{}.{:03}", a % 1000, b % 1000)));
        add(text_field("stamp", fmt::format("2024-02-{:02}T{:02}:{:02}:{:02},{:03}+01:00", 1 + i % 29, i % 24, i % 60,
                                            i % 59, random() % 1000)));
        add(text_field("address", fmt::format("10.{}.{}.{}", a % 256, b % 256, i % 256)));
        add(text_field("hex", fmt::format("{:016x}", random())));
        add(text_field("uuid", fmt::format("{:08x}-1111-4222-8333-{:012x}", random() % 4294967296, i * 104'729)));
        add(text_field("nul", std::string("a\0b", 3) + std::to_string(i)));
        add(text_field("any", std::string(a % 40, static_cast<char>(b % 256)) + std::to_string(a)));
        // Numbers.
        add(int_field("steps", i * 250 + 7));
        add(int_field("curve", i * i * i));
        add(int_field("wide", static_cast<std::int64_t>(random())));
        add(float_field("cents", static_cast<double>(random() % 100'000) / 100));
        add(float_field("odd", static_cast<double>(random()) / 3));
        add(bool_field("flag", random() % 5 == 0));
        if (i % 3 == 0) {
            add(int_field("third", i));
            add(text_field("third", fmt::format("{} of three", i)));
            add(text_field("third", "again"));
        }
        if (i % 997 == 5) {
            add(float_field("rare", static_cast<double>(i)));
        }
        add(int_field("_pid", i / 100));
        // A message of one of some kinds, with what the fields say, or with letters at its numbers.
        switch (i % 7) {
            case 0:
                draft.message = fmt::format("flow {} of {} took {:.3f} s", i, i * 250 + 7, static_cast<double>(i) / 8);
                break;
            case 1:
                draft.message = fmt::format("worker{} eth{} v1.{}.3 15ms -{}", i % 9, i % 4, i % 5, i);
                break;
            case 2:
                draft.message = fmt::format("id {:c}{:c}{} done", 'g' + i % 19, 'g' + i / 19 % 20, i);
                break;
            case 3:
                draft.message = "constant 17 of 3";
                break;
            case 4:
                draft.message = fmt::format("rare{:c} {}", 'a' + i % 400 / 16, i);
                break;
            case 5:
                draft.message = fmt::format("mac 2f:89:0c:34:05:{:02x} addr fe80::{:x} [{}]", i % 256, i, i % 3);
                break;
            default:
                draft.message = fmt::format("\x11 mark \x11\x01 {} \x11\x02", i % 50);
                break;
        }
        made.add(draft);
    }
    return made;
}

TEST(PartWritten, ManyColumns) {
    for (const auto& [rows, layout, streams] :
         {std::tuple<std::int64_t, std::uint64_t, std::uint64_t>{40, 0x4f26d92cef680575, 0xc5b5b8d4fb442678},
          {1024, 0x898e0f4118544bf5, 0x1fedf1d242dc236e},
          {2700, 0xeb5edd0386ebf324, 0x88701d731bb2bc42}}) {
        const Rows made = many_columns(rows);
        EXPECT_TRUE(round_trips(made, {.page_rows = 900}));
        expect_written(made.build({.page_rows = 900}), layout, streams);
    }
}

TEST(PartWritten, ShortColumns) {
    std::string layouts;
    Bytes streams;
    for (std::int64_t rows = 1; rows < 40; ++rows) {
        const Written found = written(many_columns(rows).build());
        layouts += found.layout;
        append(streams, found.streams);
    }
    EXPECT_EQ(fmt::format("{:x}", checksum64(as_bytes(layouts))), "2f349dc9d39b11e4");
    EXPECT_EQ(fmt::format("{:x}", checksum64(streams)), "8e95db7c49dcc7a8");
}

TEST(PartWritten, Merge) {
    const auto first = open_part(many_columns(1500).build({.page_rows = 400}));
    Rows later;
    std::uint64_t sequence = 10'000;
    const Rows others = many_columns(700);
    for (const wire::TailEntry entry : others.entries()) {
        wire::TailEntry moved = entry;
        moved.sequence = sequence++;
        later.add(moved, 2);
    }
    const auto second = open_part(later.build({.page_rows = 300}));
    const auto merged = merge(std::vector{first, second}, {.page_rows = 1000});
    ASSERT_TRUE(merged) << merged.error();
    expect_written(*merged, 0x186c15258b2dcf1e, 0xb830933eec8e670f);
}

}  // namespace
}  // namespace sluice::part
