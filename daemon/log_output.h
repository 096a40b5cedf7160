// sluiced's own messages, on standard error.  The only user of spdlog.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "daemon/config.h"

namespace sluice::daemon {

// A thread of its own writes, so that a reader of standard error that has stopped (a full pipe, a stuck journald) never
// stops the daemon: up to kWaitingMax messages wait, more are dropped and their number is written as soon as it can be.
// On a target that is the journal, lines are "<N>text" with N a syslog severity; else time, level, text, in colour on a
// terminal.  A message of several lines becomes several lines with the same prefix.
// Untrusted text must have been escaped by the caller.
// Threads: any.  Create after SignalFd; the destructor writes what is waiting.
class LogOutput {
 public:
    static constexpr std::size_t kWaitingMax = 1024;

    // Borrows `file` until destroyed.
    LogOutput(LogLevel level, LogTarget target, std::FILE* file = stderr);
    LogOutput(const LogOutput&) = delete;
    LogOutput& operator=(const LogOutput&) = delete;
    ~LogOutput();

    void set_level(LogLevel level) noexcept;
    bool shows(LogLevel level) const noexcept;
    bool to_journal() const noexcept;  // What `automatic` turned out to be.

    void write(LogLevel level, std::string text);
    // Returns when everything written before has been handed to the kernel.  Waits; for start-up and exit only.
    void flush();

    template <class... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    void warning(fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) {
        if (shows(LogLevel::info)) {
            write(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
        }
    }
    template <class... Args>
    void debug(fmt::format_string<Args...> format, Args&&... args) {
        if (shows(LogLevel::debug)) {
            write(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
        }
    }

 private:
    class Writer;
    std::unique_ptr<Writer> writer_;
};

// True if `file` is the stream that $JOURNAL_STREAM ("DEVICE:INODE") names: systemd connected it to the journal.
bool is_journal_stream(std::FILE* file);

}  // namespace sluice::daemon
