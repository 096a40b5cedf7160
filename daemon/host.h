// What the daemon needs of the machine before it has an io::Kernel.  All of it blocks, for a moment, at start.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace sluice::daemon {

// Of this boot of the machine, from /proc/sys/kernel/random/boot_id.  Zeros where that cannot be read: then every
// unclean start is taken for a power loss in the next boot, which is the safe side.
std::array<std::byte, 16> boot_id();

// From the kernel's generator.
std::uint64_t random_number();

// How many datagrams a Unix socket that is made now holds before senders have to wait: net.unix.max_dgram_qlen and one
// more, found by filling one, because /proc/sys may be hidden.  0: it could not be found.
std::size_t datagram_queue_length();

// Makes `path` if it is not there; its parent must be.
Result<> make_directory(const std::string& path, mode_t mode);

enum class Links : bool { followed, refused };
// The same for a directory that nobody else may have prepared.  Errors: permission_denied if it is another user's, if
// others may write to it, or if it is a link and those are refused; wrong_type.
Result<> make_own_directory(const std::string& path, mode_t mode, Links links);

// An exclusive lock on DIRECTORY/lock, held until destroyed: one daemon per store.
class StoreLock {
 public:
    // Errors: already_exists if another daemon has it (with its pid), io errors.
    static Result<StoreLock> take(const std::string& directory);
    StoreLock(StoreLock&& other) noexcept;
    StoreLock& operator=(StoreLock&&) = delete;
    ~StoreLock();

 private:
    explicit StoreLock(int fd) noexcept : fd_(fd) {}
    int fd_;
};

}  // namespace sluice::daemon
