#include "store/part_name.h"

#include <gtest/gtest.h>

namespace sluice::store {
namespace {

TEST(ClassName, IsOneTo32OfTheAllowedCharacters) {
    EXPECT_FALSE(valid_class_name(""));
    EXPECT_TRUE(valid_class_name(std::string(32, 'x')));
    EXPECT_FALSE(valid_class_name(std::string(33, 'x')));
    for (int c = -128; c < 128; ++c) {
        const char character = static_cast<char>(c);
        const bool allowed = std::string_view("abcdefghijklmnopqrstuvwxyz0123456789_").contains(character);
        EXPECT_EQ(valid_class_name(std::string{character}), allowed && character != '\0') << c;
        EXPECT_EQ(valid_class_name(std::string{'a', character, 'b'}), allowed && character != '\0') << c;
    }
}

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

TEST(PartName, NumbersAreSixteenLowerCaseHexDigits) {
    EXPECT_EQ(parse_part_file_name("part-x-0123456789abcdef-fedcba9876543210.slp"),
              (PartName{"x", 0x0123456789abcdef, 0xfedcba9876543210}));
    EXPECT_EQ(parse_part_file_name("part-x-0000000000000000-ffffffffffffffff.slp"),
              (PartName{"x", 0, 0xffffffffffffffff}));
    const std::string whole = "part-x-1000000000000000-2000000000000000.slp";
    ASSERT_TRUE(parse_part_file_name(whole));
    for (const std::size_t at : {7U, 15U, 22U, 24U, 31U, 39U}) {
        for (const char bad : {'A', 'F', 'g', '/', ':', '`', '-', '+', ' ', '\0'}) {
            std::string name = whole;
            name[at] = bad;
            EXPECT_FALSE(parse_part_file_name(name)) << name;
        }
    }
}

TEST(PartName, EveryOtherCharacterIsFixed) {
    const std::string whole = "part-x-1000000000000000-2000000000000000.slp";
    for (const std::size_t at : {0U, 1U, 2U, 3U, 4U, 6U, 23U, 40U, 41U, 42U, 43U}) {
        std::string name = whole;
        name[at] = name[at] == 'X' ? 'Y' : 'X';
        EXPECT_FALSE(parse_part_file_name(name)) << name;
    }
}

TEST(PartName, HoldsAtLeastOneRecord) {
    EXPECT_FALSE(parse_part_file_name("part-x-0000000000000005-0000000000000004.slp"));
    EXPECT_FALSE(parse_part_file_name("part-x-0000000000000005-0000000000000005.slp"));
    EXPECT_TRUE(parse_part_file_name("part-x-0000000000000005-0000000000000006.slp"));
}

TEST(PartName, EveryCutIsRefused) {
    const std::string whole = "part-x-1000000000000000-2000000000000000.slp";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_part_file_name(std::string_view(whole).substr(0, size))) << size;
        EXPECT_FALSE(parse_part_file_name(std::string_view(whole).substr(whole.size() - size))) << size;
        const std::string middle = whole.substr(0, 5) + std::string(size, '-') + ".slp";
        EXPECT_FALSE(parse_part_file_name(middle)) << middle;
    }
    EXPECT_FALSE(parse_part_file_name("part--1000000000000000-2000000000000000.slp"));
    EXPECT_TRUE(parse_part_file_name("part-" + std::string(32, 'c') + "-1000000000000000-2000000000000000.slp"));
    EXPECT_FALSE(parse_part_file_name("part-" + std::string(33, 'c') + "-1000000000000000-2000000000000000.slp"));
}

TEST(PartName, CoversAndOverlapsWithinItsClass) {
    const PartName whole{"a", 10, 20};
    EXPECT_TRUE(whole.covers(whole));
    EXPECT_TRUE(whole.covers({"a", 11, 19}));
    EXPECT_FALSE(whole.covers({"a", 9, 20}));
    EXPECT_FALSE(whole.covers({"a", 10, 21}));
    EXPECT_FALSE(whole.covers({"b", 11, 19}));
    EXPECT_TRUE(whole.overlaps({"a", 19, 30}));
    EXPECT_FALSE(whole.overlaps({"a", 20, 30}));
    EXPECT_TRUE(whole.overlaps({"a", 1, 11}));
    EXPECT_FALSE(whole.overlaps({"a", 1, 10}));
    EXPECT_FALSE(whole.overlaps({"b", 10, 20}));
}

}  // namespace
}  // namespace sluice::store
