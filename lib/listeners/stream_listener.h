// A socket that takes connections: syslog over a stream, journald's stdout streams, JSON lines.
// What is read is attributed to the process that wrote it, also where several share one connection.
// Threads: those of its loop.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "base/intrusive_list.h"
#include "coro/cancel.h"
#include "coro/scope.h"
#include "coro/sync.h"
#include "listeners/context.h"
#include "listeners/feed.h"
#include "listeners/keeper.h"
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
    ~StreamListener();

    // Goes on with a connection of an earlier run, whatever the limits are now.  Before run().  Errors: its state is
    // none of this protocol; it is then forgotten and closed.
    Result<> adopt(KeptConnection kept);
    // Accepts until stop() or cancelled; after stop() what has arrived is taken still, and connections that can be kept
    // are left to the next run.  Takes the socket over.
    Task<Result<>> run(io::Handle socket);
    void stop();
    // To be called when `options` have changed.
    void options_changed();

    std::size_t connections() const noexcept { return connections_; }
    // Accepted, and not read yet: those of users at their limit.
    std::size_t connections_waiting() const noexcept { return parked_.size(); }
    const StreamCounters& counters() const noexcept { return counters_; }
    const FeedCounters& fed() const noexcept { return fed_; }
    const Losses& losses() const noexcept { return losses_; }
    const ProcessTable& processes() const noexcept { return table_; }

 private:
    class Connection;
    struct UnkeptTag;
    static constexpr std::size_t kReadBytes = 64 * 1024;

    Task<Result<>> accept_all();
    Task<Result<>> accept_last();
    Task<Result<io::Handle>> accept_one();
    Task<Result<io::Handle>> accept_next();
    void take_connection(io::Handle socket);
    void admit_parked();
    void give_up_parked();
    void refuse(const io::PeerCredentials& peer, std::string_view reason);
    void tell_that_connections_wait();
    void tell_not_kept(std::size_t connections, const Error& why);
    Task<> keep_those_that_stay();
    void keep_all();
    void spawn(std::unique_ptr<Connection> connection);
    Task<> serve(std::unique_ptr<Connection> connection);
    bool is_full() const noexcept { return connections_ >= options_.connections_max; }
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
    struct Parked {
        io::Handle socket;
        io::PeerCredentials peer;
    };
    std::deque<Parked> parked_;  // Accepted, and not read until there is room for one more of that user.
    bool admitting_ = false;
    std::optional<MonotonicTime> told_of_waiting_;
    std::optional<MonotonicTime> told_not_kept_;
    std::vector<std::unique_ptr<Connection>> adopted_;  // Until run().
    IntrusiveList<Connection, UnkeptTag> unkept_;       // Those that a killed daemon would lose.
    coro::Event unkept_changed_;                        // One more may be kept now.
    coro::Event ended_;                                 // A connection; or the limits have changed.
    coro::Scope* serving_ = nullptr;
    coro::CancelNode* receiving_ = nullptr;
    bool stopping_ = false;
};

}  // namespace sluice::listeners
