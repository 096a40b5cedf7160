// The log requests of a session: LOG and TAIL.
#include "server/log_follower.h"
#include "server/session.h"

namespace sluice::server {
namespace {

// The filter text of a TAIL; null: it has none.
Result<std::shared_ptr<const query::Plan>> plan_tail(const wire::TailRequest& wanted, WallNs now) {
    if (wanted.query.empty()) {
        return nullptr;
    }
    query::PlanOptions options;
    options.now = now;
    SLUICE_TRY(std::shared_ptr<const query::Plan> plan, plan_query(wanted.query, options));
    if (!plan->follows_ok()) {
        return fail(
            Errc::invalid_argument,
            "'{}' needs the whole result, and a tail has no end: only 'where' and 'fields' can follow its filter",
            plan->why_not_follow());
    }
    return plan;
}

// What a tail shows, and how.
class TailRows {
 public:
    // Borrows both until destroyed; `plan` may be null.
    TailRows(const wire::TailRequest& wanted, const query::Plan* plan) noexcept : wanted_(wanted), plan_(plan) {}

    bool matches(const wire::TailEntry& entry) {
        if (!wanted_.filter.matches(entry.record, entry.trusted)) {
            return false;
        }
        scratch_.clear();
        return plan_ == nullptr || plan_->select(entry, scratch_);
    }
    void add(const wire::TailEntry& entry, wire::TailChunkBuilder& chunk) const {
        if (!wanted_.filter.matches(entry.record, entry.trusted)) {
            return;
        }
        if (plan_ == nullptr) {
            chunk.add(entry);
            return;
        }
        const std::size_t start = chunk.bytes().size();
        if (plan_->select(entry, chunk.bytes())) {
            store_int(chunk.bytes().data() + start, entry.sequence);  // Also of a computed row: the tail resumes by it.
            chunk.added();
        }
    }

 private:
    const wire::TailRequest& wanted_;
    const query::Plan* plan_;
    Bytes scratch_;
};

// The first record to look at; `end`: one past what there is.
Task<Result<std::uint64_t>> tail_start(const LogHub& hub, LogFollower& follower, TailRows& rows,
                                       const wire::TailRequest& wanted, std::uint64_t end) {
    switch (wanted.start) {
        case wire::TailStart::now:
            break;
        case wire::TailStart::oldest:
            co_return hub.oldest_sequence();
        case wire::TailStart::since:
            co_return follower.before(wanted.since_ns);
        case wire::TailStart::after_cursor:
            co_return follower.after(wanted.after);
        case wire::TailStart::last_n: {
            const LogFollower::Matches matches = [&rows](const wire::TailEntry& entry) { return rows.matches(entry); };
            co_return co_await follower.last_matching(matches, wanted.n, end);
        }
    }
    co_return end;
}

}  // namespace

// ---- LOG ----

ingest::LogBatch Session::batch_of(std::uint64_t id, const wire::LogRequest& request, ingest::AckTarget* target) const {
    return {.target = target,
            .request_id = id,
            .level = request.level,
            .bytes = request.batch,
            .trusted = trusted_.bytes(),
            .trusted_count = trusted_.count(),
            .uid = peer_.credentials.uid};
}

// The fast path.  The reply comes through on_ack or on_refused.
Task<Result<>> Session::serve_log(wire::FrameView frame) {
    for (;;) {  // Bounded: each turn waits for room in the queue.
        const Result<wire::LogRequest> request = wire::LogRequest::decode(frame.payload);
        Result<ingest::Admission> admission = ingest::Admission::taken;
        if (request) {
            admission = shared_.log.ingest().submit(batch_of(frame.header.id, *request, this));
        } else {
            admission = std::unexpected(request.error());
        }
        if (!admission) {
            refuse(frame.header.id, admission.error());
            end_request();
            co_return Result<>{};
        }
        if (*admission == ingest::Admission::taken) {
            co_return Result<>{};
        }
        frame = source_.hold(frame);
        const Result<> room = co_await shared_.log.ingest().room();
        if (!room) {
            refuse(frame.header.id, why_ended());
            end_request();
            co_return room;
        }
    }
}

// For a LOG that a task waits for.  Outlives the task if that gives up first.
struct Session::LogWaiter final : ingest::AckTarget {
    coro::Event done;
    Result<wire::LogReply> outcome;
    bool abandoned = false;

