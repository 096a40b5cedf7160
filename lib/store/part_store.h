// The sealed parts in a store's directory: found at start, added by seals, replaced by merges, removed by retention.
//
// What counts is in the file `sealed` (seal_state.h).  A seal writes its parts whole, syncs them and their names, and
// then replaces `sealed`: a crash before that leaves parts beyond the sealed end, which the next start deletes, because
// the log still has their records.  A merge gives the new part its name durably before its inputs lose theirs: a crash
// in between leaves inputs that the new part covers, which the next start deletes.  A removal says so in `sealed`
// first: a crash after that leaves parts below the removed end, which the next start deletes.
//
// Threads: those of its kernel.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coro/pool.h"
#include "coro/sync.h"
#include "io/kernel.h"
#include "store/catalog.h"
#include "store/part_set.h"

namespace sluice::store {

struct PartStoreOptions {
    std::function<std::uint64_t()> random;     // For the identity of a new store.
    std::size_t cache_bytes_max = 32U << 20U;  // Decoded pages and dictionaries of all parts.
};

// A part that is not in the store yet.
struct PartImage {
    PartName name{};
    Bytes bytes{};
};

class PartStore {
 public:
    // Opens every part.  What cannot be read is set aside; what a crash has left is deleted.  Borrows kernel,
    // directory, offload and events until destroyed.  Errors: io errors; those of load_or_make_identity;
    // unsupported for another version.
    static Task<Result<std::unique_ptr<PartStore>>> open(io::Kernel& kernel, const io::Handle& directory,
                                                         PartStoreOptions options, coro::Offload& offload,
                                                         StoreEvents& events);

    // As it is now.
    const std::shared_ptr<const PartSet>& set() const noexcept { return set_; }
    const SealState& state() const noexcept { return set_->state; }

    struct Seal {
        std::vector<PartImage> images{};  // At most one of each class; may be empty.
        std::uint64_t sealed_end = 0;
        std::uint64_t missing_rows = 0;
        std::vector<EpochStart> epochs{};
    };
    // Records below seal.sealed_end are then sealed: durably, and in set().  On error nothing has changed.
    Task<Result<>> add(Seal seal);
    // `image` takes the place of `inputs`, which are neighbours of one class.  On error nothing has changed.
    Task<Result<>> replace(std::vector<PartPointer> inputs, PartImage image);
    // Their files go; who has them open reads on.  On error nothing has changed.
    Task<Result<>> remove(std::vector<PartPointer> parts);

 private:
    PartStore(io::Kernel& kernel, const io::Handle& directory, const PartStoreOptions& options, coro::Offload& offload,
              StoreEvents& events);

    // Start (part_recovery.cpp).
    Task<Result<>> load();
    Task<Result<>> load_state(bool there);
    struct DamagedPart {
        std::string file{};
        PartName name{};
        Error why;
    };
    struct Found {
        std::vector<PartPointer> parts{};
        std::vector<DamagedPart> damaged{};
    };
    Task<Result<>> load_part(const std::string& file, const PartName& name, Found& found);
    Task<Result<>> settle(Found found, std::optional<std::uint64_t> log_begins);
    Task<Result<std::optional<std::uint64_t>>> log_begins(const std::vector<io::DirEntry>& entries);
    Task<Result<>> set_aside(const std::string& file, const PartName* lost, Error why);

    // Changes (part_store.cpp).
    Task<Result<PartPointer>> read_part(const std::string& file, const PartName& name);
    Result<> check_part(const StoredPart& part) const;
    Task<Result<>> check_garbage();
    Task<Result<>> write_part(const PartImage& image);
    Task<Result<>> write_images(const std::vector<PartImage>& images, std::vector<PartPointer>& parts);
    Task<Result<>> write_state(const SealState& state);
    Task<> discard(std::vector<std::string> files);

    io::Kernel& kernel_;
    const io::Handle& directory_;
    coro::Offload& offload_;
    StoreEvents& events_;
    std::function<std::uint64_t()> random_;
    std::shared_ptr<part::Cache> cache_;
    std::shared_ptr<const PartSet> set_;
    bool state_written_ = false;        // `sealed` says what set_->state does.
    bool names_dirty_ = false;          // Files of a failed change were deleted: not durably so far.
    std::vector<std::string> garbage_;  // Files that could not be deleted yet.
    coro::Mutex changing_;
};

}  // namespace sluice::store
