#include "part/field_columns.h"

#include "part/other_fields.h"

namespace sluice::part {
namespace {

std::int64_t number_of(const wire::FieldView& field) noexcept {
    return field.type == wire::FieldType::boolean ? std::int64_t{field.as_boolean()} : field.as_int64();
}

}  // namespace

void FieldColumns::find_columns(const wire::FieldRange& fields, bool trusted) {
    for (const wire::FieldView field : fields) {
        row_columns_.push_back(tree_.field({trusted, field.type, field.name}));
    }
}

// `first`: of these fields, in row_columns_.
void FieldColumns::add_values(std::uint32_t page, const wire::FieldRange& fields, bool trusted, std::size_t first) {
    std::size_t skipped = 0;
    for (const wire::FieldView field : fields) {
        const std::uint32_t column = row_columns_[first++];
        if (column == kOtherFields) {
            append_other_field(row_others_, std::exchange(skipped, 0), trusted, field);
            continue;
        }
        ++skipped;
        const std::size_t index = column - kFixedColumns;
        if (index >= columns_.size()) {
            columns_.resize(index + 1);
        }
        if (field.type == wire::FieldType::string || field.type == wire::FieldType::bytes) {
            columns_[index].add(page, field.text());
        } else {
            columns_[index].add(page, number_of(field));
        }
    }
}

void FieldColumns::add_row(std::uint32_t page, const wire::FieldRange& trusted, const wire::FieldRange& fields) {
    tree_.begin_row();
    row_columns_.clear();
    find_columns(trusted, true);
    find_columns(fields, false);
    const SchemaTree::RowEnd end = tree_.end_row();
    schema_ids_.push_back(end.schema);
    if (end.all_others) {
        row_columns_.assign(row_columns_.size(), kOtherFields);
    }
    row_others_.clear();
    add_values(page, trusted, true, 0);
    add_values(page, fields, false, trusted.size());
    if (!row_others_.empty()) {
        others_.add(page, as_text(arena_.keep(row_others_)));
    }
}

// A column that was made for a row whose fields went to `others` after all may be empty: it is left out.
FieldColumns::Made FieldColumns::finish() && {
    Made made;
    made.schemas = tree_.schemas();
    made.schema_ids = std::move(schema_ids_);
    std::vector<std::uint32_t> index_of(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        index_of[i] = kFixedColumns + static_cast<std::uint32_t>(made.columns.size());
        if (!columns_[i].empty()) {
            made.infos.push_back(tree_.columns()[i]);
            made.columns.push_back(std::move(columns_[i]));
        }
    }
    const std::uint32_t others = kFixedColumns + static_cast<std::uint32_t>(made.columns.size());
    if (!others_.empty()) {
        made.infos.push_back({.kind = ColumnKind::others});
        made.columns.push_back(std::move(others_));
    }
    for (auto& schema : made.schemas) {
        for (std::uint32_t& column : schema) {
            column = column == kOtherFields ? others : index_of[column - kFixedColumns];
        }
    }
    return made;
}

}  // namespace sluice::part