    void on_ack(std::uint64_t, const wire::LogReply& reply) override { finish(reply); }
    void on_refused(std::uint64_t, const Error& error) override { finish(std::unexpected(error)); }
    void finish(Result<wire::LogReply> result) {
        if (abandoned) {
            delete this;
            return;
        }
        outcome = std::move(result);
        done.set();
    }
};

Task<Result<>> Session::log(OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::LogRequest wanted, wire::LogRequest::decode(request.payload));
    auto waiter = std::make_unique<LogWaiter>();
    for (;;) {  // Bounded: each turn waits for room in the queue.
        const ingest::LogBatch batch = batch_of(request.header.id, wanted, waiter.get());
        SLUICE_CO_TRY(const ingest::Admission admission, shared_.log.ingest().submit(batch));
        if (admission == ingest::Admission::taken) {
            break;
        }
        SLUICE_CO_CHECK(co_await shared_.log.ingest().room());
    }
    request.turn.reset();
    Result<> answered = co_await waiter->done.wait();
    if (!answered) {
        waiter->abandoned = true;
        (void)waiter.release();  // Frees itself when the answer comes.
        co_return answered;
    }
    SLUICE_CO_TRY(const wire::LogReply reply, std::move(waiter->outcome));
    output_.reply(request.header.id, reply);
    co_return Result<>{};
}

// ---- TAIL ----

Task<Result<>> Session::tail(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::TailRequest wanted, wire::TailRequest::decode(request.payload));
    SLUICE_CO_TRY(const std::shared_ptr<const query::Plan> plan, plan_tail(wanted, kernel_.clock().wall_now()));
    ++shared_.counters.tails;
    if (wanted.follow) {
        if (draining_) {
            co_return fail(Errc::shutting_down, "the daemon is stopping");
        }
        running_.at(request.header.id)->endless = true;
    }
    ReplyStream stream(output_, request.header.id, wanted.credit);
    streams_.emplace(stream.id(), &stream);
    const LogHub& hub = shared_.log.hub();
    wire::Cursor last{.store = hub.store_id(), .epoch = hub.epoch(), .sequence = 0};
    Result<> outcome = co_await tail_entries(wanted, plan.get(), stream, last);
    streams_.erase(stream.id());
    if (outcome) {
        output_.reply(request.header.id, wire::TailEnd{.epoch = hub.epoch(), .resume_after = last});
    }
    co_return outcome;
}

Task<Result<>> Session::tail_entries(const wire::TailRequest& wanted, const query::Plan* plan, ReplyStream& stream,
                                     wire::Cursor& last) {
    LogHub& hub = shared_.log.hub();
    LogFollower follower(kernel_, shared_.store_directory, hub);
    TailRows rows(wanted, plan);
    const auto written = [&] { return wanted.durable_only ? hub.durable_sequence() : hub.end_sequence(); };
    const std::uint64_t end_at_start = written();
    SLUICE_CO_TRY(const std::uint64_t start, co_await tail_start(hub, follower, rows, wanted, end_at_start));
    const bool by_time = wanted.start == wire::TailStart::since;
    follower.seek(start);
    last.sequence = start - 1;
    for (;;) {
        const std::uint64_t limit = wanted.follow ? written() : end_at_start;
        SLUICE_CO_TRY(const std::optional<GroupView> group, co_await follower.next(limit));
        if (!group) {
            if (!wanted.follow) {
                co_return Result<>{};
            }
            SLUICE_CO_CHECK(co_await hub.changed());
            continue;
        }
        const std::uint64_t end = std::min(group->end_sequence, limit);
        while (follower.position() < end) {  // Bounded: each turn moves on by at least one record.
            SLUICE_CO_CHECK(co_await stream.ready());
            wire::TailChunkBuilder chunk(output_.pending(), stream.id(), group->epoch);
            const std::size_t before = output_.pending().size() - chunk.size_bytes();
            const std::uint64_t at = follower.position();
            const std::uint64_t next = for_each_entry(*group, at, [&](const wire::TailEntry& entry) {
                if (entry.sequence < end && (!by_time || entry.receive_time_ns >= wanted.since_ns)) {
                    rows.add(entry, chunk);
                }
                return entry.sequence + 1 < end && chunk.size_bytes() < kChunkBytes;
            });
            if (next <= at) {
                output_.pending().resize(before);
                co_return fail(Errc::corrupt, "the group of record {} holds fewer records than its header says", at);
            }
            follower.seek(next);
            last.sequence = next - 1;
            last.epoch = group->epoch;
            if (chunk.count() == 0) {
                output_.pending().resize(before);
            } else {
                chunk.finish();
                stream.sent(output_.pending().size() - before);
            }
        }
    }
}

}  // namespace sluice::server
