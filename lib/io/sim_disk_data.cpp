// The bytes of SimDisk: reading, writing, syncing, and what power loss leaves of them.
#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "io/kernel.h"
#include "io/sim_disk.h"
#include "io/sim_socket.h"

namespace sluice::io {
namespace {

using detail::kRwfDsync;
constexpr std::uint32_t kFallocKeepSize = 0x1;        // FALLOC_FL_KEEP_SIZE of <linux/falloc.h>.
constexpr std::uint64_t kFileBytesMax = 1ULL << 44U;  // ext4's; EFBIG beyond.

}  // namespace

std::uint64_t SimDisk::free_pages() const noexcept {
    const std::uint64_t pages = options_.capacity_bytes / kSimPage;
    return pages > used_pages_ ? pages - used_pages_ : 0;
}

// How many bytes from `offset` on find space.
std::uint64_t SimDisk::fit(const SimInode& inode, std::uint64_t offset, std::uint64_t length) const noexcept {
    std::uint64_t left = free_pages();
    if (length / kSimPage + 2 <= left) {
        return length;
    }
    const std::uint64_t end = offset + length;
    for (std::uint64_t at = offset; at < end; at = (at / kSimPage + 1) * kSimPage) {
        if (!inode.data.page_allocated(static_cast<std::size_t>(at / kSimPage)) && left-- == 0) {
            return at - offset;
        }
    }
    return length;
}

std::int32_t SimDisk::check_direct(const SimFile& file, const void* data, std::uint64_t offset,
                                   std::uint64_t length) const {
    const std::uint64_t alignment = options_.direct_io_alignment;
    if ((file.flags & O_DIRECT) == 0) {
        return 0;
    }
    if (alignment == 0 || (offset | length | reinterpret_cast<std::uintptr_t>(data)) % alignment != 0) {
        return -EINVAL;
    }
    return 0;
}

std::int32_t SimDisk::read(const SimFile& file, std::uint64_t offset, std::span<std::byte> into) {
    if (file.inode->type == SimFileType::directory) {
        return -EISDIR;
    }
    if ((file.flags & O_ACCMODE) == O_WRONLY) {
        return -EBADF;
    }
    if (const std::int32_t result = check_direct(file, into.data(), offset, into.size()); result < 0) {
        return result;
    }
    return static_cast<std::int32_t>(file.inode->data.read(offset, into));
}

std::int32_t SimDisk::write(SimFile& file, const OpRequest& request, std::uint64_t length, Reach reach) {
    if ((file.flags & O_ACCMODE) == O_RDONLY || file.inode->type != SimFileType::regular) {
        return -EBADF;
    }
    if (const std::int32_t result = check_direct(file, request.data, request.offset, request.length); result < 0) {
        return result;
    }
    SimInode& inode = *file.inode;
    const std::uint64_t offset = (file.flags & O_APPEND) != 0 ? inode.data.size() : request.offset;
    if (offset >= kFileBytesMax) {
        return -EFBIG;
    }
    const std::uint64_t fits = fit(inode, offset, std::min(length, kFileBytesMax - offset));
    if (length != 0 && fits == 0) {
        return -ENOSPC;
    }
    const bool direct = (file.flags & O_DIRECT) != 0;
    SimData::Via via = direct ? SimData::Via::direct : SimData::Via::cache;
    if (reach == Reach::doubtful) {
        via = random_.coin() ? SimData::Via::nowhere : via;
    } else if (reach == Reach::as_asked && ((request.flags & kRwfDsync) != 0 || (file.flags & O_DSYNC) != 0)) {
        via = SimData::Via::durable;
    }
    const ByteView bytes(static_cast<const std::byte*>(request.data), static_cast<std::size_t>(fits));
    if (reach == Reach::torn) {
        change_data(inode, [&](SimData& data) { data.write_torn(offset, bytes, random_); });
    } else {
        change_data(inode, [&](SimData& data) { data.write(offset, bytes, via); });
    }
    return static_cast<std::int32_t>(fits);
}

std::int32_t SimDisk::sync(SimFile& file) {
    if (file.inode->type == SimFileType::directory) {
        sync_directory(*file.inode);
    } else {
        file.inode->data.sync();
    }
    return 0;
}

void SimDisk::fail_sync(SimFile& file) {
    if (file.inode->type != SimFileType::directory) {
        file.inode->data.fail_sync(random_);
    }
}

std::int32_t SimDisk::allocate(SimFile& file, unsigned flags, std::uint64_t offset, std::uint64_t length) {
    if ((file.flags & O_ACCMODE) == O_RDONLY || file.inode->type != SimFileType::regular) {
        return -EBADF;
    }
    if ((flags & ~kFallocKeepSize) != 0) {
        return -EOPNOTSUPP;
    }
    if (length == 0) {
        return -EINVAL;
    }
    if (offset + length > kFileBytesMax) {
        return -EFBIG;
    }
    if (fit(*file.inode, offset, length) < length) {
        return -ENOSPC;
    }
    change_data(*file.inode, [&](SimData& data) { data.allocate(offset, length, (flags & kFallocKeepSize) == 0); });
    return 0;
}

std::int32_t SimDisk::resemble(SimFile& file, const OpRequest& wanted, PeerCredentials caller) {
    SimInode& inode = *file.inode;
    const auto gid = static_cast<std::uint32_t>(wanted.length);
    if (caller.uid == 0) {
        inode.uid = static_cast<std::uint32_t>(wanted.offset);
    }
    if (caller.uid == 0 || caller.gid == gid) {
        inode.gid = gid;
    }
    inode.mode = resembling_mode(wanted.mode, inode.gid == gid);
    return 0;
}

std::int32_t SimDisk::truncate(SimFile& file, std::uint64_t size) {
    if ((file.flags & O_ACCMODE) == O_RDONLY || file.inode->type != SimFileType::regular) {
        return -EINVAL;
    }
    if (size > kFileBytesMax) {
        return -EFBIG;
    }
    change_data(*file.inode, [&](SimData& data) { data.truncate(size); });
    return 0;
}

// ---- power loss ----

void SimDisk::settle(SimInode& inode, std::optional<unsigned> keep) {
    static constexpr unsigned kPercents[] = {0, 10, 50, 90, 100};
    inode.links = 1;
    if (inode.type == SimFileType::directory) {
        inode.entries = inode.durable_entries;
        for (const auto& [name, child] : inode.entries) {
            settle(*child, keep);
        }
    } else {
        inode.data.lose_power(random_, keep ? *keep : kPercents[random_.below(std::size(kPercents))]);
    }
    charge(inode);
}

void SimDisk::lose_power() {
    // Either one fate for the whole disk (an early or a late cut), or each file has its own.
    static constexpr unsigned kPercents[] = {0, 10, 50, 90, 100};
    const std::size_t fate = random_.below(std::size(kPercents) + 2);
    const std::optional<unsigned> keep = fate < std::size(kPercents) ? std::optional(kPercents[fate]) : std::nullopt;
    std::vector<bool> chosen(unsynced_names_.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        chosen[i] = random_.below(100) < keep.value_or(50);
    }
    make_durable(chosen);
    unsynced_names_.clear();
    ++boot_;
    used_pages_ = 0;
    used_inodes_ = 0;
    settle(*root_, keep);
}

}  // namespace sluice::io
