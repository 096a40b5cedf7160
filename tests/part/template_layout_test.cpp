// Templates and their slots as bytes: what comes back, and every table that is refused.
#include "part/template_layout.h"

#include <gtest/gtest.h>

#include "part/int_stream.h"
#include "part/text_stream.h"
#include "part/variables.h"

namespace sluice::part {
namespace {

// Three templates in two pages: "constant" in 3 rows, "x {} y" in 3, "{}-{}" in 2.
class TemplateLayoutTest : public testing::Test {
 protected:
    struct Slot {
        Codec codec = Codec::text;
        std::uint64_t entries = 0;
    };
    struct Tables {
        std::vector<std::int64_t> slots{0, 1, 2};
        std::vector<std::int64_t> counts{3, 3, 2};
        std::vector<std::vector<PageSpan>> spans{{{.page = 0, .count = 2}, {.page = 1, .count = 1}},
                                                 {{.page = 1, .count = 2}}};  // Of those with slots.
        std::vector<std::vector<Slot>> coded{{{Codec::text, 0}}, {{Codec::dictionary, 2}, {Codec::column, 9}}};
        std::vector<std::string_view> literals{"constant", "x ", " y", "", "-", ""};
    };

    TemplateLayoutTest() : pages_{{0, 4, 0}, {4, 4, 0}} {
        bounds_ = {.pages = pages_, .first_stream = 10, .streams = 14, .columns = 10, .values = 8};
    }

    static Bytes bytes_of(const Tables& tables) {
        Bytes bytes;
        append_varint(bytes, tables.slots.size());
        append_ints(bytes, tables.slots);
        append_ints(bytes, tables.counts);
        for (std::size_t i = 0; i < tables.spans.size(); ++i) {
            Spans spans;
            for (const PageSpan& span : tables.spans[i]) {
                spans.add(span.page, span.count, spans.pages.empty());
            }
            append_spans(bytes, spans);
            for (const Slot& slot : tables.coded[i]) {
                append_int(bytes, static_cast<std::uint8_t>(slot.codec));
                append_varint(bytes, slot.entries);
            }
        }
        append_texts(bytes, tables.literals);
        return bytes;
    }
    bool reads(ByteView bytes) {
        read_ = {};
        return read_templates(bytes, bounds_, read_);
    }
    bool reads(const std::function<void(Tables&)>& change) {
        Tables tables;
        change(tables);
        return reads(bytes_of(tables));
    }
    bool reads() { return reads(bytes_of({})); }

