#include "query/scan_counters.h"

namespace sluice::query {

void ScanCounters::add(const ScanCounters& other) {
    parts += other.parts;
    parts_skipped_time += other.parts_skipped_time;
    parts_skipped_sequence += other.parts_skipped_sequence;
    parts_skipped_range += other.parts_skipped_range;
    parts_skipped_dictionary += other.parts_skipped_dictionary;
    parts_skipped_templates += other.parts_skipped_templates;
    parts_skipped_field += other.parts_skipped_field;
    for (const auto& [word, count] : other.parts_skipped_word) {
        parts_skipped_word[word] += count;
    }
    parts_from_counts += other.parts_from_counts;
    pages += other.pages;
    pages_skipped += other.pages_skipped;
    pages_read += other.pages_read;
    rows_tested += other.rows_tested;
    rows_matched += other.rows_matched;
    bytes_decoded += other.bytes_decoded;
    open_rows += other.open_rows;
}

}  // namespace sluice::query
