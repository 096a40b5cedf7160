#include "part/layout.h"

#include <algorithm>

#include "base/checksum.h"

namespace sluice::part {
namespace {

constexpr std::uint32_t kHeaderMagic = 0x54504C53;  // "SLPT"
constexpr std::uint32_t kTailMagic = 0x45504C53;    // "SLPE"
constexpr std::size_t kChecksumBytes = 8;

std::uint16_t version_of(ByteView header) noexcept {
    return load_int<std::uint16_t>(header.data() + 4);
}

std::uint64_t footer_checksum(ByteView header, ByteView footer, ByteView tail) {
    Bytes all(footer.begin(), footer.end());
    append(all, tail.subspan(kChecksumBytes));
    return checksum64(all, load_int<std::uint64_t>(header.data()));
}

// --- Writing

void append_summary(Bytes& to, const Summary& summary) {
    append_varint(to, summary.rows);
    append_varint(to, summary.first_sequence);
    append_varint(to, summary.end_sequence - summary.first_sequence);
    for (const std::int64_t time : {summary.time_min, summary.time_max, summary.receive_min, summary.receive_max}) {
        append_int(to, time);
    }
    append_varint(to, summary.epoch_min);
    append_varint(to, summary.epoch_max);
    append_varint(to, summary.raw_bytes);
    append_varint(to, summary.time_sorted ? 1 : 0);
    append(to, summary.store_id);
}

void append_column(Bytes& to, const ColumnLayout& column) {
    append_int(to, static_cast<std::uint8_t>(column.info.kind));
    append_int(to, static_cast<std::uint8_t>(column.coding.codec));
    if (column.info.kind == ColumnKind::field) {
        append_int(to, static_cast<std::uint8_t>(static_cast<unsigned>(column.info.type) << 1U |
                                                 (column.info.trusted ? 1U : 0U)));
        append_varint(to, column.info.occurrence);
        append_text(to, column.info.name);
    }
    append_varint(to, column.coding.entries);
    append_varint(to, column.coding.first_stream);
    append_varint(to, column.coding.set_stream + 1);
    append_varint(to, column.filter_stream + 1);
    append_spans(to, column.spans);
    std::int64_t last = 0;
    for (const Range64& range : column.ranges) {
        append_zigzag(
            to, static_cast<std::int64_t>(static_cast<std::uint64_t>(range.min) - static_cast<std::uint64_t>(last)));
        append_varint(to, static_cast<std::uint64_t>(range.max) - static_cast<std::uint64_t>(range.min));
        last = range.min;
    }
}

void append_schemas(Bytes& to, const Layout& layout) {
    append_varint(to, layout.schemas.size());
    for (const auto& schema : layout.schemas) {
        append_varint(to, schema.size());
        std::uint32_t next = kFixedColumns;
        for (const std::uint32_t column : schema) {
            append_zigzag(to, std::int64_t{column} - std::int64_t{next});
            next = column + 1;
        }
    }
    append_varint(to, layout.schema_stream);
}

Bytes raw_footer(const Layout& layout) {
    Bytes raw;
    append_summary(raw, layout.summary);
    append_varint(raw, layout.pages.size());
    for (const PageLayout& page : layout.pages) {
        append_varint(raw, page.rows);
        append_varint(raw, page.raw_bytes);
    }
    layout.blocks.append_to(raw);
    append_varint(raw, layout.columns.size());
    for (const ColumnLayout& column : layout.columns) {
        append_column(raw, column);
    }
    append_schemas(raw, layout);
    return raw;
}

// --- Reading

void read_summary(Input& from, Summary& summary) {
    summary.rows = from.varint();
    summary.first_sequence = from.varint();
    summary.end_sequence = summary.first_sequence + from.varint();
    for (std::int64_t* time : {&summary.time_min, &summary.time_max, &summary.receive_min, &summary.receive_max}) {
        const ByteView bytes = from.bytes(sizeof *time);
        *time = bytes.empty() ? 0 : load_int<std::int64_t>(bytes.data());
    }
    summary.epoch_min = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
    summary.epoch_max = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
    summary.raw_bytes = from.varint();
    summary.time_sorted = from.varint_max(1) == 1;
    const ByteView id = from.bytes(summary.store_id.size());
    std::copy(id.begin(), id.end(), summary.store_id.begin());
}

bool read_pages(Input& from, Layout& layout) {
    layout.pages.resize(from.count());
    std::uint64_t rows = 0;
    for (PageLayout& page : layout.pages) {
        page.first_row = rows;
        page.rows = static_cast<std::uint32_t>(from.varint_max(kPageRowsMax));
        page.raw_bytes = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
        if (page.rows == 0) {
            return false;
        }
        rows += page.rows;
    }
    return !from.failed() && rows == layout.summary.rows && rows > 0 && rows <= UINT32_MAX;
}

void read_ranges(Input& from, ColumnLayout& column) {
    column.ranges.reserve(column.spans.pages.size());
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < column.spans.pages.size() && !from.failed(); ++i) {
        last += static_cast<std::uint64_t>(from.signed_varint());
        const std::uint64_t max = last + from.varint();
        column.ranges.push_back({static_cast<std::int64_t>(last), static_cast<std::int64_t>(max)});
    }
    if (!column.ranges.empty()) {
        column.range = column.ranges.front();
        for (const Range64& range : column.ranges) {
            column.range = {std::min(column.range.min, range.min), std::max(column.range.max, range.max)};
        }
    }
}

// Which codecs a column may have: what the rest of the reader takes for granted.
bool codec_fits(const ColumnInfo& info, Codec codec) noexcept {
    switch (info.kind) {
        case ColumnKind::sequence:
        case ColumnKind::receive_time:
        case ColumnKind::time:
            return codec == Codec::integer;
        case ColumnKind::epoch:
        case ColumnKind::flags:
        case ColumnKind::severity:
        case ColumnKind::stream:
            return codec == Codec::dictionary;
        case ColumnKind::message:
            return codec == Codec::dictionary || codec == Codec::text || codec == Codec::templates;
        case ColumnKind::others:
            return codec == Codec::text;
        case ColumnKind::field:
            break;
    }
    switch (info.type) {
        case wire::FieldType::int64:
            return codec == Codec::dictionary || codec == Codec::integer;
        case wire::FieldType::float64:
            return codec == Codec::floating;
        case wire::FieldType::boolean:
            return codec == Codec::dictionary;
        case wire::FieldType::string:
        case wire::FieldType::bytes:
            return codec == Codec::dictionary || codec == Codec::text || codec == Codec::templates;
    }
    return false;
}

Encoding encoding_of(const ColumnLayout& column) noexcept {
    switch (column.coding.codec) {
        case Codec::dictionary:
            return column.coding.entries == 1 ? Encoding::constant : Encoding::dictionary;
        case Codec::integer:
            return Encoding::integer;
        case Codec::floating:
            return Encoding::floating;
        case Codec::templates:
            return Encoding::templates;
        case Codec::text:
        case Codec::column:
            break;
    }
    return Encoding::text;
}

bool read_column(Input& from, const Layout& layout, std::uint32_t index, ColumnLayout& column) {
    const std::uint8_t kind = from.byte();
    const std::uint8_t codec = from.byte();
    ColumnInfo& info = column.info;
    const bool others = kind == static_cast<std::uint8_t>(ColumnKind::others) && index >= kFixedColumns &&
                        index + 1 == layout.columns.size();
    if ((kind != std::min<std::uint32_t>(index, kFixedColumns) && !others) || codec >= kCodecs) {
        return false;
    }
    info.kind = static_cast<ColumnKind>(kind);
    column.coding.codec = static_cast<Codec>(codec);
    if (info.kind == ColumnKind::field) {
        const std::uint8_t type = from.byte();
        info.occurrence = static_cast<std::uint16_t>(from.varint_max(UINT16_MAX));
        info.name = from.text();
        info.trusted = (type & 1U) != 0;
        info.type = static_cast<wire::FieldType>(type >> 1U);
        if ((type >> 1U) > static_cast<unsigned>(wire::FieldType::boolean) || !wire::valid_field_name(info.name)) {
            return false;
        }
    }
    Coding& coding = column.coding;
    const std::size_t streams = layout.blocks.streams.size();
    coding.entries = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
    coding.first_stream = static_cast<std::uint32_t>(from.varint_max(streams));
    coding.set_stream = static_cast<std::uint32_t>(from.varint_max(streams)) - 1;
    column.filter_stream = static_cast<std::uint32_t>(from.varint_max(streams)) - 1;
    if (!codec_fits(info, coding.codec) || !read_spans(from, layout.pages, column.spans)) {
        return false;
    }
    info.values = column.spans.values;
    info.dense = column.spans.dense;
    info.encoding = encoding_of(column);
    if (is_numeric(info)) {
        read_ranges(from, column);
    }
    const bool fixed_is_dense = index >= kFixedColumns || info.dense;
    const bool has_entries = coding.codec != Codec::dictionary || coding.entries > 0;
    const bool has_set = coding.codec != Codec::templates || coding.set_stream != kNoStream;
    return !from.failed() && info.values > 0 && fixed_is_dense && has_entries && has_set &&
           coding.first_stream + streams_of(coding, column.spans.chunks.size()) <= streams;
}

bool read_schemas(Input& from, Layout& layout) {
    layout.schemas.resize(from.count());
    for (auto& schema : layout.schemas) {
        schema.resize(from.count());
        std::int64_t next = kFixedColumns;
        bool trusted = true;
        for (std::uint32_t& column : schema) {
            next += from.signed_varint();
            if (from.failed() || next < kFixedColumns || next >= static_cast<std::int64_t>(layout.columns.size())) {
                return false;
            }
            column = static_cast<std::uint32_t>(next++);
            const ColumnInfo& info = layout.columns[column].info;
            if ((info.trusted && !trusted) || (info.kind == ColumnKind::others && &column != &schema.back())) {
                return false;
            }
            trusted = info.trusted;
        }
        if (schema.size() > 2 * UINT16_MAX) {
            return false;
        }
    }
    layout.schema_stream = static_cast<std::uint32_t>(from.varint_max(layout.blocks.streams.size()));
    const std::size_t streams = layout.schemas.size() > 1 ? layout.pages.size() : 0;
    return !from.failed() && !layout.schemas.empty() && layout.schema_stream + streams <= layout.blocks.streams.size();
}

bool read_raw_footer(ByteView raw, std::uint16_t version, std::uint64_t footer_offset, Layout& layout) {
    Input from(raw);
    read_summary(from, layout.summary);
    if (!read_pages(from, layout) || !layout.blocks.read(from, kPartHeaderBytes, footer_offset)) {
        return false;
    }
    layout.columns.resize(from.count());
    if (layout.columns.size() < kFixedColumns) {
        return false;
    }
    for (std::uint32_t i = 0; i < layout.columns.size(); ++i) {
        if (!read_column(from, layout, i, layout.columns[i])) {
            return false;
        }
    }
    const bool may_be = version > kPartVersionOldest || !layout.has_others();
    return may_be && read_schemas(from, layout) && from.done();
}

}  // namespace

