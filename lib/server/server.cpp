#include "server/server.h"

#include "coro/timeout.h"

namespace sluice::server {
namespace {
// After a failed accept (no file descriptors left, say): long enough not to spin, short enough to recover soon.
constexpr Duration kAcceptRetryDelay = std::chrono::milliseconds(100);
// Of all queries together, so that the pool has threads left for files.
constexpr std::size_t kQueryJobsMax = 2;
}  // namespace

Server::Server(io::Kernel& kernel, coro::Pool& pool, LogPipeline& log, files::Files& files, int store_directory,
               ServerOptions options, ServerEvents& events)
    : shared_{.kernel = kernel,
              .log = log,
              .files = files,
              .store_directory = store_directory,
              .workers = coro::Offload(pool, kernel.loop(), kQueryJobsMax),
              .limits = options.session,
              .counters = {},
              .queries_running = 0,
              .version = {},
              .status = {}},
      options_(std::move(options)),
      events_(events) {}

void Server::set_options(ServerOptions options) {
    shared_.limits = options.session;
    options_ = std::move(options);
}

Task<> Server::serve(const io::Handle& listener) {
    coro::Context& context = co_await coro::this_context();
    coro::Scope sessions(*context.loop, context.cancel);
    co_await accept_all(sessions, listener);
    sessions.cancel();
    co_await sessions.join();
}

Task<> Server::accept_all(coro::Scope& sessions, const io::Handle& listener) {
    for (;;) {
        Result<io::Handle> socket = co_await shared_.kernel.accept(listener);
        if (!socket) {
            if (socket.error().code() == Errc::cancelled) {
                co_return;
            }
            events_.on_accept_failed(socket.error());
            const Result<> slept = co_await coro::sleep_for(kAcceptRetryDelay);
            if (!slept) {
                co_return;
            }
            continue;
        }
        Peer peer{.session = ++last_session_, .credentials = {}};
        const Result<io::PeerCredentials> credentials = shared_.kernel.peer_credentials(*socket);
        if (!credentials) {
            events_.on_refused(peer, credentials.error());
            continue;
        }
        peer.credentials = *credentials;
        if (Result<> admitted = admit(peer); !admitted) {
            ++shared_.counters.connections_refused;
            events_.on_refused(peer, admitted.error());
            sessions.spawn("refuse", &Server::turn_away, this, std::move(*socket), std::move(admitted).error());
            continue;
        }
        ++shared_.counters.connections;
        ++sessions_;
        ++sessions_by_uid_[peer.credentials.uid];
        sessions.spawn("session", &Server::run_session, this, std::move(*socket), peer);
    }
}

Result<> Server::admit(const Peer& peer) const {
    const uid_t uid = peer.credentials.uid;
    if (options_.admits && !options_.admits(peer.credentials)) {
        return fail(Errc::permission_denied,
                    "uid {} may not connect; see listen.allowed_users and listen.allowed_groups", uid);
    }
    if (sessions_ >= options_.connections_max) {
        return fail(Errc::limit_exceeded, "{} connections are open, limits.connections_max", sessions_);
    }
    const auto mine = sessions_by_uid_.find(uid);
    if (mine != sessions_by_uid_.end() && mine->second >= options_.connections_per_uid_max) {
        return fail(Errc::limit_exceeded, "uid {} has {} connections open, limits.connections_per_uid_max", uid,
                    mine->second);
    }
    return {};
}

Task<> Server::run_session(io::Handle socket, Peer peer) {
    events_.on_connected(peer);
    auto session = std::make_unique<Session>(shared_, std::move(socket), peer);
    const Result<> outcome = co_await session->run();
    session.reset();
    --sessions_;
    const auto mine = sessions_by_uid_.find(peer.credentials.uid);
    if (--mine->second == 0) {
        sessions_by_uid_.erase(mine);
    }
    events_.on_disconnected(peer, outcome ? nullptr : &outcome.error());
}

// Tells a client why it is not served; one short send, which an empty socket buffer takes.
Task<> Server::turn_away(io::Handle socket, Error why) {
    Bytes frame;
    wire::append_frame(frame, 0, wire::ErrorReply::of(why));
    (void)co_await shared_.kernel.send(socket, frame);
    (void)co_await shared_.kernel.close(std::move(socket));
}

}  // namespace sluice::server
