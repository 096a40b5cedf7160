// Names of parts, the file `sealed`, and what retention and merging choose.
#include "base/checksum.h"
#include "part_fixture.h"
#include "store/part_name.h"
#include "store/seal_state.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

TEST(PartName, IsReadBackAndOnlyInTheFormItIsWritten) {
    const PartName name{"debug_1", 0x1F, 0x12345};
    const std::string file = part_file_name(name);
    EXPECT_EQ(file, "part-debug_1-000000000000001f-0000000000012345.slp");
    EXPECT_EQ(parse_part_file_name(file), name);
    for (const char* other :
         {"part-debug-000000000000001f-0000000000012345.slp.tmp", "part--000000000000001f-0000000000012345.slp",
          "part-a-1f-12345.slp", "part-A-000000000000001f-0000000000012345.slp",
          "part-a-000000000000001F-0000000000012345.slp", "part-a-0000000000012345-0000000000012345.slp",
          "log-0000000000000001.wal", ""}) {
        EXPECT_FALSE(parse_part_file_name(other)) << other;
    }
}

SealState some_state() {
    SealState state;
    state.store_id[0] = std::byte{7};
    state.sealed_end = 4711;
    state.missing_rows = 3;
    state.epochs = {{1, 1}, {2, 900}};
    state.removed_of("debug") = {.class_name = "debug", .end_sequence = 100, .parts = 2, .rows = 50, .bytes = 999};
    return state;
}

TEST(SealState, IsReadBack) {
    const auto read = parse_seal_state(encode_seal_state(some_state()));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, some_state());
}

TEST(SealState, RefusesEveryFlippedByteAndEveryCut) {
    const Bytes whole = encode_seal_state(some_state());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        Bytes damaged = whole;
        damaged[i] ^= std::byte{0x40};
        EXPECT_FALSE(parse_seal_state(damaged)) << i;
        EXPECT_FALSE(parse_seal_state(ByteView(whole).first(i))) << i;
    }
}

TEST(SealState, RefusesCountsThatItsBytesDoNotHold) {
    Bytes bytes = encode_seal_state(some_state());
    for (const std::size_t at : {48U, 52U}) {
        Bytes wrong = bytes;
        store_int(wrong.data() + at, std::uint32_t{0xFFFFFFFF});
        store_int(wrong.data() + 8, checksum64(ByteView(wrong).subspan(16)));
        EXPECT_EQ(code_of(parse_seal_state(wrong)), Errc::corrupt);
    }
}

// ---- retention ----

std::vector<std::string> files_of(const std::vector<PartPointer>& parts) {
    std::vector<std::string> files;
    for (const PartPointer& part : parts) {
        files.push_back(fmt::format("{} {}", part->name.class_name, part->name.first_sequence));
    }
    return files;
}

using Files = std::vector<std::string>;

class RetentionTest : public testing::Test {
 protected:
    RetentionTest() {
        for (std::uint64_t i = 0; i < 6; ++i) {
            const bool debug = i % 2 == 1;
            set.add(open_part({.class_name = debug ? "debug" : "default",
                               .sequences = numbers(10 * i + 1, 10 * i + 11),
                               .received = static_cast<WallNs>(1000 * (i + 1))}));
        }
        part_bytes = set.classes[0].parts[0]->bytes;
        options.classes.push_back({.name = "debug", .streams = {"debug", "trace-*"}});
    }
    Files expired(WallNs now, std::uint64_t free_bytes = kNoLimit) {
        return files_of(choose_expired(set, options, now, free_bytes));
    }
    PartSet set;
    RetentionOptions options;
    std::uint64_t part_bytes = 0;
};

TEST_F(RetentionTest, FirstClassThatWantsAStreamHasIt) {
    EXPECT_EQ(options.class_of("debug"), "debug");
    EXPECT_EQ(options.class_of("trace-x"), "debug");
    EXPECT_EQ(options.class_of("debug2"), "default");
}

TEST_F(RetentionTest, NothingExpiresWithoutLimits) {
    EXPECT_FALSE(options.limited());
    EXPECT_EQ(expired(1'000'000), Files());
}

TEST_F(RetentionTest, PartGoesWhenItsNewestRecordIsTooOld) {
    options.age_max = Duration(1000);
    EXPECT_EQ(expired(2009), Files());
    EXPECT_EQ(expired(2010), (Files{"default 1"}));
    EXPECT_EQ(expired(3010), (Files{"debug 11", "default 1"}));
}

TEST_F(RetentionTest, ClassHasAnAgeOfItsOwn) {
    options.classes[0].age_max = Duration(100);
    EXPECT_EQ(expired(4500), (Files{"debug 11", "debug 31"}));
}

