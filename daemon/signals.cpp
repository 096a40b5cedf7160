#include "daemon/signals.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace sluice::daemon {

Result<SignalFd> SignalFd::create() {
    sigset_t mask;
    sigemptyset(&mask);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&mask, signal);
    }
    if (const int error = pthread_sigmask(SIG_BLOCK, &mask, nullptr); error != 0) {
        return fail_errno(error, "block signals");
    }
    const int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        return fail_errno(errno, "signalfd");
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    return SignalFd(fd);
}

SignalFd::~SignalFd() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Result<int> SignalFd::duplicate() const {
    const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        return fail_errno(errno, "duplicate the signalfd");
    }
    return copy;
}

std::optional<int> SignalFd::next() {
    signalfd_siginfo info{};
    ssize_t got = 0;
    do {
        got = ::read(fd_, &info, sizeof info);
    } while (got < 0 && errno == EINTR);
    return got == static_cast<ssize_t>(sizeof info) ? std::optional(static_cast<int>(info.ssi_signo)) : std::nullopt;
}

}  // namespace sluice::daemon
