// Texts as bytes: ended by NUL where none of them has one, else their lengths first (as in int_stream.h).
//
//   ended:    mode 0 | (text | 00)*
//   lengths:  mode 1 | lengths | texts
#pragma once

#include <vector>

#include "part/int_stream.h"

namespace sluice::part {

void append_texts(Bytes& to, std::span<const std::string_view> values);
// Exactly into.size() views into the bytes of `from`; false: the bytes do not hold them.
bool read_texts(Input& from, std::span<std::string_view> into);

}  // namespace sluice::part
