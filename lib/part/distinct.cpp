#include "part/distinct.h"

#include <bit>

#include "base/checksum.h"

namespace sluice::part {
namespace {

std::uint64_t hash_of(std::string_view value) noexcept {
    return checksum64(as_bytes(value));
}
std::uint64_t hash_of(std::int64_t value) noexcept {
    std::uint64_t x = static_cast<std::uint64_t>(value) * 0x9E3779B97F4A7C15U;
    x ^= x >> 32U;
    x *= 0xD6E8FEB86659FD93U;
    return x ^ x >> 32U;
}

struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t code = UINT32_MAX;  // Free.
};

// Open addressing, at most half full.
template <class T>
class Table {
 public:
    explicit Table(Distinct<T>& into) : into_(into), slots_(256) {}

    std::uint32_t code_of(const T& value) {
        const std::uint64_t hash = hash_of(value);
        const auto part = static_cast<std::uint32_t>(hash >> 32U);
        for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
            Slot& slot = slots_[at];
            if (slot.code == UINT32_MAX) {
                slot = {part, static_cast<std::uint32_t>(into_.entries.size())};
                into_.entries.push_back(value);
                into_.counts.push_back(0);
                hashes_.push_back(hash);
                const std::uint32_t code = slot.code;
                if (into_.entries.size() * 2 > slots_.size()) {
                    grow();
                }
                return code;
            }
            if (slot.hash == part && into_.entries[slot.code] == value) {
                return slot.code;
            }
        }
    }

 private:
    void grow() {
        std::vector<Slot> larger(slots_.size() * 4);
        for (std::uint32_t code = 0; code < hashes_.size(); ++code) {
            std::size_t at = hashes_[code] & (larger.size() - 1);
            while (larger[at].code != UINT32_MAX) {
                at = (at + 1) & (larger.size() - 1);
            }
            larger[at] = {static_cast<std::uint32_t>(hashes_[code] >> 32U), code};
        }
        slots_ = std::move(larger);
    }

    Distinct<T>& into_;
    std::vector<Slot> slots_;
    std::vector<std::uint64_t> hashes_;
};

template <class T>
bool find(std::span<const T> values, std::size_t entries_max, Distinct<T>& into) {
    Table<T> table(into);
    into.codes.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        // Neighbours are often equal.
        const std::uint32_t code = i > 0 && values[i] == values[i - 1] ? into.codes.back() : table.code_of(values[i]);
        if (into.entries.size() > entries_max) {
            return false;
        }
        ++into.counts[code];
        into.codes.push_back(code);
    }
    return true;
}

}  // namespace

bool find_distinct(std::span<const std::string_view> values, std::size_t entries_max,
                   Distinct<std::string_view>& into) {
    return find<std::string_view>(values, entries_max, into);
}

bool find_distinct(std::span<const std::int64_t> values, std::size_t entries_max, Distinct<std::int64_t>& into) {
    return find<std::int64_t>(values, entries_max, into);
}

}  // namespace sluice::part
