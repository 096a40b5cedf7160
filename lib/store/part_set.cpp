#include "store/part_set.h"

#include <algorithm>
#include <map>
#include <utility>

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
        end = std::max(end, removed.last_end());
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

bool PartSet::keeps_within(std::string_view class_name, std::uint64_t first, std::uint64_t end) const noexcept {
    const auto place = std::ranges::lower_bound(classes, class_name, {}, &Class::name);
    if (place == classes.end() || place->name != class_name) {
        return false;
    }
    const auto part = std::ranges::lower_bound(place->parts, first, {}, first_of);
    return part != place->parts.end() && (*part)->name.end_sequence <= end;
}

// What has no part within that stays is one range, so that there are no more ranges than parts; what begins the class
// is its removed end.
void PartSet::note_ranges(RemovedOfClass& removed, std::vector<RemovedRange> ranges) const {
    ranges.insert(ranges.end(), removed.beyond.begin(), removed.beyond.end());
    std::ranges::sort(ranges, {}, &RemovedRange::first_sequence);
    RemovedRange whole{0, removed.end_sequence};
    std::vector<RemovedRange> apart;
    for (const RemovedRange& range : ranges) {
        const std::uint64_t end = std::max(whole.end_sequence, range.end_sequence);
        if (keeps_within(removed.class_name, whole.first_sequence, end)) {
            apart.push_back(std::exchange(whole, range));
        } else {
            whole.end_sequence = end;
        }
    }
    apart.push_back(whole);
    removed.end_sequence = apart.front().end_sequence;
    removed.beyond.assign(apart.begin() + 1, apart.end());
}

void PartSet::note_removed(const std::vector<PartPointer>& parts) {
    std::map<std::string_view, std::vector<RemovedRange>> ranges;
    for (const PartPointer& part : parts) {
        RemovedOfClass& removed = state.removed_of(part->name.class_name);
        removed.parts += 1;
        removed.rows += part->part->summary().rows;
        removed.bytes += part->bytes;
        ranges[part->name.class_name].push_back({part->name.first_sequence, part->name.end_sequence});
    }
    for (auto& [class_name, of_class] : ranges) {
        note_ranges(state.removed_of(class_name), std::move(of_class));
    }
}

}  // namespace sluice::store
