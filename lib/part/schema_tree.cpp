#include "part/schema_tree.h"

#include <algorithm>

namespace sluice::part {
namespace {

void make_key(std::string& key, std::uint32_t number, const SchemaTree::Field& field) {
    key.clear();
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
    key.push_back(static_cast<char>(static_cast<unsigned>(field.type) << 1U | (field.trusted ? 1U : 0U)));
    key.append(field.name);
}

}  // namespace

SchemaTree::SchemaTree() : nodes_(1) {}

void SchemaTree::begin_row() noexcept {
    ++row_;
    at_ = 0;
}

bool SchemaTree::is(std::uint32_t node, const Field& field) const noexcept {
    const ColumnInfo& info = columns_[nodes_[node].column - kFixedColumns];
    return info.type == field.type && info.trusted == field.trusted && info.name == field.name;
}

std::uint32_t SchemaTree::field(const Field& field) {
    const std::uint32_t likely = nodes_[at_].likely_child;
    const std::uint32_t child = likely != 0 && is(likely, field) ? likely : child_of(at_, field);
    nodes_[at_].likely_child = child;
    at_ = child;
    const std::uint32_t column = nodes_[child].column;
    last_row_[column - kFixedColumns] = row_;
    return column;
}

std::uint32_t SchemaTree::child_of(std::uint32_t node, const Field& field) {
    make_key(key_, node, field);
    const auto [found, is_new] = children_.try_emplace(key_, static_cast<std::uint32_t>(nodes_.size()));
    const std::uint32_t child = found->second;
    if (is_new) {
        nodes_.push_back({column_for(field), 0, UINT32_MAX, node});
    }
    return child;
}

// The first occurrence that this row does not have yet.
std::uint32_t SchemaTree::column_for(const Field& field) {
    for (std::uint32_t occurrence = 0;; ++occurrence) {
        make_key(key_, occurrence, field);
        const auto [found, is_new] =
            by_name_.try_emplace(key_, static_cast<std::uint32_t>(columns_.size()) + kFixedColumns);
        if (is_new) {
            columns_.push_back({.kind = ColumnKind::field,
                                .name = std::string(field.name),
                                .type = field.type,
                                .occurrence = static_cast<std::uint16_t>(occurrence),
                                .trusted = field.trusted});
            last_row_.push_back(0);
        }
        if (is_new || last_row_[found->second - kFixedColumns] != row_) {
            return found->second;
        }
    }
}

std::uint32_t SchemaTree::end_row() {
    Node& end = nodes_[at_];
    if (end.schema == UINT32_MAX) {
        end.schema = static_cast<std::uint32_t>(schemas_.size());
        std::vector<std::uint32_t> schema;
        for (std::uint32_t node = at_; node != 0; node = nodes_[node].parent) {
            schema.push_back(nodes_[node].column);
        }
        std::reverse(schema.begin(), schema.end());
        schemas_.push_back(std::move(schema));
    }
    return end.schema;
}

}  // namespace sluice::part
