// What sluice knows about a file while any handle to it is open, shared by all sessions: the order of appends, and
// whether a sync has failed.  Keyed by device and inode number, so that two paths to one file meet.
// Threads: one; a root is served by one Files object.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "coro/sync.h"
#include "io/kernel.h"

namespace sluice::files {

struct Inode {
    coro::Mutex append;                // Held from reading the size to the last byte of an append.
    std::optional<Error> sync_failed;  // The kernel tells a failed sync once and then forgets: we do not.

    // The first failure, where there was one.
    Result<> check_sync() const {
        if (sync_failed) {
            return fail(sync_failed->code(), "an earlier sync failed ({}); close the file and write it anew",
                        sync_failed->text());
        }
        return {};
    }
    // After a failed sync or durable write.
    void note_failure(const Error& error) {
        if (!sync_failed && error.code() != Errc::cancelled) {
            sync_failed = error;
        }
    }
};

class InodeTable {
 public:
    InodeTable() = default;
    InodeTable(const InodeTable&) = delete;
    InodeTable& operator=(const InodeTable&) = delete;
    ~InodeTable() { SLUICE_ASSERT(inodes_.empty(), "{} files are still open", inodes_.size()); }

    // Precondition: `stat` is of a file that stays open as long as the result is kept (else its number may be reused).
    std::shared_ptr<Inode> find(const io::FileStat& stat);
    std::size_t size() const noexcept { return inodes_.size(); }

 private:
    using Key = std::pair<std::uint64_t, std::uint64_t>;
    std::map<Key, std::weak_ptr<Inode>> inodes_;
};

}  // namespace sluice::files
