#include "daemon/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "base/format.h"

namespace sluice::daemon {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
// As values are shown, and as an error offers them.
constexpr std::array<Unit, 3> kSizeUnits{{{"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}}};
constexpr std::array<Unit, 4> kTimeUnits{{{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}}};
// What is read beside them: the units of the query language, and single letters as other programs have them.
constexpr std::array<Unit, 10> kMoreSizeUnits{{{"B", 1},
                                               {"KB", 1'000},
                                               {"MB", 1'000'000},
                                               {"GB", 1'000'000'000},
                                               {"TB", 1'000'000'000'000},
                                               {"TiB", 1ULL << 40U},
                                               {"K", 1ULL << 10U},
                                               {"M", 1ULL << 20U},
                                               {"G", 1ULL << 30U},
                                               {"T", 1ULL << 40U}}};
constexpr std::array<Unit, 4> kMoreTimeUnits{
    {{"m", 60'000}, {"d", 24 * 3'600'000ULL}, {"w", 7 * 24 * 3'600'000ULL}, {"y", 365 * 24 * 3'600'000ULL}}};
// Durations are kept well inside what a nanosecond count holds.
constexpr std::uint64_t kMillisecondsMax = 10ULL * 365 * 24 * 3'600'000;

struct Quantity {
    std::uint64_t number = 0;
    std::string_view unit;        // Empty: none written.
    std::size_t unit_offset = 0;  // Where it is or would be.
};

ValueResult<Quantity> split_quantity(std::string_view text, std::string_view expected) {
    Quantity quantity;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
    if (error == std::errc::result_out_of_range) {
        return std::unexpected(ValueError{0, fmt::format("{} is too large", quote(text))});
    }
    if (error != std::errc{}) {
        return std::unexpected(ValueError{0, fmt::format("expected {}, not {}", expected, quote(text))});
    }
    auto offset = static_cast<std::size_t>(end - text.data());
    if (offset < text.size() && (text[offset] == '.' || text[offset] == ',')) {
        return std::unexpected(ValueError{offset, "only whole numbers; use a smaller unit"});
    }
    while (offset < text.size() && text[offset] == ' ') {
        ++offset;
    }
    quantity.unit = text.substr(offset);
    quantity.unit_offset = offset;
    return quantity;
}

// 0: no such unit.
std::uint64_t factor_of(std::string_view name, std::span<const Unit> units, std::span<const Unit> more) {
    for (const std::span<const Unit> each : {units, more}) {
        const auto found = std::ranges::find(each, name, &Unit::name);
        if (found != each.end()) {
            return found->factor;
        }
    }
    return 0;
}

std::string format_quantity(std::uint64_t number, std::span<const Unit> units, std::string_view base) {
    const Unit* best = nullptr;
    for (const Unit& unit : units) {
        if (number != 0 && number % unit.factor == 0) {
            best = &unit;
        }
    }
    return best == nullptr ? fmt::format("{}{}", number, number == 0 ? "" : base)
                           : fmt::format("{} {}", number / best->factor, best->name);
}

}  // namespace

ValueResult<std::uint64_t> parse_size(std::string_view text) {
    auto quantity = split_quantity(text, "a size such as '64 MiB'");
    if (!quantity) {
        return std::unexpected(std::move(quantity).error());
    }
    const std::uint64_t factor = quantity->unit.empty() ? 1 : factor_of(quantity->unit, kSizeUnits, kMoreSizeUnits);
    if (factor == 0) {
        return std::unexpected(ValueError{
            quantity->unit_offset, fmt::format("unknown unit {}; use KiB, MiB, GiB or TiB", quote(quantity->unit))});
    }
    if (quantity->number > std::numeric_limits<std::uint64_t>::max() / factor) {
        return std::unexpected(ValueError{0, fmt::format("{} is too large", quote(text))});
    }
    return quantity->number * factor;
}

ValueResult<Milliseconds> parse_duration(std::string_view text) {
    auto quantity = split_quantity(text, "a duration such as '10 s'");
    if (!quantity) {
        return std::unexpected(std::move(quantity).error());
    }
    if (quantity->unit.empty() && quantity->number != 0) {
        return std::unexpected(ValueError{quantity->unit_offset, "a unit is missing; use ms, s, min, h, d or w"});
    }
    const std::uint64_t factor = quantity->unit.empty() ? 1 : factor_of(quantity->unit, kTimeUnits, kMoreTimeUnits);
    if (factor == 0) {
        return std::unexpected(ValueError{
            quantity->unit_offset, fmt::format("unknown unit {}; use ms, s, min, h, d or w", quote(quantity->unit))});
    }
    if (quantity->number > kMillisecondsMax / factor) {
        return std::unexpected(ValueError{0, fmt::format("{} is too large", quote(text))});
    }
    return Milliseconds(quantity->number * factor);
}

ValueResult<std::uint64_t> parse_count(std::string_view text) {
    auto quantity = split_quantity(text, "a number");
    if (!quantity) {
        return std::unexpected(std::move(quantity).error());
    }
    if (!quantity->unit.empty()) {
        return std::unexpected(ValueError{quantity->unit_offset, "expected a number without a unit"});
    }
    return quantity->number;
}

ValueResult<std::uint32_t> parse_mode(std::string_view text) {
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc{} || end != text.data() + text.size() || text.size() > 5 || text.front() != '0') {
        return std::unexpected(
            ValueError{0, fmt::format("expected an octal mode such as '0660', not {}", quote(text))});
    }
    return mode;
}

ValueResult<bool> parse_yes_no(std::string_view text) {
    if (text == "yes" || text == "true") {
        return true;
    }
    if (text == "no" || text == "false") {
        return false;
    }
    return std::unexpected(ValueError{0, fmt::format("expected yes or no, not {}", quote(text))});
}

std::string format_size(std::uint64_t bytes) {
    return format_quantity(bytes, kSizeUnits, "");
}

std::string format_duration(Milliseconds duration) {
    return format_quantity(static_cast<std::uint64_t>(duration.count()), kTimeUnits, " ms");
}

std::string format_mode(std::uint32_t mode) {
    return fmt::format("'{:04o}'", mode);
}

std::string quote(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, 64)) {
        if (c >= 0x20 && c < 0x7F && c != '\\') {
            out += c;
        } else {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return out + (text.size() > 64 ? "...'" : "'");
}

}  // namespace sluice::daemon
