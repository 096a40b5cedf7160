// Integers as bytes that compress well: a frame of reference or deltas, divided by what they have in common, in planes
// of bytes (all lowest bytes, then all second bytes, ...), so that what repeats lies together.
//
//   plain:  mode 0 | width | varint divisor | zigzag minimum                       | width planes of n bytes
//   delta:  mode 1 | width | varint divisor | zigzag minimum delta | zigzag first  | width planes of n - 1 bytes
//   recent: mode 2 | width | varint divisor | zigzag minimum | varint base | width planes of n bytes
// recent: codes in the order in which they first occur, base of them before: x is 0 for the next new one, else how far
// back the code is from it. value = minimum + divisor * x; all arithmetic modulo 2^64.  No values: no bytes.
#pragma once

#include "part/varint.h"

namespace sluice::part {

void append_ints(Bytes& to, std::span<const std::int64_t> values);
// Codes in the order of their first occurrence; the first `base` of them have occurred before.
void append_codes(Bytes& to, std::span<const std::int64_t> codes, std::int64_t base);
// Exactly into.size() values; false: the bytes do not hold them.
bool read_ints(Input& from, std::span<std::int64_t> into) noexcept;

}  // namespace sluice::part
