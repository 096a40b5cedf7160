// Memory that O_DIRECT accepts, shared between the threads that fill, write and read it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"

namespace sluice {

// A block of `capacity` bytes at a 4096-byte boundary; contents start undefined.  From 1 MiB on in huge pages where the
// system has them: a write then pins one page and not hundreds.
class AlignedBuffer {
 public:
    static constexpr std::size_t kAlignment = 4096;

    explicit AlignedBuffer(std::size_t capacity)
        : capacity_(round_up(capacity, kAlignment)), data_(allocate(capacity_)) {
        SLUICE_ASSERT(data_ != nullptr, "out of memory for {} bytes", capacity_);
    }
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;
    ~AlignedBuffer() { std::free(data_); }

    std::byte* data() noexcept { return data_; }
    const std::byte* data() const noexcept { return data_; }
    std::size_t capacity() const noexcept { return capacity_; }
    std::span<std::byte> span() noexcept { return {data_, capacity_}; }

 private:
    static constexpr std::size_t kHugePage = std::size_t{2} << 20U;

    static std::byte* allocate(std::size_t bytes) noexcept {
        if (bytes < kHugePage / 2) {
            return static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes));
        }
        bytes = round_up(bytes, kHugePage);
        void* const data = std::aligned_alloc(kHugePage, bytes);
        if (data != nullptr) {
            (void)madvise(data, bytes, MADV_HUGEPAGE);  // Refused: small pages.
        }
        return static_cast<std::byte*>(data);
    }

    std::size_t capacity_;
    std::byte* data_;
};

// Buffers of one size, used again when the last reference goes.  Threads: any; outlives its buffers' users through
// shared ownership of its free list.
class BufferPool {
 public:
    // Keeps at most `spare_max` unused buffers.
    BufferPool(std::size_t buffer_bytes, std::size_t spare_max)
        : buffer_bytes_(buffer_bytes), free_(std::make_shared<FreeList>(spare_max)) {}

    std::shared_ptr<AlignedBuffer> take() {
        std::unique_ptr<AlignedBuffer> buffer = free_->take();
        if (!buffer) {
            buffer = std::make_unique<AlignedBuffer>(buffer_bytes_);
        }
        return {buffer.release(),
                [free = free_](AlignedBuffer* used) { free->give(std::unique_ptr<AlignedBuffer>(used)); }};
    }

 private:
    class FreeList {
     public:
        explicit FreeList(std::size_t spare_max) : spare_max_(spare_max) {}
        std::unique_ptr<AlignedBuffer> take() {
            const std::lock_guard lock(mutex_);
            if (buffers_.empty()) {
                return nullptr;
            }
            std::unique_ptr<AlignedBuffer> buffer = std::move(buffers_.back());
            buffers_.pop_back();
            return buffer;
        }
        void give(std::unique_ptr<AlignedBuffer> buffer) {
            const std::lock_guard lock(mutex_);
            if (buffers_.size() < spare_max_) {
                buffers_.push_back(std::move(buffer));
            }
        }

     private:
        std::mutex mutex_;
        std::size_t spare_max_;
        std::vector<std::unique_ptr<AlignedBuffer>> buffers_;
    };
    std::size_t buffer_bytes_;
    std::shared_ptr<FreeList> free_;
};

}  // namespace sluice
