#include "query/row.h"

#include "base/assert.h"

namespace sluice::query {

Name Schema::resolve(std::string_view name) const {
    if (whole_records) {
        return name_in_record(name);
    }
    for (const Column& column : columns) {
        if (column.name == name) {
            return column.source;
        }
    }
    return {.kind = NameKind::missing, .field = {}, .column = 0, .as_written = std::string(name)};
}

Row Row::copy_of(const RowRef& row) {
    Row copy;
    if (row.entry != nullptr) {
        copy.entry.reserve(wire::tail_entry_bytes(*row.entry));
        wire::append_tail_entry(copy.entry, *row.entry);
    } else {
        copy.columns.assign(row.columns.begin(), row.columns.end());
    }
    return copy;
}

std::size_t Row::bytes() const noexcept {
    std::size_t total = sizeof(Row) + entry.capacity();
    for (const Value& value : columns) {
        total += value.bytes();
    }
    return total;
}

void append_row(Bytes& to, const Schema& schema, const RowRef& row) {
    if (schema.whole_records) {
        wire::append_tail_entry(to, *row.entry);
        return;
    }
    const bool of_record = row.entry != nullptr;
    append_int(to, of_record ? row.entry->sequence : std::uint64_t{0});
    append_int(to, of_record ? row.entry->receive_time_ns : WallNs{0});
    append_int(to, wire::kBatchComputed);
    append_int(to, std::uint16_t{0});
    append_int(to, std::uint32_t{0});
    wire::RecordBuilder record(to);
    record.begin(of_record ? row.entry->record.severity() : wire::Severity::info, {},
                 of_record ? row.entry->record.time_ns() : 0);
    for (const Schema::Column& column : schema.columns) {
        append_as_field(record, column.name, row.first(column.source));
    }
    const Result<> finished = record.finish();
    SLUICE_ASSERT(finished.has_value(), "a computed row with a column that Plan should have refused");
}

}  // namespace sluice::query
