#include "client/tail.h"

#include <algorithm>

namespace sluice::client {

TailReader::TailReader(TailOptions options) : options_(std::move(options)), backoff_(options_.retry) {
    options_.credit_bytes = std::max(options_.credit_bytes, 2 * wire::kFrameBytesMax);
    options_.request.credit = options_.credit_bytes;
    if (options_.request.start == wire::TailStart::after_cursor) {
        cursor_ = options_.request.after;
    }
}

TailReader::~TailReader() = default;

Result<std::unique_ptr<TailReader>> TailReader::open(TailOptions options) {
    std::unique_ptr<TailReader> reader(new TailReader(std::move(options)));
    if (!reader->options_.wait_for_daemon) {
        auto connection = Connection::connect(reader->options_.socket_path, reader->options_.connect);
        if (!connection) {
            return std::unexpected(std::move(connection).error());
        }
        reader->connection_ = std::move(*connection);
        ++reader->connects_;
        reader->ask();
    }
    return reader;
}

// "From now on" and "the last n" have no position that could be resumed before their first record arrives.  They are
// asked for without following; the end of that reply names the position, and a second request follows from there.
void TailReader::ask() {
    wire::TailRequest request = options_.request;
    if (cursor_) {
        request.start = wire::TailStart::after_cursor;
        request.after = *cursor_;
    }
    following_ = request.follow && request.start != wire::TailStart::now && request.start != wire::TailStart::last_n;
    request.follow = following_;
    consumed_bytes_ = 0;
    request_id_ = connection_->queue(request);
}

Duration TailReader::wait_max() const noexcept {
    if ((connection_ && connection_->ready()) || failed_ || ended_) {
        return kForever;
    }
    return std::max(Duration::zero(), (connection_ ? hello_due_ : attempt_at_) - clock_.now());
}

void TailReader::return_credit() {
    consumed_bytes_ += held_.header.length;
    held_ = {};
    if (connection_ && consumed_bytes_ >= options_.credit_bytes / 4) {
        connection_->queue(wire::Credit{.target = request_id_, .bytes = static_cast<std::uint32_t>(consumed_bytes_)});
        consumed_bytes_ = 0;
    }
}

Result<TailStep> TailReader::next(Duration wait) {
    if (failed_) {
        return std::unexpected(*failed_);
    }
    return_credit();
    const MonotonicTime deadline = clock_.now() + wait;
    for (bool waited = false;;) {
        if (ended_) {
            return TailStep{.state = TailState::end, .epoch = epoch_, .entries = {}};
        }
        SLUICE_TRY(const std::optional<TailStep> step, take_step());
        if (step) {
            return *step;
        }
        const MonotonicTime now = clock_.now();
        if (waited && now >= deadline) {
            return TailStep{.state = TailState::idle, .epoch = epoch_, .entries = {}};
        }
        const Duration left = std::max(Duration::zero(), deadline - now);
        if (connection_) {
            if (auto stepped = connection_->step(std::min(left, wait_max())); !stepped && !connection_->has_reply()) {
                SLUICE_CHECK(lost(std::move(stepped).error()));
            } else if (!connection_->ready() && clock_.now() >= hello_due_) {
                SLUICE_CHECK(lost({Errc::deadline_exceeded, "the daemon accepted the connection but does not answer"}));
            }
        } else {
            wait_for(-1, 0, std::min(left, wait_max()));
            SLUICE_CHECK(attempt());
        }
        waited = true;
    }
}

Result<void> TailReader::attempt() {
    if (clock_.now() < attempt_at_) {
        return {};
    }
    auto connection = Connection::start(options_.socket_path, options_.connect);
    if (!connection) {
        Error error = std::move(connection).error();
        // A daemon that restarts has no socket for a moment, or one that it has not yet opened to others.
        const bool absent = error.code() == Errc::not_found || error.code() == Errc::permission_denied;
        return lost(absent ? Error(Errc::closed, error.sys_errno(), error.text()) : std::move(error));
    }
    connection_ = std::move(*connection);
    hello_due_ = clock_.now() + options_.connect.connect_timeout;
    ++connects_;
    ask();
    return {};
}

Result<void> TailReader::lost(Error error) {
    connection_.reset();
    const MonotonicTime now = clock_.now();
    if (!passes_by_itself(error.code()) || (backoff_.troubled() && backoff_.exhausted(now))) {
        failed_ = std::move(error);
        return std::unexpected(*failed_);
    }
    const Duration delay = backoff_.failed(now);
    attempt_at_ = now + delay;
    if (on_waiting) {
        on_waiting({.reason = error, .since = now - backoff_.since(), .next_attempt = delay});
    }
    return {};
}

Result<std::optional<TailStep>> TailReader::take_step() {
    while (connection_) {
        std::optional<Reply> reply = connection_->take();
        if (!reply) {
            break;
        }
        if (reply->header.id != request_id_) {
            continue;  // The end of a request that was replaced.
        }
        if (reply->is_error()) {
            SLUICE_CHECK(lost(reply->error()));
            break;
        }
        held_ = std::move(*reply);
        SLUICE_TRY(const std::optional<TailStep> step, held_.header.more() ? chunk(held_) : end_of_request(held_));
        if (step) {
            return step;
        }
        return_credit();
    }
    return std::nullopt;
}

Result<std::optional<TailStep>> TailReader::chunk(const Reply& reply) {
    auto decoded = reply.decode<wire::TailChunk>();
    if (!decoded) {
        failed_ = std::move(decoded).error().during("a reply to TAIL");
        return std::unexpected(*failed_);
    }
    backoff_.reset();
    store_ = connection_->server().store;
    epoch_ = decoded->epoch;
    if (decoded->entries.size() == 0) {
        return std::nullopt;
    }
    std::uint64_t last = 0;
    for (const wire::TailEntry& entry : decoded->entries) {
        last = entry.sequence;
    }
    cursor_ = {.store = store_, .epoch = epoch_, .sequence = last};
    return TailStep{.state = TailState::entries, .epoch = epoch_, .entries = decoded->entries};
}

Result<std::optional<TailStep>> TailReader::end_of_request(const Reply& reply) {
    auto decoded = reply.decode<wire::TailEnd>();
    if (!decoded) {
        failed_ = std::move(decoded).error().during("the end of a TAIL");
        return std::unexpected(*failed_);
    }
    backoff_.reset();
    cursor_ = decoded->resume_after;
    store_ = cursor_->store;
    epoch_ = decoded->epoch;
    if (options_.request.follow) {
        ask();
        return std::nullopt;
    }
    ended_ = true;
    return TailStep{.state = TailState::end, .epoch = epoch_, .entries = {}};
}

}  // namespace sluice::client
