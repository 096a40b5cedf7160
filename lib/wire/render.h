// Records, and rows that a query computed, as people and programs read them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "wire/cursor.h"
#include "wire/tail_messages.h"

namespace sluice::wire {

enum class OutputFormat : std::uint8_t {
    short_line,  // Nov 21 01:02:03.123456 stream[pid] severity: message key=value ...
    short_iso,   // The same with 2023-11-21T01:02:03.123456+0100.
    json,        // wire/json.h
    logfmt,      // time=... severity=... stream=... message="..." key=value ...
    csv,         // RFC 4180, with a header line.
    cat,         // The message only; of a computed row, its values.
    table,       // Columns of equal width.
    journal,     // wire/journal_export.h; "export".
};
// The name of each format, comma and space between them, for messages.
std::string_view output_format_names() noexcept;
std::optional<OutputFormat> parse_output_format(std::string_view name) noexcept;

struct RenderOptions {
    OutputFormat format = OutputFormat::short_line;
    bool colour = false;        // ANSI colours by severity, in short lines; bold heads of tables.
    bool raw_messages = false;  // With cat and csv: bytes as they came, for a pipe.  Never for a terminal.
    bool utc = false;           // Else the local time zone; JSON and the export are in UTC always.
    // Of csv and table.  Empty: those of the first row (table: of the first rows); for records time, severity, stream,
    // message.
    std::vector<std::string> columns{};
    // Of computed rows: those whose texts are times in UTC, as a query makes them, to be shown in the zone above.
    std::vector<std::string> time_columns{};
};

// The value of a column as text.  Of a record: time, receive_time, sequence, severity (level), stream, message (msg),
// each also with '_' in front, or else a field, the client's before a trusted one; "field.time" is the field "time".
// Several values stand with a comma and a space between them.  Empty where there is none.
std::string column_text(const TailEntry& entry, std::string_view column, const RenderOptions& options = {.utc = true});
// What is shown of one field of a row.
std::string shown_value(const TailEntry& entry, const FieldView& field, const RenderOptions& options);

class TableText;

// Threads: one.  Caches the broken-down time of the last second.
class Renderer {
 public:
    explicit Renderer(RenderOptions options);
    ~Renderer();
    Renderer(const Renderer&) = delete;
    Renderer& operator=(const Renderer&) = delete;

    // Appends one line, with its line end; a table holds its first rows back.  `cursor` (JSON only) may be null.
    void append_line(std::string& to, const TailEntry& entry, const Cursor* cursor = nullptr);
    // What is still held back, and the header of a csv or table that has columns but no rows.
    void append_end(std::string& to);

 private:
    void append_short(std::string& to, const TailEntry& entry);
    void append_csv(std::string& to, const TailEntry& entry);
    void append_csv_header(std::string& to);
    void append_time(std::string& to, WallNs time_ns);

    RenderOptions options_;
    std::unique_ptr<TableText> table_;  // Null in other formats.
    bool header_written_ = false;
    std::int64_t cached_second_ = 0;
    std::string cached_text_;    // The time up to the second; empty: nothing cached.
    std::string cached_offset_;  // "+0100", for short_iso.
};

// " key=value", safe to show; both in quotes where they must be: a name that is not printable ASCII without spaces,
// quotes, backslashes and '='.
void append_field_text(std::string& to, std::string_view name, std::string_view value);
// time=... severity=... stream=... message="..." key=value ...; a computed row has only its columns.  What a name
// cannot have in logfmt is '_', behind "field." where the name would then begin with it.
void append_logfmt(std::string& to, const TailEntry& entry, const RenderOptions& options);

inline bool is_computed(const TailEntry& entry) noexcept {
    return (entry.flags & kBatchComputed) != 0;
}

}  // namespace sluice::wire
