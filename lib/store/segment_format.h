// The bytes of a segment file: one header block, then frames.  docs/storage-format.md is the description for strangers.
//
// A segment is `segment_bytes` long from its making to its end; what it does not use holds zeros, or frames of an
// earlier life when the file was recycled.  Those are told apart by the segment id in every frame, and by the salt that
// seeds every checksum: it is random per life, and never leaves the file, so that no client can compose a message that
// would pass for a frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "wire/batch.h"
#include "wire/cursor.h"

namespace sluice::store {

using wire::ProducerId;
using wire::StoreId;

// Behind the name of a file that is being written.
inline constexpr std::string_view kTemporarySuffix = ".tmp";
inline constexpr std::uint32_t kSegmentMagic = 0x47535753;  // "SWSG"
inline constexpr std::uint32_t kFrameMagic = 0x46574C53;    // "SLWF"
inline constexpr std::uint16_t kFormatVersion = 1;
inline constexpr std::size_t kHeaderBlock = 4096;  // Frames start here.

//   0       4         6      8          16         24        32           40       48
//   +-------+---------+------+----------+----------+---------+------------+--------+
//   | magic | version | zero | checksum | segment  | segment | first      | time   |
//   |       |         |      |          | id       | bytes   | sequence   | ns     |
//   +-------+---------+------+----------+----------+---------+------------+--------+
//   48     52       56     64            80              96        104
//   +------+--------+------+-------------+---------------+---------+
//   | epoch| block  | salt | store id    | boot id       | zeros   |   to 128; checksum: XXH3-64 of
//   |      | bytes  |      |             |               |         |   these bytes, itself as zeros
//   +------+--------+------+-------------+---------------+---------+
struct SegmentHeader {
    std::uint32_t magic = kSegmentMagic;
    std::uint16_t version = kFormatVersion;
    std::uint16_t zero = 0;
    std::uint64_t checksum = 0;
    std::uint64_t segment_id = 0;
    std::uint64_t segment_bytes = 0;
    std::uint64_t first_sequence = 0;  // Of the first record this segment may hold; earlier segments end before it.
    WallNs time_ns = 0;                // When this life of the file began.
    std::uint32_t epoch = 0;
    std::uint32_t block_bytes = 0;  // Frames start at multiples of it.
    std::uint64_t salt = 0;
    StoreId store_id{};
    std::array<std::byte, 16> boot_id{};
    std::array<std::byte, 32> zeros{};
};
static_assert(sizeof(SegmentHeader) == 128);
static_assert(std::has_unique_object_representations_v<SegmentHeader>, "padding would reach the disk");

enum class FrameKind : std::uint16_t {
    records = 0,    // Payload: batches (wire/batch.h).
    producers = 1,  // Payload: every remembered producer; the first frame of a segment.
    closed = 3,     // No payload.  Everything before it was durable when the daemon stopped.
};

//   0       4         8          16        24         32      36      40        48     56     58      64
//   +-------+---------+----------+---------+----------+-------+-------+---------+------+------+-------+---------+
//   | magic | payload | checksum | segment | first    | count | epoch | durable | time | kind | zeros | payload |
//   |       | bytes   |          | id      | sequence |       |       | below   | ns   |      |       |         |
//   +-------+---------+----------+---------+----------+-------+-------+---------+------+------+-------+---------+
//                     '-- XXH3-64, seeded with the segment's salt, covers [16, 64 + payload bytes) --'
struct FrameHeader {
    std::uint32_t magic = kFrameMagic;
    std::uint32_t payload_bytes = 0;
    std::uint64_t checksum = 0;
    std::uint64_t segment_id = 0;
    std::uint64_t first_sequence = 0;
    std::uint32_t count = 0;  // Records; sequences first_sequence .. first_sequence + count - 1.
    std::uint32_t epoch = 0;
    std::uint64_t durable_sequence = 0;  // Every record below it was durable when this frame was written.
    WallNs time_ns = 0;
    FrameKind kind = FrameKind::records;
    std::array<std::byte, 6> zeros{};
};
static_assert(sizeof(FrameHeader) == 64);
static_assert(std::has_unique_object_representations_v<FrameHeader>, "padding would reach the disk");

// Fills in the checksum and writes the 128 bytes; `block` has at least kHeaderBlock bytes, the rest is zeroed.
void encode_segment_header(SegmentHeader header, std::span<std::byte> block) noexcept;
// Errors: Errc::corrupt with the reason; Errc::unsupported for a whole header of another version.
Result<SegmentHeader> parse_segment_header(ByteView block);

// Writes `header` (payload_bytes and checksum filled in) into the first 64 bytes of `frame`, whose rest is the payload.
void seal_frame(FrameHeader header, std::span<std::byte> frame, std::uint64_t salt) noexcept;

struct FrameView {
    FrameHeader header;
    ByteView payload;
    std::size_t bytes() const noexcept { return sizeof(FrameHeader) + payload.size(); }
};

enum class FrameFault : std::uint8_t {
    absent,     // No frame of this life of the segment starts here: zeros, an old life, or anything else.
    truncated,  // A header of this segment whose frame reaches beyond the bytes given; `need` says how many it wants.
    damaged,    // A header of this segment, but the checksum does not hold: torn or damaged.
};
struct FrameProblem {
    FrameFault fault = FrameFault::absent;
    std::size_t need = 0;  // truncated: bytes from the frame's start.
};
// `bytes_max`: no valid frame is longer (the rest of the segment).
std::expected<FrameView, FrameProblem> parse_frame(ByteView at, const SegmentHeader& segment, std::size_t bytes_max);

// Calls visit(header, bytes of the batch) for each batch of a frame that parse_frame has accepted; stops at bytes that
// are no batch, which only a bug can have put there.
template <class Visit>
void for_each_batch(ByteView payload, Visit&& visit) {
    while (!payload.empty()) {
        const auto header = wire::parse_batch_header(payload);
        if (!header) {
            return;
        }
        visit(*header, payload.first(header->size));
        payload = payload.subspan(header->size);
    }
}

// "log-<id in 16 hex digits>.wal"
std::string segment_name(std::uint64_t segment_id);
std::optional<std::uint64_t> parse_segment_name(std::string_view name);
// "spare-<number in 8 hex digits>.wal": prepared files that hold nothing yet.
std::string spare_name(std::uint32_t number);
std::optional<std::uint32_t> parse_spare_name(std::string_view name);

}  // namespace sluice::store
