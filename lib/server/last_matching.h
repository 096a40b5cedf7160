// Where the last N records begin that a reader wants: searched from the newest backwards, in memory, in the segments,
// in the parts. Threads: the service loop's; records are tested on the pool.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "coro/turn_share.h"
#include "server/log_follower.h"

namespace sluice::server {

class LastMatching {
 public:
    using Matches = std::function<bool(const wire::TailEntry&)>;
    // Borrows all until destroyed.  `matches` is called on a thread of `workers`, by one at a time.
    LastMatching(io::Kernel& kernel, int directory, LogHub& hub, coro::Offload& workers, Matches matches)
        : kernel_(kernel), directory_(directory), hub_(hub), workers_(workers), matches_(std::move(matches)) {}

    // The sequence of the first of the last `n` records below `limit` that match; of the oldest that does if there are
    // fewer, and `limit` if there is none.  Once.  Errors: those of LogFollower::next.
    Task<Result<std::uint64_t>> find(std::uint64_t n, std::uint64_t limit);

 private:
    // [from, to)
    struct Window {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
    };
    // Of a place that was searched: the last matches, at most as many as are still wanted; oldest first.
    using Found = std::deque<std::uint64_t>;
    Task<Result<>> search_memory();
    Task<Result<>> search(Window window);
    Task<Result<Found>> test(std::vector<GroupView> groups, Window window);
    std::vector<Window> log_windows(std::uint64_t limit) const;
    void take(const Found& found) noexcept;

    io::Kernel& kernel_;
    int directory_;
    LogHub& hub_;
    coro::Offload& workers_;
    Matches matches_;
    std::uint64_t wanted_ = 0;  // More of them.
    std::uint64_t start_ = 0;   // Of the oldest match so far.
    std::uint64_t limit_ = 0;
    std::uint64_t rest_limit_ = 0;  // What was in memory begins here.
};

}  // namespace sluice::server
