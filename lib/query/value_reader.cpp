#include "query/value_reader.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "part/other_fields.h"
#include "query/group_table.h"

namespace sluice::query {

ValueReader::ValueReader(const part::Part& part, const Name& name, ValuesRead read)
    : part_(part), name_(name), read_(read) {
    for (const std::uint32_t column :
         read == ValuesRead::first ? first_columns_of(part, name) : ordered_columns_of(part, name)) {
        Column made;
        made.column = column;
        made.info = &part.columns()[column];
        columns_.push_back(std::move(made));
    }
}

Result<> ValueReader::read_dictionaries() {
    if (!std::exchange(tables_read_, true) && may_be_in_others(part_, name_)) {
        others_ = std::make_unique<Column>();
        others_->column = *part_.others();
    }
    for (Column& column : columns_) {
        if (column.dictionary != nullptr || !has_dictionary(*column.info)) {
            continue;
        }
        SLUICE_TRY(column.dictionary, part_.dictionary(column.column));
        column.entries.reserve(column.dictionary->counts.size());
        for (std::size_t i = 0; i < column.dictionary->counts.size(); ++i) {
            column.entries.push_back(value_of_entry(*column.info, *column.dictionary, i));
        }
    }
    return {};
}

Result<> ValueReader::load(std::uint32_t page, ScanCounters& counters) {
    SLUICE_CHECK(read_dictionaries());
    for (Column& column : columns_) {
        column.next = 0;
        const std::uint32_t held = part_.page_values(column.column, page);
        column.constant = column.entries.size() == 1 && held == part_.page_rows(page);
        column.values = nullptr;
        if (held != 0 && !column.constant) {
            SLUICE_TRY(column.values, part_.page(column.column, page));
            ++counters.pages_read;
            counters.bytes_decoded += column.values->codes.size() * sizeof(std::uint32_t) +
                                      (column.values->ints.size() + column.values->floats.size()) * sizeof(double);
        }
        if (read_ == ValuesRead::first && held == part_.page_rows(page)) {
            break;  // Columns behind it are never asked.
        }
    }
    if (others_ != nullptr) {
        others_->next = 0;
        SLUICE_TRY(others_->values, part_.page(others_->column, page));
        ++counters.pages_read;
    }
    return {};
}

ValueReader::Found ValueReader::find(std::uint32_t row) noexcept {
    Found found;
    for (Column& column : columns_) {
        if (const std::size_t index = column.find(row); index != kNone) {
            found = {.column = &column, .index = index};
            break;
        }
    }
    return others_ != nullptr ? find_in_others(row, found) : found;
}

// Calls use(trusted, field) for those of the name that have no column, in the order of the row.
template <class Use>
void ValueReader::for_each_other(std::uint32_t row, Use&& use) {
    const std::size_t index = others_->find(row);
    if (index == kNone) {
        return;
    }
    part::OtherFields fields(others_->values->texts[index]);
    for (part::OtherField field; fields.next(field);) {
        const wire::FieldView view = field.view();
        if (view.name == name_.field) {
            use(field.trusted, view);
        }
    }
}

// The client's before trusted ones, then by type, then the one in a column: an occurrence has one only if those before
// it have.
ValueReader::Found ValueReader::find_in_others(std::uint32_t row, const Found& in_column) noexcept {
    const auto rank = [](bool trusted, wire::FieldType type) { return std::pair(trusted, type); };
    std::optional<std::pair<bool, wire::FieldType>> best;
    if (in_column.column != nullptr) {
        best = rank(in_column.column->info->trusted, in_column.column->info->type);
    }
    Found found = in_column;
    for_each_other(row, [&](bool trusted, const wire::FieldView& field) {
        if (!best || rank(trusted, field.type) < *best) {
            best = rank(trusted, field.type);
            found = {.other = ValueView::of_field(field)};
        }
    });
    return found;
}

// Also those without a column; of the same trust and type, those in columns come first.
std::vector<ValueView> ValueReader::all_at(std::uint32_t row) {
    using Rank = std::tuple<bool, wire::FieldType, std::size_t>;  // The last is the order in which they are found.
    std::vector<std::pair<Rank, ValueView>> found;
    for (Column& column : columns_) {
        if (const std::size_t index = column.find(row); index != kNone) {
            found.emplace_back(Rank(column.info->trusted, column.info->type, found.size()), value(column, index));
        }
    }
    for_each_other(row, [&found](bool trusted, const wire::FieldView& field) {
        found.emplace_back(Rank(trusted, field.type, found.size()), ValueView::of_field(field));
    });
    std::ranges::sort(found, {}, [](const auto& each) { return each.first; });
    std::vector<ValueView> values;
    for (const auto& each : found) {
        values.push_back(each.second);
    }
    return values;
}

const part::Dictionary* ValueReader::only_dictionary() const noexcept {
    return columns_.size() == 1 && others_ == nullptr ? columns_.front().dictionary.get() : nullptr;
}

std::uint32_t ValueReader::Ids::of_value(const ValueView& value) {
    const bool is_time = value.kind == ValueKind::time && bucket_.width > 0;
    const ValueView bucket = grouped(value, bucket_);
    if (is_time && last_id_ != kUnknown && bucket.integer == last_begin_) {
        return last_id_;
    }
    scratch_.clear();
    append_key(scratch_, bucket);
    const std::uint32_t id = keys_.add(scratch_);
    if (is_time) {
        last_begin_ = bucket.integer;
        last_id_ = id;
    }
    return id;
}

std::uint32_t ValueReader::Ids::at(std::uint32_t row) {
    const Found found = reader_.find(row);
    if (found.column == nullptr && found.other.kind == ValueKind::missing) {
        if (missing_ == kUnknown) {
            missing_ = of_value({});
        }
        return missing_;
    }
    if (found.column == nullptr) {
        return of_value(found.other);
    }
    const Column& column = *found.column;
    if (column.dictionary == nullptr) {
        return of_value(value(column, found.index));
    }
    auto& ids = of_entry_[static_cast<std::size_t>(found.column - reader_.columns_.data())];
    if (ids.empty()) {
        ids.assign(column.entries.size(), kUnknown);
    }
    const std::size_t entry = column.constant ? 0 : column.values->codes[found.index];
    if (ids[entry] == kUnknown) {
        ids[entry] = of_value(column.entries[entry]);
    }
    return ids[entry];
}

}  // namespace sluice::query
