#include "listeners/stream_listener.h"

#include "coro/timeout.h"
#include "listeners/stream_connection.h"
#include "wire/json_lines.h"
#include "wire/syslog_stream.h"

namespace sluice::listeners {
namespace {

// After a failed accept (no file descriptors left, say): long enough not to spin, short enough to recover soon.
constexpr Duration kAcceptRetryDelay = std::chrono::milliseconds(100);

}  // namespace

StreamListener::StreamListener(io::Kernel& kernel, coro::Pool& pool, ProcessSource& processes, ingest::Ingest& ingest,
                               const ListenerOptions& options, ListenerEvents& events)
    : kernel_(kernel),
      ingest_(ingest),
      options_(options),
      events_(events),
      table_(kernel.loop(), pool, processes, {.transport = protocol_name(options.protocol)}),
      losses_(ingest, options_.name),
      json_(options.limits),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kReadBytes)) {}

std::unique_ptr<wire::StreamDecoder> StreamListener::make_decoder() {
    if (options_.protocol == Protocol::json) {
        return std::make_unique<wire::JsonLinesDecoder>(json_);
    }
    return std::make_unique<wire::SyslogStreamDecoder>();
}

Task<Result<>> StreamListener::run(io::Handle socket) {
    socket_ = std::move(socket);
    SLUICE_CO_CHECK(kernel_.receive_senders(socket_, io::PassedFiles::refused));  // Connections inherit it.
    coro::Context& context = co_await coro::this_context();
    coro::Scope reporting(*context.loop, context.cancel);
    reporting.spawn("report losses", &Losses::run, &losses_);
    coro::Scope connections(*context.loop, context.cancel);
    coro::CancelNode receiving(context.cancel);
    receiving_ = &receiving;
    Result<> outcome = co_await accept_all(connections);
    if (!outcome) {
        connections.cancel();
    }
    co_await connections.join();
    receiving_ = nullptr;
    reporting.cancel();
    co_await reporting.join();
    co_await table_.join();
    Result<> told = co_await losses_.report_all();
    socket_ = io::Handle();
    co_return outcome ? told : outcome;
}

void StreamListener::stop() {
    stopping_ = true;
    if (receiving_ != nullptr) {
        receiving_->cancel();
    }
}

bool StreamListener::admits(uid_t uid) const {
    const auto mine = connections_by_uid_.find(uid);
    return connections_ < options_.connections_max &&
           (mine == connections_by_uid_.end() || mine->second < options_.connections_per_uid_max);
}

Task<Result<>> StreamListener::accept_all(coro::Scope& connections) {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode* const outer = context.cancel;
    while (!stopping_) {
        context.cancel = receiving_;
        Result<io::Handle> socket = co_await kernel_.accept(socket_);
        context.cancel = outer;
        if (!socket) {
            if (stopping_) {
                break;
            }
            if (socket.error().code() == Errc::cancelled) {
                co_return std::unexpected(std::move(socket).error());
            }
            events_.on_accept_failed(options_.name, socket.error());
            SLUICE_CO_CHECK(co_await coro::sleep_for(kAcceptRetryDelay));
            continue;
        }
        const Result<io::PeerCredentials> peer = kernel_.peer_credentials(*socket);
        if (!peer || !admits(peer->uid)) {
            ++counters_.connections_refused;
            events_.on_connection_refused(options_.name, peer.value_or(io::PeerCredentials{}));
            continue;
        }
        connections.spawn("connection", &StreamListener::serve, this, std::move(*socket), *peer);
    }
    co_return Result<>{};
}

Task<> StreamListener::serve(io::Handle socket, io::PeerCredentials peer) {
    ++counters_.connections;
    ++connections_;
    ++connections_by_uid_[peer.uid];
    auto connection = std::make_unique<Connection>(*this, std::move(socket), peer);
    (void)co_await connection->run();  // However it ended, what came is in the queue or told as lost.
    connection.reset();
    --connections_;
    const auto mine = connections_by_uid_.find(peer.uid);
    if (--mine->second == 0) {
        connections_by_uid_.erase(mine);
    }
}

}  // namespace sluice::listeners
