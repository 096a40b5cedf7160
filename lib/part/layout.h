// The tables of a part file, as its footer holds them.  Format: docs/storage-format.md, "Parts".
//
//   0        8                                                    size - 32
//   +--------+--------+--------+-----+--------+-------------------+------+
//   | header | block  | block  | ... | block  | footer (zstd)     | tail |
//   +--------+--------+--------+-----+--------+-------------------+------+
//   header: magic "SLPT" u32 | version u16 | zero u16
//   tail:   checksum u64 | file bytes u64 | footer stored bytes u32 | footer raw bytes u32 | version u16 | zero u16 |
//           magic "SLPE" u32
// The checksum is XXH3-64 of footer and tail behind the checksum, seeded with the header: together with the checksums
// of the blocks, which the footer holds, it covers every byte of the file.
#pragma once

#include "part/blocks.h"
#include "part/column.h"

namespace sluice::part {

// In version 1 no part has a column of kind `others`, and words of token filters are folded for ASCII only.
inline constexpr std::uint16_t kPartVersion = 2;
inline constexpr std::uint16_t kPartVersionOldest = 1;
inline constexpr std::size_t kPartHeaderBytes = 8;
inline constexpr std::size_t kPartTailBytes = 32;
inline constexpr std::size_t kFooterBytesMax = 256U << 20U;
inline constexpr std::uint32_t kPageRowsMax = 65535;
inline constexpr std::uint32_t kChunkValues = 2048;          // A chunk ends with the page in which it reaches this.
inline constexpr std::uint32_t kChunkBytes = 1U << 20U;      // Or this, in text.
inline constexpr std::uint32_t kChunkValuesMax = 2 * 65536;  // What a reader must allocate for.

// How values become streams.
enum class Codec : std::uint8_t {
    dictionary = 0,  // Stream 0: entries and counts.  More than one entry: a stream of codes per chunk.
    integer = 1,     // A stream of integers per chunk.
    floating = 2,    // A stream of integers per chunk: the bits of the doubles.
    text = 3,        // A stream of texts per chunk.
    templates = 4,   // A stream of template ids per chunk; then those of the slots (template_layout.h).
    column = 5,      // Of slots only: the value that the row has in column `entries`, as text.  No stream.
};
inline constexpr std::uint8_t kCodecs = 5;
inline constexpr std::uint32_t kNoStream = UINT32_MAX;

// Where the values of a column or of a slot are.
struct Coding {
    Codec codec = Codec::dictionary;
    std::uint32_t entries = 0;  // Of a dictionary; or a column.
    std::uint32_t first_stream = 0;
    std::uint32_t set_stream = kNoStream;  // Of templates: their texts, and how their slots are coded.
};

// The values that one page has.
struct PageSpan {
    std::uint32_t page = 0;
    std::uint32_t count = 0;
    std::uint32_t chunk = 0;   // Which stream they are in.
    std::uint32_t offset = 0;  // Of the first, in the chunk.
};

// Which pages have values, and how these are put together to chunks.
struct Spans {
    std::vector<PageSpan> pages;        // Ascending; with values only.
    std::vector<std::uint32_t> chunks;  // Values of each chunk.
    std::uint32_t values = 0;
    bool dense = false;  // Every row has a value.

    const PageSpan* find(std::uint32_t page) const noexcept;
    void add(std::uint32_t page, std::uint32_t count, bool begins_chunk);
};

struct Range64 {
    std::int64_t min = 0;
    std::int64_t max = 0;
};

struct ColumnLayout {
    ColumnInfo info{};
    Coding coding{};
    Spans spans{};
    std::uint32_t filter_stream = kNoStream;
    std::vector<Range64> ranges{};  // Of numeric columns: for each element of spans.pages.
    Range64 range{};                // Of all.
};

struct PageLayout {
    std::uint64_t first_row = 0;
    std::uint32_t rows = 0;
    std::uint32_t raw_bytes = 0;  // Of the rows as encoded TAIL entries, at most UINT32_MAX.
};

struct Layout {
    std::uint16_t version = kPartVersion;
    Summary summary{};
    std::vector<PageLayout> pages;
    BlockTable blocks;
    std::vector<std::vector<std::uint32_t>> schemas;  // Columns of the fields of a row, in order; trusted ones first,
                                                      // `others` last.
    std::uint32_t schema_stream = 0;                  // With more than one schema: a stream of schema ids per page.
    std::vector<ColumnLayout> columns;

    bool has_others() const noexcept { return !columns.empty() && columns.back().info.kind == ColumnKind::others; }
};

// Streams of a coding with so many chunks, those of slots not counted.
std::uint64_t streams_of(const Coding& coding, std::size_t chunks) noexcept;
void append_spans(Bytes& to, const Spans& spans);
bool read_spans(Input& from, std::span<const PageLayout> pages, Spans& spans);

// Values are whole numbers that have an order: ranges are kept of these.
bool is_numeric(const ColumnInfo& info) noexcept;

// Appends footer and tail to the blocks in `file`, whose header is of the layout's version.
Result<> append_footer(Bytes& file, const Layout& layout, Compressor& compressor);

struct Tail {
    std::uint64_t footer_offset = 0;
    std::uint32_t footer_stored_bytes = 0;
    std::uint32_t footer_raw_bytes = 0;
    std::uint64_t checksum = 0;
};
void append_header(Bytes& file, std::uint16_t version);
// Errors: corrupt; unsupported.
Result<Tail> read_tail(ByteView header, ByteView tail, std::uint64_t file_bytes);
// `stored_and_tail`: from the footer to the end of the file.  Errors: corrupt.
Result<Layout> read_footer(ByteView header, const Tail& tail, ByteView stored_and_tail);

}  // namespace sluice::part
