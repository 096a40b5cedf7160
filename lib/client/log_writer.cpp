// The numbering rule this file lives by: for a producer it knows, the daemon takes exactly the number after the last;
// a number at or below the last is a duplicate, one further on is out_of_order and is not stored.  Hence:
// - after a failure everything unacknowledged is sent again from the lowest number, once all replies are in;
// - when the lowest unacknowledged batch itself is out_of_order, the daemon misses a batch that was rejected, or has
//   lost one it had acknowledged below durable.  Then nothing unacknowledged is stored, and the rest continues under a
//   new producer id, from number 1.
#include "client/log_writer.h"

#include <sys/random.h>

#include <algorithm>

namespace sluice::client {
namespace {

constexpr std::size_t kHeadBytes = wire::kFrameHeaderSize + wire::kLogPrefixSize;
constexpr std::size_t kRecordsStart = kHeadBytes + sizeof(wire::BatchHeader);
constexpr std::size_t kSpareBuffersMax = 8;
constexpr std::size_t kUnsentBytesMax = 4U << 20U;  // Copied into the connection ahead of the socket.

wire::ProducerId random_producer() {
    wire::ProducerId id{};
    // At most 256 bytes are never cut short nor interrupted once the pool is ready.
    if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
        const SystemClock clock;
        const auto now = static_cast<std::uint64_t>(clock.wall_now());
        store_int(id.data(), now);
        store_int(id.data() + 8, static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&id)) ^ now);
    }
    id[0] |= std::byte{1};  // All zeros would mean "no producer".
    return id;
}

}  // namespace

LogWriter::LogWriter(LogWriterOptions options)
    : options_(std::move(options)),
      backoff_(options_.retry),
      producer_(random_producer()),
      record_(record_bytes_, options_.limits) {
    open_batch();
}

LogWriter::~LogWriter() = default;

Result<std::unique_ptr<LogWriter>> LogWriter::open(LogWriterOptions options) {
    if (options.batch_records_max == 0 || options.in_flight_max == 0 || options.memory_bytes_max == 0) {
        return fail(Errc::invalid_argument, "batch_records_max, in_flight_max and memory_bytes_max must not be 0");
    }
    options.batch_records_max = std::min(options.batch_records_max, wire::kLogRecordsMax);
    options.batch_bytes_max = std::min(options.batch_bytes_max, wire::kFrameBytesMax);
    std::unique_ptr<LogWriter> writer(new LogWriter(std::move(options)));
    if (!writer->options_.wait_for_daemon) {
        auto connection = Connection::connect(writer->options_.socket_path, writer->options_.connect);
        if (!connection) {
            return std::unexpected(std::move(connection).error());
        }
        writer->connection_ = std::move(*connection);
        ++writer->counters_.connects;
    }
    return writer;
}

std::unique_ptr<LogWriter> LogWriter::successor() const {
    return std::unique_ptr<LogWriter>(new LogWriter(options_));
}

Result<void> LogWriter::usable() const {
    if (inherited()) {
        return fail(Errc::closed, "the writer is of the process that opened it, not of one forked from it");
    }
    return failed_ ? Result<void>(std::unexpected(*failed_)) : Result<void>{};
}

void LogWriter::open_batch() {
    if (!spare_.empty()) {
        open_ = std::move(spare_.back());
        spare_.pop_back();
    }
    open_.resize(kRecordsStart);
    open_count_ = 0;
}

wire::RecordBuilder& LogWriter::begin(wire::Severity severity, std::string_view stream, WallNs time_ns) {
    return record_.begin(severity, stream, time_ns != 0 ? time_ns : clock_.wall_now());
}

Result<void> LogWriter::finish_record() {
    SLUICE_CHECK(record_.finish());
    auto added = add_encoded(record_bytes_);
    record_bytes_.clear();
    return added;
}

Result<void> LogWriter::add_encoded(ByteView record) {
    SLUICE_CHECK(usable());
    if (kRecordsStart + record.size() > wire::kFrameBytesMax) {
        return fail(Errc::too_large, "a record of {} bytes exceeds {}, the most a request can carry", record.size(),
                    wire::kFrameBytesMax - kRecordsStart);
    }
    if (open_count_ > 0 && open_.size() + record.size() > options_.batch_bytes_max) {
        seal();
    }
    append(open_, record);
    ++next_record_;
    const MonotonicTime now = clock_.now();
    if (++open_count_ == 1) {
        opened_at_ = now;
    }
    if (open_count_ < options_.batch_records_max && open_.size() < options_.batch_bytes_max &&
        now - opened_at_ < options_.linger) {
        return {};
    }
    seal();
    SLUICE_CHECK(work(Duration::zero()));
    while (options_.wait_when_full && full()) {
        SLUICE_CHECK(work(kForever));
    }
    return {};
}

