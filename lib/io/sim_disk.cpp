#include "io/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "io/sim_socket.h"

namespace sluice::io {
namespace {

constexpr std::uint32_t kRenameNoReplace = 0x1;  // RENAME_NOREPLACE of <linux/fs.h>.
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kPathMax = 4096;

std::string join(const SimFile* directory, std::string_view path) {
    if (directory == nullptr || path.starts_with('/')) {
        return path.starts_with('/') ? std::string(path) : "/" + std::string(path);
    }
    if (path.empty()) {
        return directory->path;
    }
    return directory->path == "/" ? "/" + std::string(path) : directory->path + "/" + std::string(path);
}

std::uint32_t type_bits(SimFileType type) {
    switch (type) {
        case SimFileType::regular:
            return S_IFREG;
        case SimFileType::directory:
            return S_IFDIR;
        case SimFileType::socket:
            return S_IFSOCK;
        case SimFileType::symlink:
            return S_IFLNK;
    }
    return 0;
}

}  // namespace

SimFile::SimFile() = default;

SimFile::~SimFile() {
    if (inode) {
        disk->file_closed(*inode);
    }
}

SimDisk::SimDisk(Options options, SimRandom& random, const Clock& clock)
    : options_(options), random_(random), clock_(clock), root_(make_inode(SimFileType::directory, 0755, {})) {
    root_->links = 1;
    make_directories("/run");
    make_directories("/tmp");
}

// ---- names ----

std::int32_t SimDisk::walk(const SimFile* directory, std::string_view path, std::uint64_t resolve, Place& place) const {
    if (path.empty() || path.size() >= kPathMax) {
        return path.empty() ? -ENOENT : -ENAMETOOLONG;
    }
    std::shared_ptr<SimInode> current = directory != nullptr ? directory->inode : root_;
    if (path.starts_with('/')) {
        if ((resolve & RESOLVE_BENEATH) != 0) {
            return -EXDEV;
        }
        current = root_;
    }
    const bool slash_at_end = path.ends_with('/');
    place = Place{.directory = {}, .name = {}, .inode = current};
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (name.empty() || name == ".") {
            continue;
        }
        if (name == "..") {
            return -EXDEV;
        }
        if (name.size() > kNameMax) {
            return -ENAMETOOLONG;
        }
        if (!place.inode) {
            return -ENOENT;
        }
        if (place.inode->type != SimFileType::directory) {
            return place.inode->type == SimFileType::symlink ? -ELOOP : -ENOTDIR;
        }
        place.directory = std::move(place.inode);
        place.name = name;
        const auto found = place.directory->entries.find(name);
        place.inode = found == place.directory->entries.end() ? nullptr : found->second;
    }
    if (slash_at_end && place.inode && place.inode->type != SimFileType::directory) {
        return -ENOTDIR;
    }
    return 0;
}

std::shared_ptr<SimInode> SimDisk::make_inode(SimFileType type, std::uint32_t mode, PeerCredentials owner) {
    auto inode = std::make_shared<SimInode>();
    inode->number = next_inode_++;
    inode->type = type;
    inode->mode = mode & 07777U;
    inode->uid = owner.uid;
    inode->gid = owner.gid;
    inode->modified = clock_.wall_now();
    charge(*inode);
    return inode;
}

void SimDisk::charge(SimInode& inode) noexcept {
    if (!charged(inode)) {
        inode.charged_in = boot_;
        ++used_inodes_;
        used_pages_ += inode.data.allocated_pages();
    }
}

void SimDisk::release_if_unused(SimInode& inode) noexcept {
    if (inode.links == 0 && inode.open_files == 0 && charged(inode)) {
        inode.charged_in = 0;
        --used_inodes_;
        used_pages_ -= inode.data.allocated_pages();
    }
}

void SimDisk::drop_link(SimInode& inode) noexcept {
    --inode.links;
    release_if_unused(inode);
}

void SimDisk::file_closed(SimInode& inode) noexcept {
    --inode.open_files;
    release_if_unused(inode);
}

void SimDisk::change_name(NameChange change) {
    SimInode& directory = *change.directory;
    if (change.from_directory) {
        change.from_directory->entries.erase(change.from_name);
        change.from_directory->modified = clock_.wall_now();
        --change.inode->links;
    }
    std::shared_ptr<SimInode> replaced;
    if (change.inode) {
        std::shared_ptr<SimInode>& entry = directory.entries[change.name];
        replaced = std::exchange(entry, change.inode);
        ++change.inode->links;
    } else {
        const auto found = directory.entries.find(change.name);
        replaced = std::move(found->second);
        directory.entries.erase(found);
    }
    if (replaced) {
        drop_link(*replaced);
    }
    directory.modified = clock_.wall_now();
    unsynced_names_.push_back(std::move(change));
}

