// /proc, pidfds and cgroups of the machine.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "listeners/process_source.h"

namespace sluice::listeners {

// Finds the path of a cgroup by its id, for processes that have ended: what living ones have taught, else a walk over
// /sys/fs/cgroup, ten times a second at most.  Threads: any.
class CgroupIndex {
 public:
    explicit CgroupIndex(std::string root);
    void learn(std::uint64_t id, std::string_view path);
    // Empty: unknown.  Blocks.
    std::string find(std::uint64_t id);

 private:
    using Paths = std::unordered_map<std::uint64_t, std::string>;
    Paths walk() const;

    const std::string root_;
    SystemClock clock_;
    std::mutex mutex_;
    Paths paths_;  // Empty path: not found.
    MonotonicTime walked_{};
};

class SystemProcesses final : public ProcessSource {
 public:
    SystemProcesses();
    FoundProcess read(pid_t pid, int pidfd, Proof proof) override;
    Fd open(pid_t pid) noexcept override;
    bool holds_pid(int pidfd) noexcept override;
    std::uint64_t identity(int pidfd) noexcept override;

 private:
    CgroupIndex cgroups_;
};

}  // namespace sluice::listeners
