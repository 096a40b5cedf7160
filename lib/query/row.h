// Rows on their way through the stages: whole records, or computed columns.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/assert.h"
#include "query/names.h"
#include "query/stage.h"
#include "query/value.h"
#include "wire/limits.h"

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
    // All values, in the order of for_each_in_order.
    template <class Use>
    void for_all(const Name& name, Use&& use) const {
        if (name.kind == NameKind::column) {
            use(columns[name.column].view());
        } else if (entry != nullptr) {
            for_each_in_order(name, *entry, use);
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

// Appends a computed row as one TAIL entry: `values(column, add)` is asked for each column of the schema, and calls
// add(ValueView) for each value of it.  Of several values those are kept that a record has room for.
template <class ValuesOf>
void append_computed(Bytes& to, const RowHead& head, const Schema& schema, ValuesOf&& values) {
    append_int(to, head.sequence);
    append_int(to, head.receive_time);
    append_int(to, wire::kBatchComputed);
    append_int(to, std::uint16_t{0});
    append_int(to, std::uint32_t{0});
    wire::RecordBuilder record(to);
    record.begin(head.severity, {}, head.time);
    std::size_t further = wire::kFieldsMax - std::min<std::size_t>(schema.columns.size(), wire::kFieldsMax);
    for (std::size_t i = 0; i < schema.columns.size(); ++i) {
        bool is_first = true;
        values(i, [&](const ValueView& value) {
            if (is_first || further > 0) {
                append_as_field(record, schema.columns[i].name, value);
                further -= is_first ? 0 : 1;
            }
            is_first = false;
        });
    }
    const Result<> finished = record.finish();
    SLUICE_ASSERT(finished.has_value(), "a computed row with a column that Plan should have refused");
}

// Appends the row as one TAIL entry: a whole record as it is, anything else as a computed row.
void append_row(Bytes& to, const Schema& schema, const RowRef& row);

}  // namespace sluice::query
