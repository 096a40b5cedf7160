// The simulated file system: one in-memory disk that knows what is synced and what is not, for files (sim_data.h) and
// for directories: a create, rename or unlink survives power loss for certain only after a sync of its directory;
// before that each is kept or lost by seed.  A sync of a file does not make its name durable.
//
// Not modelled: permissions, hard links, times other than the last modification; symbolic links are always refused.
// Results are those of the kernel: a count, 0, or -errno.  Paths: absolute, or relative to a directory.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/kernel.h"
#include "io/sim_data.h"
#include "io/sim_faults.h"
#include "io/sim_random.h"

namespace sluice::io {

class SimSocket;

enum class SimFileType : std::uint8_t { regular, directory, socket, symlink };

struct SimInode {
    std::uint64_t number = 0;
    SimFileType type = SimFileType::regular;
    std::uint32_t mode = 0;  // Permission bits.
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    WallNs modified = 0;
    std::uint32_t links = 0;  // Names that lead here now (0 or 1).
    std::uint32_t open_files = 0;
    std::uint64_t charged_in = 0;  // The boot in which its space and inode are charged to the disk; 0: they are not.
    SimData data;
    using Entries = std::map<std::string, std::shared_ptr<SimInode>, std::less<>>;
    Entries entries;  // Of a directory, now.
    Entries durable_entries;
};

// An open file description, or a socket.
struct SimFile {
    std::shared_ptr<SimInode> inode;  // Empty: a socket.
    std::unique_ptr<SimSocket> socket;
    int flags = 0;     // O_*.
    std::string path;  // Absolute, as opened.
    class SimDisk* disk = nullptr;

    SimFile();
    SimFile(const SimFile&) = delete;
    SimFile& operator=(const SimFile&) = delete;
    ~SimFile();
};

class SimDisk {
 public:
    struct Options {
        std::uint64_t capacity_bytes = 1U << 30U;  // In 4 KiB pages; a write beyond it is short, then ENOSPC.
        std::uint64_t inodes_max = 65536;          // ENOSPC beyond.
        std::uint32_t direct_io_alignment = 512;   // Of offset, length and buffer; 0: O_DIRECT is refused (EINVAL).
        std::uint64_t type = 0;                    // FileSystem::type.
    };
    // Borrows both until destroyed.  Starts with the directories /, /run and /tmp, durable.
    SimDisk(Options options, SimRandom& random, const Clock& clock);

    // ---- for tests: at once, durable, past the faults.  Absolute paths. ----
    bool exists(std::string_view path) const;
    // What readers see; what is certain to survive power loss.  nullopt: no such file.
    std::optional<Bytes> content(std::string_view path) const;
    std::optional<Bytes> durable_content(std::string_view path) const;
    // True if every name on the path survives power loss for certain.
    bool durable_name(std::string_view path) const;
    std::size_t dirty_changes(std::string_view path) const;
    std::vector<std::string> names(std::string_view directory) const;  // Sorted.
    void put_file(std::string_view path, ByteView content);            // Creates or replaces; parents are made.
    void make_directories(std::string_view path);
    void make_symlink(std::string_view path);
    void flip(std::string_view path, std::uint64_t offset, std::byte mask);
    void remove(std::string_view path);  // A file, or a directory with all it holds.

    std::uint64_t used_bytes() const noexcept { return used_pages_ * kSimPage; }
    std::uint64_t free_bytes() const noexcept { return free_pages() * kSimPage; }
    std::uint64_t used_inodes() const noexcept { return used_inodes_; }
    void set_capacity(std::uint64_t bytes) noexcept { options_.capacity_bytes = bytes; }
    void set_inodes_max(std::uint64_t inodes) noexcept { options_.inodes_max = inodes; }
    void set_direct_io_alignment(std::uint32_t bytes) noexcept { options_.direct_io_alignment = bytes; }
    const Options& options() const noexcept { return options_; }

