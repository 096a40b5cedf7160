#include "part/merge.h"

#include <numeric>

namespace sluice::part {
namespace {

// Row by row: every page decoded and encoded again.
Result<> add_page(const Part& part, std::uint32_t page, Builder& builder) {
    std::vector<std::uint16_t> rows(part.page_rows(page));
    std::iota(rows.begin(), rows.end(), std::uint16_t{0});
    Bytes entries;
    SLUICE_CHECK(part.append_entries(page, rows, entries));
    SLUICE_TRY(const auto epochs, part.page(Part::fixed(ColumnKind::epoch), page));
    SLUICE_TRY(const auto names, part.dictionary(Part::fixed(ColumnKind::epoch)));
    std::size_t row = 0;
    for (const wire::TailEntry entry : wire::TailEntryRange(entries, static_cast<std::uint32_t>(rows.size()))) {
        builder.add({entry, static_cast<std::uint32_t>(names->ints[epochs->codes[row]])});
        ++row;
    }
    return {};
}

}  // namespace

Result<Bytes> merge(std::span<const std::shared_ptr<const Part>> parts, const BuildOptions& options) {
    Builder builder(options);
    std::uint64_t next = 0;
    for (const auto& part : parts) {
        if (part->summary().first_sequence < next) {
            return fail(Errc::invalid_argument, "a part begins at sequence {}, before the end of the one before it, {}",
                        part->summary().first_sequence, next);
        }
        next = part->summary().end_sequence;
        for (std::uint32_t page = 0; page < part->pages(); ++page) {
            SLUICE_CHECK(add_page(*part, page, builder));
        }
    }
    return builder.finish();
}

}  // namespace sluice::part
