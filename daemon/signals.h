// Signals as a file that the service loop polls: no handlers, no asynchronous code.
#pragma once

#include <optional>
#include <utility>

#include "base/result.h"

namespace sluice::daemon {

// Threads: create before the first other thread, because threads inherit the blocked mask.
class SignalFd {
 public:
    // Blocks SIGTERM, SIGINT and SIGHUP in this thread and receives them instead; ignores SIGPIPE and SIGXFSZ in the
    // process (writes return EPIPE and EFBIG).  Errors: io_error, limit_exceeded (no fds).
    static Result<SignalFd> create();

    SignalFd(SignalFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    SignalFd& operator=(SignalFd&&) = delete;
    ~SignalFd();

    // For polling.  It stays owned by this object: wrap duplicate() where an owner closes what it is given.
    int fd() const noexcept { return fd_; }
    Result<int> duplicate() const;

    // The next pending signal, or empty.  Never waits.
    std::optional<int> next();

 private:
    explicit SignalFd(int fd) noexcept : fd_(fd) {}
    int fd_;
};

}  // namespace sluice::daemon
