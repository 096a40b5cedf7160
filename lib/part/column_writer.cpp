#include "part/column_writer.h"

#include <algorithm>

#include "part/float_stream.h"
#include "part/other_fields.h"
#include "part/slot_words.h"
#include "part/template_writer.h"
#include "part/typed_text.h"
#include "part/value_writer.h"

namespace sluice::part {
namespace {

constexpr std::size_t kSmallDictionary = 64;
constexpr std::size_t kFilterBytesMax = 32U << 20U;  // A larger one is left out.
constexpr std::size_t kUnfilteredEntries = 256;      // A dictionary this small is searched itself.

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

void set_ranges(ColumnLayout& column, std::span<const std::int64_t> ints) {
    std::size_t first = 0;
    for (const PageSpan& span : column.spans.pages) {
        const auto [min, max] = std::ranges::minmax(ints.subspan(first, span.count));
        column.ranges.push_back({min, max});
        first += span.count;
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

void write_floats(ColumnLayout& column, std::span<const std::int64_t> bits, BlockWriter& blocks) {
    column.coding = {.codec = Codec::floating, .entries = 0, .first_stream = blocks.streams()};
    for_each_chunk(column.spans, [&](std::size_t first, std::size_t count) {
        append_floats(blocks.stream(), bits.subspan(first, count));
        blocks.end_stream();
    });
}

void write_numeric(ColumnLayout& column, std::span<const std::int64_t> ints, BlockWriter& blocks) {
    const bool forced = must_be_dictionary(column.info);
    const std::size_t entries_max = forced ? ints.size() : std::max(ints.size() / 16, kSmallDictionary);
    Distinct<std::int64_t> distinct;
    if (!must_be_integer(column.info) && find_distinct(ints, entries_max, distinct) &&
        (forced || distinct.entries.size() <= std::max<std::size_t>(ints.size() / 4, 1))) {
        column.coding = write_dictionary(column.spans, distinct, blocks);
        return;
    }
    column.coding = {.codec = Codec::integer, .entries = 0, .first_stream = blocks.streams()};
    for_each_chunk(column.spans, [&](std::size_t first, std::size_t count) {
        append_ints(blocks.stream(), ints.subspan(first, count));
        blocks.end_stream();
    });
}

std::optional<Bytes> filter_of(const TokenFilterBuilder& words) {
    Bytes filter = words.finish();
    return filter.size() <= kFilterBytesMax ? std::optional(std::move(filter)) : std::nullopt;
}

std::optional<Bytes> write_text(ColumnLayout& column, std::span<const std::string_view> texts, BlockWriter& blocks,
                                References* references) {
    const bool forced = must_be_dictionary(column.info);
    TokenFilterBuilder words;
    Distinct<std::string_view> distinct;
    if (find_distinct(texts, forced ? texts.size() : entries_max(texts.size()), distinct) &&
        (forced || dictionary_pays(distinct))) {
        column.coding = write_dictionary(column.spans, distinct, blocks);
        if (distinct.entries.size() <= kUnfilteredEntries) {
            return std::nullopt;
        }
        std::ranges::for_each(distinct.entries, [&words](std::string_view entry) { add_words(words, entry); });
        return filter_of(words);
    }
    std::vector<std::int64_t> numbers;
    const std::optional<TextShape> shape = find_shape(texts, numbers);
    if (!shape && write_templates(column, texts, blocks, references, words)) {
        return filter_of(words);
    }
    column.coding = write_plain_texts(column.spans, texts, blocks);
    if (shape && shape->type == TextType::timestamps) {
        return std::nullopt;  // Nobody looks for the words of a time, and there are very many.
    }
    std::ranges::for_each(texts, [&words](std::string_view text) { add_words(words, text); });
    return filter_of(words);
}

std::optional<Bytes> write_others(ColumnLayout& column, const ColumnValues& values, BlockWriter& blocks) {
    OthersWriter writer(column, blocks);
    auto next = values.texts.begin();
    for (const PageCount& page : values.pages) {
        for (std::uint32_t left = page.count; left > 0; --left) {
            writer.add(page.page, *next++);
        }
    }
    return writer.finish();
}

}  // namespace

std::optional<Bytes> write_column(ColumnLayout& column, const ColumnValues& values, std::span<const PageLayout> pages,
                                  BlockWriter& blocks, References* references) {
    if (column.info.kind == ColumnKind::others) {
        return write_others(column, values, blocks);
    }
    column.spans = spans_of(values, pages);
    if (is_numeric(column.info)) {
        set_ranges(column, values.ints);
    }
    if (!values.texts.empty()) {
        return write_text(column, values.texts, blocks, references);
    }
    if (column.info.kind == ColumnKind::field && column.info.type == wire::FieldType::float64) {
        write_floats(column, values.ints, blocks);
    } else {
        write_numeric(column, values.ints, blocks);
    }
    return std::nullopt;
}

OthersWriter::OthersWriter(ColumnLayout& column, BlockWriter& blocks) : column_(column), blocks_(blocks) {
    column.coding = {.codec = Codec::text, .entries = 0, .first_stream = blocks.streams()};
}

void OthersWriter::add(std::uint32_t page, std::string_view value) {
    if (page != page_) {
        end_page();
        page_ = page;
    }
    OtherFields fields(value);
    for (OtherField field; fields.next(field);) {
        const wire::FieldView view = field.view();
        words_.add(other_field_hash(view.name, view.type));
        if (view.type == wire::FieldType::string || view.type == wire::FieldType::bytes) {
            add_words(words_, view.text());
        }
    }
    texts_.push_back(as_text(arena_.keep(as_bytes(value))));
    bytes_ += value.size();
    ++count_;
}

void OthersWriter::end_page() {
    if (count_ == 0) {
        return;
    }
    column_.spans.add(page_, count_, texts_.size() == count_);
    count_ = 0;
    if (texts_.size() >= kChunkValues || bytes_ >= kChunkBytes) {
        end_chunk();
    }
}

void OthersWriter::end_chunk() {
    if (texts_.empty()) {
        return;
    }
    append_texts(blocks_.stream(), texts_);
    blocks_.end_stream();
    texts_.clear();
    arena_ = {};
    bytes_ = 0;
}

std::optional<Bytes> OthersWriter::finish() {
    end_page();
    end_chunk();
    return filter_of(words_);
}

void write_filters(std::span<ColumnLayout> columns, std::span<const std::optional<Bytes>> filters,
                   BlockWriter& blocks) {
    blocks.cut();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (filters[i]) {
            append(blocks.stream(), *filters[i]);
            columns[i].filter_stream = blocks.end_stream();
        }
    }
    blocks.cut();
}

}  // namespace sluice::part