const PageSpan* Spans::find(std::uint32_t page) const noexcept {
    if (dense) {
        return page < pages.size() ? &pages[page] : nullptr;
    }
    const auto found = std::lower_bound(pages.begin(), pages.end(), page,
                                        [](const PageSpan& a, std::uint32_t b) { return a.page < b; });
    return found != pages.end() && found->page == page ? &*found : nullptr;
}

void Spans::add(std::uint32_t page, std::uint32_t count, bool begins_chunk) {
    if (begins_chunk) {
        chunks.push_back(0);
    }
    pages.push_back({page, count, static_cast<std::uint32_t>(chunks.size() - 1), chunks.back()});
    chunks.back() += count;
    values += count;
}

void append_spans(Bytes& to, const Spans& spans) {
    append_varint(to, spans.dense ? 1 : 0);
    if (spans.dense) {
        return;
    }
    append_varint(to, spans.pages.size());
    std::uint32_t next = 0;
    for (const PageSpan& span : spans.pages) {
        append_varint(to, span.page - next);
        append_varint(to, std::uint64_t{span.count} << 1U | (span.offset == 0 ? 1U : 0U));
        next = span.page + 1;
    }
}

bool read_spans(Input& from, std::span<const PageLayout> pages, Spans& spans) {
    if (from.varint_max(1) == 1) {
        spans.pages.reserve(pages.size());
        for (std::uint32_t page = 0; page < pages.size(); ++page) {
            spans.add(page, pages[page].rows, true);
        }
        spans.dense = true;
        return true;
    }
    const std::size_t n = from.count();
    spans.pages.reserve(n);
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < n; ++i) {
        next += from.varint_max(pages.size());
        const std::uint64_t count = from.varint_max(2 * kPageRowsMax + 1);
        if (next >= pages.size() || count < 2 || (count >> 1U) > pages[next].rows || (i == 0 && (count & 1U) == 0)) {
            return false;
        }
        spans.add(static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(count >> 1U), (count & 1U) != 0);
        if (spans.chunks.back() > kChunkValuesMax) {
            return false;
        }
        ++next;
    }
    return !from.failed();
}

