// A small io_uring wrapper for the measurements: set-up, and the reading and answering of many stream sockets.
#pragma once
#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "measure.h"

namespace sluice::bench {

class Ring {
 public:
    explicit Ring(unsigned entries);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    io_uring* get() { return &ring_; }
    // A free entry; submits what is queued when there is none.
    io_uring_sqe* next_entry();
    // Writes durably (O_DIRECT files: with RWF_DSYNC), one at a time, and waits for it.
    void write_durably_and_wait(int fd, std::span<const std::byte> bytes, std::uint64_t offset);

 private:
    io_uring ring_{};
};

void prepare_durable_write(io_uring_sqe* entry, int fd, std::span<const std::byte> bytes, std::uint64_t offset);

// Many stream sockets on one ring: multishot receive into provided buffers, sends that report only failure.
// One thread.  The fds belong to the caller.
class Connections {
 public:
    explicit Connections(const std::vector<int>& fds);
    // `bytes` must stay unchanged for as long as the connection lives.  At most one send per connection at a time.
    void send(unsigned connection, std::span<const std::byte> bytes);
    // turn() reports the end of the write `id`.
    void write_durably(int fd, std::span<const std::byte> bytes, std::uint64_t offset, unsigned id);
    // Submits everything, waits for at least one completion and hands out all there are: on_data(connection, bytes),
    // on_written(id).  Returns false once every connection has been closed by its peer.
    template <typename OnData, typename OnWritten>
    bool turn(OnData&& on_data, OnWritten&& on_written);

 private:
    enum class Kind : std::uint64_t { receive, send, write };
    static constexpr unsigned kBuffers = 512;
    static constexpr std::size_t kBufferBytes = 4096;
    static std::uint64_t tag(Kind kind, unsigned connection) {
        return static_cast<std::uint64_t>(kind) << 32U | connection;
    }
    void receive(unsigned connection);
    void give_back(unsigned buffer);
    std::size_t wait();

    Memory buffer_ring_memory_;  // Before the ring, which uses both until it is closed.
    Memory buffers_;
    Ring ring_;
    io_uring_buf_ring* buffer_ring_;
    std::size_t open_;
    std::vector<io_uring_cqe*> completed_;
};

template <typename OnData, typename OnWritten>
bool Connections::turn(OnData&& on_data, OnWritten&& on_written) {
    const std::size_t count = wait();
    for (std::size_t i = 0; i < count; ++i) {
        const io_uring_cqe& done = *completed_[i];
        const auto kind = static_cast<Kind>(done.user_data >> 32U);
        const auto connection = static_cast<unsigned>(done.user_data);
        if (kind == Kind::write) {
            if (done.res < 0) {
                fail("durable write", done.res);
            }
            on_written(connection);
            continue;
        }
        if (kind == Kind::send) {
            continue;  // Only failures are reported: the peer has gone, as the receive will tell.
        }
        if (done.res > 0) {
            const unsigned buffer = done.flags >> IORING_CQE_BUFFER_SHIFT;
            on_data(connection, std::span<const std::byte>(buffers_.data() + buffer * kBufferBytes,
                                                           static_cast<std::size_t>(done.res)));
            give_back(buffer);
        } else if (done.res != -ENOBUFS) {
            --open_;
            continue;
        }
        if ((done.flags & IORING_CQE_F_MORE) == 0) {
            receive(connection);
        }
    }
    io_uring_cq_advance(ring_.get(), static_cast<unsigned>(count));
    return open_ > 0;
}

}  // namespace sluice::bench
