#include "part/schema_tree.h"

#include <algorithm>

namespace sluice::part {

SchemaTree::SchemaTree(const SchemaLimits& limits) : limits_(limits), nodes_(1) {}

void SchemaTree::begin_row() noexcept {
    ++row_;
    at_ = 0;
    others_ = false;
    lost_ = false;
}

bool SchemaTree::is(std::uint32_t node, const Field& field) const noexcept {
    const ColumnInfo& info = columns_[nodes_[node].column - kFixedColumns];
    return info.type == field.type && info.trusted == field.trusted && info.name == field.name;
}

std::uint32_t SchemaTree::field(const Field& field) {
    const std::uint32_t likely = nodes_[at_].likely_child;
    if (likely != 0 && is(likely, field)) {
        at_ = likely;
        return take(names_[name_of_[nodes_[likely].column - kFixedColumns]]);
    }
    const std::uint32_t column = column_for(field);
    if (column == kOtherFields) {
        others_ = true;
        return column;
    }
    const std::uint32_t child = lost_ ? kNone : child_of(at_, column);
    if (child == kNone) {
        lost_ = true;
        return column;
    }
    nodes_[at_].likely_child = child;
    at_ = child;
    return column;
}

// The first occurrence that this row does not have yet, or kOtherFields.
std::uint32_t SchemaTree::take(Name& name) noexcept {
    if (name.row != row_) {
        name.row = row_;
        name.used = 0;
    }
    return name.used < name.columns.size() ? name.columns[name.used++] : kOtherFields;
}

std::uint32_t SchemaTree::column_for(const Field& field) {
    key_.assign(1, static_cast<char>(static_cast<unsigned>(field.type) << 1U | (field.trusted ? 1U : 0U)));
    key_.append(field.name);
    const auto found = by_name_.find(key_);
    if (found != by_name_.end()) {
        const std::uint32_t column = take(names_[found->second]);
        if (column != kOtherFields) {
            return column;
        }
    }
    const std::size_t occurrence = found == by_name_.end() ? 0 : names_[found->second].columns.size();
    const bool wanted = limits_.chosen == nullptr || limits_.chosen->contains(field.hash(occurrence));
    if (!wanted || columns_.size() >= limits_.columns_max) {
        refused_column_ = true;
        return kOtherFields;
    }
    return add_column(field, occurrence);
}

std::uint32_t SchemaTree::add_column(const Field& field, std::size_t occurrence) {
    const std::uint32_t name = by_name_.try_emplace(key_, static_cast<std::uint32_t>(names_.size())).first->second;
    if (name == names_.size()) {
        names_.emplace_back();
    }
    names_[name].columns.push_back(static_cast<std::uint32_t>(columns_.size()) + kFixedColumns);
    columns_.push_back({.kind = ColumnKind::field,
                        .name = std::string(field.name),
                        .type = field.type,
                        .occurrence = static_cast<std::uint16_t>(occurrence),
                        .trusted = field.trusted});
    name_of_.push_back(name);
    return take(names_[name]);
}

// kNone: there is no room for more.
std::uint32_t SchemaTree::child_of(std::uint32_t node, std::uint32_t column) {
    const std::uint64_t key = std::uint64_t{node} << 32U | column;
    const auto found = children_.find(key);
    if (found != children_.end()) {
        return found->second;
    }
    if (nodes_.size() > limits_.schema_cells_max) {
        return kNone;
    }
    const auto child = static_cast<std::uint32_t>(nodes_.size());
    children_.emplace(key, child);
    nodes_.push_back({.column = column, .parent = node});
    return child;
}

SchemaTree::RowEnd SchemaTree::end_row() {
    const std::uint32_t schema = lost_ ? kNone : schema_at(at_, others_);
    return schema != kNone ? RowEnd{schema, false} : RowEnd{schema_at(0, /*with_others=*/true), true};
}

// kNone: there is no room for more.  Those of the root need none.
std::uint32_t SchemaTree::schema_at(std::uint32_t node, bool with_others) {
    std::uint32_t& known = with_others ? nodes_[node].schema_with_others : nodes_[node].schema;
    if (known != kNone) {
        return known;
    }
    std::vector<std::uint32_t> schema;
    for (std::uint32_t each = node; each != 0; each = nodes_[each].parent) {
        schema.push_back(nodes_[each].column);
    }
    if (node != 0 && cells_ + schema.size() + kSchemaCells > limits_.schema_cells_max) {
        return kNone;
    }
    cells_ += schema.size() + kSchemaCells;
    std::reverse(schema.begin(), schema.end());
    if (with_others) {
        schema.push_back(kOtherFields);
    }
    known = static_cast<std::uint32_t>(schemas_.size());
    schemas_.push_back(std::move(schema));
    return known;
}

}  // namespace sluice::part
