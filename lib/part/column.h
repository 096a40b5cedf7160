// What a reader of a part sees of its columns: descriptions and decoded values.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "part/text_arena.h"
#include "wire/cursor.h"
#include "wire/record.h"

namespace sluice::part {

enum class ColumnKind : std::uint8_t {
    sequence,
    epoch,
    receive_time,
    time,
    flags,
    severity,
    stream,
    message,
    field,
    others,  // All fields of a row that have no column of their own (other_fields.h).  At most one, the last column.
};
inline constexpr std::uint32_t kFixedColumns = 8;  // One of each kind before `field`, in this order, at the front.

// How the values of a column come out of Part::page():
//   constant, dictionary   codes into Part::dictionary(); a constant has one entry
//   integer                ints
//   floating               floats
//   text                   texts
//   templates              texts; Part::template_ids() and page_of() read less of it
// sequence, receive_time and time are always `integer`; epoch, flags, severity, stream and boolean fields always
// `constant` or `dictionary`; others always `text`.
enum class Encoding : std::uint8_t { constant, dictionary, integer, floating, text, templates };

struct ColumnInfo {
    ColumnKind kind = ColumnKind::field;
    std::string name{};  // Of a field.
    wire::FieldType type = wire::FieldType::string;
    std::uint16_t occurrence = 0;  // How many fields of that name, type and trust a row has before this one.
    bool trusted = false;
    Encoding encoding = Encoding::constant;
    std::uint32_t values = 0;  // Rows that have it.
    bool dense = false;        // Every row has it.
};

struct Summary {
    std::uint64_t rows = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;  // One above the last.
    WallNs time_min = 0;
    WallNs time_max = 0;
    WallNs receive_min = 0;
    WallNs receive_max = 0;
    std::uint32_t epoch_min = 0;
    std::uint32_t epoch_max = 0;
    std::uint64_t raw_bytes = 0;  // The rows as encoded TAIL entries.
    bool time_sorted = false;     // No time is smaller than the one before it.
    wire::StoreId store_id{};
};

// The distinct values of a column and how many rows have each.  Views live as long as the dictionary.
struct Dictionary {
    std::span<const std::string_view> entries{};  // As people write them (wire::FieldView::value_text).
    std::span<const std::uint32_t> counts{};
    std::span<const std::int64_t> ints{};  // Of integers, booleans (0, 1) and the numeric fixed columns; else empty.

    std::vector<std::string_view> entry_store{};
    std::vector<std::uint32_t> count_store{};
    std::vector<std::int64_t> int_store{};
    std::string text_store{};
    TextArena arena{};
    std::shared_ptr<const void> owner{};
};

// The values that one page has of one column.  Views live as long as this object.
struct PageValues {
    std::uint32_t rows = 0;                      // Of the page.
    std::span<const std::uint16_t> positions{};  // Row in the page of each value, ascending.  Empty: every row has one.
    // Exactly one of these is filled (none if the page has no value).
    std::span<const std::uint32_t> codes{};
    std::span<const std::int64_t> ints{};
    std::span<const double> floats{};
    std::span<const std::string_view> texts{};

    std::size_t size() const noexcept { return codes.size() + ints.size() + floats.size() + texts.size(); }

    std::vector<std::uint16_t> position_store{};
    std::vector<std::string_view> text_store{};
    TextArena arena{};
    std::shared_ptr<const void> owner{};
};

}  // namespace sluice::part
