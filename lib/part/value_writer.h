// Writes the values of a column, or of a slot of a template, as streams.
#pragma once

#include <algorithm>

#include "part/distinct.h"
#include "part/int_stream.h"
#include "part/layout.h"
#include "part/text_stream.h"

namespace sluice::part {

inline constexpr std::size_t kDictionaryBytesMax = 16U << 20U;

// Calls write(first value, count) for each chunk.
template <class Write>
void for_each_chunk(const Spans& spans, Write&& write) {
    std::size_t first = 0;
    for (const std::uint32_t count : spans.chunks) {
        write(first, std::size_t{count});
        first += count;
    }
}

// A stream of numbers per chunk.
void write_codes(const Spans& spans, std::span<const std::uint32_t> codes, BlockWriter& blocks);

Coding write_dictionary(const Spans& spans, const Distinct<std::int64_t>& distinct, BlockWriter& blocks);
Coding write_dictionary(const Spans& spans, const Distinct<std::string_view>& distinct, BlockWriter& blocks);

// More than this is no dictionary.
constexpr std::size_t entries_max(std::size_t values) noexcept {
    return std::max<std::size_t>(values * 5 / 8, 1);
}
// Whether a dictionary is smaller than the values, about: a quarter of them, or up to entries_max for what looks like
// identifiers, which nothing else makes smaller.
bool dictionary_pays(const Distinct<std::string_view>& distinct) noexcept;

Coding write_plain_texts(const Spans& spans, std::span<const std::string_view> values, BlockWriter& blocks);

// As dictionary or as texts.  visit(value): each value at least once.
template <class Visit>
Coding write_texts(const Spans& spans, std::span<const std::string_view> values, BlockWriter& blocks,
                   const Visit& visit) {
    Distinct<std::string_view> distinct;
    if (find_distinct(values, entries_max(values.size()), distinct) && dictionary_pays(distinct)) {
        std::ranges::for_each(distinct.entries, visit);
        return write_dictionary(spans, distinct, blocks);
    }
    std::ranges::for_each(values, visit);
    return write_plain_texts(spans, values, blocks);
}

}  // namespace sluice::part
