// The sending end of a connection: replies are appended, and whatever has gathered goes out with one send.  What is
// large is charged to the client before it is made, and until it is sent.
// Threads: the service loop's.
#pragma once

#include "coro/sync.h"
#include "io/kernel.h"
#include "server/room.h"
#include "wire/frame.h"

namespace sluice::server {

class Output {
 public:
    struct Options {
        std::size_t bytes_max = 4U << 20U;                  // Of large replies, from reserve() until they are sent.
        Duration stall_timeout = std::chrono::seconds(30);  // A client that reads nothing for so long is closed.
    };
    // Borrows all until destroyed.
    Output(io::Kernel& kernel, const io::Handle& socket, UserRoom& user, Options options) noexcept
        : kernel_(kernel), socket_(socket), options_(options), room_(options.bytes_max, user) {}

    // Room for a reply of `bytes` that is yet to be made, with its frame header.
    Task<Result<Charge>> reserve(std::size_t bytes) { return room_.acquire(bytes); }
    std::optional<Charge> try_reserve(std::size_t bytes) { return room_.try_acquire(bytes); }

    // Small replies need no charge: they are as many as there are requests.  Returns the bytes of the frame.
    template <class Message>
    std::size_t reply(std::uint64_t id, const Message& message, wire::FrameOptions options = {}, Charge charge = {}) {
        const std::size_t before = pending_.size();
        wire::append_frame(pending_, id, message, options);
        pending_charge_.merge(std::move(charge));
        work_.set();
        return pending_.size() - before;
    }
    // An encoded frame.
    void append(ByteView frame, Charge charge) {
        pending_.insert(pending_.end(), frame.begin(), frame.end());
        pending_charge_.merge(std::move(charge));
        work_.set();
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
    Room room_;
    Bytes pending_;
    Bytes sending_;
    Charge pending_charge_;
    Charge sending_charge_;
    bool finishing_ = false;
    bool lost_ = false;
    coro::Event work_;
    coro::Event drained_;
};

}  // namespace sluice::server
