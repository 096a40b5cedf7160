#include "store/segment_format.h"

#include <charconv>

#include "base/assert.h"
#include "base/checksum.h"

namespace sluice::store {
namespace {

constexpr std::size_t kChecksumFrom = 16;  // In a frame.

std::uint64_t header_checksum(SegmentHeader header) noexcept {
    header.checksum = 0;
    return checksum64({reinterpret_cast<const std::byte*>(&header), sizeof header});
}

template <class Integer>
std::optional<Integer> parse_hex_name(std::string_view name, std::string_view prefix) {
    constexpr std::size_t kDigits = sizeof(Integer) * 2;
    constexpr std::string_view kSuffix = ".wal";
    if (name.size() != prefix.size() + kDigits + kSuffix.size() || !name.starts_with(prefix) ||
        !name.ends_with(kSuffix)) {
        return std::nullopt;
    }
    Integer value = 0;
    const char* first = name.data() + prefix.size();
    const char* end = std::from_chars(first, first + kDigits, value, 16).ptr;
    if (end != first + kDigits) {  // Any value of so many digits fits.
        return std::nullopt;
    }
    return value;
}

}  // namespace

void encode_segment_header(SegmentHeader header, std::span<std::byte> block) noexcept {
    SLUICE_ASSERT(block.size() >= kHeaderBlock);
    header.checksum = header_checksum(header);
    std::memset(block.data(), 0, kHeaderBlock);
    std::memcpy(block.data(), &header, sizeof header);
}

Result<SegmentHeader> parse_segment_header(ByteView block) {
    if (block.size() < sizeof(SegmentHeader)) {
        return fail(Errc::corrupt, "a segment header has {} bytes, this file ends after {}", sizeof(SegmentHeader),
                    block.size());
    }
    SegmentHeader header;
    std::memcpy(&header, block.data(), sizeof header);
    if (header.magic != kSegmentMagic) {
        return fail(Errc::corrupt, "not a segment: magic {:#x}, expected {:#x}", header.magic, kSegmentMagic);
    }
    if (header.checksum != header_checksum(header)) {
        return fail(Errc::corrupt, "the segment header fails its checksum");
    }
    if (header.version != kFormatVersion) {
        return fail(Errc::unsupported, "segment format {}, this program reads {}", header.version, kFormatVersion);
    }
    if (header.block_bytes < 512 || header.block_bytes > kHeaderBlock || !std::has_single_bit(header.block_bytes)) {
        return fail(Errc::corrupt, "block size {} is not a power of two from 512 to {}", header.block_bytes,
                    kHeaderBlock);
    }
    return header;
}

void seal_frame(FrameHeader header, std::span<std::byte> frame, std::uint64_t salt) noexcept {
    header.payload_bytes = static_cast<std::uint32_t>(frame.size() - sizeof header);
    std::memcpy(frame.data(), &header, sizeof header);
    const std::uint64_t checksum = checksum64(frame.subspan(kChecksumFrom), salt);
    store_int<std::uint64_t>(frame.data() + 8, checksum);
}

std::expected<FrameView, FrameProblem> parse_frame(ByteView at, const SegmentHeader& segment, std::size_t bytes_max) {
    if (at.size() < sizeof(FrameHeader)) {
        return std::unexpected(FrameProblem{FrameFault::truncated, sizeof(FrameHeader)});
    }
    FrameHeader header;
    std::memcpy(&header, at.data(), sizeof header);
    if (header.magic != kFrameMagic || header.segment_id != segment.segment_id) {
        return std::unexpected(FrameProblem{.fault = FrameFault::absent});
    }
    const std::size_t bytes = sizeof header + std::size_t{header.payload_bytes};
    if (bytes > bytes_max) {
        return std::unexpected(FrameProblem{.fault = FrameFault::damaged});
    }
    if (bytes > at.size()) {
        return std::unexpected(FrameProblem{FrameFault::truncated, bytes});
    }
    if (header.checksum != checksum64(at.subspan(kChecksumFrom, bytes - kChecksumFrom), segment.salt)) {
        return std::unexpected(FrameProblem{.fault = FrameFault::damaged});
    }
    return FrameView{header, at.subspan(sizeof header, header.payload_bytes)};
}

std::string segment_name(std::uint64_t segment_id) {
    return fmt::format("log-{:016x}.wal", segment_id);
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
    return parse_hex_name<std::uint64_t>(name, "log-");
}

std::string spare_name(std::uint32_t number) {
    return fmt::format("spare-{:08x}.wal", number);
}

std::optional<std::uint32_t> parse_spare_name(std::string_view name) {
    return parse_hex_name<std::uint32_t>(name, "spare-");
}

}  // namespace sluice::store
