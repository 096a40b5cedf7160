// docs/storage-format.md says what the code does: its hexdumps are parsed.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "store/identity.h"
#include "store/producers.h"
#include "store/seal_state.h"
#include "store/segment_format.h"

namespace sluice::store {
namespace {

// The blocks that are fenced with ```hex NAME.
std::vector<Bytes> blocks_of(std::string_view name) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/storage-format.md");
    std::vector<Bytes> blocks;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line == fmt::format("```hex {}", name)) {
            inside = true;
            blocks.emplace_back();
        } else if (line.starts_with("```")) {
            inside = false;
        } else if (inside) {
            std::istringstream pairs(line);
            for (std::string pair; pairs >> pair;) {
                blocks.back().push_back(static_cast<std::byte>(std::stoi(pair, nullptr, 16)));
            }
        }
    }
    return blocks;
}

TEST(StorageDocument, IdentityIsValid) {
    const auto blocks = blocks_of("identity");
    ASSERT_EQ(blocks.size(), 1U);
    const auto id = parse_identity(blocks[0]);
    ASSERT_TRUE(id) << id.error();
    EXPECT_EQ(wire::format_id(*id), "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
}

TEST(StorageDocument, HeaderAndFramesAreValid) {
    const auto headers = blocks_of("segment-header");
    const auto frames = blocks_of("frame");
    ASSERT_EQ(headers.size(), 1U);
    ASSERT_EQ(frames.size(), 2U);
    ASSERT_EQ(headers[0].size(), sizeof(SegmentHeader));
    const auto header = parse_segment_header(headers[0]);
    ASSERT_TRUE(header) << header.error();
    EXPECT_EQ(header->segment_id, 2U);
    EXPECT_EQ(header->first_sequence, 41U);
    EXPECT_EQ(header->block_bytes, 512U);

    const auto snapshot = parse_frame(frames[0], *header, header->segment_bytes);
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->header.kind, FrameKind::producers);
    EXPECT_EQ(snapshot->bytes(), frames[0].size());
    ProducerTable producers(8);
    ASSERT_TRUE(producers.decode(snapshot->payload));
    ASSERT_EQ(producers.size(), 1U);
    EXPECT_EQ(producers.entries()[0]->state.number, 6U);
    EXPECT_EQ(producers.entries()[0]->state.last_sequence, 40U);

    const auto records = parse_frame(frames[1], *header, header->segment_bytes);
    ASSERT_TRUE(records);
    EXPECT_EQ(records->header.first_sequence, 41U);
    EXPECT_EQ(records->header.count, 1U);
    ByteView rest = records->payload;
    const auto batch = wire::parse_batch(rest);
    ASSERT_TRUE(batch) << batch.error();
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(batch->header.number, 7U);
    EXPECT_EQ(batch->header.producer, producers.entries()[0]->id);
    EXPECT_EQ(batch->trusted.find("_uid")->as_int64(), 1000);
    EXPECT_EQ((*batch->records.begin()).stream(), "web");
    EXPECT_EQ((*batch->records.begin()).message(), "hello");
}

TEST(StorageDocument, SealedIsValid) {
    const auto blocks = blocks_of("sealed");
    ASSERT_EQ(blocks.size(), 1U);
    SealState expected;
    expected.store_id = *wire::parse_id("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
    expected.sealed_end = 4711;
    expected.missing_rows = 3;
    expected.epochs = {{1, 1}};
    expected.removed_of("debug") = {.class_name = "debug", .end_sequence = 100, .parts = 2, .rows = 50, .bytes = 999};
    EXPECT_EQ(encode_seal_state(expected), blocks[0]);
    const auto state = parse_seal_state(blocks[0]);
    ASSERT_TRUE(state) << state.error();
    EXPECT_EQ(*state, expected);
}

}  // namespace
}  // namespace sluice::store
