#include "io/probe.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/format.h"
#include "io/uring_ring.h"

namespace sluice::io {

namespace {

constexpr std::array kSetupFlags{
    std::pair{IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"},
    std::pair{IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"},
    std::pair{IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN"},
    std::pair{IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"},
};

std::string size_text(std::uint64_t bytes) {
    if (bytes == RLIM_INFINITY) {
        return "unlimited";
    }
    if (bytes >= 1U << 20U && bytes % (1U << 20U) == 0) {
        return fmt::format("{} MiB", bytes >> 20U);
    }
    if (bytes >= 1U << 10U) {
        return fmt::format("{} KiB", bytes >> 10U);
    }
    return fmt::format("{} bytes", bytes);
}

// A file of /proc, at most 4 KiB of it.  System calls, and not a stream: this runs where no file can be opened any
// more.
std::string read_proc(const char* path) {
    std::string text(4096, '\0');
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : ::read(fd, text.data(), text.size());
    if (fd >= 0) {
        ::close(fd);
    }
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
}

template <class T>
std::optional<T> read_number(const char* path) {
    const std::string text = read_proc(path);
    T value{};
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) {
        return std::nullopt;
    }
    return value;
}

std::optional<int> read_seccomp_mode() {
    constexpr std::string_view kLabel = "\nSeccomp:\t";
    const std::string status = read_proc("/proc/self/status");
    const std::size_t at = status.find(kLabel);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    return std::atoi(status.c_str() + at + kLabel.size());
}

std::uint64_t soft_limit(__rlimit_resource resource) noexcept {
    rlimit limit{};
    return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : 0;
}

constexpr const char* kAllowInSeccomp =
    "allow io_uring_setup, io_uring_enter and io_uring_register there (systemd: SystemCallFilter=@system-service has "
    "them; containers: use a seccomp profile that has them)";

Error refused(const UringSwitches& switches) {
    const int disabled = switches.io_uring_disabled.value_or(0);
    if (disabled >= 2) {
        return Error(Errc::permission_denied, EPERM,
                     fmt::format("io_uring is disabled for everyone (kernel.io_uring_disabled={}); set it to 0 (sysctl "
                                 "kernel.io_uring_disabled=0), or to 1 and kernel.io_uring_group to a group of this "
                                 "process",
                                 disabled));
    }
    if (disabled == 1) {
        return Error(Errc::permission_denied, EPERM,
                     fmt::format("io_uring is disabled for this user (kernel.io_uring_disabled=1, "
                                 "kernel.io_uring_group={}); set kernel.io_uring_group to a group of this process, or "
                                 "kernel.io_uring_disabled to 0",
                                 switches.io_uring_group.value_or(-1)));
    }
    if (switches.seccomp == 2) {
        return Error(Errc::permission_denied, EPERM,
                     fmt::format("io_uring_setup is blocked by a seccomp filter (Seccomp: 2 in /proc/self/status, "
                                 "kernel.io_uring_disabled {}); {}",
                                 switches.io_uring_disabled ? "is 0" : "does not exist", kAllowInSeccomp));
    }
    return Error(Errc::permission_denied, EPERM,
                 "io_uring_setup is not permitted, and neither kernel.io_uring_disabled nor a seccomp filter is the "
                 "reason; a security module (SELinux, AppArmor) may be");
}

}  // namespace

std::string Probe::summary() const {
    std::vector<std::string_view> flags;
    for (const auto& [bit, name] : kSetupFlags) {
        if ((setup_flags & bit) != 0) {
            flags.emplace_back(name);
        }
    }
    std::string text =
        fmt::format("io_uring: {} (features {:#x}), {}/{} entries, {} receive buffers of {}",
                    flags.empty() ? std::string("no setup flags") : fmt::format("{}", fmt::join(flags, " ")), features,
                    sq_entries, cq_entries, pooled_buffers, size_text(pooled_buffer_bytes));
    text += opcodes_allowed != 0 ? fmt::format(", restricted to {} opcodes", opcodes_allowed) : ", not restricted";
    if (!opcodes_missing.empty()) {
        text += fmt::format(", missing {}", fmt::join(opcodes_missing, " "));
    }
    text += ring_fd_registered ? "" : ", ring fd not registered";
    text += no_iowait ? "" : ", waiting shows as iowait";
    return text + fmt::format(", memlock {}", size_text(memlock_bytes_max));
}

UringSwitches read_uring_switches() {
    return {
        .io_uring_disabled = read_number<int>("/proc/sys/kernel/io_uring_disabled"),
        .io_uring_group = read_number<long>("/proc/sys/kernel/io_uring_group"),
        .seccomp = read_seccomp_mode(),
        .memlock_bytes_max = soft_limit(RLIMIT_MEMLOCK),
        .open_files_max = soft_limit(RLIMIT_NOFILE),
    };
}

std::uint64_t ring_memory_bytes(std::uint32_t sq_entries, std::uint32_t cq_entries) noexcept {
    constexpr std::uint64_t kPage = 4096;
    constexpr std::uint64_t kHeader = 320;  // Heads, tails, masks and counters, on cache lines of their own.
    const std::uint64_t rings =
        kHeader + std::uint64_t{cq_entries} * sizeof(io_uring_cqe) + std::uint64_t{sq_entries} * sizeof(std::uint32_t);
    return round_up(rings, kPage) + round_up(std::uint64_t{sq_entries} * sizeof(io_uring_sqe), kPage);
}

Error setup_error(int sys_errno, const UringSwitches& switches, std::uint32_t sq_entries, std::uint32_t cq_entries) {
    switch (sys_errno) {
        case EPERM:
        case EACCES:
            return refused(switches);
        case ENOSYS:
            return Error(Errc::unsupported, ENOSYS,
                         switches.seccomp == 2
                             ? fmt::format("io_uring_setup does not exist here (ENOSYS): a seccomp filter hides it "
                                           "(Seccomp: 2 in /proc/self/status), or the kernel was built without it; {}",
                                           kAllowInSeccomp)
                             : "this kernel has no io_uring (ENOSYS: built with CONFIG_IO_URING=n, or too old); use "
                               "Linux 6.1 or newer");
        case ENOMEM:
            return Error(Errc::limit_exceeded, ENOMEM,
                         fmt::format("not enough locked memory for a ring of {}/{} entries: it needs {}, and all rings "
                                     "of this user together may have RLIMIT_MEMLOCK={}; raise it (systemd: "
                                     "LimitMEMLOCK=64M)",
                                     sq_entries, cq_entries, size_text(ring_memory_bytes(sq_entries, cq_entries)),
                                     size_text(switches.memlock_bytes_max)));
        case EMFILE:
            return Error(Errc::limit_exceeded, EMFILE,
                         fmt::format("no file descriptor left for a ring (RLIMIT_NOFILE={}); raise it (systemd: "
                                     "LimitNOFILE=)",
                                     switches.open_files_max));
        case ENFILE:
            return Error(Errc::limit_exceeded, ENFILE,
                         "the whole system has no file left for a ring; raise fs.file-max (sysctl)");
        case EINVAL:
            return Error(
                Errc::unsupported, EINVAL,
                fmt::format("the kernel refuses a ring of {}/{} entries (EINVAL): sizes are powers of two, the "
                            "second at least the first; or it is older than Linux 6.1",
                            sq_entries, cq_entries));
        default:
            return Error::from_errno(sys_errno, "io_uring_setup");
    }
}

Error missing_opcodes_error(const std::vector<std::string>& names) {
    return Error(Errc::unsupported,
                 fmt::format("this kernel's io_uring lacks {}; use Linux 6.1 or newer", fmt::join(names, ", ")));
}

}  // namespace sluice::io
