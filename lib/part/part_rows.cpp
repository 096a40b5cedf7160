// Whole records from columns.
#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "part/other_fields.h"
#include "part/part_impl.h"

namespace sluice::part {
namespace {

// Walks over the values of one column, row by row.
struct ColumnCursor {
    std::shared_ptr<const PageValues> values;
    std::shared_ptr<const Dictionary> dictionary;
    Bytes head;  // Of the encoded field, its value size missing, and the name.
    std::size_t next = 0;

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

class RowReader {
 public:
    RowReader(const Part::Impl& part, std::uint32_t page, std::span<const std::uint16_t> rows)
        : part_(part), page_(page), rows_(rows) {}

    // What append() needs.
    Result<> open() {
        for (std::uint32_t column = 0; column < kFixedColumns; ++column) {
            SLUICE_CHECK(open_column(column));
        }
        return open_fields([](std::uint32_t, std::uint32_t) { return true; });
    }
    // The columns of the fields that are wanted(schema, column), and `others`.
    template <class Wanted>
    Result<> open_fields(const Wanted& wanted) {
        SLUICE_TRY(schemas_, part_.schemas(page_));
        // One look per schema; most pages have few.
        std::vector<bool> seen(part_.layout.schemas.size());
        for (const std::uint16_t row : rows_) {
            const std::uint32_t schema = schemas_->ids[row];
            if (seen[schema]) {
                continue;
            }
            seen[schema] = true;
            for (const std::uint32_t column : part_.layout.schemas[schema]) {
                if (is_others(column) || wanted(schema, column)) {
                    SLUICE_CHECK(open_column(column));
                }
            }
        }
        return {};
    }

    Result<> append(std::uint16_t row, Bytes& to) {
        const auto number = [&](ColumnKind kind) { return fixed(kind).number_at(row); };
        append_int(to, static_cast<std::uint64_t>(number(ColumnKind::sequence)));
        append_int(to, number(ColumnKind::receive_time));
        append_int(to, static_cast<std::uint16_t>(number(ColumnKind::flags)));
        const std::size_t start = to.size();
        to.resize(start + 6);
        SLUICE_TRY(RowFields fields, fields_of(row));
        SLUICE_TRY(const std::uint16_t count, append_fields(row, fields, true, to));
        store_int(to.data() + start, count);
        store_int(to.data() + start + 2, static_cast<std::uint32_t>(to.size() - start - 6));
        return append_record(row, fields, to);
    }

    // As Part::Impl::other_fields() says.
    template <class Kept>
    Result<> append_others(std::uint16_t row, const Kept& kept, Bytes& to) {
        SLUICE_TRY(RowFields fields, fields_of(row));
        Bytes field;
        for (const bool trusted : {true, false}) {
            std::uint64_t skipped = 0;
            const auto add = [&](ByteView bytes) {
                append_other_field(to, std::exchange(skipped, 0), trusted, wire::FieldCodec::view(bytes.data()));
            };
            SLUICE_CHECK(for_each_field(
                fields, trusted,
                [&](std::uint32_t column) -> Result<> {
                    if (kept(schemas_->ids[row], column)) {
                        ++skipped;
                        return {};
                    }
                    field.clear();
                    SLUICE_CHECK(append_field(row, column, field));
                    add(field);
                    return {};
                },
                add));
        }
        return {};
    }

 private:
    // The fields of one row that are still to come.
    struct RowFields {
        std::span<const std::uint32_t> trusted{};  // Columns.
        std::span<const std::uint32_t> own{};
        OtherFields others{};
        std::optional<OtherField> other{};  // The next of them.
    };

    bool is_others(std::uint32_t column) const noexcept { return column == part_.own_columns; }
    ColumnCursor& fixed(ColumnKind kind) { return columns_[static_cast<std::size_t>(kind)]; }

    Error no_value(std::uint16_t row, std::uint32_t column) const {
        return {Errc::corrupt, fmt::format("column {}, page {}: row {} has no value", column, page_, row)};
    }

    Result<> open_column(std::uint32_t column) {
        if (column_at_.size() <= column) {
            column_at_.resize(part_.layout.columns.size(), UINT32_MAX);
        }
        if (column_at_[column] != UINT32_MAX) {
            return {};
        }
        column_at_[column] = static_cast<std::uint32_t>(columns_.size());
        ColumnCursor cursor;
        if (part_.has_templates(column)) {  // Only what is asked for is joined.
            SLUICE_TRY(cursor.values, part_.joined_page(column, page_, {.rows = rows_}));
        } else {
            SLUICE_TRY(cursor.values, part_.page(column, page_));
        }
        const ColumnInfo& info = part_.infos[column];
        if (part_.layout.columns[column].coding.codec == Codec::dictionary) {
            SLUICE_TRY(cursor.dictionary, part_.dictionary(column));
        }
        cursor.head = info.kind == ColumnKind::field ? field_head(info) : Bytes{};
        columns_.push_back(std::move(cursor));
        return {};
    }

