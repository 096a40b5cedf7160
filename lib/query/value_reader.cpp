#include "query/value_reader.h"

#include "query/group_table.h"

namespace sluice::query {

ValueReader::ValueReader(const part::Part& part, const Name& name, ValuesRead read) : part_(part), read_(read) {
    for (const std::uint32_t column :
         read == ValuesRead::first ? first_columns_of(part, name) : ordered_columns_of(part, name)) {
        Column made;
        made.column = column;
        made.info = &part.columns()[column];
        columns_.push_back(std::move(made));
    }
}

Result<> ValueReader::read_dictionaries() {
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
    return {};
}

const part::Dictionary* ValueReader::only_dictionary() const noexcept {
    return columns_.size() == 1 ? columns_.front().dictionary.get() : nullptr;
}

std::uint32_t ValueReader::Ids::of_value(const ValueView& value) {
    const bool is_time = value.kind == ValueKind::time && width_ > 0;
    ValueView bucket = value;
    if (width_ > 0) {
        bucket = bucket_of(value, width_);
        if (is_time && last_id_ != kUnknown && bucket.integer == last_begin_) {
            return last_id_;
        }
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
    for (std::size_t i = 0; i < reader_.columns_.size(); ++i) {
        Column& column = reader_.columns_[i];
        const std::size_t index = column.find(row);
        if (index == kNone) {
            continue;
        }
        if (column.dictionary == nullptr) {
            return of_value(value(column, index));
        }
        auto& ids = of_entry_[i];
        if (ids.empty()) {
            ids.assign(column.entries.size(), kUnknown);
        }
        const std::size_t entry = column.constant ? 0 : column.values->codes[index];
        if (ids[entry] == kUnknown) {
            ids[entry] = of_value(column.entries[entry]);
        }
        return ids[entry];
    }
    if (missing_ == kUnknown) {
        missing_ = of_value({});
    }
    return missing_;
}

}  // namespace sluice::query
