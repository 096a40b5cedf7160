// Rows on their way through the stages: whole records, or computed columns.
#pragma once

#include <span>
#include <vector>

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

// Appends the row as one TAIL entry: a whole record as it is, anything else as a computed row.
void append_row(Bytes& to, const Schema& schema, const RowRef& row);

}  // namespace sluice::query
