#include "listeners/system_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/format.h"
#include "listeners/cgroup_name.h"

namespace sluice::listeners {
namespace {

constexpr std::size_t kCgroupFileMax = 16384;
constexpr std::size_t kCgroupsMax = 20'000;
constexpr Duration kWalkInterval = std::chrono::milliseconds(100);
constexpr long kCgroup2Magic = 0x63677270;

// Of linux/pidfd.h, which Debian 12's headers are older than.
struct PidfdInfo {
    std::uint64_t mask;
    std::uint64_t cgroup_id;
    std::uint32_t pid;
    std::uint32_t tgid;
    std::uint32_t ppid;
    std::uint32_t ids[8];
    std::int32_t exit_code;
    std::uint32_t coredump_mask;
    std::uint32_t spare;
};
static_assert(sizeof(PidfdInfo) == 72);
constexpr std::uint64_t kInfoCgroup = 1U << 2U;
constexpr std::uint64_t kInfoExit = 1U << 3U;

// Linux 6.13.  Without `kInfoExit` only of one that was not waited for.
bool ask(int pidfd, std::uint64_t mask, PidfdInfo& info) noexcept {
    info = {};
    info.mask = mask;
    return ioctl(pidfd, _IOWR(0xFF, 11, PidfdInfo), &info) == 0;
}

// Of a process that was waited for since Linux 6.15.  0: not told.
std::uint64_t cgroup_id_of(int pidfd) noexcept {
    PidfdInfo info{};
    return ask(pidfd, kInfoCgroup | kInfoExit, info) && (info.mask & kInfoCgroup) != 0 ? info.cgroup_id : 0;
}

// At most `most` bytes.  Empty: it cannot be read, because the process has ended, as a rule.
std::optional<std::string> read_file(int directory, const char* name, std::size_t most) {
    const Fd file(openat(directory, name, O_RDONLY | O_CLOEXEC));
    std::string text(most, '\0');
    std::size_t done = 0;
    while (done < text.size()) {  // Bounded: each turn reads at least one byte or ends.
        const ssize_t n = ::read(file.get(), text.data() + done, text.size() - done);
        if (n < 0) {
            return std::nullopt;
        }
        if (n == 0) {
            break;
        }
        done += static_cast<std::size_t>(n);
    }
    text.resize(done);
    return text;
}

std::string read_link(int directory, const char* name) {
    std::string path(4096, '\0');
    const ssize_t n = readlinkat(directory, name, path.data(), path.size());
    path.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return path;
}

std::string cgroup_root() {
    struct statfs found{};
    const bool unified = statfs("/sys/fs/cgroup", &found) == 0 && found.f_type == kCgroup2Magic;
    return unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
}

void take_names(std::string_view cgroup, ProcessFacts& facts) {
    CgroupName names = parse_cgroup(cgroup);
    facts.unit = std::move(names.unit);
    facts.user_unit = std::move(names.user_unit);
    facts.container = std::move(names.container);
}

}  // namespace

// ---- cgroups by id ----

CgroupIndex::CgroupIndex(std::string root) : root_(std::move(root)) {}

void CgroupIndex::learn(std::uint64_t id, std::string_view path) {
    const std::lock_guard lock(mutex_);
    if (paths_.size() >= kCgroupsMax) {
        paths_.clear();
    }
    paths_.insert_or_assign(id, std::string(path));
}

std::string CgroupIndex::find(std::uint64_t id) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = paths_.find(id);
        if (found != paths_.end() || clock_.now() - walked_ < kWalkInterval) {
            return found == paths_.end() ? std::string() : found->second;
        }
        walked_ = clock_.now();
    }
    Paths fresh = walk();
    const std::lock_guard lock(mutex_);
    if (paths_.size() + fresh.size() > 2 * kCgroupsMax) {
        paths_.clear();
    }
    paths_.merge(std::move(fresh));
    return paths_[id];  // What is not there now never will be: ids are not used again.
}

// The id of a cgroup is the inode number of its directory (kernfs, on 64-bit machines).  Directories come and go
// meanwhile: an error ends the one that it is about.
CgroupIndex::Paths CgroupIndex::walk() const {
    namespace fs = std::filesystem;
    Paths found;
    std::vector<std::string> open{root_};
    while (!open.empty() && found.size() < kCgroupsMax) {  // Bounded by the number of directories.
        const std::string directory = std::move(open.back());
        open.pop_back();
        std::error_code error;
        for (auto it = fs::directory_iterator(directory, error); !error && it != fs::directory_iterator();
             it.increment(error)) {
            std::error_code ignored;
            struct stat status{};
            if (it->is_directory(ignored) && stat(it->path().c_str(), &status) == 0) {
                found.emplace(status.st_ino, it->path().native().substr(root_.size()));
                open.push_back(it->path().native());
            }
        }
    }
    return found;
}

// ---- processes ----

SystemProcesses::SystemProcesses() : cgroups_(cgroup_root()) {}

FoundProcess SystemProcesses::read(pid_t pid, int pidfd, Proof proof) {
    FoundProcess found;
    ProcessFacts& facts = found.facts;
    Fd directory(::open(fmt::format("/proc/{}", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::optional<std::string> comm;
    // In this order: where the process holds its number after the directory was opened, the directory is its own, and
    // stays so.
    if (directory && (pidfd < 0 || holds_pid(pidfd))) {
        comm = read_file(directory.get(), "comm", 64);  // First: it is what goes last.
    }
    const std::uint64_t cgroup = pidfd < 0 ? 0 : cgroup_id_of(pidfd);
    if (!comm) {
        if (cgroup != 0) {
            take_names(cgroups_.find(cgroup), facts);
        }
        return found;
    }
    facts.proof = proof;
    facts.comm = comm->substr(0, comm->size() - (comm->ends_with('\n') ? 1 : 0));
    facts.exe = read_link(directory.get(), "exe");
    const std::string file = read_file(directory.get(), "cgroup", kCgroupFileMax).value_or("");
    const std::string_view path = cgroup_path(file);
    take_names(path, facts);
    if (cgroup != 0 && (!facts.unit.empty() || !facts.container.empty())) {
        cgroups_.learn(cgroup, path);
    } else if (cgroup != 0) {  // One that has ended is in the root of systemd's hierarchy (cgroup v1), whatever it was.
        take_names(cgroups_.find(cgroup), facts);
    }
    found.directory = std::move(directory);
    return found;
}

std::string read_command_line(Fd directory) {
    std::string line = read_file(directory.get(), "cmdline", kCommandLineMax).value_or("");
    line.resize(line.find_last_not_of('\0') + 1);  // npos + 1 is 0.
    std::ranges::replace(line, '\0', ' ');
    return line;
}

Fd SystemProcesses::open(pid_t pid) noexcept {
    return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

bool SystemProcesses::holds_pid(int pidfd) noexcept {
    pollfd ended{.fd = pidfd, .events = POLLIN, .revents = 0};
    if (poll(&ended, 1, 0) == 0) {
        return true;
    }
    // It has ended.  A number is free when somebody has waited for its process.
    PidfdInfo info{};
    return ask(pidfd, kInfoCgroup, info) || syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0;
}

std::uint64_t SystemProcesses::identity(int pidfd) noexcept {
    // Before Linux 6.9 every pidfd is the same inode.
    struct statfs system{};
    struct stat status{};
    constexpr long kPidfsMagic = 0x50494446;
    const bool unique = fstatfs(pidfd, &system) == 0 && system.f_type == kPidfsMagic && fstat(pidfd, &status) == 0;
    return unique ? status.st_ino : 0;
}

}  // namespace sluice::listeners
