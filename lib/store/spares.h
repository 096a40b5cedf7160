// Prepares segment files ahead of need: zero-filled and synced, so that a commit only overwrites blocks that exist,
// which takes half the time of an append and changes no metadata. Threads: those of its kernel.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "coro/scope.h"
#include "coro/sync.h"
#include "io/kernel.h"
#include "store/catalog.h"

namespace sluice::store {

class SparePool {
 public:
    // Borrows all until destroyed.  `directory` is the store's.
    // `on_made`: is called when is_making() ends.
    SparePool(io::Kernel& kernel, const io::Handle& directory, std::uint64_t segment_bytes, StoreEvents& events,
              std::function<void()> on_made)
        : kernel_(kernel),
          directory_(directory),
          segment_bytes_(segment_bytes),
          events_(events),
          on_made_(std::move(on_made)) {}

    // Fill with O_DIRECT, so that no cached page is in the way of later O_DIRECT commits.
    void set_direct(bool direct) noexcept { direct_ = direct; }

    // A spare found at start.  One of another size comes from another segment_bytes, and is removed: a segment never
    // grows, because readers do not look again where it ended.
    Task<Result<>> adopt(std::uint32_t number);
    // The segment `name` has `file_bytes` and is done with: it becomes a spare, unless it has another size or
    // `ready_max` are ready.
    Task<Result<>> recycle(std::string name, std::uint64_t file_bytes, std::size_t ready_max);
    // None is ready, and one is made.
    bool is_making() const noexcept { return making_one_ && ready_.empty(); }

    // The name of a spare, no longer the pool's.  Makes one if none is ready.
    Task<Result<std::string>> take();
    // Keeps one spare ready until cancelled.  A failure is reported, and tried again at the next take().
    Task<> keep_ready();

 private:
    std::uint32_t next_number() noexcept { return ++last_number_; }
    void add(std::uint32_t number);
    Task<Result<>> make();
    Task<Result<>> fill(const std::string& temporary);

    io::Kernel& kernel_;
    const io::Handle& directory_;
    std::uint64_t segment_bytes_;
    StoreEvents& events_;
    std::function<void()> on_made_;
    bool making_one_ = false;
    bool direct_ = false;
    std::uint32_t last_number_ = 0;
    std::deque<std::uint32_t> ready_;
    coro::Mutex making_;
    coro::Event wanted_;
};

// For shield(): unlinks `name`.
Task<Result<>> remove_file(io::Kernel& kernel, const io::Handle& directory, std::string name);

}  // namespace sluice::store