void SimDisk::apply_durable(const NameChange& change) {
    if (change.from_directory) {
        auto& from = change.from_directory->durable_entries;
        const auto found = from.find(change.from_name);
        if (found != from.end() && found->second == change.inode) {
            from.erase(found);
        }
    }
    if (change.inode) {
        change.directory->durable_entries[change.name] = change.inode;
    } else {
        change.directory->durable_entries.erase(change.name);
    }
}

// Applies the chosen changes in order and drops them from the list.  What is chosen brings along the earlier changes of
// the same inode, as a journal does: a file never ends up under two names, or under none because of a rename.
void SimDisk::make_durable(std::vector<bool>& chosen) {
    std::unordered_set<const SimInode*> moved;
    for (std::size_t i = chosen.size(); i-- > 0;) {
        const SimInode* inode = unsynced_names_[i].inode.get();
        if (chosen[i] && inode != nullptr) {
            moved.insert(inode);
        } else if (!chosen[i]) {
            chosen[i] = moved.contains(inode);
        }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (chosen[i]) {
            apply_durable(unsynced_names_[i]);
        } else if (kept++ != i) {
            unsynced_names_[kept - 1] = std::move(unsynced_names_[i]);
        }
    }
    unsynced_names_.resize(kept);
}

void SimDisk::sync_directory(const SimInode& directory) {
    std::vector<bool> chosen(unsynced_names_.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        chosen[i] = unsynced_names_[i].directory.get() == &directory;
    }
    make_durable(chosen);
}

std::int32_t SimDisk::open(const SimFile* directory, std::string_view path, const OpenAs& as,
                           std::shared_ptr<SimFile>& into) {
    Place place;
    if (const std::int32_t result = walk(directory, path, as.resolve, place); result < 0) {
        return result;
    }
    const bool writes = (as.flags & O_ACCMODE) != O_RDONLY;
    if ((as.flags & O_TMPFILE) == O_TMPFILE) {
        return -EOPNOTSUPP;
    }
    if (place.inode) {
        if ((as.flags & O_CREAT) != 0 && (as.flags & O_EXCL) != 0) {
            return -EEXIST;
        }
        switch (place.inode->type) {
            case SimFileType::symlink:
                return -ELOOP;
            case SimFileType::socket:
                return -ENXIO;
            case SimFileType::directory:
                if (writes || (as.flags & O_CREAT) != 0) {
                    return -EISDIR;
                }
                break;
            case SimFileType::regular:
                if ((as.flags & O_DIRECTORY) != 0) {
                    return -ENOTDIR;
                }
        }
    } else {
        if ((as.flags & O_CREAT) == 0 || path.ends_with('/')) {
            return path.ends_with('/') && (as.flags & O_CREAT) != 0 ? -EISDIR : -ENOENT;
        }
        if (place.directory->links == 0) {
            return -ENOENT;
        }
        if (used_inodes_ >= options_.inodes_max) {
            return -ENOSPC;
        }
        place.inode = make_inode(SimFileType::regular, as.mode, as.owner);
        change_name({.directory = place.directory,
                     .name = place.name,
                     .inode = place.inode,
                     .from_directory = {},
                     .from_name = {}});
    }
    if ((as.flags & O_DIRECT) != 0 && options_.direct_io_alignment == 0) {
        return -EINVAL;  // As Linux does: with O_CREAT the file has been made all the same.
    }
    into = std::make_shared<SimFile>();
    into->flags = as.flags;
    into->path = join(directory, path);
    into->disk = this;
    ++place.inode->open_files;
    into->inode = std::move(place.inode);
    if (writes && (as.flags & O_TRUNC) != 0 && into->inode->data.size() != 0) {
        truncate(*into, 0);
    }
    return 0;
}

std::int32_t SimDisk::rename(const SimFile* from, std::string_view path, const SimFile* to, std::string_view path2,
                             unsigned flags) {
    if ((flags & ~kRenameNoReplace) != 0) {
        return -EINVAL;
    }
    Place source;
    Place target;
    std::int32_t result = walk(from, path, 0, source);
    result = result < 0 ? result : walk(to, path2, 0, target);
    if (result < 0) {
        return result;
    }
    if (!source.inode || !target.directory || !source.directory) {
        return source.inode ? -EBUSY : -ENOENT;
    }
    if (target.inode) {
        if ((flags & kRenameNoReplace) != 0) {
            return -EEXIST;
        }
        if (target.inode == source.inode) {
            return 0;
        }
        const bool directory = source.inode->type == SimFileType::directory;
        if (directory != (target.inode->type == SimFileType::directory)) {
            return directory ? -ENOTDIR : -EISDIR;
        }
        if (directory && !target.inode->entries.empty()) {
            return -ENOTEMPTY;
        }
    }
    change_name({.directory = target.directory,
                 .name = target.name,
                 .inode = source.inode,
                 .from_directory = source.directory,
                 .from_name = source.name});
    return 0;
}

