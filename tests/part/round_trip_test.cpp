// What goes into a part comes out bit for bit.
#include <rapidcheck/gtest.h>

#include <random>

#include "part/merge.h"
#include "part/part_fixture.h"

namespace sluice::part {
namespace {

std::string random_bytes(std::size_t bytes_max) {
    const auto bytes = *rc::gen::resize(
        static_cast<int>(bytes_max), rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>()));
    return {bytes.begin(), bytes.end()};
}

std::int64_t random_number() {
    return *rc::gen::oneOf(rc::gen::element<std::int64_t>(0, 1, -1, INT64_MIN, INT64_MAX, 1700528523123456789),
                           rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange<std::int64_t>(-300, 70000));
}

std::string random_text() {
    return *rc::gen::oneOf(
        rc::gen::element<std::string>("", "a", "GET /index.html 200", "00", "007", "-0", "12", "1.50", "-3.25", "1e5",
                                      "2023-11-21T01:02:03.123Z", "2023-11-21 01:02:03", "deadbeef00", "DEADBEEF",
                                      "10.0.0.1", "10.0.0.01", "550e8400-e29b-41d4-a716-446655440000", "\xff\xfe",
                                      "a\r"),
        rc::gen::map(rc::gen::inRange(0, 5000), [](int n) { return "user " + std::to_string(n) + " logged in"; }),
        rc::gen::map(rc::gen::inRange(0, 5000), [](int n) { return std::to_string(n); }),
        rc::gen::exec([] { return random_bytes(20); }));
}

Rows::Field random_field(const std::vector<std::string>& names) {
    const std::string name = *rc::gen::elementOf(names);
    switch (*rc::gen::inRange(0, 6)) {
        case 0:
            return int_field(name, random_number());
        case 1:
            return float_field(name, std::bit_cast<double>(random_number()));
        case 2:
            return float_field(name, static_cast<double>(*rc::gen::inRange(-9999, 99999)) / 100);
        case 3:
            return bool_field(name, *rc::gen::arbitrary<bool>());
        case 4:
            return {wire::FieldType::bytes, name, random_bytes(12)};
        default:
            return text_field(name, random_text());
    }
}

Rows random_rows(int rows_max) {
    const std::vector<std::string> names{"a", "b", "a b", "\xC3\xA9", "_pid", "_uid", "level", std::string(255, 'n')};
    Rows rows;
    const int count = *rc::gen::inRange(1, rows_max);
    std::uint64_t sequence = *rc::gen::element<std::uint64_t>(1, 77, std::uint64_t{1} << 63U);
    for (int i = 0; i < count; ++i) {
        Rows::Draft draft;
        sequence += *rc::gen::weightedElement<std::uint64_t>({{20, 1}, {1, 5}, {1, 100'000}});
        draft.sequence = sequence;
        draft.receive_time = random_number();
        draft.time = random_number();
        draft.flags = *rc::gen::weightedElement<std::uint16_t>({{20, 0}, {1, 1}, {1, 65535}});
        draft.severity = *rc::gen::inRange(0, 8);
        draft.stream = *rc::gen::element<std::string>("", "web", "db.main/x", std::string(255, 's'));
        draft.message = random_text();
        draft.epoch = *rc::gen::weightedElement<std::uint32_t>({{20, 1}, {1, 2}, {1, UINT32_MAX}});
        const int fields = *rc::gen::inRange(0, 7);
        for (int f = 0; f < fields; ++f) {
            draft.fields.push_back(random_field(names));
        }
        rows.add(draft);
    }
    return rows;
}

RC_GTEST_PROP(PartProperty, RowsComeBackBitForBit, ()) {
    const Rows rows = random_rows(120);
    const auto page_rows = *rc::gen::element<std::uint32_t>(1, 7, 64, 8192);
    RC_ASSERT(round_trips(rows, {.page_rows = page_rows}));
}

// The rows of a merged part, what it says of them, and what is in its columns are those of a part that was built at
// once.
RC_GTEST_PROP(PartProperty, MergedPartIsAsOneThatWasBuiltAtOnce, ()) {
    const wire::StoreId store{std::byte{7}};
    const bool times_ascend = *rc::gen::arbitrary<bool>();
    WallNs time = *rc::gen::element<WallNs>(INT64_MIN, 0, 1700528523123456789);
    Rows all;
    std::vector<std::shared_ptr<const Part>> parts;
    std::uint64_t sequence = 1;
    const int count = *rc::gen::inRange(1, 5);
    for (int i = 0; i < count; ++i) {
        const Rows drafts = random_rows(40);
        Rows rows;
        std::size_t row = 0;
        for (wire::TailEntry entry : drafts.entries()) {
            entry.sequence = sequence++;
            Bytes record(entry.record.bytes().begin(), entry.record.bytes().end());
            if (times_ascend) {
                const WallNs step = *rc::gen::weightedElement<WallNs>({{30, 5}, {30, 0}, {1, -3}});
                time += step < 0 && time < INT64_MIN - step ? 0 : step;
                store_int(record.data() + 8, time);
                entry.record = wire::RecordView::unchecked(record.data());
            }
            rows.add(entry, drafts.epoch(row));
            all.add(entry, drafts.epoch(row++));
        }
        sequence += *rc::gen::element<std::uint64_t>(0, 1, 1000);
        parts.push_back(open_part(rows.build({.page_rows = 16})));
    }
    const BuildOptions options{.page_rows = *rc::gen::element<std::uint32_t>(5, 16, 8192), .store_id = store};
    const auto merged = merge(parts, options);
    RC_ASSERT(merged.has_value());
    const auto part = open_part(*merged);
    RC_ASSERT(part->verify().has_value());
    RC_ASSERT(same_rows(all, read_rows(*part)));
    const auto at_once = open_part(all.build(options));
    RC_ASSERT(same_summary(part->summary(), summary_of(all, store)));
    RC_ASSERT(same_summary(part->summary(), at_once->summary()));
    RC_ASSERT(part->columns().size() == at_once->columns().size());
    for (const ColumnInfo& column : at_once->columns()) {
        const auto same = std::ranges::find_if(part->columns(), [&](const ColumnInfo& other) {
            return std::tie(other.kind, other.trusted, other.type, other.occurrence, other.name) ==
                   std::tie(column.kind, column.trusted, column.type, column.occurrence, column.name);
        });
        RC_ASSERT(same != part->columns().end());
        RC_ASSERT(same->values == column.values);
        RC_ASSERT(same->dense == column.dense);
    }
}

TEST(Merge, TimesAreSortedIfThoseOfAllPartsAreOneBehindTheOther) {
    const auto sorted = [](std::vector<std::vector<WallNs>> times) {
        std::vector<std::shared_ptr<const Part>> parts;
        std::uint64_t sequence = 1;
        for (const std::vector<WallNs>& of_part : times) {
            Rows rows;
            for (const WallNs time : of_part) {
                rows.add({.sequence = sequence++, .time = time});
            }
            parts.push_back(open_part(rows.build()));
        }
        const auto merged = merge(parts, {});
        EXPECT_TRUE(merged);
        return open_part(*merged)->summary().time_sorted;
    };
    EXPECT_TRUE(sorted({{1, 2}, {3, 4}, {5}}));
    EXPECT_TRUE(sorted({{1, 2}, {2, 3}}));
    EXPECT_FALSE(sorted({{1, 3}, {2, 4}}));
    EXPECT_FALSE(sorted({{1, 2}, {4, 3}}));
    EXPECT_FALSE(sorted({{2, 1}, {3, 4}}));
    EXPECT_FALSE(sorted({{1, 9}, {9, 10}, {3, 4}}));  // Not the last one, but the largest of all before.
}

TEST(Part, HoldsAHundredThousandFieldNames) {
    Rows rows;
    for (int i = 0; i < 20'000; ++i) {
        Rows::Draft draft;
        for (int f = 0; f < 5; ++f) {
            draft.fields.push_back(int_field("name" + std::to_string(i * 5 + f), f));
        }
        rows.add(draft);
    }
    const Bytes image = rows.build();
    EXPECT_LT(image.size(), 2'000'000U);
    const auto part = open_part(image, std::make_shared<Cache>(std::size_t{64} << 20U));
    EXPECT_TRUE(part->others_may_have("name77777", wire::FieldType::int64));
    EXPECT_TRUE(same_rows(rows, read_rows(*part)));
}

TEST(Part, HoldsMessagesOfAMebibyte) {
    Rows rows;
    std::mt19937_64 random(1);
    for (int i = 0; i < 12; ++i) {
        Rows::Draft draft;
        draft.message.resize(std::size_t{1} << 20U);
        std::generate(draft.message.begin(), draft.message.end(), [&] { return static_cast<char>(random()); });
        rows.add(draft);
    }
    EXPECT_TRUE(round_trips(rows));
    // Three to four of them are a page.
    EXPECT_GE(open_part(rows.build())->pages(), 3U);
}

TEST(Part, KeepsDuplicatesAndTheOrderOfFields) {
    Rows rows;
    rows.add({.fields = {int_field("a", 1), text_field("a", "x"), int_field("a", 2), int_field("b", 3)}});
    rows.add({.fields = {int_field("b", 1), int_field("a", 2)}});
    rows.add({.fields = {int_field("_pid", 4), text_field("a", "y"), text_field("a", ""), int_field("a", 5)}});
    EXPECT_TRUE(round_trips(rows));
    const auto part = open_part(rows.build());
    EXPECT_EQ(part->find("a").size(), 4U);
    EXPECT_EQ(part->find("none").size(), 0U);
}

TEST(Part, HoldsRowsWithoutAnything) {
    Rows rows;
    rows.add({});
    EXPECT_TRUE(round_trips(rows));
}

TEST(Builder, RefusesNoRows) {
    Builder builder({});
    const auto image = builder.finish();
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code(), Errc::invalid_argument);
}

TEST(Builder, IsEmptyAgainAfterFinish) {
    Rows rows;
    rows.add({.message = "one"});
    Builder builder = rows.builder();
    EXPECT_EQ(builder.rows(), 1U);
    EXPECT_EQ(builder.raw_bytes(), rows.bytes().size());
    const auto first = builder.finish();
    ASSERT_TRUE(first);
    EXPECT_EQ(builder.rows(), 0U);
    for (const wire::TailEntry entry : rows.entries()) {
        builder.add({entry, 1});
    }
    const auto second = builder.finish();
    ASSERT_TRUE(second);
    EXPECT_EQ(*second, *first);
}

// Whichever part has them: a wall clock may go back, and so may what a damaged store says of epochs.
TEST(Merge, TakesEachEndFromThePartThatHasIt) {
    const std::vector<WallNs> values{500, 100, 900};
    for (const std::size_t first : {0U, 1U, 2U}) {
        Rows all;
        std::vector<std::shared_ptr<const Part>> parts;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const WallNs value = values[(first + i) % values.size()];
            const Rows::Draft draft{
                .sequence = i + 1, .receive_time = -value, .time = value, .epoch = static_cast<std::uint32_t>(value)};
            Rows one;
            one.add(draft);
            all.add(draft);
            parts.push_back(open_part(one.build()));
        }
        const auto merged = merge(parts, {});
        ASSERT_TRUE(merged);
        EXPECT_TRUE(same_summary(open_part(*merged)->summary(), summary_of(all))) << first;
    }
}

TEST(Merge, RefusesPartsOutOfOrder) {
    Rows rows;
    rows.add({.message = "one"});
    const auto part = open_part(rows.build());
    const auto merged = merge(std::vector{part, part}, {});
    ASSERT_FALSE(merged);
    EXPECT_EQ(merged.error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace sluice::part