    Result<RowFields> fields_of(std::uint16_t row) {
        RowFields fields;
        std::span<const std::uint32_t> all = part_.layout.schemas[schemas_->ids[row]];
        if (!all.empty() && is_others(all.back())) {
            ColumnCursor& cursor = columns_[column_at_[all.back()]];
            const std::optional<std::size_t> at = cursor.at(row);
            if (!at) {
                return std::unexpected(no_value(row, all.back()));
            }
            fields.others = OtherFields(cursor.text_at(*at));
            advance(fields);
            all = all.first(all.size() - 1);
        }
        const auto middle =
            std::ranges::partition_point(all, [this](std::uint32_t column) { return part_.infos[column].trusted; });
        fields.trusted = {all.begin(), middle};
        fields.own = {middle, all.end()};
        return fields;
    }
    static void advance(RowFields& fields) {
        OtherField next;
        fields.other = fields.others.next(next) ? std::optional(next) : std::nullopt;
    }

    // In the order of the row: own(column) -> Result<>, or other(field as in a record).
    template <class Own, class Other>
    Result<> for_each_field(RowFields& fields, bool trusted, const Own& own, const Other& other) const {
        std::span<const std::uint32_t>& columns = trusted ? fields.trusted : fields.own;
        for (; fields.other && fields.other->trusted == trusted; advance(fields)) {
            if (fields.other->skipped > columns.size()) {
                return fail(Errc::corrupt, "column {}, page {}: a field stands behind {} others of {}",
                            part_.own_columns, page_, fields.other->skipped, columns.size());
            }
            for (const std::uint32_t column : columns.first(static_cast<std::size_t>(fields.other->skipped))) {
                SLUICE_CHECK(own(column));
            }
            columns = columns.subspan(static_cast<std::size_t>(fields.other->skipped));
            other(fields.other->bytes);
        }
        for (const std::uint32_t column : columns) {
            SLUICE_CHECK(own(column));
        }
        return {};
    }

    Result<> append_field(std::uint16_t row, std::uint32_t column, Bytes& to) {
        ColumnCursor& cursor = columns_[column_at_[column]];
        const std::optional<std::size_t> at = cursor.at(row);
        if (!at) {
            return std::unexpected(no_value(row, column));
        }
        const std::size_t start = to.size();
        sluice::append(to, cursor.head);
        const wire::FieldType type = part_.infos[column].type;
        if (type == wire::FieldType::string || type == wire::FieldType::bytes) {
            sluice::append(to, as_bytes(cursor.text_at(*at)));
        } else if (type == wire::FieldType::boolean) {
            to.push_back(static_cast<std::byte>(cursor.number_at(*at)));
        } else {
            append_int(to, cursor.number_at(*at));
        }
        const std::size_t value_bytes = to.size() - start - cursor.head.size();
        store_int(to.data() + start + 4, static_cast<std::uint32_t>(value_bytes));
        return {};
    }

    // How many they are.
    Result<std::uint16_t> append_fields(std::uint16_t row, RowFields& fields, bool trusted, Bytes& to) {
        std::size_t count = 0;
        SLUICE_CHECK(for_each_field(
            fields, trusted,
            [&](std::uint32_t column) {
                ++count;
                return append_field(row, column, to);
            },
            [&](ByteView field) {
                ++count;
                sluice::append(to, field);
            }));
        if (count > UINT16_MAX) {
            return fail(Errc::corrupt, "page {}: row {} has {} fields", page_, row, count);
        }
        return static_cast<std::uint16_t>(count);
    }

    Result<> append_record(std::uint16_t row, RowFields& fields, Bytes& to) {
        const std::size_t start = to.size();
        const std::string_view stream = fixed(ColumnKind::stream).text_at(row);
        const std::string_view message = fixed(ColumnKind::message).text_at(row);
        append_int(to, std::uint32_t{0});
        append_int(to, static_cast<std::uint8_t>(fixed(ColumnKind::severity).number_at(row)));
        append_int(to, static_cast<std::uint8_t>(stream.size()));
        append_int(to, std::uint16_t{0});
        append_int(to, fixed(ColumnKind::time).number_at(row));
        append_int(to, static_cast<std::uint32_t>(message.size()));
        sluice::append(to, as_bytes(stream));
        sluice::append(to, as_bytes(message));
        SLUICE_TRY(const std::uint16_t count, append_fields(row, fields, false, to));
        store_int(to.data() + start + 6, count);
        store_int(to.data() + start, static_cast<std::uint32_t>(to.size() - start));
        return {};
    }

    const Part::Impl& part_;
    const std::uint32_t page_;
    const std::span<const std::uint16_t> rows_;
    std::shared_ptr<const PageSchemas> schemas_;
    std::vector<ColumnCursor> columns_;     // The fixed ones first, if they are open.
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
    RowReader reader(*impl_, page, rows);
    Result<> result = reader.open();
    for (std::size_t i = 0; i < rows.size() && result; ++i) {
        result = reader.append(rows[i], to);
    }
    if (!result) {
        to.resize(start);
    }
    return result;
}

Result<> Part::Impl::other_fields(std::uint32_t page, std::span<const std::uint16_t> rows,
                                  const std::function<bool(std::uint32_t schema, std::uint32_t column)>& kept,
                                  const std::function<void(ByteView)>& use) const {
    RowReader reader(*this, page, rows);
    SLUICE_CHECK(reader.open_fields([&](std::uint32_t schema, std::uint32_t column) { return !kept(schema, column); }));
    Bytes value;
    for (const std::uint16_t row : rows) {
        value.clear();
        SLUICE_CHECK(reader.append_others(row, kept, value));
        use(value);
    }
    return {};
}

}  // namespace sluice::part
