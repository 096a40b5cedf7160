// How much one user may hold of what all users have in common.
#pragma once

#include <cstdint>

namespace sluice {

// May somebody who holds `mine` of the `held` bytes that all hold take `more`?  Each may hold as much as is left free:
// so N of them who take what they can hold N parts of N + 1 of `total`, and there is one for the next user.
constexpr bool fits_share(std::uint64_t total, std::uint64_t held, std::uint64_t mine, std::uint64_t more) noexcept {
    return held < total && more <= total - held && mine <= total - held - more;
}

}  // namespace sluice
