// Many messages with one system call, and what the kernel says of their senders.  recvmmsg rather than operations of
// the ring: a datagram is there or it is not, and one call takes 64 of them (docs/io.md).
#include "io/uring_receive.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/uring_kernel.h"

namespace sluice::io {

namespace {

// Newer than the headers of Debian 12.
constexpr int kPassPidfd = 76;   // SO_PASSPIDFD, Linux 6.5
constexpr int kPassRights = 83;  // SO_PASSRIGHTS, Linux 6.16
constexpr int kScmPidfd = 4;     // SCM_PIDFD

bool switch_option(int socket, int option, bool on) noexcept {
    const int value = on ? 1 : 0;
    return setsockopt(socket, SOL_SOCKET, option, &value, sizeof value) == 0;
}

template <class T>
T control_value(const cmsghdr& header) noexcept {
    T value{};
    std::memcpy(&value, CMSG_DATA(&header), sizeof value);
    return value;
}

void take_files(const cmsghdr& header, Message& message) {
    const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(&header) + i * sizeof fd, sizeof fd);
        message.files.emplace_back(fd);
    }
}

void take_control(msghdr& header, Message& message) {
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_level != SOL_SOCKET) {
            continue;
        }
        switch (at->cmsg_type) {
            case SCM_CREDENTIALS: {
                const auto sender = control_value<ucred>(*at);
                message.sender = {.pid = sender.pid, .uid = sender.uid, .gid = sender.gid};
                break;
            }
            case SCM_TIMESTAMPNS: {
                const auto time = control_value<timespec>(*at);
                message.time_ns = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
                break;
            }
            case kScmPidfd:
                message.pidfd.reset(control_value<int>(*at));
                break;
            case SCM_RIGHTS:
                take_files(*at, message);
                break;
            default:
                break;
        }
    }
}

}  // namespace

Result<> UringKernel::receive_senders(const Handle& socket, PassedFiles files) {
    if (!switch_option(socket.fd(), SO_PASSCRED, true) || !switch_option(socket.fd(), SO_TIMESTAMPNS, true)) {
        return fail_errno(errno, "ask for the senders of messages");
    }
    (void)switch_option(socket.fd(), kPassRights, files == PassedFiles::accepted);
    return {};
}

bool UringKernel::receive_pidfds(const Handle& socket, bool on) {
    return switch_option(socket.fd(), kPassPidfd, on);
}

Result<std::size_t> UringKernel::receive(const Handle& socket, std::span<Message> into) {
    if (!receive_scratch_) {
        receive_scratch_ = std::make_unique<detail::ReceiveScratch>();
    }
    detail::ReceiveScratch& scratch = *receive_scratch_;
    const std::size_t most = std::min(into.size(), kMessagesMax);
    for (std::size_t i = 0; i < most; ++i) {
        scratch.vectors[i] = {.iov_base = into[i].room.data(), .iov_len = into[i].room.size()};
        msghdr& header = scratch.headers[i].msg_hdr;
        header = {};
        header.msg_iov = &scratch.vectors[i];
        header.msg_iovlen = 1;
        header.msg_control = scratch.controls[i].bytes.data();
        header.msg_controllen = scratch.controls[i].bytes.size();
    }
    const int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC;
    int count = 0;
    do {
        count = recvmmsg(socket.fd(), scratch.headers.data(), static_cast<unsigned>(most), flags, nullptr);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        if (errno == EAGAIN) {
            return std::size_t{0};
        }
        return fail_errno(errno, "receive messages");
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        Message& message = into[i];
        message.whole_bytes = scratch.headers[i].msg_len;
        message.bytes = std::min<std::size_t>(message.whole_bytes, message.room.size());
        message.sender = Message::kUnknown;
        message.time_ns = 0;
        message.pidfd.reset();
        message.files.clear();
        // There is room for all that can come, so it can only be files that are missing.
        message.files_cut = (scratch.headers[i].msg_hdr.msg_flags & MSG_CTRUNC) != 0;
        take_control(scratch.headers[i].msg_hdr, message);
    }
    return static_cast<std::size_t>(count);
}

}  // namespace sluice::io
