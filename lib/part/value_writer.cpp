#include "part/value_writer.h"

#include <algorithm>

namespace sluice::part {
namespace {

constexpr std::size_t kIdentifierBytes = 64;

template <class T>
Coding write(const Spans& spans, const Distinct<T>& distinct, BlockWriter& blocks) {
    const Coding coding{.codec = Codec::dictionary,
                        .entries = static_cast<std::uint32_t>(distinct.entries.size()),
                        .first_stream = blocks.streams()};
    Bytes& stream = blocks.stream();
    for (const std::uint32_t count : distinct.counts) {
        append_varint(stream, count);
    }
    if constexpr (std::is_same_v<T, std::int64_t>) {
        append_ints(stream, distinct.entries);
    } else {
        append_texts(stream, distinct.entries);
    }
    blocks.end_stream();
    if (distinct.entries.size() > 1) {
        write_codes(spans, distinct.codes, blocks);
    }
    return coding;
}

}  // namespace

void write_codes(const Spans& spans, std::span<const std::uint32_t> codes, BlockWriter& blocks) {
    std::vector<std::int64_t> wide;
    std::int64_t base = 0;
    for_each_chunk(spans, [&](std::size_t first, std::size_t count) {
        const auto chunk = codes.subspan(first, count);
        wide.assign(chunk.begin(), chunk.end());
        append_codes(blocks.stream(), wide, base);
        blocks.end_stream();
        base = std::max(base, *std::ranges::max_element(wide) + 1);
    });
}

Coding write_dictionary(const Spans& spans, const Distinct<std::int64_t>& distinct, BlockWriter& blocks) {
    return write(spans, distinct, blocks);
}

Coding write_dictionary(const Spans& spans, const Distinct<std::string_view>& distinct, BlockWriter& blocks) {
    return write(spans, distinct, blocks);
}

bool dictionary_pays(const Distinct<std::string_view>& distinct) noexcept {
    std::size_t bytes = 0;
    bool identifiers = true;
    for (const std::string_view entry : distinct.entries) {
        bytes += entry.size() + 1;
        identifiers = identifiers && entry.size() <= kIdentifierBytes && entry.find(' ') == std::string_view::npos;
    }
    return bytes <= kDictionaryBytesMax &&
           (identifiers || distinct.entries.size() <= distinct.codes.size() / 4 || distinct.entries.size() == 1);
}

Coding write_plain_texts(const Spans& spans, std::span<const std::string_view> values, BlockWriter& blocks) {
    const Coding coding{.codec = Codec::text, .entries = 0, .first_stream = blocks.streams()};
    for_each_chunk(spans, [&](std::size_t first, std::size_t count) {
        append_texts(blocks.stream(), values.subspan(first, count));
        blocks.end_stream();
    });
    return coding;
}

}  // namespace sluice::part
