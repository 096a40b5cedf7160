// A producer of log records.  Records are collected into batches, the batches are numbered under a random producer id
// and sent ahead of their acknowledgements.  When the daemon goes away the writer reconnects with growing delays and
// sends again, in order, whatever was not acknowledged; the daemon knows the numbers it has and stores nothing twice.
//
// Nothing happens behind the caller's back: work is done inside the calls, there is no thread.  A caller with an event
// loop polls fd() for wanted_events(), at most wait_max() long, and calls process().  A caller without one calls
// flush() when it has nothing more to say, or a record may stay in the open batch.
//
// Fork: a writer is of the process that opened it, which goes on as if nothing had been.  In a child, which has a copy
// of the same batches and numbers, each call that would send or keep a record fails with closed; successor() makes a
// writer for it.
#pragma once

#include <deque>
#include <functional>

#include "client/connection.h"
#include "client/fork_mark.h"
#include "client/retry.h"

namespace sluice::client {

struct LogWriterOptions {
    std::string socket_path;
    ConnectOptions connect;
    wire::AckLevel level = wire::AckLevel::written;
    std::uint32_t batch_records_max = 1024;          // At most the daemon's log_records_max.
    std::uint32_t batch_bytes_max = 256U << 10U;     // A batch is sent before it would exceed this; one record may.
    Duration linger = std::chrono::milliseconds(5);  // A record waits at most this long for company; 0: never.
    std::uint32_t in_flight_max = 32;                // Batches sent and not acknowledged.
    std::size_t memory_bytes_max = 32U << 20U;       // Of batches not acknowledged; beyond it finish_record() waits.
    RetryOptions retry;
    Duration reply_timeout = std::chrono::seconds(60);  // A daemon silent for this long is taken as gone.
    bool wait_for_daemon = false;                       // open() succeeds without a daemon; it is waited for like a
                                                        // daemon that went away.
    bool wait_when_full = true;  // Else finish_record() never waits, and the caller heeds full().
    wire::RecordLimits limits;
};

// Records are counted from 0 in the order of finish_record().
struct Acknowledged {
    std::uint64_t first_record = 0;
    std::uint32_t count = 0;
    wire::AckLevel level = wire::AckLevel::accepted;  // Reached; may be above what was asked.
    bool duplicate = false;                           // An earlier attempt had stored it.
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;  // 0 with accepted.
    std::uint32_t dropped_fields = 0;  // Names that begin with '_'.
};

struct Rejected {
    std::uint64_t first_record = 0;
    std::uint32_t count = 0;
    Error error;
    bool may_be_stored = false;  // Given up after attempts whose outcome is unknown.
};

struct LogWriterCounters {
    std::uint64_t acknowledged_records = 0;
    std::uint64_t acknowledged_batches = 0;
    std::uint64_t duplicate_batches = 0;
    std::uint64_t rejected_records = 0;
    std::uint64_t connects = 0;
    std::uint64_t sends = 0;              // Batches, each attempt counted.
    std::uint64_t producer_restarts = 0;  // New producer ids after the first.
};

// Threads: one at a time.  Callbacks run inside the calls and must not call the writer.
class LogWriter {
 public:
    // Connects.  Errors: as Connection::connect, unless wait_for_daemon; invalid_argument for options that make no
    // sense.
    static Result<std::unique_ptr<LogWriter>> open(LogWriterOptions options);
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;
    // Does not flush: what was not acknowledged may or may not be stored.
    ~LogWriter();

    // This process was forked from the one that opened the writer.
    bool inherited() const noexcept { return mark_.forked(); }
    // A writer with the same options: a producer of its own that has no records yet.  It connects when it has some to
    // send. Callbacks are not copied.
    std::unique_ptr<LogWriter> successor() const;

    std::function<void(const Acknowledged&)> on_acknowledged;
    std::function<void(const Rejected&)> on_rejected;
    WaitingCallback on_waiting;

    // writer.begin(...).message(...).field(...); then finish_record().  Time 0: now, so that a record that waits for a
    // daemon has the time of its event.
    wire::RecordBuilder& begin(wire::Severity severity, std::string_view stream = {}, WallNs time_ns = 0);
    // Counts the record, sends full batches, and waits while memory_bytes_max is reached.
    // Errors: invalid_argument, too_large (this record alone is lost); failed() for good.
    Result<void> finish_record();
    // One record that is encoded already.  Errors: as finish_record.
    Result<void> add_encoded(ByteView record);

