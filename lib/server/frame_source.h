// The receiving end of a connection: cuts what arrives into frames.  Small requests are received into buffers that all
// connections share; the rest of a large frame goes straight into a buffer of its own, which is charged to the client
// before it is allocated.
// Threads: the service loop's.
#pragma once

#include <optional>

#include "io/kernel.h"
#include "server/room.h"
#include "wire/frame.h"

namespace sluice::server {

class FrameSource {
 public:
    // Borrows all until destroyed.  `stall_timeout`: of a large frame that has begun, something must come so often.
    FrameSource(io::Kernel& kernel, const io::Handle& socket, Room& room, std::uint32_t frame_bytes_max,
                Duration stall_timeout) noexcept
        : kernel_(kernel), socket_(socket), room_(room), splitter_(frame_bytes_max), stall_timeout_(stall_timeout) {}

    // The next whole frame; nothing at the end of the stream.  Valid until the next call, and across a suspension only
    // after hold().  Errors: those of the receive, malformed and too_large of the framing, closed of a frame that does
    // not go on, limit_exceeded of one that finds no room; all are final.
    Task<Result<std::optional<wire::FrameView>>> next();

    // Before suspending with `frame`, the last one returned: gives the shared buffer back, and returns where the frame
    // is now.
    wire::FrameView hold(const wire::FrameView& frame);
    // Before suspending while frames may be left: gives the shared buffer back.
    void park();
    // Takes ownership of the buffer that holds the last frame, if it has one of its own; the charge goes with it.
    std::unique_ptr<std::byte[]> take_buffer() noexcept { return splitter_.take_buffer(); }
    Charge take_charge() noexcept { return std::move(charge_); }

 private:
    Task<Result<std::size_t>> receive(std::span<std::byte> into);
    io::Kernel& kernel_;
    const io::Handle& socket_;
    Room& room_;
    wire::FrameSplitter splitter_;
    Duration stall_timeout_;
    Charge charge_;  // For the buffer of the splitter.
    std::optional<io::PooledBuffer> pooled_;
    Bytes held_;  // What was in `pooled_` when it was given back.
};

}  // namespace sluice::server
