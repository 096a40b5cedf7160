#include "part/float_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

namespace sluice::part {
namespace {

constexpr std::uint8_t kBits = 0;
constexpr std::uint8_t kDecimals = 1;
constexpr std::uint8_t kDigitsMax = 15;
constexpr double kExact = 9007199254740992.0;  // 2^53: integers up to here are doubles.

constexpr std::array<double, kDigitsMax + 1> kPowers{1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// The integer that gives back the bits with so many digits.
bool integer_of(std::int64_t bits, std::uint8_t digits, std::int64_t& into) noexcept {
    const double value = std::bit_cast<double>(bits);
    const double scaled = std::nearbyint(value * kPowers[digits]);
    if (!(scaled >= -kExact && scaled <= kExact)) {
        return false;
    }
    into = static_cast<std::int64_t>(scaled);
    return std::bit_cast<std::int64_t>(static_cast<double>(into) / kPowers[digits]) == bits;
}

}  // namespace

void append_floats(Bytes& to, std::span<const std::int64_t> bits) {
    std::vector<std::int64_t> integers(bits.size());
    std::uint8_t digits = 0;
    std::size_t done = 0;
    // More digits never spoil a value that is far from 2^53; where they do, the second pass finds it.
    for (std::size_t i = 0; i < bits.size() && digits <= kDigitsMax; ++i) {
        while (digits <= kDigitsMax && !integer_of(bits[i], digits, integers[i])) {
            ++digits;
        }
    }
    while (digits <= kDigitsMax && done < bits.size() && integer_of(bits[done], digits, integers[done])) {
        ++done;
    }
    if (done == bits.size()) {
        append_int(to, kDecimals);
        append_int(to, digits);
        append_ints(to, integers);
        return;
    }
    append_int(to, kBits);
    append_ints(to, bits);
}

bool read_floats(Input& from, std::span<double> into) {
    const std::uint8_t mode = from.byte();
    const std::uint8_t digits = mode == kDecimals ? from.byte() : std::uint8_t{0};
    std::vector<std::int64_t> integers(into.size());
    if (mode > kDecimals || digits > kDigitsMax || !read_ints(from, integers) || from.left() != 0) {
        return false;
    }
    std::ranges::transform(integers, into.begin(), [mode, digits](std::int64_t integer) {
        return mode == kBits ? std::bit_cast<double>(integer) : static_cast<double>(integer) / kPowers[digits];
    });
    return true;
}

}  // namespace sluice::part
