#include "cli/text.h"

#include <charconv>

#include "wire/escape.h"
#include "wire/time_text.h"

namespace sluice::cli {

Result<KeyValue> parse_key_value(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !wire::valid_field_name(text.substr(0, equals))) {
        return fail(Errc::invalid_argument, "{} is not KEY=VALUE", wire::quoted(text));
    }
    return KeyValue{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<std::vector<KeyValue>> parse_key_values(const std::vector<std::string>& texts) {
    std::vector<KeyValue> parsed;
    for (const std::string& text : texts) {
        SLUICE_TRY(parsed.emplace_back(), parse_key_value(text));
    }
    return parsed;
}

Result<wire::Severity> parse_severity(std::string_view text) {
    const auto severity = wire::parse_severity(text);
    if (!severity) {
        return fail(Errc::invalid_argument,
                    "{} is not a severity; use emerg, alert, crit, err, warning, notice, info, debug or 0 to 7",
                    wire::quoted(text));
    }
    return *severity;
}

Result<wire::AckLevel> parse_level(std::string_view text) {
    const auto level = wire::parse_ack_level(text);
    if (!level) {
        return fail(Errc::invalid_argument, "{} is not a level; use accepted, written or durable", wire::quoted(text));
    }
    return *level;
}

Result<WallNs> parse_since(std::string_view text, WallNs now) {
    std::int64_t count = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    if (error == std::errc{} && rest + 1 == end && count >= 0) {
        const std::string_view units = "smhd";
        constexpr std::array<std::int64_t, 4> kSeconds{1, 60, 3600, 86400};
        const std::size_t unit = units.find(*rest);
        if (unit != std::string_view::npos && count < 1'000'000'000 / kSeconds[unit]) {
            return now - count * kSeconds[unit] * 1'000'000'000;
        }
    }
    const auto time = wire::parse_rfc3339(text);
    if (!time) {
        return fail(Errc::invalid_argument, "{} is not a time; use 2026-05-17T08:30:00Z, or 90s, 15m, 2h, 3d for ago",
                    wire::quoted(text));
    }
    return *time;
}

}  // namespace sluice::cli
