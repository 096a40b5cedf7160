// Everything that reads a segment file: its header, frames, batches, producer snapshots, and recovery.  The first byte
// of an input says how the rest becomes a file.  A broken property traps.
#include <cstdint>
#include <map>

#include "io/run.h"
#include "io/sim_kernel.h"
#include "store/frame_reader.h"
#include "store/producers.h"
#include "store/recovery.h"
#include "store/segment_format.h"

namespace {

using namespace sluice;
using namespace sluice::store;

constexpr std::uint64_t kSegmentId = 1;
constexpr std::uint32_t kBlock = 512;
constexpr std::size_t kFileBytesMax = 256 * 1024;
const std::string kDirectory = "/store";

void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

// Of the identity that recovery makes with the random numbers 1 and 2.
StoreId store_id() {
    StoreId id{};
    store_int<std::uint64_t>(id.data(), 1);
    store_int<std::uint64_t>(id.data() + 8, 2);
    return id;
}

SegmentHeader valid_header() {
    SegmentHeader header;
    header.segment_id = kSegmentId;
    header.segment_bytes = kFileBytesMax;
    header.first_sequence = 1;
    header.epoch = 1;
    header.block_bytes = kBlock;
    header.salt = 99;
    header.store_id = store_id();
    return header;
}

// Valid header, and then the input as it is.
Bytes file_of_bytes(ByteView input) {
    Bytes file(kHeaderBlock);
    encode_segment_header(valid_header(), file);
    append(file, input);
    return file;
}

// Frames with valid checksums and arbitrary contents: u8 kind, u8 count, u8 blocks left out before it, u8 how far
// durability had come, u16 length, payload.
Bytes file_of_frames(ByteView input) {
    const SegmentHeader segment = valid_header();
    Bytes file(kHeaderBlock);
    encode_segment_header(segment, file);
    std::uint64_t sequence = 1;
    while (input.size() >= 6 && file.size() < kFileBytesMax / 2) {
        FrameHeader header;
        header.segment_id = segment.segment_id;
        header.kind = static_cast<FrameKind>(std::to_integer<unsigned>(input[0]) % 5);
        header.count = std::to_integer<std::uint32_t>(input[1]);
        header.first_sequence = sequence;
        header.durable_sequence = std::to_integer<std::uint64_t>(input[3]);
        const std::size_t length = std::min<std::size_t>(load_int<std::uint16_t>(input.data() + 4), input.size() - 6);
        file.resize(file.size() + std::to_integer<std::size_t>(input[2]) % 4 * kBlock);
        const std::size_t at = file.size();
        file.resize(at + sizeof(FrameHeader));
        append(file, input.subspan(6, length));
        seal_frame(header, std::span(file).subspan(at), segment.salt);
        file.resize(round_up(file.size(), kBlock));
        sequence += header.kind == FrameKind::records ? header.count : 0;
        input = input.subspan(6 + length);
    }
    return file;
}

void check_frame(const FrameView& frame) {
    std::size_t bytes = 0;
    for_each_batch(frame.payload, [&](const wire::BatchHeader& header, ByteView batch) {
        require(header.size == batch.size());
        bytes += batch.size();
    });
    require(bytes <= frame.payload.size());
    ByteView rest = frame.payload;
    while (!rest.empty() && wire::parse_batch(rest)) {
    }
}

Task<Result<>> read_all(io::Kernel& kernel, const std::string& path) {
    const Result<OpenedSegment> segment = co_await open_segment(kernel, -1, path, /*direct=*/false);
    if (!segment) {
        co_return Result<>{};
    }
    FrameReader reader(kernel, segment->file, segment->info.header, segment->info.file_bytes, /*search=*/true);
    std::uint64_t before = 0;
    for (;;) {
        SLUICE_CO_TRY(const FrameReader::Item item, co_await reader.next());
        if (std::holds_alternative<FrameReader::End>(item)) {
            co_return Result<>{};
        }
        if (const auto* frame = std::get_if<FrameView>(&item)) {
            check_frame(*frame);
        }
        require(reader.offset() > before);
        before = reader.offset();
    }
}

Task<Result<>> recover_all(io::Kernel& kernel) {
    const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
    SLUICE_CO_TRY(const io::Handle directory, co_await kernel.open(-1, kDirectory, open));
    std::uint64_t last_random = 0;
    RecoveryOptions options;
    options.random = [&last_random] { return ++last_random; };
    ProducerTable producers(64);
    StoreEvents events;
    SLUICE_CO_TRY(const Recovered found, co_await recover(kernel, directory, options, producers, events));
    require(found.next_sequence >= 1);
    require(producers.size() <= 64);
    require(found.catalog.empty() || found.last_data_end <= round_up(found.catalog.back().file_bytes, kBlock));
    co_return Result<>{};
}

void fuzz_file(const Bytes& file) {
    io::SimWorld world(1);
    world.faults().enabled = false;
    io::SimKernel kernel(world, io::SimKernel::Options{});
    const std::string path = kDirectory + "/" + segment_name(kSegmentId);
    world.disk().put_file(path, file);
    require(io::block_on(kernel, "read", read_all, std::ref<io::Kernel>(kernel), path).has_value());
    require(io::block_on(kernel, "recover", recover_all, std::ref<io::Kernel>(kernel)).has_value());
}

void fuzz_producers(ByteView input) {
    ProducerTable table(16);
    if (table.decode(input)) {
        require(table.size() <= 16);
        ProducerTable again(16);
        require(again.decode(table.encode()) && again.encode() == table.encode());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView input(reinterpret_cast<const std::byte*>(data) + 1, std::min(size - 1, kFileBytesMax / 2));
    switch (data[0] % 4) {
        case 0:
            fuzz_file(Bytes(input.begin(), input.end()));
            break;
        case 1:
            fuzz_file(file_of_bytes(input));
            break;
        case 2:
            fuzz_file(file_of_frames(input));
            break;
        case 3:
            fuzz_producers(input);
            break;
    }
    return 0;
}
