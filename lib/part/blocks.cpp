#include "part/blocks.h"

#include <zstd.h>

#include <algorithm>

#include "base/assert.h"
#include "base/checksum.h"

namespace sluice::part {

void BlockTable::append_to(Bytes& to) const {
    append_varint(to, blocks.size());
    for (const Block& block : blocks) {
        append_varint(to, block.stored_bytes);
        append_varint(to, block.raw_bytes);
        append_int(to, block.checksum);
    }
    append_varint(to, streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i) {
        const bool begins = i == 0 || streams[i].block != streams[i - 1].block;
        append_varint(to, std::uint64_t{streams[i].bytes} << 1U | (begins ? 1U : 0U));
    }
}

bool BlockTable::read(Input& from, std::uint64_t offset, std::uint64_t end) {
    blocks.resize(from.count());
    for (Block& block : blocks) {
        block.offset = offset;
        block.stored_bytes = static_cast<std::uint32_t>(from.varint_max(kBlockBytesMax));
        block.raw_bytes = static_cast<std::uint32_t>(from.varint_max(kBlockBytesMax));
        const ByteView checksum = from.bytes(sizeof block.checksum);
        block.checksum = checksum.empty() ? 0 : load_int<std::uint64_t>(checksum.data());
        offset += block.stored_bytes;
    }
    if (from.failed() || offset != end) {
        return false;
    }
    streams.resize(from.count());
    std::uint32_t block = UINT32_MAX;  // The first stream begins block 0.
    std::uint64_t used = 0;
    for (Stream& stream : streams) {
        const std::uint64_t entry = from.varint_max(std::uint64_t{kBlockBytesMax} << 1U | 1U);
        if ((entry & 1U) != 0) {
            if (block != UINT32_MAX && used != blocks[block].raw_bytes) {
                return false;
            }
            ++block;
            used = 0;
        }
        if (block >= blocks.size() || used + (entry >> 1U) > blocks[block].raw_bytes) {
            return false;
        }
        stream = {block, static_cast<std::uint32_t>(used), static_cast<std::uint32_t>(entry >> 1U)};
        used += entry >> 1U;
    }
    const bool all = blocks.empty() ? streams.empty() : block + 1U == blocks.size() && used == blocks[block].raw_bytes;
    return !from.failed() && all;
}

Compressor::Compressor(int level) : context_(ZSTD_createCCtx()) {
    SLUICE_ASSERT(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_contentSizeFlag, 0);
}

Compressor::~Compressor() {
    ZSTD_freeCCtx(context_);
}

void Compressor::append(Bytes& to, ByteView raw) {
    const std::size_t start = to.size();
    to.resize(start + ZSTD_compressBound(raw.size()));
    const std::size_t n = ZSTD_compress2(context_, to.data() + start, to.size() - start, raw.data(), raw.size());
    SLUICE_ASSERT(ZSTD_isError(n) == 0U, "{}", ZSTD_getErrorName(n));
    if (n < raw.size()) {
        to.resize(start + n);
    } else {
        to.resize(start);
        sluice::append(to, raw);
    }
}

bool decompress(ByteView stored, std::span<std::byte> into) noexcept {
    if (stored.size() == into.size()) {
        std::copy(stored.begin(), stored.end(), into.begin());
        return true;
    }
    struct Context {
        ZSTD_DCtx* context = ZSTD_createDCtx();
        Context() = default;
        Context(const Context&) = delete;
        Context& operator=(const Context&) = delete;
        ~Context() { ZSTD_freeDCtx(context); }
    };
    static thread_local const Context own;  // 160 kB: too much to make for each block.
    return own.context != nullptr &&
           ZSTD_decompressDCtx(own.context, into.data(), into.size(), stored.data(), stored.size()) == into.size();
}

std::uint32_t BlockWriter::end_stream() {
    const std::size_t bytes = raw_.size() - stream_start_;
    if (bytes >= kBlockBytes && stream_start_ > 0) {  // What is small is not read through what is large.
        const auto start = raw_.begin() + static_cast<std::ptrdiff_t>(stream_start_);
        const Bytes large(start, raw_.end());
        raw_.erase(start, raw_.end());
        cut();
        raw_ = large;
    }
    too_large_ |= raw_.size() > kBlockBytesMax;
    table_.streams.push_back({static_cast<std::uint32_t>(table_.blocks.size()),
                              static_cast<std::uint32_t>(stream_start_), static_cast<std::uint32_t>(bytes)});
    stream_start_ = raw_.size();
    if (raw_.size() >= kBlockBytes) {
        cut();
    }
    return static_cast<std::uint32_t>(table_.streams.size() - 1);
}

void BlockWriter::cut() {
    SLUICE_ASSERT(stream_start_ == raw_.size(), "a stream is open");
    const bool is_empty = table_.streams.empty() || table_.streams.back().block != table_.blocks.size();
    if (is_empty) {
        return;
    }
    if (!too_large_) {
        const std::size_t start = file_.size();
        compressor_.append(file_, raw_);
        const ByteView stored = ByteView(file_).subspan(start);
        table_.blocks.push_back({start, static_cast<std::uint32_t>(stored.size()),
                                 static_cast<std::uint32_t>(raw_.size()), checksum64(stored)});
    }
    raw_.clear();
    stream_start_ = 0;
}

Result<BlockTable> BlockWriter::finish() {
    cut();
    if (too_large_) {
        return fail(Errc::too_large, "a block of the part exceeds {} bytes", kBlockBytesMax);
    }
    return std::move(table_);
}

}  // namespace sluice::part
