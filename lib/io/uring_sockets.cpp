// The calls of UringKernel that never block: listening on a path, asking who the peer is.
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/fd.h"
#include "io/uring_kernel.h"

namespace sluice::io {

namespace {

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return fail(Errc::invalid_argument, "socket path '{}' has {} bytes; 1 to {} are possible", path, path.size(),
                    sizeof address.sun_path - 1);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

int connect_to(int fd, const sockaddr_un& address) noexcept {
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

enum class Present { nothing, stale_socket };

// What stands at the path of `address`; an error if it must not be replaced.
Result<Present> look_at(const std::string& path, const sockaddr_un& address) {
    struct stat found{};
    if (lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) {
            return Present::nothing;
        }
        return fail_errno(errno, "look at socket path '{}'", path);
    }
    if (!S_ISSOCK(found.st_mode)) {
        return fail(Errc::already_exists, "'{}' exists and is not a socket; remove it or choose another path", path);
    }
    // Non-blocking: a listener whose queue is full answers EAGAIN at once, and is a listener all the same.
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.get() < 0) {
        return fail_errno(errno, "create a socket");
    }
    switch (const int error = connect_to(probe.get(), address)) {
        case ECONNREFUSED:
            return Present::stale_socket;
        case ENOENT:
            return Present::nothing;
        case 0:
        case EAGAIN:
        case EPROTOTYPE:  // Of another type, but somebody's.
            return fail(Errc::already_exists, "socket '{}' is already in use: another process listens on it", path);
        default:
            return fail_errno(error, "find out whether another process listens on socket '{}'", path);
    }
}

// In the same folder, so that rename() can put it in place; unique for this process and call.
std::string temporary_name(const std::string& path, const void* unique) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    return fmt::format("{}.{:x}-{:x}", folder, getpid(), reinterpret_cast<std::uintptr_t>(unique) & 0xffffff);
}

// The socket gets its name and its mode before anybody can see it under `path`.
Result<> bind_and_listen(int fd, const std::string& path, mode_t mode, SocketKind kind, Present present) {
    const int local = 0;
    const std::string temporary = temporary_name(path, &local);
    SLUICE_TRY(const sockaddr_un address, address_of(temporary));
    // bind() creates the file with the mode of the socket's own inode, less the umask: never too much.  chmod() then
    // gives what the umask took.
    if (fchmod(fd, mode) != 0) {
        return fail_errno(errno, "set the mode of socket '{}'", path);
    }
    ::unlink(temporary.c_str());
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return fail_errno(errno, "bind socket '{}'", path);
    }
    const unsigned flags = present == Present::nothing ? RENAME_NOREPLACE : 0U;
    Result<> done;
    if (chmod(temporary.c_str(), mode) != 0) {
        done = fail_errno(errno, "set the mode of socket '{}'", path);
    } else if (kind == SocketKind::stream && ::listen(fd, SOMAXCONN) != 0) {
        done = fail_errno(errno, "listen on socket '{}'", path);
    } else if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), flags) != 0) {
        done = errno == EEXIST
                   ? Result<>(fail(Errc::already_exists, "socket '{}' is already in use: it appeared just now", path))
                   : Result<>(fail_errno(errno, "name socket '{}'", path));
    }
    if (!done) {
        ::unlink(temporary.c_str());
    }
    return done;
}

}  // namespace

Result<Handle> UringKernel::listen_unix(const std::string& path, mode_t mode, SocketKind kind) {
    SLUICE_TRY(const sockaddr_un address, address_of(path));
    SLUICE_TRY(const Present present, look_at(path, address));
    const int type = kind == SocketKind::stream ? SOCK_STREAM : SOCK_DGRAM;
    Handle made(*this, socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!made) {
        return fail_errno(errno, "create a socket for '{}'", path);
    }
    if (kind == SocketKind::datagram) {  // Before it has a name: nothing comes without its sender.
        SLUICE_CHECK(receive_senders(made, PassedFiles::refused));
    }
    SLUICE_CHECK(bind_and_listen(made.fd(), path, mode, kind, present));
    return made;
}

Result<PeerCredentials> UringKernel::peer_credentials(const Handle& socket) {
    ucred found{};
    socklen_t length = sizeof found;
    if (getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &found, &length) != 0) {
        return fail_errno(errno, "read the credentials of a peer");
    }
    return PeerCredentials{.pid = found.pid, .uid = found.uid, .gid = found.gid};
}

Result<std::vector<gid_t>> UringKernel::peer_groups(const Handle& socket) {
    std::vector<gid_t> groups(32);
    for (;;) {  // Bounded: the second turn has the number that the kernel has told, which is fixed at the connect.
        auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int answer = getsockopt(socket.fd(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
        if (answer != 0 && errno != ERANGE) {
            return fail_errno(errno, "read the groups of a peer");
        }
        groups.resize(length / sizeof(gid_t));
        if (answer == 0) {
            return groups;
        }
    }
}

}  // namespace sluice::io
