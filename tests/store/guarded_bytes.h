// Bytes behind which nothing can be read: who does ends the test.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/assert.h"
#include "base/bytes.h"

namespace sluice::store::test {

class GuardedBytes {
 public:
    explicit GuardedBytes(ByteView bytes)
        : page_(static_cast<std::size_t>(::getpagesize())),
          size_(bytes.size()),
          room_(round_up(std::max<std::size_t>(size_, 1), page_)),
          map_(::mmap(nullptr, room_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        SLUICE_ASSERT(map_ != MAP_FAILED && ::mprotect(start() + room_, page_, PROT_NONE) == 0);
        std::ranges::copy(bytes, start() + room_ - size_);
    }
    GuardedBytes(const GuardedBytes&) = delete;
    GuardedBytes& operator=(const GuardedBytes&) = delete;
    ~GuardedBytes() { ::munmap(map_, room_ + page_); }

    ByteView bytes() const noexcept { return {start() + room_ - size_, size_}; }

 private:
    std::byte* start() const noexcept { return static_cast<std::byte*>(map_); }
    std::size_t page_;
    std::size_t size_;
    std::size_t room_;
    void* map_;
};

}  // namespace sluice::store::test
