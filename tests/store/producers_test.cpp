#include "store/producers.h"

#include <gtest/gtest.h>

#include "guarded_bytes.h"

namespace sluice::store {
namespace {

constexpr std::uint32_t kUser = 1000;

ProducerId id_of(std::uint8_t value) {
    ProducerId id{};
    id[3] = std::byte{value};
    return id;
}

std::vector<std::uint8_t> order_of(const ProducerTable& table) {
    std::vector<std::uint8_t> order;
    for (const ProducerTable::Entry* entry : table.entries()) {
        order.push_back(std::to_integer<std::uint8_t>(entry->id[3]));
    }
    return order;
}

TEST(ProducerTable, RemembersTheLastState) {
    ProducerTable table(4);
    EXPECT_EQ(table.find(id_of(1)), nullptr);
    table.update(id_of(1), kUser, {.number = 1, .last_sequence = 10});
    table.update(id_of(1), kUser, {.number = 2, .last_sequence = 20});
    ASSERT_NE(table.find(id_of(1)), nullptr);
    EXPECT_EQ(table.find(id_of(1))->number, 2U);
    EXPECT_EQ(table.find(id_of(1))->last_sequence, 20U);
    EXPECT_EQ(table.size(), 1U);
}

TEST(ProducerTable, ForgetsTheOneSilentLongest) {
    ProducerTable table(3);
    for (const std::uint8_t value : std::initializer_list<std::uint8_t>{1, 2, 3, 1, 4}) {
        table.update(id_of(value), kUser, {.number = value, .last_sequence = value});
    }
    EXPECT_EQ(order_of(table), (std::vector<std::uint8_t>{3, 1, 4}));
    EXPECT_EQ(table.find(id_of(2)), nullptr);
}

TEST(ProducerTable, SnapshotKeepsStatesAndOrder) {
    ProducerTable table(8);
    for (const std::uint8_t value : std::initializer_list<std::uint8_t>{5, 6, 7, 5}) {
        table.update(id_of(value), kUser, {.number = value + 100U, .last_sequence = value + 200U});
    }
    const Bytes snapshot = table.encode();
    EXPECT_EQ(snapshot.size(), 8U + 3 * 40U);
    ProducerTable copy(8);
    copy.update(id_of(9), kUser, {.number = 1, .last_sequence = 1});
    ASSERT_TRUE(copy.decode(snapshot));
    EXPECT_EQ(order_of(copy), (std::vector<std::uint8_t>{6, 7, 5}));
    EXPECT_EQ(copy.find(id_of(5))->number, 105U);
    EXPECT_EQ(copy.find(id_of(5))->last_sequence, 205U);
    EXPECT_EQ(copy.find(id_of(9)), nullptr);
    EXPECT_EQ(copy.encode(), snapshot);
}

TEST(ProducerTable, SnapshotKeepsTheUsers) {
    ProducerTable table(4);
    for (const std::uint8_t value : std::initializer_list<std::uint8_t>{1, 2, 3, 4}) {
        table.update(id_of(value), value == 1 ? kUser : kUser + 1, {.number = 1, .last_sequence = 1});
    }
    ProducerTable copy(4);
    ASSERT_TRUE(copy.decode(table.encode()));
    copy.update(id_of(5), kUser + 1, {.number = 1, .last_sequence = 1});  // Its user has most.
    EXPECT_EQ(order_of(copy), (std::vector<std::uint8_t>{1, 3, 4, 5}));
    EXPECT_EQ(copy.entries()[0]->uid, kUser);
}

// Count 1, zero, and an entry of 32 bytes.
TEST(ProducerTable, ReadsSnapshotsWithoutUsers) {
    Bytes snapshot;
    append_int<std::uint32_t>(snapshot, 1);
    append_int<std::uint32_t>(snapshot, 0);
    append(snapshot, id_of(7));
    append_int<std::uint64_t>(snapshot, 41);
    append_int<std::uint64_t>(snapshot, 1000);
    ProducerTable table(4);
    const Result<> decoded = table.decode(snapshot);
    ASSERT_TRUE(decoded) << decoded.error();
    ASSERT_NE(table.find(id_of(7)), nullptr);
    EXPECT_EQ(table.find(id_of(7))->number, 41U);
    EXPECT_EQ(table.find(id_of(7))->last_sequence, 1000U);
    EXPECT_EQ(table.entries()[0]->uid, wire::kNoUid);
    table.update(id_of(7), kUser, {.number = 42, .last_sequence = 1001});
    EXPECT_EQ(table.entries()[0]->uid, kUser);
    store_int<std::uint32_t>(snapshot.data() + 4, 33);
    EXPECT_FALSE(table.decode(snapshot));
}

// After the limit was lowered in the configuration.
TEST(ProducerTable, SnapshotOfALargerTableKeepsTheNewest) {
    ProducerTable large(8);
    for (const std::uint8_t value : std::initializer_list<std::uint8_t>{1, 2, 3, 4}) {
        large.update(id_of(value), kUser, {.number = 1, .last_sequence = 1});
    }
    ProducerTable small(2);
    ASSERT_TRUE(small.decode(large.encode()));
    EXPECT_EQ(order_of(small), (std::vector<std::uint8_t>{3, 4}));
}

TEST(ProducerTable, SnapshotOfAnotherSizeIsCorruptAndChangesNothing) {
    ProducerTable table(8);
    table.update(id_of(1), kUser, {.number = 1, .last_sequence = 1});
    const Bytes snapshot = table.encode();
    Bytes longer = snapshot;
    longer.push_back(std::byte{0});
    Bytes overcounted = snapshot;
    store_int<std::uint32_t>(overcounted.data(), 0xFFFFFFFF);
    for (const ByteView bad : {ByteView(snapshot).first(7), ByteView(snapshot).first(47), ByteView(longer),
                               ByteView(overcounted), ByteView()}) {
        const Result<> decoded = table.decode(bad);
        ASSERT_FALSE(decoded);
        EXPECT_EQ(decoded.error().code(), Errc::corrupt);
        EXPECT_EQ(table.size(), 1U);
    }
}

TEST(ProducerTable, SnapshotOfAnotherSizeIsSaidToBe) {
    ProducerTable table(8);
    table.update(id_of(1), kUser, {.number = 1, .last_sequence = 1});
    const Bytes snapshot = table.encode();
    EXPECT_EQ(table.decode(ByteView(snapshot).first(39)).error().text(), "a snapshot of 1 producers has 39 bytes");
    EXPECT_EQ(table.decode(ByteView(snapshot).first(7)).error().text(), "a producer snapshot of 7 bytes");
}

TEST(ProducerTable, NothingBehindASnapshotIsRead) {
    ProducerTable table(8);
    table.update(id_of(1), kUser, {.number = 1, .last_sequence = 1});
    Bytes snapshot = table.encode();
    for (std::size_t size = 0; size <= snapshot.size(); ++size) {
        const test::GuardedBytes cut(ByteView(snapshot).first(size));
        EXPECT_EQ(table.decode(cut.bytes()).has_value(), size == snapshot.size()) << size;
    }
    store_int<std::uint32_t>(snapshot.data(), 2);
    EXPECT_FALSE(table.decode(test::GuardedBytes(snapshot).bytes()));
}

TEST(ProducerTable, EmptySnapshotRoundTrips) {
    ProducerTable table(2);
    EXPECT_EQ(table.encode().size(), 8U);
    EXPECT_TRUE(table.decode(table.encode()));
    EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace sluice::store
