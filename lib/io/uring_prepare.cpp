// From Op to submission entry.
#include <poll.h>

#include <algorithm>

#include "io/uring_ring.h"

namespace sluice::io::detail {

namespace {

// A count has to fit the completion's int32; one larger transfer is a short one.
std::uint32_t transfer_length(const Op& op) noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(op.length, 0x7fff'f000));
}

// Callers write -1 for the current directory.
int directory_of(int fd) noexcept {
    return fd < 0 ? AT_FDCWD : fd;
}

void prepare_socket(io_uring_sqe* entry, const Op& op) noexcept {
    switch (op.code) {
        case OpCode::accept:
            io_uring_prep_accept(entry, op.fd, nullptr, nullptr, SOCK_CLOEXEC);
            return;
        case OpCode::connect:
            io_uring_prep_connect(entry, op.fd, static_cast<const sockaddr*>(op.data),
                                  static_cast<socklen_t>(op.length));
            return;
        case OpCode::recv:
            io_uring_prep_recv(entry, op.fd, op.data, transfer_length(op), 0);
            return;
        case OpCode::recv_pooled:
            io_uring_prep_recv(entry, op.fd, nullptr, 0, 0);  // Length 0: that of the buffer.
            entry->flags |= IOSQE_BUFFER_SELECT;
            entry->buf_group = UringBuffers::kGroup;
            return;
        case OpCode::send:
            // MSG_WAITALL: the kernel itself continues a short send.
            io_uring_prep_send(entry, op.fd, op.data, transfer_length(op), MSG_NOSIGNAL | MSG_WAITALL);
            return;
        case OpCode::shutdown:
            io_uring_prep_shutdown(entry, op.fd, SHUT_RDWR);
            return;
        default:
            io_uring_prep_poll_add(entry, op.fd, POLLIN);
            return;
    }
}

void prepare_open(io_uring_sqe* entry, const Op& op, open_how& how) noexcept {
    // openat2 refuses a mode where nothing can be created.
    const bool creates = (op.flags & O_CREAT) != 0 || (op.flags & O_TMPFILE) == O_TMPFILE;
    how = {};
    how.flags = op.flags;
    how.mode = creates ? op.mode & 07777U : 0U;
    how.resolve = op.resolve;
    io_uring_prep_openat2(entry, directory_of(op.fd), op.path, &how);
}

void prepare_stat(io_uring_sqe* entry, const Op& op) noexcept {
    const int flags = *op.path == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
    io_uring_prep_statx(entry, op.fd, op.path, flags, STATX_BASIC_STATS | STATX_DIOALIGN,
                        static_cast<struct statx*>(op.data));
}

}  // namespace

void prepare(UringRing& ring, io_uring_sqe* entry, const Op& op) noexcept {
    switch (op.code) {
        case OpCode::nop:
            io_uring_prep_nop(entry);
            break;
        case OpCode::accept:
        case OpCode::connect:
        case OpCode::recv:
        case OpCode::recv_pooled:
        case OpCode::send:
        case OpCode::shutdown:
        case OpCode::poll_in:
            prepare_socket(entry, op);
            break;
        case OpCode::open:
            prepare_open(entry, op, ring.open_how_of(entry));
            break;
        case OpCode::close:
            io_uring_prep_close(entry, op.fd);
            break;
        case OpCode::read:
            io_uring_prep_read(entry, op.fd, op.data, transfer_length(op), op.offset);
            break;
        case OpCode::write:
            io_uring_prep_write(entry, op.fd, op.data, transfer_length(op), op.offset);
            entry->rw_flags = static_cast<int>(op.flags);
            break;
        case OpCode::sync:
            io_uring_prep_fsync(entry, op.fd, op.flags != 0 ? IORING_FSYNC_DATASYNC : 0);
            break;
        case OpCode::stat:
            prepare_stat(entry, op);
            break;
        case OpCode::rename:
            io_uring_prep_renameat(entry, directory_of(op.fd), op.path, directory_of(op.fd2), op.path2, op.flags);
            break;
        case OpCode::unlink:
            io_uring_prep_unlinkat(entry, directory_of(op.fd), op.path, static_cast<int>(op.flags));
            break;
        case OpCode::mkdir:
            io_uring_prep_mkdirat(entry, directory_of(op.fd), op.path, op.mode);
            break;
        case OpCode::allocate:
            io_uring_prep_fallocate(entry, op.fd, static_cast<int>(op.flags), static_cast<off_t>(op.offset),
                                    static_cast<off_t>(op.length));
            break;
        case OpCode::truncate:
        case OpCode::list:
        case OpCode::free_space:
        case OpCode::resemble:
            SLUICE_ASSERT(false, "operation {} has no opcode", static_cast<int>(op.code));
    }
}

}  // namespace sluice::io::detail
