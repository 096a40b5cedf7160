// Reads records from the daemon, past or as they come, and resumes by itself: after a lost connection the tail
// continues after the last record it has handed out, so that none is skipped and none repeated.
#pragma once

#include "client/connection.h"
#include "client/retry.h"

namespace sluice::client {

struct TailOptions {
    std::string socket_path;
    ConnectOptions connect;
    wire::TailRequest request;               // Its credit is filled in.
    std::uint32_t credit_bytes = 4U << 20U;  // What the daemon may send ahead of the reader.
    RetryOptions retry;
    bool wait_for_daemon = false;  // open() succeeds without a daemon.
};

enum class TailState : std::uint8_t {
    entries,  // Some were read.
    idle,     // Nothing came in the time given.
    end,      // A tail that does not follow is complete.
};

struct TailStep {
    TailState state = TailState::idle;
    std::uint32_t epoch = 0;
    wire::TailEntryRange entries;  // Valid until the next call.
};

// Threads: one at a time.  The callback runs inside next() and must not call the reader.
class TailReader {
 public:
    // Connects and asks.  Errors: as Connection::connect, unless wait_for_daemon.
    static Result<std::unique_ptr<TailReader>> open(TailOptions options);
    TailReader(const TailReader&) = delete;
    TailReader& operator=(const TailReader&) = delete;
    ~TailReader();

    WaitingCallback on_waiting;

    // The next entries.  Calling it again says that the last ones are consumed.  Errors are final: what the daemon
    // answers to the request (cursor_lost among them), or the last error once retry.give_up_after has passed.
    Result<TailStep> next(Duration wait = kForever);

    // Where a later tail continues; none before the position is known.  Precise after each next().
    const std::optional<wire::Cursor>& cursor() const noexcept { return cursor_; }
    wire::Cursor cursor_of(const wire::TailEntry& entry) const noexcept { return {store_, epoch_, entry.sequence}; }
    // The next call of next() will not have to wait.
    bool has_more() const noexcept { return connection_ && connection_->has_reply(); }

    // Event loop.  -1: not connected, only wait_max() matters.
    int fd() const noexcept { return connection_ ? connection_->fd() : -1; }
    short wanted_events() const noexcept { return connection_ ? connection_->wanted_events() : short{0}; }
    Duration wait_max() const noexcept;
    std::uint64_t connects() const noexcept { return connects_; }

 private:
    explicit TailReader(TailOptions options);
    void ask();
    void return_credit();
    Result<void> attempt();
    Result<void> lost(Error error);
    Result<std::optional<TailStep>> take_step();
    Result<std::optional<TailStep>> chunk(const Reply& reply);
    Result<std::optional<TailStep>> end_of_request(const Reply& reply);

    TailOptions options_;
    SystemClock clock_;
    std::unique_ptr<Connection> connection_;
    Backoff backoff_;
    MonotonicTime attempt_at_;
    MonotonicTime hello_due_;
    std::uint64_t connects_ = 0;

    bool following_ = false;  // The request in flight follows; else it reads up to the present first.
    bool ended_ = false;
    std::optional<Error> failed_;
    std::uint64_t request_id_ = 0;
    Reply held_;                        // What the last TailStep views.
    std::uint64_t consumed_bytes_ = 0;  // Handed out and not yet credited.
    wire::StoreId store_{};
    std::uint32_t epoch_ = 0;
    std::optional<wire::Cursor> cursor_;
};

}  // namespace sluice::client
