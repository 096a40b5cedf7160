#include "listeners/stream_listener.h"

#include "coro/timeout.h"
#include "listeners/stream_connection.h"
#include "wire/json_lines.h"
#include "wire/syslog_stream.h"

namespace sluice::listeners {
namespace {

// After a failed accept (no file descriptors left, say): long enough not to spin, short enough to recover soon.
// At the end; what a socket can have waiting is net.core.somaxconn.
constexpr std::size_t kLastAcceptsMax = 4096;
constexpr Duration kLastAcceptPatience = std::chrono::milliseconds(5);

}  // namespace

StreamListener::StreamListener(const ListenerContext& context, const ListenerOptions& options)
    : context_(context),
      options_(options),
      table_(context.kernel.loop(), context.pool, context.command_lines, context.processes,
             {.transport = protocol_name(options.protocol)}),
      losses_(context.ingest, options.name),
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
    // Connections inherit it.
    if (Result<> asked = context_.kernel.receive_senders(socket_, io::PassedFiles::refused); !asked) {
        socket_ = io::Handle();  // Clients shall not wait for ever.
        co_return asked;
    }
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
    co_await table_.stop();
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

Task<Result<io::Handle>> StreamListener::accept_one() {
    co_return co_await context_.kernel.accept(socket_);
}

Task<Result<>> StreamListener::accept_all(coro::Scope& connections) {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode* const outer = context.cancel;
    while (!stopping_) {
        context.cancel = receiving_;
        Result<io::Handle> socket = co_await context_.kernel.accept(socket_);
        context.cancel = outer;
        if (socket) {
            take_connection(connections, std::move(*socket));
        } else if (!stopping_) {
            if (socket.error().code() == Errc::cancelled) {
                co_return std::unexpected(std::move(socket).error());
            }
            context_.events.on_trouble(options_.name, socket.error());
            SLUICE_CO_CHECK(co_await coro::sleep_for(kRetryDelay));
        }
    }
    for (std::size_t i = 0; i < kLastAcceptsMax; ++i) {  // Those that wait to be accepted have sent already.
        Result<io::Handle> socket = co_await coro::with_timeout(kLastAcceptPatience, accept_one());
        if (!socket) {
            break;
        }
        take_connection(connections, std::move(*socket));
    }
    co_return Result<>{};
}

void StreamListener::take_connection(coro::Scope& connections, io::Handle socket) {
    const Result<io::PeerCredentials> peer = context_.kernel.peer_credentials(socket);
    if (peer && admits(peer->uid)) {
        connections.spawn("connection", &StreamListener::serve, this, std::move(socket), *peer);
        return;
    }
    ++counters_.connections_refused;
    context_.events.on_connection_refused(options_.name, peer.value_or(io::Message::kUnknown));
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
