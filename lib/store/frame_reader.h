// Reads the frames of one segment in order, and finds its way around what is not a frame.
// Threads: those of its kernel.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "base/aligned_buffer.h"
#include "io/kernel.h"
#include "store/catalog.h"

namespace sluice::store {

class FrameReader {
 public:
    // A gap: no frame of this segment's life starts at `offset`, but one does at offset + bytes.
    struct Hole {
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
    };
    // No frame from `offset` to the end of the segment.
    struct End {
        std::uint64_t offset = 0;
        bool torn = false;  // The start of a frame that fails its checksum is there.
    };
    using Item = std::variant<FrameView, Hole, End>;

    // Borrows `kernel` and `file` (which may be open with O_DIRECT).  `search`: whether to look for a later frame
    // behind a gap, which reads the rest of the segment, or to report End at once.
    FrameReader(io::Kernel& kernel, const io::Handle& file, const SegmentHeader& header, std::uint64_t file_bytes,
                bool search);

    // A FrameView points into the reader's buffer, valid until the next call.
    Task<Result<Item>> next();
    // Where the next frame is expected, in bytes from the start of the file.
    std::uint64_t offset() const noexcept { return offset_; }
    // Continues elsewhere; a multiple of the block size.
    void seek(std::uint64_t offset) noexcept { offset_ = offset; }
    // Forgets what it has read ahead: the segment has grown since.
    void refresh() noexcept { buffer_start_ = buffer_end_ = 0; }

 private:
    // Makes [offset_, offset_ + bytes) available, or less at the end of the file.
    Task<Result<ByteView>> window(std::size_t bytes);
    Task<Result<Item>> resync(std::uint64_t from, bool torn);

    io::Kernel& kernel_;
    const io::Handle& file_;
    SegmentHeader header_;
    std::uint64_t file_bytes_;
    bool search_;
    std::uint64_t offset_ = kHeaderBlock;
    std::unique_ptr<AlignedBuffer> buffer_;
    std::uint64_t buffer_start_ = 0;
    std::uint64_t buffer_end_ = 0;
};

// Opens `name` beneath `directory` and reads its header.
struct OpenedSegment {
    io::Handle file;
    SegmentInfo info;
};
Task<Result<OpenedSegment>> open_segment(io::Kernel& kernel, int directory, const std::string& name, bool direct);

}  // namespace sluice::store
