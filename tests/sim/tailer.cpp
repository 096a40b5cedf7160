#include "sim/tailer.h"

#include "coro/timeout.h"

namespace sluice::sim {
namespace {
constexpr std::uint64_t kTailRequest = 7;
}  // namespace

Task<Result<>> Tailer::run() {
    for (;;) {
        const Result<> outcome = co_await follow();
        if (!outcome && outcome.error().code() == Errc::cursor_lost) {
            if (!model_.retention) {
                model_.violation("a tail lost its cursor {}: {}", wire::format_cursor(cursor_), outcome.error());
            }
            lost_ = true;
            started_ = false;
        } else if (!outcome && outcome.error().code() == Errc::invalid_argument) {
            model_.violation("the cursor {} was refused: {}", wire::format_cursor(cursor_), outcome.error());
        }
        const Duration pause = std::chrono::microseconds(random_.between(200, 5000));
        SLUICE_CO_CHECK(co_await coro::sleep_for(pause));
    }
}

Task<Result<>> Tailer::follow() {
    Connection connection(kernel_);
    SLUICE_CO_CHECK(co_await connection.open());
    Result<> outcome = co_await follow_on(connection);
    (void)co_await connection.cut();
    co_return outcome;
}

Task<Result<>> Tailer::follow_on(Connection& connection) {
    wire::TailRequest request;
    request.follow = true;
    request.durable_only = options_.durable_only;
    request.credit = options_.credit;
    request.start = started_ ? wire::TailStart::after_cursor : lost_ ? wire::TailStart::oldest : options_.start;
    request.n = 5;
    request.after = cursor_;
    resumed_ = started_;
    Bytes frame;
    wire::append_frame(frame, kTailRequest, request);
    SLUICE_CO_CHECK(co_await connection.send(frame));
    for (;;) {
        SLUICE_CO_TRY(const wire::FrameView reply, co_await connection.next());
        const auto bytes = static_cast<std::uint32_t>(reply.payload.size() + wire::kFrameHeaderSize);
        SLUICE_CO_CHECK(take(reply, connection));
        if (random_.chance(options_.cut)) {
            co_return fail(Errc::closed, "cut by the client");
        }
        if (options_.pause_max.count() != 0) {
            const auto most = static_cast<std::uint64_t>(options_.pause_max.count());
            const Duration pause(static_cast<std::int64_t>(random_.below(most)));
            SLUICE_CO_CHECK(co_await coro::sleep_for(pause));
        }
        SLUICE_CO_CHECK(co_await give_credit(connection, bytes));
    }
}

Task<Result<>> Tailer::give_credit(Connection& connection, std::uint32_t bytes) {
    wire::Credit credit;
    credit.target = kTailRequest;
    credit.bytes = bytes;
    Bytes frame;
    wire::append_frame(frame, 8, credit);
    co_return co_await connection.send(frame);
}

Result<> Tailer::take(const wire::FrameView& frame, const Connection& connection) {
    if (frame.header.id != kTailRequest) {
        return fail(Errc::closed, "the daemon closes the connection");
    }
    if (!frame.header.more()) {
        SLUICE_CHECK(Connection::decode<wire::TailEnd>(frame));
        model_.violation("a following tail ended by itself");
        return fail(Errc::closed, "the tail ended");
    }
    SLUICE_TRY(const wire::TailChunk chunk, Connection::decode<wire::TailChunk>(frame));
    for (const wire::TailEntry entry : chunk.entries) {
        if (model_.takes_as_gap(entry)) {
            continue;
        }
        const LogEntry got = model_.see(entry, chunk.epoch, connection.life(), options_.durable_only);
        const std::uint64_t expected = cursor_.sequence + 1;
        if (started_ && !model_.damaged) {
            const bool new_epoch = resumed_ && got.epoch > cursor_.epoch;
            const bool gap = got.sequence > expected && !(model_.classes && got.sequence <= model_.removed_end());
            if (got.epoch < cursor_.epoch || gap || (got.sequence < expected && !new_epoch)) {
                model_.violation("a{} tail that had seen {}:{} was given {}:{} {} in life {}",
                                 options_.durable_only ? " durable" : "", cursor_.epoch, cursor_.sequence, got.epoch,
                                 got.sequence, resumed_ ? "on resuming" : "next", connection.life());
            }
        }
        if (!started_) {
            first_ = got.sequence;
            seen_.clear();
        }
        started_ = true;
        resumed_ = false;
        cursor_ = {connection.store(), got.epoch, got.sequence};
        seen_[got.sequence] = {got.epoch, got.hash};
    }
    return {};
}

void Tailer::check(const std::vector<LogEntry>& log, std::uint64_t end) {
    for (const LogEntry& entry : log) {
        if (!started_ || entry.sequence < first_ || entry.sequence >= end || model_.damaged) {
            continue;
        }
        const auto seen = seen_.find(entry.sequence);
        if (seen == seen_.end() || seen->second != std::pair(entry.epoch, entry.hash)) {
            model_.violation("a{} tail from {} on {} number {} of epoch {}", options_.durable_only ? " durable" : "",
                             first_, seen == seen_.end() ? "was never given" : "last saw another record as",
                             entry.sequence, entry.epoch);
        }
    }
}

Task<Result<std::vector<LogEntry>>> read_log(io::SimKernel* kernel, Model* model) {
    Connection connection(*kernel);
    SLUICE_CO_CHECK(co_await connection.open());
    wire::TailRequest request;
    request.start = wire::TailStart::oldest;
    request.credit = 1U << 30U;
    Bytes frame;
    wire::append_frame(frame, kTailRequest, request);
    SLUICE_CO_CHECK(co_await connection.send(frame));
    std::vector<LogEntry> log;
    for (;;) {
        SLUICE_CO_TRY(const wire::FrameView reply, co_await connection.next());
        if (!reply.header.more()) {
            SLUICE_CO_CHECK(Connection::decode<wire::TailEnd>(reply));
            co_return log;
        }
        SLUICE_CO_TRY(const wire::TailChunk chunk, Connection::decode<wire::TailChunk>(reply));
        for (const wire::TailEntry entry : chunk.entries) {
            if (!model->takes_as_gap(entry)) {
                log.push_back(model->see(entry, chunk.epoch, connection.life(), /*durable_only=*/false));
            }
        }
    }
}

}  // namespace sluice::sim
