// Makes one part from rows.  Format: docs/storage-format.md, "Parts".
#pragma once

#include <memory>

#include "base/result.h"
#include "part/row.h"

namespace sluice::part {

struct BuildOptions {
    int zstd_level = 3;              // 1 to 19; merges that have time use 6 to 9.
    std::uint32_t page_rows = 8192;  // At most 65535.  A page ends earlier when its rows reach 4 MiB.
    wire::StoreId store_id{};
    // What a part has of its own for each name and for each combination of names, which stays in memory while it is
    // open (some hundred bytes a column, eight a cell): the most frequent fields have columns, the others share one.
    std::size_t columns_max = 512;
    std::size_t schema_cells_max = 65536;  // Columns of all combinations, and eight for each of these.
};

// Threads: one at a time.
class Builder {
 public:
    explicit Builder(BuildOptions options);
    Builder(Builder&&) noexcept;
    Builder& operator=(Builder&&) noexcept;
    ~Builder();

    // Copies what it needs.  Precondition: a sequence above the one before it.
    void add(const Row& row);
    std::uint32_t rows() const noexcept;
    // Of the rows as encoded TAIL entries: what they take in memory, about.
    std::size_t raw_bytes() const noexcept;

    // The whole file image.  The builder is empty afterwards.
    // Errors: invalid_argument (no rows), too_large (a record above 32 MiB).
    Result<Bytes> finish();

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::part
