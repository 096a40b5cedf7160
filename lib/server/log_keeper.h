// Keeps the parts in order: removes those whose time is over, and merges small neighbours while nothing else is to do.
// Threads: the service loop's.
#pragma once

#include <functional>
#include <optional>

#include "coro/pool.h"
#include "server/log_hub.h"
#include "server/seal_options.h"
#include "store/age_clock.h"
#include "store/part_store.h"

namespace sluice::server {

// What one pass of retention removed of a class, with no part between that stays.
struct Removal {
    std::string class_name{};
    std::uint64_t parts = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;
};

class LogKeeper {
 public:
    // Borrows all but the options until destroyed.  `written`: as AgeClock has it.
    LogKeeper(io::Kernel& kernel, const io::Handle& directory, LogHub& hub, store::PartStore& parts,
              coro::Offload& work, SealOptions options, store::StoreEvents& events, std::optional<WallNs> written);

    // Until cancelled.
    Task<> run();
    // The parts have changed.
    void wake() { wake_.set(); }
    // Applies from the next pass on, which begins now.
    void set_retention(const store::RetentionOptions& retention);
    // `busy`: whether a merge should wait.
    void on_busy(std::function<bool()> busy) { busy_ = std::move(busy); }
    // Writes of a removal into the log.  False: not possible now; it is told again later.
    void on_removed(std::function<bool(const Removal&)> told) { told_ = std::move(told); }
    // The same of a step of the wall clock, where parts may go for their age.
    void on_clock_step(std::function<bool(Duration)> told) { step_told_ = std::move(told); }

 private:
    void read_clock();
    Task<Result<>> expire();
    Task<Result<bool>> merge();
    void tell();

    io::Kernel& kernel_;
    const io::Handle& directory_;
    LogHub& hub_;
    store::PartStore& parts_;
    coro::Offload& work_;
    SealOptions options_;
    store::StoreEvents& events_;
    std::function<bool()> busy_;
    std::function<bool(const Removal&)> told_;
    std::vector<Removal> untold_;
    store::AgeClock ages_;
    WallNs age_now_ = 0;
    std::function<bool(Duration)> step_told_;
    std::vector<Duration> untold_steps_;
    std::set<std::string> spared_;  // Files that cannot be merged.
    coro::Event wake_;
};

}  // namespace sluice::server
