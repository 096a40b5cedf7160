// The physical layer of a part: streams of bytes, packed one after the other into blocks; each block is compressed and
// has a checksum.  Small streams share a block, so that 100,000 small columns do not cost 100,000 zstd frames.
// Streams and blocks have no place of their own in the file's tables: they follow one another without a gap.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "part/varint.h"

typedef struct ZSTD_CCtx_s ZSTD_CCtx;

namespace sluice::part {

inline constexpr std::size_t kBlockBytes = 16U << 10U;  // A block ends with the stream that brings it to this; a stream
                                                        // that is as large is a block of its own.
inline constexpr std::size_t kBlockBytesMax = 64U << 20U;  // Of one block, not compressed: what a reader must allocate.

struct Block {
    std::uint64_t offset = 0;
    std::uint32_t stored_bytes = 0;
    std::uint32_t raw_bytes = 0;  // Equal to stored_bytes: not compressed.
    std::uint64_t checksum = 0;   // XXH3-64 of the stored bytes.
};

struct Stream {
    std::uint32_t block = 0;
    std::uint32_t offset = 0;  // In the raw block.
    std::uint32_t bytes = 0;
};

struct BlockTable {
    std::vector<Block> blocks;
    std::vector<Stream> streams;

    void append_to(Bytes& to) const;
    // Blocks begin at `offset` of the file; false: the bytes hold no table, or one that goes beyond `end`.
    bool read(Input& from, std::uint64_t offset, std::uint64_t end);
};

// Compresses with one context for many blocks.  Threads: one at a time.
class Compressor {
 public:
    explicit Compressor(int level);
    ~Compressor();
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    // Appends the compressed bytes, or `raw` itself if that is not longer.
    void append(Bytes& to, ByteView raw);

 private:
    ZSTD_CCtx* context_;
};
// Exactly into.size() bytes; false: `stored` does not hold them.
bool decompress(ByteView stored, std::span<std::byte> into) noexcept;

// Appends blocks to a file image, which it borrows.
class BlockWriter {
 public:
    BlockWriter(Bytes& file, Compressor& compressor) noexcept : file_(file), compressor_(compressor) {}

    // Write a stream's bytes to what stream() returns, then end_stream(), which returns its index.
    Bytes& stream() noexcept { return raw_; }
    std::uint32_t end_stream();
    // The next stream begins a block.
    void cut();
    std::uint32_t streams() const noexcept { return static_cast<std::uint32_t>(table_.streams.size()); }

    // Ends the last block.  Errors: too_large (a block above the limit).
    Result<BlockTable> finish();

 private:
    Bytes& file_;
    Compressor& compressor_;
    Bytes raw_;
    std::size_t stream_start_ = 0;
    BlockTable table_;
    bool too_large_ = false;
};

}  // namespace sluice::part
