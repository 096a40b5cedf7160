#include "io/sim_data.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice::io {
namespace {

using Via = SimData::Via;

std::string now(const SimData& data) {
    std::string text(data.size(), '?');
    data.read(0, std::as_writable_bytes(std::span(text)));
    return text;
}

std::string durable(const SimData& data) {
    std::string text(data.durable_size(), '?');
    data.durable_read(0, std::as_writable_bytes(std::span(text)));
    return text;
}

TEST(SimData, ReadReturnsWhatWasWrittenAcrossPages) {
    SimData data;
    const std::string text(3 * kSimPage, 'x');
    data.write(100, as_bytes(text), Via::cache);
    EXPECT_EQ(data.size(), 100 + text.size());
    EXPECT_EQ(now(data), std::string(100, '\0') + text);
    std::byte past{};
    EXPECT_EQ(data.read(data.size(), {&past, 1}), 0U);
}

TEST(SimData, CachedWriteIsNotDurableBeforeSync) {
    SimData data;
    data.write(0, as_bytes("hello"), Via::cache);
    EXPECT_EQ(durable(data), "");
    data.sync();
    EXPECT_EQ(durable(data), "hello");
    data.write(0, as_bytes("J"), Via::cache);
    EXPECT_EQ(now(data), "Jello");
    EXPECT_EQ(durable(data), "hello");
}

// A later, lost write must not take an earlier durable one with it, nor the other way round.
TEST(SimData, DurableWriteSurvivesAmongDirtyOnes) {
    SimRandom random(1);
    SimData data;
    data.write(0, as_bytes("aaaaaaaa"), Via::cache);
    data.write(2, as_bytes("BB"), Via::durable);
    data.write(6, as_bytes("cc"), Via::cache);
    EXPECT_EQ(durable(data), std::string("\0\0BB", 4));
    data.lose_power(random, 100);
    EXPECT_EQ(now(data), "aaBBaacc");
}

TEST(SimData, PowerLossKeepsNothingDirtyAtZeroPercent) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        SimRandom random(seed);
        SimData data;
        data.write(0, as_bytes("base"), Via::durable);
        data.write(0, as_bytes("XXXX"), Via::cache);
        data.write(2, as_bytes("Y"), Via::durable);
        data.lose_power(random, 0);
        EXPECT_EQ(now(data), "baYe");
    }
}

// Each 512-byte sector of a torn write is the old or the new one, and mixtures happen.
TEST(SimData, PowerLossTearsAtSectors) {
    const std::string old_text(4 * kSimSector, 'o');
    const std::string new_text(4 * kSimSector, 'n');
    std::map<std::string, int> seen;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        SimRandom random(seed);
        SimData data;
        data.write(0, as_bytes(old_text), Via::durable);
        data.write(0, as_bytes(new_text), Via::cache);
        data.lose_power(random, 50);
        const std::string text = now(data);
        ASSERT_EQ(text.size(), old_text.size());
        std::string sectors;
        for (std::size_t i = 0; i < text.size(); i += kSimSector) {
            ASSERT_EQ(text.substr(i, kSimSector), std::string(kSimSector, text[i]));
            sectors += text[i];
        }
        ++seen[sectors];
    }
    EXPECT_GT(seen["oooo"], 0);
    EXPECT_GT(seen["nnnn"], 0);
    EXPECT_EQ(seen.size(), 16U);
}

// Two un-synced writes of different places: all four outcomes, so a reader may see the second without the first.
TEST(SimData, PowerLossReordersDirtyWrites) {
    std::map<std::string, int> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SimRandom random(seed);
        SimData data;
        data.write(0, as_bytes("--"), Via::durable);
        data.write(0, as_bytes("1"), Via::cache);
        data.write(1, as_bytes("2"), Via::cache);
        data.lose_power(random, 50);
        ++seen[now(data)];
    }
    EXPECT_EQ(seen.size(), 4U);
    EXPECT_GT(seen["-2"], 0);
}

TEST(SimData, FailedSyncForgetsWhatWasDirty) {
    SimRandom random(3);
    SimData data;
    data.write(0, as_bytes("old"), Via::durable);
    data.write(0, as_bytes("new"), Via::cache);
    data.fail_sync(random);
    data.sync();  // Succeeds, and has nothing to write.
    EXPECT_EQ(now(data), "new");
    data.lose_power(random, 100);
    EXPECT_EQ(now(data), "old");
}

TEST(SimData, TruncateIsDirtyUntilSync) {
    SimRandom random(3);
    SimData data;
    data.write(0, as_bytes("0123456789"), Via::durable);
    data.truncate(4);
    EXPECT_EQ(now(data), "0123");
    EXPECT_EQ(durable(data), "0123456789");
    data.sync();
    EXPECT_EQ(durable(data), "0123");
    data.truncate(6);
    EXPECT_EQ(now(data), std::string("0123\0\0", 6));  // What was cut off does not come back.
}

TEST(SimData, AllocationExtendsAndZerosTakeNoPages) {
    SimData data;
    data.allocate(0, 64U << 20U, true);
    EXPECT_EQ(data.size(), 64U << 20U);
    EXPECT_EQ(data.allocated_pages(), (64U << 20U) / kSimPage);
    data.write(5 * kSimPage + 1, as_bytes("x"), Via::durable);
    EXPECT_EQ(data.allocated_pages(), (64U << 20U) / kSimPage);
    data.truncate(kSimPage + 1);
    EXPECT_EQ(data.allocated_pages(), 2U);
}

TEST(SimData, FlippedBitShowsInBothViews) {
    SimData data;
    data.write(0, as_bytes("abc"), Via::durable);
    data.flip(1, std::byte{1});
    EXPECT_EQ(now(data), "acc");
    EXPECT_EQ(durable(data), "acc");
}

}  // namespace
}  // namespace sluice::io
