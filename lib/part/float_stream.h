// Doubles as bytes: as decimals where that gives back every bit, else their bits as integers.
//
//   bits      mode 0 | integers (int_stream.h)
//   decimals  mode 1 | digits after the point, u8 | integers           value = integer / 10^digits, in double
//   arithmetic
#pragma once

#include "part/int_stream.h"

namespace sluice::part {

// The bits of the doubles.
void append_floats(Bytes& to, std::span<const std::int64_t> bits);
// Exactly into.size() values, all that is left of `from`; false: the bytes do not hold them.
bool read_floats(Input& from, std::span<double> into);

}  // namespace sluice::part
