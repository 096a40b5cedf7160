#include "part/int_stream.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

namespace sluice::part {
namespace {

using Words = std::vector<std::uint64_t>;

constexpr std::uint8_t kPlain = 0;
constexpr std::uint8_t kDelta = 1;
constexpr std::uint8_t kRecent = 2;

// Offsets from a minimum, divided by their greatest common divisor.
struct Frame {
    std::int64_t minimum = 0;
    std::uint64_t divisor = 1;
    std::size_t width = 0;   // Bytes of the largest.
    std::uint64_t bits = 0;  // Of all together: what they cost, about.
    Words words;
};

Frame frame_of(std::span<const std::int64_t> values) {
    Frame frame;
    if (values.empty()) {
        return frame;
    }
    frame.minimum = *std::min_element(values.begin(), values.end());
    frame.words.reserve(values.size());
    std::uint64_t common = 0;
    for (const std::int64_t value : values) {
        const std::uint64_t word = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(frame.minimum);
        frame.words.push_back(word);
        if (common != 1 && word % (common == 0 ? 1 : common) != 0) {
            common = std::gcd(common, word);
        } else if (common == 0) {
            common = word;
        }
    }
    frame.divisor = std::max<std::uint64_t>(common, 1);
    std::uint64_t largest = 0;
    for (std::uint64_t& word : frame.words) {
        if (frame.divisor != 1) {
            word /= frame.divisor;
        }
        largest |= word;
        frame.bits += static_cast<std::uint64_t>(std::bit_width(word));
    }
    frame.width = (static_cast<std::size_t>(std::bit_width(largest)) + 7) / 8;
    return frame;
}

void append_planes(Bytes& to, const Words& words, std::size_t width) {
    const std::size_t start = to.size();
    to.resize(start + words.size() * width);
    for (std::size_t plane = 0; plane < width; ++plane) {
        std::byte* at = to.data() + start + plane * words.size();
        for (const std::uint64_t word : words) {
            *at++ = static_cast<std::byte>(word >> (8 * plane));
        }
    }
}

void read_planes(ByteView planes, std::size_t width, std::span<std::int64_t> into) noexcept {
    const std::size_t n = into.size();
    std::fill(into.begin(), into.end(), 0);
    for (std::size_t plane = 0; plane < width; ++plane) {
        const std::byte* at = planes.data() + plane * n;
        for (std::size_t i = 0; i < n; ++i) {
            into[i] |= static_cast<std::int64_t>(std::uint64_t{std::to_integer<std::uint8_t>(at[i])} << (8 * plane));
        }
    }
}

Frame deltas_of(std::span<const std::int64_t> values) {
    std::vector<std::int64_t> steps(values.size() - 1);
    for (std::size_t i = 0; i < steps.size(); ++i) {
        steps[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[i + 1]) -
                                             static_cast<std::uint64_t>(values[i]));
    }
    return frame_of(steps);
}

Frame recent_of(std::span<const std::int64_t> codes, std::int64_t base) {
    std::vector<std::int64_t> distances;
    distances.reserve(codes.size());
    for (const std::int64_t code : codes) {
        distances.push_back(base - code);
        base += code == base ? 1 : 0;
    }
    return frame_of(distances);
}

void append_frame(Bytes& to, std::uint8_t mode, const Frame& frame, std::uint64_t first) {
    append_int(to, mode);
    append_int(to, static_cast<std::uint8_t>(frame.width));
    append_varint(to, frame.divisor);
    append_zigzag(to, frame.minimum);
    if (mode != kPlain) {
        append_varint(to, first);
    }
    append_planes(to, frame.words, frame.width);
}

}  // namespace

void append_ints(Bytes& to, std::span<const std::int64_t> values) {
    if (values.empty()) {
        return;
    }
    const Frame plain = frame_of(values);
    if (plain.width > 0) {
        const Frame delta = deltas_of(values);
        if (delta.bits < plain.bits) {
            append_frame(to, kDelta, delta, zigzag(values.front()));
            return;
        }
    }
    append_frame(to, kPlain, plain, 0);
}

void append_codes(Bytes& to, std::span<const std::int64_t> codes, std::int64_t base) {
    if (codes.empty()) {
        return;
    }
    const Frame plain = frame_of(codes);
    const Frame recent = recent_of(codes, base);
    if (recent.bits < plain.bits) {
        append_frame(to, kRecent, recent, static_cast<std::uint64_t>(base));
    } else {
        append_ints(to, codes);
    }
}

bool read_ints(Input& from, std::span<std::int64_t> into) noexcept {
    if (into.empty()) {
        return true;
    }
    const std::uint8_t mode = from.byte();
    const std::size_t width = from.byte();
    const std::uint64_t divisor = from.varint();
    const auto minimum = static_cast<std::uint64_t>(from.signed_varint());
    const std::uint64_t first = mode == kPlain ? 0 : from.varint();
    if (mode > kRecent || width > 8 || from.failed()) {
        return false;
    }
    std::span<std::int64_t> words = into;
    if (mode == kDelta) {
        into[0] = unzigzag(first);
        words = into.subspan(1);
    }
    const ByteView planes = from.bytes(std::uint64_t{words.size()} * width);
    if (from.failed()) {
        return false;
    }
    read_planes(planes, width, words);
    for (std::int64_t& word : words) {
        word = static_cast<std::int64_t>(minimum + divisor * static_cast<std::uint64_t>(word));
    }
    if (mode == kDelta) {
        std::uint64_t last = static_cast<std::uint64_t>(into[0]);
        for (std::int64_t& word : words) {
            last += static_cast<std::uint64_t>(word);
            word = static_cast<std::int64_t>(last);
        }
    } else if (mode == kRecent) {
        std::uint64_t next = first;
        for (std::int64_t& word : words) {
            const auto distance = static_cast<std::uint64_t>(word);
            word = static_cast<std::int64_t>(next - distance);
            next += distance == 0 ? 1 : 0;
        }
    }
    return true;
}

}  // namespace sluice::part
