// What a query asks of a part: dictionaries with counts, ranges, filters, single templates, single rows.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <thread>

#include "part/part_fixture.h"
#include "part/part_impl.h"
#include "part/sample_rows.h"
#include "part/words.h"

namespace sluice::part {
namespace {

using testing::ElementsAre;

std::uint32_t column_of(const Part& part, std::string_view name) {
    const auto found = part.find(name);
    EXPECT_EQ(found.size(), 1U) << name;
    return found.empty() ? 0 : found[0];
}

TEST(PartReading, DictionariesCountRows) {
    Rows rows;
    for (int i = 0; i < 90; ++i) {
        rows.add({.severity = i % 3 == 0 ? 3 : 6,
                  .fields = {int_field("status", i % 9 == 0 ? 500 : 200), bool_field("cached", i < 10)}});
    }
    const auto part = open_part(rows.build({.page_rows = 40}));
    const auto severity = part->dictionary(Part::fixed(ColumnKind::severity));
    ASSERT_TRUE(severity) << severity.error();
    EXPECT_THAT((*severity)->ints, ElementsAre(3, 6));
    EXPECT_THAT((*severity)->counts, ElementsAre(30, 60));
    const auto status = part->dictionary(column_of(*part, "status"));
    ASSERT_TRUE(status) << status.error();
    EXPECT_THAT((*status)->entries, ElementsAre("500", "200"));
    EXPECT_THAT((*status)->counts, ElementsAre(10, 80));
    const auto cached = part->dictionary(column_of(*part, "cached"));
    ASSERT_TRUE(cached) << cached.error();
    EXPECT_THAT((*cached)->entries, ElementsAre("true", "false"));
    EXPECT_THAT((*cached)->ints, ElementsAre(1, 0));
    EXPECT_FALSE(part->dictionary(Part::fixed(ColumnKind::time)));
}

TEST(PartReading, RangesAreThoseOfThePagesWithValues) {
    Rows rows;
    for (int i = 0; i < 30; ++i) {
        Rows::Draft draft{.time = 1000 - i};
        if (i >= 10 && i < 20) {
            draft.fields = {int_field("n", i * 1000)};
        }
        rows.add(draft);
    }
    const auto part = open_part(rows.build({.page_rows = 10}));
    const std::uint32_t n = column_of(*part, "n");
    EXPECT_FALSE(part->range(n, 0));
    ASSERT_TRUE(part->range(n, 1));
    EXPECT_EQ(part->range(n, 1)->min, 10'000);
    EXPECT_EQ(part->range(n, 1)->max, 19'000);
    EXPECT_EQ(part->page_values(n, 0), 0U);
    EXPECT_EQ(part->page_values(n, 1), 10U);
    EXPECT_EQ(part->range(Part::fixed(ColumnKind::time))->min, 971);
    EXPECT_FALSE(part->summary().time_sorted);
    EXPECT_FALSE(part->range(Part::fixed(ColumnKind::message)));
}

TEST(PartReading, OneTemplateIsDecodedAlone) {
    const auto part = open_part(sample_rows(3000).build({.page_rows = 500}));
    const std::uint32_t message = Part::fixed(ColumnKind::message);
    ASSERT_EQ(part->columns()[message].encoding, Encoding::templates);
    const auto set = part->templates(message);
    ASSERT_TRUE(set) << set.error();
    std::vector<std::uint32_t> counts((*set)->templates.size());
    for (std::uint32_t page = 0; page < part->pages(); ++page) {
        const auto whole = part->page(message, page);
        const auto ids = part->template_ids(message, page);
        ASSERT_TRUE(whole && ids);
        for (std::uint32_t wanted_id = 0; wanted_id < counts.size(); ++wanted_id) {
            const std::unique_ptr<bool[]> wanted(new bool[counts.size()]());
            wanted[wanted_id] = true;
            const auto some = part->page_of(message, page, {wanted.get(), counts.size()});
            ASSERT_TRUE(some) << some.error();
            for (std::size_t i = 0; i < (*whole)->texts.size(); ++i) {
                const bool is_wanted = (*ids)->codes[i] == wanted_id;
                EXPECT_EQ((*some)->texts[i], is_wanted ? (*whole)->texts[i] : std::string_view());
                counts[wanted_id] += is_wanted ? 1 : 0;
            }
        }
    }
    EXPECT_EQ(counts, (*set)->counts);
}

TEST(PartReading, WhatIsInTheCacheIsNotMadeAgain) {
    const auto part = open_part(sample_rows(3000).build({.page_rows = 500}), std::make_shared<Cache>(64U << 20U));
    const std::uint32_t message = Part::fixed(ColumnKind::message);
    const std::uint32_t severity = Part::fixed(ColumnKind::severity);
    const auto set = part->templates(message);
    ASSERT_TRUE(set) << set.error();
    EXPECT_EQ(part->templates(message)->get(), set->get());
    const auto dictionary = part->dictionary(severity);
    ASSERT_TRUE(dictionary) << dictionary.error();
    EXPECT_EQ(part->dictionary(severity)->get(), dictionary->get());
    const auto page = part->page(severity, 1);
    ASSERT_TRUE(page) << page.error();
    EXPECT_EQ((*part->page(severity, 1))->codes.data(), (*page)->codes.data());
    EXPECT_NE((*part->page(severity, 2))->codes.data(), (*page)->codes.data());
    const Part::Impl& impl = part->impl();
    const auto schemas = impl.schemas(1);
    ASSERT_TRUE(schemas) << schemas.error();
    EXPECT_EQ(impl.schemas(1)->get(), schemas->get());
    EXPECT_NE(impl.schemas(2)->get(), schemas->get());
    const auto filter = impl.filter(message);
    ASSERT_NE(filter, nullptr);
    EXPECT_EQ(impl.filter(message), filter);
    const auto known = *impl.templates(message);
    std::size_t dictionaries = 0;
    for (std::uint32_t id = 0; id < known->set.templates.size(); ++id) {
        for (std::uint32_t slot = known->first_slot[id]; slot < known->first_slot[id + 1]; ++slot) {
            const Coding& coding = known->slots[slot];
            if (coding.codec == Codec::column) {
                continue;
            }
            const auto chunk = impl.slot_chunk(message, coding, known->spans[id], 0);
            ASSERT_TRUE(chunk) << chunk.error();
            EXPECT_EQ(impl.slot_chunk(message, coding, known->spans[id], 0)->get(), chunk->get());
            if (coding.codec == Codec::dictionary) {
                ++dictionaries;
                const auto entries = impl.slot_dictionary(message, coding, known->spans[id]);
                EXPECT_EQ(impl.slot_dictionary(message, coding, known->spans[id])->get(), entries->get());
            }
        }
    }
    EXPECT_GT(dictionaries, 0U);
}

TEST(PartReading, MessagesThatRepeatFieldsCostNothing) {
    Rows once;
    Rows twice;
    for (int i = 0; i < 4000; ++i) {
        const std::int64_t bytes = i * 7919 % 100'000;
        const double seconds = static_cast<double>(i * 104'729 % 9973) / 1000;
        Rows::Draft draft{.fields = {int_field("bytes", bytes), float_field("s", seconds)}};
        draft.message = "sent";
        once.add(draft);
        draft.message = fmt::format("sent {} bytes in {} s", bytes, seconds);
        twice.add(draft);
    }
    EXPECT_TRUE(round_trips(twice));
    EXPECT_LT(twice.build().size(), once.build().size() + 40'000);  // The token filter, no values.
}

TEST(PartReading, ManyThreadsReadTheSamePart) {
    const Rows rows = sample_rows(2000);
    const auto cache = std::make_shared<Cache>(std::size_t{256} << 10U);  // So small that they take from each other.
    const auto part = open_part(rows.build({.page_rows = 300}), cache);
    std::atomic<int> equal = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] { equal += same_rows(rows, read_rows(*part)) ? 1 : 0; });
    }
    threads.clear();
    EXPECT_EQ(equal, 4);
}

TEST(PartReading, SomeRowsAreThoseOfThePage) {
    const Rows rows = sample_rows(300);
    const auto part = open_part(rows.build({.page_rows = 100}));
    Bytes some;
    ASSERT_TRUE(part->append_entries(1, std::vector<std::uint16_t>{0, 7, 99}, some));
    Bytes expected;
    std::size_t row = 0;
    for (const wire::TailEntry entry : rows.entries()) {
        if (row == 100 || row == 107 || row == 199) {
            wire::append_tail_entry(expected, entry);
        }
        ++row;
    }
    EXPECT_EQ(some, expected);
}

TEST(PartReading, FiltersExcludeWordsThatAreNotThere) {
    const auto part = open_part(sample_rows(3000).build());
    const std::uint32_t message = Part::fixed(ColumnKind::message);
    const auto may = [&](std::string_view word) {
        const std::uint64_t hash = token_hash(word);
        return part->may_contain(message, {&hash, 1});
    };
    EXPECT_TRUE(may("checkpoint"));
    EXPECT_TRUE(may("CHECKPOINT"));
    EXPECT_FALSE(may("absent"));
    EXPECT_FALSE(may("check"));
}

// The message, and a field that is text, a dictionary or templates.
void expect_all_words(const Part& part, const Rows& rows) {
    for (const wire::TailEntry entry : rows.entries()) {
        for_each_word(entry.record.message(), [&](std::string_view word) {
            const std::uint64_t hash = token_hash(word);
            RC_ASSERT(part.may_contain(Part::fixed(ColumnKind::message), {&hash, 1}));
        });
        for (const wire::FieldView field : entry.record.fields()) {
            for (const std::uint32_t column : part.find(field.name)) {
                if (part.columns()[column].type != field.type) {
                    continue;
                }
                for_each_word(field.text(), [&](std::string_view word) {
                    const std::uint64_t hash = token_hash(word);
                    RC_ASSERT(part.may_contain(column, {&hash, 1}));
                });
            }
        }
    }
}

RC_GTEST_PROP(PartFilterProperty, EveryWordOfEveryValueIsFound, ()) {
    const auto pieces = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        " ", "a", "worker", "12", "_", "-", "ms", "0x", "ff", ".", "deadbeef", "=", "\xC3\xA9", "/", "7", "A9z", ":")));
    Rows rows;
    for (int i = 0; i < 400; ++i) {
        std::string text;
        for (const std::string& piece : pieces) {
            const bool number = piece == "12" || piece == "7";
            text += number ? std::to_string(*rc::gen::inRange(0, 3000)) : piece;
        }
        rows.add({.message = text, .fields = {text_field("f", "x" + text), text_field("g", std::to_string(i) + text)}});
    }
    expect_all_words(*open_part(rows.build({.page_rows = 64})), rows);
}

}  // namespace
}  // namespace sluice::part
