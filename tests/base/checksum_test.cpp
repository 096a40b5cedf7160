#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

// Stored in every segment: another value here means that no old store can be read.  The empty one is the reference
// vector of the XXH3 specification.
TEST(Checksum, HasTheValuesOfXxh3) {
    EXPECT_EQ(checksum64({}), 0x2D06800538D394C2U);
    EXPECT_NE(checksum64({}, 1), checksum64({}));
}

TEST(Checksum, FindsEveryFlippedBit) {
    std::string text(300, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(i * 31);
    }
    const std::uint64_t right = checksum64(as_bytes(text));
    for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_NE(checksum64(as_bytes(text)), right) << "bit " << bit;
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
    }
    EXPECT_EQ(checksum64(as_bytes(text)), right);
}

}  // namespace
}  // namespace sluice
