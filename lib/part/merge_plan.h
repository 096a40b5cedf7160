// Which columns and schemas a merged part has, and what becomes of those of its sources.
#pragma once

#include "part/builder.h"
#include "part/part.h"

namespace sluice::part {

struct MergePlan {
    static constexpr std::uint32_t kNone = UINT32_MAX;

    // Of the merged part.
    std::vector<ColumnInfo> columns{};  // The fixed ones first, `others` last.
    std::vector<std::vector<std::uint32_t>> schemas{};
    std::vector<std::int64_t> schema_ids{};  // Of each row.

    // Of each part:
    struct Rows {                  // that have one of its schemas.
        bool keep_columns = true;  // False: none of their fields has a column any more.
        bool have_others = false;  // In the merged part.
    };
    struct Source {
        std::vector<std::uint32_t> columns;  // What each of its columns becomes; kNone: values of `others`.
        std::vector<Rows> rows;              // Of each of its schemas.
    };
    std::vector<Source> sources{};

    bool has_others() const noexcept { return columns.back().kind == ColumnKind::others; }
};

// Errors: of the parts.
Result<MergePlan> plan_merge(std::span<const std::shared_ptr<const Part>> parts, const BuildOptions& options);

}  // namespace sluice::part