std::uint64_t streams_of(const Coding& coding, std::size_t chunks) noexcept {
    if (coding.codec == Codec::dictionary) {
        return 1 + (coding.entries > 1 ? chunks : 0);
    }
    return coding.codec == Codec::column ? 0 : chunks;
}

bool is_numeric(const ColumnInfo& info) noexcept {
    if (info.kind == ColumnKind::field) {
        return info.type == wire::FieldType::int64;
    }
    return info.kind != ColumnKind::stream && info.kind != ColumnKind::message && info.kind != ColumnKind::others;
}

void append_header(Bytes& file, std::uint16_t version) {
    append_int(file, kHeaderMagic);
    append_int(file, version);
    append_int(file, std::uint16_t{0});
}

Result<> append_footer(Bytes& file, const Layout& layout, Compressor& compressor) {
    const Bytes raw = raw_footer(layout);
    const std::size_t start = file.size();
    if (raw.size() > kFooterBytesMax) {
        return fail(Errc::too_large, "a footer of {} bytes exceeds {}", raw.size(), kFooterBytesMax);
    }
    compressor.append(file, raw);
    Bytes tail(kChecksumBytes);
    append_int(tail, std::uint64_t{file.size() + kPartTailBytes});
    append_int(tail, static_cast<std::uint32_t>(file.size() - start));
    append_int(tail, static_cast<std::uint32_t>(raw.size()));
    append_int(tail, layout.version);
    append_int(tail, std::uint16_t{0});
    append_int(tail, kTailMagic);
    store_int(tail.data(),
              footer_checksum(ByteView(file).first(kPartHeaderBytes), ByteView(file).subspan(start), tail));
    append(file, tail);
    return {};
}

