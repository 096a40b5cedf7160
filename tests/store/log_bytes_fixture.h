// Groups of a size to the byte, and what of them is in the files.
#pragma once

#include "store_fixture.h"

namespace sluice::store::test {

class LogBytesTest : public StoreTest {
 protected:
    static constexpr std::size_t kFirstFrame = kHeaderBlock + 512;  // Behind the producers, where there are few.

    // One record, so that the group has that many bytes, in a buffer with rubbish behind it.
    static Group group_of(std::size_t bytes, std::size_t capacity = 0) {
        const std::size_t empty = make_group({{.messages = {""}}}).group.bytes;
        GroupOf made = make_group({{.messages = {std::string(bytes - empty, 'x')}}});
        for (std::size_t length = bytes - empty; made.group.bytes > bytes; --length) {
            made = make_group({{.messages = {std::string(length, 'x')}}});
        }
        EXPECT_EQ(made.group.bytes, bytes);
        auto buffer = std::make_shared<AlignedBuffer>(std::max(bytes, capacity));
        std::memset(buffer->data(), 0xEE, buffer->capacity());
        std::memcpy(buffer->data(), made.group.buffer->data(), bytes);
        made.group.buffer = std::move(buffer);
        return made.group;
    }
    Committed put(std::size_t bytes, bool durable) {
        const Result<Committed> committed = program->append_group(group_of(bytes), durable);
        EXPECT_TRUE(committed) << committed.error();
        return committed.value_or(Committed{});
    }
    Bytes bytes_of(std::size_t segment) {
        return *disk().content(path(segment_name(writer().catalog()[segment].header.segment_id)));
    }
    std::vector<FrameHeader> frames_of(std::size_t segment) {
        const Bytes bytes = bytes_of(segment);
        const SegmentHeader header = *parse_segment_header(bytes);
        std::vector<FrameHeader> frames;
        for (std::size_t at = kHeaderBlock; at < bytes.size();) {
            const auto frame = parse_frame(ByteView(bytes).subspan(at), header, bytes.size() - at);
            if (!frame) {
                break;
            }
            frames.push_back(frame->header);
            at += round_up(frame->bytes(), header.block_bytes);
        }
        return frames;
    }
    std::vector<std::string> names() { return disk().names(kDirectory); }
};

}  // namespace sluice::store::test
