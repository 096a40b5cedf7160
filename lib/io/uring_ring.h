// The ring itself: set-up with fallbacks, restrictions, entries in, completions out.  Internal to lib/io; the only
// header that includes liburing.
//
// liburing 2.3 is what there is, so these go around it:
// - io_uring_enable_rings and io_uring_register_restrictions are declared but not exported by the shared library;
// - there is no io_uring_setup_buf_ring;
// - its submit functions cannot pass IORING_ENTER_NO_IOWAIT.
#pragma once

#include <liburing.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/probe.h"
#include "io/uring_kernel.h"

namespace sluice::io::detail {

// Newer than liburing 2.3.
inline constexpr std::uint32_t kEnterNoIowait = 1U << 7;     // IORING_ENTER_NO_IOWAIT
inline constexpr std::uint32_t kFeatureNoIowait = 1U << 17;  // IORING_FEAT_NO_IOWAIT

struct NamedOpcode {
    std::uint8_t number;
    const char* name;
};
// Every opcode that this layer submits.  Each exists since Linux 5.15 or earlier.
std::span<const NamedOpcode> opcodes_in_use() noexcept;

class UringRing {
 public:
    // A disabled ring: nothing runs before enable().  Fills the fields of `probe` it knows.
    static Result<std::unique_ptr<UringRing>> create(const UringOptions& options, Probe& probe);
    UringRing(const UringRing&) = delete;
    UringRing& operator=(const UringRing&) = delete;
    ~UringRing();

    io_uring& raw() noexcept { return ring_; }
    // Binds the ring to the calling thread.
    Result<> enable(bool restrict_opcodes, Probe& probe);

    // nullptr: the submission queue is full.
    io_uring_sqe* next_entry() noexcept { return io_uring_get_sqe(&ring_); }
    // The kernel reads an open_how when the entry is submitted; this one lives until the entry's slot is used again.
    open_how& open_how_of(const io_uring_sqe* entry) noexcept { return open_hows_[entry - ring_.sq.sqes]; }
    // Entries not yet taken by the kernel.
    std::uint32_t unsubmitted() const noexcept { return ring_.sq.sqe_tail - io_uring_smp_load_acquire(ring_.sq.khead); }

    struct Wait {
        bool for_completion = false;      // Else completions that are due are run, and the call returns.
        std::optional<Duration> timeout;  // Empty: none.  Only with for_completion.
    };
    // One io_uring_enter: hands over what is unsubmitted, then waits.  Success also for a timeout, an interruption, and
    // a kernel that is short of memory and took fewer entries.
    Result<> enter(const Wait& wait) noexcept;

    // Calls visit(cqe) for each completion there is.  `visit` may use next_entry().
    template <class Visit>
    std::uint32_t drain(Visit&& visit) {
        std::uint32_t head = 0;
        std::uint32_t count = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            visit(*cqe);
            ++count;
        }
        io_uring_cq_advance(&ring_, count);
        return count;
    }

 private:
    UringRing() = default;
    io_uring ring_{};
    std::vector<open_how> open_hows_;  // One for each slot of the submission queue.
    std::uint32_t enter_flags_ = 0;
};

// The buffers of recv_pooled() in a ring that the kernel takes them from (IORING_REGISTER_PBUF_RING).
class UringBuffers {
 public:
    static constexpr std::uint16_t kGroup = 0;

    // `ring` is disabled still.
    static Result<std::unique_ptr<UringBuffers>> create(UringRing& ring, std::uint32_t count, std::uint32_t bytes_each);
    UringBuffers(const UringBuffers&) = delete;
    UringBuffers& operator=(const UringBuffers&) = delete;
    ~UringBuffers();

    // The kernel filled `id`: it belongs to the caller until put back.
    std::byte* take(std::uint16_t id) noexcept;
    void put_back(std::uint16_t id) noexcept;
    std::uint32_t taken() const noexcept { return taken_; }
    std::uint32_t left() const noexcept { return count_ - taken_; }

 private:
    UringBuffers(std::uint32_t count, std::uint32_t bytes_each) noexcept : count_(count), bytes_each_(bytes_each) {}
    std::uint64_t ring_bytes() const noexcept;
    void offer(std::uint16_t id) noexcept;

    const std::uint32_t count_;
    const std::uint32_t bytes_each_;
    std::uint32_t taken_ = 0;
    void* memory_ = nullptr;  // The ring, rounded up to pages, then the buffers.
    io_uring_buf_ring* ring_ = nullptr;
    std::byte* buffers_ = nullptr;
};

// Fills `entry` with `op`.  Precondition: the op has an opcode (not list, truncate or file_system).
void prepare(UringRing& ring, io_uring_sqe* entry, const Op& op) noexcept;

}  // namespace sluice::io::detail
