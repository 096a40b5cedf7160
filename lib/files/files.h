// File requests: what all sessions share, and the operations that need no handle.
// Threads: that of the kernel.  One Files object serves a root: appends of two objects are not ordered.
// Errors name root:'path'.  permission_denied: the policy, an escape from the root, or the kernel; wrong_type: not a
// regular file; limit_exceeded: a bound on open files.
#pragma once

#include <string_view>

#include "files/inode_table.h"
#include "files/ledger.h"
#include "files/replacement.h"
#include "files/roots.h"

namespace sluice::files {

struct FilesOptions {
    std::uint64_t instance = 0;  // Random, other than that of any earlier run: marks the temporaries of this one.
    HandleLimits handles;
};

// Takes the pieces of a file as they are read.
class Consumer {
 public:
    // `piece` is valid until the task ends.  An error ends the transfer and is its result.
    virtual Task<Result<>> consume(ByteView piece) = 0;

 protected:
    ~Consumer() = default;
};

struct GetRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // 0: to the end.
};
inline constexpr std::size_t kGetPieceBytes = std::size_t{128} << 10U;

struct PutOptions {
    Durability durability = Durability::none;
    mode_t mode = 0;       // As in ReplaceOptions.
    bool parents = false;  // The same.
};

class Files {
 public:
    // Borrows all until destroyed.
    Files(io::Kernel& kernel, Roots& roots, FilesOptions options) noexcept
        : kernel_(kernel), roots_(roots), instance_(options.instance), ledger_(options.handles) {}

    // Open, read and close: hands the bytes to `consumer` in pieces of at most kGetPieceBytes, each read after the one
    // before was consumed.  Returns the state at the open; a file that shrinks meanwhile yields fewer bytes.
    // Right: read.
    Task<Result<io::FileStat>> get(const Identity& identity, std::string_view root, std::string_view path,
                                   GetRange range, Consumer& consumer);

    // Replaces or creates the file with these bytes, as replacement.h describes.  Returns its size.
    // Rights: write to replace, create to create.
    Task<Result<std::uint64_t>> put(const Identity& identity, std::string_view root, std::string_view path,
                                    ByteView bytes, PutOptions options);

    // Rights: read for a regular file, list for a directory; for anything else wrong_type.
    Task<Result<io::FileStat>> stat(const Identity& identity, std::string_view root, std::string_view path);

    // For FileTable.
    io::Kernel& kernel() noexcept { return kernel_; }
    const Roots& roots() const noexcept { return roots_; }
    Ledger& ledger() noexcept { return ledger_; }
    InodeTable& inodes() noexcept { return inodes_; }
    Task<Result<Replacement>> replace(const Identity& identity, const RootPointer& root, const RelativePath& path,
                                      ReplaceOptions options);

 private:
    io::Kernel& kernel_;
    const Roots& roots_;
    std::uint64_t instance_;
    std::uint64_t temporaries_ = 0;
    Ledger ledger_;
    InodeTable inodes_;
};

// Only permission bits: set-user-ID and the like are refused.
Result<> check_mode(mode_t mode);

}  // namespace sluice::files
