// What retention removes, and what is merged.
#include "store/retention.h"

#include "part_fixture.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

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

// Received while the clock was two years ahead.
TEST_F(RetentionTest, PartOfTheFutureDoesNotKeepThoseBehindIt) {
    PartSet odd;
    odd.add(open_part({.sequences = numbers(1, 11), .received = 900'000}));
    odd.add(open_part({.sequences = numbers(11, 21), .received = 1000}));
    odd.add(open_part({.sequences = numbers(21, 31), .received = 800'000}));
    odd.add(open_part({.sequences = numbers(31, 41), .received = 2000}));
    set = odd;
    options.age_max = Duration(1000);
    EXPECT_EQ(expired(3010), (Files{"default 11", "default 31"}));
    EXPECT_EQ(expired(800'000), (Files{"default 11", "default 31"}));
    EXPECT_EQ(expired(901'010), (Files{"default 1", "default 11", "default 21", "default 31"}));
    // What age has taken counts for the bytes, and then the oldest of the others go.
    options.classes.push_back({.name = "unused", .streams = {"x"}});
    options.bytes_max = odd.classes[0].parts[0]->bytes + odd.classes[0].parts[2]->bytes;
    EXPECT_EQ(expired(3010), (Files{"default 11", "default 31"}));
    options.bytes_max -= 1;
    EXPECT_EQ(expired(3010), (Files{"default 11", "default 31", "default 1"}));
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
    EXPECT_FALSE(options.by_age());
    options.classes[0].age_max = Duration(1);
    EXPECT_TRUE(options.by_age());
    options.classes[0].age_max = Duration();
    options.bytes_max = options.keep_free = options.classes[0].bytes_max = 1;
    EXPECT_FALSE(options.by_age());
    options.age_max = Duration(1);
    EXPECT_TRUE(options.by_age());
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

TEST_F(RetentionTest, ClassOfAStreamIsThatOfItsFirstPattern) {
    options.classes.push_back({.name = "later", .streams = {"trace-x", "*.log", "a*", ""}});
    options.classes.push_back({.name = "rest", .streams = {"*"}});
    EXPECT_EQ(options.class_of("trace-"), "debug");
    EXPECT_EQ(options.class_of("trace"), "rest");
    EXPECT_EQ(options.class_of("trace-x"), "debug");
    EXPECT_EQ(options.class_of("debu"), "rest");
    EXPECT_EQ(options.class_of("a"), "later");
    EXPECT_EQ(options.class_of("x.log"), "rest") << "a star in front means itself";
    EXPECT_EQ(options.class_of("*.log"), "later");
    EXPECT_EQ(options.class_of(""), "later");
    ASSERT_NE(options.find("later"), nullptr);
    EXPECT_EQ(options.find("later")->streams.size(), 4U);
    EXPECT_EQ(options.find("default"), nullptr);
}

TEST_F(RetentionTest, LimitsAreReachedAndNotExceeded) {
    std::uint64_t all = 0;
    for (const PartSet::Class& one : set.classes) {
        for (const PartPointer& part : one.parts) {
            all += part->bytes;
        }
    }
    options.bytes_max = all;
    EXPECT_EQ(expired(0), Files());
    options.bytes_max = all - 1;
    EXPECT_EQ(expired(0), (Files{"default 1"}));
    options.bytes_max = 1;
    EXPECT_EQ(expired(0), (Files{"default 1", "debug 11", "default 21", "debug 31", "default 41", "debug 51"}));
}

TEST_F(RetentionTest, LimitOfAClassIsReachedAndNotExceeded) {
    std::uint64_t of_debug = 0;
    for (const PartPointer& part : set.classes[0].parts) {
        of_debug += part->bytes;
    }
    options.classes[0].bytes_max = of_debug;
    EXPECT_EQ(expired(0), Files());
    options.classes[0].bytes_max = of_debug - 1;
    EXPECT_EQ(expired(0), (Files{"debug 11"}));
    options.classes[0].bytes_max = of_debug - set.classes[0].parts[0]->bytes;
    EXPECT_EQ(expired(0), (Files{"debug 11"}));
    options.classes[0].bytes_max -= 1;
    EXPECT_EQ(expired(0), (Files{"debug 11", "debug 31"}));
    options.classes[0].bytes_max = 1;
    EXPECT_EQ(expired(0), (Files{"debug 11", "debug 31", "debug 51"}));
}

// Of age and bytes the one that removes more.
TEST_F(RetentionTest, AgeAndBytesOfAClassDoNotAddUp) {
    std::uint64_t of_debug = 0;
    for (const PartPointer& part : set.classes[0].parts) {
        of_debug += part->bytes;
    }
    options.classes[0].age_max = Duration(100);
    options.classes[0].bytes_max = of_debug - 1;
    EXPECT_EQ(expired(4500), (Files{"debug 11", "debug 31"}));
    options.classes[0].bytes_max = 1;
    EXPECT_EQ(expired(2500), (Files{"debug 11", "debug 31", "debug 51"}));
}

TEST_F(RetentionTest, ClassWithoutAnAgeHasThatOfAll) {
    options.age_max = Duration(1000);
    options.classes[0].age_max = Duration(3000);
    EXPECT_EQ(expired(4500), (Files{"default 1", "default 21"}));
    options.classes[0].age_max = Duration{};
    EXPECT_EQ(expired(4500), (Files{"debug 11", "default 1", "default 21"}));
}

TEST_F(RetentionTest, BytesOfAllCountOnlyWhatIsLeft) {
    options.age_max = Duration(1000);
    std::uint64_t left = 0;
    for (const PartSet::Class& one : set.classes) {
        for (const PartPointer& part : one.parts) {
            left += part->name.first_sequence == 1 ? 0 : part->bytes;
        }
    }
    options.bytes_max = left;
    EXPECT_EQ(expired(2010), (Files{"default 1"}));
    options.bytes_max = left - 1;
    EXPECT_EQ(expired(2010), (Files{"default 1", "debug 11"}));
}

TEST_F(RetentionTest, MoreThanOneGoesUntilEnoughIsFree) {
    const std::uint64_t two = set.classes[1].parts[0]->bytes + set.classes[0].parts[0]->bytes;
    options.keep_free = 100 * part_bytes;
    EXPECT_EQ(expired(0, options.keep_free - two), (Files{"default 1", "debug 11"}));
    EXPECT_EQ(expired(0, options.keep_free - two - 1), (Files{"default 1", "debug 11", "default 21"}));
    EXPECT_EQ(expired(0, 0).size(), 6U);
    options.bytes_max = 1'000'000;
    EXPECT_EQ(expired(0, options.keep_free - two), (Files{"default 1", "debug 11"}));
}

// ---- merging ----

class MergeTest : public testing::Test {
 protected:
    // One part behind the other, with so many rows; received at 1000 and then one each.
    void add(std::uint64_t rows, WallNs received = 1000) {
        set.add(open_part({.sequences = numbers(next_, next_ + rows), .received = received}));
        next_ += rows;
    }
    // The first sequences of those to be merged.
    std::vector<std::uint64_t> chosen(const MergeOptions& options) {
        std::vector<std::uint64_t> firsts;
        for (const PartPointer& part : choose_merge(set, retention, options, spared)) {
            firsts.push_back(part->name.first_sequence);
        }
        return firsts;
    }
    std::uint64_t bytes_of(std::size_t from, std::size_t to) const {
        std::uint64_t bytes = 0;
        for (std::size_t i = from; i < to; ++i) {
            bytes += set.classes[0].parts[i]->bytes;
        }
        return bytes;
    }
    PartSet set;
    RetentionOptions retention;
    std::set<std::string> spared;

 private:
    std::uint64_t next_ = 1;
};

using Firsts = std::vector<std::uint64_t>;

TEST_F(MergeTest, TakesAsManyAsItMay) {
    for (int i = 0; i < 6; ++i) {
        add(10);
    }
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 8, .rows_max = 1000}), (Firsts{1, 11, 21, 31, 41, 51}));
    EXPECT_EQ(chosen({.parts_min = 6, .parts_max = 8, .rows_max = 1000}).size(), 6U);
    EXPECT_EQ(chosen({.parts_min = 7, .parts_max = 8, .rows_max = 1000}), Firsts());
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 3, .rows_max = 1000}), (Firsts{1, 11, 21}));
    EXPECT_EQ(chosen({.parts_min = 3, .parts_max = 3, .rows_max = 1000}), (Firsts{1, 11, 21}));
    EXPECT_EQ(chosen({.parts_min = 4, .parts_max = 3, .rows_max = 1000}), Firsts());
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 8, .rows_max = 40}), (Firsts{1, 11, 21, 31}));
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 8, .rows_max = 39}), (Firsts{1, 11, 21}));
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 8, .rows_max = 19}), Firsts());
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 8, .rows_max = 0}), Firsts());
    EXPECT_EQ(chosen({.parts_min = 0, .parts_max = 8, .rows_max = 15}), Firsts()) << "one part is no merge";
}