    std::vector<PageLayout> pages_;
    TemplateBounds bounds_;
    TemplateLayout read_;
};

TEST_F(TemplateLayoutTest, ComesBackAsItWasWritten) {
    const Bytes bytes = bytes_of({});
    ASSERT_TRUE(reads(bytes));
    ASSERT_EQ(read_.set.templates.size(), 3U);
    EXPECT_EQ(read_.set.templates[0].literals, (std::vector<std::string>{"constant"}));
    EXPECT_EQ(read_.set.templates[1].literals, (std::vector<std::string>{"x ", " y"}));
    EXPECT_EQ(read_.set.templates[2].literals, (std::vector<std::string>{"", "-", ""}));
    EXPECT_EQ(read_.set.counts, (std::vector<std::uint32_t>{3, 3, 2}));
    EXPECT_EQ(read_.first_slot, (std::vector<std::uint32_t>{0, 0, 1, 3}));
    ASSERT_EQ(read_.slots.size(), 3U);
    EXPECT_EQ(read_.slots[0].first_stream, 10U);
    EXPECT_EQ(read_.slots[1].first_stream, 11U);
    EXPECT_EQ(read_.slots[1].entries, 2U);
    EXPECT_EQ(read_.slots[2].first_stream, 13U) << "behind entries and codes";
    EXPECT_EQ(read_.slots[2].codec, Codec::column);
    EXPECT_EQ(read_.spans[0].values, 0U);
    EXPECT_EQ(read_.spans[1].values, 3U);
    EXPECT_EQ(read_.spans[2].find(1)->count, 2U);
    Bytes again;
    append_templates(again, read_);
    EXPECT_EQ(again, bytes);
}

TEST_F(TemplateLayoutTest, IsReadToItsLastByte) {
    Bytes bytes = bytes_of({});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(reads(ByteView(bytes).first(size))) << size;
    }
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(reads(bytes));
}

TEST_F(TemplateLayoutTest, RowsAreThoseOfTheColumn) {
    for (const std::uint64_t values : {7U, 9U}) {
        bounds_.values = values;
        EXPECT_FALSE(reads()) << values;
    }
    bounds_.values = 8;
    EXPECT_FALSE(reads([](Tables& tables) { tables.counts = {4, 2, 2}; })) << "its pages say 3";
    EXPECT_FALSE(reads([](Tables& tables) { tables.counts = {6, 0, 2}; })) << "a template of no row";
    bounds_.values = std::uint64_t{UINT32_MAX} + 5;
    EXPECT_TRUE(reads([](Tables& tables) { tables.counts[0] = UINT32_MAX; }));
    ++bounds_.values;
    EXPECT_FALSE(reads([](Tables& tables) { tables.counts[0] = std::int64_t{UINT32_MAX} + 1; }));
    bounds_.values = 4;
    EXPECT_FALSE(reads([](Tables& tables) { tables.counts[0] = -1; }));
    bounds_.values = 0;
    EXPECT_FALSE(reads([](Tables& tables) { tables = {{}, {}, {}, {}, {}}; })) << "no template";
}

TEST_F(TemplateLayoutTest, SlotsAreBounded) {
    const auto with = [&](std::size_t slots) {
        bounds_.values = 3;
        bounds_.streams = 10 + slots;
        return reads([slots](Tables& tables) {
            tables.slots = {static_cast<std::int64_t>(slots)};
            tables.counts = {3};
            tables.spans.resize(1);
            tables.coded.resize(1);
            tables.coded[0].resize(slots);
            tables.literals.assign(slots + 1, "l");
        });
    };
    EXPECT_TRUE(with(1));
    EXPECT_TRUE(with(kSlotsMax));
    EXPECT_FALSE(with(kSlotsMax + 1));
    EXPECT_FALSE(reads([](Tables& tables) {
        tables.slots = {-1};
        tables.counts = {3};
        tables.spans.clear();
        tables.literals.clear();
    }));
    bounds_.values = 8;
    bounds_.streams = 14;
    EXPECT_FALSE(reads([](Tables& tables) { tables.literals.pop_back(); }));
    EXPECT_FALSE(reads([](Tables& tables) { tables.literals.emplace_back(); }));
}

TEST_F(TemplateLayoutTest, CodingsAreThoseOfSlots) {
    const auto with = [&](Codec codec, std::uint64_t entries) {
        return reads([&](Tables& tables) { tables.coded[0] = {{codec, entries}}; });
    };
    EXPECT_TRUE(with(Codec::text, 0));
    EXPECT_TRUE(with(Codec::dictionary, 1));
    EXPECT_FALSE(with(Codec::dictionary, 0));
    EXPECT_FALSE(with(Codec::dictionary, std::uint64_t{UINT32_MAX} + 2)) << "the number would be cut to 1";
    for (const Codec codec : {Codec::integer, Codec::floating, Codec::templates, static_cast<Codec>(6)}) {
        EXPECT_FALSE(with(codec, 1)) << static_cast<int>(codec);
    }
    EXPECT_TRUE(with(Codec::column, kFixedColumns));
    EXPECT_FALSE(with(Codec::column, kFixedColumns - 1)) << "no field";
    EXPECT_TRUE(with(Codec::column, 9));
    EXPECT_FALSE(with(Codec::column, 10)) << "no column";
    bounds_.columns = 0;
    EXPECT_FALSE(reads()) << "of a field: it refers to none";
}

TEST_F(TemplateLayoutTest, StreamsAreThoseOfThePart) {
    bounds_.streams = 13;
    EXPECT_TRUE(reads());
    bounds_.streams = 12;
    EXPECT_FALSE(reads());
    bounds_.streams = 13;
    bounds_.first_stream = 11;
    EXPECT_FALSE(reads());
}

// What the cache counts.
TEST_F(TemplateLayoutTest, MemoryGrowsWithWhatIsInIt) {
    ASSERT_TRUE(reads());
    const std::size_t before = read_.memory();
    TemplateLayout more = read_;
    more.set.templates[1].literals[0] += "four";
    EXPECT_EQ(more.memory(), before + 4);
    more.set.templates[1].literals.emplace_back();
    EXPECT_EQ(more.memory(), before + 4 + sizeof(std::string));
    more = read_;
    more.slots.emplace_back();
    EXPECT_EQ(more.memory(), before + sizeof(Coding));
    more = read_;
    more.spans[2].pages.emplace_back();
    EXPECT_EQ(more.memory(), before + sizeof(PageSpan));
    more.spans[2].chunks.emplace_back();
    EXPECT_EQ(more.memory(), before + sizeof(PageSpan) + sizeof(std::uint32_t));
}

}  // namespace
}  // namespace sluice::part
