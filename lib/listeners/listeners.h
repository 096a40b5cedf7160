// All listeners of a daemon.
// Threads: those of its loop.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "listeners/datagram_listener.h"
#include "listeners/events.h"
#include "listeners/stream_listener.h"

namespace sluice::listeners {

// Numbers for `status`; each only grows, but for those that say what is there now.
struct ListenerReport {
    std::string name;
    Protocol protocol = Protocol::journal;
    std::uint64_t messages = 0;             // Datagrams.
    std::uint64_t connections = 0;          // Accepted.
    std::uint64_t connections_open = 0;     // Now.
    std::uint64_t connections_waiting = 0;  // Now: accepted, and not read before another of their user ends.
    std::uint64_t connections_refused = 0;
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    std::uint64_t files_refused = 0;
    std::uint64_t records = 0;          // Taken by the queue.
    std::uint64_t records_lost = 0;     // Not taken.
    std::uint64_t losses_reported = 0;  // Of records_lost: told by a gap record.
    wire::IntakeCounts intake;
    std::uint64_t senders = 0;  // Remembered now.
    ProcessCounters processes;
};

class Listeners {
 public:
    // Borrows all until destroyed.  Names of senders are read on `pool`.  `aside`: how what can hang is run.  `keeper`:
    // null, connections end with this run of the daemon.
    Listeners(io::Kernel& kernel, coro::Pool& pool, ProcessSource& processes, ingest::Ingest& ingest,
              ListenerEvents& events, coro::Aside::Options aside, ConnectionKeeper* keeper);
    Listeners(const Listeners&) = delete;
    Listeners& operator=(const Listeners&) = delete;
    ~Listeners();

    // Before serve().  `socket`: of the kind that the protocol needs.
    void add(ListenerOptions options, io::Handle socket);
    // Goes on with a connection that the keeper kept for an earlier run; behind add(), before serve().  Errors, which
    // leave it forgotten and closed: not_found, no listener of its name and protocol; those of
    // StreamDecoder::restore().
    Result<> adopt(KeptConnection kept);
    // Until drain() or cancelled.
    Task<> serve();
    // Takes what is in the sockets, and ends; success when all of it is in the queue and all losses are told.
    // Connections that can be kept stay open.
    Task<Result<>> drain();

    // Policy, limits and stream pattern of the listener of that name, for messages from now on.
    void set_options(const ListenerOptions& options);
    std::size_t size() const noexcept { return all_.size(); }
    std::vector<ListenerReport> report() const;

 private:
    struct One;
    Task<> serve_one(One* one);

    coro::Aside command_lines_;
    coro::Aside files_;
    ListenerContext context_;
    std::vector<std::unique_ptr<One>> all_;
    std::size_t running_ = 0;
    coro::Event ended_;
};

}  // namespace sluice::listeners
