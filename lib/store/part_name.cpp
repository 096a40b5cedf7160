#include "store/part_name.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"

namespace sluice::store {
namespace {

constexpr std::string_view kPrefix = "part-";
constexpr std::string_view kSuffix = ".slp";
constexpr std::size_t kDigits = 16;
constexpr std::size_t kClassBytesMax = 32;

// Of 16 digits: all values fit.
std::optional<std::uint64_t> parse_number(std::string_view digits) {
    const bool lower_case =
        std::ranges::all_of(digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!lower_case) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value;
}

}  // namespace

bool valid_class_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kClassBytesMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

std::string part_file_name(const PartName& name) {
    return fmt::format("{}{}-{:016x}-{:016x}{}", kPrefix, name.class_name, name.first_sequence, name.end_sequence,
                       kSuffix);
}

std::optional<PartName> parse_part_file_name(std::string_view file) {
    constexpr std::size_t kNumbers = 2 * (kDigits + 1);
    if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix) ||
        file.size() < kPrefix.size() + kNumbers + kSuffix.size()) {
        return std::nullopt;
    }
    file = file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size());
    const std::string_view class_name = file.substr(0, file.size() - kNumbers);
    const std::string_view numbers = file.substr(class_name.size());
    const auto first = parse_number(numbers.substr(1, kDigits));
    const auto end = parse_number(numbers.substr(kDigits + 2));
    const bool dashes = numbers[0] == '-' && numbers[kDigits + 1] == '-';
    if (!valid_class_name(class_name) || !dashes || !first || !end || *first >= *end) {
        return std::nullopt;
    }
    return PartName{std::string(class_name), *first, *end};
}

}  // namespace sluice::store
