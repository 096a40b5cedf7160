#include "base/standard_fds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice {
namespace {

constexpr int kFilled = 0;
constexpr int kRefused = 100;

// The exit code of a child that lacks the descriptors of `mask`: kFilled, kRefused, or 1 + the descriptor that is
// wrong.
int without(int mask) {
    const pid_t child = fork();
    if (child == 0) {
        const int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd <= 2; ++fd) {
            dup2(null, fd);
        }
        for (int fd = 0; fd <= 2; ++fd) {
            if ((mask & (1 << fd)) != 0) {
                close(fd);
            }
        }
        if (!open_missing_standard_fds()) {
            _exit(kRefused);
        }
        for (int fd = 0; fd <= 2; ++fd) {
            const int wanted = (mask & (1 << fd)) == 0 ? O_RDWR : fd == 0 ? O_WRONLY : O_RDONLY;
            const int flags = fcntl(fd, F_GETFL);
            if (flags < 0 || (flags & O_ACCMODE) != wanted) {
                _exit(1 + fd);
            }
        }
        _exit(kFilled);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardFds, EachThatIsMissingIsOpenedSoThatUsingItFailsAndTheOthersStay) {
    for (int mask = 0; mask < 8; ++mask) {
        EXPECT_EQ(without(mask), kFilled) << "missing: " << mask;
    }
}

}  // namespace
}  // namespace sluice
