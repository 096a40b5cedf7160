#include "query/part_columns.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace sluice::query {
namespace {

using part::ColumnInfo;
using part::ColumnKind;

constexpr std::array kFieldTypes{wire::FieldType::string, wire::FieldType::bytes, wire::FieldType::int64,
                                 wire::FieldType::float64, wire::FieldType::boolean};

std::uint32_t fixed_column(NameKind kind) noexcept {
    switch (kind) {
        case NameKind::time:
            return part::Part::fixed(ColumnKind::time);
        case NameKind::receive_time:
            return part::Part::fixed(ColumnKind::receive_time);
        case NameKind::sequence:
            return part::Part::fixed(ColumnKind::sequence);
        case NameKind::severity:
            return part::Part::fixed(ColumnKind::severity);
        case NameKind::stream:
            return part::Part::fixed(ColumnKind::stream);
        default:
            return part::Part::fixed(ColumnKind::message);
    }
}

}  // namespace

std::vector<std::uint32_t> columns_of(const part::Part& part, const Name& name) {
    switch (name.kind) {
        case NameKind::field: {
            const auto found = part.find(name.field);
            return {found.begin(), found.end()};
        }
        case NameKind::column:
        case NameKind::missing:
            return {};
        default:
            return {fixed_column(name.kind)};
    }
}

bool may_be_in_others(const part::Part& part, const Name& name) {
    return name.kind == NameKind::field && std::ranges::any_of(kFieldTypes, [&](wire::FieldType type) {
               return part.others_may_have(name.field, type);
           });
}

std::vector<std::uint32_t> ordered_columns_of(const part::Part& part, const Name& name) {
    std::vector<std::uint32_t> columns = columns_of(part, name);
    const auto& infos = part.columns();
    std::ranges::sort(columns, {}, [&](std::uint32_t column) {
        return std::tuple(infos[column].trusted, infos[column].type, infos[column].occurrence);
    });
    return columns;
}

std::vector<std::uint32_t> first_columns_of(const part::Part& part, const Name& name) {
    std::vector<std::uint32_t> columns = ordered_columns_of(part, name);
    const auto& infos = part.columns();
    std::erase_if(columns, [&](std::uint32_t column) { return infos[column].occurrence != 0; });
    return columns;
}

bool holds_text(const ColumnInfo& info) noexcept {
    return info.kind == ColumnKind::message || info.kind == ColumnKind::stream ||
           (info.kind == ColumnKind::field &&
            (info.type == wire::FieldType::string || info.type == wire::FieldType::bytes));
}

bool has_dictionary(const ColumnInfo& info) noexcept {
    return info.encoding == part::Encoding::dictionary || info.encoding == part::Encoding::constant;
}

ValueView value_of_text(const ColumnInfo& info, std::string_view text) noexcept {
    if (info.kind == ColumnKind::stream) {
        return ValueView::of_text(text.empty() ? wire::kDefaultStream : text);
    }
    const bool bytes = info.kind == ColumnKind::field && info.type == wire::FieldType::bytes;
    return {bytes ? ValueKind::bytes : ValueKind::text, 0, 0, text};
}

ValueView value_of_integer(const ColumnInfo& info, std::int64_t integer) noexcept {
    switch (info.kind) {
        case ColumnKind::time:
        case ColumnKind::receive_time:
            return ValueView::of_time(integer);
        case ColumnKind::severity:
            return ValueView::of_severity(static_cast<wire::Severity>(integer));
        case ColumnKind::field:
            if (info.type == wire::FieldType::boolean) {
                return {ValueKind::boolean, integer, 0, {}};
            }
            if (info.type == wire::FieldType::float64) {
                return ValueView::of_floating(std::bit_cast<double>(integer));
            }
            return ValueView::of_integer(integer);
        default:
            return ValueView::of_integer(integer);
    }
}

ValueView value_of_entry(const ColumnInfo& info, const part::Dictionary& dictionary, std::size_t entry) noexcept {
    return holds_text(info) ? value_of_text(info, dictionary.entries[entry])
                            : value_of_integer(info, dictionary.ints[entry]);
}

ValueView value_at(const ColumnInfo& info, const part::PageValues& values, std::size_t index) noexcept {
    if (!values.ints.empty()) {
        return value_of_integer(info, values.ints[index]);
    }
    if (!values.floats.empty()) {
        return ValueView::of_floating(values.floats[index]);
    }
    return value_of_text(info, values.texts[index]);
}

}  // namespace sluice::query
