// Finds the variables of messages that a field of the same row has as well: web servers and structured loggers write
// most values twice.  Such a slot needs no bytes of its own.
#pragma once

#include <optional>

#include "part/column.h"

namespace sluice::part {

class References {
 public:
    // A column that can be referred to, with its values in the order of the rows.
    struct Source {
        std::uint32_t column = 0;
        const ColumnInfo* info = nullptr;
        std::span<const std::int64_t> ints{};
        std::span<const std::string_view> texts{};
    };

    // Borrows everything.
    References(std::span<const std::int64_t> schema_ids, std::span<const std::vector<std::uint32_t>> schemas,
               std::vector<Source> sources);

    // The column whose value in each of the rows reads as the text; both have the same size, not zero.
    std::optional<std::uint32_t> find(std::span<const std::uint32_t> rows, std::span<const std::string_view> texts);

 private:
    bool equal(std::uint32_t source, std::uint32_t row, std::string_view text);
    std::optional<std::uint32_t> value_of(std::uint32_t source, std::uint32_t row);

    std::span<const std::int64_t> schema_ids_;
    std::span<const std::vector<std::uint32_t>> schemas_;
    std::vector<Source> sources_;
    std::vector<std::uint32_t> source_of_;             // Of each column; UINT32_MAX: none.
    std::vector<std::vector<std::uint32_t>> rows_of_;  // Of each source, where not every row has it; made when needed.
};

// A number, or the bits of a double, or 0 and 1, as people read them (wire::FieldView::value_text): at most 32 bytes.
// Returns the end.
char* put_value_text(char* to, wire::FieldType type, std::int64_t value) noexcept;
inline constexpr std::size_t kValueTextMax = 32;

}  // namespace sluice::part
