// Whole records from columns.
#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "part/part_impl.h"

namespace sluice::part {
namespace {

// Walks over the values of one column, row by row.
struct ColumnCursor {
    std::shared_ptr<const PageValues> values;
    std::shared_ptr<const Dictionary> dictionary;
    Bytes head;  // Of the encoded field, its value size missing, and the name.
    std::size_t next = 0;
    bool text = false;

    // The value of `row`, whose predecessors have been taken or passed.  Null: the row has none.
    std::optional<std::size_t> at(std::uint16_t row) {
        if (values->positions.empty()) {
            return row < values->size() ? std::optional<std::size_t>(row) : std::nullopt;
        }
        while (next < values->positions.size() && values->positions[next] < row) {
            ++next;
        }
        return next < values->positions.size() && values->positions[next] == row ? std::optional(next) : std::nullopt;
    }
    std::string_view text_at(std::size_t i) const {
        return dictionary != nullptr ? dictionary->entries[values->codes[i]] : values->texts[i];
    }
    std::int64_t number_at(std::size_t i) const {
        if (dictionary != nullptr) {
            return dictionary->ints[values->codes[i]];
        }
        return values->floats.empty() ? values->ints[i] : std::bit_cast<std::int64_t>(values->floats[i]);
    }
};

Bytes field_head(const ColumnInfo& info) {
    Bytes head;
    append_int(head, static_cast<std::uint8_t>(info.type));
    append_int(head, static_cast<std::uint8_t>(info.name.size()));
    append_int(head, std::uint16_t{0});
    append_int(head, std::uint32_t{0});
    append(head, as_bytes(info.name));
    return head;
}

bool has_text(const ColumnInfo& info) noexcept {
    if (info.kind == ColumnKind::field) {
        return info.type == wire::FieldType::string || info.type == wire::FieldType::bytes;
    }
    return info.kind == ColumnKind::stream || info.kind == ColumnKind::message;
}

class RowWriter {
 public:
    RowWriter(const Part::Impl& part, std::uint32_t page) : part_(part), page_(page) {}

    Result<> open(std::span<const std::uint16_t> rows) {
        SLUICE_TRY(schemas_, part_.schemas(page_));
        for (std::uint32_t column = 0; column < kFixedColumns; ++column) {
            SLUICE_CHECK(open_column(column));
        }
        // One look per schema; most pages have few.
        std::vector<bool> seen(part_.layout.schemas.size());
        for (const std::uint16_t row : rows) {
            const std::uint32_t schema = schemas_->ids[row];
            if (seen[schema]) {
                continue;
            }
            seen[schema] = true;
            for (const std::uint32_t column : part_.layout.schemas[schema]) {
                SLUICE_CHECK(open_column(column));
            }
        }
        return {};
    }

    Result<> append(std::uint16_t row, Bytes& to) {
        const auto number = [&](ColumnKind kind) { return fixed(kind).number_at(row); };
        append_int(to, static_cast<std::uint64_t>(number(ColumnKind::sequence)));
        append_int(to, number(ColumnKind::receive_time));
        append_int(to, static_cast<std::uint16_t>(number(ColumnKind::flags)));
        const std::vector<std::uint32_t>& schema = part_.layout.schemas[schemas_->ids[row]];
        const auto middle =
            std::ranges::partition_point(schema, [this](std::uint32_t column) { return part_.infos[column].trusted; });
        const std::size_t start = to.size();
        to.resize(start + 6);
        SLUICE_CHECK(append_fields(row, {schema.begin(), middle}, to));
        store_int(to.data() + start, static_cast<std::uint16_t>(middle - schema.begin()));
        store_int(to.data() + start + 2, static_cast<std::uint32_t>(to.size() - start - 6));
        return append_record(row, {middle, schema.end()}, to);
    }

 private:
    ColumnCursor& fixed(ColumnKind kind) { return columns_[static_cast<std::size_t>(kind)]; }

    Result<> open_column(std::uint32_t column) {
        if (column_at_.size() <= column) {
            column_at_.resize(part_.layout.columns.size(), UINT32_MAX);
        }
        if (column_at_[column] != UINT32_MAX) {
            return {};
        }
        column_at_[column] = static_cast<std::uint32_t>(columns_.size());
        ColumnCursor cursor;
        SLUICE_TRY(cursor.values, part_.page(column, page_));
        const ColumnInfo& info = part_.infos[column];
        if (part_.layout.columns[column].coding.codec == Codec::dictionary) {
            SLUICE_TRY(cursor.dictionary, part_.dictionary(column));
        }
        cursor.text = has_text(info);
        cursor.head = info.kind == ColumnKind::field ? field_head(info) : Bytes{};
        columns_.push_back(std::move(cursor));
        return {};
    }

    Result<> append_fields(std::uint16_t row, std::span<const std::uint32_t> columns, Bytes& to) {
        for (const std::uint32_t column : columns) {
            ColumnCursor& cursor = columns_[column_at_[column]];
            const std::optional<std::size_t> at = cursor.at(row);
            if (!at) {
                return fail(Errc::corrupt, "column {}, page {}: row {} has no value", column, page_, row);
            }
            const std::size_t start = to.size();
            sluice::append(to, cursor.head);
            if (cursor.text) {
                sluice::append(to, as_bytes(cursor.text_at(*at)));
            } else if (part_.infos[column].type == wire::FieldType::boolean) {
                to.push_back(static_cast<std::byte>(cursor.number_at(*at)));
            } else {
                append_int(to, cursor.number_at(*at));
            }
            const std::size_t value_bytes = to.size() - start - cursor.head.size();
            store_int(to.data() + start + 4, static_cast<std::uint32_t>(value_bytes));
        }
        return {};
    }

    Result<> append_record(std::uint16_t row, std::span<const std::uint32_t> columns, Bytes& to) {
        const std::size_t start = to.size();
        const std::string_view stream = fixed(ColumnKind::stream).text_at(row);
        const std::string_view message = fixed(ColumnKind::message).text_at(row);
        append_int(to, std::uint32_t{0});
        append_int(to, static_cast<std::uint8_t>(fixed(ColumnKind::severity).number_at(row)));
        append_int(to, static_cast<std::uint8_t>(stream.size()));
        append_int(to, static_cast<std::uint16_t>(columns.size()));
        append_int(to, fixed(ColumnKind::time).number_at(row));
        append_int(to, static_cast<std::uint32_t>(message.size()));
        sluice::append(to, as_bytes(stream));
        sluice::append(to, as_bytes(message));
        SLUICE_CHECK(append_fields(row, columns, to));
        store_int(to.data() + start, static_cast<std::uint32_t>(to.size() - start));
        return {};
    }

    const Part::Impl& part_;
    const std::uint32_t page_;
    std::shared_ptr<const PageSchemas> schemas_;
    std::vector<ColumnCursor> columns_;     // The fixed ones first.
    std::vector<std::uint32_t> column_at_;  // Of each column of the part, in columns_.
};

}  // namespace

Result<> Part::append_entries(std::uint32_t page, std::span<const std::uint16_t> rows, Bytes& to) const {
    SLUICE_ASSERT(page < pages() && std::ranges::is_sorted(rows) && (rows.empty() || rows.back() < page_rows(page)),
                  "page {}", page);
    if (rows.empty()) {
        return {};
    }
    const std::size_t start = to.size();
    RowWriter writer(*impl_, page);
    Result<> result = writer.open(rows);
    for (std::size_t i = 0; i < rows.size() && result; ++i) {
        result = writer.append(rows[i], to);
    }
    if (!result) {
        to.resize(start);
    }
    return result;
}

}  // namespace sluice::part
