// systemd's Journal Export Format (https://systemd.io/JOURNAL_EXPORT_FORMATS): one entry per record, a field per line,
// an empty line after each entry.  A value that is not UTF-8 text, or has control characters, is written in binary: the
// name, a line end, 8 bytes of length, the value, a line end.
//
// Out:
//   __CURSOR              wire/cursor.h
//   __REALTIME_TIMESTAMP  the record's time in us, at least 1
//   PRIORITY, MESSAGE     severity 0 to 7, message
//   SYSLOG_IDENTIFIER     the stream, or "default"
//   _PID, _UID, _GID, ... the trusted fields, in upper case
//   SLUICE_FIELDS         the client's fields in order: a letter of the type, ':' and the name, separated by '='
//   the client's fields   in upper case: A to Z, 0 to 9 and '_', 64 characters; other characters become '_'.  FIELD_ is
//                         put in front where the name would not begin with a letter or means something here
//   SLUICE_STREAM         the stream as it was, where SYSLOG_IDENTIFIER does not say: empty
//   SLUICE_TIME_NS        the time in ns, where __REALTIME_TIMESTAMP does not say it exactly
//   SLUICE_ORIGIN         "daemon" for what the daemon wrote itself; not read
// Numbers are decimal, floats in the shortest form that reads back equal, booleans true and false.
// Letters: s string, y bytes, i int64, f float64, b boolean; x a float64 that is no number, as 16 hex digits.
//
// In, an entry with SLUICE_FIELDS: the record it was written from, bit for bit, whatever the order of the lines, so
// also after the journal has stored it (but names that become the same one there keep no order).  Trusted fields stay
// behind: they are what another daemon said. In, any other entry: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER (else _COMM) and
// __REALTIME_TIMESTAMP make the record; every other field becomes a string (bytes where it is not UTF-8) under its name
// in lower case without the leading
// '_'; the addresses __X of an entry mean nothing elsewhere and stay behind.  An identifier that is no stream name is
// kept as a field, and the stream has '_' in place of what streams cannot have.
#pragma once

#include <memory>
#include <string>

#include "wire/import.h"
#include "wire/tail_messages.h"

namespace sluice::wire {

// Appends one entry.  `cursor` null: none.
void append_journal_entry(std::string& to, const TailEntry& entry, const Cursor* cursor = nullptr);

// Lines that belong to no field become records of their own, whole.  A value longer than kImportRecordBytesMax is left
// out without being held, a message is cut at the limit, and what would not fit into one record is left out: counted.
std::unique_ptr<Importer> make_journal_importer(const ImportOptions& options);

}  // namespace sluice::wire
