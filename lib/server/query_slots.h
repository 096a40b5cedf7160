// The places of queries: so many run at a time, and users take turns.
//
// One user has at most half of the places; who finds none waits, and is refused after a while.  Of those who wait the
// user with fewest places comes first, then who came first: nobody waits behind all that others have asked for.  A
// query that waits for its client (which gives no credit, or reads nothing) keeps its place as long as nobody else
// needs it; then, of the user with most places, the one that has waited longest gives it back. Threads: the service
// loop's.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <vector>

#include "base/clock.h"
#include "coro/sync.h"

namespace sluice::server {

struct QueryLimits {
    std::uint32_t queries_max = 8;                    // At a time, of all users.  So many of one user may wait.
    Duration wait_max = std::chrono::seconds(10);     // For a place; then limit_exceeded.
    Duration idle_max = std::chrono::minutes(5);      // Without a row taken; then deadline_exceeded.
    std::uint64_t memory_bytes_max = 32ULL << 20U;    // Of one query or tail; above: limit_exceeded.
    std::uint64_t memory_bytes_total = 64ULL << 20U;  // Of all users; above: limit_exceeded.
};

class QuerySlots;

// One place, or the wait for one.  Lives in the task of its query.
class QuerySlot {
 public:
    // Borrows `slots` until destroyed.  `give_back`: ends the query with this error, soon.
    QuerySlot(QuerySlots& slots, uid_t uid, std::function<void(Error)> give_back);
    QuerySlot(const QuerySlot&) = delete;
    QuerySlot& operator=(const QuerySlot&) = delete;
    ~QuerySlot();

    // Once.  Errors: limit_exceeded, with the rule; cancelled.
    Task<Result<>> take();
    // It waits for its client from now on; it does not any more.
    void begin_wait() noexcept;
    void end_wait() noexcept;

 private:
    friend class QuerySlots;
    Duration waited() const noexcept;
    QuerySlots& slots_;
    uid_t uid_;
    std::function<void(Error)> give_back_;
    bool taken_ = false;
    bool waits_ = false;
    bool told_ = false;  // give_back_ was called.
    MonotonicTime wait_began_;
    Duration waited_before_{};
};

class QuerySlots {
 public:
    // Borrows `clock` until destroyed.
    QuerySlots(const Clock& clock, QueryLimits limits) noexcept : clock_(clock), limits_(limits) {}
    // Those that run go on.
    void set_limits(QueryLimits limits) {
        limits_ = limits;
        changed_.set();
    }
    const QueryLimits& limits() const noexcept { return limits_; }
    std::uint32_t running() const noexcept { return static_cast<std::uint32_t>(taken_.size()); }

 private:
    friend class QuerySlot;
    std::uint32_t running_of(uid_t uid) const noexcept;
    void take(QuerySlot& slot);
    void give_back(QuerySlot& slot);
    std::uint32_t share() const noexcept { return (limits_.queries_max + 1) / 2; }
    QuerySlot* next() const noexcept;
    void take_back_for(uid_t uid);
    Error refusal(uid_t uid) const;

    const Clock& clock_;
    QueryLimits limits_;
    std::vector<QuerySlot*> taken_;
    std::map<uid_t, std::uint32_t> taken_by_;  // Their number.
    std::vector<QuerySlot*> waiting_;          // In the order in which they came.
    coro::Event changed_;                      // A place became free, or there may be more.
};

}  // namespace sluice::server
