// A limit of what all users have together (connections, open files, bytes) that leaves the last eighth to those who
// have few: some users together keep nobody out.
#pragma once

#include <cstdint>

namespace sluice {

struct SharedLimit {
    std::uint64_t total = 0;  // Of all users together, at most.
    std::uint64_t few = 0;    // A user who has at most so many, the new ones included, may have of the last eighth.

    // The last eighth, rounded down: a total below 8 keeps nothing back.
    constexpr std::uint64_t reserved() const noexcept { return total / 8; }
    // Whether a user who has `mine`, of the `held` of all users, may have `more`.  Any values.
    constexpr bool admits(std::uint64_t held, std::uint64_t mine, std::uint64_t more = 1) const noexcept {
        const bool has_few = more <= few && mine <= few - more;
        const std::uint64_t most = has_few ? total : total - reserved();
        return more <= most && held <= most - more;
    }
};

}  // namespace sluice
