#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice {
namespace {

TEST(Bytes, LoadsAndStoresLittleEndianAtAnyAlignment) {
    std::array<std::byte, 16> raw{};
    for (std::size_t offset = 0; offset < 8; ++offset) {
        store_int<std::uint32_t>(raw.data() + offset, 0x01020304U);
        EXPECT_EQ(raw[offset], std::byte{4});
        EXPECT_EQ(raw[offset + 3], std::byte{1});
        EXPECT_EQ(load_int<std::uint32_t>(raw.data() + offset), 0x01020304U);
        store_int<std::int64_t>(raw.data() + offset, -2);
        EXPECT_EQ(load_int<std::int64_t>(raw.data() + offset), -2);
        EXPECT_EQ(raw[offset], std::byte{0xFE});
    }
}

TEST(Bytes, AppendsIntegersAndText) {
    Bytes bytes;
    append_int<std::uint16_t>(bytes, 0x4241U);
    append(bytes, as_bytes("cd"));
    append(bytes, {});
    EXPECT_EQ(as_text(bytes), "ABcd");
}

TEST(Bytes, RoundsUpToTheAlignment) {
    EXPECT_EQ(round_up(0, 8), 0U);
    EXPECT_EQ(round_up(1, 8), 8U);
    EXPECT_EQ(round_up(8, 8), 8U);
    EXPECT_EQ(round_up(4097, 4096), 8192U);
}

}  // namespace
}  // namespace sluice
