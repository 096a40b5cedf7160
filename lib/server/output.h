// The sending end of a connection: replies are appended, and whatever has gathered goes out with one send.
// Threads: the service loop's.
#pragma once

#include "coro/sync.h"
#include "io/kernel.h"
#include "wire/frame.h"

namespace sluice::server {

class Output {
 public:
    struct Options {
        std::size_t bytes_max = 4U << 20U;  // Waiting to be sent; beyond it nothing more is read or streamed.
        Duration stall_timeout = std::chrono::seconds(30);  // A client that reads nothing for so long is closed.
    };
    // Borrows both until destroyed.
    Output(io::Kernel& kernel, const io::Handle& socket, Options options) noexcept
        : kernel_(kernel), socket_(socket), options_(options) {}

    template <class Message>
    void reply(std::uint64_t id, const Message& message, wire::FrameOptions options = {}) {
        wire::append_frame(pending_, id, message, options);
        wake();
    }
    // For frames that are built in place: append to it, then wake().
    Bytes& pending() noexcept { return pending_; }
    void wake() {
        if (!pending_.empty()) {
            work_.set();
        }
    }
    std::size_t waiting_bytes() const noexcept { return pending_.size() + sending_.size(); }
    bool crowded() const noexcept { return waiting_bytes() > options_.bytes_max / 2; }
    // co_await output.room(): until it is not crowded.  Fails if the connection is lost.
    Task<Result<>> room();

    // Sends until cancelled, or after finish() until nothing is left.  The error is that of the connection.
    Task<Result<>> run();
    void finish() {
        finishing_ = true;
        work_.set();
    }

 private:
    Task<Result<>> send_all();
    io::Kernel& kernel_;
    const io::Handle& socket_;
    Options options_;
    Bytes pending_;
    Bytes sending_;
    bool finishing_ = false;
    bool lost_ = false;
    coro::Event work_;
    coro::Event drained_;
};

}  // namespace sluice::server
