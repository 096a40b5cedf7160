// Reading of blocks, dictionaries, chunks and pages, each through the cache.
#include <algorithm>

#include "base/checksum.h"
#include "part/other_fields.h"
#include "part/part_impl.h"

namespace sluice::part {
namespace {

constexpr std::size_t kManySchemas = 64;
constexpr std::size_t kRareSchemas = 16;

}  // namespace

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

Result<StreamBytes> Part::Impl::own_stream(std::uint32_t index) const {
    SLUICE_TRY(StreamBytes shared, stream(index));
    if (!block_is_shared[layout.blocks.streams[index].block]) {
        return shared;
    }
    auto own = std::make_shared<Bytes>(shared.bytes.begin(), shared.bytes.end());
    const ByteView bytes = *own;
    return StreamBytes{std::move(own), bytes};
}

std::shared_ptr<const StreamBytes> Part::Impl::filter(std::uint32_t column) const {
    const std::uint32_t index = layout.columns[column].filter_stream;
    if (index == kNoStream) {
        return nullptr;
    }
    if (auto found = cached<StreamBytes>(Cache::Kind::filter, column, 0)) {
        return found;
    }
    Result<StreamBytes> bytes = own_stream(index);
    if (!bytes || !TokenFilter::is_valid(bytes->bytes)) {
        return nullptr;
    }
    auto made = std::make_shared<const StreamBytes>(std::move(*bytes));
    keep(Cache::Kind::filter, column, 0, made, made->bytes.size());
    return made;
}

Result<std::shared_ptr<const Dictionary>> Part::Impl::dictionary(std::uint32_t column) const {
    if (auto found = cached<Dictionary>(Cache::Kind::dictionary, column, 0)) {
        return found;
    }
    const ColumnLayout& place = layout.columns[column];
    SLUICE_TRY(StreamBytes bytes, own_stream(place.coding.first_stream));
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
    SLUICE_TRY(StreamBytes bytes, coding.codec == Codec::text ? own_stream(at) : stream(at));
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
    const auto is_valid = [](std::string_view value) { return valid_other_fields(as_bytes(value)); };
    if (column == own_columns && !std::ranges::all_of(made->texts, is_valid)) {
        return std::unexpected(damaged_values(column, place.coding.first_stream + index));
    }
    keep(Cache::Kind::values, column, index, made, made->memory());
    return made;
}

Result<std::shared_ptr<const PageSchemas>> Part::Impl::schemas(std::uint32_t page) const {
    if (auto found = cached<PageSchemas>(Cache::Kind::schema_ids, 0, page)) {
        return found;
    }
    auto made = std::make_shared<PageSchemas>();
    made->ids.resize(layout.pages[page].rows);
    if (layout.schemas.size() > 1) {
        SLUICE_TRY(const StreamBytes bytes, stream(layout.schema_stream + page));
        if (!read_codes(bytes.bytes, static_cast<std::uint32_t>(layout.schemas.size()), made->ids)) {
            return std::unexpected(damaged(layout.schema_stream + page, "the schema ids do not hold"));
        }
    }
    if (layout.schemas.size() > kManySchemas) {
        made->order.reserve(made->ids.size());
        for (std::size_t row = 0; row < made->ids.size(); ++row) {
            made->order.push_back(std::uint64_t{made->ids[row]} << 16U | row);
        }
        std::ranges::sort(made->order);
    }
    keep(Cache::Kind::schema_ids, 0, page, made, made->ids.size() * 4 + made->order.size() * 8);
    return std::shared_ptr<const PageSchemas>(std::move(made));
}

namespace {

// Rows whose schema is one of those given.
std::vector<std::uint16_t> rows_by_scan(std::span<const std::uint32_t> ids, std::span<const std::uint32_t> wanted,
                                        std::size_t schemas) {
    std::vector<char> has(schemas);
    for (const std::uint32_t schema : wanted) {
        has[schema] = 1;
    }
    std::vector<std::uint16_t> rows;
    for (std::size_t row = 0; row < ids.size(); ++row) {
        if (has[ids[row]] != 0) {
            rows.push_back(static_cast<std::uint16_t>(row));
        }
    }
    return rows;
}

std::vector<std::uint16_t> rows_by_order(std::span<const std::uint64_t> order, std::span<const std::uint32_t> wanted) {
    std::vector<std::uint16_t> rows;
    for (const std::uint32_t schema : wanted) {
        auto at = std::ranges::lower_bound(order, std::uint64_t{schema} << 16U);
        for (; at != order.end() && *at >> 16U == schema; ++at) {
            rows.push_back(static_cast<std::uint16_t>(*at));
        }
    }
    std::ranges::sort(rows);
    return rows;
}

}  // namespace

Result<std::vector<std::uint16_t>> Part::Impl::positions(std::uint32_t column, const PageSpan& span) const {
    SLUICE_TRY(const auto of_page, schemas(span.page));
    const auto wanted =
        std::span(column_schemas)
            .subspan(column_schemas_first[column], column_schemas_first[column + 1] - column_schemas_first[column]);
    const bool rare = !of_page->order.empty() && wanted.size() <= kRareSchemas;
    std::vector<std::uint16_t> rows =
        rare ? rows_by_order(of_page->order, wanted) : rows_by_scan(of_page->ids, wanted, layout.schemas.size());
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