std::int32_t SimDisk::unlink(const SimFile* directory, std::string_view path, unsigned flags) {
    Place place;
    if (const std::int32_t result = walk(directory, path, 0, place); result < 0) {
        return result;
    }
    if (!place.inode || !place.directory) {
        return place.inode ? -EBUSY : -ENOENT;
    }
    const bool is_directory = place.inode->type == SimFileType::directory;
    if (is_directory != ((flags & AT_REMOVEDIR) != 0)) {
        return is_directory ? -EISDIR : -ENOTDIR;
    }
    if (is_directory && !place.inode->entries.empty()) {
        return -ENOTEMPTY;
    }
    change_name({.directory = place.directory, .name = place.name, .inode = {}, .from_directory = {}, .from_name = {}});
    return 0;
}

std::int32_t SimDisk::mkdir(const SimFile* directory, std::string_view path, std::uint32_t mode,
                            PeerCredentials owner) {
    Place place;
    if (const std::int32_t result = walk(directory, path, 0, place); result < 0) {
        return result;
    }
    if (place.inode) {
        return -EEXIST;
    }
    if (used_inodes_ >= options_.inodes_max) {
        return -ENOSPC;
    }
    place.inode = make_inode(SimFileType::directory, mode, owner);
    change_name({.directory = place.directory,
                 .name = place.name,
                 .inode = place.inode,
                 .from_directory = {},
                 .from_name = {}});
    return 0;
}

std::int64_t SimDisk::bind_socket(std::string_view path, std::uint32_t mode, PeerCredentials owner) {
    Place place;
    if (const std::int32_t result = walk(nullptr, path, 0, place); result < 0) {
        return result;
    }
    if (place.inode && place.inode->type != SimFileType::socket) {
        return -EADDRINUSE;
    }
    const std::shared_ptr<SimInode> inode = make_inode(SimFileType::socket, mode, owner);
    change_name(
        {.directory = place.directory, .name = place.name, .inode = inode, .from_directory = {}, .from_name = {}});
    return static_cast<std::int64_t>(inode->number);
}

std::int64_t SimDisk::find_socket(std::string_view path) const {
    Place place;
    if (const std::int32_t result = walk(nullptr, path, 0, place); result < 0) {
        return result;
    }
    if (!place.inode) {
        return -ENOENT;
    }
    return place.inode->type == SimFileType::socket ? static_cast<std::int64_t>(place.inode->number) : -ECONNREFUSED;
}

std::int32_t SimDisk::list(const SimFile& directory, std::vector<DirEntry>& into) {
    if (directory.inode->type != SimFileType::directory) {
        return -ENOTDIR;
    }
    into.clear();
    for (const auto& [name, inode] : directory.inode->entries) {
        into.push_back({.name = name, .is_directory = inode->type == SimFileType::directory});
    }
    // A file system gives no order; nobody may rely on one.
    for (std::size_t i = into.size(); i > 1; --i) {
        std::swap(into[i - 1], into[random_.below(i)]);
    }
    return 0;
}

std::int32_t SimDisk::stat(const SimFile* file, std::string_view path, struct statx& into) {
    Place place;
    if (path.empty() && file != nullptr) {
        place.inode = file->inode;
    } else if (const std::int32_t result = walk(file, path, 0, place); result < 0) {
        return result;
    }
    if (!place.inode) {
        return -ENOENT;
    }
    const SimInode& inode = *place.inode;
    const bool regular = inode.type == SimFileType::regular;
    into = {};
    into.stx_mask = STATX_BASIC_STATS | STATX_DIOALIGN;
    into.stx_blksize = kSimPage;
    into.stx_nlink = inode.links;
    into.stx_uid = inode.uid;
    into.stx_gid = inode.gid;
    into.stx_mode = static_cast<std::uint16_t>(type_bits(inode.type) | inode.mode);
    into.stx_ino = inode.number;
    into.stx_size = inode.type == SimFileType::directory ? kSimPage : inode.data.size();
    into.stx_blocks = inode.data.allocated_pages() * (kSimPage / 512);
    into.stx_mtime.tv_sec = inode.modified / 1'000'000'000;
    into.stx_mtime.tv_nsec = static_cast<std::uint32_t>(inode.modified % 1'000'000'000);
    into.stx_ctime = into.stx_mtime;
    into.stx_dio_mem_align = regular ? options_.direct_io_alignment : 0;
    into.stx_dio_offset_align = into.stx_dio_mem_align;
    into.stx_dev_major = 8;
    return 0;
}

}  // namespace sluice::io
