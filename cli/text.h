// Values of command-line options: K=V, severities, levels, times.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/messages.h"
#include "wire/time_text.h"

namespace sluice::cli {

struct KeyValue {
    std::string key;
    std::string value;
};

// Errors of each: invalid_argument, saying what is possible.
Result<KeyValue> parse_key_value(std::string_view text);
Result<std::vector<KeyValue>> parse_key_values(const std::vector<std::string>& texts);
Result<wire::Severity> parse_severity(std::string_view text);
Result<wire::AckLevel> parse_level(std::string_view text);
// Of --utc.
constexpr wire::Zone zone_of(bool utc) noexcept {
    return utc ? wire::Zone::utc : wire::Zone::local;
}
// A time as a query writes it (query/time_literal.h), or as short lines show it.  Without a zone it is one of `zone`.
Result<WallNs> parse_time(std::string_view text, WallNs now, wire::Zone zone);

}  // namespace sluice::cli
