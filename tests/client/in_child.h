// Runs a part of a test in a forked process.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/fake_daemon.h"

namespace sluice::client {

inline constexpr int kDied = 255;

// Returns what `body`, run in a child, returned, or kDied; a child that hangs dies.
template <class Body>
int in_child(const Body& body, pid_t* pid = nullptr) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(2 * kTestPatienceMs / 1000);
        ::_exit(body());
    }
    if (pid != nullptr) {
        *pid = child;
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : kDied;
}

}  // namespace sluice::client
