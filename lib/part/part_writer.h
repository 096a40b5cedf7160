// Writes the file image of a part column by column: what Builder and merge have in common.
#pragma once

#include <optional>

#include "part/builder.h"
#include "part/column_writer.h"

namespace sluice::part {

inline constexpr std::size_t kPageBytes = 4U << 20U;  // A page ends before the row that would bring it above this.

class PartWriter {
 public:
    // `layout`: with summary, pages, schemas, and `info` of each column, `others` last.
    PartWriter(const BuildOptions& options, Layout layout);

    // Every column once, in order.
    // `references`: what the values may refer to, or null.
    void add_column(const ColumnValues& values, References* references);
    // Instead, for `others`: produce(OthersWriter) -> Result<> adds the values.
    template <class Produce>
    Result<> add_others(const Produce& produce) {
        OthersWriter writer(layout_.columns[filters_.size()], blocks_);
        SLUICE_CHECK(produce(writer));
        filters_.push_back(writer.finish());
        return {};
    }
    // After the last column.  Errors: too_large.
    Result<Bytes> finish(std::span<const std::int64_t> schema_ids);

    const Layout& layout() const noexcept { return layout_; }

 private:
    Bytes file_;
    Compressor compressor_;
    BlockWriter blocks_;
    Layout layout_;
    std::vector<std::optional<Bytes>> filters_;  // Of the columns that are written.
};

}  // namespace sluice::part
