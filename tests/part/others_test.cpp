// Names and combinations of names beyond what a part has columns and schemas for: nothing is lost, and the part stays
// small in memory.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "part/layout.h"
#include "part/merge.h"
#include "part/other_fields.h"
#include "part/part_fixture.h"
#include "part/sample_rows.h"

namespace sluice::part {
namespace {

constexpr std::size_t kSchemaCellsMax = BuildOptions().schema_cells_max;

// Names that come and go among some that stay, duplicates, every type, trusted ones too.
Rows changing_rows(std::size_t rows, std::uint64_t seed, std::uint64_t first_sequence = 1) {
    std::mt19937_64 random(seed);
    Rows made;
    for (std::size_t i = 0; i < rows; ++i) {
        Rows::Draft draft;
        draft.sequence = first_sequence + i;
        const std::uint64_t user = random() % 50;  // One after the other: compilers evaluate arguments as they like.
        draft.message = fmt::format("user {} asked {} times", user, random() % 9);
        draft.fields = {int_field("_pid", static_cast<std::int64_t>(random() % 3))};
        for (std::uint64_t n = random() % 8; n > 0; --n) {
            const std::string name =
                random() % 2 == 0 ? fmt::format("common{}", random() % 4) : fmt::format("rare{}", random() % 5000);
            const std::string field = (random() % 8 == 0 ? "_" : "") + name;
            switch (random() % 5) {
                case 0:
                    draft.fields.push_back(text_field(field, fmt::format("text {}", random() % 100)));
                    break;
                case 1:
                    draft.fields.push_back({wire::FieldType::bytes, field, std::string("\0\1", random() % 3)});
                    break;
                case 2:
                    draft.fields.push_back(int_field(field, static_cast<std::int64_t>(random() % 1000)));
                    break;
                case 3:
                    draft.fields.push_back(float_field(field, static_cast<double>(random() % 1000) / 8));
                    break;
                default:
                    draft.fields.push_back(bool_field(field, random() % 2 == 0));
                    break;
            }
        }
        made.add(draft);
    }
    return made;
}

BuildOptions limited(std::size_t columns_max, std::size_t schema_cells_max = kSchemaCellsMax) {
    return {.page_rows = 64, .columns_max = columns_max, .schema_cells_max = schema_cells_max};
}

std::size_t schema_cells(const Part& part, const Bytes& image) {
    const ByteView header = ByteView(image).first(kPartHeaderBytes);
    const auto tail = read_tail(header, ByteView(image).last(kPartTailBytes), image.size());
    const auto layout = read_footer(header, *tail, ByteView(image).subspan(tail->footer_offset));
    std::size_t cells = 0;
    for (const auto& schema : layout->schemas) {
        const bool others = !schema.empty() && schema.back() == part.others();
        const std::size_t columns = schema.size() - (others ? 1 : 0);
        cells += columns == 0 ? 0 : columns + 8;
    }
    return cells;
}

TEST(OtherFields, EveryRowComesBackWhateverTheLimits) {
    const Rows rows = changing_rows(700, 1);
    for (const std::size_t columns : {0U, 1U, 3U, 20U, 512U}) {
        for (const std::size_t cells : {0U, 10U, 60U, 2000U, 65536U}) {
            SCOPED_TRACE(fmt::format("{} columns, {} cells", columns, cells));
            const BuildOptions options = limited(columns, cells);
            EXPECT_TRUE(round_trips(rows, options));
            const Bytes image = rows.build(options);
            const auto part = open_part(image);
            EXPECT_LE(part->columns().size(), kFixedColumns + columns + 1);
            EXPECT_LE(schema_cells(*part, image), cells);
        }
    }
}

TEST(OtherFields, AreAColumnOnlyWhereThereAreSome) {
    EXPECT_FALSE(open_part(sample_rows(50).build())->others());
    EXPECT_EQ(open_part(sample_rows(50).build(limited(4)))->others(), kFixedColumns + 4);
}

TEST(OtherFields, TheMostFrequentFieldsHaveTheColumns) {
    Rows rows;
    for (int i = 0; i < 300; ++i) {  // What is rare comes first.
        rows.add({.fields = {int_field(fmt::format("id{}", i), i)}});
    }
    for (int i = 0; i < 100; ++i) {
        rows.add({.fields = {text_field("often", "x"), int_field(fmt::format("id{}", i), i), int_field("often", i)}});
    }
    const auto part = open_part(rows.build(limited(2)));
    EXPECT_EQ(part->find("often").size(), 2U);
    EXPECT_EQ(part->find("id7").size(), 0U);
    EXPECT_TRUE(part->others_may_have("id7", wire::FieldType::int64));
    int unfounded = 0;
    for (int i = 0; i < 300; ++i) {
        unfounded += part->others_may_have(fmt::format("id{}", i), wire::FieldType::string) ? 1 : 0;
    }
    EXPECT_LT(unfounded, 20);
}

// More names than are counted at once: what comes last and often is found all the same.
TEST(OtherFields, AFrequentFieldIsFoundBehindAHundredThousandRareOnes) {
    Rows rows;
    for (int i = 0; i < 500; ++i) {
        Rows::Draft draft;
        for (int f = 0; f < 400; ++f) {
            draft.fields.push_back(int_field(fmt::format("id{}", i * 400 + f), f));
        }
        rows.add(draft);
    }
    for (int i = 0; i < 20; ++i) {
        rows.add({.fields = {text_field("late", "x")}});
    }
    EXPECT_EQ(open_part(rows.build(limited(8)))->find("late").size(), 1U);
}

TEST(OtherFields, ARowWithTheSameNameThousandsOfTimesIsRead) {
    Rows rows;
    for (int i = 0; i < 3; ++i) {
        Rows::Draft draft;
        for (int f = 0; f < 20'000; ++f) {
            draft.fields.push_back(int_field("again", f));
        }
        rows.add(draft);
    }
    EXPECT_TRUE(round_trips(rows));
    EXPECT_EQ(open_part(rows.build())->find("again").size(), BuildOptions().columns_max);
}

TEST(OtherFields, RowsWithoutColumnsLeaveNoEmptyColumn) {
    Rows rows;
    rows.add({.fields = {int_field("a", 1), int_field("b", 1), int_field("c", 1)}});
    rows.add({.fields = {int_field("d", 1)}});
    const auto part = open_part(rows.build(limited(100, 9)));  // Room for one column in one schema.
    EXPECT_TRUE(same_rows(rows, read_rows(*part)));
    for (const ColumnInfo& column : part->columns()) {
        EXPECT_GT(column.values, 0U);
    }
}

RC_GTEST_PROP(OtherFields, MergingKeepsEveryRowAndTheLimits, ()) {
    std::vector<std::shared_ptr<const Part>> parts;
    Rows all;
    std::uint64_t sequence = 1;
    for (std::uint64_t n = *rc::gen::inRange(1, 5); n > 0; --n) {
        const Rows rows =
            changing_rows(*rc::gen::inRange<std::size_t>(1, 150), *rc::gen::arbitrary<std::uint64_t>(), sequence);
        sequence += rows.size();
        std::size_t row = 0;
        for (const wire::TailEntry entry : rows.entries()) {
            all.add(entry, rows.epoch(row++));
        }
        const auto columns = *rc::gen::element<std::size_t>(0, 2, 5, 1024);  // The last: as of version 1.
        const auto cells = *rc::gen::element<std::size_t>(20, 200, 65536);
        parts.push_back(open_part(rows.build(limited(columns, cells))));
    }
    const auto columns = *rc::gen::element<std::size_t>(0, 1, 4, 30, 1024);
    const auto cells = *rc::gen::element<std::size_t>(0, 15, 100, 65536);
    const auto image = merge(parts, limited(columns, cells));
    RC_ASSERT(image.has_value());
    const auto part = open_part(*image);
    const auto verified = part->verify();
    RC_ASSERT(verified.has_value());
    RC_ASSERT(same_rows(all, read_rows(*part)));
    RC_ASSERT(part->columns().size() <= kFixedColumns + columns + 1);
    RC_ASSERT(schema_cells(*part, *image) <= cells);
}

// tests/part/version_1.part: changing_rows(200, 4), with pages of 64 rows, as the last build without `others` wrote it.
TEST(OtherFields, APartOfVersionOneIsReadAndMergedWithNewOnes) {
    std::ifstream file(SLUICE_SOURCE_DIR "/tests/part/version_1.part", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const ByteView image = as_bytes(bytes);
    ASSERT_GT(image.size(), kPartHeaderBytes);
    const auto old = open_part(Bytes(image.begin(), image.end()));
    ASSERT_NE(old, nullptr);
    EXPECT_GT(old->columns().size(), 300U);
    const auto verified = old->verify();
    EXPECT_TRUE(verified) << verified.error();
    Rows all = changing_rows(200, 4);
    EXPECT_TRUE(same_rows(all, read_rows(*old)));
    const Rows more = changing_rows(100, 5, 201);
    std::size_t row = 0;
    for (const wire::TailEntry entry : more.entries()) {
        all.add(entry, more.epoch(row++));
    }
    const std::vector<std::shared_ptr<const Part>> parts{old, open_part(more.build(limited(3)))};
    const auto merged = merge(parts, limited(10));
    ASSERT_TRUE(merged);
    const auto part = open_part(*merged);
    EXPECT_EQ(part->columns().size(), kFixedColumns + 10 + 1);
    EXPECT_TRUE(part->verify());
    EXPECT_TRUE(same_rows(all, read_rows(*part)));
}

TEST(OtherFields, AreValidOrTheRestOfThePartIsNotRead) {
    Bytes value;
    append_other_field(value, 2, true, {wire::FieldType::string, "a", as_bytes("x")});
    append_other_field(value, 0, false, {wire::FieldType::boolean, "b", as_bytes(std::string_view("\1", 1))});
    EXPECT_TRUE(valid_other_fields(value));
    OtherFields fields(as_text(value));
    OtherField field;
    ASSERT_TRUE(fields.next(field));
    EXPECT_EQ(field.skipped, 2U);
    EXPECT_TRUE(field.trusted);
    EXPECT_EQ(field.view().text(), "x");
    ASSERT_TRUE(fields.next(field));
    EXPECT_FALSE(field.trusted);
    EXPECT_EQ(field.view().name, "b");
    EXPECT_FALSE(fields.next(field));

    EXPECT_FALSE(valid_other_fields({}));
    for (std::size_t n = 1; n < value.size(); ++n) {
        const bool whole_field = n == 11;  // The first: its head, 8 bytes, name and value.
        EXPECT_EQ(valid_other_fields(ByteView(value).first(n)), whole_field) << n;
    }
    Bytes wrong_order;
    append_other_field(wrong_order, 0, false, {wire::FieldType::string, "a", {}});
    append_other_field(wrong_order, 0, true, {wire::FieldType::string, "a", {}});
    EXPECT_FALSE(valid_other_fields(wrong_order));
    Bytes wrong_value;
    append_other_field(wrong_value, 0, false, {wire::FieldType::boolean, "a", as_bytes(std::string_view("\2", 1))});
    EXPECT_FALSE(valid_other_fields(wrong_value));
}

}  // namespace
}  // namespace sluice::part
