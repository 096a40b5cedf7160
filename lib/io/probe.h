// What the kernel's io_uring offers, and why it refuses where it does.  Nothing here parses a kernel version: features
// are read from the ring, opcodes from IORING_REGISTER_PROBE, and refusals from the errno together with the switches
// that cause it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::io {

// What the set-up of a ring found.
struct Probe {
    std::uint32_t features = 0;     // IORING_FEAT_* bits.
    std::uint32_t setup_flags = 0;  // IORING_SETUP_* bits that were granted.
    std::uint32_t sq_entries = 0;
    std::uint32_t cq_entries = 0;
    std::uint32_t opcodes_allowed = 0;           // The ring refuses all others; 0: not restricted.
    std::vector<std::string> opcodes_missing{};  // That sluice needs; not empty only in an error.
    std::uint32_t pooled_buffers = 0;            // In the buffer ring.
    std::uint32_t pooled_buffer_bytes = 0;       // Each.
    bool ring_fd_registered = false;             // Saves the fd look-up of each io_uring_enter.
    bool no_iowait = false;                      // A waiting ring is not shown as iowait (Linux 6.15).
    std::uint64_t memlock_bytes_max = 0;         // RLIMIT_MEMLOCK, soft.

    // One line, without a newline.
    std::string summary() const;
};

// What decides whether io_uring may be used, as far as it can be read from outside.
struct UringSwitches {
    std::optional<int> io_uring_disabled{};  // kernel.io_uring_disabled; empty: the kernel has no such switch.
    std::optional<long> io_uring_group{};    // kernel.io_uring_group.
    std::optional<int> seccomp{};            // "Seccomp:" of /proc/self/status; 2: a filter is installed.
    std::uint64_t memlock_bytes_max = 0;     // RLIMIT_MEMLOCK, soft.
    std::uint64_t open_files_max = 0;        // RLIMIT_NOFILE, soft.
};

// Reads /proc and the limits.  What cannot be read stays empty.
UringSwitches read_uring_switches();

// The bytes of locked memory that a ring of this size is charged with.
std::uint64_t ring_memory_bytes(std::uint32_t sq_entries, std::uint32_t cq_entries) noexcept;

// Says why io_uring_setup failed with `sys_errno`, and what to change.
Error setup_error(int sys_errno, const UringSwitches& switches, std::uint32_t sq_entries, std::uint32_t cq_entries);

// Names the opcodes this kernel lacks.
Error missing_opcodes_error(const std::vector<std::string>& names);

}  // namespace sluice::io
