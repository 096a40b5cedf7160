#include "store/retention.h"

#include <algorithm>

namespace sluice::store {
namespace {

// Parts that go as a whole must not be coarse against the limits: a merged one takes at most this part of them.
constexpr std::uint64_t kCoarse = 16;

bool wants(const RetentionClass& one, std::string_view stream) noexcept {
    return std::ranges::any_of(one.streams, [&](const std::string& pattern) {
        return pattern.ends_with('*') ? stream.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))
                                      : stream == pattern;
    });
}

Duration age_max_of(const RetentionOptions& options, std::string_view class_name) noexcept {
    const RetentionClass* own = options.find(class_name);
    return own != nullptr && own->age_max.count() != 0 ? own->age_max : options.age_max;
}

std::uint64_t bytes_of(const std::vector<PartPointer>& parts) noexcept {
    std::uint64_t bytes = 0;
    for (const PartPointer& part : parts) {
        bytes += part->bytes;
    }
    return bytes;
}

// Sorts the parts of a class into those that go because of limits of its own, and the rest.
void sort_out(const PartSet::Class& one, const RetentionOptions& options, WallNs now, std::vector<PartPointer>& expired,
              std::vector<PartPointer>& rest) {
    const Duration age_max = age_max_of(options, one.name);
    std::vector<PartPointer> young;
    for (const PartPointer& part : one.parts) {
        // Each by itself: one that was received while the clock was ahead must not keep those behind it.
        const bool old = age_max.count() != 0 && part->part->summary().receive_max < now - age_max.count();
        (old ? expired : young).push_back(part);
    }
    const RetentionClass* own = options.find(one.name);
    const bool limited = own != nullptr && own->bytes_max != 0;
    std::uint64_t bytes = bytes_of(young);
    for (PartPointer& part : young) {
        const bool goes = limited && bytes > own->bytes_max;
        bytes -= part->bytes;
        (goes ? expired : rest).push_back(std::move(part));
    }
}

bool mergeable(const std::vector<PartPointer>& parts, std::size_t first, std::size_t count, const Duration age_max,
               std::uint64_t bytes_max) {
    std::uint64_t rows = 0;
    std::uint64_t largest = 0;
    std::uint64_t bytes = 0;
    WallNs oldest = parts[first]->part->summary().receive_min;
    WallNs newest = oldest;
    for (std::size_t i = first; i < first + count; ++i) {
        const part::Summary& summary = parts[i]->part->summary();
        rows += summary.rows;
        largest = std::max(largest, summary.rows);
        bytes += parts[i]->bytes;
        oldest = std::min(oldest, summary.receive_min);
        newest = std::max(newest, summary.receive_max);
    }
    const auto coarse = static_cast<std::int64_t>(kCoarse);
    return 2 * largest <= rows && (age_max.count() == 0 || newest - oldest <= age_max.count() / coarse) &&
           (bytes_max == 0 || bytes <= bytes_max / kCoarse);
}

}  // namespace

bool RetentionOptions::by_age() const noexcept {
    return age_max.count() != 0 ||
           std::ranges::any_of(classes, [](const RetentionClass& one) { return one.age_max.count() != 0; });
}

bool RetentionOptions::limited() const noexcept {
    return by_age() || bytes_max != 0 || keep_free != 0 ||
           std::ranges::any_of(classes, [](const RetentionClass& one) { return one.bytes_max != 0; });
}

const RetentionClass* RetentionOptions::find(std::string_view class_name) const noexcept {
    const auto found = std::ranges::find(classes, class_name, &RetentionClass::name);
    return found == classes.end() ? nullptr : &*found;
}

std::string_view RetentionOptions::class_of(std::string_view stream) const noexcept {
    const auto found = std::ranges::find_if(classes, [&](const RetentionClass& one) { return wants(one, stream); });
    return found == classes.end() ? kDefaultClass : std::string_view(found->name);
}

std::vector<PartPointer> choose_expired(const PartSet& parts, const RetentionOptions& options, WallNs now,
                                        std::uint64_t free_bytes) {
    std::vector<PartPointer> expired;
    std::vector<PartPointer> rest;
    std::uint64_t left = 0;
    for (const PartSet::Class& one : parts.classes) {
        sort_out(one, options, now, expired, rest);
    }
    left = bytes_of(rest);
    const std::uint64_t freed = bytes_of(expired);
    std::uint64_t missing = options.keep_free > free_bytes + freed ? options.keep_free - free_bytes - freed : 0;
    std::ranges::sort(rest, {}, [](const PartPointer& part) { return part->name.first_sequence; });
    for (const PartPointer& part : rest) {  // Oldest of all first: of each class the oldest too.
        if (missing == 0 && (options.bytes_max == 0 || left <= options.bytes_max)) {
            break;
        }
        missing -= std::min(missing, part->bytes);
        left -= part->bytes;
        expired.push_back(part);
    }
    return expired;
}

std::vector<PartPointer> choose_merge(const PartSet& parts, const RetentionOptions& retention,
                                      const MergeOptions& options, const std::set<std::string>& spared) {
    for (const PartSet::Class& one : parts.classes) {
        const Duration age_max = age_max_of(retention, one.name);
        const RetentionClass* own = retention.find(one.name);
        const std::uint64_t bytes_max = own != nullptr && own->bytes_max != 0 ? own->bytes_max : retention.bytes_max;
        for (std::size_t first = 0; first < one.parts.size(); ++first) {
            std::uint64_t rows = 0;
            std::uint64_t bytes = 0;
            std::size_t fits = 0;
            for (std::size_t i = first; i < one.parts.size() && fits < options.parts_max; ++i, ++fits) {
                rows += one.parts[i]->part->summary().rows;
                bytes += one.parts[i]->part->summary().raw_bytes;
                if (rows > options.rows_max || bytes > options.bytes_max || spared.contains(one.parts[i]->file)) {
                    break;
                }
            }
            for (std::size_t count = fits; count >= std::max<std::size_t>(options.parts_min, 2); --count) {
                if (mergeable(one.parts, first, count, age_max, bytes_max)) {
                    const auto begin = one.parts.begin() + static_cast<std::ptrdiff_t>(first);
                    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
                }
            }
        }
    }
    return {};
}

}  // namespace sluice::store
