#include "client/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "wire/escape.h"

namespace sluice::client {
namespace {

constexpr std::uint64_t kHelloId = 1;
constexpr std::size_t kInputBytes = 64U << 10U;
constexpr std::size_t kReceiveBytesMax = 4U << 20U;  // By one process(), so that sending gets its turn.
constexpr std::size_t kInboxBytesMax = 16U << 20U;   // Beyond it nothing is received before take().
constexpr std::size_t kOutputBytesKept = 1U << 20U;
constexpr std::uint32_t kReplyBytesMax = 64U << 20U;  // Of one frame, whatever limit the daemon has for itself.

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return fail(Errc::invalid_argument, "the socket path {} has {} bytes; 1 to {} are possible", wire::quoted(path),
                    path.size(), sizeof address.sun_path - 1);
    }
    if (path.contains('\0')) {  // The kernel would take what is in front of it for the path.
        return fail(Errc::invalid_argument, "the socket path {} contains a NUL", wire::quoted(path));
    }
    std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
    return address;
}

void set_send_timeout(int fd, Duration timeout) noexcept {
    timeval value{};
    if (timeout < std::chrono::hours(24)) {
        const auto us = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::microseconds>(timeout).count());
        value.tv_sec = us / 1'000'000;
        value.tv_usec = us % 1'000'000;
    }
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

// A Unix socket has no connect in progress: it is established at once, or its backlog is full (EAGAIN).
Result<int> connected_socket(const std::string& path, Duration backlog_wait) {
    SLUICE_TRY(const sockaddr_un address, address_of(path));
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail_errno(errno, "create a socket");
    }
    if (backlog_wait > Duration::zero()) {
        set_send_timeout(fd, backlog_wait);
    } else {
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    int result = 0;
    do {
        result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        const int error = errno;
        ::close(fd);
        if (error == EAGAIN) {
            return fail(Errc::limit_exceeded, "connect to {}: its queue of new connections is full",
                        wire::quoted(path));
        }
        if (error == ECONNREFUSED) {
            return std::unexpected(
                Error(Errc::closed, error, fmt::format("connect to {}: nobody listens there", wire::quoted(path))));
        }
        return fail_errno(error, "connect to {}", wire::quoted(path));
    }
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

// That the daemon is gone is its own error, without an errno: the same number from standard output means another thing.
Error peer_error(int sys_errno, std::string_view what) {
    if (sys_errno == EPIPE || sys_errno == ECONNRESET) {
        return {Errc::closed, "the daemon closed the connection"};
    }
    return Error::from_errno(sys_errno, what);
}

}  // namespace

std::string default_socket_path() {
    if (const char* named = std::getenv("SLUICE_SOCKET"); named != nullptr && *named != '\0') {
        return named;
    }
    if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime != '\0') {
        std::string path = fmt::format("{}/sluice/sluice.sock", runtime);
        struct stat info{};
        if (::stat(path.c_str(), &info) == 0) {
            return path;
        }
    }
    return "/run/sluice/sluice.sock";
}

bool wait_for(int fd, short events, Duration wait) noexcept {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    timespec time{};
    const bool bounded = wait < std::chrono::hours(24 * 365);
    if (bounded && wait > Duration::zero()) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(wait);
        time.tv_sec = seconds.count();
        time.tv_nsec = (wait - seconds).count();
    }
    return ::ppoll(&entry, fd < 0 ? 0 : 1, bounded ? &time : nullptr, nullptr) > 0;
}

Error Reply::error() const {
    auto message = wire::ErrorReply::decode(payload);
    return message ? message->to_error() : std::move(message).error().during("an error reply");
}

Connection::Connection(int fd) noexcept : fd_(fd), splitter_(kReplyBytesMax) {}

Connection::~Connection() {
    ::close(fd_);
}

Result<std::unique_ptr<Connection>> Connection::start(const std::string& path, const ConnectOptions& options,
                                                      Backlog backlog) {
    SLUICE_TRY(const int fd,
               connected_socket(path, backlog == Backlog::wait ? options.connect_timeout : Duration::zero()));
    std::unique_ptr<Connection> connection(new Connection(fd));
    connection->input_ = std::make_unique_for_overwrite<std::byte[]>(kInputBytes);
    const wire::HelloRequest hello{.features = wire::kFeaturesKnown,
                                   .client_name = std::string_view(options.client_name).substr(0, wire::kNameBytesMax)};
    wire::append_frame(connection->output_, kHelloId, hello);
    connection->hello_bytes_ = connection->output_.size();
    return connection;
}

Result<std::unique_ptr<Connection>> Connection::connect(const std::string& path, const ConnectOptions& options) {
    const SystemClock clock;
    const MonotonicTime deadline = clock.now() + options.connect_timeout;
    SLUICE_TRY(auto connection, start(path, options, Backlog::wait));
    while (!connection->ready()) {
        const Duration left = deadline - clock.now();
        if (left <= Duration::zero()) {
            return fail(Errc::deadline_exceeded, "{} accepted the connection but did not answer HELLO within {} ms",
                        wire::quoted(path),
                        std::chrono::duration_cast<std::chrono::milliseconds>(options.connect_timeout).count());
        }
        SLUICE_CHECK(connection->step(left));
    }
    return connection;
}

short Connection::wanted_events() const noexcept {
    const std::size_t may_leave = ready_ ? output_.size() : std::min(hello_bytes_, output_.size());
    int events = 0;
    if (sent_ < may_leave) {
        events |= POLLOUT;
    }
    if (inbox_bytes_ < kInboxBytesMax) {
        events |= POLLIN;
    }
    return static_cast<short>(events);
}

