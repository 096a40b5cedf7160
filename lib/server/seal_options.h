// When the log is sealed, how parts are merged, and how long they are kept.
#pragma once

#include "store/retention.h"

namespace sluice::server {

struct SealOptions {
    std::uint32_t rows_max = 0;            // Of one seal; it begins when so many are durable.  0: nothing is sealed.
    std::uint64_t bytes_max = 16U << 20U;  // The same, in bytes of the log.
    Duration delay_max = std::chrono::minutes(5);  // Sealed at the latest when the oldest is this old.
    std::size_t open_bytes_max = 16U << 20U;       // Memory for what is not sealed; beyond it the log is read again.
    std::uint32_t page_rows = 8192;                // Of a part; smaller ones are for tests.
    int zstd_level = 3;
    int merge_zstd_level = 9;
    store::MergeOptions merge;
    store::RetentionOptions retention;
    Duration check_interval = std::chrono::minutes(1);  // How often retention looks at the clock and the free space.
    std::size_t cache_bytes_max = 32U << 20U;           // Decoded pages of parts.
};

}  // namespace sluice::server
