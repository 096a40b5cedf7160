#include <sys/mman.h>

#include "io/uring_ring.h"

namespace sluice::io::detail {

namespace {
constexpr std::uint64_t kPage = 4096;
}

std::uint64_t UringBuffers::ring_bytes() const noexcept {
    return round_up(std::uint64_t{count_} * sizeof(io_uring_buf), kPage);
}

Result<std::unique_ptr<UringBuffers>> UringBuffers::create(UringRing& ring, std::uint32_t count,
                                                           std::uint32_t bytes_each) {
    std::unique_ptr<UringBuffers> made(new UringBuffers(count, bytes_each));
    // Pages are used only once something was received into them.
    void* memory = mmap(nullptr, made->ring_bytes() + std::uint64_t{count} * bytes_each, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return fail_errno(errno, "map {} receive buffers of {} bytes", count, bytes_each);
    }
    made->memory_ = memory;
    made->ring_ = static_cast<io_uring_buf_ring*>(memory);
    made->buffers_ = static_cast<std::byte*>(memory) + made->ring_bytes();

    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
    registration.ring_entries = count;
    registration.bgid = kGroup;
    if (const int refused = io_uring_register_buf_ring(&ring.raw(), &registration, 0); refused < 0) {
        if (refused == -EINVAL) {
            return fail(Errc::unsupported,
                        "the kernel refuses a ring of {} receive buffers (IORING_REGISTER_PBUF_RING: EINVAL); it needs "
                        "Linux 5.19 or newer and a power of two up to 32768",
                        count);
        }
        return fail_errno(-refused, "register a ring of {} receive buffers", count);
    }
    io_uring_buf_ring_init(made->ring_);
    for (std::uint32_t id = 0; id < count; ++id) {
        made->offer(static_cast<std::uint16_t>(id));
    }
    return made;
}

UringBuffers::~UringBuffers() {
    if (memory_ != nullptr) {
        munmap(memory_, ring_bytes() + std::uint64_t{count_} * bytes_each_);
    }
}

void UringBuffers::offer(std::uint16_t id) noexcept {
    io_uring_buf_ring_add(ring_, buffers_ + std::size_t{id} * bytes_each_, bytes_each_, id,
                          io_uring_buf_ring_mask(count_), 0);
    io_uring_buf_ring_advance(ring_, 1);
}

std::byte* UringBuffers::take(std::uint16_t id) noexcept {
    SLUICE_ASSERT(id < count_ && taken_ < count_);
    ++taken_;
    return buffers_ + std::size_t{id} * bytes_each_;
}

void UringBuffers::put_back(std::uint16_t id) noexcept {
    SLUICE_ASSERT(taken_ > 0);
    --taken_;
    offer(id);
}

}  // namespace sluice::io::detail
