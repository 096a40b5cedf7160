// Runs a query: its units are scanned on the worker pool, two ahead at most, and what they find is put together and
// given out in order.  Nothing of a query is computed on the loop. Threads: the service loop's.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "coro/pool.h"
#include "coro/scope.h"
#include "coro/sync.h"
#include "query/combiner.h"
#include "wire/query_messages.h"

namespace sluice::server {

// Where the units of a query come from, in the order in which the plan wants them.
class UnitSource {
 public:
    virtual ~UnitSource() = default;
    // Null: there are no more.
    virtual Task<Result<std::unique_ptr<query::Unit>>> next() = 0;
    // Records in all units; 0: unknown.
    virtual std::uint64_t records_total() const noexcept = 0;
    // Places outside of its units that are damaged, and left out; as far as it has come.
    virtual std::uint32_t damaged() const noexcept = 0;
};

// Where its rows go.
class RowSink {
 public:
    virtual ~RowSink() = default;
    // Encoded TAIL entries, one or more.  Returns when there is room for the next.
    virtual Task<Result<>> rows(const Bytes& entries, const wire::QueryProgress& progress) = 0;
    // Between rows; never waits.
    virtual void progress(const wire::QueryProgress& progress) = 0;
};

class QueryRun {
 public:
    // Borrows `workers` until destroyed.
    QueryRun(std::shared_ptr<const query::Plan> plan, coro::Offload& workers);
    QueryRun(const QueryRun&) = delete;
    QueryRun& operator=(const QueryRun&) = delete;

    // Once.  Errors: those of source, sink and units; limit_exceeded for memory; cancelled.
    Task<Result<>> run(UnitSource& source, RowSink& sink);

    wire::QueryProgress progress() const noexcept { return progress_; }
    // Units that were damaged, and left out from there on, and places that the source had to leave out.
    std::uint32_t damaged() const noexcept { return damaged_; }
    // After run().
    const query::ScanCounters& counters() const noexcept { return combiner_.counters(); }
    std::string explain() const { return combiner_.explain(); }

 private:
    // A unit that is being scanned, and what it has found that nobody has taken yet.
    struct Lane {
        explicit Lane(std::unique_ptr<query::Unit> scanned) : unit(std::move(scanned)) {}
        std::unique_ptr<query::Unit> unit;
        std::vector<query::Step> steps;
        std::size_t bytes = 0;  // Of steps.
        bool finished = false;  // Its task does not touch it any more.
        std::optional<Error> error;
        coro::Event ready;  // Steps came, or it has finished.
        coro::Event room;   // Steps were taken.
    };
    // A lane's task scans ahead of the combiner by so much.
    static constexpr std::size_t kAheadBytes = std::size_t{1} << 20U;
    static constexpr std::size_t kAheadSteps = 32;
    static constexpr std::size_t kLanes = 2;

    Task<> scan(Lane* lane);
    Task<Result<>> run_lanes(UnitSource& source, RowSink& sink, std::deque<std::unique_ptr<Lane>>& lanes,
                             coro::Scope& scans);
    Task<Result<>> take(Lane& lane, RowSink& sink);
    Task<Result<>> give(RowSink& sink);

    std::shared_ptr<const query::Plan> plan_;
    coro::Offload& workers_;
    query::Combiner combiner_;
    Bytes rows_;  // Out of the combiner, not yet given to the sink.
    wire::QueryProgress progress_;
    std::uint32_t damaged_ = 0;
};

}  // namespace sluice::server
