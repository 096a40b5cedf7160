// Files that clients pass instead of a datagram that is too large: what journald accepts, and nothing else.
#pragma once

#include <sys/types.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace sluice::listeners {

// A larger file is refused.  journald takes 768 MiB (half of that where it has to copy); a record of ours has one.
inline constexpr std::size_t kPassedFileBytesMax = 64U << 20U;

// Reads a file that `sender` passed, and closes it.  Blocks, as long as the file system of a foreign file likes: on a
// pool.  Accepted are memfds that are sealed (nobody can change them any more), and plain files directly in /dev/shm,
// /tmp or /var/tmp; root may pass any plain file.  Errors: permission_denied (another file), wrong_type (not a plain
// file), too_large, io errors.  Empty: success.
Result<Bytes> read_passed_file(Fd file, uid_t sender);

}  // namespace sluice::listeners
