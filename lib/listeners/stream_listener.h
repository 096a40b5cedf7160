// A socket that takes connections: syslog over a stream, journald's stdout streams, JSON lines.
// What is read is attributed to the process that wrote it, also where several share one connection.
// Threads: those of its loop.
#pragma once

#include <map>
#include <memory>

#include "coro/cancel.h"
#include "coro/scope.h"
#include "listeners/context.h"
#include "listeners/feed.h"
#include "listeners/losses.h"
#include "listeners/options.h"
#include "listeners/process_table.h"
#include "listeners/sender_namer.h"
#include "wire/json.h"

namespace sluice::listeners {

struct StreamCounters {
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t bytes = 0;
};

class StreamListener {
 public:
    // Borrows all until destroyed; `options` may change its policy and limits meanwhile.
    StreamListener(const ListenerContext& context, const ListenerOptions& options);

    // Accepts until stop() or cancelled; after stop() what has arrived is taken still.  Takes the socket over.
    Task<Result<>> run(io::Handle socket);
    void stop();
    // To be called when `options` have changed.
    void options_changed() { json_ = wire::JsonReader(options_.limits); }

    std::size_t connections() const noexcept { return connections_; }
    const StreamCounters& counters() const noexcept { return counters_; }
    const FeedCounters& fed() const noexcept { return fed_; }
    const Losses& losses() const noexcept { return losses_; }
    const ProcessTable& processes() const noexcept { return table_; }

 private:
    class Connection;
    static constexpr std::size_t kReadBytes = 64 * 1024;

    Task<Result<>> accept_all(coro::Scope& connections);
    Task<Result<io::Handle>> accept_one();
    void take_connection(coro::Scope& connections, io::Handle socket);
    Task<> serve(io::Handle socket, io::PeerCredentials peer);
    bool admits(uid_t uid) const;
    std::unique_ptr<wire::StreamDecoder> make_decoder();

    ListenerContext context_;
    const ListenerOptions& options_;
    io::Handle socket_;
    ProcessTable table_;
    Losses losses_;
    FeedCounters fed_;
    StreamCounters counters_;
    wire::JsonReader json_;
    std::unique_ptr<std::byte[]> buffer_;  // Of the connection that reads just now.
    std::size_t connections_ = 0;
    std::map<uid_t, std::uint32_t> connections_by_uid_;
    coro::CancelNode* receiving_ = nullptr;
    bool stopping_ = false;
};

}  // namespace sluice::listeners
