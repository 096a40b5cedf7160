// Asks the daemon a question in the query language and reads the rows of the answer.
#pragma once

#include "client/connection.h"

namespace sluice::client {

struct QueryOptions {
    std::string socket_path;
    ConnectOptions connect;
    std::string text;
    bool explain = false;
    std::uint64_t newest = wire::kAllRecords;  // Only the last so many rows of the result.
    WallNs since = wire::kNoSince;
    WallNs until = wire::kNoUntil;
    Duration timeout = kForever;             // The daemon gives up then: deadline_exceeded.
    std::uint32_t credit_bytes = 4U << 20U;  // What the daemon may send ahead of the reader.
};

enum class QueryState : std::uint8_t {
    rows,      // Some were read.
    progress,  // Only how far it is.
    idle,      // Nothing came in the time given.
    end,       // The answer is complete; end() has its counts.
};

struct QueryStep {
    QueryState state = QueryState::idle;
    std::uint32_t epoch = 0;
    wire::QueryProgress progress;
    wire::TailEntryRange rows;  // Valid until the next call.
};

// Threads: one at a time.  An answer is not resumed: a lost connection is an error.
class QueryReader {
 public:
    // Connects and asks.  Errors: as Connection::connect.
    static Result<std::unique_ptr<QueryReader>> open(QueryOptions options);
    QueryReader(const QueryReader&) = delete;
    QueryReader& operator=(const QueryReader&) = delete;

    // What came next.  Calling it again says that the last rows are consumed.  Errors are final: what the daemon
    // answers (invalid_argument with "column N: ..." where the text is no query, limit_exceeded, cancelled), closed,
    // malformed (also of a progress that is none).
    Result<QueryStep> next(Duration wait = kForever);
    // Asks the daemon to stop; next() then ends with `cancelled`, or with the end if that was under way.
    void cancel();

    // After QueryState::end.
    const wire::QueryEnd& end() const noexcept { return end_; }
    wire::Cursor cursor_of(const wire::TailEntry& entry) const noexcept {
        return {connection_->server().store, epoch_, entry.sequence};
    }
    // The next call of next() will not have to wait.
    bool has_more() const noexcept { return connection_->has_reply(); }

    // Event loop.
    int fd() const noexcept { return connection_->fd(); }
    short wanted_events() const noexcept { return connection_->wanted_events(); }

 private:
    QueryReader(std::unique_ptr<Connection> connection, std::uint32_t credit_bytes) noexcept
        : connection_(std::move(connection)), credit_bytes_(credit_bytes) {}
    void return_credit();
    Result<std::optional<QueryStep>> take_step();
    Result<QueryStep> chunk();
    Result<QueryStep> finish();
    std::unexpected<Error> failed(Error error);

    std::unique_ptr<Connection> connection_;
    std::uint32_t credit_bytes_;
    SystemClock clock_;
    std::uint64_t request_id_ = 0;
    Reply held_;                        // What the last QueryStep views, or end_.
    std::uint64_t consumed_bytes_ = 0;  // Handed out and not yet credited.
    wire::QueryProgress told_;          // By the last chunk without rows.
    std::uint32_t repeated_ = 0;        // How often it has told just that.
    std::uint32_t epoch_ = 0;
    bool ended_ = false;
    bool cancelled_ = false;
    wire::QueryEnd end_;
    std::optional<Error> failed_;
};

}  // namespace sluice::client
