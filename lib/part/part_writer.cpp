#include "part/part_writer.h"

#include "part/int_stream.h"

namespace sluice::part {

PartWriter::PartWriter(const BuildOptions& options, Layout layout)
    : compressor_(options.zstd_level), blocks_(file_, compressor_), layout_(std::move(layout)) {
    append_header(file_, layout_.version);
}

void PartWriter::add_column(const ColumnValues& values, References* references) {
    filters_.push_back(write_column(layout_.columns[filters_.size()], values, layout_.pages, blocks_, references));
}

Result<Bytes> PartWriter::finish(std::span<const std::int64_t> schema_ids) {
    if (layout_.schemas.size() > 1) {
        layout_.schema_stream = blocks_.streams();
        for (const PageLayout& page : layout_.pages) {
            append_ints(blocks_.stream(), schema_ids.subspan(page.first_row, page.rows));
            blocks_.end_stream();
        }
    }
    write_filters(layout_.columns, filters_, blocks_);
    SLUICE_TRY(layout_.blocks, blocks_.finish());
    SLUICE_CHECK(append_footer(file_, layout_, compressor_));
    return std::move(file_);
}

}  // namespace sluice::part
