#include "daemon/host.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <vector>

#include "base/assert.h"
#include "base/fd.h"

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

std::size_t datagram_queue_length() {
    constexpr std::size_t kMost = 4096;
    constexpr std::size_t kOfOneSender = 64;  // A sender has room for few: SO_SNDBUF.
    const Fd receiver(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t);  // The kernel chooses an abstract name.
    if (!receiver || bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
        return 0;
    }
    length = sizeof address;
    getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&address), &length);
    std::vector<Fd> senders;
    for (std::size_t count = 0; count < kMost; ++count) {
        if (count % kOfOneSender == 0) {
            senders.emplace_back(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (!senders.back() ||
                connect(senders.back().get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
                return 0;
            }
        }
        if (send(senders.back().get(), "", 0, MSG_NOSIGNAL) != 0) {
            return count;
        }
    }
    return kMost;
}

Result<> make_directory(const std::string& path, mode_t mode) {
    if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        return fail_errno(errno, "make directory '{}'", path);
    }
    return {};
}

Result<> make_own_directory(const std::string& path, mode_t mode, Links links) {
    SLUICE_CHECK(make_directory(path, mode));
    struct stat found{};
    if ((links == Links::refused ? lstat(path.c_str(), &found) : stat(path.c_str(), &found)) != 0) {
        return fail_errno(errno, "look at directory '{}'", path);
    }
    if (S_ISLNK(found.st_mode)) {
        return fail(Errc::permission_denied, "'{}' is a link; a private daemon does not follow it", path);
    }
    if (!S_ISDIR(found.st_mode)) {
        return fail(Errc::wrong_type, "'{}' is not a directory", path);
    }
    if (found.st_uid != geteuid()) {
        return fail(Errc::permission_denied, "'{}' belongs to uid {}; a private daemon needs a directory of uid {}",
                    path, found.st_uid, geteuid());
    }
    const bool by_group = (found.st_mode & S_IWGRP) != 0 && found.st_gid != getegid();
    if (by_group || (found.st_mode & S_IWOTH) != 0) {
        return fail(Errc::permission_denied, "others may write to '{}'; a private daemon needs a directory of its own",
                    path);
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