void Connection::queue_frame(ByteView frame) {
    append(output_, frame);
}

Result<void> Connection::broken(Error error) {
    error_ = std::move(error);
    return std::unexpected(*error_);
}

// A child that sent or received here would take frames from its parent, and put its own between them.
Result<void> Connection::usable() {
    if (!error_ && mark_.forked()) {
        return broken({Errc::closed, "the connection is of the process that made it, not of one forked from it"});
    }
    return error_ ? Result<void>(std::unexpected(*error_)) : Result<void>{};
}

Result<void> Connection::send_queued() {
    SLUICE_CHECK(usable());
    const std::size_t may_leave = ready_ ? output_.size() : std::min(hello_bytes_, output_.size());
    while (sent_ < may_leave) {  // Bounded: each turn sends at least one byte or leaves.
        const ssize_t n = ::send(fd_, output_.data() + sent_, may_leave - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == EAGAIN) {
                return {};
            }
            const int error = errno;
            // Its last words (why it closed) may still be in the socket.
            if (auto received = receive_available(); !received) {
                return received;
            }
            return broken(peer_error(error, "send to the daemon"));
        }
        sent_ += static_cast<std::size_t>(n);
    }
    if (sent_ == output_.size()) {
        output_.clear();
        sent_ = 0;
        hello_bytes_ = 0;
        if (output_.capacity() > 4 * kOutputBytesKept) {
            output_.shrink_to_fit();
        }
    } else if (sent_ >= kOutputBytesKept) {
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
    }
    return {};
}

Result<std::size_t> Connection::receive_once(std::span<std::byte> into) {
    for (;;) {
        const ssize_t n = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
        if (n > 0) {
            return static_cast<std::size_t>(n);
        }
        if (n == 0) {
            return fail(Errc::closed, "the daemon closed the connection");
        }
        if (errno == EAGAIN) {
            return 0;
        }
        if (errno != EINTR) {
            return std::unexpected(peer_error(errno, "receive from the daemon"));
        }
    }
}

Result<void> Connection::receive_available() {
    for (std::size_t total = 0; total < kReceiveBytesMax && inbox_bytes_ < kInboxBytesMax;) {
        const std::span<std::byte> direct = splitter_.direct_space();
        const std::span<std::byte> into = direct.empty() ? std::span(input_.get(), kInputBytes) : direct;
        auto received = receive_once(into);
        if (!received) {
            return broken(std::move(received).error());
        }
        if (*received == 0) {
            return {};
        }
        if (direct.empty()) {
            splitter_.feed({input_.get(), *received});
        } else {
            splitter_.commit(*received);
        }
        SLUICE_CHECK(sort_frames());
        if (*received < into.size()) {
            return {};  // The socket is empty, most likely; poll says so if not.
        }
        total += *received;
    }
    return {};
}

Result<void> Connection::sort_frames() {
    for (;;) {
        auto next = splitter_.next();
        if (!next) {
            return broken(std::move(next).error().during("a frame from the daemon"));
        }
        if (!*next) {
            return {};
        }
        SLUICE_CHECK(accept_frame(**next));
    }
}

Result<void> Connection::accept_frame(const wire::FrameView& frame) {
    if (!ready_) {
        return accept_hello(frame);
    }
    Reply reply{.header = frame.header, .payload = frame.payload, .storage = splitter_.take_buffer()};
    if (!reply.storage) {
        reply.storage = std::make_unique_for_overwrite<std::byte[]>(frame.payload.size());
        std::copy(frame.payload.begin(), frame.payload.end(), reply.storage.get());
        reply.payload = {reply.storage.get(), frame.payload.size()};
    }
    if (frame.header.id == 0 && reply.is_error()) {
        return broken(reply.error().during("the daemon ended the connection"));
    }
    inbox_bytes_ += frame.header.length;
    inbox_.push_back(std::move(reply));
    return {};
}

Result<void> Connection::accept_hello(const wire::FrameView& frame) {
    const Reply reply{.header = frame.header, .payload = frame.payload, .storage = nullptr};
    auto hello = reply.decode<wire::HelloReply>();
    if (!hello) {
        return broken(std::move(hello).error().during("HELLO"));
    }
    server_ = {.version = hello->version,
               .epoch = hello->epoch,
               .store = hello->store,
               .frame_bytes_max = hello->frame_bytes_max,
               .requests_in_flight_max = hello->requests_in_flight_max,
               .log_records_max = hello->log_records_max,
               .handles_max = hello->handles_max,
               .server_version = std::string(hello->server_version)};
    ready_ = true;
    return {};
}

Result<void> Connection::process() {
    SLUICE_CHECK(send_queued());
    const bool was_ready = ready_;
    SLUICE_CHECK(receive_available());
    return was_ready == ready_ ? Result<void>{} : send_queued();
}

Result<void> Connection::step(Duration wait) {
    SLUICE_CHECK(send_queued());
    if (!wait_for(fd_, wanted_events(), wait)) {
        return {};
    }
    return process();
}

std::optional<Reply> Connection::take() {
    if (inbox_.empty()) {
        return std::nullopt;
    }
    Reply reply = std::move(inbox_.front());
    inbox_.pop_front();
    inbox_bytes_ -= reply.header.length;
    return reply;
}

}  // namespace sluice::client
