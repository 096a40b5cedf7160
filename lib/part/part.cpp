#include "part/part.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/assert.h"
#include "part/other_fields.h"
#include "part/part_impl.h"

namespace sluice::part {
namespace {

constexpr std::size_t kOwnCacheBytes = 16U << 20U;

}  // namespace

Result<std::shared_ptr<const Part>> Part::open(std::shared_ptr<const Source> source, std::shared_ptr<Cache> cache) {
    const std::uint64_t size = source->size();
    if (size < kPartHeaderBytes + kPartTailBytes) {
        return fail(Errc::corrupt, "a file of {} bytes is no part", size);
    }
    std::array<std::byte, kPartHeaderBytes> header;
    std::array<std::byte, kPartTailBytes> tail;
    SLUICE_CHECK(source->read(0, header));
    SLUICE_CHECK(source->read(size - kPartTailBytes, tail));
    SLUICE_TRY(const Tail place, read_tail(header, tail, size));
    Bytes footer(static_cast<std::size_t>(size - place.footer_offset));
    SLUICE_CHECK(source->read(place.footer_offset, footer));
    auto impl = std::make_unique<Impl>();
    SLUICE_TRY(impl->layout, read_footer(header, place, footer));
    impl->source = std::move(source);
    impl->cache = cache != nullptr ? std::move(cache) : std::make_shared<Cache>(kOwnCacheBytes);
    impl->cache_id = impl->cache->next_part();
    impl->make_tables();
    return std::shared_ptr<const Part>(new Part(std::move(impl)));
}

Part::Part(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Part::~Part() {
    impl_->cache->drop_part(impl_->cache_id);
}

std::shared_ptr<const Part> Part::with_cache(std::shared_ptr<Cache> cache) const {
    auto impl = std::make_unique<Impl>(*impl_);
    impl->cache = std::move(cache);
    impl->cache_id = impl->cache->next_part();
    return std::shared_ptr<const Part>(new Part(std::move(impl)));
}

void Part::Impl::make_tables() {
    std::uint32_t total = 0;
    column_schemas_first.resize(layout.columns.size() + 1);
    for (const auto& schema : layout.schemas) {
        for (const std::uint32_t column : schema) {
            ++column_schemas_first[column + 1];
        }
        total += static_cast<std::uint32_t>(schema.size());
    }
    std::partial_sum(column_schemas_first.begin(), column_schemas_first.end(), column_schemas_first.begin());
    column_schemas.resize(total);
    std::vector<std::uint32_t> next = column_schemas_first;
    for (std::uint32_t schema = 0; schema < layout.schemas.size(); ++schema) {
        for (const std::uint32_t column : layout.schemas[schema]) {
            column_schemas[next[column]++] = schema;
        }
    }
    infos.reserve(layout.columns.size());
    for (ColumnLayout& column : layout.columns) {
        infos.push_back(std::move(column.info));
    }
    own_columns = static_cast<std::uint32_t>(infos.size()) - (infos.back().kind == ColumnKind::others ? 1U : 0U);
    by_name.resize(own_columns - kFixedColumns);
    std::iota(by_name.begin(), by_name.end(), kFixedColumns);
    std::ranges::sort(by_name, {},
                      [this](std::uint32_t column) { return std::pair(std::string_view(infos[column].name), column); });
    block_is_shared.resize(layout.blocks.blocks.size());
    for (const Stream& stream : layout.blocks.streams) {
        if (stream.bytes != layout.blocks.blocks[stream.block].raw_bytes) {
            block_is_shared[stream.block] = true;
        }
    }
}

const Summary& Part::summary() const noexcept {
    return impl_->layout.summary;
}

std::span<const ColumnInfo> Part::columns() const noexcept {
    return impl_->infos;
}

std::span<const std::uint32_t> Part::find(std::string_view field_name) const noexcept {
    const auto found = std::ranges::equal_range(impl_->by_name, field_name, {}, [this](std::uint32_t column) {
        return std::string_view(impl_->infos[column].name);
    });
    return {found.begin(), found.end()};
}

std::optional<std::uint32_t> Part::others() const noexcept {
    return impl_->has_others() ? std::optional(impl_->own_columns) : std::nullopt;
}

bool Part::others_may_have(std::string_view name, wire::FieldType type) const {
    const std::uint64_t hash = other_field_hash(name, type);
    return impl_->has_others() && may_contain(impl_->own_columns, {&hash, 1});
}

std::uint32_t Part::pages() const noexcept {
    return static_cast<std::uint32_t>(impl_->layout.pages.size());
}

std::uint32_t Part::page_rows(std::uint32_t page) const noexcept {
    return impl_->layout.pages[page].rows;
}

std::uint64_t Part::page_first_row(std::uint32_t page) const noexcept {
    return impl_->layout.pages[page].first_row;
}

std::uint32_t Part::page_values(std::uint32_t column, std::uint32_t page) const noexcept {
    const PageSpan* span = impl_->layout.columns[column].spans.find(page);
    return span == nullptr ? 0 : span->count;
}

std::optional<Part::Range> Part::range(std::uint32_t column) const noexcept {
    const ColumnLayout& layout = impl_->layout.columns[column];
    if (layout.ranges.empty()) {
        return std::nullopt;
    }
    return Range{layout.range.min, layout.range.max};
}

std::optional<Part::Range> Part::range(std::uint32_t column, std::uint32_t page) const noexcept {
    const ColumnLayout& layout = impl_->layout.columns[column];
    const PageSpan* span = layout.spans.find(page);
    if (layout.ranges.empty() || span == nullptr) {
        return std::nullopt;
    }
    const Range64& range = layout.ranges[static_cast<std::size_t>(span - layout.spans.pages.data())];
    return Range{range.min, range.max};
}

TokenFold Part::token_fold() const noexcept {
    return impl_->layout.version == 1 ? TokenFold::ascii : TokenFold::unicode;
}

bool Part::may_contain(std::uint32_t column, std::span<const std::uint64_t> token_hashes) const {
    if (token_hashes.empty()) {
        return true;
    }
    const auto filter = impl_->filter(column);
    return filter == nullptr || TokenFilter(filter->bytes).may_contain_all(token_hashes);
}

std::uint64_t Part::file_bytes() const noexcept {
    return impl_->source->size();
}

Part::ColumnBytes Part::column_bytes(std::uint32_t column) const {
    const BlockTable& table = impl_->layout.blocks;
    const auto stored = [&table](std::uint64_t stream) -> std::uint64_t {
        const Stream& place = table.streams[stream];
        const Block& block = table.blocks[place.block];
        return block.raw_bytes == 0 ? 0 : std::uint64_t{place.bytes} * block.stored_bytes / block.raw_bytes;
    };
    const ColumnLayout& layout = impl_->layout.columns[column];
    const Coding& coding = layout.coding;
    std::uint64_t end = coding.first_stream + streams_of(coding, layout.spans.chunks.size());
    ColumnBytes bytes;
    if (coding.codec == Codec::dictionary) {
        bytes.dictionary = stored(coding.first_stream);
    } else if (coding.set_stream != kNoStream) {
        bytes.dictionary = stored(coding.set_stream);
        end = coding.set_stream;  // The slots lie between.
    }
    for (std::uint64_t i = coding.first_stream + (coding.codec == Codec::dictionary ? 1 : 0); i < end; ++i) {
        bytes.values += stored(i);
    }
    bytes.filter = layout.filter_stream == kNoStream ? 0 : stored(layout.filter_stream);
    return bytes;
}

Result<std::shared_ptr<const Dictionary>> Part::dictionary(std::uint32_t column) const {
    if (impl_->layout.columns[column].coding.codec != Codec::dictionary) {
        return fail(Errc::invalid_argument, "column {} has no dictionary", column);
    }
    return impl_->dictionary(column);
}

Result<std::shared_ptr<const PageValues>> Part::page(std::uint32_t column, std::uint32_t page) const {
    return impl_->page(column, page);
}

}  // namespace sluice::part
