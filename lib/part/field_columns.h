// From the fields of rows to columns: one for each field that the limits allow one, and `others` for the rest.
#pragma once

#include "part/byte_arena.h"
#include "part/column_writer.h"
#include "part/schema_tree.h"

namespace sluice::part {

// The values of one column so far; texts are borrowed.
struct GrowingColumn {
    std::vector<std::int64_t> ints;
    std::vector<std::string_view> texts;
    std::vector<PageCount> pages;

    bool empty() const noexcept { return pages.empty(); }
    void add(std::uint32_t page, std::int64_t value) {
        count(page);
        ints.push_back(value);
    }
    void add(std::uint32_t page, std::string_view value) {
        count(page);
        texts.push_back(value);
    }

 private:
    void count(std::uint32_t page) {
        if (pages.empty() || pages.back().page != page) {
            pages.push_back({page, 0});
        }
        ++pages.back().count;
    }
};

// Threads: one.
class FieldColumns {
 public:
    // `arena`, borrowed, takes the values of `others`.
    FieldColumns(const SchemaLimits& limits, ByteArena& arena) : tree_(limits), arena_(arena) {}

    // Borrows what the fields are views of.
    void add_row(std::uint32_t page, const wire::FieldRange& trusted, const wire::FieldRange& fields);
    // Was there a field without a column because there were too many?
    bool refused_column() const noexcept { return tree_.refused_column(); }

    // What became of all rows.  Indexes of columns begin with kFixedColumns.
    struct Made {
        std::vector<ColumnInfo> infos;
        std::vector<GrowingColumn> columns;  // Of each; none is empty.
        std::vector<std::vector<std::uint32_t>> schemas;
        std::vector<std::int64_t> schema_ids;  // Of each row.
    };
    Made finish() &&;

 private:
    void find_columns(const wire::FieldRange& fields, bool trusted);
    void add_values(std::uint32_t page, const wire::FieldRange& fields, bool trusted, std::size_t first);

    SchemaTree tree_;
    ByteArena& arena_;
    std::vector<GrowingColumn> columns_;
    GrowingColumn others_;
    std::vector<std::int64_t> schema_ids_;
    // Of the row at hand.
    std::vector<std::uint32_t> row_columns_;
    Bytes row_others_;
};

}  // namespace sluice::part
