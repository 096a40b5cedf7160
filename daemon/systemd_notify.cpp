#include "daemon/systemd_notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/format.h"

namespace sluice::daemon {
namespace {

std::string one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return line;
}

Result<io::SocketKind> check_listener(int fd, const std::string& name) {
    const int listens = sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1);
    const int receives = sd_is_socket(fd, AF_UNIX, SOCK_DGRAM, -1);
    if (listens < 0 || receives < 0) {
        return fail_errno(-std::min(listens, receives), "look at the passed fd {} ('{}')", fd, name);
    }
    if (listens == 0 && receives == 0) {
        return fail(Errc::wrong_type, "the passed fd {} ('{}') is no Unix socket that listens or takes datagrams", fd,
                    name);
    }
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
        return fail_errno(errno, "set flags of the passed fd {} ('{}')", fd, name);
    }
    return listens > 0 ? io::SocketKind::stream : io::SocketKind::datagram;
}

}  // namespace

bool ServiceManager::present() const {
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

Result<> ServiceManager::ready(std::string_view status) {
    return send(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

Result<> ServiceManager::reloading(MonotonicTime now) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.since_origin);
    return send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", us.count()));
}

Result<> ServiceManager::stopping(std::string_view status) {
    return send(fmt::format("STOPPING=1\nSTATUS={}", one_line(status)));
}

Result<> ServiceManager::status(std::string_view text) {
    return send(fmt::format("STATUS={}", one_line(text)));
}

Result<> ServiceManager::watchdog() {
    return send("WATCHDOG=1");
}

Result<> ServiceManager::extend_timeout(Duration from_now) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(from_now);
    return send(fmt::format("EXTEND_TIMEOUT_USEC={}", us.count()));
}

Result<> ServiceManager::store(const std::string& name, int fd) {
    const std::string message = fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", name);
    const int sent = sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1);
    if (sent < 0) {
        return fail_errno(-sent, "put '{}' into the file descriptor store", name);
    }
    return {};
}

Result<> ServiceManager::remove(const std::string& name) {
    return send(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name));
}

std::size_t ServiceManager::store_max() {
    const char* text = std::getenv("FDSTORE");
    std::size_t count = 0;
    if (text != nullptr) {
        const std::string_view digits(text);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
        count = error == std::errc() && end == digits.data() + digits.size() ? count : 0;
    }
    return count;
}

Result<> ServiceManager::send(const std::string& message) {
    const int sent = sd_notify(0, message.c_str());
    if (sent < 0) {
        return fail_errno(-sent, "notify the service manager");
    }
    return {};
}

std::optional<Duration> ServiceManager::watchdog_interval() {
    std::uint64_t us = 0;
    return sd_watchdog_enabled(0, &us) > 0 ? std::optional<Duration>(std::chrono::microseconds(us)) : std::nullopt;
}

Result<PassedSockets> take_passed_sockets() {
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    if (count < 0) {
        return fail_errno(-count, "take the sockets from the service manager");
    }
    PassedSockets passed;
    for (int i = 0; i < count; ++i) {
        const int fd = SD_LISTEN_FDS_START + i;
        if (std::string_view(names[i]).starts_with(kStoredPrefix)) {
            Fd socket(fd);
            if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 0) <= 0) {
                socket.reset();
            }
            passed.stored.push_back({.name = names[i], .fd = std::move(socket)});
        } else {
            passed.sockets.push_back({.name = names[i], .fd = fd});
        }
        std::free(names[i]);
    }
    std::free(static_cast<void*>(names));
    for (PassedSocket& socket : passed.sockets) {
        auto checked = check_listener(socket.fd, socket.name);
        if (checked) {
            socket.kind = *checked;
        } else {
            for (const PassedSocket& each : passed.sockets) {
                ::close(each.fd);
            }
            return std::unexpected(std::move(checked).error());
        }
    }
    return passed;
}

}  // namespace sluice::daemon
