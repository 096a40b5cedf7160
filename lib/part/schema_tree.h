// Finds the columns of a row's fields: a tree of what came after what, so that a row like the one before costs one
// comparison of names per field and no hashing.
//
// A column is one (trusted, type, name, occurrence): the second field of the same name and type in a row has a column
// of its own, so that duplicates and their order survive.  A schema is the list of a row's columns, trusted ones first,
// and kOtherFields at the end if the row has fields beside them.  Names that come and go do not make columns, and rows
// that are all different do not make schemas, beyond what SchemaLimits allow: their fields are left to `others`.
#pragma once

#include <unordered_map>
#include <vector>

#include "part/column.h"
#include "part/frequent_fields.h"

namespace sluice::part {

inline constexpr std::uint32_t kOtherFields = UINT32_MAX;  // Instead of a column.

struct SchemaLimits {
    std::size_t columns_max = 0;       // Of fields.
    std::size_t schema_cells_max = 0;  // Of all schemas: columns, and kSchemaCells for each.
    const FieldSet* chosen = nullptr;  // Only these have columns; borrowed.  Null: all, as long as there is room.
};
inline constexpr std::size_t kSchemaCells = 8;

class SchemaTree {
 public:
    explicit SchemaTree(const SchemaLimits& limits);

    // For each row: begin_row(), then field() for each field in order (the index of its column, or kOtherFields), then
    // end_row() (the index of the row's schema).
    // Where that says `all_others`, no field of the row is in its column, whatever field() said.
    struct RowEnd {
        std::uint32_t schema = 0;
        bool all_others = false;
    };
    void begin_row() noexcept;
    std::uint32_t field(const Field& field);
    RowEnd end_row();

    // Was a column refused that was not among those chosen, or for which there was no room?
    bool refused_column() const noexcept { return refused_column_; }

    // Fields' columns by their index, which begins with kFixedColumns.
    const std::vector<ColumnInfo>& columns() const noexcept { return columns_; }
    const std::vector<std::vector<std::uint32_t>>& schemas() const noexcept { return schemas_; }

 private:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    struct Node {
        std::uint32_t column = 0;
        std::uint32_t likely_child = 0;  // The last one taken; 0: none.
        std::uint32_t parent = 0;
        std::uint32_t schema = kNone;              // Of rows that end here.
        std::uint32_t schema_with_others = kNone;  // Of those that have other fields too.
    };
    struct Name {
        std::vector<std::uint32_t> columns;  // Of each occurrence.
        std::uint64_t row = 0;               // The last one that had it,
        std::size_t used = 0;                // so many times so far.
    };

    bool is(std::uint32_t node, const Field& field) const noexcept;
    std::uint32_t column_for(const Field& field);
    std::uint32_t take(Name& name) noexcept;
    std::uint32_t add_column(const Field& field, std::size_t occurrence);
    std::uint32_t child_of(std::uint32_t node, std::uint32_t column);
    std::uint32_t schema_at(std::uint32_t node, bool with_others);

    const SchemaLimits limits_;
    std::vector<Node> nodes_;
    std::unordered_map<std::uint64_t, std::uint32_t> children_;  // Parent and column.
    std::unordered_map<std::string, std::uint32_t> by_name_;     // Type, trust and name: in names_.
    std::vector<Name> names_;
    std::vector<ColumnInfo> columns_;
    std::vector<std::uint32_t> name_of_;  // Of each column.
    std::vector<std::vector<std::uint32_t>> schemas_;
    std::size_t cells_ = 0;
    std::uint64_t row_ = 0;
    std::uint32_t at_ = 0;
    bool others_ = false;  // The row has other fields.
    bool lost_ = false;    // There is no node for the row.
    bool refused_column_ = false;
    std::string key_;
};

}  // namespace sluice::part
