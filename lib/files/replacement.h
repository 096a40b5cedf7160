// A file that is written aside and then put in the place of another at once.
//
//   begin()   makes a temporary in the directory of the target
//   commit()  syncs the temporary, renames it over the target, and (durable) syncs the directory
//   abandon() unlinks the temporary
//
// A crash of the daemon or of the machine at any point leaves the old file or the new one, whole; with `durable`, a
// success means the new one.  A temporary that a crash leaves behind is removed by the next sweep (sweep.h).
// Between begin() and commit() nothing stops others from changing the target; the last rename wins.
// Threads: that of the kernel.
#pragma once

#include <optional>
#include <string>

#include "files/roots.h"

namespace sluice::files {

enum class Durability : std::uint8_t {
    none,     // In the page cache.
    durable,  // Survives power loss.
};

struct ReplaceOptions {
    bool exclusive = false;  // Errc::already_exists if there is a target, at begin() and again at commit().
    // Permission bits, to which the umask applies; 0640 for a new file if 0.  A file that replaces one has, if 0, just
    // the bits of that, and its owner and group as far as the daemon may give a file away (Kernel::resemble).
    mode_t mode = 0;
    bool parents = false;  // Makes the directories that are not there, which needs `create`.  They stay, come what may.
};

class Replacement {
 public:
    Replacement(Replacement&& other) noexcept
        : directory_(std::move(other.directory_)),
          target_(std::move(other.target_)),
          temporary_(std::exchange(other.temporary_, {})),
          shown_(std::move(other.shown_)),
          resembles_(other.resembles_),
          exclusive_(other.exclusive_),
          file_(std::move(other.file_)) {}
    Replacement& operator=(Replacement&&) = delete;
    ~Replacement() { SLUICE_ASSERT(temporary_.empty(), "{} is neither committed nor abandoned", shown_); }

    io::Handle& file() noexcept { return file_; }
    bool pending() const noexcept { return !temporary_.empty(); }

    // Not to be repeated after an error: abandon() then.  Cancelled before the rename: nothing has changed.
    Task<Result<>> commit(io::Kernel& kernel, const io::Handle& file, Durability durability);
    // Idempotent; nothing after a commit.  Never cancelled.  An error leaves the temporary to the next sweep.
    Task<> abandon(io::Kernel& kernel);

 private:
    friend Task<Result<Replacement>> begin_replacement(io::Kernel& kernel, const RootPointer& root,
                                                       const RelativePath& path, const Identity& identity,
                                                       ReplaceOptions options, std::uint64_t instance,
                                                       std::uint64_t& counter);
    Replacement() = default;
    Task<Result<>> check_target(io::Kernel& kernel, const Identity& identity, ReplaceOptions& options);
    Task<Result<>> make_temporary(io::Kernel& kernel, mode_t mode, std::uint64_t instance, std::uint64_t& counter);
    Task<Result<>> prepare_temporary(io::Kernel& kernel, mode_t mode, std::uint64_t instance, std::uint64_t& counter);
    Task<Result<>> place(io::Kernel& kernel, Durability durability);

    Directory directory_;
    std::string target_;     // A name in the directory.
    std::string temporary_;  // The same; empty once renamed or unlinked.
    std::string shown_;
    std::optional<io::FileStat> resembles_;
    bool exclusive_ = false;  // Also where the client may only create: commit must not replace then.
    io::Handle file_;         // Open for reading and writing.
};

// Needs `write` where the target exists, else `create`.  Not for symbolic links, nor anything but regular files.
// `counter` numbers the temporaries of one `instance`.
Task<Result<Replacement>> begin_replacement(io::Kernel& kernel, const RootPointer& root, const RelativePath& path,
                                            const Identity& identity, ReplaceOptions options, std::uint64_t instance,
                                            std::uint64_t& counter);

}  // namespace sluice::files
