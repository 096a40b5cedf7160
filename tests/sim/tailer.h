// A client that follows the log, and comes back with its last cursor when the connection ends.
#pragma once

#include <map>

#include "coro/scope.h"
#include "sim/connection.h"
#include "sim/model.h"

namespace sluice::sim {

struct TailerOptions {
    bool durable_only = false;
    wire::TailStart start = wire::TailStart::oldest;
    std::uint32_t credit = 1U << 20U;  // Given back as it is used up.
    Duration pause_max{};              // After each chunk.
    double cut = 0;                    // Chance per chunk to cut the connection.
};

class Tailer {
 public:
    // Borrows kernel and model until destroyed.
    Tailer(io::SimKernel& kernel, Model& model, TailerOptions options, std::uint64_t seed)
        : kernel_(kernel), model_(model), options_(options), random_(seed) {}

    Task<Result<>> run();  // Until cancelled.
    // Everything below this sequence has been seen, as far as this reader began before it.
    std::uint64_t position() const noexcept { return cursor_.sequence + 1; }
    // It has seen something, or may wait for the next record for ever.
    bool placed() const noexcept { return started_ || options_.start == wire::TailStart::now; }
    // `oldest`, `end`: of the log.
    bool caught_up(std::uint64_t oldest, std::uint64_t end) const noexcept {
        return started_ ? position() >= end : placed() || oldest == end;
    }
    void behave() noexcept { options_.cut = 0; }
    // Every record of the log below `end` from where this reader began has been given to it.
    void check(const std::vector<LogEntry>& log, std::uint64_t end);

 private:
    Task<Result<>> follow();
    Task<Result<>> follow_on(Connection& connection);
    Task<Result<>> give_credit(Connection& connection, std::uint32_t bytes);
    Result<> take(const wire::FrameView& frame, const Connection& connection);

    io::SimKernel& kernel_;
    Model& model_;
    TailerOptions options_;
    io::SimRandom random_;
    wire::Cursor cursor_;
    bool started_ = false;     // cursor_ is valid.
    bool resumed_ = false;     // The next entry is the first after a resume.
    bool lost_ = false;        // The last cursor was lost: old records have been removed.
    std::uint64_t first_ = 0;  // The first number seen since it was last placed anew.
    std::map<std::uint64_t, std::pair<std::uint32_t, std::uint64_t>> seen_;  // sequence -> (epoch, hash), the newest.
};

// The whole log, oldest first, as one that does not follow.
Task<Result<std::vector<LogEntry>>> read_log(io::SimKernel* kernel, Model* model);

}  // namespace sluice::sim
