#include "daemon/machine_checks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/fd.h"
#include "base/format.h"
#include "daemon/config_values.h"

namespace sluice::daemon {
namespace {

namespace fs = std::filesystem;

bool same_directory(const fs::path& a, const fs::path& b) {
    struct stat of_a{};
    struct stat of_b{};
    return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

// Links resolved as far as the path is there.
fs::path resolved(const std::string& path) {
    std::error_code error;
    fs::path found = fs::weakly_canonical(path, error);
    return error ? fs::path(path).lexically_normal() : found;
}

// `inner` is `outer` or lies in it, also by way of a bind mount.
bool contains(const std::string& outer, const std::string& inner) {
    const fs::path wanted = resolved(outer);
    fs::path at = resolved(inner);
    for (;;) {  // Bounded by the components.
        if (at == wanted || same_directory(at, wanted)) {
            return true;
        }
        if (!at.has_relative_path()) {
            return false;
        }
        at = at.parent_path();
    }
}

enum class Holder : std::uint8_t { nobody, somebody, unknown };

struct StoreHolder {
    Holder holder = Holder::nobody;
    pid_t pid = 0;
};

// Whether a daemon has this store, which is then the one that the configuration is for.
StoreHolder holder_of(const std::string& store) {
    const Fd lock(::open((store + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW));
    if (!lock) {
        return {.holder = errno == ENOENT || errno == ENOTDIR ? Holder::nobody : Holder::unknown};
    }
    if (::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) {
        return {};
    }
    std::array<char, 16> text{};
    const ssize_t got = ::pread(lock.get(), text.data(), text.size() - 1, 0);
    return {.holder = got > 0 ? Holder::somebody : Holder::unknown, .pid = std::atoi(text.data())};
}

// The inodes of the sockets that stand at `path`, in this network namespace.
std::vector<std::uint64_t> sockets_at(const std::string& path) {
    std::vector<std::uint64_t> inodes;
    std::ifstream table("/proc/net/unix");
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {  // Num RefCount Protocol Flags Type St Inode Path
        std::istringstream fields(line);
        std::string skipped;
        std::uint64_t inode = 0;
        std::string at;
        fields >> skipped >> skipped >> skipped >> skipped >> skipped >> skipped >> inode >> at;
        if (at == path) {
            inodes.push_back(inode);
        }
    }
    return inodes;
}

// True also where that cannot be seen.
bool may_be_of(pid_t pid, const std::vector<std::uint64_t>& inodes) {
    std::error_code error;
    const fs::directory_iterator all(fmt::format("/proc/{}/fd", pid), error);
    if (error || inodes.empty()) {
        return true;
    }
    for (const fs::directory_entry& entry : all) {
        const std::string target = fs::read_symlink(entry.path(), error).string();
        if (!error && std::ranges::any_of(
                          inodes, [&](std::uint64_t inode) { return target == fmt::format("socket:[{}]", inode); })) {
            return true;
        }
    }
    return false;
}

bool somebody_listens(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return false;  // Refused elsewhere.
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int answer = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return answer == 0 || errno == EAGAIN || errno == EPROTOTYPE;  // Of another type, but somebody's.
}

std::optional<std::string> socket_problem(const std::string& path, const StoreHolder& own) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) {
        return std::nullopt;
    }
    if (!S_ISSOCK(found.st_mode)) {
        return fmt::format("{} is there and is not a socket", quote(path));
    }
    if (own.holder == Holder::unknown || !somebody_listens(path) ||
        (own.holder == Holder::somebody && may_be_of(own.pid, sockets_at(path)))) {
        return std::nullopt;
    }
    return fmt::format("another program listens on {}", quote(path));
}

}  // namespace

ConfigProblems check_places(const Config& config) {
    ConfigProblems problems;
    const std::string& store = config.store.directory;
    for (std::size_t i = 0; i < config.roots.size(); ++i) {
        const std::string& path = config.roots[i].path;
        const bool outside = contains(path, store);
        if (outside || contains(store, path)) {
            problems.push_back(
                {.key = fmt::format("roots[{}].path", i),
                 .text = fmt::format("{} {} store.directory, {}: clients could read the log, and destroy it",
                                     quote(path), outside ? "contains" : "is in", quote(store))});
        }
    }
    return problems;
}

ConfigProblems check_machine(const Config& config) {
    ConfigProblems problems;
    for (std::size_t i = 0; i < config.roots.size(); ++i) {
        std::error_code error;
        if (!fs::is_directory(config.roots[i].path, error)) {
            const bool absent = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
            if (!error || absent) {
                problems.push_back({.key = fmt::format("roots[{}].path", i),
                                    .text = fmt::format("{} is {}", quote(config.roots[i].path),
                                                        error ? "not there" : "not a directory")});
            }
        }
    }
    const StoreHolder own = holder_of(config.store.directory);
    const auto check = [&](std::string key, const std::string& path) {
        if (auto problem = socket_problem(path, own)) {
            problems.push_back({.key = std::move(key), .text = *std::move(problem)});
        }
    };
    check("listen.socket", config.listen.socket);
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
        if (config.listeners[i].enabled) {
            check(fmt::format("listeners[{}].socket", i), config.listeners[i].socket);
        }
    }
    return problems;
}

}  // namespace sluice::daemon
