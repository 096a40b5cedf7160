// What a store's directory holds, found at start.  Nothing that cannot be read is deleted: it is renamed aside and
// reported.  docs/storage-format.md, RECOVERY, has the rules.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/catalog.h"
#include "store/frame_reader.h"
#include "store/producers.h"

namespace sluice::store {

struct RecoveryOptions {
    std::array<std::byte, 16> boot_id{};    // Of this boot of the machine: a different one means that power was lost.
    std::function<std::uint64_t()> random;  // For a new store's identity.
    bool direct = false;                    // Read with O_DIRECT.
    std::uint64_t sealed_end = 1;           // Records below it are in parts: they had been durable, and are not missed.
    std::uint32_t sealed_epoch = 0;         // Of the newest of them.
};

struct Recovered {
    StoreId store_id{};
    std::uint32_t epoch = 1;
    std::uint64_t next_sequence = 1;  // The first record of a store has sequence 1.
    bool clean = true;                // The last daemon said goodbye; nothing can have been lost.
    bool new_epoch = false;           // Records that readers may have seen may be gone; `epoch` is already the new one.
    Catalog catalog;                  // Oldest first.
    std::optional<WallNs> written;    // When the log was written last, by the wall clock of then; nothing: not known.
    std::uint64_t last_data_end = 0;  // Offset behind the last frame of the last segment.
    std::uint64_t next_segment_id = 1;
    std::vector<std::uint32_t> spares;
    std::vector<Damage> damage;  // That was told.
};

// Reads the directory; fills `producers`.  Changes only names (spares, what is set aside) and the identity file of a
// store that has none, or a damaged one.  Errors: those of load_or_make_identity.
Task<Result<Recovered>> recover(io::Kernel& kernel, const io::Handle& directory, const RecoveryOptions& options,
                                ProducerTable& producers, StoreEvents& events);

}  // namespace sluice::store
