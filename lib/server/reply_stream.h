// A reply of many frames: each is sent when the client has credit left for the stream, the connection and its user have
// room for it, and the turn has time for it.
// Threads: the service loop's.
#pragma once

#include "coro/sync.h"
#include "coro/turn_share.h"
#include "server/output.h"

namespace sluice::server {

// What one frame of a reply holds: enough to be cheap, small enough to be prompt.
inline constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;

class ReplyStream {
 public:
    // Borrows both until destroyed.  `credit`: bytes the client is ready for.  A frame goes out while any is left, so
    // the last one may overdraw it.
    ReplyStream(Output& output, coro::TurnShare& turns, std::uint64_t id, std::uint32_t credit) noexcept
        : output_(output), turns_(turns), id_(id), credit_(credit) {}

    std::uint64_t id() const noexcept { return id_; }
    void add_credit(std::uint32_t bytes) {
        credit_ += bytes;
        if (credit_ > 0) {
            more_.set();
        }
    }
    // Before each frame is made: room for `bytes` of it.
    Task<Result<Charge>> ready(std::size_t bytes) {
        while (credit_ <= 0) {
            more_.reset();
            SLUICE_CO_CHECK(co_await more_.wait());
        }
        SLUICE_CO_TRY(Charge charge, co_await output_.reserve(bytes));
        SLUICE_CO_CHECK(co_await turns_.take(bytes));
        co_return std::move(charge);
    }
    // Without waiting; nothing: ready() would wait.
    std::optional<Charge> try_ready(std::size_t bytes) {
        return credit_ > 0 ? output_.try_reserve(bytes) : std::nullopt;
    }
    // Without waiting: could a small frame go out now?
    bool has_room() const noexcept { return credit_ > 0 && !output_.crowded(); }
    // An encoded frame, and the room for it.
    void send(ByteView frame, Charge charge) {
        credit_ -= static_cast<std::int64_t>(frame.size());
        output_.append(frame, std::move(charge));
    }
    // A message as a frame with MORE.
    template <class Message>
    void send_message(const Message& message, Charge charge) {
        credit_ -=
            static_cast<std::int64_t>(output_.reply(id_, message, {.flags = wire::kFrameMore}, std::move(charge)));
    }

 private:
    Output& output_;
    coro::TurnShare& turns_;
    std::uint64_t id_;
    std::int64_t credit_;
    coro::Event more_;
};

}  // namespace sluice::server
