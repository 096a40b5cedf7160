// From groups of the log to parts.
#include "store/seal.h"

#include "part_fixture.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

// A group of batches; the record of each has its stream and says so.
struct Batches {
    Bytes payload;
    std::uint32_t count = 0;

    Batches& add(const std::vector<std::string>& streams, WallNs received, std::uint16_t flags = 0) {
        wire::BatchBuilder builder;
        wire::FieldBlock trusted;
        trusted.field("_PID", std::string_view(fmt::format("{}", received)));
        builder.set_trusted(trusted);
        for (const std::string& stream : streams) {
            builder.begin(wire::Severity::info, stream, 1).message("of " + stream);
            EXPECT_TRUE(builder.finish_record());
        }
        const ByteView bytes = builder.finish({.receive_time_ns = received, .flags = flags});
        append(payload, bytes);
        count += static_cast<std::uint32_t>(streams.size());
        return *this;
    }
    SealGroup group(std::uint64_t first, std::uint32_t epoch) const {
        return {.payload = payload, .epoch = epoch, .first_sequence = first, .count = count};
    }
};

class SealTest : public testing::Test {
 protected:
    // Opens what was built; "class first-end" of each part.
    std::vector<std::string> build(std::vector<SealGroup> groups) {
        auto built = build_parts(std::move(groups), classes, {.zstd_level = 1, .page_rows = 3, .store_id = store_id});
        EXPECT_TRUE(built) << built.error();
        std::vector<std::string> names;
        parts.clear();
        for (PartImage& image : *built) {
            names.push_back(
                fmt::format("{} {}-{}", image.name.class_name, image.name.first_sequence, image.name.end_sequence));
            auto stored = std::make_shared<StoredPart>();
            stored->name = image.name;
            auto opened = part::Part::open(std::make_shared<part::MemorySource>(std::move(image.bytes)), nullptr);
            EXPECT_TRUE(opened) << opened.error();
            stored->part = *opened;
            parts.push_back(stored);
        }
        return names;
    }
    // "sequence time flags trusted message" of each record of a part.
    static std::vector<std::string> records_of(const PartPointer& stored) {
        std::vector<std::string> all;
        const part::Part& part = *stored->part;
        for (std::uint32_t page = 0; page < part.pages(); ++page) {
            std::vector<std::uint16_t> rows(part.page_rows(page));
            for (std::size_t i = 0; i < rows.size(); ++i) {
                rows[i] = static_cast<std::uint16_t>(i);
            }
            Bytes entries;
            EXPECT_TRUE(part.append_entries(page, rows, entries));
            for (const wire::TailEntry entry : wire::TailEntryRange(entries, static_cast<std::uint32_t>(rows.size()))) {
                std::string trusted;
                for (const wire::FieldView field : entry.trusted) {
                    trusted += fmt::format("{}={}", field.name, field.value_text());
                }
                all.push_back(fmt::format("{} {} {} {} {}", entry.sequence, entry.receive_time_ns, entry.flags, trusted,
                                          entry.record.message()));
            }
        }
        return all;
    }
    RetentionOptions classes;
    StoreId store_id{std::byte{3}};
    std::vector<PartPointer> parts;
};

using Strings = std::vector<std::string>;

TEST_F(SealTest, OnePartForEachClassHoldsItsRecordsInOrder) {
    classes.classes = {{.name = "debug", .streams = {"debug*"}}, {.name = "audit", .streams = {"audit"}}};
    Batches first;
    first.add({"debug", "web", "web", "debug2"}, 70).add({"audit"}, 80, wire::kBatchByDaemon);
    Batches second;
    second.add({"audit", "web"}, 90);
    EXPECT_EQ(build({first.group(11, 2), second.group(20, 3)}),
              (Strings{"audit 15-21", "debug 11-15", "default 12-22"}));
    EXPECT_EQ(records_of(parts[0]), (Strings{"15 80 1 _PID=80 of audit", "20 90 0 _PID=90 of audit"}));
    EXPECT_EQ(records_of(parts[1]), (Strings{"11 70 0 _PID=70 of debug", "14 70 0 _PID=70 of debug2"}));
    EXPECT_EQ(records_of(parts[2]),
              (Strings{"12 70 0 _PID=70 of web", "13 70 0 _PID=70 of web", "21 90 0 _PID=90 of web"}));
    EXPECT_EQ(parts[0]->part->summary().store_id, store_id);
    EXPECT_EQ(parts[0]->part->summary().epoch_min, 2U);
    EXPECT_EQ(parts[0]->part->summary().epoch_max, 3U);
    EXPECT_EQ(parts[1]->part->summary().epoch_max, 2U);
}

TEST_F(SealTest, RecordsWithoutAStreamAreOfTheClassThatWantsDefault) {
    Batches some;
    some.add({"", "web"}, 70);
    EXPECT_EQ(build({some.group(1, 1)}), (Strings{"default 1-3"}));
    classes.classes = {{.name = "unnamed", .streams = {"default"}}};
    EXPECT_EQ(build({some.group(1, 1)}), (Strings{"default 2-3", "unnamed 1-2"}));
}

TEST_F(SealTest, EachGroupIsLetGoOnceItIsCopied) {
    const auto owner = std::make_shared<int>(1);
    Batches some;
    some.add({"web"}, 70);
    std::vector<SealGroup> groups{some.group(1, 1), some.group(2, 1)};
    groups[0].owner = owner;
    groups[1].owner = owner;
    EXPECT_EQ(owner.use_count(), 3);
    EXPECT_EQ(build(std::move(groups)), (Strings{"default 1-3"}));
    EXPECT_EQ(owner.use_count(), 1);
}

TEST_F(SealTest, NothingMakesNoPart) {
    EXPECT_EQ(build({}), Strings());
}

TEST_F(SealTest, MergedPartHasTheNumbersOfAllAndTheirClass) {
    const PartPointer first = open_part({.class_name = "a", .sequences = {3, 5}, .store_id = store_id});
    const PartPointer second = open_part({.class_name = "a", .sequences = {9, 12}, .store_id = store_id});
    const auto merged = merge_parts({first, second}, {.zstd_level = 1, .store_id = store_id});
    ASSERT_TRUE(merged) << merged.error();
    EXPECT_EQ(merged->name, (PartName{"a", 3, 13}));
    const auto opened = part::Part::open(std::make_shared<part::MemorySource>(merged->bytes), nullptr);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->summary().rows, 4U);
    EXPECT_EQ((*opened)->summary().store_id, store_id);
}

TEST_F(SealTest, MergeOfADamagedPartIsRefused) {
    PartImage image = make_part({.sequences = numbers(1, 101), .page_rows = 10, .filler = 3000});
    image.bytes[image.bytes.size() / 2] ^= std::byte{1};
    auto stored = std::make_shared<StoredPart>();
    stored->name = image.name;
    stored->part = *part::Part::open(std::make_shared<part::MemorySource>(std::move(image.bytes)), nullptr);
    const PartPointer good = open_part({.sequences = {200}});
    EXPECT_EQ(code_of(merge_parts({stored, good}, {.zstd_level = 1})), Errc::corrupt);
}

}  // namespace
}  // namespace sluice::store::test
