#include "base/standard_fds.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace sluice {
namespace {

constexpr const char* kNull = "/dev/null";
constexpr std::array<int, 3> kContraryModes{O_WRONLY, O_RDONLY, O_RDONLY};  // By descriptor.

}  // namespace

Result<> open_missing_standard_fds() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) {
            continue;
        }
        // The lowest free descriptor, and those below are open: it is this one.
        if (::open(kNull, kContraryModes[static_cast<std::size_t>(fd)]) < 0) {
            return fail_errno(errno, "open '{}' in place of descriptor {}, which is closed", kNull, fd);
        }
    }
    return {};
}

}  // namespace sluice
