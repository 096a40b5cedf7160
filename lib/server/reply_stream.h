// A reply of many frames: each is sent when the client has credit left for the stream, and the connection has room.
// Threads: the service loop's.
#pragma once

#include "coro/sync.h"
#include "server/output.h"

namespace sluice::server {

// What one frame of a reply holds: enough to be cheap, small enough to be prompt.
inline constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;

class ReplyStream {
 public:
    // `credit`: bytes the client is ready for.  A frame goes out while any is left, so the last one may overdraw it.
    ReplyStream(Output& output, std::uint64_t id, std::uint32_t credit) noexcept
        : output_(output), id_(id), credit_(credit) {}

    std::uint64_t id() const noexcept { return id_; }
    Output& output() noexcept { return output_; }
    void add_credit(std::uint32_t bytes) {
        credit_ += bytes;
        if (credit_ > 0) {
            more_.set();
        }
    }
    // Before each frame.
    Task<Result<>> ready() {
        while (credit_ <= 0) {
            more_.reset();
            SLUICE_CO_CHECK(co_await more_.wait());
        }
        co_return co_await output_.room();
    }
    // Without waiting: could a frame go out now?
    bool has_room() const noexcept { return credit_ > 0 && !output_.crowded(); }
    // After a frame of `bytes` was appended to output().pending().
    void sent(std::size_t bytes) {
        credit_ -= static_cast<std::int64_t>(bytes);
        output_.wake();
    }

 private:
    Output& output_;
    std::uint64_t id_;
    std::int64_t credit_;
    coro::Event more_;
};

}  // namespace sluice::server
