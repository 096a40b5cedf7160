// Text of any length as the message of one record, or of several where it is longer than a message may be: they have
// the fields line_part (1, 2, ...) and line_more (true but in the last), as `sluice log` writes them.
#pragma once

#include "wire/import.h"

namespace sluice::wire {

struct MessageHead {
    Severity severity = Severity::info;
    std::string_view stream{};
    WallNs time_ns = 0;
};

// Appends one record.  `part` 0: the message is whole.
void append_message_part(std::string_view text, const MessageHead& head, std::uint32_t part, bool more, Bytes& into,
                         ImportCounts& counts);

// Appends one record, or several, counted as `split`.
void append_whole_message(std::string_view text, const MessageHead& head, const RecordLimits& limits, Bytes& into,
                          ImportCounts& counts);

}  // namespace sluice::wire
