// journald's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): what sd_journal_send and the libraries of
// other languages send, in a datagram or in a memfd.
//   NAME=value LF                              a field
//   NAME LF, 8 bytes of length, value, LF      the same, for any bytes
//   an empty line                              the next entry
//   a line that begins with '#' or '.'         ignored
// MESSAGE makes the message, PRIORITY (one digit, 0 to 7) the severity, SYSLOG_IDENTIFIER the stream: the first of
// each.  All others, and further ones of these, become fields in their order under the name in lower case: strings,
// bytes where they are not UTF-8.  As in journald a name is 1 to 64 of [A-Z0-9_] and begins with a letter; fields of
// other names are dropped and counted.
// Where journald stops and forgets the rest, the rest is kept:
//   the last field has no LF            the field, whole
//   a bad length, no LF after a value   the field `unparsed`, from the name on; the message where nothing came before
//   more fields than a record may have  the first ones; the others are counted
//   a message above the limit           its beginning
//   a field that does not fit           is left out, by its name
// each time with what happened in parse_error.
#pragma once

#include <string>
#include <string_view>

#include "wire/intake.h"

namespace sluice::wire {

// Owns the memory of one record while it is read; reuse it for many datagrams.  Threads: one.
class JournalDatagramReader {
 public:
    // Appends one record per entry that has a field.  `datagram` may be a mapped file of any size.
    void append_records(std::string_view datagram, const IntakeContext& context, Bytes& into, IntakeCounts& counts);

    // The same for large files, by and by: reads entries from offset `at` on until none is left or `into` holds
    // `into_bytes_max` bytes or more; at least one.  Returns the offset of the next; datagram.size() after the last.
    std::size_t append_some(std::string_view datagram, std::size_t at, std::size_t into_bytes_max,
                            const IntakeContext& context, Bytes& into, IntakeCounts& counts);

 private:
    class Entry;

    Bytes fields_;        // Encoded fields of the entry being read; only its memory is kept.
    std::string errors_;  // What goes into parse_error.
};

}  // namespace sluice::wire
