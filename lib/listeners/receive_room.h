// Room for a round of messages of any size: address space, of which only what was written to has memory.
#pragma once

#include <array>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "io/message.h"

namespace sluice::listeners {

class ReceiveRoom {
 public:
    static constexpr std::size_t kMessages = 32;
    // A longer message is cut.  Together 40 MiB, that many clients could fill at once.
    static constexpr std::size_t kMessageBytes = (1U << 20U) + (256U << 10U);

    ReceiveRoom() noexcept = default;
    // Once, before the first use.  Errors: no address space.
    Result<> reserve();
    ReceiveRoom(const ReceiveRoom&) = delete;
    ReceiveRoom& operator=(const ReceiveRoom&) = delete;
    ~ReceiveRoom();

    std::span<io::Message> messages() noexcept { return messages_; }
    // Gives memory back that large messages among the first `count` have taken.
    void trim(std::size_t count) noexcept;

 private:
    std::span<std::byte> memory_;
    std::array<io::Message, kMessages> messages_;
};

}  // namespace sluice::listeners
