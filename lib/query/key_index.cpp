#include "query/key_index.h"

#include "base/checksum.h"

namespace sluice::query {

std::uint32_t KeyIndex::add(std::string_view key) {
    if ((hashes_.size() + 1) * 4 > slots_.size() * 3) {
        grow();
    }
    const std::uint64_t hash = checksum64(as_bytes(key));
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {  // Bounded: a quarter is free.
        const std::uint32_t number = slots_[at] - 1;
        if (hashes_[number] == hash && this->key(number) == key) {
            return number;
        }
    }
    hashes_.push_back(hash);
    text_ += key;
    ends_.push_back(text_.size());
    slots_[at] = size();
    return size() - 1;
}

void KeyIndex::grow() {
    slots_.assign(slots_.empty() ? 16 : slots_.size() * 2, 0);
    const std::size_t mask = slots_.size() - 1;
    for (std::uint32_t number = 0; number < size(); ++number) {
        std::size_t at = hashes_[number] & mask;
        while (slots_[at] != 0) {
            at = (at + 1) & mask;
        }
        slots_[at] = number + 1;
    }
}

}  // namespace sluice::query
