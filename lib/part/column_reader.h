// From the bytes of streams to values: the counterpart of column_writer.h.  Pure functions over bytes that may be
// anything.
#pragma once

#include "part/layout.h"
#include "part/text_arena.h"

namespace sluice::part {

// The raw bytes of one stream, and what keeps them alive.
struct StreamBytes {
    std::shared_ptr<const void> owner;
    ByteView bytes{};
};

// The values of one chunk; one of the four is filled.  Texts are views into `owner` and `arena`.
struct Chunk {
    std::vector<std::uint32_t> codes;
    std::vector<std::int64_t> ints;
    std::vector<double> floats;
    std::vector<std::string_view> texts;
    std::shared_ptr<const void> owner;
    std::size_t owned_bytes = 0;  // Of `owner`, if it is this chunk's alone.
    TextArena arena;

    std::size_t memory() const noexcept;
};

// Empty: the bytes do not hold that.
// `values`: of the column or slot, `info` of the column.
std::shared_ptr<const Dictionary> read_dictionary(const ColumnInfo& info, const Coding& coding, std::uint64_t values,
                                                  StreamBytes stream);
std::shared_ptr<const Chunk> read_chunk(const Coding& coding, std::size_t values, StreamBytes stream);
// Numbers from 0 to below `bound`.
bool read_codes(ByteView stream, std::uint32_t bound, std::span<std::uint32_t> into);

std::size_t memory_of(const Dictionary& dictionary) noexcept;

}  // namespace sluice::part
