// Files that clients pass instead of a datagram that is too large: what journald accepts, and nothing else.
#pragma once

#include <sys/types.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace sluice::listeners {

// A larger file is refused.  journald takes 768 MiB (half of that where it has to copy); a record of ours has one.
inline constexpr std::size_t kPassedFileBytesMax = 64U << 20U;

// Memory that nobody can change any more (a memfd with all seals), whose reading nobody can hold back.  Never blocks.
bool is_sealed_memory(int fd) noexcept;

// Reads a file that `sender` passed, and closes it.  Unless it is sealed memory it can block for as long as the sender
// likes.  Accepted are sealed memory, and plain files directly in /dev/shm, /tmp or /var/tmp that are no file system of
// a user's program; root may pass any plain file.  Errors: permission_denied (another file), wrong_type (not a plain
// file), too_large, io errors.
Result<Bytes> read_passed_file(Fd file, uid_t sender);

}  // namespace sluice::listeners
