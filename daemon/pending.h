// What a stop that is given up was waiting for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coro/pool.h"

namespace sluice::daemon {

struct PendingWork {
    std::string_view stage;                                              // "what is queued"
    std::vector<std::pair<std::string_view, std::size_t>> operations{};  // Of files, in the kernel: name, how many.
    std::vector<coro::ThreadPool::JobState> jobs{};
    bool log_is_closed = false;  // Then nothing that was acknowledged is lost.
};

// A line for the log, which blames the disk for operations that it has not answered, and for nothing else.
std::string pending_text(const PendingWork& work);

}  // namespace sluice::daemon
