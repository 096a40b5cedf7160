#include "part/column_reader.h"

#include <algorithm>
#include <bit>

#include "part/float_stream.h"
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

bool read_counts(Input& from, const Coding& coding, std::uint64_t values, Dictionary& into) {
    if (coding.entries > from.left()) {  // Each takes a byte at least.
        return false;
    }
    into.count_store.resize(coding.entries);
    std::uint64_t rows = 0;
    for (std::uint32_t& count : into.count_store) {
        count = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
        rows += count;
    }
    into.counts = into.count_store;
    return !from.failed() && rows == values;
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
    return read_texts(from, into.entry_store, into.arena) &&
           (info.kind != ColumnKind::stream || std::ranges::all_of(into.entry_store, wire::valid_stream_name));
}

}  // namespace

std::size_t Chunk::memory() const noexcept {
    return sizeof(Chunk) + codes.size() * sizeof(std::uint32_t) + (ints.size() + floats.size()) * 8 +
           texts.size() * sizeof(std::string_view) + owned_bytes + arena.memory();
}

std::size_t memory_of(const Dictionary& dictionary) noexcept {
    return sizeof dictionary + dictionary.entries.size() * (sizeof(std::string_view) + 4) + dictionary.ints.size() * 8 +
           dictionary.text_store.size() + dictionary.arena.memory();
}

std::shared_ptr<const Dictionary> read_dictionary(const ColumnInfo& info, const Coding& coding, std::uint64_t values,
                                                  StreamBytes stream) {
    auto made = std::make_shared<Dictionary>();
    Input from(stream.bytes);
    const bool holds = read_counts(from, coding, values, *made) &&
                       (is_text(info) ? read_text_entries(from, info, *made) : read_number_entries(from, info, *made));
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

std::shared_ptr<const Chunk> read_chunk(const Coding& coding, std::size_t values, StreamBytes stream) {
    auto made = std::make_shared<Chunk>();
    Input from(stream.bytes);
    bool holds = false;
    switch (coding.codec) {
        case Codec::dictionary:
            made->codes.resize(values);
            holds = coding.entries == 1 || read_codes(stream.bytes, coding.entries, made->codes);
            break;
        case Codec::templates:  // Ids; whoever knows the templates checks them.
            made->codes.resize(values);
            holds = read_codes(stream.bytes, UINT32_MAX, made->codes);
            break;
        case Codec::integer:
            made->ints.resize(values);
            holds = read_ints(from, made->ints) && from.left() == 0;
            break;
        case Codec::floating:
            made->floats.resize(values);
            holds = read_floats(from, made->floats);
            break;
        case Codec::text:
            made->texts.resize(values);
            made->owned_bytes = stream.bytes.size();
            holds = read_texts(from, made->texts, made->arena);
            made->owner = std::move(stream.owner);
            break;
        case Codec::column:  // Has no stream; template_layout.h.
            break;
    }
    return holds ? made : nullptr;
}

}  // namespace sluice::part
