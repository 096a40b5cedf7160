#include "cli/text.h"

#include <ctime>
#include <optional>

#include "query/time_literal.h"
#include "wire/escape.h"
#include "wire/time_text.h"

namespace sluice::cli {
namespace {

constexpr WallNs kDayNs = wire::kDaySeconds * wire::kSecond;

WallNs as_local(WallNs time) noexcept {
    const WallNs fraction = ((time % wire::kSecond) + wire::kSecond) % wire::kSecond;
    return wire::utc_of_local((time - fraction) / wire::kSecond) * wire::kSecond + fraction;
}

// With a zone, or none that matters.
std::optional<WallNs> absolute_time(std::string_view text, WallNs now) {
    const auto span = query::parse_time_literal(text, now);
    return span ? std::optional(span->begin) : std::nullopt;
}

std::optional<WallNs> dated_time(std::string_view text, WallNs now, wire::Zone zone) {
    // Only a date, or date and time, without a zone can have one added.
    const auto bare = absolute_time(fmt::format("{}Z", text), now);
    return bare && zone == wire::Zone::local ? as_local(*bare) : bare;
}

// "May 17 08:30:00.123456", as short lines show it: the last one that is not more than a day ahead.
std::optional<WallNs> undated_time(std::string_view text, WallNs now, wire::Zone zone) {
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    constexpr std::size_t kDateCells = 6;  // "May 17"
    constexpr int kLeapGap = 8;            // Years without a February 29, at most.
    if (text.size() <= kDateCells + 1 || text[3] != ' ' || text[kDateCells] != ' ') {
        return std::nullopt;
    }
    const std::size_t month = kMonths.find(text.substr(0, 3));
    if (month == std::string_view::npos || month % 3 != 0) {
        return std::nullopt;
    }
    const std::time_t seconds = now / wire::kSecond;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    const std::string day(text[4] == ' ' ? fmt::format("0{}", text[5]) : text.substr(4, 2));
    for (int back = -1; back <= kLeapGap; ++back) {
        const std::string dated = fmt::format("{:04}-{:02}-{}T{}", parts.tm_year + 1900 - back, month / 3 + 1, day,
                                              text.substr(kDateCells + 1));
        const auto time = dated_time(dated, now, zone);
        if (time && *time <= now + kDayNs) {
            return time;
        }
    }
    return std::nullopt;
}

std::optional<WallNs> time_of(std::string_view text, WallNs now, wire::Zone zone) {
    if (auto time = dated_time(text, now, zone)) {
        return time;
    }
    auto time = undated_time(text, now, zone);
    return time ? time : absolute_time(text, now);
}

}  // namespace

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

Result<WallNs> parse_time(std::string_view text, WallNs now, wire::Zone zone) {
    if (const auto time = time_of(text, now, zone)) {
        return *time;
    }
    return fail(
        Errc::invalid_argument,
        "{} is not a time; use 2026-05-17, '2026-05-17 08:30', 2026-05-17T08:30:00+02:00, 'May 17 08:30:00', now, "
        "or 90s, 15m, 2h, 3d for ago",
        wire::quoted(text));
}

}  // namespace sluice::cli
