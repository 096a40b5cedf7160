// Prepares segment files ahead of need: zero-filled and synced, so that a commit only overwrites blocks that exist,
// which takes half the time of an append and changes no metadata. Threads: those of its kernel.
#pragma once

#include <deque>
#include <string>

#include "coro/scope.h"
#include "coro/sync.h"
#include "io/kernel.h"
#include "store/catalog.h"

namespace sluice::store {

class SparePool {
 public:
    // Borrows all until destroyed.  `directory` is the store's.
    SparePool(io::Kernel& kernel, const io::Handle& directory, std::uint64_t segment_bytes, StoreEvents& events)
        : kernel_(kernel), directory_(directory), segment_bytes_(segment_bytes), events_(events) {}

    // Fill with O_DIRECT, so that no cached page is in the way of later O_DIRECT commits.
    void set_direct(bool direct) noexcept { direct_ = direct; }

    // A spare found at start, or a full-size segment that was retired and renamed.
    void add(std::uint32_t number);
    // A name for a file that is about to become a spare.
    std::uint32_t next_number() noexcept { return ++last_number_; }
    bool wants_more() const noexcept { return ready_.size() < kReadyMax; }

    // The name of a spare, no longer the pool's.  Makes one if none is ready.
    Task<Result<std::string>> take();
    // Keeps one spare ready until cancelled.  A failure is reported, and tried again at the next take().
    Task<> keep_ready();

 private:
    static constexpr std::size_t kReadyMax = 2;
    Task<Result<>> make();
    Task<Result<>> fill(const std::string& temporary);

    io::Kernel& kernel_;
    const io::Handle& directory_;
    std::uint64_t segment_bytes_;
    StoreEvents& events_;
    bool direct_ = false;
    std::uint32_t last_number_ = 0;
    std::deque<std::uint32_t> ready_;
    coro::Mutex making_;
    coro::Event wanted_;
};

// For shield(): unlinks `name`.
Task<Result<>> remove_file(io::Kernel& kernel, const io::Handle& directory, std::string name);

}  // namespace sluice::store
