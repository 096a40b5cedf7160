// The first 16 bytes of the small files of a store, `identity` and `sealed`: what they are, which version, and whether
// they are whole.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace sluice::store {

//   0       4         8          16
//   +-------+---------+----------+---
//   | magic | version | checksum | ...    checksum: XXH3-64 of everything from 16 on
//   +-------+---------+----------+---
// The seed of the checksum is 0 in version 1, and the first 8 bytes as u64 in every later version: thus a flipped bit
// in the version is damage, whichever it makes of it, and a version that is whole and unknown is that of a newer
// program.
inline constexpr std::size_t kSmallHeadBytes = 16;

// Fills in the first 16 bytes of a file whose rest is there.
void seal_small_head(std::span<std::byte> file, std::uint32_t magic, std::uint32_t version) noexcept;

// The version of the file `name`, 1 to `version_max`.  Errors: corrupt; unsupported for a whole file of another
// version.
Result<std::uint32_t> check_small_head(ByteView file, std::string_view name, std::uint32_t magic,
                                       std::uint32_t version_max);

}  // namespace sluice::store
