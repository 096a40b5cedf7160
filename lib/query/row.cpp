#include "query/row.h"

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
    // Another name of the same property: `msg`, or none at all, where the column is `message`.
    if (const NameKind kind = name_in_record(name).kind; kind != NameKind::field) {
        for (const Column& column : columns) {
            if (name_in_record(column.name).kind == kind) {
                return column.source;
            }
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
    RowHead head;
    if (row.entry != nullptr) {
        head = {.sequence = row.entry->sequence,
                .receive_time = row.entry->receive_time_ns,
                .time = row.entry->record.time_ns(),
                .severity = row.entry->record.severity()};
    }
    append_computed(to, head, schema,
                    [&](std::size_t i, const auto& add) { row.for_all(schema.columns[i].source, add); });
}

}  // namespace sluice::query
