// Values as people write them: sizes, durations, counts, modes.  No YAML here; a failure says at which byte.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "daemon/config.h"

namespace sluice::daemon {

struct ValueError {
    std::size_t offset = 0;  // Of the byte in the text that is wrong.
    std::string text;
};
template <class T>
using ValueResult = std::expected<T, ValueError>;

ValueResult<std::uint64_t> parse_size(std::string_view text);     // "64 MiB", "512KiB", "4096" (bytes)
ValueResult<Milliseconds> parse_duration(std::string_view text);  // "25 ms", "1s", "5 min", "2 h", "0"
ValueResult<std::uint64_t> parse_count(std::string_view text);    // decimal digits
ValueResult<std::uint32_t> parse_mode(std::string_view text);     // "0660"; the leading 0 is required
ValueResult<bool> parse_yes_no(std::string_view text);            // yes, no, true, false

// The shortest exact form that the parsers read back: 1 MiB + 64 KiB is "1088 KiB".
std::string format_size(std::uint64_t bytes);
std::string format_duration(Milliseconds duration);
std::string format_mode(std::uint32_t mode);

// 'text' with everything but printable ASCII as \xNN, cut after 64 bytes: safe for a terminal and for the journal.
std::string quote(std::string_view text);

// The candidate that was probably meant by `word`, or empty: at most a third of its letters (at least one) inserted,
// left out, changed or swapped with the neighbour.
class NearestWord {
 public:
    explicit NearestWord(std::string_view word) : word_(word), distance_max_(word.size() < 6 ? 1 : word.size() / 3) {}
    void offer(std::string_view candidate, std::string_view answer);
    void offer(std::string_view candidate) { offer(candidate, candidate); }
    const std::string& answer() const noexcept { return answer_; }
    std::string question() const;  // "; did you mean 'x'?" or empty

 private:
    std::string word_;
    std::size_t distance_max_;
    std::string answer_;
};

}  // namespace sluice::daemon
