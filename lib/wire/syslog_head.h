// What stands before the text of a syslog message, and writing the records of messages.  See syslog_message.h.
#pragma once

#include <string_view>

#include "wire/intake.h"
#include "wire/intake_record.h"

namespace sluice::wire {

// Views into the message; empty: not said.
struct SyslogHead {
    Severity severity = Severity::info;
    unsigned facility = 0;  // 0 to 23.
    WallNs time_ns = 0;
    std::string_view identifier{};
    std::string_view hostname{};
    std::string_view pid{};
    std::string_view msgid{};
    std::string_view timestamp{};
    std::string_view structured{};  // Valid elements, with their brackets.
    bool has_pid = false;           // It may be empty.
    std::size_t fields_bytes = 0;   // About what all of that takes in a record.
    std::size_t message_at = 0;     // Where the text begins.
    std::string_view fault{};       // Else why it is not understood: a literal.  Then only severity and facility count.
    std::size_t fault_at = 0;       // Offset.
};

// Never fails; see SyslogHead::fault.  `text` without what is stripped from its end.
SyslogHead parse_syslog_head(std::string_view text, const IntakeContext& context) noexcept;

// What follows "<PRI>1 ", which ends at `at`.
void parse_rfc5424_head(std::string_view text, std::size_t at, const RecordLimits& limits, SyslogHead& head) noexcept;

// Appends the fields of valid structured data.
void append_structured_data(std::string_view elements, RecordWriter& record);

// Without the white space and NULs at the end.
std::string_view strip_syslog(std::string_view text) noexcept;

// Empty: there is none.
std::string_view syslog_nul_fault(std::string_view text) noexcept;

// append_syslog with a fault of the framing; empty: none.
void append_syslog_frame(std::string_view message, std::string_view fault, const IntakeContext& context, Bytes& into,
                         IntakeCounts& counts);

// Appends the first part of a message of which only the start is there.  `used`: how much of `start` that took.
LongMessage begin_long_syslog(std::string_view start, const IntakeContext& context, Bytes& into, IntakeCounts& counts,
                              std::size_t& used);

}  // namespace sluice::wire
