// The importers: JSON lines, the journal's export format, text with a time pattern; and the patterns themselves.
//   byte 0       which (modulo 4)
//   byte 1       how many bytes at a time (0: all at once)
//   then         with text: a pattern up to the first line end;  with patterns: the same, then lines to match
// However the input is cut, the same valid records come out, and an export of them is read back as the same records.
#include <cstdint>
#include <cstdlib>

#include "wire/import.h"
#include "wire/journal_export.h"

namespace {

using namespace sluice;
using namespace sluice::wire;

void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

struct Outcome {
    Bytes records;
    ImportCounts counts;
};

Outcome import(ImportFormat format, std::string_view text, std::size_t step, const ImportOptions& options) {
    Outcome outcome;
    const auto importer = make_importer(format, options);
    while (!text.empty()) {
        const std::string_view piece = text.substr(0, step == 0 ? text.size() : step);
        importer->take(piece, outcome.records);
        text.remove_prefix(piece.size());
        require(importer->held_bytes() <= 4 * kImportRecordBytesMax);
    }
    importer->finish(outcome.records);
    outcome.counts = importer->counts();
    return outcome;
}

// The export of all records; their number and each one is checked on the way.
std::string exported(const Outcome& outcome, const ImportOptions& options) {
    std::string text;
    std::uint64_t count = 0;
    for (ByteView cursor = outcome.records; !cursor.empty(); ++count) {
        const auto record = parse_record(cursor, options.limits);
        require(record.has_value() && record->size() <= kImportRecordBytesMax);
        append_journal_entry(text, {.record = *record});
    }
    require(count == outcome.counts.records);
    return text;
}

void check(ImportFormat format, std::string_view text, std::size_t step, const ImportOptions& options) {
    const Outcome whole = import(format, text, 0, options);
    require(as_text(import(format, text, step, options).records) == as_text(whole.records));
    const Outcome again = import(ImportFormat::journal, exported(whole, options), step, options);
    require(as_text(again.records) == as_text(whole.records));
    require(again.counts.not_understood == 0 && again.counts.left_out == 0);
}

void check_pattern(std::string_view pattern, std::string_view lines) {
    const auto compiled = TextPattern::compile(pattern, {.now = 1'700'000'000'000'000'000});
    if (!compiled) {
        require(compiled.error().code() == Errc::invalid_argument);
        return;
    }
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        if (const auto match = compiled->match(line)) {
            require(match->end <= line.size());
        }
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view rest = as_text({reinterpret_cast<const std::byte*>(data) + 2, size - 2});
    const std::size_t pattern_end = std::min(rest.find('\n'), rest.size());
    const std::string_view pattern = rest.substr(0, pattern_end);
    const std::string_view after = rest.substr(std::min(pattern_end + 1, rest.size()));
    ImportOptions options;
    // Small enough that the limits are met.
    options.limits = {.message_bytes_max = 64, .fields_max = 8};
    switch (data[0] % 4) {
        case 0:
            check(ImportFormat::json, rest, data[1], options);
            break;
        case 1:
            check(ImportFormat::journal, rest, data[1], options);
            break;
        case 2:
            if (auto compiled = TextPattern::compile(pattern, {})) {
                options.pattern = std::move(*compiled);
            }
            check(ImportFormat::text, after, data[1], options);
            break;
        default:
            check_pattern(pattern, after);
            break;
    }
    return 0;
}
