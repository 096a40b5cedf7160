#include "io/uring_kernel.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "io/uring_pool_ops.h"
#include "io/uring_receive.h"
#include "io/uring_ring.h"

namespace sluice::io {

namespace {

// user_data of a completion: the Op's address with a tag in its low bits.
constexpr std::uint64_t kTagMask = 3;
constexpr std::uint64_t kTagOperation = 0;
constexpr std::uint64_t kTagCancel = 1;  // The answer to ASYNC_CANCEL of that operation.
constexpr std::uint64_t kTagWaker = 2;
static_assert(alignof(Op) > kTagMask);

std::uint64_t user_data_of(const Op& op, std::uint64_t tag) noexcept {
    return reinterpret_cast<std::uint64_t>(&op) | tag;
}

// Op::driver_state.  The upper byte counts repetitions.
constexpr std::uint16_t kParked = 1;          // In queued_ or starved_, not in the ring.
constexpr std::uint16_t kOnPool = 2;          // Cannot be cancelled.
constexpr std::uint16_t kCancelAsked = 4;     // Is not repeated any more.
constexpr std::uint16_t kCancelInFlight = 8;  // The answer to ASYNC_CANCEL is still to come.
constexpr std::uint16_t kAnswered = 16;       // Only that answer is missing.
constexpr std::uint16_t kRetryUnit = 256;

bool may_repeat(OpCode code) noexcept {
    // A close that was interrupted has closed; a connect that was interrupted goes on by itself.
    return code != OpCode::close && code != OpCode::connect;
}

// Within io_uring_enter: the kernel tries it there first, and not everything below it honours IOCB_NOWAIT.
bool may_wait_for_disk(const Op& op) noexcept {
    return op.code == OpCode::read || op.code == OpCode::open || (op.code == OpCode::write && op.mode == 0);
}

}  // namespace

UringKernel::Waker::~Waker() {
    if (fd >= 0) {
        ::close(fd);
    }
}

void UringKernel::Waker::wake() noexcept {
    const std::uint64_t one = 1;
    // It cannot fail: the counter is read back to zero by each wake-up, and blocks only near 2^64.
    static_cast<void>(::write(fd, &one, sizeof one));
}

UringKernel::UringKernel(const Clock& clock, coro::Pool& pool, Options options, int event_fd)
    : pool_(pool), options_(std::move(options)), waker_(event_fd), loop_(clock, options_.loop) {
    loop_.set_waker(&waker_);
}

Result<std::unique_ptr<UringKernel>> UringKernel::create(const Clock& clock, coro::Pool& pool, Options options) {
    const int event_fd = eventfd(0, EFD_CLOEXEC);
    if (event_fd < 0) {
        if (errno == EMFILE || errno == ENFILE) {
            return std::unexpected(setup_error(errno, read_uring_switches(), options.sq_entries, options.cq_entries));
        }
        return fail_errno(errno, "create the eventfd that wakes the loop");
    }
    std::unique_ptr<UringKernel> kernel(new UringKernel(clock, pool, std::move(options), event_fd));
    SLUICE_CHECK(kernel->set_up());
    return kernel;
}

Result<> UringKernel::set_up() {
    SLUICE_TRY(ring_, detail::UringRing::create(options_, probe_));
    SLUICE_TRY(buffers_, detail::UringBuffers::create(*ring_, options_.pooled_buffers, options_.pooled_buffer_bytes));
    probe_.pooled_buffers = options_.pooled_buffers;
    probe_.pooled_buffer_bytes = options_.pooled_buffer_bytes;
    return ring_->enable(options_.restrict_opcodes, probe_);
}

UringKernel::~UringKernel() {
    if (!failure_) {
        const std::size_t in_flight = std::accumulate(in_flight_.begin(), in_flight_.end(), std::size_t{0});
        SLUICE_ASSERT(in_flight == 0, "{} operations outlive their kernel", in_flight);
        SLUICE_ASSERT(buffers_ == nullptr || buffers_->taken() == 0, "{} pooled buffers outlive their kernel",
                      buffers_->taken());
    }
}

// ---- operations in ----

void UringKernel::submit(Op& op) {
    op.driver_state = 0;
    ++in_flight_[static_cast<std::size_t>(op.code)];
    if (op.code == OpCode::truncate || op.code == OpCode::list || op.code == OpCode::file_system ||
        op.code == OpCode::resemble) {
        op.driver_state = kOnPool;
        submit_to_pool(op);
        return;
    }
    if (!queued_.empty() || !start(op)) {
        park(queued_, op);
    }
}

// False: the submission queue is full.
bool UringKernel::start(Op& op) noexcept {
    io_uring_sqe* entry = ring_->next_entry();
    if (entry == nullptr) {
        return false;
    }
    detail::prepare(*ring_, entry, op);
    io_uring_sqe_set_data64(entry, user_data_of(op, kTagOperation));
    submits_to_disk_ = submits_to_disk_ || may_wait_for_disk(op);
    return true;
}

bool UringKernel::start_cancel(Op& op) noexcept {
    io_uring_sqe* entry = ring_->next_entry();
    if (entry == nullptr) {
        return false;
    }
    io_uring_prep_cancel64(entry, user_data_of(op, kTagOperation), 0);
    io_uring_sqe_set_data64(entry, user_data_of(op, kTagCancel));
    return true;
}

void UringKernel::park(std::deque<Op*>& where, Op& op) {
    op.driver_state |= kParked;
    where.push_back(&op);
}

void UringKernel::submit_to_pool(Op& op) {
    detail::run_on_pool(pool_, loop_, op, [this](Op& done, std::int32_t result) {
        done.result = result;
        finish(done);
    });
}

void UringKernel::cancel(Op& op) noexcept {
    if ((op.driver_state & kOnPool) != 0) {
        return;
    }
    op.driver_state |= kCancelAsked;
    if ((op.driver_state & kParked) != 0) {
        std::erase(queued_, &op);
        std::erase(starved_, &op);
        op.result = -ECANCELED;
        finish(op);
        return;
    }
    // The operation is completed only after the answer to the cancellation too, so that this entry cannot hit a later
    // operation at the same address.
    op.driver_state |= kCancelInFlight;
    if (!cancels_.empty() || !start_cancel(op)) {
        cancels_.push_back(&op);
    }
}

void UringKernel::arm_waker() noexcept {
    io_uring_sqe* entry = waker_armed_ ? nullptr : ring_->next_entry();
    if (entry != nullptr) {
        io_uring_prep_read(entry, waker_.fd, &waker_.value, sizeof waker_.value, 0);
        io_uring_sqe_set_data64(entry, kTagWaker);
        waker_armed_ = true;
    }
}

// Moves what waits in memory into the submission queue; submits without waiting whenever that is full.
Result<> UringKernel::fill_submission_queue() {
    // As many as there are buffers: more would only be refused again.
    for (std::uint32_t buffers = buffers_->left(); buffers > 0 && !starved_.empty(); --buffers) {
        queued_.push_back(starved_.front());
        starved_.pop_front();
    }
    arm_waker();
    for (;;) {
        while (!cancels_.empty() && start_cancel(*cancels_.front())) {
            cancels_.pop_front();
        }
        while (!queued_.empty() && start(*queued_.front())) {
            queued_.front()->driver_state &= static_cast<std::uint16_t>(~kParked);
            queued_.pop_front();
        }
        arm_waker();
        if (cancels_.empty() && queued_.empty() && waker_armed_) {
            return {};
        }
        const std::uint32_t before = ring_->unsubmitted();
        SLUICE_CHECK(ring_->enter({}));
        if (ring_->unsubmitted() == before) {
            return {};  // The kernel takes none now (completions to drain, or memory); the next turn tries again.
        }
    }
}

// ---- completions out ----

void UringKernel::finish(Op& op) noexcept {
    --in_flight_[static_cast<std::size_t>(op.code)];
    op.complete(op.result);
}

void UringKernel::on_completion(const io_uring_cqe& cqe) {
    const std::uint64_t tag = cqe.user_data & kTagMask;
    if (tag == kTagWaker) {
        waker_armed_ = false;
        return;
    }
    Op& op = *reinterpret_cast<Op*>(cqe.user_data & ~kTagMask);
    if (tag == kTagOperation) {
        on_operation(op, cqe.res, cqe.flags);
        return;
    }
    op.driver_state &= static_cast<std::uint16_t>(~kCancelInFlight);
    if ((op.driver_state & kAnswered) != 0) {
        finish(op);
    }
}

void UringKernel::on_operation(Op& op, std::int32_t result, std::uint32_t cqe_flags) {
    if ((cqe_flags & IORING_CQE_F_BUFFER) != 0) {
        op.buffer_id = static_cast<std::uint16_t>(cqe_flags >> IORING_CQE_BUFFER_SHIFT);
        op.data = buffers_->take(op.buffer_id);
        if (result <= 0) {  // End of stream or an error: the caller gets no buffer to give back.
            buffers_->put_back(op.buffer_id);
        }
    }
    const bool asked = (op.driver_state & kCancelAsked) != 0;
    const bool no_buffer = op.code == OpCode::recv_pooled && result == -ENOBUFS;
    const bool interrupted = (result == -EINTR || result == -EAGAIN) && may_repeat(op.code);
    if (asked && (no_buffer || interrupted)) {
        result = -ECANCELED;
    } else if (no_buffer) {
        park(starved_, op);
        return;
    } else if (interrupted && op.driver_state / kRetryUnit < kRetriesMax) {
        op.driver_state += kRetryUnit;
        park(queued_, op);
        return;
    }
    op.result = result;
    if ((op.driver_state & kCancelInFlight) != 0) {
        op.driver_state |= kAnswered;
        return;
    }
    finish(op);
}

void UringKernel::return_buffer(std::uint16_t id) noexcept {
    buffers_->put_back(id);
}

// ---- driving ----

// A submission that waits holds the loop as a task would.
Result<> UringKernel::submit_watched() {
    submits_to_disk_ = false;
    const MonotonicTime before = loop_.clock().now();
    SLUICE_CHECK(ring_->enter({}));
    loop_.report_held("submission", loop_.clock().now() - before);
    return {};
}

Result<> UringKernel::enter() {
    if (submits_to_disk_ && loop_.watches_stalls()) {
        SLUICE_CHECK(submit_watched());
    }
    detail::UringRing::Wait wait;
    if (const auto deadline = loop_.next_deadline()) {
        wait.timeout = *deadline - loop_.clock().now();
    }
    const bool due = wait.timeout && *wait.timeout <= Duration::zero();
    wait.for_completion = !due && !loop_.has_work() && waker_armed_ && loop_.begin_sleep();
    if (!wait.for_completion) {
        wait.timeout.reset();
    }
    Result<> entered = ring_->enter(wait);
    if (wait.for_completion) {
        loop_.end_sleep();
    }
    return entered;
}

// The wait comes first and the resuming last: whoever drives the kernel looks between two turns whether what it wants
// has happened, and must not be put to sleep by the turn in which it does.
Result<> UringKernel::turn() {
    if (failure_) {
        return std::unexpected(*failure_);
    }
    Result<> driven = fill_submission_queue();
    if (driven) {
        driven = enter();
    }
    if (!driven) {
        failure_ = driven.error();
        return driven;
    }
    ring_->drain([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    loop_.run_ready();
    return {};
}

void UringKernel::close_now(int fd) noexcept {
    ::close(fd);
}

}  // namespace sluice::io
