#include "server/frame_source.h"

#include "coro/timeout.h"

namespace sluice::server {
namespace {
// Below this the rest of a cut frame is cheaper received along with what follows it.
constexpr std::size_t kDirectBytesMin = 16 * 1024;

Task<Result<std::size_t>> receive_some(io::Kernel& kernel, const io::Handle& socket, std::span<std::byte> into) {
    co_return co_await kernel.recv(socket, into);
}

}  // namespace

Task<Result<std::optional<wire::FrameView>>> FrameSource::next() {
    for (;;) {  // Bounded: each turn returns a frame or receives at least one byte.
        splitter_.discard_returned();
        if (splitter_.buffered_bytes() == 0) {
            charge_.release();
        }
        if (const std::size_t bytes = splitter_.bytes_to_allocate(); bytes != 0) {
            if (std::optional<Charge> charge = room_.try_acquire(bytes)) {
                charge_ = std::move(*charge);
            } else {
                park();
                SLUICE_CO_TRY(charge_, co_await room_for_request(room_, bytes, stall_timeout_));
            }
        }
        SLUICE_CO_TRY(std::optional<wire::FrameView> frame, splitter_.next());
        if (frame) {
            co_return frame;
        }
        pooled_.reset();
        held_ = Bytes();
        const std::span<std::byte> direct = splitter_.direct_space();
        if (direct.size() >= kDirectBytesMin) {
            SLUICE_CO_TRY(const std::size_t n, co_await receive(direct));
            if (n == 0) {
                co_return std::nullopt;
            }
            splitter_.commit(n);
            continue;
        }
        SLUICE_CO_TRY(io::PooledBuffer received, co_await kernel_.recv_pooled(socket_));
        if (received.bytes().empty()) {
            co_return std::nullopt;
        }
        pooled_.emplace(std::move(received));
        splitter_.feed(pooled_->bytes());
    }
}

// The rest of a large frame.
Task<Result<std::size_t>> FrameSource::receive(std::span<std::byte> into) {
    Result<std::size_t> n = co_await coro::with_timeout(stall_timeout_, receive_some(kernel_, socket_, into));
    if (!n && n.error().code() == Errc::deadline_exceeded) {
        co_return fail(Errc::closed, "a frame is incomplete: {} bytes are missing, and none came for {} s", into.size(),
                       whole_seconds(stall_timeout_));
    }
    co_return n;
}

void FrameSource::park() {
    if (pooled_) {
        const ByteView unread = splitter_.unread();
        held_.assign(unread.begin(), unread.end());
        splitter_.move_unread(held_);
        pooled_.reset();
    }
}

wire::FrameView FrameSource::hold(const wire::FrameView& frame) {
    if (!pooled_) {
        return frame;
    }
    const ByteView shared = pooled_->bytes();
    held_.assign(shared.begin(), shared.end());
    const ByteView unread = splitter_.unread();
    splitter_.move_unread(ByteView(held_).last(unread.size()));
    wire::FrameView here = frame;
    const auto offset = frame.payload.data() - shared.data();
    if (offset >= 0 && static_cast<std::size_t>(offset) <= shared.size()) {
        here.payload = ByteView(held_).subspan(static_cast<std::size_t>(offset), frame.payload.size());
    }
    pooled_.reset();
    return here;
}

}  // namespace sluice::server
