#include "listeners/receive_room.h"

#include <sys/mman.h>

#include <cerrno>

namespace sluice::listeners {
namespace {
constexpr std::size_t kKept = 64 * 1024;  // Of each message's room.
}

Result<> ReceiveRoom::reserve() {
    constexpr std::size_t kBytes = kMessages * kMessageBytes;
    void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return fail_errno(errno, "reserve {} bytes for messages", kBytes);
    }
    memory_ = {static_cast<std::byte*>(memory), kBytes};
    for (std::size_t i = 0; i < kMessages; ++i) {
        messages_[i].room = memory_.subspan(i * kMessageBytes, kMessageBytes);
    }
    return {};
}

ReceiveRoom::~ReceiveRoom() {
    if (!memory_.empty()) {
        munmap(memory_.data(), memory_.size());
    }
}

void ReceiveRoom::trim(std::size_t count) noexcept {
    for (const io::Message& message : std::span(messages_).first(count)) {
        if (message.bytes > kKept) {
            madvise(message.room.data() + kKept, message.bytes - kKept, MADV_DONTNEED);
        }
    }
}

}  // namespace sluice::listeners
