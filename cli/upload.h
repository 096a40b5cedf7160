// Storing spooled bytes as a file, atomically.
#pragma once

#include <functional>

#include "cli/context.h"
#include "cli/spool.h"

namespace sluice::cli {

struct UploadOptions {
    RootPath file;
    bool durable = false;
    std::uint32_t mode = 0;  // 0: the daemon's default, 0640.
};

// Puts all of `spool` in place at once: one PUT if it fits, else OPEN (replace), WRITEs ahead of their replies, COMMIT.
// Nothing is visible unless it succeeds; so it may be called again after any failure.  `progress` gets the bytes of
// each WRITE that was answered.
Result<void> upload(client::Client& client, const Spool& spool, const UploadOptions& options,
                    const std::function<void(std::uint64_t)>& progress);

}  // namespace sluice::cli
