// Reading of blocks, dictionaries, chunks and pages, each through the cache.
#include <algorithm>

#include "base/checksum.h"
#include "part/part_impl.h"

namespace sluice::part {

Error Part::Impl::damaged(std::uint32_t stream, std::string_view what) const {
    const Block& block = layout.blocks.blocks[layout.blocks.streams[stream].block];
    return {Errc::corrupt, fmt::format("block at offset {}, {} bytes: {}", block.offset, block.stored_bytes, what)};
}

Error Part::Impl::damaged_values(std::uint32_t column, std::uint32_t stream) const {
    return damaged(stream, "the values do not hold").during("column {} '{}'", column, infos[column].name);
}

Result<std::shared_ptr<const Bytes>> Part::Impl::block(std::uint32_t index) const {
    if (auto found = cached<Bytes>(Cache::Kind::block, index, 0)) {
        return found;
    }
    const Block& place = layout.blocks.blocks[index];
    Bytes stored(place.stored_bytes);
    SLUICE_CHECK(source->read(place.offset, stored));
    if (checksum64(stored) != place.checksum) {
        return fail(Errc::corrupt, "block at offset {}, {} bytes: the checksum does not match", place.offset,
                    place.stored_bytes);
    }
    std::shared_ptr<const Bytes> raw;
    if (place.raw_bytes == place.stored_bytes) {
        raw = std::make_shared<Bytes>(std::move(stored));
    } else {
        auto unpacked = std::make_shared<Bytes>(place.raw_bytes);
        if (!decompress(stored, *unpacked)) {
            return fail(Errc::corrupt, "block at offset {}, {} bytes: does not decompress to {} bytes", place.offset,
                        place.stored_bytes, place.raw_bytes);
        }
        raw = std::move(unpacked);
    }
    if (block_is_shared[index]) {
        keep(Cache::Kind::block, index, 0, raw, raw->size());
    }
    return raw;
}

Result<StreamBytes> Part::Impl::stream(std::uint32_t index) const {
    const Stream& place = layout.blocks.streams[index];
    SLUICE_TRY(auto raw, block(place.block));
    const ByteView bytes = ByteView(*raw).subspan(place.offset, place.bytes);
    return StreamBytes{std::move(raw), bytes};
}

Result<std::shared_ptr<const Dictionary>> Part::Impl::dictionary(std::uint32_t column) const {
    if (auto found = cached<Dictionary>(Cache::Kind::dictionary, column, 0)) {
        return found;
    }
    const ColumnLayout& place = layout.columns[column];
    SLUICE_TRY(StreamBytes bytes, stream(place.coding.first_stream));
    const std::size_t raw_bytes = bytes.bytes.size();
    auto made = read_dictionary(infos[column], place.coding, place.spans.values, std::move(bytes));
    if (made == nullptr) {
        return std::unexpected(damaged_values(column, place.coding.first_stream));
    }
    keep(Cache::Kind::dictionary, column, 0, made, memory_of(*made) + raw_bytes);
    return made;
}

Result<std::shared_ptr<const Chunk>> Part::Impl::read_values(const Coding& coding, std::uint32_t column,
                                                             std::uint32_t index, std::size_t values) const {
    if (coding.codec == Codec::dictionary && coding.entries == 1) {
        return read_chunk(coding, values, {});
    }
    const std::uint32_t at = coding.first_stream + index + (coding.codec == Codec::dictionary ? 1 : 0);
    SLUICE_TRY(StreamBytes bytes, stream(at));
    auto made = read_chunk(coding, values, std::move(bytes));
    if (made == nullptr) {
        return std::unexpected(damaged_values(column, at));
    }
    return made;
}

Result<std::shared_ptr<const Chunk>> Part::Impl::chunk(std::uint32_t column, std::uint32_t index) const {
    if (auto found = cached<Chunk>(Cache::Kind::values, column, index)) {
        return found;
    }
    const ColumnLayout& place = layout.columns[column];
    SLUICE_TRY(auto made, read_values(place.coding, column, index, place.spans.chunks[index]));
    keep(Cache::Kind::values, column, index, made, made->memory());
    return made;
}

Result<std::shared_ptr<const std::vector<std::uint32_t>>> Part::Impl::schema_ids(std::uint32_t page) const {
    using Ids = std::vector<std::uint32_t>;
    if (auto found = cached<Ids>(Cache::Kind::schema_ids, 0, page)) {
        return found;
    }
    auto made = std::make_shared<Ids>(layout.pages[page].rows);
    if (layout.schemas.size() > 1) {
        SLUICE_TRY(const StreamBytes bytes, stream(layout.schema_stream + page));
        if (!read_codes(bytes.bytes, static_cast<std::uint32_t>(layout.schemas.size()), *made)) {
            return std::unexpected(damaged(layout.schema_stream + page, "the schema ids do not hold"));
        }
    }
    keep(Cache::Kind::schema_ids, 0, page, made, made->size() * sizeof(std::uint32_t));
    return std::shared_ptr<const Ids>(std::move(made));
}

Result<std::vector<std::uint16_t>> Part::Impl::positions(std::uint32_t column, const PageSpan& span) const {
    SLUICE_TRY(const auto ids, schema_ids(span.page));
    std::vector<char> has(layout.schemas.size());
    for (std::uint32_t i = column_schemas_first[column]; i < column_schemas_first[column + 1]; ++i) {
        has[column_schemas[i]] = 1;
    }
    std::vector<std::uint16_t> rows;
    rows.reserve(span.count);
    for (std::size_t row = 0; row < ids->size(); ++row) {
        if (has[(*ids)[row]] != 0) {
            rows.push_back(static_cast<std::uint16_t>(row));
        }
    }
    if (rows.size() != span.count) {
        return fail(Errc::corrupt, "column {} '{}', page {}: {} rows have it, not {}", column, infos[column].name,
                    span.page, rows.size(), span.count);
    }
    return rows;
}

namespace {

// The part of a chunk that belongs to one page.
void cut(const Chunk& chunk, const PageSpan& span, PageValues& into) {
    const auto part = [&span](const auto& all) {
        return all.empty() ? std::span(all.data(), 0) : std::span(all.data() + span.offset, span.count);
    };
    into.codes = part(chunk.codes);
    into.ints = part(chunk.ints);
    into.floats = part(chunk.floats);
    into.texts = part(chunk.texts);
}

}  // namespace

Result<std::shared_ptr<PageValues>> Part::Impl::stored_page(std::uint32_t column, std::uint32_t page) const {
    auto made = std::make_shared<PageValues>();
    made->rows = layout.pages[page].rows;
    const PageSpan* span = layout.columns[column].spans.find(page);
    if (span == nullptr) {
        return made;
    }
    SLUICE_TRY(auto values, chunk(column, span->chunk));
    cut(*values, *span, *made);
    made->owner = std::move(values);
    if (span->count != made->rows) {
        SLUICE_TRY(made->position_store, positions(column, *span));
        made->positions = made->position_store;
    }
    return made;
}

Result<std::shared_ptr<const PageValues>> Part::Impl::page(std::uint32_t column, std::uint32_t page) const {
    if (has_templates(column)) {
        return joined_page(column, page, {});
    }
    return stored_page(column, page);
}

}  // namespace sluice::part
