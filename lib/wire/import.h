// Logs of other programs as records: JSON lines, the journal's export format, plain text.  An importer takes bytes as
// they come, cut anywhere, and appends encoded records.  It never fails: what it does not understand becomes the
// message of a record, whole, and is counted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wire/batch.h"
#include "wire/messages.h"
#include "wire/record.h"
#include "wire/text_pattern.h"

namespace sluice::wire {

enum class ImportFormat : std::uint8_t { json, journal, text };

// Guesses from the first bytes of a file: an object, an entry's address (__CURSOR and the like), else text.
ImportFormat detect_import_format(std::string_view start) noexcept;

// What speaks against it that a file that begins so is of this format, as the end of a sentence that begins with "it";
// empty: nothing.  `format` none: to be seen.
std::string import_doubt(std::string_view start, std::optional<ImportFormat> format);

// The largest record that fits into one request, and so the largest that can be in a store.
inline constexpr std::size_t kImportRecordBytesMax =
    kFrameBytesMax - kFrameHeaderSize - kLogPrefixSize - sizeof(BatchHeader);

struct ImportOptions {
    Severity severity = Severity::info;    // Of records that do not say.
    std::string stream{};                  // The same.  A valid stream name.
    std::optional<TextPattern> pattern{};  // Text: lines without such a time continue the record before.  None: each
                                           // line is a record, with the time of its arrival.
    enum class Time : std::uint8_t { cut, keep } time = Time::cut;  // Text: whether the time stays in the message.
    // JSON: keys that count before those that are known (json.h); empty: none.
    std::string time_key{};
    std::string severity_key{};
    std::string message_key{};
    RecordLimits limits{};
};

struct ImportCounts {
    std::uint64_t records = 0;
    std::uint64_t not_understood = 0;  // Records that are a line of the wrong format.
    std::uint64_t mended = 0;          // JSON: records with a parse_error, which says what was mended.
    std::uint64_t untimed = 0;         // Text before the first line with a time.
    std::uint64_t joined = 0;          // Lines that continue a record.
    std::uint64_t split = 0;           // Lines (or joined lines) above the limit of a message: several records.
    std::uint64_t left_out = 0;        // Journal: values cut or left out.
};

// Threads: one.
class Importer {
 public:
    virtual ~Importer() = default;
    // Appends the records that are complete to `into`.
    virtual void take(std::string_view bytes, Bytes& into) = 0;
    // The input has ended.
    virtual void finish(Bytes& into) = 0;
    // Bytes held for a record that is not complete: at most about twice kImportRecordBytesMax.
    virtual std::size_t held_bytes() const noexcept = 0;
    const ImportCounts& counts() const noexcept { return counts_; }

 protected:
    ImportCounts counts_;
};

std::unique_ptr<Importer> make_importer(ImportFormat format, const ImportOptions& options);

}  // namespace sluice::wire
