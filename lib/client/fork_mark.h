// Tells that a process was forked off since an object was made, so that a child leaves its parent's socket alone.
//
// The mark is a page which the kernel gives a child as zeros (MADV_WIPEONFORK, Linux 4.14): looking costs a load, and
// it is right for every fork that copies memory.  Refused: comparing getpid(), a system call for each record, and wrong
// where a child has the number of its parent (both are the first of their pid namespaces); a counter of
// pthread_atfork(), which _Fork() and clone() go past and which is state of the whole process.  Where the kernel has no
// such page, the pid is compared all the same.
// Threads: any.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace sluice::client {

class ForkMark {
 public:
    enum class Way : std::uint8_t { page, pid };
    explicit ForkMark(Way way = Way::page) noexcept;
    ForkMark(const ForkMark&) = delete;
    ForkMark& operator=(const ForkMark&) = delete;
    ~ForkMark();

    // This process is not the one that made the mark, but was forked from it.
    bool forked() const noexcept;

 private:
    volatile std::uint8_t* page_ = nullptr;  // Null: by pid.
    pid_t pid_;
};

}  // namespace sluice::client