void LogWriter::seal() {
    if (open_count_ == 0) {
        return;
    }
    const std::size_t batch_bytes = open_.size() - kHeadBytes;
    const wire::BatchHeader header{.size = static_cast<std::uint32_t>(batch_bytes), .count = open_count_};
    std::memcpy(open_.data() + kHeadBytes, &header, sizeof header);
    Batch batch;
    batch.frame = std::move(open_);
    batch.first_record = next_record_ - open_count_;
    batch.count = open_count_;
    batch.number = next_number_++;
    queued_bytes_ += batch.frame.size();
    queue_.push_back(std::move(batch));
    open_ = Bytes{};
    open_batch();
}

Result<void> LogWriter::send() {
    seal();
    return work(Duration::zero());
}

Result<void> LogWriter::flush(Duration timeout) {
    if (inherited()) {
        return usable();
    }
    const MonotonicTime deadline = clock_.now() + timeout;
    seal();
    while (!queue_.empty() && !failed_) {
        const Duration left = deadline - clock_.now();
        if (timeout != kForever && left <= Duration::zero()) {
            return fail(Errc::deadline_exceeded, "{} records are not acknowledged yet{}{}",
                        next_record_ - queue_.front().first_record, trouble_ ? "; the last trouble: " : "",
                        trouble_ ? trouble_->text() : std::string());
        }
        if (auto worked = work(timeout == kForever ? kForever : left); !worked) {
            break;  // failed_, and every record is rejected.
        }
    }
    if (first_rejection_) {
        Error error = std::move(*first_rejection_);
        first_rejection_.reset();
        return std::unexpected(std::move(error));
    }
    return failed_ ? Result<void>(std::unexpected(*failed_)) : Result<void>{};
}

Duration LogWriter::time_until(MonotonicTime now, MonotonicTime due) const noexcept {
    return std::max(Duration::zero(), due - now);
}

Duration LogWriter::wait_max() const noexcept {
    const MonotonicTime now = clock_.now();
    Duration wait = kForever;
    if (open_count_ > 0) {
        wait = std::min(wait, time_until(now, opened_at_ + options_.linger));
    }
    if (connection_ && !connection_->ready()) {
        wait = std::min(wait, time_until(now, hello_due_));
    }
    if (queue_.empty()) {
        return wait;
    }
    if (!connection_ || (outstanding_ == 0 && attempt_at_ > now)) {
        wait = std::min(wait, time_until(now, attempt_at_));
    }
    if (outstanding_ > 0 && options_.reply_timeout < kForever) {
        wait = std::min(wait, time_until(now, queue_.front().sent_at + options_.reply_timeout));
    }
    if (backoff_.troubled() && options_.retry.give_up_after < kForever) {
        wait = std::min(wait, time_until(now, backoff_.since() + options_.retry.give_up_after));
    }
    return wait;
}

// One turn: whatever is due, then at most `wait` for the socket, then what it brought.
Result<void> LogWriter::work(Duration wait) {
    SLUICE_CHECK(usable());
    MonotonicTime now = clock_.now();
    if (open_count_ > 0 && now - opened_at_ >= options_.linger) {
        seal();
    }
    const std::size_t queued_before = queue_.size();
    connect_if_due(now);
    send_batches(now);
    // A batch may have been rejected just now; then the caller has something to look at.
    if (!failed_ && wait > Duration::zero() && queue_.size() == queued_before) {
        wait_for(fd(), wanted_events(), std::min(wait, wait_max()));
        now = clock_.now();
    }
    if (connection_) {
        auto processed = connection_->process();
        read_replies();
        if (!processed) {
            connection_lost(std::move(processed).error());
        } else if ((outstanding_ > 0 && now - queue_.front().sent_at >= options_.reply_timeout) ||
                   (!connection_->ready() && now >= hello_due_)) {
            connection_lost({Errc::deadline_exceeded, "the daemon did not answer in time"});
        }
        send_batches(now);
    }
    if (!failed_ && backoff_.troubled() && !queue_.empty() && backoff_.exhausted(now)) {
        give_up(trouble_.value_or(Error(Errc::closed, "the daemon is gone")), false);
    }
    return failed_ ? Result<void>(std::unexpected(*failed_)) : Result<void>{};
}

