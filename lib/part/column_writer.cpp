#include "part/column_writer.h"

#include <algorithm>

#include "part/distinct.h"
#include "part/text_stream.h"

namespace sluice::part {
namespace {

constexpr std::size_t kSmallDictionary = 64;
constexpr std::size_t kDictionaryBytesMax = 16U << 20U;

// --- Which values are together

Spans spans_of(const ColumnValues& values, std::span<const PageLayout> pages) {
    Spans spans;
    spans.dense = values.pages.size() == pages.size();
    for (const PageCount& page : values.pages) {
        spans.dense &= page.count == pages[page.page].rows;
    }
    std::size_t bytes = 0;
    std::size_t first = 0;
    bool begins = true;
    for (const PageCount& page : values.pages) {
        spans.add(page.page, page.count, begins || spans.dense);
        for (std::size_t i = first; i < first + page.count && i < values.texts.size(); ++i) {
            bytes += values.texts[i].size();
        }
        first += page.count;
        begins = spans.chunks.back() >= kChunkValues || bytes >= kChunkBytes;
        bytes = begins ? 0 : bytes;
    }
    return spans;
}

// Calls write(first value, count) for each chunk.
template <class Write>
void for_each_chunk(const Spans& spans, Write&& write) {
    std::size_t first = 0;
    for (const std::uint32_t count : spans.chunks) {
        write(first, std::size_t{count});
        first += count;
    }
}

void set_ranges(ColumnLayout& column, std::span<const std::int64_t> ints) {
    std::size_t first = 0;
    for (const PageSpan& span : column.spans.pages) {
        const auto [min, max] = std::ranges::minmax(ints.subspan(first, span.count));
        column.ranges.push_back({min, max});
        first += span.count;
    }
}

// --- Dictionaries

void write_codes(const Spans& spans, std::span<const std::uint32_t> codes, BlockWriter& blocks) {
    std::vector<std::int64_t> wide;
    for_each_chunk(spans, [&](std::size_t first, std::size_t count) {
        wide.assign(codes.begin() + static_cast<std::ptrdiff_t>(first),
                    codes.begin() + static_cast<std::ptrdiff_t>(first + count));
        append_ints(blocks.stream(), wide);
        blocks.end_stream();
    });
}

template <class T>
void write_dictionary(ColumnLayout& column, const Distinct<T>& distinct, BlockWriter& blocks) {
    column.codec = Codec::dictionary;
    column.entries = static_cast<std::uint32_t>(distinct.entries.size());
    column.first_stream = blocks.streams();
    Bytes& stream = blocks.stream();
    for (const std::uint32_t count : distinct.counts) {
        append_varint(stream, count);
    }
    if constexpr (std::is_same_v<T, std::int64_t>) {
        append_ints(stream, distinct.entries);
    } else {
        append_texts(stream, distinct.entries);
    }
    blocks.end_stream();
    if (distinct.entries.size() > 1) {
        write_codes(column.spans, distinct.codes, blocks);
    }
}

bool must_be_dictionary(const ColumnInfo& info) noexcept {
    switch (info.kind) {
        case ColumnKind::epoch:
        case ColumnKind::flags:
        case ColumnKind::severity:
        case ColumnKind::stream:
            return true;
        case ColumnKind::field:
            return info.type == wire::FieldType::boolean;
        default:
            return false;
    }
}

bool must_be_integer(const ColumnInfo& info) noexcept {
    return info.kind == ColumnKind::sequence || info.kind == ColumnKind::receive_time || info.kind == ColumnKind::time;
}

std::size_t text_bytes(std::span<const std::string_view> texts) noexcept {
    std::size_t bytes = 0;
    for (const std::string_view text : texts) {
        bytes += text.size();
    }
    return bytes;
}

// --- By type

void write_ints(ColumnLayout& column, Codec codec, std::span<const std::int64_t> ints, BlockWriter& blocks) {
    column.codec = codec;
    column.first_stream = blocks.streams();
    for_each_chunk(column.spans, [&](std::size_t first, std::size_t count) {
        append_ints(blocks.stream(), ints.subspan(first, count));
        blocks.end_stream();
    });
}

void write_numeric(ColumnLayout& column, std::span<const std::int64_t> ints, BlockWriter& blocks) {
    const bool forced = must_be_dictionary(column.info);
    const std::size_t entries_max = forced ? ints.size() : std::max(ints.size() / 16, kSmallDictionary);
    Distinct<std::int64_t> distinct;
    if (!must_be_integer(column.info) && find_distinct(ints, entries_max, distinct)) {
        const bool pays = forced || distinct.entries.size() <= std::max<std::size_t>(ints.size() / 4, 1);
        if (pays) {
            write_dictionary(column, distinct, blocks);
            return;
        }
    }
    write_ints(column, Codec::integer, ints, blocks);
}

void write_text(ColumnLayout& column, std::span<const std::string_view> texts, BlockWriter& blocks) {
    const bool forced = must_be_dictionary(column.info);
    const std::size_t entries_max = forced ? texts.size() : std::max<std::size_t>(texts.size() / 4, 1);
    Distinct<std::string_view> distinct;
    if (find_distinct(texts, entries_max, distinct) &&
        (forced || text_bytes(distinct.entries) <= kDictionaryBytesMax)) {
        write_dictionary(column, distinct, blocks);
        return;
    }
    column.codec = Codec::text;
    column.first_stream = blocks.streams();
    for_each_chunk(column.spans, [&](std::size_t first, std::size_t count) {
        append_texts(blocks.stream(), texts.subspan(first, count));
        blocks.end_stream();
    });
}

}  // namespace

void write_column(ColumnLayout& column, const ColumnValues& values, std::span<const PageLayout> pages,
                  BlockWriter& blocks) {
    column.spans = spans_of(values, pages);
    if (is_numeric(column.info)) {
        set_ranges(column, values.ints);
    }
    if (!values.texts.empty()) {
        write_text(column, values.texts, blocks);
    } else if (column.info.kind == ColumnKind::field && column.info.type == wire::FieldType::float64) {
        write_ints(column, Codec::floating, values.ints, blocks);
    } else {
        write_numeric(column, values.ints, blocks);
    }
}

}  // namespace sluice::part
