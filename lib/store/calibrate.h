// Which way of committing suits this disk: O_DIRECT with RWF_DSYNC, or a buffered write and a sync if that takes less
// than three quarters of the time.  The margin is for busy machines: what is chosen is remembered.
#pragma once

#include "io/kernel.h"
#include "store/log_writer.h"

namespace sluice::store {

struct Calibration {
    IoMode mode = IoMode::direct;
    Duration direct{};  // Median of one durable 4 KiB commit; 0: refused by the file system, or remembered.
    Duration buffered{};
};

// The mode that the file `calibration` beneath `directory` remembers; if there is none, measures and writes it.
// Takes a few milliseconds on a fast disk, and about a quarter of a second on one that needs 5 ms for a sync.
Task<Result<Calibration>> choose_io_mode(io::Kernel& kernel, const io::Handle& directory);

}  // namespace sluice::store
