#include "system/kill_daemon.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <fstream>
#include <thread>

extern char** environ;

namespace sluice::kill {
namespace {
constexpr Duration kPollInterval = std::chrono::milliseconds(5);
constexpr Duration kDeathLimit = std::chrono::seconds(20);  // SIGKILL takes effect when the kernel lets go of the disk.
constexpr std::size_t kLogLinesShown = 8;
}  // namespace

Daemon::Daemon(std::string program, std::string directory)
    : program_(std::move(program)), directory_(std::move(directory)) {}

Daemon::~Daemon() {
    if (pid_ > 0) {
        (void)kill();
    }
}

// Small segments and parts, so that kills also hit their change, and nothing that retention would take away.
Result<> Daemon::write_config() const {
    std::ofstream file(directory_ + "/sluiced.yaml");
    file << "store:\n  directory: " << store_path()
         << "\n  segment_bytes: 1 MiB\n  log_bytes_max: 64 GiB\n  commit_bytes_max: 128 KiB\n"
         << "  seal_rows_max: 1024\n  seal_delay_max: 1 s\n  merge_rows_max: 16384\n"
         << "retention:\n  bytes_max: 0\n  keep_free: 0\n"
         << "  classes:\n    - {name: own, streams: [sluice]}\n"
         << "listen:\n  socket: " << socket_path() << "\n  mode: '0600'\n"
         << "limits:\n  frame_bytes_max: 128 KiB\n  message_bytes_max: 64 KiB\n"
         << "log:\n  target: stderr\n";
    file.close();
    if (!file) {
        return fail(Errc::io_error, "write '{}/sluiced.yaml'", directory_);
    }
    return {};
}

Result<> Daemon::start() {
    const std::string config = directory_ + "/sluiced.yaml";
    const std::string log = log_path();
    std::string option = "--config";
    std::array<char*, 4> arguments{program_.data(), option.data(), const_cast<char*>(config.c_str()), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
    const int error = posix_spawn(&pid_, program_.c_str(), &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) {
        pid_ = -1;
        return fail_errno(error, "start '{}'", program_);
    }
    return {};
}

std::optional<int> Daemon::wait(Duration limit) {
    const SystemClock clock;
    const MonotonicTime deadline = clock.now() + limit;
    for (;;) {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return status;
        }
        if (clock.now() >= deadline) {
            return std::nullopt;
        }
        std::this_thread::sleep_for(kPollInterval);
    }
}

std::string Daemon::ended_text(int status) const {
    std::string text = WIFEXITED(status) ? fmt::format("sluiced left with exit code {}", WEXITSTATUS(status))
                                         : fmt::format("sluiced died of signal {}", WTERMSIG(status));
    std::deque<std::string> last;
    std::ifstream log(log_path());
    for (std::string line; std::getline(log, line);) {
        last.push_back(std::move(line));
        if (last.size() > kLogLinesShown) {
            last.pop_front();
        }
    }
    for (const std::string& line : last) {
        text += "\n    " + line;
    }
    return text;
}

Result<> Daemon::kill() {
    if (const std::optional<int> ended = wait(Duration::zero())) {
        return fail(Errc::internal, "before it was killed: {}", ended_text(*ended));
    }
    ::kill(pid_, SIGKILL);
    if (!wait(kDeathLimit)) {
        return fail(Errc::internal, "sluiced survives SIGKILL for {} s", kDeathLimit / std::chrono::seconds(1));
    }
    return {};
}

Result<> Daemon::stop(Duration limit) {
    ::kill(pid_, SIGTERM);
    const std::optional<int> ended = wait(limit);
    if (!ended) {
        return fail(Errc::internal, "sluiced runs {} s after SIGTERM", limit / std::chrono::seconds(1));
    }
    if (!WIFEXITED(*ended) || WEXITSTATUS(*ended) != 0) {
        return fail(Errc::internal, "after SIGTERM: {}", ended_text(*ended));
    }
    return {};
}

std::uint64_t Daemon::times_ready() const {
    std::uint64_t times = 0;
    std::ifstream log(log_path());
    for (std::string line; std::getline(log, line);) {
        times += line.ends_with(" ready") ? 1 : 0;
    }
    return times;
}

}  // namespace sluice::kill
