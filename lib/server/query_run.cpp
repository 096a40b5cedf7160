#include "server/query_run.h"

namespace sluice::server {
namespace {

// One job of the pool: several steps, because the way there and back costs as much as a small step.
constexpr std::size_t kJobSteps = 8;
constexpr std::size_t kJobBytes = std::size_t{256} << 10U;

// What a job has found, and the error that ended it early.
struct Found {
    std::vector<query::Step> steps{};
    std::optional<Error> error{};
};

Found run_steps(query::Unit& unit) {
    Found found;
    for (std::size_t bytes = 0; found.steps.size() < kJobSteps && bytes < kJobBytes;) {
        Result<query::Step> step = unit.step();
        if (!step) {
            found.error = std::move(step).error();
            break;
        }
        bytes += step->entries.size();
        found.steps.push_back(*std::move(step));
        if (found.steps.back().done) {
            break;
        }
    }
    return found;
}

// Stops early once the result is complete.
Result<> combine(query::Combiner& combiner, std::vector<query::Step>& steps, Bytes& rows) {
    for (query::Step& step : steps) {
        if (combiner.satisfied()) {
            break;
        }
        SLUICE_CHECK(combiner.take(std::move(step), rows));
    }
    steps.clear();
    return {};
}

std::size_t bytes_of(const std::vector<query::Step>& steps) noexcept {
    std::size_t bytes = 0;
    for (const query::Step& step : steps) {
        bytes += step.entries.size();
    }
    return bytes;
}

}  // namespace

QueryRun::QueryRun(std::shared_ptr<const query::Plan> plan, coro::Offload& workers)
    : plan_(std::move(plan)), workers_(workers), combiner_(plan_) {}

Task<Result<>> QueryRun::run(UnitSource& source, RowSink& sink) {
    coro::Context& context = co_await coro::this_context();
    std::deque<std::unique_ptr<Lane>> lanes;
    coro::Scope scans(*context.loop, context.cancel);
    progress_.records_total = source.records_total();
    Result<> outcome = co_await run_lanes(source, sink, lanes, scans);
    scans.cancel();
    co_await scans.join();
    damaged_ += source.damaged();
    if (!outcome) {
        co_return outcome;
    }
    query::Combiner* combiner = &combiner_;
    Bytes* rows = &rows_;
    auto finish = [combiner, rows] { return combiner->finish(*rows); };
    SLUICE_CO_TRY(Result<> finished, co_await workers_.run(finish));
    SLUICE_CO_CHECK(std::move(finished));
    const std::size_t bytes = rows_.size();
    outcome = plan_->budget().charge(bytes, "its result");  // For as long as the client takes to read it.
    if (outcome) {
        outcome = co_await give(sink);
    }
    plan_->budget().release(bytes);
    co_return outcome;
}

// The task of a lane.
Task<> QueryRun::scan(Lane* lane) {
    query::Unit* unit = lane->unit.get();
    bool done = false;
    while (!done && !lane->error) {
        while (lane->bytes >= kAheadBytes || lane->steps.size() >= kAheadSteps) {
            lane->room.reset();
            const Result<> waited = co_await lane->room.wait();
            if (!waited) {
                lane->error = waited.error();
                break;
            }
        }
        if (lane->error) {
            break;
        }
        auto work = [unit] { return run_steps(*unit); };
        Result<Found> ran = co_await workers_.run(work);
        if (!ran) {
            lane->error = ran.error();
            break;
        }
        lane->error = std::move(ran->error);
        done = !ran->steps.empty() && ran->steps.back().done;
        lane->bytes += bytes_of(ran->steps);
        for (query::Step& step : ran->steps) {
            lane->steps.push_back(std::move(step));
        }
        lane->ready.set();
    }
    lane->finished = true;
    lane->ready.set();
}

Task<Result<>> QueryRun::run_lanes(UnitSource& source, RowSink& sink, std::deque<std::unique_ptr<Lane>>& lanes,
                                   coro::Scope& scans) {
    for (bool more = true; !combiner_.satisfied();) {  // Bounded by the units and their steps.
        while (more && lanes.size() < kLanes) {
            SLUICE_CO_TRY(std::unique_ptr<query::Unit> unit, co_await source.next());
            if (!unit) {
                more = false;
                break;
            }
            lanes.push_back(std::make_unique<Lane>(std::move(unit)));
            Lane* lane = lanes.back().get();
            scans.spawn("scan", &QueryRun::scan, this, lane);
        }
        if (lanes.empty()) {
            progress_.records = progress_.records_total;
            break;
        }
        Lane& lane = *lanes.front();
        while (lane.steps.empty() && !lane.finished) {
            lane.ready.reset();
            SLUICE_CO_CHECK(co_await lane.ready.wait());
        }
        if (!lane.steps.empty()) {
            SLUICE_CO_CHECK(co_await take(lane, sink));
            continue;
        }
        if (lane.error && lane.error->code() != Errc::corrupt && lane.error->code() != Errc::io_error) {
            co_return std::unexpected(*lane.error);
        }
        damaged_ += lane.error ? 1 : 0;  // Its neighbours are read.
        const query::SequenceRange range = lane.unit->range();
        progress_.records = std::min(progress_.records_total, progress_.records + (range.end - range.first));
        lanes.pop_front();
    }
    co_return Result<>{};
}

Task<Result<>> QueryRun::take(Lane& lane, RowSink& sink) {
    std::vector<query::Step> steps = std::exchange(lane.steps, {});
    lane.bytes = 0;
    lane.room.set();
    query::Combiner* combiner = &combiner_;
    std::vector<query::Step>* taken = &steps;
    Bytes* rows = &rows_;
    auto work = [combiner, taken, rows] { return combine(*combiner, *taken, *rows); };
    SLUICE_CO_TRY(Result<> combined, co_await workers_.run(work));
    SLUICE_CO_CHECK(std::move(combined));
    if (rows_.empty()) {
        sink.progress(progress_);
        co_return Result<>{};
    }
    co_return co_await give(sink);
}

Task<Result<>> QueryRun::give(RowSink& sink) {
    if (rows_.empty()) {
        co_return Result<>{};
    }
    Result<> given = co_await sink.rows(rows_, progress_);
    rows_.clear();
    co_return given;
}

}  // namespace sluice::server
