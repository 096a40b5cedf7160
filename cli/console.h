// Standard input, output and error, the stop signals, and progress.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/result.h"

namespace sluice::cli {

// Catches SIGINT and SIGTERM once each; the second one kills as usual.  One object at a time.
class StopSignals {
 public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    bool raised() const noexcept;
    // Readable once a signal came.
    int fd() const noexcept;
};

// A message on standard error, as far as that takes it: what cannot be told there (a full disk, nobody reads) has no
// other place to be told, and ends no command.
template <class... Args>
void tell(fmt::format_string<Args...> format, Args&&... args) {
    const std::string text = fmt::format(format, std::forward<Args>(args)...);
    std::fputs(text.c_str(), stderr);
}

// What a system call of this process, not of the daemon, failed with: closed for EPIPE, io_error for everything else.
Error local_error(int sys_errno, std::string_view what);
// Writes everything.  Errors: closed when the reader is gone (EPIPE), cancelled when a stop signal came in between,
// io_error.
Result<void> write_all(int fd, std::string_view text);
// The reader of standard output is gone: no failure, as with other filters.
bool reader_gone(const Error& error) noexcept;

// Fills `into` with at most into.size() bytes; 0: the end.
Result<std::size_t> read_some(int fd, std::span<std::byte> into);

// "12.3 MiB", "817 B"
std::string human_bytes(double bytes);
// "1.23 M", "812"
std::string human_count(double count);

// One line on standard error, rewritten twice a second, from the second second on; silent unless it is a terminal.
class Progress {
 public:
    // `total_bytes` 0: unknown.
    explicit Progress(std::uint64_t total_bytes = 0);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void add(std::uint64_t bytes, std::uint64_t records = 0);
    // Removes the line, so that a message can be printed.
    void hide();

 private:
    void show(MonotonicTime now);

    SystemClock clock_;
    bool enabled_;
    bool shown_ = false;
    std::uint64_t total_bytes_;
    std::uint64_t bytes_ = 0;
    std::uint64_t records_ = 0;
    MonotonicTime started_;
    MonotonicTime next_;
};

// Of standard output; 80 where it is no terminal.
std::size_t terminal_columns();
// What is wrong with the value of --color; empty: it is auto, always or never.
std::string colour_problem(const std::string& when);
bool use_colour(std::string_view when, int fd) noexcept;

}  // namespace sluice::cli
