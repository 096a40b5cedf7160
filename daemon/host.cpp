#include "daemon/host.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "base/assert.h"

namespace sluice::daemon {

std::array<std::byte, 16> boot_id() {
    std::array<std::byte, 16> id{};
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    std::getline(file, text);
    std::erase(text, '-');
    if (text.size() != 2 * id.size()) {
        return id;
    }
    for (std::size_t i = 0; i < id.size(); ++i) {
        id[i] = static_cast<std::byte>(std::strtoul(text.substr(2 * i, 2).c_str(), nullptr, 16));
    }
    return id;
}

std::uint64_t random_number() {
    std::uint64_t number = 0;
    SLUICE_ASSERT(getrandom(&number, sizeof number, 0) == sizeof number, "getrandom does not fail for 8 bytes");
    return number;
}

Result<> make_directory(const std::string& path, mode_t mode) {
    if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        return fail_errno(errno, "make directory '{}'", path);
    }
    return {};
}

Result<StoreLock> StoreLock::take(const std::string& directory) {
    const std::string path = directory + "/lock";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return fail_errno(errno, "open '{}'", path);
    }
    StoreLock lock(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 16> pid{};
        const ssize_t n = pread(fd, pid.data(), pid.size() - 1, 0);
        return fail(Errc::already_exists, "'{}' is in use by another sluiced (pid {})", directory,
                    n > 0 ? std::atoi(pid.data()) : 0);
    }
    const std::string pid = fmt::format("{}\n", getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
        return fail_errno(errno, "write '{}'", path);
    }
    return lock;
}

StoreLock::StoreLock(StoreLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StoreLock::~StoreLock() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

}  // namespace sluice::daemon
