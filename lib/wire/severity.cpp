#include "wire/severity.h"

#include <array>

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
    for (const Alias& alias : kAliases) {
        if (equal_any_case(text, alias.name)) {
            return alias.severity;
        }
    }
    return std::nullopt;
}

}  // namespace sluice::wire
