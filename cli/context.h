// What the subcommands share: the daemon's socket, exit codes, and how an error is told.
#pragma once

#include <string>
#include <string_view>

#include "client/client.h"
#include "client/retry.h"

namespace sluice::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRefused = 3;  // By policy or by a limit.

struct Context {
    std::string socket_option;  // --socket; empty: not given.

    // --socket or SLUICE_SOCKET, else the user's own daemon if it has a socket, else the machine's.
    std::string socket_path() const;
};

int exit_code_of(Errc code) noexcept;

// Prints "sluice COMMAND: TEXT (code)" and, where there is one, what to do next.  Returns the exit code.
int report(std::string_view command, const Error& error);
// The same for a failed connect to `path`.
int report_no_daemon(std::string_view command, std::string_view path, const Error& error);
// A command line that parses and makes no sense.  Returns kExitUsage.
int report_usage(std::string_view command, std::string_view text);

Result<client::Client> connect(const Context& context, std::string_view command);

// Tells what a command waits for, once per trouble: a daemon that is gone, or one whose disk is full, fails, or that is
// at a limit.
class WaitingNotice {
 public:
    explicit WaitingNotice(std::string_view command, std::string path) : command_(command), path_(std::move(path)) {}
    void waiting(const client::Waiting& waiting);
    // Progress was made.
    void over();
    // There is trouble now.
    bool shown() const noexcept { return shown_; }

 private:
    std::string command_;
    std::string path_;
    bool shown_ = false;
};

// "root:path".  Errors: invalid_argument.
struct RootPath {
    std::string root;
    std::string path;
};
Result<RootPath> parse_root_path(std::string_view text);

}  // namespace sluice::cli
