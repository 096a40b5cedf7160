// What a name in a query stands for: a property of every record, or a field.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "query/value.h"
#include "wire/tail_messages.h"

namespace sluice::query {

enum class NameKind : std::uint8_t { message, time, receive_time, sequence, severity, stream, field, column, missing };

struct Name {
    NameKind kind = NameKind::missing;
    std::string field{};       // field
    std::size_t column = 0;    // column: of a computed row.
    std::string as_written{};  // For output and errors.
};

// time, _time; receive_time, _receive_time; sequence, _sequence; severity, level, _severity; stream, _stream; message,
// msg, _msg, and the empty name: of the record.  "field." in front of one of these means a field of that name after
// all, as in JSON output.  Every other name is that of a field, the client's or a trusted one.
Name name_in_record(std::string_view name);

// Calls use(ValueView) for each value of that name until it returns false: a name may occur twice.
// The client's fields come before the trusted ones.  Precondition: not a column.
template <std::invocable<const ValueView&> Use>
void for_each_value(const Name& name, const wire::TailEntry& entry, Use&& use) {
    switch (name.kind) {
        case NameKind::message:
            (void)use(ValueView::of_text(entry.record.message()));
            return;
        case NameKind::time:
            (void)use(ValueView::of_time(entry.record.time_ns()));
            return;
        case NameKind::receive_time:
            (void)use(ValueView::of_time(entry.receive_time_ns));
            return;
        case NameKind::sequence:
            (void)use(ValueView::of_integer(static_cast<std::int64_t>(entry.sequence)));
            return;
        case NameKind::severity:
            (void)use(ValueView::of_severity(entry.record.severity()));
            return;
        case NameKind::stream:
            (void)use(ValueView::of_text(entry.record.stream_or_default()));
            return;
        case NameKind::field:
            for (const wire::FieldRange& fields : {entry.record.fields(), entry.trusted}) {
                for (const wire::FieldView field : fields) {
                    if (field.name == name.field && !use(ValueView::of_field(field))) {
                        return;
                    }
                }
            }
            return;
        case NameKind::column:
        case NameKind::missing:
            return;
    }
}

// Likewise, all of them, in the order in which `fields` writes them: the client's before trusted ones, texts before
// bytes, integers, floats and booleans, then as they come.
template <std::invocable<const ValueView&> Use>
void for_each_in_order(const Name& name, const wire::TailEntry& entry, Use&& use) {
    const auto every = [&](const ValueView& value) {
        use(value);
        return true;
    };
    if (name.kind != NameKind::field) {
        for_each_value(name, entry, every);
        return;
    }
    for (const wire::FieldRange& fields : {entry.record.fields(), entry.trusted}) {
        std::size_t left = 0;
        for (const wire::FieldView field : fields) {
            left += field.name == name.field ? 1 : 0;
        }
        for (auto kind = ValueKind::text; left > 0; kind = static_cast<ValueKind>(static_cast<int>(kind) + 1)) {
            for (const wire::FieldView field : fields) {  // Bounded: each field has one of five kinds.
                if (field.name != name.field) {
                    continue;
                }
                if (const ValueView value = ValueView::of_field(field); value.kind == kind) {
                    use(value);
                    --left;
                }
            }
        }
    }
}

// The one value that stages work with: of several the client's before trusted ones, texts before bytes, integers,
// floats and booleans, then the first.  Missing without one.
ValueView first_value(const Name& name, const wire::TailEntry& entry) noexcept;

}  // namespace sluice::query
