#include "part/references.h"

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/format.h"

namespace sluice::part {
namespace {

constexpr std::uint32_t kAbsent = UINT32_MAX;

}  // namespace

char* put_value_text(char* to, wire::FieldType type, std::int64_t value) noexcept {
    switch (type) {
        case wire::FieldType::boolean:
            return std::ranges::copy(value == 0 ? std::string_view("false") : std::string_view("true"), to).out;
        case wire::FieldType::float64:
            return fmt::format_to(to, FMT_COMPILE("{}"), std::bit_cast<double>(value));
        default:
            return fmt::format_to(to, FMT_COMPILE("{}"), value);
    }
}

References::References(std::span<const std::int64_t> schema_ids, std::span<const std::vector<std::uint32_t>> schemas,
                       std::vector<Source> sources)
    : schema_ids_(schema_ids), schemas_(schemas), sources_(std::move(sources)), rows_of_(sources_.size()) {
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
        source_of_.resize(std::max<std::size_t>(source_of_.size(), sources_[i].column + 1U), kAbsent);
        source_of_[sources_[i].column] = i;
    }
}

std::optional<std::uint32_t> References::find(std::span<const std::uint32_t> rows,
                                              std::span<const std::string_view> texts) {
    for (const std::uint32_t column : schemas_[static_cast<std::size_t>(schema_ids_[rows.front()])]) {
        const std::uint32_t source = column < source_of_.size() ? source_of_[column] : kAbsent;
        if (source == kAbsent || !equal(source, rows.front(), texts.front()) ||
            !equal(source, rows.back(), texts.back())) {
            continue;
        }
        std::size_t i = 1;
        while (i < rows.size() && equal(source, rows[i], texts[i])) {
            ++i;
        }
        if (i == rows.size()) {
            return column;
        }
    }
    return std::nullopt;
}

bool References::equal(std::uint32_t source, std::uint32_t row, std::string_view text) {
    const std::optional<std::uint32_t> value = value_of(source, row);
    const Source& from = sources_[source];
    if (!value) {
        return false;
    }
    if (!from.texts.empty()) {
        return from.texts[*value] == text;
    }
    std::array<char, kValueTextMax> number;
    return std::string_view(number.data(), put_value_text(number.data(), from.info->type, from.ints[*value])) == text;
}

// Which of the values of the source the row has.  The rows of all sources together are as many as values: a table of
// all rows for each source would be more than any limit allows where many names are each in a few rows.
std::optional<std::uint32_t> References::value_of(std::uint32_t source, std::uint32_t row) {
    const Source& from = sources_[source];
    const std::size_t values = from.texts.size() + from.ints.size();
    if (values == schema_ids_.size()) {
        return row;
    }
    std::vector<std::uint32_t>& rows = rows_of_[source];
    if (rows.empty()) {
        std::vector<char> has(schemas_.size());
        for (std::size_t i = 0; i < schemas_.size(); ++i) {
            has[i] = std::ranges::find(schemas_[i], from.column) != schemas_[i].end() ? 1 : 0;
        }
        rows.reserve(values);
        for (std::uint32_t i = 0; i < schema_ids_.size(); ++i) {
            if (has[static_cast<std::size_t>(schema_ids_[i])] != 0) {
                rows.push_back(i);
            }
        }
    }
    const auto found = std::ranges::lower_bound(rows, row);
    return found != rows.end() && *found == row ? std::optional(static_cast<std::uint32_t>(found - rows.begin()))
                                                : std::nullopt;
}

}  // namespace sluice::part
