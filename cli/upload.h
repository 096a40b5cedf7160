// Storing spooled bytes as a file, atomically.
#pragma once

#include <functional>

#include "cli/context.h"
#include "cli/spool.h"

namespace sluice::cli {

struct UploadOptions {
    RootPath file;
    bool durable = false;
    bool parents = false;    // Make the directories that are not there.
    std::uint32_t mode = 0;  // 0: that of the file that is there, 0640 for a new one.
};

// Puts all of `spool` in place at once: one PUT if it fits, else OPEN (replace), WRITEs ahead of their replies, COMMIT.
// Nothing is visible unless it succeeds; so it may be called again after any failure.  `progress` gets the bytes of
// each WRITE that was answered.
Result<void> upload(client::Client& client, const Spool& spool, const UploadOptions& options,
                    const std::function<void(std::uint64_t)>& progress);

}  // namespace sluice::cli
