// The Kernel on io_uring.  One ring per thread; operations become submission entries that one io_uring_enter per turn
// hands over, together with the wait for completions.
//
// Idle costs nothing: without a timer the wait has no timeout, and another thread interrupts it through an eventfd
// whose read is always armed on the ring.
//
// What to know as a caller:
// - Reads of cached file pages run inside io_uring_enter: 1 MiB holds the loop for 130 to 300 us.  Keep one read at or
//   below 256 KiB.  Buffered writes, fsync, stat, rename and the like run on kernel worker threads.
// - A file operation that a worker thread has begun is not interrupted by cancellation; it completes with its own
// result.
//   That bounds shutdown only if callers bound the size of one operation (1 MiB is a good cap).
// - O_NONBLOCK of a handle makes no difference: the operation waits.
// - -EINTR and -EAGAIN of an operation (workers interrupted, memory short) are retried here up to kRetriesMax times,
//   except for close and connect, where a repetition would mean something else.  An operation that answered so has had
//   no effect, so that repeating a write or a rename is what a restarted system call does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coro/pool.h"
#include "io/kernel.h"
#include "io/probe.h"

struct io_uring_cqe;

namespace sluice::io {

namespace detail {
class UringRing;
class UringBuffers;
struct ReceiveScratch;
}  // namespace detail

struct UringOptions {
    std::uint32_t sq_entries = 256;     // Power of two.  More operations at once wait in memory, none is lost.
    std::uint32_t cq_entries = 4096;    // Power of two, at least sq_entries; overflow is slow but loses nothing.
    std::uint32_t pooled_buffers = 64;  // Power of two, 1..32768; receivers beyond it wait for a buffer.
    std::uint32_t pooled_buffer_bytes = 65536;  // The most that one recv_pooled() returns.
    std::uint32_t file_workers_max = 0;         // Kernel threads for file operations; 0: the kernel's default.
    std::uint32_t other_workers_max = 0;        // Kernel threads for what can block for ever; 0: the kernel's default.
    bool restrict_opcodes = true;               // The ring refuses every opcode that is not in use here.
    std::uint32_t setup_flags_off = 0;          // IORING_SETUP_* bits to do without, to test older kernels' ways.
    coro::Loop::Options loop;
};

class UringKernel final : public Kernel {
 public:
    using Options = UringOptions;
    static constexpr int kRetriesMax = 16;

    // Call it on the thread that will run the kernel: the ring belongs to that thread.  Borrows `clock` and `pool`
    // until destroyed; `pool` runs what has no opcode (list, truncate, file_system). Errors: unsupported or
    // permission_denied or limit_exceeded, with the switch or limit to change (probe.h).  Waits up to half a second
    // when locked memory is short, because a process that just ended gives its share back late.
    static Result<std::unique_ptr<UringKernel>> create(const Clock& clock, coro::Pool& pool, Options options);
    static Result<std::unique_ptr<UringKernel>> create(const Clock& clock, coro::Pool& pool) {
        return create(clock, pool, Options());
    }
    // Precondition: no operation is in flight and no pooled buffer is held, unless turn() has failed.
    ~UringKernel() override;

    const Probe& probe() const noexcept { return probe_; }
    // Operations of that kind that were submitted and have not completed, wherever they are.
    std::size_t in_flight(OpCode code) const noexcept { return in_flight_[static_cast<std::size_t>(code)]; }

    coro::Loop& loop() noexcept override { return loop_; }
    // A daemon that finds its socket stale replaces it; two daemons that start on one path at the same instant can both
    // find that, so hold a lock of your own around it.
    using Kernel::listen_unix;
    Result<Handle> listen_unix(const std::string& path, mode_t mode, SocketKind kind) override;
    Result<PeerCredentials> peer_credentials(const Handle& socket) override;
    Result<std::vector<gid_t>> peer_groups(const Handle& socket) override;
    Result<> receive_senders(const Handle& socket, PassedFiles files) override;
    bool receive_pidfds(const Handle& socket, bool on) override;
    Result<std::size_t> receive(const Handle& socket, std::span<Message> into) override;
    std::shared_ptr<const FileReader> blocking_reader(Handle file) override;
    void submit(Op& op) override;
    void cancel(Op& op) noexcept override;
    // close(2) itself.  IORING_OP_CLOSE would free the file on this thread all the same, only later, and a close still
    // in the queue when the kernel object goes away would leak the fd.
    void close_now(int fd) noexcept override;
    void return_buffer(std::uint16_t id) noexcept override;
    // At most one io_uring_enter, unless the submission queue is full, or stalls are watched and something is submitted
    // that may wait for a disk.  An error is final: the ring is unusable.
    Result<> turn() override;

 private:
    struct Waker final : coro::Waker {
        explicit Waker(int event_fd) noexcept : fd(event_fd) {}
        Waker(const Waker&) = delete;
        Waker& operator=(const Waker&) = delete;
        ~Waker();
        void wake() noexcept override;
        const int fd;
        std::uint64_t value = 0;  // Where the armed read puts the count.
    };

    UringKernel(const Clock& clock, coro::Pool& pool, Options options, int event_fd);
    Result<> set_up();
    void submit_to_pool(Op& op);
    bool start(Op& op) noexcept;
    bool start_cancel(Op& op) noexcept;
    static void park(std::deque<Op*>& where, Op& op);
    void arm_waker() noexcept;
    Result<> fill_submission_queue();
    Result<> enter();
    Result<> submit_watched();
    void on_completion(const io_uring_cqe& cqe);
    void on_operation(Op& op, std::int32_t result, std::uint32_t cqe_flags);
    void finish(Op& op) noexcept;

    coro::Pool& pool_;
    Options options_;
    Probe probe_;
    Waker waker_;  // Outlives loop_, whose remote posters use it.
    std::unique_ptr<detail::UringBuffers> buffers_;
    std::unique_ptr<detail::UringRing> ring_;
    coro::Loop loop_;

    bool waker_armed_ = false;
    bool submits_to_disk_ =
        false;  // Of what is not submitted yet, something may wait for a disk within the submission.
    std::array<std::size_t, kOpCodes> in_flight_{};
    std::deque<Op*> queued_;   // Found the submission queue full.
    std::deque<Op*> cancels_;  // Asked to be cancelled while the submission queue was full.
    std::deque<Op*> starved_;  // recv_pooled that found no buffer.
    std::unique_ptr<detail::ReceiveScratch> receive_scratch_;  // Made by the first receive().
    std::optional<Error> failure_;                             // Of the ring; final.
};

}  // namespace sluice::io
