// Files of a store made by hand: its identity, and segments frame by frame.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "store_fixture.h"

namespace sluice::store::test {

inline const StoreId kStore{std::byte{1}, std::byte{2}};

// The file `identity`.
inline Bytes identity_bytes(const StoreId& id) {
    Bytes bytes;
    append(bytes, as_bytes("SWID"));
    append_int(bytes, std::uint32_t{kFormatVersion});
    append_int(bytes, checksum64(id));
    append(bytes, id);
    return bytes;
}

class SegmentImage {
 public:
    SegmentImage(std::uint64_t id, std::uint64_t first_sequence, const StoreId& store_id) : bytes(kHeaderBlock) {
        header.segment_id = id;
        header.first_sequence = first_sequence;
        header.store_id = store_id;
        header.epoch = 1;
        header.block_bytes = 512;
        header.salt = 42 + id;
        next_ = first_sequence;
        seal_header();
    }
    // After a change of `header`.
    void seal_header() { encode_segment_header(header, bytes); }
    std::string name() const { return segment_name(header.segment_id); }
    void set_next(std::uint64_t sequence) noexcept { next_ = sequence; }

    // Each returns the offset of the new frame.
    std::size_t add(const std::vector<std::string>& messages) {
        return add_payload(encode({.messages = messages}), static_cast<std::uint32_t>(messages.size()));
    }
    std::size_t add_payload(const Bytes& payload, std::uint32_t count, FrameKind kind = FrameKind::records) {
        const std::size_t at = round_up(bytes.size(), header.block_bytes);
        bytes.resize(at + sizeof(FrameHeader) + payload.size());
        std::ranges::copy(payload, bytes.begin() + static_cast<std::ptrdiff_t>(at + sizeof(FrameHeader)));
        FrameHeader frame;
        frame.segment_id = header.segment_id;
        frame.first_sequence = next_;
        frame.count = count;
        frame.epoch = header.epoch;
        frame.durable_sequence = durable;
        frame.kind = kind;
        seal_frame(frame, std::span(bytes).subspan(at), header.salt);
        next_ += count;
        return at;
    }
    void flip(std::size_t at) { bytes[at] ^= std::byte{0x10}; }

    SegmentHeader header;
    Bytes bytes;                // Ends with the last frame.
    std::uint64_t durable = 1;  // What the next frames say of it.

 private:
    std::uint64_t next_ = 1;
};

}  // namespace sluice::store::test