TEST_F(MergeTest, NoPartIsWrittenAgainUnlessAsManyRowsJoinIt) {
    add(10);
    add(9);
    EXPECT_EQ(chosen({.parts_min = 2}), Firsts());
    add(1);
    EXPECT_EQ(chosen({.parts_min = 2}), (Firsts{1, 11, 20}));
    EXPECT_EQ(chosen({.parts_min = 2, .parts_max = 2}), Firsts());
}

TEST_F(MergeTest, SparedPartStaysAndNothingIsMergedAcrossIt) {
    for (int i = 0; i < 5; ++i) {
        add(10);
    }
    spared = {set.classes[0].parts[2]->file};
    EXPECT_EQ(chosen({.parts_min = 2}), (Firsts{1, 11}));
    EXPECT_EQ(chosen({.parts_min = 3}), Firsts());
    spared = {set.classes[0].parts[1]->file};
    EXPECT_EQ(chosen({.parts_min = 2}), (Firsts{21, 31, 41}));
}

// From the oldest of them to the newest, wherever those are: the clock may have been set.
TEST_F(MergeTest, SpansAtMostASixteenthOfTheAge) {
    add(1, 1000);
    add(1, 1160);
    for (const std::size_t first : {0U, 1U}) {
        retention.age_max = Duration(160 * 16);
        EXPECT_EQ(chosen({.parts_min = 2}).size(), 2U) << first;
        retention.age_max = Duration(160 * 16 - 1);
        EXPECT_EQ(chosen({.parts_min = 2}), Firsts()) << first;
        set = PartSet();
        add(1, 1160);
        add(1, 1000);
    }
    set = PartSet();
    add(3, 1000);  // Its newest record counts.
    add(3, 1158);
    retention.age_max = Duration(160 * 16);
    EXPECT_EQ(chosen({.parts_min = 2}).size(), 2U);
    retention.age_max = Duration(160 * 16 - 1);
    EXPECT_EQ(chosen({.parts_min = 2}), Firsts());
}

TEST_F(MergeTest, HasAtMostASixteenthOfTheBytes) {
    add(10);
    add(10);
    retention.bytes_max = bytes_of(0, 2) * 16;
    EXPECT_EQ(chosen({.parts_min = 2}).size(), 2U);
    retention.bytes_max -= 1;
    EXPECT_EQ(chosen({.parts_min = 2}), Firsts());
    retention.classes.push_back({.name = "default"});
    EXPECT_EQ(chosen({.parts_min = 2}), Firsts());
    retention.classes[0].bytes_max = bytes_of(0, 2) * 16;
    EXPECT_EQ(chosen({.parts_min = 2}).size(), 2U);
    retention.bytes_max = 0;
    retention.classes[0].bytes_max -= 1;
    EXPECT_EQ(chosen({.parts_min = 2}), Firsts());
}

}  // namespace
}  // namespace sluice::store::test