    // Closes the open batch, so that it is sent at the next chance; then sends.  Does not wait.
    Result<void> send();
    // Waits until every record is acknowledged or rejected.  Errors: deadline_exceeded; the error of the first record
    // rejected since the last flush.
    Result<void> flush(Duration timeout = kForever);

    // Event loop.  -1: not connected, only wait_max() matters.
    int fd() const noexcept { return connection_ ? connection_->fd() : -1; }
    short wanted_events() const noexcept { return connection_ ? connection_->wanted_events() : short{0}; }
    Duration wait_max() const noexcept;
    Result<void> process() { return work(Duration::zero()); }
    // finish_record() would wait.
    bool full() const noexcept { return queued_bytes_ >= options_.memory_bytes_max; }

    // Records accepted so far: the number that the next one gets.
    std::uint64_t records() const noexcept { return next_record_; }
    bool idle() const noexcept { return queue_.empty() && open_count_ == 0; }
    bool connected() const noexcept { return connection_ && connection_->ready(); }
    // Of the daemon last connected to.
    const wire::StoreId& store() const noexcept { return store_; }
    const LogWriterCounters& counters() const noexcept { return counters_; }
    // The error after which nothing can be sent any more: the daemon refused this client for good.
    const std::optional<Error>& failed() const noexcept { return failed_; }

 private:
    enum class State : std::uint8_t { waiting, sent, acknowledged, refused };
    struct Batch {
        Bytes frame;  // Header, LOG prefix and batch, as sent; id, producer and number are filled in when sent.
        std::uint64_t first_record = 0;
        std::uint32_t count = 0;
        State state = State::waiting;
        bool ever_sent = false;
        bool out_of_order = false;  // The last answer: the daemon misses an earlier number.
        std::uint64_t number = 0;
        std::uint64_t request_id = 0;
        MonotonicTime sent_at;
        Acknowledged result;
        std::optional<Error> error;
    };

    explicit LogWriter(LogWriterOptions options);
    void open_batch();
    void seal();
    Result<void> usable() const;
    Result<void> work(Duration wait);
    void connect_if_due(MonotonicTime now);
    void send_batches(MonotonicTime now);
    void send_one(Batch& batch, MonotonicTime now);
    void read_replies();
    void handle(const Reply& reply);
    void handle_refusal(Batch& batch, Error error);
    void release_acknowledged();
    void report_acknowledged(const Batch& batch);
    void settle();
    void connection_lost(Error error);
    void hold_off(const Error& reason);
    void give_up(const Error& error, bool for_good);
    void reject(Batch& batch, Error error, bool may_be_stored);
    void restart_producer();
    Duration time_until(MonotonicTime now, MonotonicTime due) const noexcept;

    const LogWriterOptions options_;
    const ForkMark mark_;
    SystemClock clock_;
    std::unique_ptr<Connection> connection_;
    Backoff backoff_;
    MonotonicTime attempt_at_;  // Connect, or send again, not before this.
    MonotonicTime hello_due_;
    std::optional<Error> trouble_;
    std::optional<Error> failed_;

    wire::StoreId store_{};
    wire::ProducerId producer_{};
    std::uint64_t next_number_ = 1;
    Bytes open_;          // The open batch's frame, whole records only.
    Bytes record_bytes_;  // The record being built.
    wire::RecordBuilder record_;
    std::uint32_t open_count_ = 0;
    MonotonicTime opened_at_;

    std::deque<Batch> queue_;  // Oldest first: acknowledged out of turn, sent, then waiting.
    std::vector<Bytes> spare_;
    std::size_t queued_bytes_ = 0;
    std::uint32_t outstanding_ = 0;  // In State::sent.
    std::size_t unsent_from_ = 0;    // Every batch of queue_ before this index is not waiting.
    bool draining_ = false;          // A batch failed: nothing is sent until every reply is in.
    bool retry_later_ = false;       // ... and then only after a delay.
    bool progress_since_restart_ = true;
    std::uint64_t next_record_ = 0;
    std::optional<Error> first_rejection_;
    LogWriterCounters counters_;
};

}  // namespace sluice::client
