// How the values of a column of a part are to be read as values of a query.
#pragma once

#include <vector>

#include "part/part.h"
#include "query/names.h"
#include "query/value.h"

namespace sluice::query {

// The columns that hold the values of a name: of a field one for each type and occurrence, the client's and trusted.
// Rows may also have a field in part.others().
std::vector<std::uint32_t> columns_of(const part::Part& part, const Name& name);
// Likewise, in the order of for_each_in_order.
std::vector<std::uint32_t> ordered_columns_of(const part::Part& part, const Name& name);
// Whether part.others() may have the field; reads the token filter.
bool may_be_in_others(const part::Part& part, const Name& name);
// Those of the values that stages work with (first_value), the first that a row has counting.
std::vector<std::uint32_t> first_columns_of(const part::Part& part, const Name& name);

bool holds_text(const part::ColumnInfo& info) noexcept;
ValueView value_of_entry(const part::ColumnInfo& info, const part::Dictionary& dictionary, std::size_t entry) noexcept;
ValueView value_of_integer(const part::ColumnInfo& info, std::int64_t integer) noexcept;
ValueView value_of_text(const part::ColumnInfo& info, std::string_view text) noexcept;
// Value `index` of a page of a column without a dictionary.
ValueView value_at(const part::ColumnInfo& info, const part::PageValues& values, std::size_t index) noexcept;
bool has_dictionary(const part::ColumnInfo& info) noexcept;

}  // namespace sluice::query