Result<Tail> read_tail(ByteView header, ByteView tail, std::uint64_t file_bytes) {
    const std::uint16_t version = version_of(header);
    const bool known = version >= kPartVersionOldest && version <= kPartVersion;
    const bool magics = load_int<std::uint32_t>(header.data()) == kHeaderMagic &&
                        load_int<std::uint32_t>(tail.data() + 28) == kTailMagic;
    const bool agree = version == load_int<std::uint16_t>(tail.data() + 24);
    if (magics && !known && agree) {
        return fail(Errc::unsupported, "part of version {}; this build reads {} to {}", version, kPartVersionOldest,
                    kPartVersion);
    }
    Tail read{0, load_int<std::uint32_t>(tail.data() + 16), load_int<std::uint32_t>(tail.data() + 20),
              load_int<std::uint64_t>(tail.data())};
    if (!magics || !agree || load_int<std::uint64_t>(tail.data() + 8) != file_bytes ||
        read.footer_stored_bytes > file_bytes - kPartHeaderBytes - kPartTailBytes ||
        read.footer_raw_bytes > kFooterBytesMax) {
        return fail(Errc::corrupt, "header or tail (offset {}, {} bytes) are not those of a part of {} bytes",
                    file_bytes - kPartTailBytes, kPartTailBytes, file_bytes);
    }
    read.footer_offset = file_bytes - kPartTailBytes - read.footer_stored_bytes;
    return read;
}

Result<Layout> read_footer(ByteView header, const Tail& tail, ByteView stored_and_tail) {
    const ByteView stored = stored_and_tail.first(tail.footer_stored_bytes);
    const ByteView rest = stored_and_tail.subspan(tail.footer_stored_bytes);
    if (footer_checksum(header, stored, rest) != tail.checksum) {
        return fail(Errc::corrupt, "footer (offset {}, {} bytes): the checksum does not match", tail.footer_offset,
                    stored_and_tail.size());
    }
    Bytes raw(tail.footer_raw_bytes);
    Layout layout;
    layout.version = version_of(header);
    if (!decompress(stored, raw) || !read_raw_footer(raw, layout.version, tail.footer_offset, layout)) {
        return fail(Errc::corrupt, "footer (offset {}, {} bytes): the tables do not hold", tail.footer_offset,
                    stored_and_tail.size());
    }
    return layout;
}

}  // namespace sluice::part
