// Parts whose checksums hold and whose content no writer makes: what is wrong is said, by place, and nothing of it is
// served.
#include <gmock/gmock.h>

#include "part/forged_part.h"
#include "part/int_stream.h"
#include "part/merge.h"
#include "part/other_fields.h"
#include "part/sample_rows.h"
#include "part/text_stream.h"

namespace sluice::part {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A code and words.
template <class T>
std::string said(const Result<T>& result) {
    return result ? "" : fmt::format("{}: {}", errc_name(result.error().code()), result.error().text());
}

std::string verified(const ForgedPart& forged) {
    const auto part = Part::open(std::make_shared<MemorySource>(forged.image()), nullptr);
    EXPECT_TRUE(part) << part.error();
    return part ? said((*part)->verify()) : "not opened";
}

// With trusted fields, several schemas, and fields without columns.
const Bytes& mixed_image() {
    static const Bytes image = sample_rows(600).build({.page_rows = 100, .columns_max = 8});
    return image;
}

std::uint32_t column_of(const Layout& layout, std::string_view name) {
    for (std::uint32_t i = kFixedColumns; i < layout.columns.size(); ++i) {
        if (layout.columns[i].info.name == name) {
            return i;
        }
    }
    ADD_FAILURE() << name;
    return 0;
}

class ForgedFooter : public testing::Test {
 protected:
    static std::string with(const std::function<void(Layout&)>& change) {
        ForgedPart forged(mixed_image());
        change(forged.layout);
        return forged.opened();
    }
    static void expect_refused(const std::function<void(Layout&)>& change, std::string_view why) {
        EXPECT_THAT(with(change), testing::AllOf(StartsWith("corrupt: "), HasSubstr("the tables do not hold"))) << why;
    }
    static void expect_taken(const std::function<void(Layout&)>& change, std::string_view why) {
        EXPECT_EQ(with(change), "") << why;
    }
};

TEST_F(ForgedFooter, IsTakenWhole) {
    const Bytes raw = raw_footer_of(mixed_image());
    EXPECT_EQ(said_by_open(with_raw_footer(mixed_image(), raw)), "");
    for (std::size_t bytes = 0; bytes < raw.size(); ++bytes) {
        ASSERT_THAT(said_by_open(with_raw_footer(mixed_image(), ByteView(raw).first(bytes))), StartsWith("corrupt: "))
            << bytes;
    }
    Bytes longer = raw;
    longer.push_back(std::byte{0});
    EXPECT_THAT(said_by_open(with_raw_footer(mixed_image(), longer)), StartsWith("corrupt: "));
}

TEST_F(ForgedFooter, PagesAreThoseOfTheRows) {
    expect_taken([](Layout&) {}, "nothing is changed");
    expect_refused([](Layout& layout) { ++layout.summary.rows; }, "a row more than the pages have");
    expect_refused([](Layout& layout) { --layout.summary.rows; }, "a row less");
    expect_refused([](Layout& layout) { layout.pages.push_back({layout.summary.rows, 0, 0}); }, "a page without rows");
    expect_refused(
        [](Layout& layout) {
            layout.pages.clear();
            layout.summary.rows = 0;
        },
        "no page");
    expect_refused(
        [](Layout& layout) {
            layout.pages.back().rows += kPageRowsMax;
            layout.summary.rows += kPageRowsMax;
        },
        "a page of too many rows");
}

TEST_F(ForgedFooter, ColumnsAreWhatTheirPlaceSays) {
    const ForgedPart whole(mixed_image());
    ASSERT_TRUE(whole.layout.has_others());
    const auto last = static_cast<std::uint32_t>(whole.layout.columns.size()) - 1;
    const auto kind = [](std::uint32_t column, ColumnKind is) {
        return [column, is](Layout& layout) { layout.columns[column].info.kind = is; };
    };
    expect_refused(kind(kFixedColumns - 1, ColumnKind::stream), "a stream where the message has to be");
    expect_refused(kind(4, ColumnKind::severity), "severities for flags, which are written in the same way");
    expect_refused(kind(kFixedColumns, ColumnKind::message), "a second message");
    expect_refused(kind(last - 1, ColumnKind::others), "other fields that are not the last column");
    const auto only = [](std::uint32_t columns) {
        return [columns](Layout& layout) {
            layout.columns.resize(columns);
            layout.schemas.assign(1, {});
        };
    };
    expect_taken(only(kFixedColumns), "no fields at all");
    expect_refused(only(kFixedColumns - 1), "no message");
    expect_refused(only(0), "no columns");
    const auto type = [](std::string_view name, wire::FieldType is) {
        return [name, is](Layout& layout) { layout.columns[column_of(layout, name)].info.type = is; };
    };
    expect_taken(type("trace", wire::FieldType::bytes), "bytes for a string");
    expect_refused(type("trace", static_cast<wire::FieldType>(5)), "a type that there is not");
    for (const char* const name : {"", "a=b"}) {
        expect_refused([&](Layout& layout) { layout.columns[column_of(layout, "trace")].info.name = name; }, name);
    }
}

// Whatever kind and type: only the codecs that the reader knows for it.
TEST_F(ForgedFooter, CodecsAreThoseOfTheKind) {
    const ForgedPart whole(mixed_image());
    using Codecs = std::vector<Codec>;
    const auto allowed = [](const ColumnInfo& info) -> Codecs {
        switch (info.kind) {
            case ColumnKind::sequence:
            case ColumnKind::receive_time:
            case ColumnKind::time:
                return {Codec::integer};
            case ColumnKind::message:
                return {Codec::dictionary, Codec::text, Codec::templates};
            case ColumnKind::others:
                return {Codec::text};
            case ColumnKind::field:
                switch (info.type) {
                    case wire::FieldType::int64:
                        return {Codec::dictionary, Codec::integer};
                    case wire::FieldType::float64:
                        return {Codec::floating};
                    case wire::FieldType::boolean:
                        return {Codec::dictionary};
                    default:
                        return {Codec::dictionary, Codec::text, Codec::templates};
                }
            default:
                return {Codec::dictionary};
        }
    };
    for (std::uint32_t column = 0; column < whole.layout.columns.size(); ++column) {
        const ColumnInfo& info = whole.layout.columns[column].info;
        for (std::uint8_t codec = 0; codec <= static_cast<std::uint8_t>(Codec::column); ++codec) {
            const Codecs fit = allowed(info);
            const bool fits = std::ranges::find(fit, static_cast<Codec>(codec)) != fit.end();
            const std::string found =
                with([&](Layout& layout) { layout.columns[column].coding = {static_cast<Codec>(codec), 1, 0, 0}; });
            EXPECT_EQ(found.empty(), fits) << "column " << column << " '" << info.name << "', codec " << int{codec};
        }
    }
}

TEST_F(ForgedFooter, ColumnsHaveValuesAndTheStreamsOfThem) {
    const ForgedPart whole(mixed_image());
    const std::uint32_t trace = column_of(whole.layout, "trace");
    const auto streams = static_cast<std::uint32_t>(whole.streams.size());
    expect_refused(
        [&](Layout& layout) {
            layout.columns[trace].spans = {};
            layout.columns[trace].ranges.clear();
        },
        "a column without values");
    expect_refused(
        [](Layout& layout) {
            Spans& spans = layout.columns[static_cast<std::size_t>(ColumnKind::message)].spans;
            spans.pages.pop_back();
            spans.dense = false;
        },
        "rows without a message");
    const auto coding = [&](const Coding& changed) {
        return [&, changed](Layout& layout) { layout.columns[trace].coding = changed; };
    };
    const auto chunks = static_cast<std::uint32_t>(whole.layout.columns[trace].spans.chunks.size());
    expect_taken(coding({Codec::text, 0, streams - chunks}), "the last streams");
    expect_refused(coding({Codec::text, 0, streams - chunks + 1}), "a stream behind the last");
    expect_taken(coding({Codec::dictionary, 1, streams - 1}), "a constant in the last stream");
    expect_refused(coding({Codec::dictionary, 1, streams}), "a constant behind it");
    expect_refused(coding({Codec::dictionary, 0, 0}), "a dictionary without entries");
    expect_taken(coding({Codec::templates, 0, 0, streams - 1}), "templates in the last stream");
    expect_refused(coding({Codec::templates, 0, 0, streams}), "templates behind it");
    expect_refused(coding({Codec::templates, 0, 0, kNoStream}), "templates that are nowhere");
    expect_taken([&](Layout& layout) { layout.columns[trace].filter_stream = streams - 1; },
                 "a filter, the last stream");
    expect_refused([&](Layout& layout) { layout.columns[trace].filter_stream = streams; }, "a filter behind it");
}

TEST_F(ForgedFooter, SchemasNameColumnsOfFieldsInTheOrderOfARow) {
    const ForgedPart whole(mixed_image());
    const auto with_others = static_cast<std::size_t>(
        std::ranges::find(whole.layout.schemas, static_cast<std::uint32_t>(whole.layout.columns.size()) - 1,
                          [](const auto& schema) { return schema.back(); }) -
        whole.layout.schemas.begin());
    ASSERT_LT(with_others, whole.layout.schemas.size());
    ASSERT_TRUE(whole.layout.columns[whole.layout.schemas.front().front()].info.trusted);
    const auto first = [](const std::function<void(std::vector<std::uint32_t>&)>& change) {
        return [change](Layout& layout) { change(layout.schemas.front()); };
    };
    expect_refused([](Layout& layout) { layout.schemas.clear(); }, "no schema");
    expect_refused(first([](auto& schema) { schema.push_back(kFixedColumns - 1); }), "the message as a field");
    expect_refused(
        first([&](auto& schema) { schema.push_back(static_cast<std::uint32_t>(whole.layout.columns.size())); }),
        "a column that there is not");
    expect_refused(first([](auto& schema) { std::ranges::reverse(schema); }), "trusted fields behind others");
    expect_refused(
        [&](Layout& layout) {
            auto& schema = layout.schemas[with_others];
            schema.push_back(schema[schema.size() - 2]);
        },
        "a field with a column behind those without");
    const auto repeat = [](std::size_t columns) {
        return [columns](auto& schema) { schema.assign(columns, schema.front()); };
    };
    expect_taken(first(repeat(2 * UINT16_MAX)), "as many fields as a row can have");
    expect_refused(first(repeat(2 * UINT16_MAX + 1)), "one more");
    const auto end = static_cast<std::uint32_t>(whole.streams.size() - whole.layout.pages.size());
    expect_taken([&](Layout& layout) { layout.schema_stream = end; }, "the ids of the schemas in the last streams");
    expect_refused([&](Layout& layout) { layout.schema_stream = end + 1; }, "behind them");
}

TEST_F(ForgedFooter, OfVersionOneHasNoOtherFields) {
    expect_refused([](Layout& layout) { layout.version = 1; }, "version 1");
}

// ---- blocks and streams ----

class ForgedStreams : public testing::Test {
 protected:
    ForgedStreams() : forged_(mixed_image()) {}
    const Coding& coding(ColumnKind kind) const {
        return forged_.layout.columns[static_cast<std::size_t>(kind)].coding;
    }
    template <class... Values>
    static Bytes codes(Values... values) {
        Bytes bytes;
        append_codes(bytes, std::vector<std::int64_t>{values...}, 0);
        return bytes;
    }

