// The log requests of a session: LOG and TAIL.
#include "query/budget.h"
#include "server/session.h"
#include "server/tail_run.h"

namespace sluice::server {
namespace {

// Of a tail without its filter and what it has read: its task, its stream, its follower (measured: 4.6 KiB).
constexpr std::uint64_t kTailBytes = 5 * 1024;

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

// Of the filter text; null: there is none.  It is made on the pool, in the place of a query.
Task<Result<std::shared_ptr<const query::Plan>>> Session::plan_tail(std::uint64_t id, const wire::TailRequest& wanted) {
    std::shared_ptr<const query::Plan> plan;
    if (wanted.query.empty()) {
        co_return plan;
    }
    QuerySlot slot(shared_.query_slots, peer_.credentials.uid, ends_request(id));
    SLUICE_CO_CHECK(co_await slot.take());
    query::PlanOptions options;
    options.now = kernel_.clock().wall_now();
    options.memory_bytes_max = shared_.limits.query.memory_bytes_max;
    options.memory = &user_.query_memory;
    SLUICE_CO_TRY(plan, co_await make_plan(shared_, wanted.query, options));
    if (!plan->follows_ok()) {
        co_return fail(
            Errc::invalid_argument,
            "'{}' needs the whole result, and a tail has no end: only 'where' and 'fields' can follow its filter",
            plan->why_not_follow());
    }
    co_return plan;
}

Task<Result<>> Session::tail(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::TailRequest wanted, wire::TailRequest::decode(request.payload));
    query::Budget memory(kTailBytes, &user_.query_memory);
    SLUICE_CO_CHECK(memory.charge(kTailBytes, "a tail"));
    ReplyStream stream(output_, shared_.turns, request.header.id, wanted.credit);
    const StreamEntry listed(*this, stream);  // From now on: CREDIT may come while the plan is made.
    SLUICE_CO_TRY(const std::shared_ptr<const query::Plan> plan, co_await plan_tail(request.header.id, wanted));
    ++shared_.counters.tails;
    if (wanted.follow) {
        if (draining_) {
            co_return fail(Errc::shutting_down, "the daemon is stopping");
        }
        running_.at(request.header.id)->endless = true;
    }
    TailRun run(shared_, user_, wanted, plan, stream);
    SLUICE_CO_CHECK(co_await run.run());
    output_.reply(request.header.id, wire::TailEnd{.epoch = shared_.log.hub().epoch(), .resume_after = run.last()});
    co_return Result<>{};
}

}  // namespace sluice::server
