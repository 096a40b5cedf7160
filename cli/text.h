// Values of command-line options: K=V, severities, levels, times.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/messages.h"

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
// RFC 3339, or "10m", "2h", "3d" ago.
Result<WallNs> parse_since(std::string_view text, WallNs now);

}  // namespace sluice::cli
