#include "sim/connection.h"

#include <charconv>

#include "sim/test_daemon.h"

namespace sluice::sim {

Task<Result<>> Connection::open() {
    SLUICE_CO_TRY(socket_, kernel_.connect_unix(kSocketPath));
    Bytes hello;
    wire::HelloRequest request;
    request.client_name = "scenario";
    wire::append_frame(hello, 1, request);
    SLUICE_CO_CHECK(co_await send(hello));
    SLUICE_CO_TRY(const wire::FrameView frame, co_await next());
    SLUICE_CO_TRY(const wire::HelloReply reply, decode<wire::HelloReply>(frame));
    const std::string_view version = reply.server_version;
    std::from_chars(version.data(), version.data() + version.size(), life_);
    store_ = reply.store;
    epoch_ = reply.epoch;
    co_return Result<>{};
}

Task<Result<>> Connection::send(ByteView frame) {
    while (!frame.empty()) {  // Bounded: each turn sends at least one byte or fails.
        SLUICE_CO_TRY(const std::size_t n, co_await kernel_.send(socket_, frame));
        frame = frame.subspan(n);
    }
    co_return Result<>{};
}

Task<Result<wire::FrameView>> Connection::next() {
    for (;;) {
        SLUICE_CO_TRY(const std::optional<wire::FrameView> frame, splitter_.next());
        if (frame) {
            co_return *frame;
        }
        const std::span<std::byte> space(into_);
        SLUICE_CO_TRY(const std::size_t n, co_await kernel_.recv(socket_, space));
        if (n == 0) {
            co_return fail(Errc::closed, "the daemon closed the connection");
        }
        splitter_.feed(ByteView(into_.data(), n));
    }
}

Task<Result<>> Connection::cut() {
    co_return co_await kernel_.shutdown(socket_);
}

}  // namespace sluice::sim
