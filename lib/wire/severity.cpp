#include "wire/severity.h"

#include <algorithm>
#include <array>
#include <span>

namespace sluice::wire {
namespace {

struct Alias {
    std::string_view name;
    Severity severity;
};

constexpr std::array<std::string_view, 8> kNames{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
constexpr std::array kAliases{Alias{"error", Severity::err}, Alias{"warn", Severity::warning},
                              Alias{"emergency", Severity::emerg}, Alias{"panic", Severity::emerg},
                              Alias{"critical", Severity::crit}};
constexpr std::array kLevels{Alias{"trace", Severity::debug},
                             Alias{"verbose", Severity::debug},
                             Alias{"fine", Severity::debug},
                             Alias{"finer", Severity::debug},
                             Alias{"finest", Severity::debug},
                             Alias{"t", Severity::debug},
                             Alias{"v", Severity::debug},
                             Alias{"d", Severity::debug},
                             Alias{"config", Severity::info},
                             Alias{"information", Severity::info},
                             Alias{"informational", Severity::info},
                             Alias{"i", Severity::info},
                             Alias{"n", Severity::notice},
                             Alias{"w", Severity::warning},
                             Alias{"e", Severity::err},
                             Alias{"fatal", Severity::crit},
                             Alias{"severe", Severity::crit},
                             Alias{"dpanic", Severity::crit},
                             Alias{"c", Severity::crit},
                             Alias{"f", Severity::crit}};

bool equal_any_case(std::string_view text, std::string_view lower) noexcept {
    if (text.size() != lower.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + ('a' - 'A')) : text[i];
        if (c != lower[i]) {
            return false;
        }
    }
    return true;
}

std::optional<Severity> find_alias(std::span<const Alias> aliases, std::string_view text) noexcept {
    const auto same = [text](const Alias& alias) { return equal_any_case(text, alias.name); };
    const auto found = std::ranges::find_if(aliases, same);
    return found == aliases.end() ? std::nullopt : std::optional(found->severity);
}

bool is_number(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The level below, and how far above it.
std::optional<Severity> level_of_slog(std::string_view text) noexcept {
    constexpr std::size_t kDigitsMax = 9;
    const std::size_t sign = text.find_first_of("+-");
    if (sign == std::string_view::npos || text.size() - sign > 1 + kDigitsMax || !is_number(text.substr(sign + 1))) {
        return std::nullopt;
    }
    const std::string_view name = text.substr(0, sign);
    constexpr std::array<std::string_view, 4> kBases{"debug", "info", "warn", "error"};
    const bool known =
        std::ranges::any_of(kBases, [name](std::string_view base) { return equal_any_case(name, base); });
    return known ? parse_severity(name) : std::nullopt;
}

}  // namespace

std::string_view severity_name(Severity severity) noexcept {
    const auto index = static_cast<std::size_t>(severity);
    return index < kNames.size() ? kNames[index] : "invalid";
}

std::optional<Severity> parse_severity(std::string_view text) noexcept {
    if (text.size() == 1 && text[0] >= '0' && text[0] <= '7') {
        return static_cast<Severity>(text[0] - '0');
    }
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (equal_any_case(text, kNames[i])) {
            return static_cast<Severity>(i);
        }
    }
    return find_alias(kAliases, text);
}

std::optional<Severity> level_of_number(std::int64_t number) noexcept {
    if (number >= 0 && number <= 7) {
        return static_cast<Severity>(number);
    }
    constexpr std::array kPino{Severity::debug,   Severity::debug, Severity::info,
                               Severity::warning, Severity::err,   Severity::crit};
    if (number >= 10 && number <= 60 && number % 10 == 0) {
        return kPino[static_cast<std::size_t>(number / 10 - 1)];
    }
    return std::nullopt;
}

std::optional<Severity> parse_level(std::string_view text) noexcept {
    if (text.size() == 2 && text[0] != '0' && is_number(text)) {
        return level_of_number((text[0] - '0') * 10 + (text[1] - '0'));
    }
    if (const auto severity = parse_severity(text)) {
        return severity;
    }
    if (const auto level = find_alias(kLevels, text)) {
        return level;
    }
    return level_of_slog(text);
}

}  // namespace sluice::wire
