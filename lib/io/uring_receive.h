// Memory of UringKernel::receive().  Internal to lib/io.
#pragma once

#include <sys/socket.h>

#include <array>
#include <ctime>

#include "io/kernel.h"

namespace sluice::io::detail {

struct ReceiveScratch {
    static constexpr std::size_t kFilesMax = 253;  // SCM_MAX_FD: the kernel never has to cut, which would close files.
    static constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(timespec)) +
                                                 CMSG_SPACE(sizeof(int)) + CMSG_SPACE(kFilesMax * sizeof(int));
    struct alignas(cmsghdr) Control {
        std::array<std::byte, kControlBytes> bytes;
    };
    std::array<mmsghdr, Kernel::kMessagesMax> headers;
    std::array<iovec, Kernel::kMessagesMax> vectors;
    std::array<Control, Kernel::kMessagesMax> controls;
};

}  // namespace sluice::io::detail
