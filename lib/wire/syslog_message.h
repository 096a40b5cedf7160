// One syslog message: RFC 3164 as syslog(3) and its kin write it, or RFC 5424; told apart by "<PRI>1 ".
//
//   <PRI>Mmm dd hh:mm:ss [HOSTNAME ]TAG[PID]: text             RFC 3164; all behind PRI may be missing
//   <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD[ text]  RFC 5424; "-" for what is not said
//
// PRI makes the severity, and the field syslog_facility (decimal) where the facility is not 0.  TAG or APP-NAME is the
// identifier that names the stream.  Fields, all strings (bytes where not UTF-8), in this order: syslog_facility,
// hostname, syslog_pid, syslog_msgid, syslog_timestamp, structured data as `SD-ID.PARAM-NAME` (`SD-ID` with an empty
// value for an element without parameters).  The timestamp of RFC 5424, or one like it in RFC 3164, is the record's
// time; that of RFC 3164 has neither year nor zone: it stays text in syslog_timestamp, and the record has the time of
// the context.
//
// PRI is one to three digits, at most 191.  The tag is read as journald does: the first word, if it ends in ':'.  A
// hostname is only known by the tag behind it, after a timestamp.  White space and NULs at the end are stripped.
// What does not follow the grammar is the message, whole, with the place (byte, from 1) in parse_error.
#pragma once

#include <string_view>

#include "wire/intake.h"

namespace sluice::wire {

// Appends one record; none for a message of NULs and white space; several where the text is above the limit of a
// message: they have the fields line_part (1, 2, ...) and line_more (true but in the last), and the first one has all
// other fields.
void append_syslog(std::string_view message, const IntakeContext& context, Bytes& into, IntakeCounts& counts);

}  // namespace sluice::wire
