// sluice-datagram-limit: a program that only receives: what a log daemon on a datagram socket cannot surpass here.
// It takes up to 64 messages at once, each with its sender and its time, as a log daemon must, and counts them.
// For intake_compare.py; prints JSON when it has --messages, or at SIGTERM.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "args/program.h"
#include "measure.h"

namespace {

using sluice::bench::fail;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMessageBytesMax = 4096;

volatile std::sig_atomic_t stopped = 0;

int listening(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        fail(path, ENAMETOOLONG);
    }
    std::copy(path.begin(), path.end(), address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    const timeval patience{.tv_sec = 0, .tv_usec = 100'000};  // A signal may come just before a receive.
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
        fail(path, errno);
    }
    return fd;
}

// Room for a batch; borrowed by the headers inside, so it stays where it is.
class Batch {
 public:
    Batch() {
        for (std::size_t i = 0; i < kBatch; ++i) {
            parts_[i] = {messages_[i].data(), messages_[i].size()};
            headers_[i].msg_hdr.msg_iov = &parts_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    // The number of messages; 0 when a signal or none came.
    std::size_t receive(int fd, int flags) {
        for (std::size_t i = 0; i < kBatch; ++i) {
            headers_[i].msg_hdr.msg_control = controls_[i].data();
            headers_[i].msg_hdr.msg_controllen = controls_[i].size();
        }
        const int count = recvmmsg(fd, headers_.data(), kBatch, flags, nullptr);
        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            fail("recvmmsg", errno);
        }
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    [[nodiscard]] std::size_t bytes(std::size_t index) const { return headers_[index].msg_len; }

 private:
    using Control = std::array<std::byte, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(timespec))>;
    std::array<std::array<std::byte, kMessageBytesMax>, kBatch> messages_{};
    alignas(cmsghdr) std::array<Control, kBatch> controls_{};
    std::array<iovec, kBatch> parts_{};
    std::array<mmsghdr, kBatch> headers_{};
};

void run(const std::string& path, std::uint64_t messages_wanted) {
    const int fd = listening(path);
    static Batch batch;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t calls = 0;
    for (bool more = true; more && messages < messages_wanted;) {
        // Told to stop, it takes what waits.
        const bool stopping = stopped != 0;
        const std::size_t count = batch.receive(fd, stopping ? MSG_DONTWAIT : MSG_WAITFORONE);
        more = !stopping || count > 0;
        for (std::size_t i = 0; i < count; ++i) {
            bytes += batch.bytes(i);
        }
        messages += count;
        ++calls;
    }
    fmt::print(R"({{"messages": {}, "bytes": {}, "calls": {}, "end_ns": {}}})"
               "\n",
               messages, bytes, calls, sluice::bench::now_ns());
}

}  // namespace

int main(int argc, char** argv) {
    std::string path;
    std::uint64_t messages = ~std::uint64_t{0};
    sluice::args::Program program("Receives from a Unix datagram socket, and counts.\n", "sluice-datagram-limit");
    program.option("socket", path, "path of the socket, which is made").required();
    program.option("--messages", messages, "ends when it has so many; without: at SIGTERM");
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }
    struct sigaction action{};
    action.sa_handler = [](int) { stopped = 1; };
    sigaction(SIGTERM, &action, nullptr);  // Without SA_RESTART: it ends a receive that waits.
    run(path, messages);
}
