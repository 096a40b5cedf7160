// Names of sealed parts: part-<class>-<first sequence>-<end sequence>.slp, the numbers in 16 hex digits each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::store {

// The class of every record that no other class wants.
inline constexpr std::string_view kDefaultClass = "default";

// 1 to 32 of a-z, 0-9 and _.
bool valid_class_name(std::string_view name) noexcept;

struct PartName {
    std::string class_name{};
    std::uint64_t first_sequence = 0;  // Of the first record.
    std::uint64_t end_sequence = 0;    // One above the last.

    bool covers(const PartName& other) const noexcept {
        return class_name == other.class_name && first_sequence <= other.first_sequence &&
               end_sequence >= other.end_sequence;
    }
    bool overlaps(const PartName& other) const noexcept {
        return class_name == other.class_name && first_sequence < other.end_sequence &&
               other.first_sequence < end_sequence;
    }
    friend bool operator==(const PartName&, const PartName&) = default;
};

std::string part_file_name(const PartName& name);
std::optional<PartName> parse_part_file_name(std::string_view file);

}  // namespace sluice::store
