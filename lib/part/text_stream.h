// Texts as bytes, in the way that fits all of them.
//
//   ended       mode 0 | (text | 00)*                                      none has a NUL
//   lengths     mode 1 | lengths (int_stream.h) | texts
//   numbers     mode 2 to 6 (typed_text.h) | its shape | numbers (int_stream.h)
//   hex         mode 7 | bytes of each, u8 | bytes                         lower-case hexadecimal, all of the same
//   length uuid        mode 8 | bytes                                             lower-case, with four hyphens
#pragma once

#include <vector>

#include "part/int_stream.h"
#include "part/text_arena.h"

namespace sluice::part {

void append_texts(Bytes& to, std::span<const std::string_view> values);
// Exactly into.size() views, into the bytes of `from` (all that is left of it) or into `arena`.  False: the bytes do
// not hold them.
bool read_texts(Input& from, std::span<std::string_view> into, TextArena& arena);

}  // namespace sluice::part
