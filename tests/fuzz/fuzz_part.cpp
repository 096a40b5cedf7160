// Everything that reads a part, on arbitrary bytes.  The first byte of an input says how the rest becomes a file: as it
// is, or as the raw footer and the blocks of a file whose checksums hold.  A broken property traps.
#include <cstdint>
#include <numeric>

#include "base/checksum.h"
#include "part/layout.h"
#include "part/part.h"
#include "part/text_stream.h"
#include "wire/record.h"
#include "wire/tail_messages.h"

namespace {

using namespace sluice;
using namespace sluice::part;

constexpr std::uint64_t kRowsMax = 1U << 20U;  // A part that claims more is opened only.

void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

void read_page(const Part& part, std::uint32_t page) {
    std::vector<std::uint16_t> rows(part.page_rows(page));
    std::iota(rows.begin(), rows.end(), std::uint16_t{0});
    Bytes entries;
    if (!part.append_entries(page, rows, entries)) {
        require(entries.empty());
        return;
    }
    // What is served is a valid record, whatever the file was.
    std::uint32_t seen = 0;
    for (const wire::TailEntry entry : wire::TailEntryRange(entries, static_cast<std::uint32_t>(rows.size()))) {
        ByteView rest = entry.record.bytes();
        require(wire::parse_record(rest, {.message_bytes_max = UINT32_MAX, .fields_max = UINT16_MAX}).has_value());
        require(wire::parse_fields(entry.trusted.bytes(), entry.trusted.size()).has_value());
        ++seen;
    }
    require(seen == rows.size());
}

void read_column(const Part& part, std::uint32_t column) {
    const std::array<std::uint64_t, 2> hashes{1, UINT64_MAX};
    part.may_contain(column, hashes);
    part.range(column);
    part.column_bytes(column);
    const auto dictionary = part.dictionary(column);
    const auto templates = part.templates(column);
    require(part.find(part.columns()[column].name).size() <= part.columns().size());
    for (std::uint32_t page = 0; page < part.pages(); ++page) {
        part.range(column, page);
        const auto values = part.page(column, page);
        if (values) {
            require((*values)->size() == part.page_values(column, page));
            require((*values)->positions.empty() || (*values)->positions.size() == (*values)->size());
        }
        if (values && dictionary) {
            for (const std::uint32_t code : (*values)->codes) {
                require(code < (*dictionary)->entries.size());
            }
        }
        if (templates) {
            const std::unique_ptr<bool[]> wanted(new bool[(*templates)->templates.size()]());
            const auto some = part.page_of(column, page, {wanted.get(), (*templates)->templates.size()});
            require(!some || (*some)->size() == part.page_values(column, page));
        }
    }
}

void read_part(Bytes image) {
    const auto part = Part::open(std::make_shared<MemorySource>(std::move(image)), nullptr);
    if (!part || (*part)->summary().rows > kRowsMax) {
        return;
    }
    const auto columns = static_cast<std::uint32_t>((*part)->columns().size());
    for (std::uint32_t column = 0; column < columns; ++column) {
        read_column(**part, column);
    }
    for (std::uint32_t page = 0; page < (*part)->pages(); ++page) {
        read_page(**part, page);
    }
    (void)(*part)->verify();
}

// The bytes as they are, but the checksums of footer and blocks are made to hold, so that what is behind them is
// reached.
void seal(Bytes& image) {
    if (image.size() < kPartHeaderBytes + kPartTailBytes) {
        return;
    }
    std::byte* tail = image.data() + image.size() - kPartTailBytes;
    store_int<std::uint64_t>(tail + 8, image.size());
    const std::uint64_t stored = load_int<std::uint32_t>(tail + 16);
    if (stored <= image.size() - kPartHeaderBytes - kPartTailBytes) {
        const std::size_t footer = image.size() - kPartTailBytes - static_cast<std::size_t>(stored);
        Bytes covered(image.begin() + static_cast<std::ptrdiff_t>(footer), image.end() - kPartTailBytes);
        append(covered, ByteView(image).last(kPartTailBytes - 8));
        store_int(tail, checksum64(covered, load_int<std::uint64_t>(image.data())));
    }
}

// The same for the checksums of the blocks, which are in the footer.
Bytes seal_blocks(const Bytes& image) {
    if (image.size() < kPartHeaderBytes + kPartTailBytes) {
        return image;
    }
    const ByteView header = ByteView(image).first(kPartHeaderBytes);
    const auto tail = read_tail(header, ByteView(image).last(kPartTailBytes), image.size());
    if (!tail) {
        return image;
    }
    auto layout = read_footer(header, *tail, ByteView(image).subspan(tail->footer_offset));
    if (!layout) {
        return image;
    }
    for (Block& block : layout->blocks.blocks) {
        block.checksum = checksum64(ByteView(image).subspan(block.offset, block.stored_bytes));
    }
    Bytes sealed(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(tail->footer_offset));
    Compressor compressor(1);
    require(append_footer(sealed, *layout, compressor).has_value());
    return sealed;
}

void read_streams(ByteView input) {
    if (input.empty()) {
        return;
    }
    const std::size_t values = std::to_integer<std::size_t>(input[0]);
    Input texts_from(input.subspan(1));
    std::vector<std::string_view> texts(values);
    TextArena arena;
    if (read_texts(texts_from, texts, arena)) {
        Bytes again;
        append_texts(again, texts);
        Input from(again);
        std::vector<std::string_view> read(values);
        require(read_texts(from, read, arena) && read == texts);
    }
    Input ints_from(input.subspan(1));
    std::vector<std::int64_t> ints(values);
    if (read_ints(ints_from, ints)) {
        Bytes again;
        append_ints(again, ints);
        Input from(again);
        std::vector<std::int64_t> read(values);
        require(read_ints(from, read) && read == ints && from.done());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto* const bytes = reinterpret_cast<const std::byte*>(data);
    Bytes image(bytes + 1, bytes + size);
    switch (data[0] % 3) {
        case 0:
            read_part(std::move(image));
            break;
        case 1:
            seal(image);
            read_part(seal_blocks(image));
            break;
        default:
            read_streams(image);
            break;
    }
    return 0;
}