TEST_F(RetentionTest, OldestGoWhereTheBytesAreTooMany) {
    options.bytes_max = 4 * part_bytes + part_bytes / 2;
    EXPECT_EQ(expired(0), (Files{"default 1", "debug 11"}));
    options.classes[0].bytes_max = part_bytes + part_bytes / 2;
    options.bytes_max = 0;
    EXPECT_EQ(expired(0), (Files{"debug 11", "debug 31"}));
}

TEST_F(RetentionTest, OldestGoUntilEnoughIsFree) {
    const std::uint64_t oldest_bytes = set.classes[1].parts[0]->bytes;
    options.keep_free = 100 * part_bytes;
    EXPECT_EQ(expired(0, options.keep_free - oldest_bytes), (Files{"default 1"}));
    EXPECT_EQ(expired(0, options.keep_free - oldest_bytes - 1), (Files{"default 1", "debug 11"}));
    EXPECT_EQ(expired(0, options.keep_free), Files());
}

// What age has freed counts.
TEST_F(RetentionTest, WhatHasExpiredIsFreedBeforeAnythingElseGoes) {
    options.age_max = Duration(1000);
    const std::uint64_t expired_bytes = set.classes[1].parts[0]->bytes;
    options.keep_free = 100 * part_bytes;
    EXPECT_EQ(expired(2010, options.keep_free - expired_bytes), (Files{"default 1"}));
    EXPECT_EQ(expired(2010, options.keep_free - expired_bytes - 1), (Files{"default 1", "debug 11"}));
}

TEST_F(RetentionTest, AnySingleLimitIsALimit) {
    EXPECT_FALSE(options.limited());
    const auto limited = [this](auto set_one) {
        RetentionOptions changed = options;
        set_one(changed);
        return changed.limited();
    };
    EXPECT_TRUE(limited([](RetentionOptions& all) { all.age_max = Duration(1); }));
    EXPECT_TRUE(limited([](RetentionOptions& all) { all.bytes_max = 1; }));
    EXPECT_TRUE(limited([](RetentionOptions& all) { all.keep_free = 1; }));
    EXPECT_TRUE(limited([](RetentionOptions& all) { all.classes[0].age_max = Duration(1); }));
    EXPECT_TRUE(limited([](RetentionOptions& all) { all.classes[0].bytes_max = 1; }));
}

TEST_F(RetentionTest, NeighboursOfOneClassAreMerged) {
    const MergeOptions merge{.parts_min = 2, .parts_max = 8, .rows_max = 25};
    EXPECT_EQ(files_of(choose_merge(set, options, merge, {})), (Files{"debug 11", "debug 31"}));
    EXPECT_EQ(files_of(choose_merge(set, options, {.parts_min = 4, .parts_max = 8, .rows_max = 100}, {})), Files());
    // Never across one that stays.
    const std::set<std::string> spared = {set.classes[0].parts[1]->file};
    EXPECT_EQ(files_of(choose_merge(set, options, merge, spared)), (Files{"default 1", "default 21"}));
}

TEST_F(RetentionTest, MergedPartIsBoundedInRowsAndInBytes) {
    const MergeOptions all{.parts_min = 2, .parts_max = 8, .rows_max = 1000};
    std::uint64_t first_two = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        first_two += set.classes[0].parts[i]->part->summary().raw_bytes;
    }
    MergeOptions bounded = all;
    bounded.bytes_max = first_two;
    EXPECT_EQ(files_of(choose_merge(set, options, bounded, {})).size(), 2U);
    EXPECT_GT(files_of(choose_merge(set, options, all, {})).size(), 2U);
}

TEST_F(RetentionTest, LargePartIsNotWrittenAgainForAFewRows) {
    PartSet uneven;
    uneven.add(open_part({.sequences = numbers(1, 101)}));
    uneven.add(open_part({.sequences = numbers(101, 104)}));
    uneven.add(open_part({.sequences = numbers(104, 107)}));
    const MergeOptions merge{.parts_min = 2, .parts_max = 8, .rows_max = 1000};
    EXPECT_EQ(files_of(choose_merge(uneven, options, merge, {})), (Files{"default 101", "default 104"}));
}

TEST_F(RetentionTest, MergedPartIsNotCoarseAgainstTheAge) {
    options.age_max = Duration(2000 * 16);
    const MergeOptions merge{.parts_min = 3, .parts_max = 8, .rows_max = 1000};
    EXPECT_EQ(files_of(choose_merge(set, options, merge, {})), Files());
    options.age_max = Duration(4100 * 16);
    EXPECT_EQ(files_of(choose_merge(set, options, merge, {})), (Files{"debug 11", "debug 31", "debug 51"}));
}

}  // namespace
}  // namespace sluice::store::test
