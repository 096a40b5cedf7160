#include "part/column_reader.h"

#include <bit>

#include "part/text_stream.h"

namespace sluice::part {
namespace {

// What the rest of the tree takes for granted of a record that was valid when it was stored.
bool valid_number(const ColumnInfo& info, std::int64_t value) noexcept {
    switch (info.kind) {
        case ColumnKind::epoch:
            return value >= 0 && value <= UINT32_MAX;
        case ColumnKind::flags:
            return value >= 0 && value <= UINT16_MAX;
        case ColumnKind::severity:
            return value >= 0 && value <= static_cast<std::int64_t>(wire::Severity::debug);
        case ColumnKind::field:
            return info.type != wire::FieldType::boolean || value == 0 || value == 1;
        default:
            return true;
    }
}

bool is_text(const ColumnInfo& info) noexcept {
    return info.kind == ColumnKind::stream || info.kind == ColumnKind::message ||
           (info.kind == ColumnKind::field &&
            (info.type == wire::FieldType::string || info.type == wire::FieldType::bytes));
}

bool read_counts(Input& from, const ColumnLayout& column, Dictionary& into) {
    if (column.entries > from.left()) {  // Each takes a byte at least.
        return false;
    }
    into.count_store.resize(column.entries);
    std::uint64_t rows = 0;
    for (std::uint32_t& count : into.count_store) {
        count = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
        rows += count;
    }
    into.counts = into.count_store;
    return !from.failed() && rows == column.spans.values;
}

bool read_number_entries(Input& from, const ColumnInfo& info, Dictionary& into) {
    into.int_store.resize(into.count_store.size());
    if (!read_ints(from, into.int_store) || from.left() != 0) {
        return false;
    }
    const bool boolean = info.kind == ColumnKind::field && info.type == wire::FieldType::boolean;
    std::vector<std::size_t> ends;
    for (const std::int64_t value : into.int_store) {
        if (!valid_number(info, value)) {
            return false;
        }
        into.text_store += boolean ? (value == 0 ? "false" : "true") : fmt::to_string(value);
        ends.push_back(into.text_store.size());
    }
    std::size_t start = 0;
    for (const std::size_t end : ends) {
        into.entry_store.push_back(std::string_view(into.text_store).substr(start, end - start));
        start = end;
    }
    into.ints = into.int_store;
    return true;
}

bool read_text_entries(Input& from, const ColumnInfo& info, Dictionary& into) {
    into.entry_store.resize(into.count_store.size());
    return read_texts(from, into.entry_store) &&
           (info.kind != ColumnKind::stream || std::ranges::all_of(into.entry_store, wire::valid_stream_name));
}

}  // namespace

std::size_t Chunk::memory() const noexcept {
    return codes.size() * sizeof(std::uint32_t) + (ints.size() + floats.size()) * 8 +
           texts.size() * sizeof(std::string_view);
}

std::size_t memory_of(const Dictionary& dictionary) noexcept {
    return dictionary.entries.size() * (sizeof(std::string_view) + 4) + dictionary.ints.size() * 8 +
           dictionary.text_store.size();
}

std::shared_ptr<const Dictionary> read_dictionary(const ColumnLayout& column, StreamBytes stream) {
    auto made = std::make_shared<Dictionary>();
    Input from(stream.bytes);
    const bool holds =
        read_counts(from, column, *made) && (is_text(column.info) ? read_text_entries(from, column.info, *made)
                                                                  : read_number_entries(from, column.info, *made));
    if (!holds) {
        return nullptr;
    }
    made->entries = made->entry_store;
    made->owner = std::move(stream.owner);
    return made;
}

bool read_codes(ByteView stream, std::uint32_t bound, std::span<std::uint32_t> into) {
    std::vector<std::int64_t> wide(into.size());
    Input from(stream);
    if (!read_ints(from, wide) || from.left() != 0) {
        return false;
    }
    std::uint64_t all_below = 1;
    for (std::size_t i = 0; i < wide.size(); ++i) {
        all_below &= static_cast<std::uint64_t>(wide[i]) < bound ? 1U : 0U;
        into[i] = static_cast<std::uint32_t>(wide[i]);
    }
    return all_below == 1;
}

std::shared_ptr<const Chunk> read_chunk(const ColumnLayout& column, std::size_t values, StreamBytes stream) {
    auto made = std::make_shared<Chunk>();
    Input from(stream.bytes);
    switch (column.codec) {
        case Codec::dictionary:
            made->codes.resize(values);
            if (!read_codes(stream.bytes, column.entries, made->codes)) {
                return nullptr;
            }
            return made;
        case Codec::integer:
        case Codec::floating:
            made->ints.resize(values);
            if (!read_ints(from, made->ints) || from.left() != 0) {
                return nullptr;
            }
            if (column.codec == Codec::floating) {
                made->floats.reserve(values);
                for (const std::int64_t bits : made->ints) {
                    made->floats.push_back(std::bit_cast<double>(bits));
                }
                made->ints.clear();
            }
            return made;
        case Codec::text:
            made->texts.resize(values);
            if (!read_texts(from, made->texts)) {
                return nullptr;
            }
            made->owner = std::move(stream.owner);
            return made;
    }
    return nullptr;
}

}  // namespace sluice::part
