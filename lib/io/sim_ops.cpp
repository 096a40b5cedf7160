// What each operation does to the simulated machine when it completes.
#include <sys/poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/sim_kernel.h"
#include "io/sim_socket.h"
#include "io/sim_world.h"

namespace sluice::io {
namespace {

bool is_socket_op(OpCode code) {
    switch (code) {
        case OpCode::accept:
        case OpCode::connect:
        case OpCode::recv:
        case OpCode::recv_pooled:
        case OpCode::send:
        case OpCode::shutdown:
        case OpCode::poll_in:
            return true;
        default:
            return false;
    }
}

// Operations on the disk that change it; with the writes, which have their own way to be cut.
bool changes_disk(const Op& op) {
    switch (op.code) {
        case OpCode::open:
            return (op.flags & (O_CREAT | O_TRUNC)) != 0;
        case OpCode::sync:
        case OpCode::rename:
        case OpCode::unlink:
        case OpCode::mkdir:
        case OpCode::allocate:
        case OpCode::truncate:
        case OpCode::resemble:
            return true;
        default:
            return false;
    }
}

ByteView payload(const Op& op) {
    return {static_cast<const std::byte*>(op.data), static_cast<std::size_t>(op.length)};
}

}  // namespace

// The part of `length` that is transferred, in whole units.
std::uint64_t SimWorld::transfer_length(const Pending& pending, std::uint64_t length, std::uint64_t unit) {
    if (length <= unit) {
        return length;
    }
    if (pending.fault.length_max != 0) {
        length = std::min(length, std::max(unit, pending.fault.length_max / unit * unit));
    }
    if (pending.fault.shorten && length > unit) {
        length = unit * random_.between(1, (length - 1) / unit);
    }
    return length;
}

std::int32_t SimWorld::execute(std::uint32_t slot) {
    const Pending& pending = slots_[slot];
    if (pending.cancelled || pending.kernel->crashed_) {
        return -ECANCELED;
    }
    return pending.fault.error != 0 ? execute_faulty(slot) : execute_asked(slot);
}

std::int32_t SimWorld::execute_asked(std::uint32_t slot) {
    return is_socket_op(slots_[slot].op->code) ? execute_socket(slot) : execute_file(slots_[slot]);
}

// ---- faults ----

void SimWorld::write_despite_error(Pending& pending) {
    const Op& op = *pending.op;
    FaultEffect effect = pending.fault.effect;
    SimDisk::Reach reach = SimDisk::Reach::as_asked;
    if (effect == FaultEffect::by_chance) {
        if (pending.fault.error != EIO || random_.coin()) {
            return;
        }
        effect = random_.coin() ? FaultEffect::part : FaultEffect::all;
        reach = SimDisk::Reach::doubtful;
    }
    if (effect != FaultEffect::nothing && pending.file->inode) {
        const std::uint64_t sectors = op.length / kSimSector;
        const std::uint64_t length = effect == FaultEffect::all ? op.length : random_.below(sectors) * kSimSector;
        disk_.write(*pending.file, op, length, reach);
    }
}

std::int32_t SimWorld::execute_faulty(std::uint32_t slot) {
    Pending& pending = slots_[slot];
    const int error = pending.fault.error;
    const FaultEffect effect = pending.fault.effect;
    const OpCode code = pending.op->code;
    if (code == OpCode::write) {
        write_despite_error(pending);
    } else if (code == OpCode::sync && effect == FaultEffect::by_chance && pending.file->inode) {
        if (error != EINTR && error != EAGAIN) {
            disk_.fail_sync(*pending.file);
        }
    } else if (effect == FaultEffect::all) {
        const std::int32_t result = execute_asked(slot);
        if (result == kWouldBlock) {
            return kWouldBlock;
        }
        if (result >= 0 && (code == OpCode::open || code == OpCode::accept)) {
            close(*slots_[slot].kernel, result);
        }
    }
    return -error;
}

void SimWorld::strike_write(Pending& pending, CrashKind kind) {
    const Op& op = *pending.op;
    std::uint64_t length = transfer_length(pending, op.length, 1);
    SimDisk::Reach reach = SimDisk::Reach::as_asked;
    switch (random_.below(4)) {
        case 0:
            return;
        case 1:
            break;
        case 2:
            if (kind == CrashKind::power) {  // Then kept, lost or torn with the other un-synced writes.
                reach = SimDisk::Reach::dirty;
            }
            break;
        default:
            if (kind == CrashKind::power) {
                reach = SimDisk::Reach::torn;
            } else {
                length = random_.below(length / kSimSector + 1) * kSimSector;
            }
    }
    disk_.write(*pending.file, op, length, reach);
}

// The kernel dies with this operation in flight: it has done nothing, or all it was asked, or a part.
void SimWorld::strike(std::uint32_t slot, CrashKind kind) {
    Pending& pending = slots_[slot];
    const Op& op = *pending.op;
    if (pending.parked || pending.cancelled || pending.fault.error != 0) {
        return;
    }
    if (op.code == OpCode::write) {
        if (pending.file->inode) {
            strike_write(pending, kind);
        }
    } else if (changes_disk(op) || op.code == OpCode::send) {
        if (random_.coin()) {
            const std::int32_t result = execute_asked(slot);
            if (result >= 0 && op.code == OpCode::open) {
                close(*pending.kernel, result);
            }
        }
    }
}

// ---- files ----

std::int32_t SimWorld::execute_open(Pending& pending) {
    const Op& op = *pending.op;
    std::shared_ptr<SimFile> file;
    const SimDisk::OpenAs as{.flags = static_cast<int>(op.flags),
                             .mode = op.mode,
                             .resolve = op.resolve,
                             .owner = pending.kernel->credentials()};
    const std::int32_t result = disk_.open(pending.file.get(), op.path, as, file);
    return result < 0 ? result : install(*pending.kernel, std::move(file));
}

std::int32_t SimWorld::execute_file(Pending& pending) {
    const Op& op = *pending.op;
    SimFile* file = pending.file.get();
    const PeerCredentials& owner = pending.kernel->credentials();
    if (file != nullptr && file->socket && op.code != OpCode::close) {
        return -EINVAL;
    }
    const auto unit = [&] { return (file->flags & O_DIRECT) != 0 ? disk_.options().direct_io_alignment : 1U; };
    switch (op.code) {
        case OpCode::open:
            return execute_open(pending);
        case OpCode::close:
            close(*pending.kernel, op.fd);
            return 0;
        case OpCode::read: {
            const std::span whole(static_cast<std::byte*>(op.data), static_cast<std::size_t>(op.length));
            return disk_.read(*file, op.offset, whole.first(transfer_length(pending, op.length, unit())));
        }
        case OpCode::write:
            return disk_.write(*file, op, transfer_length(pending, op.length, unit()), SimDisk::Reach::as_asked);
        case OpCode::sync:
            return disk_.sync(*file);
        case OpCode::stat:
            return disk_.stat(file, op.path, *static_cast<struct statx*>(op.data));
        case OpCode::rename:
            return disk_.rename(file, op.path, pending.file2.get(), op.path2, op.flags);
        case OpCode::unlink:
            return disk_.unlink(file, op.path, op.flags);
        case OpCode::mkdir:
            return disk_.mkdir(file, op.path, op.mode, owner);
        case OpCode::allocate:
            return disk_.allocate(*file, op.flags, op.offset, op.length);
        case OpCode::truncate:
            return disk_.truncate(*file, op.offset);
        case OpCode::resemble:
            return SimDisk::resemble(*file, op, owner);
        case OpCode::list:
            return disk_.list(*file, *static_cast<std::vector<DirEntry>*>(op.data));
        case OpCode::file_system:
            *static_cast<FileSystem*>(op.data) = {.free_bytes = disk_.free_bytes(), .type = disk_.options().type};
            return 0;
        default:
            return 0;  // nop.
    }
}

// ---- sockets ----

std::int32_t SimWorld::execute_accept(std::uint32_t slot) {
    Pending& pending = slots_[slot];
    SimSocket& listener = *pending.file->socket;
    if (listener.state() != SimSocket::State::listening || listener.ended()) {
        return -EINVAL;  // As Linux has it after a shutdown.
    }
    if (listener.backlog().empty()) {
        park(slot, listener);
        return kWouldBlock;
    }
    auto file = std::make_shared<SimFile>();
    file->flags = O_RDWR;
    file->socket = std::move(listener.backlog().front());
    file->path = "socket:" + pending.file->path;
    listener.backlog().pop_front();
    listener.wake();  // A connect may wait for room in the backlog.
    return install(*pending.kernel, std::move(file));
}

std::int32_t SimWorld::execute_connect(std::uint32_t slot) {
    Pending& pending = slots_[slot];
    const Op& op = *pending.op;
    sockaddr_un address{};
    if (op.length <= offsetof(sockaddr_un, sun_path) || op.length > sizeof address) {
        return -EINVAL;
    }
    std::memcpy(&address, op.data, op.length);
    const char* path = address.sun_path;
    return connect(*pending.kernel, *pending.file, std::string_view(path, strnlen(path, sizeof address.sun_path)));
}

std::int32_t SimWorld::execute_recv(std::uint32_t slot) {
    Pending& pending = slots_[slot];
    Op& op = *pending.op;
    SimSocket& socket = *pending.file->socket;
    if (socket.state() != SimSocket::State::connected) {
        return -ENOTCONN;
    }
    if (socket.readable() == 0) {
        if (socket.ended()) {
            return socket.end_result();
        }
        park(slot, socket);
        return kWouldBlock;
    }
    std::span<std::byte> into(static_cast<std::byte*>(op.data), static_cast<std::size_t>(op.length));
    if (op.code == OpCode::recv_pooled) {
        SimKernel& kernel = *pending.kernel;
        if (kernel.free_buffers_.empty()) {
            pending.parked = true;
            kernel.waiting_for_buffer_.push_back(slot);
            return kWouldBlock;
        }
        op.buffer_id = kernel.free_buffers_.back();
        kernel.free_buffers_.pop_back();
        into = kernel.buffer(op.buffer_id);
        op.data = into.data();
    }
    const std::uint64_t length = std::min<std::uint64_t>(into.size(), socket.readable());
    return static_cast<std::int32_t>(socket.take(into.first(transfer_length(pending, length, 1))));
}

std::int32_t SimWorld::execute_send(std::uint32_t slot) {
    Pending& pending = slots_[slot];
    const Op& op = *pending.op;
    SimSocket& socket = *pending.file->socket;
    const std::int64_t room = socket.room();
    if (room < 0 || op.length == 0) {
        return static_cast<std::int32_t>(std::min<std::int64_t>(room, 0));
    }
    if (room == 0) {
        park(slot, socket);
        return kWouldBlock;
    }
    const std::uint64_t fits = std::min<std::uint64_t>(op.length, static_cast<std::uint64_t>(room));
    const std::uint64_t length = transfer_length(pending, fits, 1);
    socket.push(payload(op).first(length));
    return static_cast<std::int32_t>(length);
}

std::int32_t SimWorld::execute_poll(std::uint32_t slot) {
    SimSocket& socket = *slots_[slot].file->socket;
    if (socket.readable() > 0 || !socket.backlog().empty() || !socket.datagrams().empty()) {
        return socket.ended() ? POLLIN | POLLHUP : POLLIN;
    }
    if (socket.ended()) {
        return POLLIN | POLLHUP;
    }
    park(slot, socket);
    return kWouldBlock;
}

std::int32_t SimWorld::execute_socket(std::uint32_t slot) {
    const Pending& pending = slots_[slot];
    if (!pending.file->socket) {
        return pending.op->code == OpCode::poll_in ? POLLIN : -ENOTSOCK;
    }
    switch (pending.op->code) {
        case OpCode::accept:
            return execute_accept(slot);
        case OpCode::connect:
            return execute_connect(slot);
        case OpCode::send:
            return execute_send(slot);
        case OpCode::poll_in:
            return execute_poll(slot);
        case OpCode::shutdown:
            pending.file->socket->shut_down();
            return 0;
        default:
            return execute_recv(slot);
    }
}

Result<Handle> SimWorld::listen_unix(SimKernel& kernel, const std::string& path, mode_t mode, SocketKind kind) {
    if (kernel.crashed_) {
        return fail_errno(ECANCELED, "listen on '{}'", path);
    }
    const std::int64_t inode = disk_.bind_socket(path, mode, kernel.credentials());
    if (inode < 0) {
        return fail_errno(static_cast<int>(-inode), "listen on '{}'", path);
    }
    auto file = std::make_shared<SimFile>();
    file->flags = O_RDWR;
    file->path = path;
    file->socket = std::make_unique<SimSocket>(*this);
    file->socket->listen(static_cast<std::uint64_t>(inode), kernel.credentials(), kind);
    file->socket->set_peer_groups(kernel.groups());
    listeners_.emplace_back(static_cast<std::uint64_t>(inode), file->socket.get());
    return Handle(kernel, install(kernel, std::move(file)));
}

std::int32_t SimWorld::find_listener(std::string_view path, SocketKind kind, SimSocket*& found) {
    const std::int64_t inode = disk_.find_socket(path);
    if (inode < 0) {
        return static_cast<std::int32_t>(inode);
    }
    const auto it =
        std::ranges::find(listeners_, static_cast<std::uint64_t>(inode), &std::pair<std::uint64_t, SimSocket*>::first);
    if (it == listeners_.end() || it->second->ended()) {
        return -ECONNREFUSED;
    }
    found = it->second;
    const bool fits = (found->state() == SimSocket::State::listening) == (kind == SocketKind::stream);
    return fits ? 0 : -EPROTOTYPE;
}

std::int32_t SimWorld::send_datagram(SimKernel& kernel, std::string_view path, ByteView bytes) {
    SimSocket* receiver = nullptr;
    if (const std::int32_t refused = find_listener(path, SocketKind::datagram, receiver); refused < 0) {
        return refused;
    }
    if (receiver->datagrams().size() >= SimSocket::kDatagramsMax) {
        return -EAGAIN;
    }
    receiver->datagrams().push_back(
        {Bytes(bytes.begin(), bytes.end()), kernel.credentials(), kernel.clock().wall_now()});
    receiver->wake();
    return 0;
}

std::int32_t SimWorld::connect(SimKernel& kernel, SimFile& file, std::string_view path) {
    if (file.socket->state() != SimSocket::State::idle) {
        return -EISCONN;
    }
    SimSocket* found = nullptr;
    if (const std::int32_t refused = find_listener(path, SocketKind::stream, found); refused < 0) {
        return refused;
    }
    SimSocket& listener = *found;
    if (listener.backlog().size() >= SimSocket::kBacklogMax) {
        return -EAGAIN;
    }
    auto far_end = std::make_unique<SimSocket>(*this);
    SimSocket::connect(*file.socket, *far_end, kernel.credentials(), listener.peer_credentials());
    far_end->set_peer_groups(kernel.groups());
    file.socket->set_peer_groups(listener.peer_groups());
    listener.backlog().push_back(std::move(far_end));
    file.path = "socket:" + std::string(path);
    listener.wake();
    return 0;
}

void SimWorld::forget_listener(std::uint64_t inode, SimSocket* socket) noexcept {
    std::erase(listeners_, std::pair(inode, socket));
}

// ---- descriptors ----

namespace {
constexpr int kFirstFd = 100;
}

int SimWorld::install(SimKernel& kernel, std::shared_ptr<SimFile> file) {
    descriptors_.push_back({std::move(file), &kernel});
    return kFirstFd + static_cast<int>(descriptors_.size()) - 1;
}

std::shared_ptr<SimFile> SimWorld::file_of(int fd) const noexcept {
    const auto index = static_cast<std::size_t>(fd - kFirstFd);
    return fd >= kFirstFd && index < descriptors_.size() ? descriptors_[index].file : nullptr;
}

void SimWorld::close(SimKernel& kernel, int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd - kFirstFd);
    if (kernel.crashed_) {
        return;  // Closed by the crash.
    }
    if (fd < kFirstFd || index >= descriptors_.size() || !descriptors_[index].file) {
        ++bad_descriptors_;
        return;
    }
    const Descriptor closed = std::move(descriptors_[index]);
    descriptors_[index] = {};
}

}  // namespace sluice::io
