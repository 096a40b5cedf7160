// Finds the columns of a row's fields: a tree of what came after what, so that a row like the one before costs one
// comparison of names per field and no hashing.
//
// A column is one (trusted, type, name, occurrence): the second field of the same name and type in a row has a column
// of its own, so that duplicates and their order survive.  A schema is the list of a row's columns, trusted ones first.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "part/column.h"

namespace sluice::part {

class SchemaTree {
 public:
    SchemaTree();

    struct Field {
        bool trusted = false;
        wire::FieldType type = wire::FieldType::string;
        std::string_view name{};
    };

    // For each row: begin_row(), then field() for each field in order (the index of its column), then end_row() (the
    // index of the row's schema).
    void begin_row() noexcept;
    std::uint32_t field(const Field& field);
    std::uint32_t end_row();

    // Fields' columns by their index, which begins with kFixedColumns.
    const std::vector<ColumnInfo>& columns() const noexcept { return columns_; }
    const std::vector<std::vector<std::uint32_t>>& schemas() const noexcept { return schemas_; }

 private:
    struct Node {
        std::uint32_t column = 0;
        std::uint32_t likely_child = 0;     // The last one taken; 0: none.
        std::uint32_t schema = UINT32_MAX;  // Of rows that end here.
        std::uint32_t parent = 0;
    };

    bool is(std::uint32_t node, const Field& field) const noexcept;
    std::uint32_t column_for(const Field& field);
    std::uint32_t child_of(std::uint32_t node, const Field& field);

    std::vector<Node> nodes_;
    std::unordered_map<std::string, std::uint32_t> children_;  // Parent, type, trust and name.
    std::unordered_map<std::string, std::uint32_t> by_name_;   // Type, trust, occurrence and name: a column.
    std::vector<ColumnInfo> columns_;
    std::vector<std::uint64_t> last_row_;  // In which each column had a value.
    std::vector<std::vector<std::uint32_t>> schemas_;
    std::uint64_t row_ = 0;
    std::uint32_t at_ = 0;
    std::string key_;
};

}  // namespace sluice::part
