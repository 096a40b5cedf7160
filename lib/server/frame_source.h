// The receiving end of a connection: cuts what arrives into frames.  Small requests are received into buffers that all
// connections share; the rest of a large frame goes straight into a buffer of its own.
// Threads: the service loop's.
#pragma once

#include <optional>

#include "io/kernel.h"
#include "wire/frame.h"

namespace sluice::server {

class FrameSource {
 public:
    // Borrows both until destroyed.
    FrameSource(io::Kernel& kernel, const io::Handle& socket, std::uint32_t frame_bytes_max) noexcept
        : kernel_(kernel), socket_(socket), splitter_(frame_bytes_max) {}

    // The next whole frame; nothing at the end of the stream.  Valid until the next call, and across a suspension only
    // after hold().  Errors: those of the receive, malformed and too_large of the framing, which are final.
    Task<Result<std::optional<wire::FrameView>>> next();

    // Before suspending with `frame`, the last one returned: gives the shared buffer back, and returns where the frame
    // is now.
    wire::FrameView hold(const wire::FrameView& frame);
    // Takes ownership of the buffer that holds the last frame, if it has one of its own.
    std::unique_ptr<std::byte[]> take_buffer() noexcept { return splitter_.take_buffer(); }

 private:
    io::Kernel& kernel_;
    const io::Handle& socket_;
    wire::FrameSplitter splitter_;
    std::optional<io::PooledBuffer> pooled_;
    Bytes held_;  // What was in `pooled_` when hold() was called.
};

}  // namespace sluice::server
