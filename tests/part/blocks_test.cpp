// Blocks and the table of them: where a block ends, and what no table is.
#include "part/blocks.h"

#include <gtest/gtest.h>

#include "base/checksum.h"
#include "base/format.h"

namespace sluice::part {
namespace {

Bytes rubbish(std::size_t count, std::uint64_t x = 88172645463325252U) {
    Bytes bytes(count);
    for (std::byte& byte : bytes) {
        x ^= x << 13U;
        x ^= x >> 7U;
        x ^= x << 17U;
        byte = static_cast<std::byte>(x);
    }
    return bytes;
}

class BlockWriterTest : public testing::Test {
 protected:
    std::uint32_t add(const Bytes& bytes) {
        append(writer.stream(), bytes);
        return writer.end_stream();
    }
    // "block offset+bytes" of each stream.
    std::vector<std::string> streams(const BlockTable& table) const {
        std::vector<std::string> all;
        for (const Stream& stream : table.streams) {
            all.push_back(fmt::format("{} {}+{}", stream.block, stream.offset, stream.bytes));
        }
        return all;
    }
    Compressor compressor{1};
    Bytes file = Bytes(5, std::byte{0x77});
    BlockWriter writer{file, compressor};
};

using Strings = std::vector<std::string>;

TEST_F(BlockWriterTest, BlockEndsWithTheStreamThatReaches16KiB) {
    EXPECT_EQ(add(rubbish(100)), 0U);
    EXPECT_EQ(add(rubbish(16'283)), 1U);
    EXPECT_EQ(add(rubbish(1)), 2U);
    EXPECT_EQ(add({}), 3U);
    EXPECT_EQ(add(rubbish(20'000)), 4U);
    EXPECT_EQ(add(rubbish(7)), 5U);
    EXPECT_EQ(writer.streams(), 6U);
    const auto table = writer.finish();
    ASSERT_TRUE(table) << table.error();
    EXPECT_EQ(streams(*table), (Strings{"0 0+100", "0 100+16283", "0 16383+1", "1 0+0", "1 0+20000", "2 0+7"}));
    ASSERT_EQ(table->blocks.size(), 3U);
    std::uint64_t offset = 5;
    for (const Block& block : table->blocks) {
        EXPECT_EQ(block.offset, offset);
        EXPECT_EQ(block.stored_bytes, block.raw_bytes) << "rubbish is not compressed";
        EXPECT_EQ(block.checksum, checksum64(ByteView(file).subspan(block.offset, block.stored_bytes)));
        offset += block.stored_bytes;
    }
    EXPECT_EQ(offset, file.size());
}

TEST_F(BlockWriterTest, CutEndsABlockOnlyWhereThereIsOne) {
    writer.cut();
    add(Bytes(1000));
    writer.cut();
    writer.cut();
    add({});
    const auto table = writer.finish();
    ASSERT_TRUE(table) << table.error();
    EXPECT_EQ(streams(*table), (Strings{"0 0+1000", "1 0+0"}));
    ASSERT_EQ(table->blocks.size(), 2U);
    EXPECT_EQ(table->blocks[0].raw_bytes, 1000U);
    EXPECT_LT(table->blocks[0].stored_bytes, 100U);
    EXPECT_EQ(table->blocks[1].raw_bytes, 0U);
}

TEST_F(BlockWriterTest, NothingWrittenIsAnEmptyTable) {
    const auto table = writer.finish();
    ASSERT_TRUE(table) << table.error();
    EXPECT_TRUE(table->blocks.empty() && table->streams.empty());
    EXPECT_EQ(file.size(), 5U);
}

TEST_F(BlockWriterTest, BlockHasAtMost64MiB) {
    add(Bytes(kBlockBytesMax));
    EXPECT_TRUE(writer.finish());
    Bytes other;
    BlockWriter larger(other, compressor);
    larger.stream().resize(kBlockBytesMax + 1);
    larger.end_stream();
    const auto table = larger.finish();
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code(), Errc::too_large);
    EXPECT_EQ(table.error().text(), "a block of the part exceeds 67108864 bytes");
    EXPECT_TRUE(other.empty());
}

TEST(Compressor, KeepsWhatDoesNotBecomeShorter) {
    Compressor compressor(1);
    Bytes to(3, std::byte{9});
    const Bytes raw = rubbish(200);
    compressor.append(to, raw);
    ASSERT_EQ(to.size(), 203U);
    EXPECT_EQ(to[2], std::byte{9});
    Bytes back(200);
    ASSERT_TRUE(decompress(ByteView(to).subspan(3), back));
    EXPECT_EQ(back, raw);
    Bytes zeros;
    compressor.append(zeros, Bytes(5000));
    EXPECT_LT(zeros.size(), 50U);
    back.assign(5000, std::byte{1});
    ASSERT_TRUE(decompress(zeros, back));
    EXPECT_EQ(back, Bytes(5000));
    back.resize(4999);
    EXPECT_FALSE(decompress(zeros, back));
    back.resize(5001);
    EXPECT_FALSE(decompress(zeros, back));
}

// ---- the table ----

class BlockTableTest : public testing::Test {
 protected:
    BlockTableTest() {
        table.blocks = {{100, 10, 20, 0x1111}, {110, 5, 5, 0x2222}, {115, 3, 0, 0x3333}};
        table.streams = {{0, 0, 20}, {1, 0, 2}, {1, 2, 3}, {2, 0, 0}};
    }
    static bool read(const Bytes& bytes, std::uint64_t offset, std::uint64_t end, BlockTable& into) {
        Input from(bytes);
        return into.read(from, offset, end) && from.done();
    }
    // As it is written, with one number of it another.
    bool read_changed(std::vector<std::uint64_t> entries) const {
        Bytes bytes;
        append_varint(bytes, 1);
        append_varint(bytes, 4);
        append_varint(bytes, 9);
        append_int(bytes, std::uint64_t{5});
        append_varint(bytes, entries.size());
        for (const std::uint64_t entry : entries) {
            append_varint(bytes, entry);
        }
        BlockTable into;
        return read(bytes, 8, 12, into);
    }
    BlockTable table;
};

TEST_F(BlockTableTest, ComesBackWithItsOffsets) {
    Bytes bytes;
    table.append_to(bytes);
    BlockTable back;
    ASSERT_TRUE(read(bytes, 100, 118, back));
    ASSERT_EQ(back.blocks.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(back.blocks[i].offset, table.blocks[i].offset);
        EXPECT_EQ(back.blocks[i].stored_bytes, table.blocks[i].stored_bytes);
        EXPECT_EQ(back.blocks[i].raw_bytes, table.blocks[i].raw_bytes);
        EXPECT_EQ(back.blocks[i].checksum, table.blocks[i].checksum);
    }
    ASSERT_EQ(back.streams.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(back.streams[i].block, table.streams[i].block);
        EXPECT_EQ(back.streams[i].offset, table.streams[i].offset);
        EXPECT_EQ(back.streams[i].bytes, table.streams[i].bytes);
    }
    EXPECT_FALSE(read(bytes, 100, 117, back));
    EXPECT_FALSE(read(bytes, 100, 119, back));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(read(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)), 100, 118, back));
    }
}

TEST_F(BlockTableTest, StreamsFillTheirBlocksAndNoMore) {
    const auto entry = [](std::uint64_t bytes, bool begins) { return bytes << 1U | (begins ? 1U : 0U); };
    EXPECT_TRUE(read_changed({entry(9, true)}));
    EXPECT_TRUE(read_changed({entry(4, true), entry(5, false)}));
    EXPECT_TRUE(read_changed({entry(0, true), entry(9, false), entry(0, false)}));
    EXPECT_FALSE(read_changed({entry(8, true)})) << "a byte of no stream";
    EXPECT_FALSE(read_changed({entry(10, true)})) << "beyond the block";
    EXPECT_FALSE(read_changed({entry(4, true), entry(6, false)}));
    EXPECT_FALSE(read_changed({entry(9, false)})) << "the first begins a block";
    EXPECT_FALSE(read_changed({entry(9, true), entry(0, true)})) << "a block that is not there";
    EXPECT_FALSE(read_changed({})) << "a block without a stream";
}

TEST_F(BlockTableTest, BlockIsFullBeforeTheNextBegins) {
    table.streams[0].bytes = 19;
    Bytes bytes;
    table.append_to(bytes);
    BlockTable back;
    EXPECT_FALSE(read(bytes, 100, 118, back));
}

TEST_F(BlockTableTest, WithoutBlocksThereAreNoStreams) {
    BlockTable back;
    Bytes bytes{std::byte{0}, std::byte{0}};
    EXPECT_TRUE(read(bytes, 8, 8, back));
    EXPECT_FALSE(read(bytes, 8, 9, back));
    bytes = {std::byte{0}, std::byte{1}, std::byte{1}};
    EXPECT_FALSE(read(bytes, 8, 8, back));
}

TEST_F(BlockTableTest, SizesAreBounded) {
    for (const auto& [stored, raw, holds] :
         {std::tuple<std::uint64_t, std::uint64_t, bool>{kBlockBytesMax, 0, true}, {kBlockBytesMax + 1, 0, false}}) {
        Bytes bytes;
        append_varint(bytes, 1);
        append_varint(bytes, stored);
        append_varint(bytes, raw);
        append_int(bytes, std::uint64_t{5});
        append_varint(bytes, 1);
        append_varint(bytes, 1);
        BlockTable back;
        EXPECT_EQ(read(bytes, 8, 8 + stored, back), holds);
    }
    Bytes bytes;
    append_varint(bytes, 1);
    append_varint(bytes, 1);
    append_varint(bytes, kBlockBytesMax + 1);
    append_int(bytes, std::uint64_t{5});
    append_varint(bytes, 1);
    append_varint(bytes, (std::uint64_t{kBlockBytesMax} + 1) << 1U | 1U);
    BlockTable back;
    EXPECT_FALSE(read(bytes, 8, 9, back));
}

}  // namespace
}  // namespace sluice::part
