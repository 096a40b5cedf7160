#include "part/token_filter.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace sluice::part {
namespace {

constexpr std::size_t kWords = kTokenFilterBlockBytes / sizeof(std::uint32_t);
// Odd numbers from the Parquet format: multiplied with the low half of a hash they give eight independent bits.
constexpr std::array<std::uint32_t, kWords> kSalt{0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                                  0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};
constexpr std::size_t kFirstSlots = 64;

std::size_t block_at(std::uint64_t hash, std::size_t blocks) noexcept {
    return static_cast<std::size_t>(((hash >> 32U) * blocks) >> 32U) * kTokenFilterBlockBytes;
}

std::uint32_t bit(std::uint64_t hash, std::size_t word) noexcept {
    return 1U << ((static_cast<std::uint32_t>(hash) * kSalt[word]) >> 27U);
}

void set(Bytes& filter, std::uint64_t hash) noexcept {
    std::byte* block = filter.data() + block_at(hash, filter.size() / kTokenFilterBlockBytes);
    for (std::size_t i = 0; i < kWords; ++i) {
        std::byte* word = block + i * sizeof(std::uint32_t);
        store_int(word, load_int<std::uint32_t>(word) | bit(hash, i));
    }
}

// Hashes are uniform already, so their low bits are the place.  False: it was there.
bool insert(std::vector<std::uint64_t>& slots, std::uint64_t hash) noexcept {
    const std::size_t mask = slots.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {  // Bounded: half of the slots are free.
        if (slots[at] == 0) {
            slots[at] = hash;
            return true;
        }
        if (slots[at] == hash) {
            return false;
        }
    }
}

}  // namespace

void TokenFilterBuilder::add(std::uint64_t hash) {
    if (hash == 0) {
        has_zero_ = true;
        return;
    }
    if (2 * (count_ + 1) > slots_.size()) {
        grow();
    }
    if (insert(slots_, hash)) {
        ++count_;
    }
}

void TokenFilterBuilder::grow() {
    std::vector<std::uint64_t> larger(std::max(kFirstSlots, 2 * slots_.size()));
    for (const std::uint64_t hash : slots_) {
        if (hash != 0) {
            insert(larger, hash);
        }
    }
    slots_ = std::move(larger);
}

Bytes TokenFilterBuilder::finish() const {
    const std::size_t bits = distinct() * kTokenFilterBitsPerKey;
    Bytes filter(round_up(bits, kTokenFilterBlockBytes * 8) / 8);
    if (has_zero_) {
        set(filter, 0);
    }
    for (const std::uint64_t hash : slots_) {
        if (hash != 0) {
            set(filter, hash);
        }
    }
    return filter;
}

TokenFilter::TokenFilter(ByteView bytes) noexcept : bytes_(bytes) {
    SLUICE_ASSERT(is_valid(bytes), "{} bytes", bytes.size());
}

bool TokenFilter::may_contain(std::uint64_t hash) const noexcept {
    if (bytes_.empty()) {
        return false;
    }
    const std::byte* block = bytes_.data() + block_at(hash, bytes_.size() / kTokenFilterBlockBytes);
    std::uint32_t missing = 0;
    for (std::size_t i = 0; i < kWords; ++i) {
        missing |= ~load_int<std::uint32_t>(block + i * sizeof(std::uint32_t)) & bit(hash, i);
    }
    return missing == 0;
}

bool TokenFilter::may_contain_all(std::span<const std::uint64_t> hashes) const noexcept {
    return std::ranges::all_of(hashes, [this](std::uint64_t hash) { return may_contain(hash); });
}

}  // namespace sluice::part
