// What a scan did, in words.
#include <iterator>

#include "base/format.h"
#include "query/combiner.h"

namespace sluice::query {
namespace {

class Lines {
 public:
    // Nothing for a count of zero.
    void add(std::uint64_t count, std::string_view what, std::string_view behind = {}) {
        if (count > 0) {
            fmt::format_to(std::back_inserter(text_), "{}: {}{}\n", what, count, behind);
        }
    }
    std::string take() noexcept { return std::move(text_); }

 private:
    std::string text_;
};

}  // namespace

std::string Combiner::explain() const {
    const ScanCounters& c = counters_;
    Lines lines;
    lines.add(c.parts, "parts");
    lines.add(c.parts_skipped_time, "  skipped by time");
    lines.add(c.parts_skipped_sequence, "  skipped by sequence");
    lines.add(c.parts_skipped_field, "  skipped because no record has the field");
    for (const auto& [word, count] : c.parts_skipped_word) {
        lines.add(count, fmt::format("  skipped because the token filter does not know '{}'", word));
    }
    lines.add(c.parts_skipped_dictionary, "  skipped because no dictionary entry fits");
    lines.add(c.parts_skipped_templates, "  skipped because no message template fits");
    lines.add(c.parts_skipped_range, "  skipped by minimum and maximum");
    lines.add(c.parts_from_counts, "  answered from row counts, without reading a page");
    lines.add(c.pages, "pages of the other parts");
    lines.add(c.pages_skipped, "  skipped");
    lines.add(c.pages_read, "column pages read");
    lines.add(c.bytes_decoded, "bytes of values looked at");
    lines.add(c.rows_tested, "rows tested one by one");
    lines.add(c.open_rows, "open rows");
    lines.add(c.rows_matched, "rows that match");
    lines.add((plan_->budget().peak_bytes() + 1023) >> 10U, "memory for groups and sorting", " KiB");
    return lines.take();
}

}  // namespace sluice::query
