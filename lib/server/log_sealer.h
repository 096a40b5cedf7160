// Seals the log: when enough of it is durable, its groups become parts, built on a pool and written beside the commits.
// Only what is durable is sealed, so that a part never holds a record that a power loss takes from the log.
// Threads: the service loop's.
#pragma once

#include <functional>
#include <optional>

#include "coro/pool.h"
#include "server/log_hub.h"
#include "server/seal_options.h"
#include "store/part_store.h"
#include "store/seal.h"

namespace sluice::server {

class LogSealer {
 public:
    // Borrows all but the options until destroyed.  `directory`: fd of the store's.  `log_bytes_max`: of the segments;
    // at half of it what is durable is sealed, however little that is.
    LogSealer(io::Kernel& kernel, int directory, LogHub& hub, store::PartStore& parts, coro::Offload& work,
              SealOptions options, std::uint64_t log_bytes_max, store::StoreEvents& events);

    // Seals until cancelled.
    Task<> run();
    // Something was written, or became durable.
    void note_written();
    // Seal what is durable, as soon as possible.
    void urge();
    // Called after each seal.
    void on_sealed(std::function<void()> told) { told_ = std::move(told); }
    void on_failed(std::function<void()> told) { told_failure_ = std::move(told); }
    // For seals from now on.
    void set_retention(const store::RetentionOptions& retention);
    void set_log_bytes_max(std::uint64_t bytes) noexcept { log_bytes_max_ = bytes; }

    // Seals now, or is about to.
    bool busy() const noexcept { return sealing_ || due(); }
    // co_await sealer.settled(): until a seal has succeeded or failed.
    coro::Event::Awaiter settled() noexcept { return settled_.wait(); }
    // Of the last seal.
    const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
    // What one seal takes.
    struct Take {
        std::vector<store::SealGroup> groups{};
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
        std::uint64_t missing_rows = 0;
        std::uint64_t end = 0;
    };
    bool due() const noexcept;
    Task<Result<>> wait_until_due();
    Task<Result<>> seal();
    Task<Result<Take>> take_groups();
    bool fits(const Take& take, std::uint32_t count) const noexcept;

    io::Kernel& kernel_;
    int directory_;
    LogHub& hub_;
    store::PartStore& parts_;
    coro::Offload& work_;
    SealOptions options_;
    std::shared_ptr<const store::RetentionOptions> classes_;
    std::uint64_t log_bytes_max_;
    store::StoreEvents& events_;
    std::function<void()> told_;
    std::function<void()> told_failure_;
    std::optional<MonotonicTime> open_since_;  // When the oldest record that is not sealed was seen.
    bool waits_for_disk_ = false;              // Nothing is durable that is not sealed: it waits for no time.
    bool urged_ = false;
    bool sealing_ = false;
    std::optional<Error> failure_;
    unsigned failures_ = 0;  // In a row.
    coro::Event wake_;
    coro::Event settled_;
};

}  // namespace sluice::server
