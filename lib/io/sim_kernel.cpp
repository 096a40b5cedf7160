#include "io/sim_kernel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "io/sim_socket.h"

namespace sluice::io {

SimKernel::SimKernel(SimWorld& world, Options options)
    : world_(world),
      options_(std::move(options)),
      loop_(world.clock(), options_.loop),
      buffers_(std::make_unique_for_overwrite<std::byte[]>(options_.buffers * options_.buffer_bytes)) {
    for (std::size_t i = options_.buffers; i-- > 0;) {
        free_buffers_.push_back(static_cast<std::uint16_t>(i));
    }
    loop_.set_waker(this);
    loop_.begin_sleep();
    world_.attach(*this);
}

SimKernel::~SimKernel() {
    world_.detach(*this);
}

// The loop counts as asleep between its turns, so that work from another loop comes through wake().
bool SimKernel::runnable() noexcept {
    if (remote_ || loop_.has_work()) {
        return true;
    }
    const auto deadline = loop_.next_deadline();
    return deadline && *deadline <= world_.clock_.now();
}

std::span<std::byte> SimKernel::buffer(std::uint16_t id) noexcept {
    return {buffers_.get() + id * options_.buffer_bytes, options_.buffer_bytes};
}

Result<Handle> SimKernel::make_socket() {
    auto file = std::make_shared<SimFile>();
    file->flags = O_RDWR;
    file->path = "socket:";
    file->socket = std::make_unique<SimSocket>(world_);
    if (crashed_) {
        return fail_errno(ECANCELED, "make a socket");
    }
    return Handle(*this, world_.install(*this, std::move(file)));
}

Result<Handle> SimKernel::connect_unix(const std::string& path) {
    SLUICE_TRY(Handle socket, make_socket());
    const std::int32_t result = world_.connect(*this, *world_.file_of(socket.fd()), path);
    if (result < 0) {
        return fail_errno(-result, "connect to '{}'", path);
    }
    return socket;
}

Result<Handle> SimKernel::duplicate(int fd) {
    std::shared_ptr<SimFile> file = world_.file_of(fd);
    if (!file) {
        return fail_errno(EBADF, "duplicate descriptor {}", fd);
    }
    return Handle(*this, world_.install(*this, std::move(file)));
}

Result<Handle> SimKernel::listen_unix(const std::string& path, mode_t mode, SocketKind kind) {
    return world_.listen_unix(*this, path, mode, kind);
}

Result<> SimKernel::send_datagram(const std::string& path, ByteView bytes) {
    const std::int32_t outcome = world_.send_datagram(*this, path, bytes);
    return outcome < 0 ? Result<>(fail_errno(-outcome, "send to '{}'", path)) : Result<>();
}

Result<> SimKernel::receive_senders(const Handle& socket, PassedFiles) {
    const std::shared_ptr<SimFile> file = world_.file_of(socket.fd());
    return file && file->socket ? Result<>() : Result<>(fail_errno(EBADF, "ask for the senders of messages"));
}

bool SimKernel::receive_pidfds(const Handle&, bool) {
    return false;
}

Result<std::size_t> SimKernel::receive(const Handle& socket, std::span<Message> into) {
    const std::shared_ptr<SimFile> file = world_.file_of(socket.fd());
    if (!file || !file->socket) {
        return fail_errno(file ? ENOTSOCK : EBADF, "receive messages");
    }
    SimSocket& from = *file->socket;
    if (from.state() == SimSocket::State::receiving) {
        std::size_t count = 0;
        for (; count < std::min(into.size(), kMessagesMax) && !from.datagrams().empty(); ++count) {
            SimSocket::Datagram& next = from.datagrams().front();
            Message& message = into[count];
            message.whole_bytes = next.bytes.size();
            message.bytes = std::min(next.bytes.size(), message.room.size());
            std::copy_n(next.bytes.begin(), message.bytes, message.room.begin());
            message.sender = next.sender;
            message.time_ns = next.time_ns;
            message.files_cut = false;
            from.datagrams().pop_front();
        }
        return count;
    }
    Message& message = into.front();
    message.sender = from.peer_credentials();
    message.bytes = 0;
    message.files_cut = false;
    if (from.readable() == 0) {
        const std::int32_t ended = from.end_result();
        return ended < 0 ? Result<std::size_t>(fail_errno(-ended, "receive messages")) : from.ended() ? 1U : 0U;
    }
    message.bytes = from.take(message.room);
    return 1U;
}

Result<PeerCredentials> SimKernel::peer_credentials(const Handle& socket) {
    const std::shared_ptr<SimFile> file = world_.file_of(socket.fd());
    if (!file || !file->socket) {
        return fail_errno(file ? ENOTSOCK : EBADF, "peer credentials");
    }
    return file->socket->peer_credentials();
}

Result<std::vector<gid_t>> SimKernel::peer_groups(const Handle& socket) {
    const std::shared_ptr<SimFile> file = world_.file_of(socket.fd());
    if (!file || !file->socket) {
        return fail_errno(file ? ENOTSOCK : EBADF, "peer credentials");
    }
    return file->socket->peer_groups();
}

namespace {

class SimFileReader final : public FileReader {
 public:
    SimFileReader(SimDisk& disk, std::shared_ptr<SimFile> file) : disk_(disk), file_(std::move(file)) {}
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override {
        if (file_ == nullptr) {  // A crash has closed it.
            return fail_errno(EBADF, "read");
        }
        for (std::size_t done = 0; done < into.size();) {  // Bounded: each turn reads at least one byte or ends.
            const std::int32_t n = disk_.read(*file_, offset + done, into.subspan(done));
            if (n < 0) {
                return fail_errno(-n, "read");
            }
            if (n == 0) {
                return beyond_end(offset, into.size(), file_->inode->data.size());
            }
            done += static_cast<std::size_t>(n);
        }
        return {};
    }

 private:
    SimDisk& disk_;
    std::shared_ptr<SimFile> file_;
};

}  // namespace

std::shared_ptr<const FileReader> SimKernel::blocking_reader(Handle file) {
    return std::make_shared<SimFileReader>(world_.disk(), world_.file_of(file.fd()));
}

void SimKernel::submit(Op& op) {
    world_.submit(*this, op);
}

void SimKernel::cancel(Op& op) noexcept {
    world_.cancel(op);
}

void SimKernel::close_now(int fd) noexcept {
    world_.close(*this, fd);
}

void SimKernel::return_buffer(std::uint16_t id) noexcept {
    constexpr int kStale = 0xdd;  // Whoever reads a buffer after giving it back finds this.
    std::memset(buffer(id).data(), kStale, std::min<std::size_t>(options_.buffer_bytes, kSimPage));
    free_buffers_.push_back(id);
    world_.wake(waiting_for_buffer_);
}

Result<> SimKernel::turn() {
    if (!world_.step()) {
        return world_.hang("nothing can happen any more");
    }
    return {};
}

}  // namespace sluice::io
