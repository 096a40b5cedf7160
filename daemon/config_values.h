// Values as people write them: sizes, durations, counts, modes.  No YAML here; a failure says at which byte.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/nearest_word.h"
#include "daemon/config.h"

namespace sluice::daemon {

struct ValueError {
    std::size_t offset = 0;  // Of the byte in the text that is wrong.
    std::string text;
};
template <class T>
using ValueResult = std::expected<T, ValueError>;

ValueResult<std::uint64_t> parse_size(std::string_view text);     // "64 MiB", "512KiB", "2 G", "2 GB", "4096" (bytes)
ValueResult<Milliseconds> parse_duration(std::string_view text);  // "25 ms", "1s", "5 min", "2 h", "3 d", "0"
ValueResult<std::uint64_t> parse_count(std::string_view text);    // decimal digits
ValueResult<std::uint32_t> parse_mode(std::string_view text);     // "0660"; the leading 0 is required
ValueResult<bool> parse_yes_no(std::string_view text);            // yes, no, true, false

// The shortest exact form that the parsers read back: 1 MiB + 64 KiB is "1088 KiB".
std::string format_size(std::uint64_t bytes);
std::string format_duration(Milliseconds duration);
std::string format_mode(std::uint32_t mode);

// 'text' with everything but printable ASCII as \xNN, cut after 64 bytes: safe for a terminal and for the journal.
std::string quote(std::string_view text);

}  // namespace sluice::daemon
