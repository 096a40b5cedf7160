#include "server/frame_source.h"

namespace sluice::server {
namespace {
// Below this the rest of a cut frame is cheaper received along with what follows it.
constexpr std::size_t kDirectBytesMin = 16 * 1024;
}  // namespace

Task<Result<std::optional<wire::FrameView>>> FrameSource::next() {
    for (;;) {  // Bounded: each turn returns a frame or receives at least one byte.
        SLUICE_CO_TRY(std::optional<wire::FrameView> frame, splitter_.next());
        if (frame) {
            co_return frame;
        }
        pooled_.reset();
        held_ = Bytes();
        const std::span<std::byte> direct = splitter_.direct_space();
        if (direct.size() >= kDirectBytesMin) {
            SLUICE_CO_TRY(const std::size_t n, co_await kernel_.recv(socket_, direct));
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
