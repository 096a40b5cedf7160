// Accepts connections and owns the sessions.
// Threads: the service loop's.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "coro/scope.h"
#include "server/session.h"
#include "server/shared.h"

namespace sluice::server {

struct ServerOptions {
    SessionLimits session;
    std::uint32_t connections_max = 1024;
    std::uint32_t connections_per_uid_max = 256;
    std::function<bool(const Peer&)> admits;  // Who may connect; empty: everyone who can.
};

class Server {
 public:
    // Borrows all but the options until destroyed.  Queries compute on `pool`.
    Server(io::Kernel& kernel, coro::Pool& pool, LogPipeline& log, files::Files& files, int store_directory,
           ServerOptions options, ServerEvents& events);

    // Accepts until cancelled; then ends the sessions, which refuse what they have not done, and awaits them.
    Task<> serve(const io::Handle& listener);
    // While serve() runs: accepts nobody more.
    void stop_accepting() noexcept;
    // The same, and lets the sessions finish the requests in flight.  Success: they have
    // ended.  If it is cancelled first, those that are left go on until serve() is cancelled.
    Task<Result<>> drain();

    // Ends all connections at once, whatever waits for an answer: for a daemon that leaves without one.
    Task<> hang_up();

    // The limits apply to connections and requests from now on.  Connections that `admits` does not take any more are
    // ended, with permission_denied.
    void set_options(ServerOptions options);
    const ServerCounters& counters() const noexcept { return shared_.counters; }
    std::size_t connections() const noexcept { return sessions_.size(); }
    std::uint32_t queries_running() const noexcept { return shared_.query_slots.running(); }
    // Memory held for clients, see SessionLimits and QueryLimits.
    struct HeldBytes {
        std::size_t requests = 0;
        std::size_t replies = 0;
        std::uint64_t queries = 0;
    };
    HeldBytes held_bytes() const noexcept;
    // At most `most` connections, those with most requests first.  Valid until the loop goes on.
    std::vector<const Session*> busiest(std::size_t most) const;
    // At most `most` users, those with most connections first, with their number.
    std::vector<std::pair<uid_t, std::uint32_t>> connections_by_uid(std::size_t most) const;
    void set_status(std::function<std::string()> status) { shared_.status = std::move(status); }
    void set_version(std::string version) { shared_.version = std::move(version); }

 private:
    Task<Result<>> all_left();
    Task<> accept_all(coro::Scope& sessions, const io::Handle& listener);
    Task<> run_session(io::Handle socket, Peer peer);
    Task<> turn_away(io::Handle socket, Error why);
    Result<> admit(const Peer& peer) const;
    Result<> check_access(const Peer& peer) const;

    Shared shared_;
    ServerOptions options_;
    ServerEvents& events_;
    std::map<std::uint64_t, Session*> sessions_;  // By number.
    coro::Event left_;                            // One of them did.
    coro::CancelNode* accepting_ = nullptr;       // While serve() accepts.
    bool draining_ = false;
    std::map<uid_t, User> users_;  // Those who have connections.
    std::uint64_t last_session_ = 0;
};

}  // namespace sluice::server
