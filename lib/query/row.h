// Rows on their way through the stages: whole records, or computed columns.
#pragma once

#include <span>
#include <vector>

#include "base/assert.h"
#include "query/names.h"
#include "query/stage.h"
#include "query/value.h"

namespace sluice::query {

// Borrows.  Exactly one of the two forms.
struct RowRef {
    const wire::TailEntry* entry = nullptr;
    std::span<const Value> columns{};

    template <class Use>
    void for_each(const Name& name, Use&& use) const {
        if (name.kind == NameKind::column) {
            (void)use(columns[name.column].view());
        } else if (entry != nullptr) {
            for_each_value(name, *entry, use);
        }
    }
    ValueView first(const Name& name) const noexcept {
        return name.kind == NameKind::column ? columns[name.column].view()
               : entry != nullptr            ? first_value(name, *entry)
                                             : ValueView();
    }
};

// Owns what it holds.
struct Row {
    Bytes entry;
    std::vector<Value> columns;

    static Row copy_of(const RowRef& row);
    std::size_t bytes() const noexcept;
    // Calls use(RowRef).
    template <class Use>
    auto with_ref(Use&& use) const {
        if (entry.empty()) {
            return use(RowRef{.entry = nullptr, .columns = columns});
        }
        const wire::TailEntry view = wire::TailEntryCodec::view(entry.data());
        return use(RowRef{.entry = &view, .columns = {}});
    }
};

// What a computed row keeps of the record it was made of; of several records, nothing.
struct RowHead {
    std::uint64_t sequence = 0;
    WallNs receive_time = 0;
    WallNs time = 0;
    wire::Severity severity = wire::Severity::info;
};

// Appends a computed row as one TAIL entry: `value(column)` is asked for each column of the schema.
template <class ValueOf>
void append_computed(Bytes& to, const RowHead& head, const Schema& schema, ValueOf&& value) {
    append_int(to, head.sequence);
    append_int(to, head.receive_time);
    append_int(to, wire::kBatchComputed);
    append_int(to, std::uint16_t{0});
    append_int(to, std::uint32_t{0});
    wire::RecordBuilder record(to);
    record.begin(head.severity, {}, head.time);
    for (std::size_t i = 0; i < schema.columns.size(); ++i) {
        append_as_field(record, schema.columns[i].name, value(i));
    }
    const Result<> finished = record.finish();
    SLUICE_ASSERT(finished.has_value(), "a computed row with a column that Plan should have refused");
}

// Appends the row as one TAIL entry: a whole record as it is, anything else as a computed row.
void append_row(Bytes& to, const Schema& schema, const RowRef& row);

}  // namespace sluice::query
