// Finds the encoding of a column from its values, and writes its streams.
#pragma once

#include <optional>

#include "part/byte_arena.h"
#include "part/layout.h"
#include "part/references.h"
#include "part/token_filter.h"

namespace sluice::part {

struct PageCount {
    std::uint32_t page = 0;
    std::uint32_t count = 0;
};

// The values of a column in order of the rows.  Numbers, booleans (0, 1) and doubles (their bits) are ints.
struct ColumnValues {
    std::span<const std::int64_t> ints{};
    std::span<const std::string_view> texts{};
    std::span<const PageCount> pages{};
};

// `references`: what texts may refer to, or null; the column is then dense.
// `column.info` says what it is; the rest of `column` is filled in, but for its filter, which is returned: no value, or
// the bytes of a token filter.
std::optional<Bytes> write_column(ColumnLayout& column, const ColumnValues& values, std::span<const PageLayout> pages,
                                  BlockWriter& blocks, References* references);

// Writes the column `others` value by value, and holds no more than a chunk of them.
class OthersWriter {
 public:
    // Borrows both; they are not used otherwise until finish().
    OthersWriter(ColumnLayout& column, BlockWriter& blocks);
    // Rows ascend.
    void add(std::uint32_t page, std::string_view value);
    // As write_column().
    std::optional<Bytes> finish();

 private:
    void end_page();
    void end_chunk();

    ColumnLayout& column_;
    BlockWriter& blocks_;
    TokenFilterBuilder words_;
    ByteArena arena_;
    std::vector<std::string_view> texts_;  // Of the chunk.
    std::size_t bytes_ = 0;                // Of them.
    std::uint32_t page_ = 0;
    std::uint32_t count_ = 0;  // Of the page.
};

// Writes the filters, behind all columns and in blocks of their own: a question about words reads nothing else.
void write_filters(std::span<ColumnLayout> columns, std::span<const std::optional<Bytes>> filters, BlockWriter& blocks);

}  // namespace sluice::part
