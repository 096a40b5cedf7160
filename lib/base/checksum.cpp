#include "base/checksum.h"

#include <xxhash.h>

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // AVX2 and AVX-512 where the CPU has them: twice the speed of xxhash.h alone.
#endif

namespace sluice {

std::uint64_t checksum64(ByteView bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace sluice
