// Integers as bytes that compress well: a frame of reference or deltas, divided by what they have in common, in planes
// of bytes (all lowest bytes, then all second bytes, ...), so that what repeats lies together.
//
//   plain:  mode 0 | width | varint divisor | zigzag minimum                       | width planes of n bytes
//   delta:  mode 1 | width | varint divisor | zigzag minimum delta | zigzag first  | width planes of n - 1 bytes
// value = minimum + divisor * x; all arithmetic modulo 2^64.  No values: no bytes.
#pragma once

#include "part/varint.h"

namespace sluice::part {

void append_ints(Bytes& to, std::span<const std::int64_t> values);
// Exactly into.size() values; false: the bytes do not hold them.
bool read_ints(Input& from, std::span<std::int64_t> into) noexcept;

}  // namespace sluice::part
