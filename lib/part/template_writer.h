// Writes a column of texts as templates and the variables of their slots.
#pragma once

#include "part/column_writer.h"
#include "part/references.h"
#include "part/token_filter.h"

namespace sluice::part {

// `references` may be null.  False: they make no templates worth having; nothing is written.  `words`: those of all
// values.
bool write_templates(ColumnLayout& column, std::span<const std::string_view> values, BlockWriter& blocks,
                     References* references, TokenFilterBuilder& words);

}  // namespace sluice::part
