#include "cli/console.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace sluice::cli {
namespace {

// A signal handler has no other way to reach anything.
std::atomic<bool> g_raised{false};
std::array<int, 2> g_pipe{-1, -1};

void on_signal(int) {
    const int saved = errno;
    g_raised.store(true);
    const char byte = 0;
    [[maybe_unused]] const ssize_t written = ::write(g_pipe[1], &byte, 1);
    errno = saved;
}

}  // namespace

StopSignals::StopSignals() {
    g_raised.store(false);
    [[maybe_unused]] const int made = ::pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK);
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // Not SA_RESTART: a blocked write must end.
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

StopSignals::~StopSignals() {
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    ::close(g_pipe[0]);
    ::close(g_pipe[1]);
}

bool StopSignals::raised() const noexcept {
    return g_raised.load();
}
int StopSignals::fd() const noexcept {
    return g_pipe[0];
}

Error local_error(int sys_errno, std::string_view what) {
    return {sys_errno == EPIPE ? Errc::closed : Errc::io_error, sys_errno, Error::from_errno(sys_errno, what).text()};
}

Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
            ::poll(&entry, 1, -1);
        } else if (errno != EINTR) {
            return std::unexpected(local_error(errno, "write to standard output"));
        }
        // A blocked write that has moved some bytes ends with their number.
        if (!text.empty() && g_raised.load()) {
            return fail(Errc::cancelled, "stopped while writing to standard output");
        }
    }
    return {};
}

bool reader_gone(const Error& error) noexcept {
    return error.sys_errno() == EPIPE;
}

Result<std::size_t> read_some(int fd, std::span<std::byte> into) {
    for (;;) {
        const ssize_t n = ::read(fd, into.data(), into.size());
        if (n >= 0) {
            return static_cast<std::size_t>(n);
        }
        if (errno == EAGAIN) {
            pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
            ::poll(&entry, 1, -1);
        } else if (errno != EINTR) {
            return std::unexpected(local_error(errno, "read standard input"));
        }
    }
}

std::string human_bytes(double bytes) {
    constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < kUnits.size()) {
        bytes /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string human_count(double count) {
    constexpr std::array<std::string_view, 4> kUnits{"", " k", " M", " G"};
    std::size_t unit = 0;
    while (count >= 1000 && unit + 1 < kUnits.size()) {
        count /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f}", count) : fmt::format("{:.2f}{}", count, kUnits[unit]);
}

Progress::Progress(std::uint64_t total_bytes)
    : enabled_(::isatty(STDERR_FILENO) == 1), total_bytes_(total_bytes), started_(clock_.now()) {
    next_ = started_ + std::chrono::seconds(1);
}

Progress::~Progress() {
    hide();
}

void Progress::add(std::uint64_t bytes, std::uint64_t records) {
    bytes_ += bytes;
    records_ += records;
    if (!enabled_) {
        return;
    }
    const MonotonicTime now = clock_.now();
    if (now >= next_) {
        show(now);
        next_ = now + std::chrono::milliseconds(500);
    }
}

void Progress::show(MonotonicTime now) {
    const double seconds = std::chrono::duration<double>(now - started_).count();
    std::string line = fmt::format("\r\x1b[K{}", human_bytes(static_cast<double>(bytes_)));
    if (total_bytes_ > 0) {
        line += fmt::format(" of {} ({:.0f} %)", human_bytes(static_cast<double>(total_bytes_)),
                            100.0 * static_cast<double>(bytes_) / static_cast<double>(total_bytes_));
    }
    if (records_ > 0) {
        line += fmt::format("  {} records", human_count(static_cast<double>(records_)));
    }
    line += fmt::format("  {}/s", human_bytes(static_cast<double>(bytes_) / seconds));
    tell("{}", line);
    std::fflush(stderr);
    shown_ = true;
}

void Progress::hide() {
    if (shown_) {
        tell("\r\x1b[K");
        std::fflush(stderr);
        shown_ = false;
    }
}

std::size_t terminal_columns() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
}

std::string colour_problem(const std::string& when) {
    return when == "auto" || when == "always" || when == "never"
               ? std::string()
               : fmt::format("{} is none of auto, always and never", when);
}

bool use_colour(std::string_view when, int fd) noexcept {
    if (when != "auto") {
        return when == "always";
    }
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace sluice::cli
