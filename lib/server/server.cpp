#include "server/server.h"

#include <algorithm>

#include "base/shared_limit.h"
#include "coro/timeout.h"

namespace sluice::server {
namespace {
// After a failed accept (no file descriptors left, say): long enough not to spin, short enough to recover soon.
constexpr Duration kAcceptRetryDelay = std::chrono::milliseconds(100);
// Of all queries together, so that the pool has threads left for files.
constexpr std::size_t kQueryJobsMax = 2;
// Of the last eighth of the connections, see SharedLimit.
constexpr std::uint64_t kFewConnections = 8;
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
              .turns = coro::TurnShare(kernel.loop(), Shared::kTurnBytes),
              .request_room = CommonRoom(options.session.clients_bytes_max),
              .reply_room = CommonRoom(options.session.clients_bytes_max),
              .query_slots = QuerySlots(kernel.clock(), options.session.query),
              .query_memory = query::CommonBudget(options.session.query.memory_bytes_total),
              .version = {},
              .status = {}},
      options_(std::move(options)),
      events_(events) {}

void Server::set_options(ServerOptions options) {
    shared_.limits = options.session;
    shared_.request_room.set_bytes_max(options.session.clients_bytes_max);
    shared_.reply_room.set_bytes_max(options.session.clients_bytes_max);
    shared_.query_slots.set_limits(options.session.query);
    shared_.query_memory.set_bytes_max(options.session.query.memory_bytes_total);
    options_ = std::move(options);
    for (const auto& [number, session] : sessions_) {
        if (Result<> access = check_access(session->peer()); !access) {
            session->end(std::move(access).error());
        }
    }
}

Task<> Server::serve(const io::Handle& listener) {
    coro::Context& context = co_await coro::this_context();
    coro::Scope sessions(*context.loop, nullptr);  // Not cancelled from outside: each session is told why it ends.
    coro::CancelNode* const outer = context.cancel;
    coro::CancelNode accepting(outer);
    accepting_ = &accepting;
    context.cancel = &accepting;
    co_await accept_all(sessions, listener);
    accepting_ = nullptr;
    context.cancel = outer;
    (void)co_await all_left();
    for (const auto& [number, session] : sessions_) {
        session->end(Error(Errc::shutting_down, "the daemon is stopping"));
    }
    sessions.cancel();
    co_await sessions.join();
}

void Server::stop_accepting() noexcept {
    draining_ = true;
    if (accepting_ != nullptr) {
        accepting_->cancel();
    }
}

Task<Result<>> Server::drain() {
    stop_accepting();
    for (const auto& [number, session] : sessions_) {
        session->drain();
    }
    co_return co_await all_left();
}

Task<> Server::hang_up() {
    std::uint64_t last = 0;
    for (auto next = sessions_.upper_bound(last); next != sessions_.end(); next = sessions_.upper_bound(last)) {
        last = next->first;
        co_await next->second->hang_up();
    }
}

Task<Result<>> Server::all_left() {
    while (!sessions_.empty()) {
        left_.reset();
        SLUICE_CO_CHECK(co_await left_.wait());
    }
    co_return Result<>{};
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
        Result<std::vector<gid_t>> groups = shared_.kernel.peer_groups(*socket);
        if (!groups) {
            events_.on_refused(peer, groups.error());
            continue;
        }
        peer.groups = *std::move(groups);
        if (Result<> admitted = admit(peer); !admitted) {
            ++shared_.counters.connections_refused;
            events_.on_refused(peer, admitted.error());
            sessions.spawn("refuse", &Server::turn_away, this, std::move(*socket), std::move(admitted).error());
            continue;
        }
        ++shared_.counters.connections;
        const auto user = users_.try_emplace(peer.credentials.uid, shared_.limits, peer.credentials.uid,
                                             shared_.request_room, shared_.reply_room, shared_.query_memory);
        ++user.first->second.connections;
        sessions.spawn("session", &Server::run_session, this, std::move(*socket), peer);
    }
}

Result<> Server::check_access(const Peer& peer) const {
    if (options_.admits && !options_.admits(peer)) {
        return fail(Errc::permission_denied,
                    "uid {} may not connect; see listen.allowed_users and listen.allowed_groups", peer.credentials.uid);
    }
    return {};
}

Result<> Server::admit(const Peer& peer) const {
    const uid_t uid = peer.credentials.uid;
    SLUICE_CHECK(check_access(peer));
    if (sessions_.size() >= options_.connections_max) {
        return fail(Errc::limit_exceeded, "{} connections are open, limits.connections_max", sessions_.size());
    }
    const auto user = users_.find(uid);
    const std::uint32_t mine = user == users_.end() ? 0 : user->second.connections;
    if (mine >= options_.connections_per_uid_max) {
        return fail(Errc::limit_exceeded, "uid {} has {} connections open, limits.connections_per_uid_max", uid, mine);
    }
    const SharedLimit limit{.total = options_.connections_max, .few = kFewConnections};
    if (!limit.admits(sessions_.size(), mine)) {
        return fail(
            Errc::limit_exceeded,
            "{} connections are open, {} of them of uid {}: the last {} of limits.connections_max are for users "
            "with fewer than {}",
            sessions_.size(), mine, uid, limit.reserved(), limit.few);
    }
    return {};
}

Server::HeldBytes Server::held_bytes() const noexcept {
    return {.requests = shared_.request_room.held_bytes(),
            .replies = shared_.reply_room.held_bytes(),
            .queries = shared_.query_memory.used_bytes()};
}

std::vector<const Session*> Server::busiest(std::size_t most) const {
    std::vector<const Session*> all;
    all.reserve(sessions_.size());
    for (const auto& [number, session] : sessions_) {
        all.push_back(session);
    }
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
    std::ranges::partial_sort(all, end, std::greater(), &Session::requests);
    all.erase(end, all.end());
    return all;
}

std::vector<std::pair<uid_t, std::uint32_t>> Server::connections_by_uid(std::size_t most) const {
    std::vector<std::pair<uid_t, std::uint32_t>> all;
    for (const auto& [uid, user] : users_) {
        all.emplace_back(uid, user.connections);
    }
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
    std::ranges::partial_sort(all, end, std::greater(), &std::pair<uid_t, std::uint32_t>::second);
    all.erase(end, all.end());
    return all;
}

Task<> Server::run_session(io::Handle socket, Peer peer) {
    events_.on_connected(peer);
    const auto user = users_.find(peer.credentials.uid);
    auto session = std::make_unique<Session>(shared_, user->second, std::move(socket), peer);
    sessions_.emplace(peer.session, session.get());
    if (draining_) {  // Accepted at the last moment.
        session->drain();
    }
    const Result<> outcome = co_await session->run();
    sessions_.erase(peer.session);
    session.reset();
    left_.set();
    if (--user->second.connections == 0) {
        users_.erase(user);
    }
    events_.on_disconnected(peer, outcome ? nullptr : &outcome.error());
}

// Tells a client why it is not served; one short send, which an empty socket buffer takes.
Task<> Server::turn_away(io::Handle socket, Error why) {
    UserRoom nobody(0);
    Output output(shared_.kernel, socket, nobody, Output::Options());
    output.reply(0, wire::ErrorReply::of(why));
    output.finish();
    (void)co_await output.run();
    (void)co_await shared_.kernel.close(std::move(socket));
}

}  // namespace sluice::server
