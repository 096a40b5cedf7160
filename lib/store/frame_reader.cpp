#include "store/frame_reader.h"

namespace sluice::store {
namespace {
// Large enough to amortise a request, small enough that a read served from the page cache holds a loop for under 60 us.
constexpr std::size_t kChunkBytes = 256 * 1024;
}  // namespace

FrameReader::FrameReader(io::Kernel& kernel, const io::Handle& file, const SegmentHeader& header,
                         std::uint64_t file_bytes, bool search)
    : kernel_(kernel), file_(file), header_(header), file_bytes_(file_bytes), search_(search) {}

Task<Result<ByteView>> FrameReader::window(std::size_t bytes) {
    const std::uint64_t want_end = std::min(offset_ + bytes, file_bytes_);
    if (offset_ < buffer_start_ || want_end > buffer_end_) {
        const std::uint64_t start = offset_ / AlignedBuffer::kAlignment * AlignedBuffer::kAlignment;
        const std::size_t length = std::max<std::size_t>(kChunkBytes, want_end - start);
        if (!buffer_ || buffer_->capacity() < length) {
            buffer_ = std::make_unique<AlignedBuffer>(length);
        }
        buffer_start_ = buffer_end_ = start;
        while (buffer_end_ < want_end) {  // Bounded: each turn reads at least one byte or ends.
            const std::size_t have = buffer_end_ - buffer_start_;
            SLUICE_CO_TRY(const std::size_t n,
                          co_await kernel_.read_at(file_, buffer_end_, buffer_->span().subspan(have)));
            if (n == 0) {
                break;
            }
            buffer_end_ += n;
        }
    }
    if (offset_ >= buffer_end_) {
        co_return ByteView();
    }
    co_return ByteView(buffer_->data() + (offset_ - buffer_start_), buffer_end_ - offset_);
}

Task<Result<FrameReader::Item>> FrameReader::next() {
    std::size_t want = sizeof(FrameHeader);
    for (;;) {  // Bounded: a second turn only to fetch a frame whole.
        SLUICE_CO_TRY(const ByteView bytes, co_await window(want));
        if (bytes.size() < want) {
            const bool torn = want > sizeof(FrameHeader);
            co_return co_await resync(offset_, torn);
        }
        const auto frame = parse_frame(bytes, header_, file_bytes_ - offset_);
        if (frame) {
            offset_ += round_up(frame->bytes(), header_.block_bytes);
            co_return Item(*frame);
        }
        if (frame.error().fault != FrameFault::truncated) {
            co_return co_await resync(offset_, frame.error().fault == FrameFault::damaged);
        }
        want = frame.error().need;
    }
}

Task<Result<FrameReader::Item>> FrameReader::resync(std::uint64_t from, bool torn) {
    if (search_) {
        offset_ = from + header_.block_bytes;
        while (offset_ + sizeof(FrameHeader) <= file_bytes_) {  // Bounded by the file.
            SLUICE_CO_TRY(ByteView bytes, co_await window(sizeof(FrameHeader)));
            if (bytes.size() < sizeof(FrameHeader)) {
                break;
            }
            auto frame = parse_frame(bytes, header_, file_bytes_ - offset_);
            if (!frame && frame.error().fault == FrameFault::truncated) {
                SLUICE_CO_TRY(bytes, co_await window(frame.error().need));
                frame = parse_frame(bytes, header_, file_bytes_ - offset_);
            }
            if (frame) {
                co_return Item(Hole{from, offset_ - from});
            }
            offset_ += header_.block_bytes;
        }
    }
    offset_ = from;
    co_return Item(End{from, torn});
}

Task<Result<OpenedSegment>> open_segment(io::Kernel& kernel, int directory, const std::string& name, bool direct) {
    const io::OpenOptions options{.flags = O_RDONLY | (direct ? O_DIRECT : 0)};
    SLUICE_CO_TRY(io::Handle file, co_await kernel.open(directory, name, options));
    SLUICE_CO_TRY(const io::FileStat stat, co_await kernel.stat(file));
    AlignedBuffer block(kHeaderBlock);
    const std::size_t wanted = std::min<std::uint64_t>(sizeof(SegmentHeader), stat.size);
    std::size_t have = 0;
    while (have < wanted) {  // Bounded: each turn reads at least one byte or ends.
        SLUICE_CO_TRY(const std::size_t n, co_await kernel.read_at(file, have, block.span().subspan(have)));
        if (n == 0) {
            break;
        }
        have += n;
    }
    Result<SegmentHeader> header = parse_segment_header(ByteView(block.data(), have));
    if (!header) {
        co_return std::unexpected(std::move(header).error().during("'{}'", name));
    }
    const SegmentInfo info{*header, stat.size};
    co_return OpenedSegment(std::move(file), info);
}

}  // namespace sluice::store
