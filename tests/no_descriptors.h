// While it lives, this process can open nothing: every descriptor that the limit allows is in use.  UBSan needs one
// when it meets a type for the first time: what happens then has happened before, and texts are compared afterwards.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace sluice::test {

class NoDescriptors {
 public:
    NoDescriptors() {
        (void)getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest_free = dup(STDERR_FILENO);
        close(lowest_free);
        const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = before_.rlim_max};
        (void)setrlimit(RLIMIT_NOFILE, &none);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { (void)setrlimit(RLIMIT_NOFILE, &before_); }

 private:
    rlimit before_{};
};

}  // namespace sluice::test
