// The values of one name in a part, row by row within a page: the one value that stages work with (first_value), or
// all.
#pragma once

#include <memory>
#include <vector>

#include "query/key_index.h"
#include "query/part_columns.h"
#include "query/scan_counters.h"
#include "query/stage.h"

namespace sluice::query {

enum class ValuesRead : std::uint8_t { first, all };

// Threads: one.
class ValueReader {
 public:
    // Borrows the part.
    ValueReader(const part::Part& part, const Name& name, ValuesRead read = ValuesRead::first);

    // Errors: of the part.
    Result<> load(std::uint32_t page, ScanCounters& counters);
    // Rows ascending since load().  Valid until the next load().
    ValueView at(std::uint32_t row) noexcept {
        const Found found = find(row);
        return found.column == nullptr ? found.other : value(*found.column, found.index);
    }

    // All values of the row, in the order of for_each_in_order; only with ValuesRead::all.
    template <class Use>
    void for_each_at(std::uint32_t row, Use&& use) {
        if (others_ != nullptr) {
            for (const ValueView& each : all_at(row)) {
                use(each);
            }
            return;
        }
        for (Column& column : columns_) {
            if (const std::size_t index = column.find(row); index != kNone) {
                use(value(column, index));
            }
        }
    }

    // A small number for each distinct value (its bucket, with a width), the same in all pages of the part.
    class Ids;

    // ---- without pages ----
    // Errors: of the part.  The rest is known behind it.
    Result<> read_dictionaries();
    // The one column with a dictionary that holds all values of the name; else nullptr.
    const part::Dictionary* only_dictionary() const noexcept;
    std::uint32_t only_column() const noexcept { return columns_.front().column; }
    ValueView entry(std::size_t index) const noexcept { return columns_.front().entries[index]; }
    bool has_columns() const noexcept { return !columns_.empty() || others_ != nullptr; }

 private:
    static constexpr std::size_t kNone = SIZE_MAX;
    struct Column {
        std::uint32_t column = 0;
        const part::ColumnInfo* info = nullptr;
        std::shared_ptr<const part::Dictionary> dictionary;
        std::vector<ValueView> entries;  // Of the dictionary.
        std::shared_ptr<const part::PageValues> values;
        bool constant = false;  // One entry, on every row of the page: values stay unread.
        std::size_t next = 0;

        std::size_t find(std::uint32_t row) noexcept {
            if (constant) {
                return 0;
            }
            if (values == nullptr || values->size() == 0) {
                return kNone;
            }
            const auto positions = values->positions;
            if (positions.empty()) {
                return row;
            }
            while (next < positions.size() && positions[next] < row) {
                ++next;
            }
            return next < positions.size() && positions[next] == row ? next : kNone;
        }
    };
    static ValueView value(const Column& column, std::size_t index) noexcept {
        if (column.dictionary != nullptr) {
            return column.entries[column.constant ? 0 : column.values->codes[index]];
        }
        return value_at(*column.info, *column.values, index);
    }

    // Where the value of a row is: in a column, or it is `other`; else missing.
    struct Found {
        Column* column = nullptr;
        std::size_t index = 0;
        ValueView other{};
    };
    Found find(std::uint32_t row) noexcept;
    std::vector<ValueView> all_at(std::uint32_t row);
    template <class Use>
    void for_each_other(std::uint32_t row, Use&& use);
    Found find_in_others(std::uint32_t row, const Found& in_column) noexcept;

    const part::Part& part_;
    Name name_;
    ValuesRead read_;
    std::vector<Column> columns_;
    std::unique_ptr<Column> others_;  // Once dictionaries are read: if it may have the name.
    bool tables_read_ = false;
};

// Values are numbered in the order of their first appearance.
class ValueReader::Ids {
 public:
    // Borrows the reader.
    Ids(ValueReader& reader, const Bucket& bucket)
        : reader_(reader), bucket_(bucket), of_entry_(reader.columns_.size()) {}

    std::uint32_t at(std::uint32_t row);
    std::uint32_t of_value(const ValueView& value);
    // The key (append_key) of an id.
    std::string_view key(std::uint32_t id) const noexcept { return keys_.key(id); }
    std::uint32_t size() const noexcept { return keys_.size(); }
    std::size_t bytes() const noexcept { return keys_.bytes(); }

 private:
    static constexpr std::uint32_t kUnknown = UINT32_MAX;

    ValueReader& reader_;
    Bucket bucket_;
    KeyIndex keys_;
    std::vector<std::vector<std::uint32_t>> of_entry_;  // Of each column with a dictionary: ids of its entries.
    std::uint32_t missing_ = kUnknown;
    std::int64_t last_begin_ = 0;  // The bucket of times seen last: the next is often the same.
    std::uint32_t last_id_ = kUnknown;
    std::string scratch_;
};

}  // namespace sluice::query
