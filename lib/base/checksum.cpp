#include "base/checksum.h"

#include <xxhash.h>

namespace sluice {

std::uint64_t checksum64(ByteView bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace sluice
