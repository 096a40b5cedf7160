// Records as people read them.
#pragma once

#include <string>

#include "wire/cursor.h"
#include "wire/tail_messages.h"

namespace sluice::wire {

enum class OutputFormat : std::uint8_t {
    short_line,  // Nov 21 01:02:03.123456 stream[pid] severity: message key=value ...
    json,        // wire/json.h
    cat,         // The message only.
};
// "short", "json", "cat".
std::optional<OutputFormat> parse_output_format(std::string_view name) noexcept;

struct RenderOptions {
    OutputFormat format = OutputFormat::short_line;
    bool colour = false;        // ANSI colours by severity, in short lines.
    bool raw_messages = false;  // With cat: bytes as they came, for a pipe.  Never for a terminal.
    bool utc = false;           // Else the local time zone.
};

// Threads: one.  Caches the broken-down time of the last second.
class Renderer {
 public:
    explicit Renderer(RenderOptions options) noexcept : options_(options) {}

    // Appends one line, with its line end.  `cursor` (JSON only) may be null.
    void append_line(std::string& to, const TailEntry& entry, const Cursor* cursor = nullptr);

 private:
    void append_short(std::string& to, const TailEntry& entry);
    void append_time(std::string& to, WallNs time_ns);

    RenderOptions options_;
    std::int64_t cached_second_ = 0;
    std::string cached_text_;  // "Nov 21 01:02:03"; empty: nothing cached.
};

}  // namespace sluice::wire
