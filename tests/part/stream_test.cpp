// Integers, doubles and texts as bytes, and back.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>

#include "part/float_stream.h"
#include "part/text_stream.h"

namespace sluice::part {
namespace {

std::vector<std::int64_t> read_back(ByteView bytes, std::size_t n) {
    std::vector<std::int64_t> values(n);
    Input from(bytes);
    EXPECT_TRUE(read_ints(from, values) && from.done());
    return values;
}

Bytes ints(const std::vector<std::int64_t>& values) {
    Bytes bytes;
    append_ints(bytes, values);
    EXPECT_EQ(read_back(bytes, values.size()), values);
    return bytes;
}

TEST(IntStream, TakesNoBytesForWhatFollowsARule) {
    std::vector<std::int64_t> values;
    for (int i = 0; i < 1000; ++i) {
        values.push_back(i * 250 + 7);
    }
    EXPECT_LT(ints(values).size(), 16U);
    EXPECT_LT(ints(std::vector<std::int64_t>(1000, INT64_MIN)).size(), 20U);
    EXPECT_TRUE(ints({}).empty());
}

TEST(IntStream, HoldsTheEndsOfTheRange) {
    ints({INT64_MIN, INT64_MAX, 0, -1, INT64_MAX, INT64_MIN});
    ints({INT64_MAX});
    ints({0, 1'000'000, 3'000'000});
}

RC_GTEST_PROP(IntStreamProperty, ReadsBackEqual, (const std::vector<std::int64_t>& values)) {
    Bytes bytes;
    append_ints(bytes, values);
    RC_ASSERT(read_back(bytes, values.size()) == values);
}

RC_GTEST_PROP(IntStreamProperty, CodesReadBackEqual, (const std::vector<std::uint8_t>& picks)) {
    std::vector<std::int64_t> codes;
    std::int64_t next = 3;
    for (const std::uint8_t pick : picks) {
        codes.push_back(pick % 4 == 0 ? next++ : pick % next);
    }
    Bytes bytes;
    append_codes(bytes, codes, 3);
    RC_ASSERT(read_back(bytes, codes.size()) == codes);
}

// The mode of the stream, after it was read back.
int mode_of(const std::vector<std::string_view>& values) {
    Bytes bytes;
    append_texts(bytes, values);
    std::vector<std::string_view> read(values.size());
    TextArena arena;
    Input from(bytes);
    EXPECT_TRUE(read_texts(from, read, arena));
    EXPECT_EQ(read, values);
    return std::to_integer<int>(bytes.front());
}

TEST(TextStream, KnowsWhatTheTextsAre) {
    EXPECT_EQ(mode_of({"a", "", "b c"}), 0);
    EXPECT_EQ(mode_of({std::string_view("a\0b", 3)}), 1);
    EXPECT_EQ(mode_of({"0", "-17", "999999999999999999"}), 2);
    EXPECT_EQ(mode_of({"007", "123"}), 3);
    EXPECT_EQ(mode_of({"0.50", "-12.25", "-0.01"}), 4);
    EXPECT_EQ(mode_of({"2023-11-21T01:02:03.123Z", "1969-12-31T23:59:59.999Z"}), 5);
    EXPECT_EQ(mode_of({"2023-11-21 01:02:03,5", "0001-01-01 00:00:00,0"}), 5);
    EXPECT_EQ(mode_of({"2023-11-21T01:02:03+01:00"}), 5);
    EXPECT_EQ(mode_of({"10.0.0.1", "255.255.255.255"}), 6);
    EXPECT_EQ(mode_of({"deadbeef00", "00000000ff"}), 7);
    EXPECT_EQ(mode_of({"550e8400-e29b-41d4-a716-446655440000"}), 8);
}

TEST(TextStream, TakesNothingForWhatItIsNot) {
    for (const std::string_view odd : {"-0", "01", "1e5", "+1", " 1", "1 ", "0x1", "1234567890123456789012"}) {
        EXPECT_EQ(mode_of({"1", odd}), 0) << odd;
    }
    EXPECT_EQ(mode_of({"1.5", "1.50"}), 0);
    EXPECT_EQ(mode_of({"1.5", "-0.0"}), 0);
    EXPECT_EQ(mode_of({"10.0.0.1", "10.0.0.01"}), 0);
    EXPECT_EQ(mode_of({"10.0.0.1", "10.0.0.256"}), 0);
    EXPECT_EQ(mode_of({"deadbeef00", "DEADBEEF00"}), 0);
    EXPECT_EQ(mode_of({"550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716x446655440000"}), 0);
    EXPECT_EQ(mode_of({"2023-02-29T00:00:00Z"}), 0);
    EXPECT_EQ(mode_of({"2023-11-21T24:00:00Z"}), 0);
    EXPECT_EQ(mode_of({"9999-12-31T23:59:59.123456789Z"}), 0);  // Beyond 64 bits of nanoseconds.
}

int float_mode_of(const std::vector<double>& values) {
    std::vector<std::int64_t> bits;
    for (const double value : values) {
        bits.push_back(std::bit_cast<std::int64_t>(value));
    }
    Bytes bytes;
    append_floats(bytes, bits);
    std::vector<double> read(values.size());
    Input from(bytes);
    EXPECT_TRUE(read_floats(from, read));
    for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(std::bit_cast<std::int64_t>(read[i]), bits[i]) << values[i];
    }
    return std::to_integer<int>(bytes.front());
}

TEST(FloatStream, TakesDecimalsWhereTheyGiveEveryBitBack) {
    EXPECT_EQ(float_mode_of({0.1, 12.345, -7, 1425565514.419939}), 1);
    EXPECT_EQ(float_mode_of({0.0, -0.0}), 0);
    EXPECT_EQ(float_mode_of({1.0 / 3, 0.5}), 0);
    EXPECT_EQ(float_mode_of({std::nan("7"), HUGE_VAL, -HUGE_VAL, 5e-324, 1.7e308}), 0);
}

}  // namespace
}  // namespace sluice::part
