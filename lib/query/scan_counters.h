// What a scan did, for `explain` and for tests.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace sluice::query {

struct ScanCounters {
    std::uint64_t parts = 0;  // Looked at, skipped ones included.
    std::uint64_t parts_skipped_time = 0;
    std::uint64_t parts_skipped_sequence = 0;
    std::uint64_t parts_skipped_range = 0;                    // Minimum and maximum of a column.
    std::uint64_t parts_skipped_dictionary = 0;               // No entry fits.
    std::uint64_t parts_skipped_templates = 0;                // No template fits.
    std::uint64_t parts_skipped_field = 0;                    // No record has the field.
    std::map<std::string, std::uint64_t> parts_skipped_word;  // By the word that the token filter does not know.
    std::uint64_t parts_from_counts = 0;                      // Answered from row counts, without a page.
    std::uint64_t pages = 0;                                  // Of the parts that were not skipped.
    std::uint64_t pages_skipped = 0;                          // By minimum and maximum, or because enough was found.
    std::uint64_t pages_read = 0;                             // Of one column each.
    std::uint64_t rows_tested = 0;
    std::uint64_t rows_matched = 0;
    std::uint64_t bytes_decoded = 0;
    std::uint64_t open_rows = 0;  // Tested row by row.

    void add(const ScanCounters& other);
};

}  // namespace sluice::query
