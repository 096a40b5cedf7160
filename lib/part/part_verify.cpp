// Reading everything, to know that it can be read.
#include <algorithm>

#include "part/part_impl.h"

namespace sluice::part {
namespace {

Error disagree(std::uint32_t column, std::uint32_t page, std::string_view what) {
    return {Errc::corrupt, fmt::format("column {}, page {}: {}", column, page, what)};
}

}  // namespace

// Counts of a dictionary are those of its codes.
Result<> Part::Impl::verify_dictionary(std::uint32_t column) const {
    SLUICE_TRY(const auto entries, dictionary(column));
    std::vector<std::uint32_t> counts(entries->counts.size());
    for (std::uint32_t i = 0; i < layout.columns[column].spans.chunks.size(); ++i) {
        SLUICE_TRY(const auto values, chunk(column, i));
        for (const std::uint32_t code : values->codes) {
            ++counts[code];
        }
    }
    if (!std::ranges::equal(counts, entries->counts)) {
        return std::unexpected(disagree(column, 0, "the counts of the dictionary are not those of the rows"));
    }
    return {};
}

Result<> Part::Impl::verify_columns(std::uint32_t page) const {
    for (std::uint32_t column = 0; column < layout.columns.size(); ++column) {
        const ColumnLayout& place = layout.columns[column];
        const PageSpan* span = place.spans.find(page);
        if (span == nullptr) {
            continue;
        }
        SLUICE_TRY(const auto values, this->page(column, page));
        if (values->ints.empty() || place.ranges.empty()) {
            continue;
        }
        const auto [min, max] = std::ranges::minmax(values->ints);
        const Range64& range = place.ranges[static_cast<std::size_t>(span - place.spans.pages.data())];
        if (min != range.min || max != range.max) {
            return std::unexpected(disagree(column, page, "smallest and largest value are not those of the footer"));
        }
    }
    SLUICE_TRY(const auto sequences, this->page(fixed(ColumnKind::sequence), page));
    const auto ascends = [](std::int64_t a, std::int64_t b) {
        return static_cast<std::uint64_t>(a) >= static_cast<std::uint64_t>(b);
    };
    if (std::ranges::adjacent_find(sequences->ints, ascends) != sequences->ints.end()) {
        return std::unexpected(disagree(fixed(ColumnKind::sequence), page, "the sequences do not ascend"));
    }
    return {};
}

Result<> Part::verify_page(std::uint32_t page) const {
    SLUICE_CHECK(impl_->verify_columns(page));
    std::vector<std::uint16_t> rows(page_rows(page));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = static_cast<std::uint16_t>(i);
    }
    Bytes entries;
    return append_entries(page, rows, entries);
}

Result<> Part::verify() const {
    for (std::uint32_t block = 0; block < impl_->layout.blocks.blocks.size(); ++block) {
        SLUICE_CHECK(impl_->block(block));
    }
    for (std::uint32_t column = 0; column < impl_->layout.columns.size(); ++column) {
        if (impl_->layout.columns[column].coding.codec == Codec::dictionary) {
            SLUICE_CHECK(impl_->verify_dictionary(column));
        }
    }
    for (std::uint32_t page = 0; page < pages(); ++page) {
        SLUICE_CHECK(verify_page(page));
    }
    return {};
}

}  // namespace sluice::part