void LogWriter::connect_if_due(MonotonicTime now) {
    if (connection_ || now < attempt_at_ || queue_.empty()) {
        return;
    }
    auto connection = Connection::start(options_.socket_path, options_.connect);
    if (!connection) {
        if (connection.error().code() == Errc::invalid_argument) {
            give_up(connection.error(), true);
        } else {
            hold_off(connection.error());
        }
        return;
    }
    connection_ = std::move(*connection);
    hello_due_ = now + options_.connect.connect_timeout;
    ++counters_.connects;
}

void LogWriter::send_batches(MonotonicTime now) {
    if (!connected()) {
        return;
    }
    store_ = connection_->server().store;
    const std::uint32_t in_flight_max =
        std::min(options_.in_flight_max, std::max(1U, connection_->server().requests_in_flight_max));
    while (!draining_ && now >= attempt_at_ && unsent_from_ < queue_.size() && outstanding_ < in_flight_max &&
           connection_->unsent_bytes() < kUnsentBytesMax) {  // Bounded: settle() removes a batch or holds off.
        Batch& batch = queue_[unsent_from_++];
        if (batch.state == State::waiting) {
            send_one(batch, now);
        }
        if (draining_ && outstanding_ == 0) {
            settle();
        }
    }
    if (connection_->unsent_bytes() > 0) {
        if (auto sent = connection_->send_queued(); !sent) {
            read_replies();
            connection_lost(std::move(sent).error());
        }
    }
}

void LogWriter::send_one(Batch& batch, MonotonicTime now) {
    const ServerInfo& server = connection_->server();
    if (batch.frame.size() > server.frame_bytes_max || batch.count > server.log_records_max) {
        handle_refusal(batch, {Errc::too_large, fmt::format("a batch of {} records and {} bytes exceeds what this "
                                                            "daemon takes: {} records, {} bytes",
                                                            batch.count, batch.frame.size(), server.log_records_max,
                                                            server.frame_bytes_max)});
        return;
    }
    batch.request_id = connection_->next_id();
    const auto head = wire::encode_log_head(batch.request_id, options_.level, batch.frame.size() - kHeadBytes);
    std::memcpy(batch.frame.data(), head.data(), head.size());
    std::byte* header = batch.frame.data() + kHeadBytes;
    std::memcpy(header + offsetof(wire::BatchHeader, producer), producer_.data(), producer_.size());
    store_int(header + offsetof(wire::BatchHeader, number), batch.number);
    connection_->queue_frame(batch.frame);
    batch.state = State::sent;
    batch.ever_sent = true;
    batch.out_of_order = false;
    batch.sent_at = now;
    ++outstanding_;
    ++counters_.sends;
}

void LogWriter::read_replies() {
    while (connection_ && !failed_) {
        const std::optional<Reply> reply = connection_->take();
        if (!reply) {
            break;
        }
        handle(*reply);
    }
    release_acknowledged();
    if (draining_ && outstanding_ == 0) {
        settle();
    }
}

void LogWriter::handle(const Reply& reply) {
    const auto it = std::ranges::find_if(
        queue_, [&](const Batch& batch) { return batch.state == State::sent && batch.request_id == reply.header.id; });
    if (it == queue_.end()) {
        return;  // Not ours: nothing depends on it.
    }
    Batch& batch = *it;
    --outstanding_;
    auto stored = reply.decode<wire::LogReply>();
    if (!stored) {
        handle_refusal(batch, std::move(stored).error());
        return;
    }
    batch.state = State::acknowledged;
    batch.result = {.first_record = batch.first_record,
                    .count = batch.count,
                    .level = stored->level,
                    .duplicate = stored->duplicate,
                    .epoch = stored->epoch,
                    .first_sequence = stored->first_sequence,
                    .dropped_fields = stored->dropped_fields};
    progress_since_restart_ = true;
    backoff_.reset();
    trouble_.reset();
}

