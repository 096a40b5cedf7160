// What can be known of the process that sent a message.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "io/message.h"

namespace sluice::listeners {

// How sure it is that what is said of a sender, beyond its pid, uid and gid, is true of the very process that sent.
// The words of the field _sender.
enum class Proof : std::uint8_t {
    kernel,  // Nothing was read of the process: it had ended.  _unit and _container, if there, the kernel remembered.
    pid,     // Read by its number; another process can have had the number before, or have it since.
    pidfd,   // The kernel handed over the process itself with the message.
};
constexpr std::string_view proof_name(Proof proof) noexcept {
    switch (proof) {
        case Proof::kernel:
            return "kernel";
        case Proof::pid:
            return "pid";
        default:
            return "pidfd";
    }
}

struct ProcessFacts {
    Proof proof = Proof::kernel;
    std::string comm;     // Any bytes, also none: a process chooses its own.
    std::string exe;      // Path; needs the rights to look at the process.
    std::string cmdline;  // Arguments with spaces between; at most kCommandLineMax bytes.
    std::string unit;
    std::string user_unit;
    std::string container;
};
inline constexpr std::size_t kCommandLineMax = 1024;
inline constexpr std::size_t kTrustedBytesMax = 8192;  // Of a sender's fields together: path, command line, names.

// Without cmdline.
struct FoundProcess {
    ProcessFacts facts{};
    Fd directory;  // /proc/PID of that very process, for read_command_line(); empty: it has ended.
};

// Threads: any, several at once.
class ProcessSource {
 public:
    virtual ~ProcessSource() = default;
    // Reads files, but nothing that the process could hold back.  `pidfd` -1: none.
    virtual FoundProcess read(pid_t pid, int pidfd, Proof proof) = 0;
    // Never blocks.  The process with that number now; empty: there is none, or the kernel has no pidfds.
    virtual Fd open(pid_t pid) noexcept = 0;
    // Never blocks.  Whether the number of the process is its own still: it runs, or was not waited for.  In doubt: no.
    virtual bool holds_pid(int pidfd) noexcept = 0;
    // Never blocks.  Tells processes apart for as long as the machine runs; 0: the kernel does not tell (Linux 6.9).
    virtual std::uint64_t identity(int pidfd) noexcept = 0;
};

// Blocks for as long as the process has its memory locked, or has its arguments in memory that somebody else provides.
std::string read_command_line(Fd directory);

}  // namespace sluice::listeners
