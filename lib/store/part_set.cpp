#include "store/part_set.h"

#include <algorithm>

#include "base/assert.h"

namespace sluice::store {

std::size_t PartSet::size() const noexcept {
    std::size_t parts = 0;
    for (const Class& one : classes) {
        parts += one.parts.size();
    }
    return parts;
}

std::uint64_t PartSet::oldest_sequence() const noexcept {
    std::uint64_t oldest = state.sealed_end;
    for (const Class& one : classes) {
        oldest = std::min(oldest, first_of(one.parts.front()));
    }
    return oldest;
}

std::uint64_t PartSet::removed_end() const noexcept {
    std::uint64_t end = 0;
    for (const RemovedOfClass& removed : state.removed) {
        end = std::max(end, removed.end_sequence);
    }
    return end;
}

std::vector<PartPointer> PartSet::by_sequence() const {
    std::vector<PartPointer> all;
    for (const Class& one : classes) {
        all.insert(all.end(), one.parts.begin(), one.parts.end());
    }
    std::ranges::sort(all, {}, first_of);
    return all;
}

void PartSet::add(PartPointer part) {
    auto place = std::ranges::lower_bound(classes, part->name.class_name, {}, &Class::name);
    if (place == classes.end() || place->name != part->name.class_name) {
        place = classes.insert(place, Class{.name = part->name.class_name});
    }
    std::vector<PartPointer>& parts = place->parts;
    const auto behind = std::ranges::upper_bound(parts, first_of(part), {}, first_of);
    SLUICE_ASSERT(behind == parts.begin() || (*std::prev(behind))->name.end_sequence <= first_of(part), "{} and {}",
                  (*std::prev(behind))->file, part->file);
    SLUICE_ASSERT(behind == parts.end() || part->name.end_sequence <= first_of(*behind), "{} and {}", part->file,
                  (*behind)->file);
    parts.insert(behind, std::move(part));
}

void PartSet::remove(const StoredPart& part) {
    const auto place = std::ranges::lower_bound(classes, part.name.class_name, {}, &Class::name);
    SLUICE_ASSERT(place != classes.end() && place->name == part.name.class_name, "{}", part.file);
    const std::size_t removed =
        std::erase_if(place->parts, [&](const PartPointer& other) { return other.get() == &part; });
    SLUICE_ASSERT(removed == 1, "{}", part.file);
    if (place->parts.empty()) {
        classes.erase(place);
    }
}

}  // namespace sluice::store