    ForgedPart forged_;
};

TEST_F(ForgedStreams, ValuesThatDoNotHoldAreSaidWithColumnAndBlock) {
    forged_.streams[coding(ColumnKind::severity).first_stream].push_back(std::byte{0});
    EXPECT_THAT(
        verified(forged_),
        testing::MatchesRegex("corrupt: column 5 '': block at offset [0-9]+, [0-9]+ bytes: the values do not hold"));
}

TEST_F(ForgedStreams, BlockThatIsNotAsLongAsItSaysIsSaid) {
    const Bytes image = forged_.image();
    const Tail tail =
        *read_tail(ByteView(image).first(kPartHeaderBytes), ByteView(image).last(kPartTailBytes), image.size());
    Layout layout =
        *read_footer(ByteView(image).first(kPartHeaderBytes), tail, ByteView(image).subspan(tail.footer_offset));
    // The last stream and its block are said to be a byte longer.
    Block& block = layout.blocks.blocks.back();
    ASSERT_LT(block.stored_bytes, block.raw_bytes);
    ++block.raw_bytes;
    ++layout.blocks.streams.back().bytes;
    Bytes changed(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(tail.footer_offset));
    Compressor compressor(1);
    ASSERT_TRUE(append_footer(changed, layout, compressor));
    const auto part = open_part(std::move(changed));
    EXPECT_EQ(said(part->verify()),
              fmt::format("corrupt: block at offset {}, {} bytes: does not decompress to {} bytes", block.offset,
                          block.stored_bytes, block.raw_bytes));
}

TEST_F(ForgedStreams, RangesOfTheFooterAreThoseOfThePages) {
    for (const bool lower : {false, true}) {
        ForgedPart forged(mixed_image());
        Range64& range = forged.layout.columns[static_cast<std::size_t>(ColumnKind::time)].ranges[2];
        (lower ? range.min : range.max) += lower ? -1 : 1;
        EXPECT_EQ(verified(forged),
                  "corrupt: column 3, page 2: smallest and largest value are not those of the footer");
    }
}

TEST_F(ForgedStreams, SequencesAscend) {
    Rows rows;
    rows.add({.sequence = 5});
    rows.add({.sequence = 6});
    rows.add({.sequence = 9});
    ForgedPart forged(rows.build());
    const auto with = [&](std::vector<std::int64_t> sequences) {
        Bytes& stream = forged.streams[forged.layout.columns[0].coding.first_stream];
        stream.clear();
        append_ints(stream, sequences);
        return verified(forged);
    };
    EXPECT_EQ(with({5, 6, 9}), "");
    EXPECT_EQ(with({5, 9, 9}), "corrupt: column 0, page 0: the sequences do not ascend");
    EXPECT_EQ(with({5, 6, 8}), "corrupt: column 0, page 0: smallest and largest value are not those of the footer");
    EXPECT_EQ(with({5, 9, 6}), "corrupt: column 0, page 0: the sequences do not ascend");
}

TEST_F(ForgedStreams, CountsOfADictionaryAreThoseOfTheRows) {
    Rows rows;
    for (const int severity : {1, 1, 2}) {
        rows.add({.severity = severity});
    }
    ForgedPart forged(rows.build());
    const Coding& severities = forged.layout.columns[static_cast<std::size_t>(ColumnKind::severity)].coding;
    ASSERT_EQ(severities.entries, 2U);
    forged.streams[severities.first_stream + 1] = codes(0, 1, 1);
    EXPECT_EQ(verified(forged), "corrupt: column 5, page 0: the counts of the dictionary are not those of the rows");
}

// Where the values of a column do not hold is said by the block of the stream that does not.
TEST(ForgedTemplates, IdsAreThoseOfTemplatesWithAsManyRows) {
    const Bytes image = sample_rows(600).build({.page_rows = 100});
    const std::uint32_t message = Part::fixed(ColumnKind::message);
    const ForgedPart whole(image);
    const Coding& coding = whole.layout.columns[message].coding;
    ASSERT_EQ(coding.codec, Codec::templates);
    const auto set = open_part(image)->templates(message);
    ASSERT_TRUE(set) << set.error();
    const auto expect_refused = [&](std::int64_t id, std::uint32_t stream, bool ids_are_refused) {
        ForgedPart forged(image);
        const std::uint32_t rows = forged.layout.columns[message].spans.chunks[0];
        forged.streams[coding.first_stream].clear();
        append_ints(forged.streams[coding.first_stream], std::vector<std::int64_t>(rows, id));
        const Bytes changed = forged.image();
        const auto part = open_part(changed);
        const BlockTable& blocks = ForgedPart(changed).layout.blocks;
        const Block& block = blocks.blocks[blocks.streams[stream].block];
        const std::string text =
            fmt::format("corrupt: column 7 '': block at offset {}, {} bytes: the values do not hold", block.offset,
                        block.stored_bytes);
        EXPECT_EQ(said(part->page(message, 0)), text);
        EXPECT_EQ(said(part->template_ids(message, 0)), ids_are_refused ? text : "");
        EXPECT_EQ(said(part->verify()), text);
    };
    const auto templates = (*set)->templates.size();
    ASSERT_GT(templates, 1U);
    expect_refused(static_cast<std::int64_t>(templates), coding.first_stream, true);
    const auto with_slots = std::ranges::find_if((*set)->templates, [](const Template& t) { return t.slots() > 0; });
    ASSERT_NE(with_slots, (*set)->templates.end());
    expect_refused(with_slots - (*set)->templates.begin(), coding.set_stream, false);
}

TEST(ForgedTemplates, TablesAndSlotsThatDoNotHoldAreSaid) {
    const Bytes image = sample_rows(600).build({.page_rows = 100});
    const std::uint32_t message = Part::fixed(ColumnKind::message);
    const ForgedPart whole(image);
    const Coding& coding = whole.layout.columns[message].coding;
    const auto first_slot =
        static_cast<std::uint32_t>(coding.first_stream + whole.layout.columns[message].spans.chunks.size());
    for (const std::uint32_t stream : {coding.first_stream, first_slot, coding.set_stream}) {
        ForgedPart forged(image);
        forged.streams[stream].push_back(std::byte{0});
        const Bytes changed = forged.image();
        const BlockTable& blocks = ForgedPart(changed).layout.blocks;
        const Block& block = blocks.blocks[blocks.streams[stream].block];
        EXPECT_EQ(said(open_part(changed)->verify()),
                  fmt::format("corrupt: column 7 '': block at offset {}, {} bytes: the values do not hold",
                              block.offset, block.stored_bytes))
            << stream;
    }
}

// Rows with a field of that name, or without; a page has two.
Rows rows_with(std::initializer_list<bool> has_it) {
    Rows rows;
    std::int64_t value = 0;
    for (const bool has : has_it) {
        rows.add({.fields = has ? std::vector{int_field("n", value++)} : std::vector<Rows::Field>{}});
    }
    return rows;
}

TEST_F(ForgedStreams, RowsOfAColumnAreAsManyAsTheFooterSays) {
    ForgedPart forged(rows_with({true, false, false, true}).build({.page_rows = 2}));
    ASSERT_EQ(forged.layout.schemas.size(), 2U);
    forged.streams[forged.layout.schema_stream + 1] = codes(1, 1);
    EXPECT_EQ(verified(forged), "corrupt: column 8 'n', page 1: 0 rows have it, not 1");
    forged.streams[forged.layout.schema_stream + 1] = codes(2, 1);
    EXPECT_THAT(verified(forged), testing::EndsWith(": the schema ids do not hold"));
}

TEST_F(ForgedStreams, RowHasWhatItsSchemaSays) {
    ForgedPart forged(rows_with({true, true, false, false}).build({.page_rows = 2}));
    forged.streams[forged.layout.schema_stream + 1] = codes(1, 0);
    EXPECT_EQ(verified(forged), "corrupt: column 8, page 1: row 1 has no value");
}

TEST_F(ForgedStreams, RowHasAtMostAsManyFieldsAsARecordCan) {
    Rows rows;
    rows.add({.fields = {bool_field("b", true)}});
    ForgedPart forged(rows.build());
    forged.layout.schemas[0].assign(UINT16_MAX, kFixedColumns);
    EXPECT_EQ(verified(forged), "");
    forged.layout.schemas[0].push_back(kFixedColumns);
    EXPECT_EQ(verified(forged), "corrupt: page 0: row 0 has 65536 fields");
}

TEST_F(ForgedStreams, OtherFieldStandsBehindFieldsThatTheRowHas) {
    Rows rows;
    rows.add({.fields = {text_field("a", "x"), text_field("b", "y")}});
    ForgedPart forged(rows.build({.columns_max = 1}));
    ASSERT_TRUE(forged.layout.has_others());
    const Coding& others = forged.layout.columns.back().coding;
    const auto with = [&](std::uint64_t skipped, bool trusted) {
        Bytes field;
        wire::append_field(field, wire::FieldType::string, "b", as_bytes("y"));
        Bytes value;
        append_other_field(value, skipped, trusted, wire::FieldCodec::view(field.data()));
        Bytes& stream = forged.streams[others.first_stream];
        stream.clear();
        append_texts(stream, std::vector{as_text(value)});
        return verified(forged);
    };
    EXPECT_EQ(with(0, false), "");
    EXPECT_EQ(with(1, false), "");
    EXPECT_EQ(with(2, false), "corrupt: column 9, page 0: a field stands behind 2 others of 1");
    EXPECT_EQ(with(1, true), "corrupt: column 9, page 0: a field stands behind 1 others of 0");
}

// ---- what callers may not ask ----

TEST(PartErrors, DictionariesAndTemplatesAreOfTheColumnsThatHaveThem) {
    const auto part = open_part(sample_rows(600).build());
    const std::uint32_t time = Part::fixed(ColumnKind::time);
    EXPECT_EQ(said(part->dictionary(time)), "invalid_argument: column 3 has no dictionary");
    EXPECT_EQ(said(part->templates(time)), "invalid_argument: column 3 has no templates");
    EXPECT_EQ(said(part->template_ids(time, 0)), "invalid_argument: column 3 has no templates");
    EXPECT_EQ(said(part->page_of(time, 0, {})), "invalid_argument: column 3 has no templates");
}

TEST(PartErrors, PartNeedsRowsOfALimitedSize) {
    EXPECT_EQ(said(Builder({}).finish()), "invalid_argument: a part without rows");
    EXPECT_EQ(said(merge({}, {})), "invalid_argument: no parts to merge");
    constexpr std::size_t kMax = 32U << 20U;
    Rows one;
    one.add({});
    for (const std::size_t more : {0U, 1U}) {
        Rows rows;
        rows.add({.message = std::string(kMax - one.bytes().size() + more, 'm')});
        ASSERT_EQ(rows.bytes().size(), kMax + more);
        Builder builder = rows.builder();
        EXPECT_EQ(builder.rows(), 1 - more);
        if (more > 0) {
            EXPECT_EQ(said(builder.finish()), "too_large: a record above 33554432 bytes");
        }
    }
}

TEST(PartErrors, SourceHasNothingBehindItsEnd) {
    const MemorySource source(Bytes(10));
    Bytes into(4);
    EXPECT_EQ(said(source.read(6, into)), "");
    EXPECT_EQ(said(source.read(7, into)), "io_error: read of 4 bytes at 7 beyond the end, 10");
    EXPECT_EQ(said(source.read(UINT64_MAX, into)),
              "io_error: read of 4 bytes at 18446744073709551615 beyond the end, 10");
}

}  // namespace
}  // namespace sluice::part
