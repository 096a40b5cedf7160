#include "part/forged_part.h"

#include "base/checksum.h"

namespace sluice::part {
namespace {

Tail tail_of(ByteView image) {
    const auto tail = read_tail(image.first(kPartHeaderBytes), image.last(kPartTailBytes), image.size());
    EXPECT_TRUE(tail) << tail.error();
    return tail ? *tail : Tail{};
}

}  // namespace

ForgedPart::ForgedPart(const Bytes& image) {
    const ByteView all(image);
    const Tail tail = tail_of(all);
    auto read = read_footer(all.first(kPartHeaderBytes), tail, all.subspan(tail.footer_offset));
    EXPECT_TRUE(read) << read.error();
    layout = std::move(*read);
    std::vector<Bytes> raw;
    for (const Block& block : layout.blocks.blocks) {
        raw.emplace_back(block.raw_bytes);
        EXPECT_TRUE(decompress(all.subspan(block.offset, block.stored_bytes), raw.back()));
    }
    for (const Stream& stream : layout.blocks.streams) {
        const ByteView bytes = ByteView(raw[stream.block]).subspan(stream.offset, stream.bytes);
        streams.emplace_back(bytes.begin(), bytes.end());
    }
}

Bytes ForgedPart::image() const {
    Bytes file;
    append_header(file, layout.version);
    Compressor compressor(1);
    BlockWriter blocks(file, compressor);
    for (const Bytes& stream : streams) {
        append(blocks.stream(), stream);
        blocks.end_stream();
    }
    auto table = blocks.finish();
    EXPECT_TRUE(table) << table.error();
    Layout changed = layout;
    changed.blocks = std::move(*table);
    EXPECT_TRUE(append_footer(file, changed, compressor));
    return file;
}

std::string ForgedPart::opened() const {
    return said_by_open(image());
}

Bytes raw_footer_of(const Bytes& image) {
    const Tail tail = tail_of(image);
    Bytes raw(tail.footer_raw_bytes);
    EXPECT_TRUE(decompress(ByteView(image).subspan(tail.footer_offset, tail.footer_stored_bytes), raw));
    return raw;
}

Bytes with_raw_footer(const Bytes& image, ByteView raw) {
    const Tail before = tail_of(image);
    Bytes file(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(before.footer_offset));
    append(file, raw);  // As long as it says that it is: not compressed.
    Bytes tail(image.end() - kPartTailBytes, image.end());
    store_int(tail.data() + 8, std::uint64_t{file.size() + kPartTailBytes});
    store_int(tail.data() + 16, static_cast<std::uint32_t>(raw.size()));
    store_int(tail.data() + 20, static_cast<std::uint32_t>(raw.size()));
    Bytes checked(raw.begin(), raw.end());
    append(checked, ByteView(tail).subspan(8));
    store_int(tail.data(), checksum64(checked, load_int<std::uint64_t>(image.data())));
    append(file, tail);
    return file;
}

std::string said_by_open(Bytes image) {
    const auto part = Part::open(std::make_shared<MemorySource>(std::move(image)), nullptr);
    return part ? "" : fmt::format("{}: {}", errc_name(part.error().code()), part.error().text());
}

}  // namespace sluice::part
