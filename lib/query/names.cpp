#include "query/names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::query {
namespace {

constexpr std::array<std::pair<std::string_view, NameKind>, 15> kProperties{{{"", NameKind::message},
                                                                             {"message", NameKind::message},
                                                                             {"msg", NameKind::message},
                                                                             {"_msg", NameKind::message},
                                                                             {"time", NameKind::time},
                                                                             {"_time", NameKind::time},
                                                                             {"receive_time", NameKind::receive_time},
                                                                             {"_receive_time", NameKind::receive_time},
                                                                             {"sequence", NameKind::sequence},
                                                                             {"_sequence", NameKind::sequence},
                                                                             {"severity", NameKind::severity},
                                                                             {"_severity", NameKind::severity},
                                                                             {"level", NameKind::severity},
                                                                             {"stream", NameKind::stream},
                                                                             {"_stream", NameKind::stream}}};

const NameKind* property(std::string_view name) noexcept {
    const auto* at = std::ranges::find(kProperties, name, &std::pair<std::string_view, NameKind>::first);
    return at == kProperties.end() ? nullptr : &at->second;
}

}  // namespace

Name name_in_record(std::string_view name) {
    constexpr std::string_view kField = "field.";
    if (const NameKind* kind = property(name)) {
        return {.kind = *kind, .as_written = std::string(name)};
    }
    const bool escaped = name.starts_with(kField) && property(name.substr(kField.size())) != nullptr;
    return {.kind = NameKind::field,
            .field = std::string(escaped ? name.substr(kField.size()) : name),
            .as_written = std::string(name)};
}

ValueView first_value(const Name& name, const wire::TailEntry& entry) noexcept {
    ValueView first;
    if (name.kind != NameKind::field) {
        for_each_value(name, entry, [&](const ValueView& value) {
            first = value;
            return false;
        });
        return first;
    }
    for (const wire::FieldRange& fields : {entry.record.fields(), entry.trusted}) {
        for (const wire::FieldView field : fields) {
            if (field.name == name.field) {
                const ValueView value = ValueView::of_field(field);
                first = first.kind == ValueKind::missing || value.kind < first.kind ? value : first;
            }
        }
        if (first.kind != ValueKind::missing) {
            return first;
        }
    }
    return first;
}

}  // namespace sluice::query
