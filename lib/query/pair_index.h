// Pairs of small numbers, numbered in the order of their first appearance.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice::query {

// Threads: one.
class PairIndex {
 public:
    // The number of the pair, a new one if it was not there.
    std::uint32_t add(std::uint32_t a, std::uint32_t b) {
        if ((size_ + 1) * 2 > slots_.size()) {
            grow();
        }
        const std::uint64_t pair = std::uint64_t{a} << 32U | b;
        Slot& slot = slots_[place(pair)];
        if (slot.number == kFree) {
            slot = {.pair = pair, .number = size_++};
        }
        return slot.number;
    }
    std::uint32_t size() const noexcept { return size_; }
    std::size_t bytes() const noexcept { return slots_.capacity() * sizeof(Slot); }

 private:
    static constexpr std::uint32_t kFree = UINT32_MAX;
    struct Slot {
        std::uint64_t pair = 0;
        std::uint32_t number = kFree;
    };
    // Where the pair is, or the free slot for it.
    std::size_t place(std::uint64_t pair) const noexcept {
        const std::size_t mask = slots_.size() - 1;
        std::uint64_t hash = pair * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 32U;
        std::size_t at = hash & mask;
        while (slots_[at].number != kFree && slots_[at].pair != pair) {  // Bounded: half is free.
            at = (at + 1) & mask;
        }
        return at;
    }
    void grow() {
        std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.number != kFree) {
                slots_[place(slot.pair)] = slot;
            }
        }
    }

    std::vector<Slot> slots_;  // A power of two, at most half full.
    std::uint32_t size_ = 0;
};

}  // namespace sluice::query
