// Inside of Part: the resident tables, and reading through the cache.
#pragma once

#include <functional>

#include "part/column_reader.h"
#include "part/part.h"
#include "part/references.h"
#include "part/template_layout.h"
#include "part/token_filter.h"

namespace sluice::part {

// The schemas of the rows of one page.
struct PageSchemas {
    std::vector<std::uint32_t> ids;  // Of each row.
    // Schema << 16 | row, ascending: where a part has many schemas, so that the rows of a rare column are found without
    // a look at all.  Else empty.
    std::vector<std::uint64_t> order;
};

struct Part::Impl {
    std::shared_ptr<const Source> source;
    std::shared_ptr<Cache> cache;
    std::uint64_t cache_id = 0;  // In the cache.
    Layout layout;
    std::vector<ColumnInfo> infos;
    std::vector<std::uint32_t> by_name;         // Columns of fields, sorted by name.
    std::vector<std::uint32_t> column_schemas;  // Schemas that have column i: [first(i), first(i + 1)).
    std::vector<std::uint32_t> column_schemas_first;
    std::vector<bool> block_is_shared;  // By several streams: worth keeping.
    std::uint32_t own_columns = 0;      // All but `others`, which is the one behind them.

    void make_tables();
    // The bytes of a column's token filter.  Null: it has none, or it is damaged, which verify() reports.
    std::shared_ptr<const StreamBytes> filter(std::uint32_t column) const;

    Result<StreamBytes> stream(std::uint32_t index) const;
    // What is to be kept: it does not keep the other streams of its block.
    Result<StreamBytes> own_stream(std::uint32_t index) const;
    Result<std::shared_ptr<const PageSchemas>> schemas(std::uint32_t page) const;
    Result<std::shared_ptr<const Dictionary>> dictionary(std::uint32_t column) const;
    Result<std::shared_ptr<const Chunk>> chunk(std::uint32_t column, std::uint32_t index) const;
    Result<std::shared_ptr<const Chunk>> read_values(const Coding& coding, std::uint32_t column, std::uint32_t index,
                                                     std::size_t values) const;
    Result<std::shared_ptr<const PageValues>> page(std::uint32_t column, std::uint32_t page) const;

    bool has_others() const noexcept { return own_columns < infos.size(); }
    // Calls use(value) with what each of the rows (ascending, of that page) has for `others` in a part in which only
    // those columns stay columns that are `kept`, by the schema of the row; empty: nothing.
    Result<> other_fields(std::uint32_t page, std::span<const std::uint16_t> rows,
                          const std::function<bool(std::uint32_t schema, std::uint32_t column)>& kept,
                          const std::function<void(ByteView)>& use) const;

    bool has_templates(std::uint32_t column) const noexcept {
        return layout.columns[column].coding.codec == Codec::templates;
    }
    Result<std::shared_ptr<const TemplateLayout>> templates(std::uint32_t column) const;
    // Like page(); of a templates column with ids for values.
    Result<std::shared_ptr<PageValues>> stored_page(std::uint32_t column, std::uint32_t page) const;
    // Which values of a page are joined; the others come out empty.
    struct Wanted {
        std::span<const bool> templates{};      // Of these templates.  Empty: of all.
        std::span<const std::uint16_t> rows{};  // In these rows, ascending.  Empty: in all.
    };
    Result<std::shared_ptr<const PageValues>> joined_page(std::uint32_t column, std::uint32_t page,
                                                          const Wanted& wanted) const;
    Result<std::shared_ptr<const Dictionary>> slot_dictionary(std::uint32_t column, const Coding& slot,
                                                              const Spans& spans) const;
    // The variables of a slot in one chunk: texts.
    Result<std::shared_ptr<const Chunk>> slot_chunk(std::uint32_t column, const Coding& slot, const Spans& spans,
                                                    std::uint32_t index) const;
    Result<std::shared_ptr<const Bytes>> block(std::uint32_t index) const;
    Error damaged(std::uint32_t stream, std::string_view what) const;
    Error damaged_values(std::uint32_t column, std::uint32_t stream) const;

    // Rows of the page that have the column.  Precondition: the page has values of it, and it is not dense.
    Result<std::vector<std::uint16_t>> positions(std::uint32_t column, const PageSpan& span) const;

    Result<> verify_columns(std::uint32_t page) const;
    Result<> verify_dictionary(std::uint32_t column) const;

    template <class T>
    std::shared_ptr<const T> cached(Cache::Kind kind, std::uint32_t index, std::uint32_t page) const {
        return cache->get<T>({cache_id, kind, index, page});
    }
    void keep(Cache::Kind kind, std::uint32_t index, std::uint32_t page, std::shared_ptr<const void> value,
              std::size_t bytes) const {
        cache->put({cache_id, kind, index, page}, std::move(value), bytes);
    }
};

}  // namespace sluice::part
