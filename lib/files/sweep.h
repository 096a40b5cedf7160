// Removes the temporaries that a crash left behind (replacement.h).
#pragma once

#include <cstdint>

#include "files/roots.h"

namespace sluice::files {

struct SweepOptions {
    std::uint64_t instance = 0;             // That of FilesOptions: the temporaries of this run are in use and stay.
    std::size_t directories_max = 100'000;  // Beyond it the sweep ends, `complete` is false.
};

struct SweepResult {
    std::size_t directories = 0;  // Listed.
    std::size_t removed = 0;
    std::size_t failed = 0;  // Temporaries and directories that could not be removed or listed.
    bool complete = true;
};

// Walks the tree beneath the root, one directory at a time.  To be run in the background after Roots::load(): requests
// need not wait for it, and it removes nothing that this run has made.  A root must not be shared with another running
// daemon: its temporaries would be removed, and its puts fail.  Ends early when cancelled.
Task<Result<SweepResult>> sweep(io::Kernel& kernel, RootPointer root, SweepOptions options);

}  // namespace sluice::files
