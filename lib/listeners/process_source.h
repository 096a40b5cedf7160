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
    std::string comm;     // At most 15 bytes.  Any bytes: a process chooses its own.
    std::string exe;      // Path; needs the rights to look at the process.
    std::string cmdline;  // Arguments with spaces between; at most kCommandLineMax bytes.
    std::string unit;
    std::string user_unit;
    std::string container;
};
inline constexpr std::size_t kCommandLineMax = 1024;
inline constexpr std::size_t kTrustedBytesMax = 8192;  // Of a sender's fields together: path, command line, names.

// Threads: any, several at once.
class ProcessSource {
 public:
    virtual ~ProcessSource() = default;
    // Blocks, for as long as the process has its memory locked at the worst.  `pidfd` -1: none.
    virtual ProcessFacts read(pid_t pid, int pidfd, Proof proof) = 0;
    // Never blocks.  The process with that number now; empty: there is none, or the kernel has no pidfds.
    virtual Fd open(pid_t pid) noexcept = 0;
    // Never blocks.  Whether the number of the process is its own still: it runs, or was not waited for.
    virtual bool holds_pid(int pidfd) noexcept = 0;
    // Never blocks.  Tells processes apart for as long as the machine runs; 0: the kernel does not tell (Linux 6.9).
    virtual std::uint64_t identity(int pidfd) noexcept = 0;
};

}  // namespace sluice::listeners