    // ---- for the world: one function per operation ----
    struct OpenAs {
        int flags = 0;
        std::uint32_t mode = 0;
        std::uint64_t resolve = 0;
        PeerCredentials owner;
    };
    // `directory` may be nullptr: the root, which is also the current directory.
    std::int32_t open(const SimFile* directory, std::string_view path, const OpenAs& as,
                      std::shared_ptr<SimFile>& into);
    std::int32_t read(const SimFile& file, std::uint64_t offset, std::span<std::byte> into);
    enum class Reach : std::uint8_t {
        as_asked,  // Durable with O_DSYNC or RWF_DSYNC, else dirty.
        dirty,     // Cut off before it was made durable.
        torn,      // The power failed while the device wrote it: some of its sectors.
        doubtful,  // An error will be reported: dirty, or readers see it but the device never will.
    };
    // Writes the first `length` bytes of the request.
    std::int32_t write(SimFile& file, const OpRequest& request, std::uint64_t length, Reach reach);
    std::int32_t sync(SimFile& file);
    void fail_sync(SimFile& file);
    std::int32_t stat(const SimFile* file, std::string_view path, struct statx& into);
    std::int32_t rename(const SimFile* from, std::string_view path, const SimFile* to, std::string_view path2,
                        unsigned flags);
    std::int32_t unlink(const SimFile* directory, std::string_view path, unsigned flags);
    std::int32_t mkdir(const SimFile* directory, std::string_view path, std::uint32_t mode, PeerCredentials owner);
    std::int32_t allocate(SimFile& file, unsigned flags, std::uint64_t offset, std::uint64_t length);
    std::int32_t truncate(SimFile& file, std::uint64_t size);
    static std::int32_t resemble(SimFile& file, const OpRequest& wanted, PeerCredentials caller);
    std::int32_t list(const SimFile& directory, std::vector<DirEntry>& into);
    // A socket file; replaces a stale one.  Returns its inode number, or -errno.
    std::int64_t bind_socket(std::string_view path, std::uint32_t mode, PeerCredentials owner);
    std::int64_t find_socket(std::string_view path) const;

    void lose_power();
    void file_closed(SimInode& inode) noexcept;

 private:
    // Where a path leads: the directory that holds (or would hold) its last component, and what is there.
    struct Place {
        std::shared_ptr<SimInode> directory;  // Empty for the root itself.
        std::string name;
        std::shared_ptr<SimInode> inode;  // Empty: no such entry.
    };
    // A change of names that is not durable yet.
    struct NameChange {
        std::shared_ptr<SimInode> directory;
        std::string name;
        std::shared_ptr<SimInode> inode;           // What the name leads to; empty: removed.
        std::shared_ptr<SimInode> from_directory;  // A rename: also removes this name, in the same step.
        std::string from_name;
    };
    std::int32_t walk(const SimFile* directory, std::string_view path, std::uint64_t resolve, Place& place) const;
    std::shared_ptr<SimInode> find(std::string_view path) const;
    std::shared_ptr<SimInode> make_inode(SimFileType type, std::uint32_t mode, PeerCredentials owner);
    std::shared_ptr<SimInode> find_or_make(std::string_view path, SimFileType type);
    void change_name(NameChange change);
    static void apply_durable(const NameChange& change);
    void make_durable(std::vector<bool>& chosen);
    void sync_directory(const SimInode& directory);
    void drop_link(SimInode& inode) noexcept;
    void release_if_unused(SimInode& inode) noexcept;
    bool charged(const SimInode& inode) const noexcept { return inode.charged_in == boot_; }
    void charge(SimInode& inode) noexcept;
    std::uint64_t free_pages() const noexcept;
    std::uint64_t fit(const SimInode& inode, std::uint64_t offset, std::uint64_t length) const noexcept;
    std::int32_t check_direct(const SimFile& file, const void* data, std::uint64_t offset, std::uint64_t length) const;
    template <class Change>
    void change_data(SimInode& inode, Change&& change);
    void settle(SimInode& inode, std::optional<unsigned> keep);

    Options options_;
    SimRandom& random_;
    const Clock& clock_;
    std::uint64_t next_inode_ = 1;
    std::uint64_t boot_ = 1;
    std::uint64_t used_pages_ = 0;
    std::uint64_t used_inodes_ = 0;
    std::shared_ptr<SimInode> root_;
    std::vector<NameChange> unsynced_names_;
};

template <class Change>
void SimDisk::change_data(SimInode& inode, Change&& change) {
    const std::size_t before = inode.data.allocated_pages();
    change(inode.data);
    if (charged(inode)) {
        used_pages_ += inode.data.allocated_pages() - before;
    }
    inode.modified = clock_.wall_now();
}

}  // namespace sluice::io
