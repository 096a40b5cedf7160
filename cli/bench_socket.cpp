#include "cli/bench_socket.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace sluice::cli {

void allow_many_files() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

Result<Epoll> Epoll::create() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        return fail_errno(errno, "create an epoll instance");
    }
    return Epoll(fd);
}

Epoll::~Epoll() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

void Epoll::watch(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    ::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event);
}

void Epoll::change(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    ::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event);
}

std::span<const epoll_event> Epoll::wait(std::uint64_t wait_ns) {
    const timespec time{.tv_sec = static_cast<time_t>(wait_ns / 1'000'000'000),
                        .tv_nsec = static_cast<long>(wait_ns % 1'000'000'000)};
    const int n = ::epoll_pwait2(fd_, events_.data(), static_cast<int>(events_.size()), &time, nullptr);
    return {events_.data(), static_cast<std::size_t>(std::max(0, n))};
}

Result<std::size_t> FrameReader::receive_some(int fd) {
    const ssize_t n = ::recv(fd, buffer_.data() + have_, buffer_.size() - have_, MSG_DONTWAIT);
    if (n > 0) {
        have_ += static_cast<std::size_t>(n);
        return static_cast<std::size_t>(n);
    }
    if (n == 0) {
        return fail(Errc::closed, "the daemon closed the connection");
    }
    if (errno == EAGAIN || errno == EINTR) {
        return 0;
    }
    return fail_errno(errno, "receive from the daemon");
}

Error FrameReader::error_of(ByteView payload) {
    const auto error = wire::ErrorReply::decode(payload);
    return error ? error->to_error() : error.error();
}

Result<std::size_t> send_some(int fd, std::span<const ByteView> pieces) {
    std::array<iovec, 4> parts{};
    std::size_t count = 0;
    for (const ByteView piece : pieces) {
        if (!piece.empty() && count < parts.size()) {
            parts[count++] = {.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()};
        }
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t n = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
        return static_cast<std::size_t>(n);
    }
    if (errno == EAGAIN || errno == EINTR) {
        return 0;
    }
    return fail_errno(errno, "send to the daemon");
}

Bytes bench_record(std::string_view stream, std::size_t bytes) {
    const std::size_t head = wire::kRecordHeaderSize + stream.size();
    std::string message;
    std::uint64_t random = 88172645463325252U;
    while (head + message.size() < bytes) {
        random ^= random << 13U;
        random ^= random >> 7U;
        random ^= random << 17U;
        message += fmt::format("request {:016x} took {} us; ", random, random % 10'000);
    }
    message.resize(bytes > head ? bytes - head : 0);
    Bytes record;
    wire::RecordBuilder builder(record);
    builder.begin(wire::Severity::info, stream).message(message);
    (void)builder.finish();  // Cannot fail: the options bound the length and the stream is a literal.
    return record;
}

}  // namespace sluice::cli
