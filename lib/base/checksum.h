// XXH3-64 (libxxhash), the checksum of every stored frame: about 10 GB/s, and it finds every torn or flipped byte that
// 64 bits can find.  It is no defence against an attacker who can write the file.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace sluice {

std::uint64_t checksum64(ByteView bytes, std::uint64_t seed = 0) noexcept;

}  // namespace sluice