void LogWriter::handle_refusal(Batch& batch, Error error) {
    draining_ = true;
    batch.out_of_order = error.code() == Errc::out_of_order;
    if (batch.out_of_order || passes_by_itself(error.code())) {
        batch.state = State::waiting;
        retry_later_ = retry_later_ || !batch.out_of_order;
    } else {
        batch.state = State::refused;
    }
    if (!batch.out_of_order && batch.state == State::waiting) {
        trouble_ = error;
    }
    batch.error = std::move(error);
}

void LogWriter::release_acknowledged() {
    while (!queue_.empty() && queue_.front().state == State::acknowledged) {
        Batch batch = std::move(queue_.front());
        queue_.pop_front();
        unsent_from_ -= unsent_from_ > 0 ? 1 : 0;
        queued_bytes_ -= batch.frame.size();
        report_acknowledged(batch);
        if (spare_.size() < kSpareBuffersMax && batch.frame.capacity() <= 2 * std::size_t{options_.batch_bytes_max}) {
            batch.frame.clear();
            spare_.push_back(std::move(batch.frame));
        }
    }
}

void LogWriter::report_acknowledged(const Batch& batch) {
    counters_.acknowledged_records += batch.count;
    ++counters_.acknowledged_batches;
    counters_.duplicate_batches += batch.result.duplicate ? 1 : 0;
    if (on_acknowledged) {
        on_acknowledged(batch.result);
    }
}

// Every reply is in after a failure: rejects what was refused, and gets ready to send the rest again.
void LogWriter::settle() {
    draining_ = false;
    for (auto it = queue_.begin(); it != queue_.end();) {
        if (it->state == State::refused) {
            reject(*it, *it->error, false);
            it = queue_.erase(it);
        } else {
            ++it;
        }
    }
    release_acknowledged();
    unsent_from_ = 0;
    const auto lowest = std::ranges::find(queue_, State::waiting, &Batch::state);
    if (lowest != queue_.end() && lowest->out_of_order) {
        retry_later_ = retry_later_ || !progress_since_restart_;
        trouble_ = lowest->error;
        restart_producer();
    }
    if (retry_later_) {
        retry_later_ = false;
        hold_off(Error(*trouble_));
    }
}

void LogWriter::restart_producer() {
    producer_ = random_producer();
    next_number_ = 1;
    for (Batch& batch : queue_) {
        if (batch.state == State::waiting) {
            batch.number = next_number_++;
            batch.out_of_order = false;
        }
    }
    progress_since_restart_ = false;
    ++counters_.producer_restarts;
}

void LogWriter::connection_lost(Error error) {
    connection_.reset();
    for (Batch& batch : queue_) {
        if (batch.state == State::sent) {
            batch.state = State::waiting;
        }
    }
    outstanding_ = 0;
    retry_later_ = false;
    settle();
    if (!passes_by_itself(error.code())) {
        give_up(error, true);
    } else if (!queue_.empty()) {
        hold_off(error);
    }
}

void LogWriter::hold_off(const Error& reason) {
    const MonotonicTime now = clock_.now();
    const Duration delay = backoff_.failed(now);
    attempt_at_ = now + delay;
    trouble_ = reason;
    if (on_waiting) {
        on_waiting({.reason = *trouble_, .since = now - backoff_.since(), .next_attempt = delay});
    }
}

// Rejects everything.  Not for good: the next records are tried again, under a new producer id, because it is unknown
// which of the old numbers the daemon has.
void LogWriter::give_up(const Error& error, bool for_good) {
    const Error reason = error;
    if (for_good) {
        seal();
        failed_ = reason;
    }
    connection_.reset();
    for (Batch& batch : queue_) {
        if (batch.state == State::acknowledged) {
            report_acknowledged(batch);
        } else {
            reject(batch, reason, batch.ever_sent && batch.state != State::refused);
        }
    }
    queue_.clear();
    queued_bytes_ = 0;
    unsent_from_ = 0;
    outstanding_ = 0;
    draining_ = false;
    backoff_.reset();
    attempt_at_ = {};
    restart_producer();
}

void LogWriter::reject(Batch& batch, Error error, bool may_be_stored) {
    counters_.rejected_records += batch.count;
    if (batch.state == State::refused) {
        queued_bytes_ -= batch.frame.size();
    }
    if (!first_rejection_) {
        first_rejection_ = error;
    }
    if (on_rejected) {
        on_rejected({.first_record = batch.first_record,
                     .count = batch.count,
                     .error = std::move(error),
                     .may_be_stored = may_be_stored});
    }
}

}  // namespace sluice::client
