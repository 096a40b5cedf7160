#include "ring.h"

#include <cerrno>

namespace sluice::bench {

Ring::Ring(unsigned entries) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = entries * 8;
    int error = io_uring_queue_init_params(entries, &ring_, &parameters);
    if (error == -EINVAL) {  // Before Linux 6.1.
        parameters = {};
        error = io_uring_queue_init_params(entries, &ring_, &parameters);
    }
    if (error < 0) {
        fail("io_uring_queue_init", error);
    }
    io_uring_register_ring_fd(&ring_);
}

Ring::~Ring() {
    io_uring_queue_exit(&ring_);
}

io_uring_sqe* Ring::next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
        if (const int error = io_uring_submit(&ring_); error < 0) {
            fail("io_uring_submit", error);
        }
        entry = io_uring_get_sqe(&ring_);
    }
    return entry;
}

void prepare_durable_write(io_uring_sqe* entry, int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
    io_uring_prep_write(entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
    entry->rw_flags = RWF_DSYNC;
}

void Ring::write_durably_and_wait(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
    prepare_durable_write(next_entry(), fd, bytes, offset);
    if (const int error = io_uring_submit_and_wait(&ring_, 1); error < 0) {
        fail("io_uring_submit_and_wait", error);
    }
    io_uring_cqe* done = nullptr;
    if (const int error = io_uring_wait_cqe(&ring_, &done); error < 0) {
        fail("io_uring_wait_cqe", error);
    }
    if (done->res != static_cast<int>(bytes.size())) {
        fail("durable write", done->res < 0 ? done->res : EIO);
    }
    io_uring_cqe_seen(&ring_, done);
}

Connections::Connections(const std::vector<int>& fds)
    : buffer_ring_memory_(kBuffers * sizeof(io_uring_buf)),
      buffers_(kBuffers * kBufferBytes),
      ring_(512),
      buffer_ring_(reinterpret_cast<io_uring_buf_ring*>(buffer_ring_memory_.data())),
      open_(fds.size()),
      completed_(4096) {
    if (const int error = io_uring_register_files(ring_.get(), fds.data(), static_cast<unsigned>(fds.size()))) {
        fail("io_uring_register_files", error);
    }
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(buffer_ring_);
    registration.ring_entries = kBuffers;
    if (const int error = io_uring_register_buf_ring(ring_.get(), &registration, 0)) {
        fail("io_uring_register_buf_ring", error);
    }
    io_uring_buf_ring_init(buffer_ring_);
    for (unsigned i = 0; i < kBuffers; ++i) {
        give_back(i);
    }
    for (unsigned i = 0; i < fds.size(); ++i) {
        receive(i);
    }
}

void Connections::give_back(unsigned buffer) {
    io_uring_buf_ring_add(buffer_ring_, buffers_.data() + buffer * kBufferBytes, kBufferBytes,
                          static_cast<unsigned short>(buffer), io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(buffer_ring_, 1);
}

void Connections::receive(unsigned connection) {
    io_uring_sqe* entry = ring_.next_entry();
    io_uring_prep_recv_multishot(entry, static_cast<int>(connection), nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    entry->buf_group = 0;
    entry->user_data = tag(Kind::receive, connection);
}

void Connections::send(unsigned connection, std::span<const std::byte> bytes) {
    io_uring_sqe* entry = ring_.next_entry();
    io_uring_prep_send(entry, static_cast<int>(connection), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = tag(Kind::send, connection);
}

void Connections::write_durably(int fd, std::span<const std::byte> bytes, std::uint64_t offset, unsigned id) {
    io_uring_sqe* entry = ring_.next_entry();
    prepare_durable_write(entry, fd, bytes, offset);
    entry->user_data = tag(Kind::write, id);
}

std::size_t Connections::wait() {
    if (const int error = io_uring_submit_and_wait(ring_.get(), 1); error < 0 && error != -EINTR) {
        fail("io_uring_submit_and_wait", error);
    }
    return io_uring_peek_batch_cqe(ring_.get(), completed_.data(), static_cast<unsigned>(completed_.size()));
}

}  // namespace sluice::bench
