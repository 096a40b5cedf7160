// A client's end of a connection, on a kernel of the simulated machine that does not crash.
#pragma once

#include <optional>

#include "io/sim_kernel.h"
#include "wire/messages.h"

namespace sluice::sim {

class Connection {
 public:
    explicit Connection(io::SimKernel& kernel) : kernel_(kernel), into_(8192) {}

    // Connects and says HELLO.
    Task<Result<>> open();
    // The life of the daemon at the other end, as it tells its version.
    unsigned life() const noexcept { return life_; }
    const wire::StoreId& store() const noexcept { return store_; }
    std::uint32_t epoch() const noexcept { return epoch_; }

    // All of `frame`; one sender at a time.
    Task<Result<>> send(ByteView frame);
    // The next frame; Errc::closed at the end.  Valid until the next call.
    Task<Result<wire::FrameView>> next();
    // Ends it at once, in both directions.
    Task<Result<>> cut();

    template <class Message>
    static Result<Message> decode(const wire::FrameView& frame) {
        if (frame.header.type == wire::MessageType::error) {
            SLUICE_TRY(const wire::ErrorReply error, wire::ErrorReply::decode(frame.payload));
            return std::unexpected(error.to_error());
        }
        if (frame.header.type != Message::kType) {
            return fail(Errc::malformed, "a reply of type {:#x}", static_cast<unsigned>(frame.header.type));
        }
        return Message::decode(frame.payload);
    }

 private:
    io::SimKernel& kernel_;
    io::Handle socket_;
    wire::FrameSplitter splitter_;
    std::vector<std::byte> into_;
    unsigned life_ = 0;
    wire::StoreId store_{};
    std::uint32_t epoch_ = 0;
};

}  // namespace sluice::sim
