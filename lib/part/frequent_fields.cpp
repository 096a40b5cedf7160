#include "part/frequent_fields.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/checksum.h"

namespace sluice::part {
namespace {

constexpr std::size_t kSeenMax = 65536;  // Between two rows.

}  // namespace

std::uint64_t Field::hash(std::size_t occurrence) const noexcept {
    const std::uint64_t kind = static_cast<std::uint64_t>(type) << 1U | (trusted ? 1U : 0U);
    return checksum64(as_bytes(name), std::uint64_t{occurrence} << 8U | kind);
}

void FrequentFields::begin_row() {
    ++row_;
    if (seen_.size() > kSeenMax) {
        forget_rare();
    }
}

FrequentFields::Seen& FrequentFields::of(std::uint64_t hash) {
    Seen& seen = seen_[hash];
    seen.since = seen.count == 0 ? next_++ : seen.since;
    ++seen.count;
    return seen;
}

void FrequentFields::add(const Field& field) {
    const std::uint64_t hash = field.hash(0);
    Seen& first = seen_[hash];
    if (first.row != row_) {
        first.row = row_;
        first.occurrences = 0;
    }
    const std::uint32_t occurrence = first.occurrences++;
    (void)of(occurrence == 0 ? hash : field.hash(occurrence));
}

// An occurrence is seen at most as often as the one before it, so it is forgotten no later.
void FrequentFields::forget_rare() {
    std::vector<std::uint64_t> counts;
    counts.reserve(seen_.size());
    for (const auto& [hash, seen] : seen_) {
        counts.push_back(seen.count);
    }
    const auto median = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
    std::ranges::nth_element(counts, median);
    std::erase_if(seen_, [least = *median](const auto& each) { return each.second.count <= least; });
}

FieldSet FrequentFields::choose(std::size_t count) const {
    std::vector<std::pair<std::uint64_t, const Seen*>> all;
    all.reserve(seen_.size());
    for (const auto& [hash, seen] : seen_) {
        all.emplace_back(hash, &seen);
    }
    std::ranges::sort(all, [](const auto& a, const auto& b) {
        return std::tuple(b.second->count, a.second->since) < std::tuple(a.second->count, b.second->since);
    });
    all.resize(std::min(all.size(), count));
    FieldSet chosen;
    for (const auto& [hash, seen] : all) {
        chosen.insert(hash);
    }
    return chosen;
}

}  // namespace sluice::part
